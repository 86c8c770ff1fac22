"""Commands that let people sign in, and end that."""

from api.context import Context, Result, agent_named, event, why
from domain.services import enrolment


def user_add(context: Context) -> Result:
    """`chauban user add`: the link is told once, and is good for one enrolment in two days."""
    agent = agent_named(context.archive, context.chosen.agent)
    login = context.chosen.login
    answer, secret = enrolment.invite(context.archive, context.request, agent, login)
    return {"agent": agent, "login": answer.result["login"], "link": f"/enrol/{secret}"}, 0


def user_close(context: Context) -> Result:
    """`chauban user close`."""
    agent = agent_named(context.archive, context.chosen.agent)
    return event(
        enrolment.close_account(context.archive, context.request, agent, reason=why(context))
    )

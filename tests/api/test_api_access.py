"""Role × agency × scope over every operation of the document; an operation that no line of the
table below speaks of fails the first test."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from api.v1 import openapi
from api.v1.auth import SCOPES
from domain import access
from domain.access import Action, Place, Resource
from domain.agents import Agent, AgentKind, Grant, Role
from domain.values import StreamId
from tests.api.caller import Program, calling, problem, token_of
from tests.cli.desk import SENTENCE_A
from tests.pages.site import PEOPLE, Site

_REASON = {"reason": "Thử quyền"}
TABLE: Mapping[str, tuple[Action | None, Mapping[str, Any] | None]] = {
    "list_dossiers": (Action.READ, None),
    "show_dossier": (Action.READ, None),
    "find_dossier": (Action.READ, None),
    "dossier_history": (Action.READ, None),
    "dossier_reads": (Action.SEE_READS, None),
    "dossier_evidence": (Action.READ, None),
    "show_batch": (Action.READ, None),
    "show_record": (Action.READ, None),
    "show_page": (Action.READ, None),
    "record_history": (Action.READ, None),
    "record_reads": (Action.SEE_READS, None),
    "record_evidence": (Action.READ, None),
    "get_file": (Action.READ, None),
    "search": (Action.READ, None),
    "work": (Action.SEE_WORK, None),
    "event_proof": (Action.READ, None),
    "event_envelope": (Action.READ, None),
    "log": (None, None),
    "log_checkpoint": (None, None),
    "log_consistency": (None, None),
    "list_agents": (Action.ADMINISTER, None),
    "list_agencies": (None, None),
    "list_procedures": (None, None),
    "me": (None, None),
    "status": (None, None),
    "open_dossier": (
        Action.OPEN_DOSSIER,
        {"agency": "H33.05", "title": "Thử quyền", "kind": "work-file"},
    ),
    "open_batch": (Action.RECEIVE_SCAN, {"files": 1}),
    "receive_file": (Action.RECEIVE_SCAN, None),
    "correct_dossier": (Action.CORRECT, {"field": "phone", "value": "0987654321", **_REASON}),
    "correct_record": (Action.CORRECT, {"field": "organ", "value": "Sở A", **_REASON}),
    "confirm_record": (Action.CONFIRM, {}),
    "arrange_pages": (Action.ARRANGE, {"order": [1, 2], "turned": [0, 0]}),
    "split_record": (Action.ARRANGE, {"pages": [9]}),
    "merge_records": (Action.ARRANGE, {"other": "{id}"}),
    "move_record": (Action.ARRANGE, {"dossier": "HS-A", **_REASON}),
    "withdraw_record": (Action.ARRANGE, _REASON),
    "close_dossier": (Action.CLOSE, {}),
    "isolate_record": (Action.ISOLATE, _REASON),
}
"""What each operation needs, and a body. What hides or closes something stands last."""
EVERYWHERE = {"list_dossiers", "search", "work", "list_agents"}
"""Answer everybody with what they may see, be it nothing."""
ASKED: Mapping[str, Mapping[str, str]] = {
    "search": {"q": "đất"},
    "log_consistency": {"old": "1"},
}
"""What an operation cannot go without."""
OPERATIONS = {
    operation["operationId"]: (method, path, operation["security"][0]["token"])
    for path, methods in openapi()["paths"].items()
    for method, operation in methods.items()
}
_H33, _A, _B = (StreamId(f"agency-{code}") for code in ("H33", "H33.05", "H33.06"))
_TREE = {_H33: Place(None), _A: Place(_H33), _B: Place(_H33)}


def test_every_operation_stands_in_the_table() -> None:
    assert OPERATIONS.keys() == TABLE.keys()


def may(login: str, action: Action) -> bool:
    _, role, agency = PEOPLE[login]
    grant = Grant(Role(role), StreamId(f"agency-{agency}"), date(2099, 12, 31))
    agent = Agent(StreamId("agent-x"), AgentKind.PERSON, "X", (grant,))
    resource = Resource(frozenset({_A}))
    return access.may(agent, action, resource, tree=_TREE, on=date(2026, 11, 1)).allowed


@pytest.fixture(scope="module")
def batch(clerk: Program) -> str:
    return clerk.batch("HS-A")


@pytest.fixture(scope="module")
def event(clerk: Program) -> str:
    """The one that opened HS-A."""
    return str(clerk.get("/dossiers/HS-A/history?limit=1").json()["events"][0]["id"])


def call(program: Program, name: str, record: str, batch: str, event: str) -> Any:
    method, path, _ = OPERATIONS[name]
    identity = batch if "/batches/" in path else record
    filled = path.removeprefix("/api/v1").format(
        ref="HS-A", code="HS-A", id=identity, n=1, kind="original", event=event
    )
    body = TABLE[name][1]
    if method == "get":
        return program.get(filled, params=ASKED.get(name, {}))
    if name == "receive_file":
        return program.send(batch, b"not a paper")
    given = {key: record if value == "{id}" else value for key, value in (body or {}).items()}
    return program.post(filled, given)


@pytest.mark.parametrize("name", list(TABLE))
def test_each_role_of_each_agency_gets_what_the_rules_allow(
    people: Mapping[str, Program], record_a: str, batch: str, event: str, name: str
) -> None:
    action = TABLE[name][0]
    allowed = [login for login in PEOPLE if action is None or may(login, action)]
    for login in (*(each for each in PEOPLE if each not in allowed), *allowed[:1]):
        answer = call(people[login], name, record_a, batch, event)
        if login in allowed:
            assert answer.status_code not in (401, 403, 404), (login, name, answer.text)
        elif name in EVERYWHERE:
            assert answer.status_code in (200, 403), (login, name, answer.text)
        else:
            assert answer.status_code in (403, 404), (login, name, answer.text)
        if login not in allowed and action in (Action.READ, Action.SEE_READS):
            told = (
                answer.text.replace(record_a, "") if "/records/" in answer.url.path else answer.text
            )
            for secret in ("Hồ sơ HS-A", "Ông HS-A", "0912345678", SENTENCE_A, record_a):
                assert secret not in told, name


@pytest.mark.parametrize("name", [name for name, (action, _) in TABLE.items() if action])
def test_a_token_without_the_scope_does_nothing(
    narrow: Mapping[str, Program], record_a: str, batch: str, event: str, name: str
) -> None:
    (needed,) = OPERATIONS[name][2]
    for scope, program in narrow.items():
        if scope != needed:
            answer = call(program, name, record_a, batch, event)
            assert problem(answer, 403) == "token-scope-missing"
            assert answer.json()["details"] == {"scope": needed}
            assert f'scope="{needed}"' in answer.headers["www-authenticate"]


@pytest.fixture(scope="module")
def people(site: Site, request: pytest.FixtureRequest) -> Mapping[str, Program]:
    return {login: _lasting(site, request, token_of(site, login)) for login in PEOPLE}


@pytest.fixture(scope="module")
def narrow(site: Site, request: pytest.FixtureRequest) -> Mapping[str, Program]:
    return {s: _lasting(site, request, token_of(site, "archivist", s)) for s in SCOPES}


def _lasting(site: Site, request: pytest.FixtureRequest, token: str) -> Program:
    context = calling(site, token)
    program = context.__enter__()
    request.addfinalizer(lambda: context.__exit__(None, None, None))
    return program

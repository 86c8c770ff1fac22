"""Who acts, under which command id, on what basis. On the command line all of it is a claim."""

from argparse import Namespace

from api.context import agent_named, given_as
from api.parser import KINDS
from domain.agents import Agent
from domain.errors import InvalidValueError, NotFoundError
from domain.services import Archive, Request
from domain.services.deciding import load
from domain.values import Basis, CommandId, StreamId

_LONGEST_COMMAND = 200


def request_of(chosen: Namespace, archive: Archive, default: StreamId | None) -> Request:
    """The request of a command line; `default` acts when nobody is named."""
    basis = Basis(getattr(chosen, "basis", "33/2024/QH15"), getattr(chosen, "reference", None))
    command = getattr(chosen, "command", None) or archive.identifiers.new()
    if len(command) > _LONGEST_COMMAND or not command.isprintable():
        raise InvalidValueError("invalid-command-id")
    return Request(_agent(chosen, archive, default), CommandId(command), basis)


def _agent(chosen: Namespace, archive: Archive, default: StreamId | None) -> Agent:
    kinds = KINDS if chosen.run == "get" else ()
    given = [word for word in given_as(chosen) if word not in kinds]
    if not given:
        if default is None:
            raise NotFoundError("no-agent-for-account")
        return load(archive, default).agent()
    return load(archive, agent_named(archive, given[-1])).agent()

"""What a command works with, and what commands have in common."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from domain.errors import InvalidValueError, NotFoundError
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import resolve
from domain.values import Kind, StreamId


@dataclass(frozen=True)
class Context:
    """What a command works with."""

    archive: Archive
    request: Request
    chosen: Namespace
    progress: Callable[[str, int, int], None]


Result = tuple[dict[str, Any], int]
"""The answer and the exit code."""


def ref(context: Context, text: str, *kinds: Kind) -> StreamId:
    """What a reference names, among some kinds or among all."""
    return resolve(context.archive, text, *(kinds or tuple(Kind)))


def agent_named(archive: Archive, text: str) -> StreamId:
    """The agent that an identity or a registered name means."""
    try:
        return resolve(archive, text, Kind.AGENT)
    except NotFoundError:
        named = archive.catalogue.agents_named(text)
        if len(named) > 1:
            raise NotFoundError("agent-ambiguous") from None
        if not named:
            raise NotFoundError("unknown-agent") from None
        return named[0]


def why(context: Context) -> str:
    """The reason, which this command cannot do without."""
    reason: str | None = getattr(context.chosen, "why", None)
    if not reason:
        raise InvalidValueError("reason-required")
    return reason


def event(answer: Answer) -> Result:
    """The answer of a command that recorded one thing."""
    return {"event": answer.events[-1]}, 0


def given_as(chosen: Namespace) -> list[str]:
    """Every word after `--as`, before the command and behind it."""
    return [*(getattr(chosen, "as_given", None) or ()), *(getattr(chosen, "as_here", None) or ())]

"""What happened to a dossier or a record, and who looked at it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Response

from api import shapes
from api.v1.auth import Caller
from api.v1.paging import read_position, write_position
from api.v1.references import At
from domain.agents import Agent
from domain.errors import ArchiveError
from domain.ports import Examined
from domain.reads import ReadKind
from domain.services import Archive, reading_record, retrieval, substitution
from domain.services.deciding import load
from domain.values import StreamId

_NDJSON = "application/x-ndjson"
LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {_NDJSON: {"schema": {"type": "string", "description": "An event a line."}}}}
}
Most = Annotated[int, Query(ge=1, le=1000)]


@dataclass(frozen=True)
class Asked:
    """Which part of a history a request asks for."""

    at: At = None
    cursor: Annotated[
        str | None, Query(max_length=200, description="The `next` of the page before.")
    ] = None
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Events of a page; lines of JSON come all at once.")
    ] = 200
    accept: Annotated[str, Header(include_in_schema=False)] = ""


Wanted = Annotated[Asked, Depends()]


def answer(caller: Caller, target: StreamId, asked: Asked) -> Any:
    """One page of the events of a stream and all that belongs to it, the oldest first; for who
    asks for lines of JSON, every event behind the cursor."""
    archive = caller.archive
    after, upto = read_position(asked.cursor), retrieval.when(archive, asked.at)
    if _NDJSON in asked.accept:
        whole = retrieval.history(archive, caller.reading, target, at=upto)
        caller.note(ReadKind.EXPORT, target, "history")
        shown = _shown(archive, [each for each in whole if each.position > after])
        lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in shown)
        return Response(lines, media_type=_NDJSON)
    events = _behind(caller, target, after, upto, asked.limit + 1)
    caller.note(ReadKind.VIEW, target, "history")
    page, more = events[: asked.limit], len(events) > asked.limit
    following = write_position(page[-1].position) if more else None
    return {"events": _shown(archive, page), "next": following}


def _behind(
    caller: Caller, target: StreamId, after: int, upto: int | None, count: int
) -> Sequence[Examined]:
    """The first `count` events behind a position, as many as there are up to another one.

    Events that nobody is shown do not make a page shorter, which would tell of them.
    """
    archive = caller.archive
    positions = [each for each in archive.history.of(target, upto=upto) if each > after]
    looked_at = count
    while True:
        last = positions[:looked_at][-1] if positions else 0
        events = retrieval.history(archive, caller.reading, target, at=last)
        found = [each for each in events if each.position > after]
        if len(found) >= count or looked_at >= len(positions):
            return found[:count]
        looked_at *= 2


def _shown(archive: Archive, events: Sequence[Examined]) -> list[dict[str, Any]]:
    readable = [each.recorded for each in events if each.recorded is not None]
    lent = substitution.acted_for(archive, readable)
    agents = {recorded.by.agent for recorded in readable} | set(lent.values())
    names = {agent: _name_of(archive, agent) for agent in agents}
    return [shapes.event(each, names, lent) for each in events]


def _name_of(archive: Archive, agent: StreamId) -> str | None:
    """Whom an identity means; None when that cannot be read."""
    try:
        return name_of(load(archive, agent).agent())
    except ArchiveError:
        return None


def name_of(agent: Agent) -> str | None:
    """The name of an agent, None for an erased one."""
    return agent.name if isinstance(agent.name, str) else None


def reads(caller: Caller, target: StreamId, limit: int) -> dict[str, Any]:
    """Who looked at something."""
    archive = caller.archive
    found = reading_record.reads_of(archive, caller.reading, target, limit=limit)
    names = {agent: _name_of(archive, agent) for agent in {each.by.agent for each in found}}
    return {
        "reads": [
            {**plain, "by": {**plain["by"], "name": names[each.by.agent]}}
            for each in found
            for plain in (shapes.plain(each),)
        ]
    }

"""What happened to a dossier or a record, and who looked at it."""

import json
from typing import Annotated, Any

from fastapi import Header, Query, Response

from api import shapes
from api.v1.auth import Caller
from domain.agents import Agent
from domain.errors import ArchiveError
from domain.reads import ReadKind
from domain.services import Archive, reading_record, retrieval, substitution
from domain.services.deciding import load
from domain.values import StreamId

_NDJSON = "application/x-ndjson"
LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {_NDJSON: {"schema": {"type": "string", "description": "An event a line."}}}}
}
Accept = Annotated[str, Header(include_in_schema=False)]
Most = Annotated[int, Query(ge=1, le=1000)]


def answer(caller: Caller, target: StreamId, at: str | None, accept: str) -> Any:
    """The events of a stream and all that belongs to it; lines of JSON for who asks for them."""
    archive = caller.archive
    upto = retrieval.when(archive, at)
    events = retrieval.history(archive, caller.reading, target, at=upto)
    caller.note(ReadKind.EXPORT if _NDJSON in accept else ReadKind.VIEW, target, "history")
    readable = [each.recorded for each in events if each.recorded is not None]
    lent = substitution.acted_for(archive, readable)
    agents = {recorded.by.agent for recorded in readable} | set(lent.values())
    names = {agent: _name_of(archive, agent) for agent in agents}
    shown = (shapes.event(each, names, lent) for each in events)
    if _NDJSON in accept:
        lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in shown)
        return Response(lines, media_type=_NDJSON)
    return {"events": list(shown)}


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

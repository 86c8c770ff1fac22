"""What stands in an address: a dossier by code or identity, a record or a batch by identity."""

from typing import Annotated, Any

from fastapi import Path, Query, Response

from domain.ports import Answer
from domain.services import Archive
from domain.services.deciding import resolve
from domain.values import Kind, StreamId

Ref = Annotated[
    str,
    Path(
        min_length=1,
        max_length=120,
        description="Its identity; for a dossier also its code, if that holds no `/` "
        "(`GET /dossier-codes/{code}` takes every one).",
    ),
]
At = Annotated[
    str | None,
    Query(
        max_length=40,
        description="As it stood: an instant, a day (its end at UTC+7), or a journal position.",
        examples=["2026-04-23"],
    ),
]


def dossier_of(archive: Archive, ref: str) -> StreamId:
    """The dossier that an address names; NotFoundError else."""
    return resolve(archive, ref, Kind.DOSSIER)


def record_of(archive: Archive, ref: str) -> StreamId:
    """The record that an address names; NotFoundError else."""
    return resolve(archive, ref, Kind.RECORD)


def batch_of(archive: Archive, ref: str) -> StreamId:
    """The batch that an address names; NotFoundError else."""
    return resolve(archive, ref, Kind.BATCH)


def agency_of(archive: Archive, ref: str) -> StreamId:
    """The agency that a code or an identity names; NotFoundError else."""
    return resolve(archive, ref, Kind.AGENCY)


def made(response: Response, address: str) -> None:
    """Says where what was made is found."""
    response.headers["Location"] = f"/api/v1/{address}"


def done(answer: Answer, response: Response, address: str) -> dict[str, Any]:
    """What a command that recorded one thing answers; `address` is what it changed."""
    made(response, address)
    return {"event": answer.events[-1], "position": answer.position}

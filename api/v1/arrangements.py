"""Pages in their order and records in their dossier: events over bytes that nobody touches."""

from typing import Any

from fastapi import Response

from api.v1.auth import Arranger
from api.v1.bodies import Arranging, Merging, Moving, Splitting, Withdrawal
from api.v1.references import Ref, done, dossier_of, made, record_of
from api.v1.routing import subject
from api.v1.shapes import Done, Split
from domain.services import arranging

router = subject("records")


@router.post("/records/{id}/arrangement", status_code=201, response_model=Done)
def arrange_pages(id: Ref, body: Arranging, doing: Arranger, response: Response) -> Any:
    """All pages in another order, each turned further clockwise."""
    target = record_of(doing.archive, id)
    answer = arranging.arrange(
        doing.archive, doing.request(body), target, order=body.order, turned=body.turned
    )
    return done(answer, response, f"records/{target}")


@router.post("/records/{id}/splits", status_code=201, response_model=Split)
def split_record(id: Ref, body: Splitting, doing: Arranger, response: Response) -> Any:
    """Some pages become a record of their own in the same dossier."""
    target = record_of(doing.archive, id)
    answer = arranging.split(doing.archive, doing.request(body), target, pages=body.pages)
    new = answer.result["record"]
    made(response, f"records/{new}")
    return {"record": new, "event": answer.events[0], "position": answer.position}


@router.post("/records/{id}/merges", status_code=201, response_model=Done)
def merge_records(id: Ref, body: Merging, doing: Arranger, response: Response) -> Any:
    """Another record's pages come behind these; the other one is a pointer from then on."""
    target = record_of(doing.archive, id)
    other = record_of(doing.archive, body.other)
    answer = arranging.merge(doing.archive, doing.request(body), target, other=other)
    return done(answer, response, f"records/{target}")


@router.post("/records/{id}/moves", status_code=201, response_model=Done)
def move_record(id: Ref, body: Moving, doing: Arranger, response: Response) -> Any:
    """The record belongs to another open dossier from now on."""
    target = record_of(doing.archive, id)
    there = dossier_of(doing.archive, body.dossier)
    answer = arranging.move(
        doing.archive, doing.request(body), target, dossier_id=there, reason=body.reason
    )
    return done(answer, response, f"records/{target}")


@router.post("/records/{id}/withdrawal", status_code=201, response_model=Done)
def withdraw_record(id: Ref, body: Withdrawal, doing: Arranger, response: Response) -> Any:
    """The record was scanned by mistake: out of lists and search, kept in the history."""
    target = record_of(doing.archive, id)
    answer = arranging.withdraw(doing.archive, doing.request(body), target, reason=body.reason)
    return done(answer, response, f"records/{target}")

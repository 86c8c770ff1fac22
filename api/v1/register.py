"""Who and what is here: agencies, procedures, agents, the archive, the caller."""

from typing import Any

from api import shapes as plain_shapes
from api.v1.auth import Administrator, Anyone
from api.v1.histories import name_of
from api.v1.routing import subject
from api.v1.shapes import Agencies, Agents, Me, Procedures, Status
from domain.services import administration

router = subject("register")


@router.get("/agencies", response_model=Agencies)
def list_agencies(caller: Anyone) -> Any:
    """Every agency by its newest code and name."""
    rows = caller.archive.catalogue.agencies()
    return {
        "agencies": [
            {
                "agency": row.code,
                "id": row.id,
                "name": row.name,
                "parent": plain_shapes.code_of(rows, row.parent) if row.parent else None,
            }
            for row in sorted(rows.values(), key=lambda row: row.code)
        ]
    }


@router.get("/procedures", response_model=Procedures)
def list_procedures(caller: Anyone) -> Any:
    """Every version of every procedure."""
    return {
        "procedures": [
            {
                "procedure": row.code,
                "id": row.id,
                "name": row.name,
                "version": row.version,
                "in_force_from": row.in_force_from.isoformat(),
            }
            for row in caller.archive.catalogue.procedures()
        ]
    }


@router.get("/agents", response_model=Agents)
def list_agents(caller: Administrator) -> Any:
    """The agents of the agencies that the caller administers, with their roles there."""
    agencies = caller.archive.catalogue.agencies()
    return {
        "agents": [
            {
                "agent": row.id,
                "kind": row.kind.value,
                "name": row.name,
                "grants": [
                    {
                        **plain_shapes.plain(grant),
                        "agency": plain_shapes.code_of(agencies, grant.agency),
                    }
                    for grant in row.grants
                ],
                "account": row.account.value if row.account else None,
            }
            for row in administration.people(caller.archive, caller.reading)
        ]
    }


@router.get("/me", response_model=Me)
def me(caller: Anyone) -> Any:
    """Whose token this is and what it may do."""
    agencies = caller.archive.catalogue.agencies()
    return {
        "agent": caller.agent.id,
        "name": name_of(caller.agent),
        "role": caller.grant.role.value,
        "agency": plain_shapes.code_of(agencies, caller.grant.agency),
        "scopes": sorted(caller.token.scopes),
        "token": caller.token.name,
        "until": caller.token.until.isoformat(),
    }


@router.get("/status", response_model=Status)
def status(caller: Anyone) -> Any:
    """How far the archive is, and what signs for it."""
    return {
        "archive": caller.archive.id,
        "position": caller.archive.journal.position(),
        "indexed": caller.archive.index.position(),
        "software": caller.serving.software,
        "certificate": caller.serving.certificate,
    }

"""The tables of the catalogue about agencies, agents with their roles, and procedures."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import assert_never

from sqlalchemy import Boolean, Column, Connection, Date, Integer, MetaData, String, Table, select

from domain import agency
from domain.agency import Agency, AgencyEvent
from domain.agents import (
    AccountClosed,
    AccountOpened,
    AccountState,
    AgentEvent,
    AgentKind,
    AgentRegistered,
    Grant,
    Role,
    RoleGranted,
    RoleRevoked,
    RoleRevokedFor,
    SubstitutionAppointed,
    SubstitutionEnded,
)
from domain.events import Event, Recorded
from domain.procedure import ProcedureEvent
from domain.text import nfc
from domain.values import Kind, StreamId
from domain.views import AgencyRow, AgentRow
from infrastructure.journal import codec
from infrastructure.views.rows import Rows, Sets, of_kind, personal, plain

OWN = ""
"""In place of an absent officer: the agent holds the role itself."""


class RegisterTables:
    """One generation of these tables."""

    def __init__(self, prefix: str, metadata: MetaData) -> None:
        self.agencies = Table(
            f"{prefix}agencies",
            metadata,
            Column("id", String, primary_key=True),
            Column("events", String, nullable=False),  # JSON: [[stored name, fields], …].
        )
        self.agents = Table(
            f"{prefix}agents",
            metadata,
            Column("id", String, primary_key=True),
            personal("name", index=True),
            Column("kind", String),
            Column("account", String),
        )
        self.grants = Table(
            f"{prefix}grants",
            metadata,
            Column("agent", String, primary_key=True),
            Column("role", String, primary_key=True),
            Column("agency", String, primary_key=True, index=True),
            Column("absent", String, primary_key=True, index=True),
            Column("since", Date),
            Column("until", Date),
            Column("revoked", Boolean, nullable=False),
            sqlite_with_rowid=False,
        )
        self.procedures = Table(
            f"{prefix}procedures",
            metadata,
            Column("id", String, primary_key=True),
            Column("version", Integer, primary_key=True),
            Column("code", String, nullable=False),
            Column("name", String, nullable=False),
            Column("in_force_from", Date, nullable=False),
            sqlite_with_rowid=False,
        )


class RegisterBatch:
    """The rows that some events touch."""

    def __init__(
        self, tables: RegisterTables, connection: Connection, events: Sequence[Recorded[Event]]
    ) -> None:
        streams = {recorded.stream for recorded in events}
        agents, procedures = of_kind(Kind.AGENT, streams), of_kind(Kind.PROCEDURE, streams)
        no_agent = {"name": None, "kind": None, "account": None}
        agencies = of_kind(Kind.AGENCY, streams)
        self._agencies = Rows(connection, tables.agencies, agencies, {"events": "[]"})
        self._agents = Rows(connection, tables.agents, agents, no_agent)
        self._grants = Sets(connection, tables.grants, tables.grants.c.agent, agents)
        self._procedures = Sets(connection, tables.procedures, tables.procedures.c.id, procedures)

    def write(self) -> None:
        """Writes what was changed."""
        for rows in (self._agencies, self._agents, self._grants, self._procedures):
            rows.write()

    def apply(self, stream: str, event: AgencyEvent | AgentEvent | ProcedureEvent) -> None:
        """What the event does to the rows."""
        if isinstance(event, AgencyEvent):
            self._tell(stream, event)
        elif isinstance(event, ProcedureEvent):
            names = ("version", "code", "name", "in_force_from")
            self._procedures.put({"id": stream} | {name: getattr(event, name) for name in names})
        else:
            self._agent(stream, event)

    def _tell(self, stream: str, event: AgencyEvent) -> None:
        """What an agency is depends on the day that is asked about, so its facts are kept."""
        row = self._agencies.get(stream)
        name, clear, _ = codec.encode(event)
        told = [*json.loads(row["events"] if row else "[]"), [name, clear]]
        self._agencies.change(stream, events=json.dumps(told, ensure_ascii=False))

    def _agent(self, stream: str, event: AgentEvent) -> None:
        match event:
            case AgentRegistered():
                name = plain(event.name)
                self._agents.change(
                    stream, name=None if name is None else nfc(name), kind=event.kind.value
                )
            case AccountOpened():
                self._agents.change(stream, account=AccountState.OPEN.value)
            case AccountClosed():
                self._agents.change(stream, account=AccountState.CLOSED.value)
            case RoleGranted():
                self._grant(stream, event, OWN)
            case SubstitutionAppointed():
                self._grant(stream, event, event.absent)
            case RoleRevoked() | RoleRevokedFor():
                self._revoke(stream, event, OWN)
            case SubstitutionEnded():
                self._revoke(stream, event, event.absent)
            case _:
                assert_never(event)

    def _grant(self, agent: str, event: RoleGranted | SubstitutionAppointed, absent: str) -> None:
        self._grants.put(
            {
                "agent": agent,
                "role": event.role.value,
                "agency": event.agency,
                "absent": absent,
                "since": event.since,
                "until": event.until,
                "revoked": False,
            }
        )

    def _revoke(
        self, agent: str, event: RoleRevoked | RoleRevokedFor | SubstitutionEnded, absent: str
    ) -> None:
        """The row stays: who once held a role in an agency still stands in its administrator's
        list and can be granted another."""
        wanted = (event.role.value, event.agency, absent)
        for row in self._grants.of(agent):
            if (row["role"], row["agency"], row["absent"]) == wanted:
                self._grants.put({**row, "revoked": True})


# ---------------------------------------------------------------- answering


def agency_row(stream: StreamId, events: str) -> AgencyRow:
    """An agency from its kept facts."""
    history = _agency(stream, events)
    return AgencyRow(stream, history.code, history.name, history.parent, history)


@lru_cache(maxsize=8192)
def _agency(stream: StreamId, events: str) -> Agency:
    """Agencies are asked for with each request and change seldom."""
    state: Agency | None = None
    for name, clear in json.loads(events):
        event = codec.decode(name, clear, {})
        assert isinstance(event, AgencyEvent)
        state = agency.evolve(state, stream, event)
    assert state is not None
    return state


def agent_rows(
    connection: Connection, tables: RegisterTables, agencies: frozenset[StreamId]
) -> Sequence[AgentRow]:
    """See `Catalogue.agents`."""
    grants, agents = tables.grants.c, tables.agents.c
    held: dict[str, list[Grant]] = {}
    order = (grants.agent, grants.agency, grants.role, grants.absent)
    inside = grants.agency.in_(sorted(agencies))
    for row in connection.execute(tables.grants.select().where(inside).order_by(*order)):
        of_agent = held.setdefault(row.agent, [])
        if not row.revoked:
            lent_by = StreamId(row.absent) if row.absent != OWN else None
            of_agent.append(Grant(Role(row.role), row.agency, row.until, row.since, lent_by))
    known = select(grants.agent).where(inside)
    found = tables.agents.select().where(agents.id.in_(known)).order_by(agents.name, agents.id)
    return [
        AgentRow(
            StreamId(row.id),
            AgentKind(row.kind),
            row.name,
            tuple(held[row.id]),
            AccountState(row.account) if row.account else None,
        )
        for row in connection.execute(found)
    ]

"""Every address of the pages: what it needs, what it is about, a form, and who is shown it.

The table is reviewed by people; an address of the server that it does not name fails the matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from domain.access import Action


class Door(Enum):
    """What is open without a right."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed-in"


@dataclass(frozen=True)
class Things:
    """The examples of one agency."""

    agency: str
    dossier: str
    record: str
    person: str
    batch: str
    event: str
    """The position of the one that opened the dossier."""
    procedure: str
    """One for the whole archive, as every procedure."""


@dataclass(frozen=True)
class Way:
    """An address."""

    needs: Door | tuple[Action, ...]
    """All of these; somewhere, where the address is about nothing."""
    about: str = ""
    """The field of Things that access depends on; it fills the first gap of the path."""
    form: Mapping[str, str] | None = None
    """A form that changes little or is refused. None where even an empty form would do much: who
    may, is not asked to."""
    query: str = ""
    """For who looks at it."""
    shown_to: str = ""
    """The login for which the page is looked at; empty for what is no page for people."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """What fills the other gaps of the path."""
    everywhere: bool = False
    """Its answer speaks of every agency, so it is for who may in all of them."""


_A = Action
_SCAN = (_A.READ, _A.RECEIVE_SCAN)
_PAGE = {"n": "1"}
_EMPTY: Mapping[str, str] = {}
_NEW = {"title": "Hồ sơ mới", "kind": "work-file", "receiving": "{agency}"}

TABLE: Mapping[str, Way] = {
    # ------------------------------------------------------------ the door
    "GET /": Way(Door.SIGNED_IN),
    "GET /sign-in": Way(Door.ANYBODY, shown_to="nobody", query="?next=/search"),
    "POST /sign-in": Way(Door.ANYBODY),
    "POST /sign-out": Way(Door.SIGNED_IN),
    "GET /enrol/{secret}": Way(Door.ANYBODY),
    "POST /enrol/{secret}": Way(Door.ANYBODY),
    "GET /role": Way(Door.SIGNED_IN, shown_to="clerk"),
    "POST /role": Way(Door.SIGNED_IN),
    "GET /language": Way(Door.ANYBODY),
    "GET /account": Way(Door.SIGNED_IN, shown_to="clerk"),
    "POST /account/end": Way(Door.SIGNED_IN),
    "GET /help": Way(Door.ANYBODY, shown_to="handler"),
    "GET /assets/{name}": Way(Door.ANYBODY),
    "GET /favicon.ico": Way(Door.ANYBODY),
    "GET /livez": Way(Door.ANYBODY),
    "GET /readyz": Way(Door.ANYBODY),
    # ------------------------------------------------------------ search and records
    "GET /search": Way((_A.READ,), query="?q=đất", shown_to="archivist"),
    "POST /search/signed": Way((_A.READ, _A.ATTEST_SEARCH), form={"query": "q=%22"}),
    "GET /search/signed/{search}": Way((_A.READ, _A.ATTEST_SEARCH), gaps={"search": "none"}),
    "POST /search/save": Way(Door.SIGNED_IN, form={"query": "q=dat"}),
    "POST /search/drop": Way(Door.SIGNED_IN, form={"id": "none"}),
    "GET /records/{record}": Way((_A.READ,), "record", query="?q=đất", shown_to="archivist"),
    "GET /records/{record}/pages/{n}/picture": Way((_A.READ,), "record", gaps=_PAGE),
    "GET /records/{record}/pages/{n}/thumbnail": Way((_A.READ,), "record", gaps=_PAGE),
    "GET /records/{record}/files/{kind}": Way((_A.READ,), "record", gaps={"kind": "original"}),
    "GET /records/{record}/evidence.zip": Way((_A.READ,), "record"),
    "GET /records/{record}/describe": Way((_A.CORRECT,), "record", shown_to="archivist"),
    "POST /records/{record}/describe": Way((_A.CORRECT,), "record", form={"version": "0"}),
    "GET /describe/next": Way((_A.CORRECT,)),
    # ------------------------------------------------------------ dossiers
    "GET /dossiers": Way((_A.READ,), shown_to="archivist"),
    "GET /dossiers/find": Way((_A.READ,), query="?code=HS-A"),
    "GET /dossiers/new": Way((_A.OPEN_DOSSIER,), shown_to="archivist"),
    "POST /dossiers": Way((_A.OPEN_DOSSIER,), "agency", form=_NEW),
    "GET /dossiers/{dossier}": Way((_A.READ,), "dossier", shown_to="archivist"),
    "GET /dossiers/{dossier}/evidence.zip": Way((_A.READ,), "dossier"),
    "GET /dossiers/{dossier}/list": Way((_A.READ,), "dossier", shown_to="handler"),
    "POST /dossiers/{dossier}/papers": Way(_SCAN, "dossier", form={"location": "Kho 1"}),
    "POST /dossiers/{dossier}/hold": Way((_A.HOLD,), "dossier", form={"reason": "Thử"}),
    "POST /dossiers/{dossier}/lift": Way((_A.HOLD,), "dossier", form={"reason": "Thử"}),
    "GET /dossiers/{dossier}/close": Way((_A.CLOSE,), "dossier", shown_to="leader"),
    "POST /dossiers/{dossier}/close": Way((_A.CLOSE,), "dossier"),
    "GET /dossiers/{dossier}/correct": Way((_A.CORRECT,), "dossier", shown_to="handler"),
    "POST /dossiers/{dossier}/correct": Way((_A.CORRECT,), "dossier", form={"version": "0"}),
    # ------------------------------------------------------------ the tray
    "GET /tray": Way((_A.READ,), shown_to="archivist"),
    # A tray is one's own desk; what is done with each record in it is decided for each.
    "POST /tray/add": Way(Door.SIGNED_IN, form=_EMPTY),
    "GET /tray/found": Way((_A.READ,), query="?q=đất", shown_to="archivist"),
    "POST /tray/add-found": Way(Door.SIGNED_IN, form={"query": "q=xyzzy"}),
    "POST /tray/remove": Way(Door.SIGNED_IN, form=_EMPTY),
    "POST /tray/describe": Way((_A.READ,), form=_EMPTY),
    "POST /tray/move": Way((_A.READ,), form=_EMPTY),
    "GET /tray/outcome": Way((_A.READ,), shown_to="archivist"),
    "GET /tray/export.csv": Way((_A.READ,)),
    "GET /tray/print": Way((_A.READ,), shown_to="archivist"),
    # ------------------------------------------------------------ the station
    "GET /station": Way((_A.RECEIVE_SCAN,), shown_to="clerk"),
    "GET /station/find": Way((_A.RECEIVE_SCAN,), query="?dossier=HS-A"),
    "POST /station/dossiers": Way((_A.OPEN_DOSSIER,), form=_EMPTY),
    "GET /station/receipts/{record}": Way((_A.READ,), "record", shown_to="clerk"),
    "GET /station/{dossier}": Way(_SCAN, "dossier", shown_to="clerk"),
    "GET /station/{dossier}/state": Way(_SCAN, "dossier"),
    "GET /station/{dossier}/events": Way(_SCAN, "dossier"),
    "POST /station/{dossier}/batches": Way(_SCAN, "dossier", form={"files": "0"}),
    "POST /station/{dossier}/files": Way(_SCAN, "dossier", form={"secrecy": "none"}),
    "PUT /station/batches/{batch}/files/{upload}": Way(_SCAN, "batch", gaps={"upload": "x"}),
    # ------------------------------------------------------------ comparing with the paper
    "GET /confirm": Way((_A.CONFIRM,), shown_to="clerk"),
    "GET /confirm/{record}/state": Way((_A.CONFIRM,), "record"),
    "GET /confirm/{reference:path}": Way((_A.CONFIRM,), "record", shown_to="clerk"),
    "POST /confirm/{record}/{deed}": Way(
        (_A.ARRANGE,), "record", form={"do": "none"}, gaps={"deed": "arrange"}
    ),
    # ------------------------------------------------------------ what is to be done
    "GET /work": Way((_A.SEE_WORK,), shown_to="records"),
    "GET /work/state": Way((_A.SEE_WORK,)),
    "POST /work/retry": Way((_A.RECEIVE_SCAN,), "record"),
    # ------------------------------------------------------------ the auditor
    "GET /audit": Way((_A.AUDIT,), shown_to="auditor"),
    "GET /audit/history/{ref}": Way((_A.READ,), "dossier", shown_to="auditor"),
    "GET /audit/history/{ref}/export": Way((_A.READ,), "dossier"),
    "GET /audit/reads/{ref}": Way((_A.READ, _A.SEE_READS), "dossier", shown_to="auditor"),
    "GET /audit/state/{ref}": Way((_A.READ,), "dossier", shown_to="auditor"),
    "GET /audit/compare/{ref}": Way((_A.READ,), "dossier", shown_to="auditor"),
    "GET /audit/events": Way((_A.AUDIT,), query="?day=2020-01-01", shown_to="auditor"),
    "GET /audit/log": Way((_A.VERIFY,), shown_to="auditor"),
    "GET /audit/log/checkpoint": Way((_A.VERIFY,)),
    "GET /audit/log/vkey": Way((_A.VERIFY,)),
    "GET /audit/log/consistency": Way((_A.VERIFY,), query="?old=1"),
    "GET /audit/log/attested/{position}/{name}": Way(
        (_A.VERIFY,), gaps={"position": "1", "name": "checkpoint"}
    ),
    "POST /audit/log/kept": Way((_A.VERIFY,), form=_EMPTY),
    "GET /audit/log/kept": Way((_A.VERIFY,)),
    "GET /audit/events/{event}/proof": Way((_A.READ,), "event"),
    "GET /audit/events/{event}/envelope": Way((_A.READ,), "event"),
    "GET /audit/verify": Way((_A.VERIFY,), everywhere=True, shown_to="admin"),
    "POST /audit/verify": Way((_A.VERIFY,), form=_EMPTY, everywhere=True),
    "POST /audit/verify/{ref}": Way((_A.READ, _A.VERIFY), "dossier", form=_EMPTY),
    "GET /audit/checks/{id}": Way((_A.VERIFY,)),
    "GET /audit/checks/{id}/state": Way((_A.VERIFY,)),
    "GET /audit/checks/{id}/events": Way((_A.VERIFY,)),
    # ------------------------------------------------------------ the administrator
    "GET /admin": Way((_A.ADMINISTER,), shown_to="admin"),
    "GET /admin/procedures": Way((_A.ADMINISTER,), shown_to="admin"),
    "GET /admin/procedures/new": Way((_A.ADMINISTER,), shown_to="admin"),
    "POST /admin/procedures/new": Way((_A.ADMINISTER,), form=_EMPTY),
    "GET /admin/procedures/{target}": Way(
        (_A.ADMINISTER,), gaps={"target": "{procedure}"}, shown_to="admin"
    ),
    "GET /admin/agencies": Way((_A.ADMINISTER,), shown_to="admin"),
    "GET /admin/agencies/new": Way((_A.ADMINISTER,), shown_to="admin"),
    "POST /admin/agencies/new": Way((_A.ADMINISTER,), form={"parent": "{agency}"}),
    "GET /admin/agencies/{target}": Way((_A.ADMINISTER,), "agency", shown_to="admin"),
    "POST /admin/agencies/{target}/succeed": Way((_A.ADMINISTER,), "agency", form=_EMPTY),
    "POST /admin/agencies/{target}/{change}": Way(
        (_A.ADMINISTER,), "agency", form=_EMPTY, gaps={"change": "rename"}
    ),
    "GET /admin/people": Way((_A.ADMINISTER,), shown_to="admin"),
    "GET /admin/people/new": Way((_A.ADMINISTER,), shown_to="admin"),
    "POST /admin/people/new": Way((_A.ADMINISTER,), form=_EMPTY),
    "GET /admin/people/{target}": Way((_A.ADMINISTER,), "person", shown_to="admin"),
    "POST /admin/people/{target}/invite": Way((_A.ADMINISTER,), "person", form=_EMPTY),
    "POST /admin/people/{target}/token": Way((_A.ADMINISTER,), "person", form=_EMPTY),
    "POST /admin/people/{target}/{change}": Way(
        (_A.ADMINISTER,), "person", form=_EMPTY, gaps={"change": "grant"}
    ),
}
"""Method and path → what is so. GET pages with `shown_to` are looked at by the sweep."""


def filled(route: str, things: Things) -> str:
    """The address of a route for these examples, without its query."""
    way = TABLE[route]
    path = route.split(" ", 1)[1].replace(":path}", "}")
    given = {name: value.format(**vars(things)) for name, value in way.gaps.items()}
    first = path[path.find("{") + 1 : path.find("}")]
    if way.about and first:
        given[first] = getattr(things, way.about)
    return path.format(**given)


PAGES = tuple(route for route, way in TABLE.items() if way.shown_to)
"""What people look at."""

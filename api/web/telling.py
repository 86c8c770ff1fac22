"""What a value of the archive is called on a page and in a table: the visitor's words for it."""

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

from api.web.render import day, moment, number, shown
from api.web.visit import Visit
from domain.agents import Role
from domain.dossier import DossierKind
from domain.keyring import KeyGround, LogEndGround
from domain.record import Carrier, IsolationGround
from domain.services.comparing import Code, Unknown, Value
from domain.values import Digest, Erased, Kind, StreamId

_WORDS: Mapping[type[StrEnum], str] = {
    DossierKind: "dossier-kind",
    Carrier: "carrier",
    IsolationGround: "ground",
    KeyGround: "key-ground",
    LogEndGround: "log-end-ground",
    Role: "role",
}
"""The vocabularies of codes."""
_DAYS = frozenset({"issued_on"})
"""Days that are kept as texts."""
Names = Mapping[StreamId, str | None]


def told(visit: Visit, names: Names, name: str, value: Value) -> str:
    """A value in words; `names` are those of agents."""
    speech = visit.speech
    match value:
        case Erased():
            return speech.text("page-audit-erased")
        case Unknown():
            return speech.text("page-audit-unknown")
        case None:
            return speech.text("page-audit-nothing")
        case bool():
            return speech.text("page-audit-yes" if value else "page-audit-no")
        case Code(text):
            return speech.named("warning", text) if name == "warnings" else speech.text(text)
        case StrEnum():
            prefix = _WORDS.get(type(value))
            return speech.named(prefix, value.value) if prefix else value.value
        case int():
            return number(value)
        case date():
            return day(value)
        case Digest():
            return value.text
        case _:
            return _text(visit, names, name, value)


def _text(visit: Visit, names: Names, name: str, value: str) -> str:
    if name == "lock":
        return visit.speech.named("lock", value)
    if name in _DAYS:
        return day(value)
    if name == "tokens":
        authority, _, at = value.partition(" ")
        return f"{shown(authority)} {moment(at)}"
    if name == "since":
        return moment(value)
    if value.startswith(f"{Kind.AGENCY}-"):
        row = visit.agencies.get(StreamId(value))
        return f"{shown(row.name)} ({row.code})" if row else value
    if value.startswith(f"{Kind.AGENT}-"):
        return shown(names.get(StreamId(value)) or value)
    return shown(value)


def words(before: str, after: str) -> tuple[Sequence[tuple[str, bool]], Sequence[tuple[str, bool]]]:
    """Both texts in pieces, each with whether it stands on its side alone."""
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    was: list[tuple[str, bool]] = []
    now: list[tuple[str, bool]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if a != b:
            was.append(("".join(old[a:b]), kind != "equal"))
        if c != d:
            now.append(("".join(new[c:d]), kind != "equal"))
    return was, now

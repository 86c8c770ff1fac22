"""Pieces of answers: a field with its name, a day, a moment."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from api.console import Console
from domain.ports import Messages
from domain.services.deciding import VIETNAM

Json = Mapping[str, Any]
DAYS = frozenset({"issued_on", "opened_on", "closed_on"})


def fields(to: Console, result: Json, names: Sequence[str], indent: str = "  ") -> None:
    """The named fields that have a value, one a line."""
    for name in names:
        if result.get(name) not in (None, "", []):
            value = result[name]
            shown = day(to, value) if name in DAYS else value
            to.line(f"{indent}{to.named('name', name)}: {shown}")


def day(to: Console, text: str | None) -> str:
    """A day as people of this language write it; anything else as it is."""
    try:
        return date.fromisoformat(text or "").strftime(to.text("date-format"))
    except ValueError:
        return text or to.text("date-empty")


def outside(to: Messages, code: str, details: Mapping[str, str | int]) -> str:
    """A trouble with those who vouch for the log; of an alarm also since when it lasts."""
    said = to.text(code, **details)
    if "since" not in details:
        return said
    return f"{said} {to.text('witness-alarm-since', at=moment(to, str(details['since'])))}"


def moment(to: Messages, text: str) -> str:
    """An instant at UTC+7."""
    at = datetime.fromisoformat(text)
    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(VIETNAM)
    return f"{local.strftime(to.text('date-format'))} {local:%H:%M:%S}"

"""Several forms on one page: what was sent stays typed, what is wrong stands beside its field.

A form has a name, and its fields have ids of their own: `rename-since`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from api.web.forms import Form
from api.web.troubles import status_of
from api.web.visit import Visit
from domain.errors import InvalidValueError, NotPermittedError, RuleError
from domain.services import overview
from domain.services.replaying import day_of

Choice = TypeVar("Choice", bound=StrEnum)
_TOLD: Mapping[str, str] = {
    "account-not-open": "page-admin-wrong-account",
    "invalid-date": "page-admin-wrong-day",
    "invalid-retention": "page-admin-wrong-retention",
    "invalid-scope": "page-admin-wrong-scope",
    "invalid-text": "page-admin-wrong-reason",
    "invalid-time-limit": "page-admin-wrong-limit",
    "mandate-without-end": "page-admin-wrong-mandate",
    "reason-required": "page-admin-wrong-reason",
}
"""Errors whose own message speaks of the command line."""


@dataclass(frozen=True)
class Sent:
    """The form of a page that was sent and refused; empty for a page that is opened."""

    name: str = ""
    form: Form | None = None
    field: str = ""
    told: str = ""
    """What is wrong, in words."""
    status: int = 200

    def text(self, name: str, field: str, otherwise: str = "") -> str:
        """What stands in a field of the form of that name."""
        return self.form.text(field) if self.form and self.name == name else otherwise

    def every(self, name: str, field: str) -> Sequence[str]:
        """What is chosen in a field that takes several."""
        return self.form.every(field) if self.form and self.name == name else ()

    def error(self, name: str, field: str) -> str:
        """What is wrong with a field."""
        return self.told if (name, field) == (self.name, self.field) else ""

    @property
    def errors(self) -> Sequence[tuple[str, str]]:
        """For the summary at the top of the page."""
        return [(f"{self.name}-{self.field}", self.told)] if self.told else []


def attempt(
    visit: Visit, name: str, form: Form, fields: Mapping[str, str], do: Callable[[], object]
) -> Sent | None:
    """Does what a form asks for; None when it is done, else the form to be shown again.

    `fields` says at which field an error of a code stands; `""` is for all others. What the
    visitor cannot correct is raised on.
    """
    try:
        do()
    except NotPermittedError:
        raise
    except (InvalidValueError, RuleError) as exc:
        field = str(exc.details.get("field") or fields.get(exc.code) or fields[""])
        told = visit.speech.trouble(_TOLD.get(exc.code, exc.code), exc.details)
        return Sent(name, form, field, told, status_of(exc))
    overview.follow(visit.archive)
    return None


def day(form: Form, name: str) -> date | None:
    """A day as people write it, None for an empty field."""
    try:
        return day_of(form.text(name))
    except InvalidValueError as exc:
        raise InvalidValueError("invalid-date", field=name) from exc


def needed_day(form: Form, name: str) -> date:
    """A day that must be there."""
    found = day(form, name)
    if found is None:
        raise InvalidValueError("invalid-date", field=name)
    return found


def choice(kind: type[Choice], form: Form, name: str) -> Choice:
    """One of a vocabulary."""
    try:
        return kind(form.text(name))
    except ValueError as exc:
        raise InvalidValueError("invalid-choice", field=name) from exc

"""What the server works with, put together once by the entry point."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from fastapi import Request

from api.speech import Speech
from api.web.assets import Assets
from api.web.limits import Limiter
from api.web.verifications import Verifications
from domain.agents import Role
from domain.services import Archive


@dataclass(frozen=True)
class Checked:
    """One line of what `doctor` finds."""

    name: str
    ok: bool
    code: str
    details: Mapping[str, str | int]


@dataclass(frozen=True)
class Serving:
    """One open archive and how it is shown."""

    archive: Archive
    vietnamese: Speech
    english: Speech
    origin: str
    """Scheme, host and port by which browsers know the server."""
    second_factor: frozenset[Role]
    """Roles that sign in with a code of their own device besides the password."""
    checks: Callable[[], Sequence[Checked]]
    worker_alive: Callable[[], bool]
    """True while somebody reads what was received."""
    warm: Callable[[], None]
    """Returns at once; who calls it expects files soon."""
    assets: Assets
    limiter: Limiter
    verifications: Verifications
    certificate: str
    """SHA-256 of the system certificate."""
    validity: tuple[datetime, datetime]
    """From when to when the certificate is valid (UTC)."""
    software: str

    @property
    def secure(self) -> bool:
        """True when browsers speak TLS to the server; else it is reached on loopback alone."""
        return urlsplit(self.origin).scheme == "https"

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Host-chauban" if self.secure else "chauban"

    def speech(self, *, english: bool) -> Speech:
        """The words of one language."""
        return self.english if english else self.vietnamese


def serving_of(request: Request) -> Serving:
    """What the server of this request works with."""
    return cast(Serving, cast(Any, request.app).state.serving)

"""What a form sent, once it is sure that one of our own pages sent it.

A changing request must come from our own origin, as the browser says (Sec-Fetch-Site, else
Origin), and carry the token of its session: old browsers say neither.
"""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from api.web.tokens import is_masked
from api.web.visit import session_of
from domain.errors import InvalidValueError
from domain.text import nfc

_FIELDS = 2_000
_FIELD_BYTES = 1 << 20
_OWN = frozenset({"same-origin", "none"})


class Form:
    """Fields by name, in NFC."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """A field without blanks around it; empty when it was not sent."""
        value = self._data.get(name, "")
        return nfc(value).strip() if isinstance(value, str) else ""

    def optional(self, name: str) -> str | None:
        """A field, None when it is empty."""
        return self.text(name) or None

    def whole(self, name: str) -> int | None:
        """A whole number; None for an empty field, InvalidValueError for anything else."""
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise InvalidValueError("invalid-number")
        return int(text)

    def every(self, name: str) -> Sequence[str]:
        """All fields of one name."""
        return [nfc(v).strip() for v in self._data.getlist(name) if isinstance(v, str)]

    def files(self, name: str) -> Sequence[UploadFile]:
        """The files that were chosen."""
        return [v for v in self._data.getlist(name) if isinstance(v, UploadFile) and v.filename]

    @property
    def command(self) -> str | None:
        """The id that the page gave this form: the second click gets the first answer."""
        return self.optional("command")


def check_origin(request: Request) -> None:
    """Answers 403 to a request that no page of ours sent."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        own = site in _OWN
    else:
        origin = request.headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        raise HTTPException(403)


def check_token(request: Request, given: str) -> None:
    """Answers 403 to a request without the token of its session."""
    found = session_of(request)
    if found is None or not is_masked(given, found[1].form_token):
        raise HTTPException(403)


async def unguarded(request: Request) -> Form:
    """A form of somebody who is not signed in yet; its origin alone is checked."""
    check_origin(request)
    return Form(
        await request.form(max_fields=_FIELDS, max_files=_FIELDS, max_part_size=_FIELD_BYTES)
    )


async def posted(request: Request) -> Form:
    """A form of the visit's own pages. Whose session ended is sent to sign in, not away."""
    form = await unguarded(request)
    if session_of(request) is not None:
        check_token(request, form.text("csrf") or request.headers.get("x-csrf", ""))
    return form


Posted = Annotated[Form, Depends(posted)]
Unguarded = Annotated[Form, Depends(unguarded)]

"""Cursors: where the next page of a list begins, as text that means nothing to who carries it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date

from domain.errors import InvalidValueError
from domain.ports import Cursor
from domain.values import StreamId


def write_cursor(cursor: Cursor) -> str:
    """A cursor as a program keeps it."""
    day, stream = cursor
    return urlsafe_b64encode(f"{day.isoformat()} {stream}".encode()).decode()


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor that `write_cursor` wrote; InvalidValueError("invalid-cursor") for another."""
    if text is None:
        return None
    try:
        day, stream = urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(" ")
        return date.fromisoformat(day), StreamId(stream)
    except ValueError as exc:
        raise InvalidValueError("invalid-cursor") from exc

"""Cursors: where the next page of a list begins, as text that means nothing to who carries it."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date

from domain.errors import InvalidValueError
from domain.values import StreamId
from domain.views import Cursor

_POSITION = re.compile(r"history ([0-9]{1,15})")


def write_cursor(cursor: Cursor) -> str:
    """A cursor as a program keeps it."""
    day, stream = cursor
    return _closed(f"{day.isoformat()} {stream}")


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor that `write_cursor` wrote; InvalidValueError("invalid-cursor") for another."""
    if text is None:
        return None
    try:
        day, stream = _opened(text).split(" ")
        return date.fromisoformat(day), StreamId(stream)
    except ValueError as exc:
        raise InvalidValueError("invalid-cursor") from exc


def write_position(position: int) -> str:
    """A journal position behind which a history goes on, as a program keeps it."""
    return _closed(f"history {position}")


def read_position(text: str | None) -> int:
    """The position that `write_position` wrote, 0 for none: a history from its beginning.

    Raises InvalidValueError("invalid-cursor").
    """
    if text is None:
        return 0
    try:
        found = _POSITION.fullmatch(_opened(text))
    except ValueError as exc:
        raise InvalidValueError("invalid-cursor") from exc
    if found is None:
        raise InvalidValueError("invalid-cursor")
    return int(found[1])


def _closed(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


def _opened(text: str) -> str:
    return urlsafe_b64decode(text.encode("ascii")).decode("ascii")

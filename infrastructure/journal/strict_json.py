"""JSON as the envelope allows it: what two parsers could read differently is refused."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import IntegrityError, InvalidValueError

LARGEST_INTEGER = 2**53
"""Beyond it, JavaScript and Python would read different numbers (RFC 8259, section 6)."""


def dump(value: object) -> bytes:
    """The value as compact UTF-8; raises InvalidValueError for what `load` would refuse."""
    try:
        _check(value)
    except (ValueError, TypeError) as exc:
        raise InvalidValueError("not-strict-json") from exc
    return dump_encoded(value)


def dump_encoded(value: object) -> bytes:
    """The same for what the codec made: texts, true and false, null, integers that it checked."""
    try:
        return "".join(_ENCODE(value, 0)).encode()
    except (ValueError, TypeError) as exc:  # A lone surrogate is a UnicodeEncodeError.
        raise InvalidValueError("not-strict-json") from exc


def _check(value: object) -> None:
    """The encoder itself would write floats, long integers and names that are no text."""
    kind = type(value)
    if kind is dict:
        for name, item in value.items():  # type: ignore[attr-defined]
            if type(name) is not str:
                raise TypeError(name)
            if type(item) is not str:
                _check(item)
    elif kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]
            if type(item) is not str:
                _check(item)
    elif kind is int:
        if abs(value) > LARGEST_INTEGER:  # type: ignore[arg-type]
            raise ValueError(value)
    elif not (value is None or kind is bool or isinstance(value, str)):
        raise TypeError(kind)


def load(raw: bytes) -> dict[str, Any]:
    """The object in `raw`; raises IntegrityError for anything that is not strict."""
    value = _load(raw)
    if not isinstance(value, dict):
        raise IntegrityError("envelope-not-strict-json")
    return value


def load_array(raw: bytes) -> list[Any]:
    """The array in `raw`, under the same rules."""
    value = _load(raw)
    if not isinstance(value, list):
        raise IntegrityError("envelope-not-strict-json")
    return value


def _load(raw: bytes) -> Any:
    try:
        text = raw.decode()
        value, end = _SCAN(text, 0)
        if end != len(text):
            raise ValueError("more after the value")
        if b"\\" in raw:  # Only an escape can smuggle in a lone surrogate.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError, StopIteration) as exc:
        raise IntegrityError("envelope-not-strict-json") from exc
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate member")
    return found


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 17 else LARGEST_INTEGER + 1
    if abs(number) > LARGEST_INTEGER:
        raise ValueError(text[:20])
    return number


def _refuse(text: str) -> Any:
    raise ValueError(text[:20])


_NO = False
_ENCODE: Callable[[object, int], tuple[str, ...]] = getattr(json.encoder, "c_make_encoder")(  # noqa: B009
    None, _refuse, json.encoder.encode_basestring, None, ":", ",", _NO, _NO, _NO
)
"""What `JSONEncoder.encode` makes anew at each call: no escapes, no blanks; keys are neither sorted
nor skipped, and NaN is refused."""
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_float=_refuse,
    parse_constant=_refuse,
    parse_int=_integer,
)
_SCAN: Callable[[str, int], tuple[Any, int]] = _DECODER.scan_once  # type: ignore[attr-defined]
"""The parser itself: `decode` around it would also allow blanks around the value."""

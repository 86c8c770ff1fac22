"""Events to JSON and back, by the types of their fields; personal fields apart.

Field names are the dataclass's, so a shape that was stored once never changes: a new shape is a
new stored name. The golden files in tests/journal/golden keep that true.
"""

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from domain.errors import IntegrityError, InvalidValueError
from domain.events import STORED_EVENTS, STORED_NAMES, Event
from domain.values import ERASED, PERSONAL, Digest, Erased
from infrastructure.journal.strict_json import LARGEST_INTEGER

Encoder = Callable[[Any], Any]
Decoder = Callable[[Any], Any]


class Shape:
    """How one event class is written and read."""

    def __init__(self, cls: type[Any]) -> None:
        hints = get_type_hints(cls, include_extras=True)
        self.cls = cls
        self.clear: dict[str, tuple[Encoder, Decoder]] = {}
        self.personal: dict[str, tuple[Encoder, Decoder]] = {}
        for item in fields(cls):
            hint, is_personal = _unwrap(hints[item.name])
            target = self.personal if is_personal else self.clear
            target[item.name] = _coders(hint)
        self.personal_names = frozenset(self.personal)


def encode(event: Event) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The stored name, the clear fields and the personal fields of an event."""
    shape = _SHAPES[type(event)]
    clear = {name: enc(getattr(event, name)) for name, (enc, _) in shape.clear.items()}
    personal = {name: enc(getattr(event, name)) for name, (enc, _) in shape.personal.items()}
    return STORED_NAMES[type(event)], clear, personal


def decode(name: str, clear: dict[str, Any], personal: dict[str, Any] | None) -> Event:
    """The event; `personal` is None when its values were erased. Raises IntegrityError."""
    cls = STORED_EVENTS.get(name)
    if cls is None:
        raise IntegrityError("unknown-event", name=name[:60])
    shape = _SHAPES[cls]
    if clear.keys() != shape.clear.keys():
        raise IntegrityError("event-shape", name=name)
    if personal is not None and personal.keys() != shape.personal.keys():
        raise IntegrityError("disclosures-incomplete", name=name)
    try:
        values = {field: dec(clear[field]) for field, (_, dec) in shape.clear.items()}
        for field, (_, dec) in shape.personal.items():
            values[field] = ERASED if personal is None else dec(personal[field])
        return cls(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise IntegrityError("event-shape", name=name) from exc


def personal_fields(name: str) -> frozenset[str]:
    """The personal fields of a stored name."""
    return _SHAPES[STORED_EVENTS[name]].personal_names


def _unwrap(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        rest = tuple(arg for arg in get_args(inner) if arg is not Erased)
        return Union[rest], PERSONAL in marks  # noqa: UP007 (made at run time)
    return hint, False


def _coders(hint: Any) -> tuple[Encoder, Decoder]:
    """Encoder and decoder of one type; both refuse a value of another type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        if len(inner) != 1:
            raise TypeError(hint)
        enc, dec = _coders(inner[0])
        return (
            lambda value: None if value is None else enc(value),
            lambda value: None if value is None else dec(value),
        )
    if origin is tuple:
        enc, dec = _coders(args[0])
        return (
            lambda value: [enc(item) for item in value],
            lambda value: tuple(dec(item) for item in _typed(value, list)),
        )
    base = getattr(hint, "__supertype__", hint)  # A NewType is its base at run time.
    if base is str:
        return _plain_text, lambda value: _typed(value, str)
    if base is bool:
        return lambda value: _typed(value, bool), lambda value: _typed(value, bool)
    if base is int:
        return _integer, _integer
    if base is date:
        return (lambda value: value.isoformat()), date.fromisoformat
    if base is Digest:
        return (lambda value: value.text), Digest
    if isinstance(base, type) and issubclass(base, Enum):
        return (lambda value: value.value), base
    if is_dataclass(base):
        return _dataclass_coders(base)  # type: ignore[arg-type]
    raise TypeError(hint)


def _dataclass_coders(cls: type[Any]) -> tuple[Encoder, Decoder]:
    hints = get_type_hints(cls)
    inner = {item.name: _coders(hints[item.name]) for item in fields(cls)}

    def encode_object(value: Any) -> dict[str, Any]:
        return {name: enc(getattr(value, name)) for name, (enc, _) in inner.items()}

    def decode_object(value: Any) -> Any:
        if _typed(value, dict).keys() != inner.keys():
            raise ValueError(cls.__name__)
        return cls(**{name: dec(value[name]) for name, (_, dec) in inner.items()})

    return encode_object, decode_object


def _plain_text(value: Any) -> str:
    if isinstance(value, Erased):
        raise InvalidValueError("erased-value-written")
    return str(_typed(value, str))


def _integer(value: Any) -> int:
    if type(value) is not int or abs(value) > LARGEST_INTEGER:
        raise ValueError(value)
    return value


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{type(value).__name__} for {kind.__name__}")
    return value


_SHAPES = {cls: Shape(cls) for cls in STORED_NAMES}

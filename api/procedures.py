"""A procedure's version as an administrator writes it down: a TOML file.

code = "1.013979"
name = "Cấp giấy xác nhận"
in_force_from = 2026-01-01
[time_limit]
value = 5
unit = "working-day"
[retention]
rule = "TT 10/2022, 45"
years = 20
[[components]]
name = "Đơn đề nghị"
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from api.files import read_file
from domain.errors import InvalidValueError
from domain.procedure import Component, RetentionRule, TimeLimit, TimeUnit
from domain.services.administration import ProcedureText
from domain.text import nfc

T = TypeVar("T")
_COMPONENT = {"name": str, "originals": int, "copies": int, "digitise": bool}


def read_procedure(path: Path, today: date) -> ProcedureText:
    """The file's content; InvalidValueError says what cannot be understood."""
    content = read_file(path)
    try:
        said = tomllib.loads(content.decode())
    except ValueError as exc:  # No TOML, or no UTF-8.
        raise InvalidValueError("procedure-file-invalid", what=str(exc)[:100]) from exc
    return ProcedureText(
        code=_text(said, "code"),
        name=_text(said, "name"),
        components=tuple(_component(item) for item in _optional(said, "components", list) or ()),
        time_limit=_time_limit(_optional(said, "time_limit", dict)),
        retention=_retention(_optional(said, "retention", dict)),
        in_force_from=_optional(said, "in_force_from", date) or today,
    )


def _component(item: Any) -> Component:
    if not isinstance(item, dict) or not item.keys() <= _COMPONENT.keys():
        raise _invalid("components")
    for name, kind in _COMPONENT.items():
        _optional(item, name, kind)
    return Component(**{**item, "name": _text(item, "name")})


def _time_limit(said: Mapping[str, Any] | None) -> TimeLimit | None:
    if said is None:
        return None
    try:
        unit = TimeUnit(_text(said, "unit"))
    except ValueError as exc:
        raise _invalid("time_limit.unit") from exc
    return TimeLimit(_required(said, "value", int), unit)


def _retention(said: Mapping[str, Any] | None) -> RetentionRule | None:
    if said is None:
        return None
    return RetentionRule(_text(said, "rule"), _optional(said, "years", int))


def _text(said: Mapping[str, Any], name: str) -> str:
    text = " ".join(nfc(_required(said, name, str)).split())
    if not text or len(text) > 500 or not text.isprintable():
        raise _invalid(name)
    return text


def _required(said: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = _optional(said, name, kind)
    if value is None:
        raise _invalid(name)
    return value


def _optional(said: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """A member of exactly this type: TOML's true is no number, a local time no day."""
    value = said.get(name)
    if value is not None and type(value) is not kind:
        raise _invalid(name)
    return value


def _invalid(name: str) -> InvalidValueError:
    return InvalidValueError("procedure-file-invalid", what=name)

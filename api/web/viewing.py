"""How a record is looked at: which page, for which words, how large, which way up. All of it
stands in the address, so that everything works without a script and can be gone back to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from domain.record import Record, RecordField, RepresentationKind
from domain.services.opening import Marked, Opened, Setting, Sheet
from domain.text import nfc
from domain.values import StreamId

_NAMES = ("q", "page", "hit", "at", "zoom", "turn", "text")
_ZOOMS = {"": "", "150": "large", "220": "larger"}
_TURNS = ("", "90", "180", "270")
_AROUND = 12
"""Pages of the strip on either side of the one that is shown."""
_LAST = "last"


@dataclass(frozen=True)
class Looking:
    """What an address asks to see of one record."""

    record: StreamId
    values: Mapping[str, str]

    @classmethod
    def read(cls, record: StreamId, query: QueryParams) -> "Looking":
        """Reads any query string; what means nothing asks for nothing."""
        values = {name: nfc(query.get(name, "")).strip() for name in _NAMES}
        if values["zoom"] not in _ZOOMS:
            values["zoom"] = ""
        if values["turn"] not in _TURNS:
            values["turn"] = ""
        return cls(record, {name: value for name, value in values.items() if value})

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def but(self, **changes: str | int) -> str:
        """The address of the same look with something else in it."""
        said = {**self.values, **{name: str(value) for name, value in changes.items()}}
        kept = {name: value for name, value in said.items() if value}
        return f"/records/{self.record}" + (f"?{urlencode(kept)}" if kept else "")

    def to(self, page: int, hit: str = "") -> str:
        """The address of another page, at one of its places or at its top."""
        return self.but(page=page, hit=hit) + ("#hit" if hit else "")

    def kept(self, *besides: str) -> Sequence[tuple[str, str]]:
        """What a form that changes the fields `besides` must carry along."""
        return [(name, value) for name, value in self.values.items() if name not in besides]

    @property
    def size(self) -> str:
        """The class of the enlargement, empty for a page that fits."""
        return _ZOOMS[self["zoom"]]

    @property
    def larger(self) -> str | None:
        """The address of the next enlargement."""
        return self._step(1)

    @property
    def smaller(self) -> str | None:
        """The address of the enlargement before."""
        return self._step(-1)

    def _step(self, by: int) -> str | None:
        steps = list(_ZOOMS)
        at = steps.index(self["zoom"]) + by
        return self.but(zoom=steps[at]) if 0 <= at < len(steps) else None

    @property
    def turned(self) -> str:
        """The address of the view turned on by a quarter."""
        return self.but(turn=_TURNS[(_TURNS.index(self["turn"]) + 1) % len(_TURNS)])

    def number(self, name: str) -> int:
        """A page or place number, 0 for none."""
        text = self[name]
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


@dataclass(frozen=True)
class Stand:
    """Which page and place is shown, and where next and previous lead."""

    sheet: Sheet
    strip: Sequence[Sheet]
    """The pages around it."""
    place: int
    """Of the places on the page, from 1; 0 for none."""
    places: int
    before: str | None
    after: str | None
    """Addresses of the previous and the next place, on this page or another."""


def window(opened: Opened, looking: Looking) -> tuple[Sheet, Sequence[Sheet]] | None:
    """The page that is asked for (the nearest one there is) and those around it."""
    if not opened.sheets:
        return None
    at = min(max(looking.number("page"), 1), len(opened.sheets)) - 1
    return opened.sheets[at], opened.sheets[max(0, at - _AROUND) : at + _AROUND + 1]


def stand(looking: Looking, sheet: Sheet, strip: Sequence[Sheet], marked: Marked | None) -> Stand:
    """Where the visitor stands among the places that match."""
    if marked is None:
        return Stand(sheet, strip, 0, 0, None, None)
    places = len(marked.places.get(sheet.n, ()))
    place = places if looking["hit"] == _LAST else min(max(looking.number("hit"), 1), places)
    earlier = [n for n in marked.pages if n < sheet.n]
    later = [n for n in marked.pages if n > sheet.n]
    before = after = None
    if place > 1:
        before = looking.to(sheet.n, str(place - 1))
    elif earlier:
        before = looking.to(earlier[-1], _LAST)
    if place < places:
        after = looking.to(sheet.n, str(place + 1))
    elif later:
        after = looking.to(later[0], "1")
    return Stand(sheet, strip, place, places, before, after)


FIELDS = (
    RecordField.ISSUED_ON,
    RecordField.ORGAN,
    RecordField.TYPE_NAME,
    RecordField.SUBJECT,
    RecordField.SIGNER_NAME,
    RecordField.SIGNER_POSITION,
    RecordField.LANGUAGE,
    RecordField.PAPER_LOCATION,
)
"""What is told of a record below its code, in this order."""


@dataclass(frozen=True)
class Row:
    """A value of the record, who set it, and what stood there before."""

    name: str
    value: str
    by: Setting | None
    """None for what came with the record."""
    earlier: Sequence[Setting]


def rows(opened: Opened) -> Sequence[Row]:
    """What is known of the record."""
    state = opened.record
    code = [*opened.settings.get(RecordField.NUMBER, ())]
    code += opened.settings.get(RecordField.NOTATION, ())
    code.sort(key=lambda setting: setting.at)
    found = [Row("code", state.code, code[-1] if code else None, ())] if state.code else []
    for name in FIELDS:
        value, known = state.metadata.get(name), opened.settings.get(name, ())
        if isinstance(value, str) or len(known) > 1:
            text = value if isinstance(value, str) else ""
            found.append(Row(name.value, text, known[-1] if known else None, known[:-1]))
    return found


_ENDINGS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "text/plain": ".txt",
    "application/json": ".json",
}


def file_name(state: Record, kind: RepresentationKind, media_type: str) -> str:
    """`390-BC-UBND.pdf`, made of the record's own code, or of its identity without one."""
    code = "".join(c if c.isalnum() else "-" for c in state.code).strip("-")
    stem = code or f"tai-lieu-{state.id[-12:]}"
    part = "" if kind is RepresentationKind.ORIGINAL else f"-{kind.value}"
    return f"{stem}{part}{_ENDINGS.get(media_type, '.bin')}"


def picture_size(sheet: Sheet) -> tuple[int, int]:
    """Width and height for drawing a turned page: its own, or those of an A4 sheet."""
    return sheet.width or 1000, sheet.height or 1414


def turning(sheet: Sheet, degrees: str) -> tuple[int, int, str]:
    """Width and height of the page turned, and the SVG transform that turns it."""
    width, height = picture_size(sheet)
    match degrees:
        case "90":
            return height, width, f"translate({height} 0) rotate(90)"
        case "180":
            return width, height, f"translate({width} {height}) rotate(180)"
        case _:
            return height, width, f"translate(0 {width}) rotate(270)"

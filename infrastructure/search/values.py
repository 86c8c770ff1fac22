"""Years, days and ranges as a query writes them: `2018..2024`, `23/4/2026`, `4/2026..`."""

import calendar
import re
from datetime import date
from typing import TypeVar

from domain.text import dates

FIRST, LAST = 1000, 9999
_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"(\d{1,2})[/\-](\d{4})")


def read_years(text: str) -> tuple[int, int] | None:
    """The first and last year of `2018`, `2018..2024`, `2018..` or `..2024`; None if it is none."""
    first, dots, last = text.partition("..")
    ends = [(end, fallback) for end, fallback in ((first, FIRST), (last, LAST)) if end or dots]
    if (dots and not first and not last) or not all(_YEAR.fullmatch(e) or not e for e, _ in ends):
        return None
    years = [int(end) if end else fallback for end, fallback in ends]
    return _span(years[0], years[-1])


def read_days(text: str) -> tuple[date, date] | None:
    """The first and last day of a day, a month, a year, or of a range between two of these."""
    first, dots, last = text.partition("..")
    if not dots:
        return _stretch(first)
    if not first and not last:
        return None
    start = _stretch(first) if first else (date.min, date.min)
    end = _stretch(last) if last else (date.max, date.max)
    return _span(start[0], end[1]) if start and end else None


def _stretch(text: str) -> tuple[date, date] | None:
    found = dates(text)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return found[0].on, found[0].on
    try:
        if _YEAR.fullmatch(text):
            return date(int(text), 1, 1), date(int(text), 12, 31)
        if match := _MONTH.fullmatch(text):
            month, year = int(match[1]), int(match[2])
            return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    except ValueError:
        return None
    return None


_Ordered = TypeVar("_Ordered", int, date)


def _span(first: _Ordered, last: _Ordered) -> tuple[_Ordered, _Ordered] | None:
    """The two ends, or None when they stand the wrong way round."""
    return (first, last) if first <= last else None

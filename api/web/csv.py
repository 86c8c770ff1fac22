"""Tables as files (RFC 4180, UTF-8), row by row, safe to open in a spreadsheet.

What strangers wrote must stay text: a spreadsheet takes a cell that begins with one of `= + - @`
for a formula, also behind blanks or in its full-width form, so such a cell gets an apostrophe
before it.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from api.web.render import shown

MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "|", "%")
_BOM = "\ufeff"
"""Without it a spreadsheet takes the file for a code page of its machine."""


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    begin = unicodedata.normalize("NFKC", cell).lstrip()
    return f"'{cell}" if begin.startswith(_FORMULA) or cell[:1] in ("\t", "\r", "\n") else cell


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a file, as they are made."""
    yield _BOM + _line(heads)
    for row in rows:
        yield _line(row)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([guarded(shown(cell)) for cell in cells])
    return text.getvalue()

"""What people read, in Vietnamese and in English: gettext catalogues keyed by stable codes.

A message says what happened, what was kept and what to do next. One file a subject and language;
both languages hold the same codes. A test compares them with each other and with the codes that
the program uses.
"""

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po


class Catalogue:
    """The port `Messages` for one language."""

    def __init__(self, language: str) -> None:
        self._texts = _texts(language)

    def text(self, code: str, /, **details: str | int) -> str:
        """See the port. A gap that has no detail stays visible as its name."""
        return self._texts.get(code, code).format_map(_Gaps(details))

    def template(self, code: str) -> str:
        """A message with its gaps open."""
        return self._texts[code]

    def codes(self) -> frozenset[str]:
        """Every code with a message."""
        return frozenset(self._texts)


class _Gaps(dict[str, str | int]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"


@cache
def _texts(language: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / language).glob("*.po")):
        with path.open("rb") as file:
            texts.update({str(m.id): str(m.string) for m in read_po(file) if m.id and m.string})
    return texts

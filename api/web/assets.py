"""What pages load besides their text: style, scripts and fonts, each at an address of its content.

An address holds a part of the content's hash, so a browser may keep what it got for ever and yet
sees a change at once. Everything is read and compressed once, when the server starts. What comes
from npm lies in the folder that `bin/setup` fills; our own style and scripts are in `api/static`.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.errors import UnavailableError

PREFIX = "/assets/"
STATIC = Path(__file__).parents[1] / "static"
STYLE = "site.css"
"""GOV.UK's style sheet and the theme over it, in one file: one request, in the right order."""

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_FONT_NAME = re.compile(r"url\(([a-z0-9-]+\.woff2)\)")


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    file_name: str
    """With the first eight hexadecimal digits of its SHA-256: `app.0123abcd.js`."""
    media_type: str
    content: bytes
    compressed: bytes | None
    """With gzip; None where that saves nothing, as with fonts and the smallest files."""


class Assets:
    """All of them, by the name that a template gives and by the name that a browser asks for."""

    def __init__(self, folder: Path) -> None:
        """Reads the folder that `bin/setup` fills (`.tools/assets`) and our own.

        Raises UnavailableError where setup has not run.
        """
        try:
            files = {path.name: path.read_bytes() for path in _files(folder)}
            govuk = files.pop("govuk.css")
        except (OSError, KeyError) as exc:
            raise UnavailableError("page-assets-missing") from exc
        files |= {path.name: path.read_bytes() for path in _files(STATIC)}
        theme = files.pop("theme.css")
        self._by_name = {name: _asset(name, content) for name, content in files.items()}
        self._by_name[STYLE] = _asset(STYLE, self._with_fonts(govuk + b"\n" + theme))
        self._by_file_name = {each.file_name: each for each in self._by_name.values()}

    def address(self, name: str) -> str:
        """The address of `site.css`, `htmx.min.js`, `app.js` or another; KeyError if unknown."""
        return PREFIX + self._by_name[name].file_name

    def find_named(self, name: str) -> Asset:
        """The file that a template names so; KeyError if unknown."""
        return self._by_name[name]

    def find(self, file_name: str) -> Asset | None:
        """What a browser asks for after `/assets/`; None when there is no such version."""
        return self._by_file_name.get(file_name)

    def __iter__(self) -> Iterator[Asset]:
        return iter(self._by_file_name.values())

    def _with_fonts(self, css: bytes) -> bytes:
        def address(match: re.Match[str]) -> str:
            return f"url({self._by_name[match[1]].file_name})"  # Beside the style sheet.

        return _FONT_NAME.sub(address, css.decode()).encode()


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in _MEDIA_TYPES]


def _asset(name: str, content: bytes) -> Asset:
    path = Path(name)
    digest = hashlib.sha256(content).hexdigest()
    compressed = gzip.compress(content, mtime=0)
    smaller = len(compressed) < len(content) * 0.9
    return Asset(
        file_name=f"{path.stem}.{digest[:8]}{path.suffix}",
        media_type=_MEDIA_TYPES[path.suffix],
        content=content,
        compressed=compressed if smaller else None,
    )

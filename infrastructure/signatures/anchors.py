"""The trust anchors: certificates in PEM files of one folder (docs/decisions/0014).

Any certificate there is believed, one of an intermediate authority as well as a root's: what a
file does not carry of its chain can be put beside the root.
No list of anchors comes with the program, and none is fetched.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from domain.errors import UnavailableError
from domain.papers import TrustAnchors
from domain.values import Digest

_SUFFIXES = frozenset({".pem", ".crt", ".cer"})
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass
class FolderAnchors:
    """The port `AnchorFolder` over a folder; one that is missing holds none.

    The files are read again when one was added, changed or taken away.
    """

    folder: Path
    _known: tuple[_Stamp, TrustAnchors] | None = field(default=None, init=False)

    def current(self) -> TrustAnchors:
        """See the port."""
        stamp = tuple(_stamp(path) for path in _files(self.folder))
        if self._known is None or self._known[0] != stamp:
            self._known = (stamp, anchors_of(read_anchors(self.folder)))
        return self._known[1]


def read_anchors(folder: Path) -> list[x509.Certificate]:
    """Every certificate in the folder, by file; UnavailableError for a file that holds none."""
    found: list[x509.Certificate] = []
    for path in _files(folder):
        try:
            found += x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as exc:
            raise UnavailableError("anchor-unreadable", file=path.name) from exc
    return found


def anchors_of(certificates: list[x509.Certificate]) -> TrustAnchors:
    """The set that these certificates make."""
    ders = tuple(sorted({each.public_bytes(Encoding.DER) for each in certificates}))
    # DER says its own length, so nothing needs to stand between two of them.
    return TrustAnchors(ders, Digest(f"sha256:{sha256(b''.join(ders)).hexdigest()}"))


def ends_of(certificates: list[x509.Certificate]) -> datetime | None:
    """When the first of them ends (UTC), None for no certificate."""
    return min((each.not_valid_after_utc for each in certificates), default=None)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, status.st_mtime_ns, status.st_size

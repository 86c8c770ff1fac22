"""The port KeyFolder over the folder beside the archive, and over a token where there is one."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from domain.errors import ArchiveError
from domain.keyring import NewCertificate
from domain.ports import Clock
from infrastructure.evidence import log_keys
from infrastructure.folders import alone
from infrastructure.journal import keys
from infrastructure.journal.store import SignedJournal
from infrastructure.objects.streams import disk_faults


class ArchiveKeys:
    """See the port. `place` is the URI of the key that a rotation shall make, None for a file."""

    def __init__(
        self, directory: Path, archive: str, journal: SignedJournal, place: str | None, clock: Clock
    ) -> None:
        self._directory = directory
        self._archive = archive
        self._journal = journal
        self._place = place
        self._clock = clock

    @property
    def founding(self) -> str:
        """See the port."""
        return sha256(_der(keys.load(self._directory).founding)).hexdigest()

    @contextmanager
    def rotating(self) -> Iterator[None]:
        """See the port."""
        retired = self._directory / keys.RETIRED
        with disk_faults():
            retired.mkdir(mode=0o700, exist_ok=True)
        with alone(retired):
            yield

    def prepare_system_key(self) -> NewCertificate:
        """See the port."""
        made = keys.prepare(self._directory, self._archive, self._clock.now(), self._place)
        der = _der(made)
        return NewCertificate(base64.b64encode(der).decode(), sha256(der).hexdigest())

    def prepare_log_key(self) -> str:
        """See the port."""
        return log_keys.prepare(self._directory).text

    def prepare_new_log(self, origin: str, known: Sequence[str]) -> str:
        """See the port."""
        return log_keys.prepare_new_log(self._directory, origin, known).text

    def settle(self) -> None:
        """See the port."""
        self._journal.follow_keys()

    def place_of(self, key: str) -> str | None:
        """See the port."""
        with suppress(ArchiveError):
            if log_keys.is_held(self._directory, key):
                return "file"
            if key == sha256(_der(keys.load(self._directory).certificate)).hexdigest():
                return "file" if keys.place_of(self._directory) == "file" else "token"
        return None

    def ends_of(self, key: str) -> str | None:
        """See the port."""
        loaded = keys.load(self._directory)
        for each in (*loaded.retired, loaded.certificate):
            if sha256(_der(each)).hexdigest() == key:
                return each.not_valid_after_utc.astimezone(UTC).date().isoformat()
        return None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)

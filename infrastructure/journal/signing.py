"""The keys as a running process knows them: who signs now, who may have signed where.

Other processes rotate keys, too. Whoever appends compares what it knows with the stream of the keys
in its own transaction (`recorder.py`); whoever reads looks again when a signature is by no key that
it knows, or out of turn.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from threading import Lock

from cryptography.hazmat.primitives.serialization import Encoding

from domain.errors import IntegrityError, UnavailableError
from domain.keyring import stream_of
from domain.values import StreamId
from infrastructure.journal.envelope import Verifier, certificate_digest, open_envelope
from infrastructure.journal.keys import Keys, settle
from infrastructure.journal.reading import EventReader, Row
from infrastructure.journal.succession import Placed, succession

_OF_OTHER_KEYS = frozenset({"signed-by-another-key", "signed-by-key-out-of-turn"})


class PresentKeys:
    """The keys of one open journal, shared by its threads."""

    def __init__(self, reader: EventReader, archive: str, keys: Keys) -> None:
        self._reader = reader
        self._archive = archive
        self._keys = keys
        self._verifier = Verifier((keys.certificate,))
        self._followed = False
        self._founding_checked = False
        self._version: int | None = None
        self._lock = Lock()

    @property
    def stream(self) -> StreamId:
        """Of the events of the keys."""
        return stream_of(self._archive)

    @property
    def keys(self) -> Keys:
        """As they were last loaded; what is not about signing never changes."""
        with self._lock:
            return self._keys

    def signing(self) -> tuple[Keys, int]:
        """The keys, and the version of their stream that says that they sign.

        Raises UnavailableError when they are not of this archive, or their turn has ended.
        """
        if not self._founding_checked:
            self._check_founding()
        with self._lock:
            if self._version is not None:
                return self._keys, self._version
        return self.follow()

    def _check_founding(self) -> None:
        """Nothing is signed with keys of an archive that the founding event does not name."""
        first = self._reader.recorder.rows(
            "SELECT state FROM stored_events WHERE topic='archive-founded/1' AND rowid=1"
        )
        if first:
            founded = open_envelope(first[0]["state"]).payload
            named = str(founded["data"].get("certificate_sha256")).removeprefix("sha256:")
            ours = certificate_digest(self.keys.founding).hex()
            if (founded["arc"], named) != (self._archive, ours):
                raise UnavailableError("key-of-another-archive")
        self._founding_checked = True

    def follow(self) -> tuple[Keys, int]:
        """Takes over what the stream of the keys says now, and puts their files in order where a
        rotation ended between journal and files.

        Raises UnavailableError("key-superseded") when the key that must sign is not here.
        """
        rows = self._reader.stream(self.stream)
        placed = [Placed(row.position, row.stream, row.version, row.envelope) for row in rows]
        before = self.keys
        founding = before.founding.public_bytes(Encoding.DER)
        turns = succession(founding, self._archive, placed)
        verifier = Verifier.of(turns)
        with self._lock:
            self._verifier, self._followed = verifier, True
        keys = settle(before.directory, sha256(turns[-1].certificate).digest())
        with self._lock:
            self._keys, self._version = keys, len(rows)
        return keys, len(rows)

    def check_signatures(self, rows: Sequence[Row]) -> None:
        """By the keys that are known; where they do not do, by those that the journal knows now.
        Raises IntegrityError."""
        if self._followed:
            try:
                self._reader.check_signatures(rows, self._verifier)
                return
            except IntegrityError as exc:
                if exc.code not in _OF_OTHER_KEYS:
                    raise
        with suppress(UnavailableError):  # Who cannot sign any more can still read.
            self.follow()
        self._reader.check_signatures(rows, self._verifier)

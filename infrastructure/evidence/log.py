"""The transparency log of an archive: the sequencer that lets it grow, and what is asked of it.

<files>/checkpoint              the newest checkpoint
<files>/tile/...                C2SP tlog-tiles; entries are the envelopes as they are stored
                                (of each log in a folder of its own, `log_files.py`)
<keys>/log-head.sqlite          the head that was signed last (`head.py`)

The sequencer keeps nothing else. Whatever a crash leaves is made again from the journal, byte by
byte the same: entries and tiles first, then the cell, then the checkpoint.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeGuard

from domain.errors import (
    ArchiveError,
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.evidence import Checkpoint, LogLoss, LogState
from domain.keyring import KeyRing, next_origin
from domain.ports import Clock
from domain.values import StreamId
from infrastructure.evidence import merkle
from infrastructure.evidence.edge import Edge, Put
from infrastructure.evidence.head import Head, HeadCell, beginning
from infrastructure.evidence.loss import discarded, measured, unknown
from infrastructure.evidence.notes import (
    Body,
    Note,
    SigningKey,
    VerifierKey,
    parse_body,
    parse_note,
    signed,
    verifier_key,
)
from infrastructure.evidence.proofs import PROOF_HEAD, Proof, parse_proof
from infrastructure.evidence.tiles import HEIGHT, WIDTH, bundle_name, pack, tile_name, unpack
from infrastructure.objects.named import NamedFiles
from infrastructure.objects.streams import disk_faults

_BATCH = 16 * WIDTH
"""Events that are taken in before a checkpoint is signed."""
_LOSSES = frozenset({"log-ahead-of-journal", "log-diverged"})
"""Stopped for good: the archive no longer has what was signed."""
_ATTEMPTS = 10
"""How often other processes may be faster before the log says that it is busy."""


class _OvertakenError(Exception):
    """Another process was faster with the same events; ours are in its log or still to come."""


class Envelopes(Protocol):
    """Where the entries come from."""

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        """The envelopes behind a position, in order and without a gap, each of them verified."""

    def position(self) -> int:
        """The position of the last one."""


class TiledLog:
    """The port TransparencyLog over named files.

    `keys` gives the log's origin and the keys that sign its next checkpoint; it is asked each time,
    since a key can be changed while the log is in use. `ring` gives what the events tell of the
    keys, of this log and of those before it. `policy` says whose cosignatures outsiders should want
    (`policy.py`); it goes into every export.
    """

    def __init__(
        self,
        files: NamedFiles,
        cell: HeadCell,
        envelopes: Envelopes,
        *,
        keys: Callable[[], tuple[str, Sequence[SigningKey]]],
        clock: Clock,
        ring: Callable[[], KeyRing] = lambda: KeyRing(StreamId("")),
        policy: bytes | None = None,
    ) -> None:
        self._files = files
        self._cell = cell
        self._envelopes = envelopes
        self._keys = keys
        self._clock = clock
        self._ring = ring
        self._policy = policy
        self._edge: Edge | None = None
        self._diverged: Head | None = None
        """One that the journal did not give, so that not every look recomputes all of it."""
        self._lock = Lock()

    # ------------------------------------------------------------ growing

    def begin(self, origin: str) -> None:
        """See the port."""
        if self._cell.read() is None and self.newest() is None:
            self._cell.move(None, beginning(origin, self._clock.now()))

    def sync(self) -> Checkpoint | None:
        """See the port. Whoever was overtaken begins again above what the other one signed."""
        with self._lock:
            try:
                for _ in range(_ATTEMPTS):
                    with suppress(_OvertakenError):
                        return self._published(self._grown())
                raise UnavailableError("log-busy")
            except BaseException:
                self._edge = None  # Nobody knows how far it came.
                raise

    def _grown(self) -> Head | None:
        """The head over all that the journal has. (1) The edge of what was signed last. (2) Entries
        and tiles. (3) The cell. (4) The checkpoint. A crash before (3) leaves files that the next
        start writes again; after it a head without a checkpoint, which the next start signs."""
        head = self._head()
        edge = self._edge = self._at(head, self._files.put)  # (1)
        while sealed := self._sound(edge.size):
            filled = edge.grow(sealed, self._files.put)  # (2)
            edge.finish(self._files.put)
            head = self._move(head, edge)  # (3)
            self._publish(head)  # (4)
            for name in filled:
                self._files.drop(f"{name}.p")
        return head

    def _sound(self, after: int) -> Sequence[bytes]:
        """The next envelopes, as far as they may enter; the error of the next one where it may not.

        An error that does not name its position is looked for by halves.
        """
        limit = _BATCH
        while True:
            try:
                return self._envelopes.sealed(after, limit)
            except IntegrityError as exc:
                named = exc.details.get("position")
                if isinstance(named, int) and after < named <= after + limit:
                    limit = named - 1 - after
                else:
                    limit //= 2
                if not limit:
                    raise

    def _head(self) -> Head | None:
        """What was signed last. A checkpoint of ours above an empty cell counts, too: the keys
        came back from a recovery file, and beginning again below it would fork the log."""
        head = self._cell.read()
        if self._is_ours(head) or (head is not None and head.size):
            return head
        if (newest := self.newest()) is not None:
            note = parse_note(newest.note)
            self._check_signed(note)
            body = parse_body(note.text)
            adopted = Head(body.origin, body.size, body.root, self._clock.now())
            self._cell.move(head, adopted)
            head = self._cell.read()
        return head

    def _verifier(self) -> VerifierKey:
        """Of the newest key."""
        origin, keys = self._keys()
        return verifier_key(origin, keys[-1])

    def _check_signed(self, note: Note) -> None:
        """By a key that signs the next checkpoint, too: during a rotation the one before or both
        signed this one."""
        origin, keys = self._keys()
        for key in keys:
            with suppress(IntegrityError):
                note.by(verifier_key(origin, key))
                return
        raise IntegrityError("note-not-signed", name=origin)

    def _at(self, head: Head | None, put: Put) -> Edge:
        """The edge of the tree that was signed last: from memory, from tiles, from the journal.

        Tiles count as long as the journal has the last event that was logged: where it went back to
        an older copy and grew again, it has another one there.
        """
        if not self._is_ours(head):
            return Edge()
        if self._envelopes.position() < head.size:
            raise IntegrityError("log-ahead-of-journal", size=head.size)
        edge = self._edge
        if edge is not None and (edge.size, edge.root()) == (head.size, head.root):
            return edge
        edge = self._read(head)
        if edge is not None and self._logged(head) == self._last(head):
            return edge
        return self._made_again(head, put)

    def _is_ours(self, head: Head | None) -> TypeGuard[Head]:
        """False where this log has signed nothing yet. It begins once: where there was none, or
        behind one that ended at this very head. One that has begun has a cell or a checkpoint:
        where both are gone, nobody knows what it signed last."""
        origin, ring = self._keys()[0], self._ring()
        if origin in ring.ended:  # The keys came back from before.
            raise IntegrityError("log-ended", origin=origin)
        if head is None or self._is_reserved(head):
            if ring.origin == origin and self.newest() is None:
                raise IntegrityError("log-head-missing", origin=origin)
            return False
        if head.origin != origin:
            end = ring.ended.get(head.origin)
            if end is None or (end.size, end.root) != (head.size, head.root.hex()):
                raise IntegrityError("log-of-another-origin", origin=head.origin)
            return False
        return head.size > 0

    def _is_reserved(self, head: Head) -> bool:
        """True for the beginning of the log that shall follow this one, which a restart leaves when
        a crash ends it before its event: as good as no head."""
        return (head.origin, head.size) == (next_origin(self._keys()[0]), 0)

    def _read(self, head: Head) -> Edge | None:
        """The edge from files, None where these do not give the root that was signed."""
        with suppress(NotFoundError, IntegrityError):
            edge = Edge.read(head.size, self._files.get)
            return edge if edge.root() == head.root else None
        return None

    def _last(self, head: Head) -> bytes:
        """The hash of the journal's event where the last one of those stands that were signed."""
        return merkle.leaf_hash(*self._envelopes.sealed(head.size - 1, 1))

    def _logged(self, head: Head) -> bytes | None:
        """The hash that was logged there, None where no file proves it: of a full tile at the end,
        which no edge reads, every other hash stands in the path."""
        last, size = head.size - 1, head.size
        with suppress(NotFoundError, IntegrityError):
            logged = self.tile(0, last // WIDTH, size)[-merkle.SIZE :]
            path = merkle.inclusion(last, size, self._nodes(size))
            merkle.check_inclusion(logged, last, size, path, head.root)
            return logged
        return None

    def _check_files(self, head: Head | None) -> None:
        """The files give the root that was signed, unless they grew while we looked, and the
        journal has the last event of these."""
        if head is None:
            return
        logged = self._logged(head) if self._read(head) is not None else None
        if logged is None:
            if self._cell.read() == head:
                raise IntegrityError("log-files-differ")
        elif logged != self._last(head):
            raise IntegrityError("log-diverged", size=head.size)

    def _made_again(self, head: Head, put: Put) -> Edge:
        """The tiles of what was signed, from the journal: somebody lost or altered files. Those of
        another tree are not written: what the journal lost may be in the files alone."""
        if head != self._diverged:
            edge = self._from_journal(head.size, discarded)
            if edge.root() == head.root:
                return self._from_journal(head.size, put)
            self._diverged = head
        raise IntegrityError("log-diverged", size=head.size)

    def _from_journal(self, size: int, put: Put) -> Edge:
        edge = Edge()
        while edge.size < size:
            sealed = self._envelopes.sealed(edge.size, min(_BATCH, size - edge.size))
            if not sealed:
                raise IntegrityError("log-ahead-of-journal", size=size)
            edge.grow(sealed, put)
        edge.finish(put)
        return edge

    def _move(self, before: Head | None, edge: Edge) -> Head:
        after = Head(self._keys()[0], edge.size, edge.root(), self._clock.now())
        if not self._cell.move(before, after):
            raise _OvertakenError
        return after

    # ------------------------------------------------------------ what was published

    def _publish(self, head: Head) -> Checkpoint:
        """The checkpoint of a head, or of a later one: who was faster and published before must
        not be overwritten with what is older."""
        while True:
            note = signed(Body(head.origin, head.size, head.root), self._keys()[1])
            self._files.put("checkpoint", note.raw)
            now = self._cell.read()
            if now is None or now.size <= head.size:
                return read_checkpoint(note.raw)
            head = now

    def _published(self, head: Head | None) -> Checkpoint | None:
        """The checkpoint of a head, signed again where a crash kept it from being published or
        somebody altered it."""
        if head is None or not head.size:
            return None
        with suppress(IntegrityError):
            found = self.newest()
            says = Body(head.origin, head.size, head.root).text
            if found is not None and (note := parse_note(found.note)).text == says:
                self._check_signed(note)
                return found
        return self._publish(head)

    def newest(self) -> Checkpoint | None:
        """See the port."""
        try:
            return read_checkpoint(self._files.get("checkpoint"))
        except NotFoundError:
            return None

    def state(self) -> LogState:
        """See the port."""
        newest, head, stopped = None, None, None
        key = self._verifier()  # Asked first: a log that was ended is followed by the next one.
        try:
            newest, head = self.newest(), self.head()
            if head is not None and self._envelopes.position() < head.size:
                stopped = "log-ahead-of-journal"
            else:  # The files must be those that were signed, the next event one that may enter.
                self._check_files(head)
                self._envelopes.sealed(head.size if head is not None else 0, 1)
        except ArchiveError as exc:
            stopped = exc.code
        return LogState(
            origin=key.name,
            key=key.text,
            checkpoint=newest,
            published_at=head.at if head is not None else None,
            waiting=max(self._envelopes.position() - (newest.size if newest else 0), 0),
            stopped=stopped,
        )

    def loss(self) -> LogLoss:
        """See the port."""
        with self._lock:
            try:
                head = self.head()
            except IntegrityError as exc:
                if exc.code != "log-head-missing":
                    raise
                return self._presumed()
            if head is None or self._stop(head) not in _LOSSES:
                raise RuleError("log-not-stopped")
        position = self._envelopes.position()
        loss = measured(head, self._verifier().text, self.entries, self._envelopes.sealed, position)
        if loss.kept == head.size:  # Mended since somebody looked.
            raise RuleError("log-not-stopped")
        return loss

    def _presumed(self) -> LogLoss:
        """Where nobody knows what was signed last: all that the journal has."""
        edge = self._from_journal(self._envelopes.position(), discarded)
        return unknown(edge, self._verifier())

    def _stop(self, head: Head) -> str | None:
        """The code of what keeps the log from growing above a head; writes nothing."""
        try:
            self._at(head, discarded)
        except IntegrityError as exc:
            return exc.code
        return None

    # ------------------------------------------------------------ proofs

    def proof(self, position: int, checkpoint: Checkpoint) -> bytes:
        """See the port."""
        if not 1 <= position <= checkpoint.size:
            raise NotFoundError("event-not-in-log", position=position)
        path = merkle.inclusion(position - 1, checkpoint.size, self._nodes(checkpoint.size))
        return Proof(position - 1, path, parse_note(checkpoint.note)).raw

    def check(self, proof: bytes, entry: bytes, keys: Sequence[str]) -> None:
        """See the port."""
        said = parse_proof(proof)
        try:
            kept = read_kept(proof, keys)
        except InvalidValueError as exc:
            raise IntegrityError("note-not-signed", name=keys[-1]) from exc
        begin = said.index % WIDTH * merkle.SIZE
        logged = self.tile(0, said.index // WIDTH, kept.size)[begin : begin + merkle.SIZE]
        root = bytes.fromhex(kept.root)
        try:
            merkle.check_inclusion(logged, said.index, kept.size, said.path, root)
        except IntegrityError as exc:
            raise IntegrityError("log-files-differ") from exc
        if merkle.leaf_hash(entry) != logged:
            raise IntegrityError("log-diverged", size=kept.size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """See the port."""
        return merkle.consistency(old, size, self._nodes(size))

    def read(self, kept: bytes, keys: Sequence[str]) -> Checkpoint:
        """See the port."""
        return read_kept(kept, keys)

    def continues(self, kept: Checkpoint, newest: Checkpoint) -> bool:
        """See the port."""
        path = self.consistency(kept.size, newest.size)
        roots = bytes.fromhex(kept.root), bytes.fromhex(newest.root)
        try:
            merkle.check_consistency(kept.size, roots[0], newest.size, roots[1], path)
        except IntegrityError:
            return False
        return True

    def _nodes(self, size: int) -> merkle.Node:
        """The hashes of complete subtrees, each tile read once."""
        tiles: dict[tuple[int, int], bytes] = {}

        def node(level: int, index: int) -> bytes:
            tile_level, height = divmod(level, HEIGHT)
            first = index << height
            key = tile_level, first // WIDTH
            if key not in tiles:
                tiles[key] = self.tile(*key, size)
            begin = first % WIDTH * merkle.SIZE
            return merkle.folded(tiles[key][begin : begin + (merkle.SIZE << height)])

        return node

    def tile(self, level: int, number: int, size: int) -> bytes:
        """A tile of the tree of a size; a wider one serves as the one that it was."""
        width = min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH)
        try:
            found = self._files.get(tile_name(level, number, width))
        except NotFoundError:
            if width == WIDTH:
                raise
            wider = self._width(level, number)
            found = self._files.get(tile_name(level, number, wider))[: width * merkle.SIZE]
        if len(found) != width * merkle.SIZE:
            raise IntegrityError("log-tile-malformed", level=level, number=number)
        return found

    def bundle(self, number: int, size: int) -> bytes:
        """A bundle of the log of a size, as `tile` gives a tile."""
        width = min(WIDTH, size - number * WIDTH)
        try:
            return self._files.get(bundle_name(number, width))
        except NotFoundError:
            if width == WIDTH:
                raise
            wider = self._width(0, number)
            return pack(unpack(self._files.get(bundle_name(number, wider)), wider)[:width])

    def _width(self, level: int, number: int) -> int:
        """Of a tile in the tree of today. A log that was made again, or that followed an ended one,
        has no file of the sizes that it had on its way."""
        head = self._cell.read()
        size = head.size if head is not None else 0
        width = min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH)
        return width if width > 0 else WIDTH

    def entries(self, number: int, size: int) -> list[bytes]:
        """The entries of a bundle."""
        return unpack(self.bundle(number, size), min(WIDTH, size - number * WIDTH))

    def head(self) -> Head | None:
        """What was signed last, whether its checkpoint is there or not; None of a log that has
        signed nothing yet. Raises IntegrityError for the head of another log."""
        head = self._cell.read()
        return head if self._is_ours(head) else None

    # ------------------------------------------------------------ for others

    def export(
        self, folder: str, checkpoint: Checkpoint, also: Iterable[tuple[str, bytes]] = ()
    ) -> Iterator[tuple[int, int]]:
        """See the port. Every tile is made again from the entries, so that no fault of the store
        leaves the house under our name."""
        target, size = Path(folder), checkpoint.size
        total, edge = -(-size // WIDTH), Edge()

        def put(name: str, content: bytes) -> None:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        with disk_faults():
            target.mkdir()
            for number in range(total):
                edge.grow(self.entries(number, size), put)
                yield number + 1, total
            edge.finish(put)
            if edge.root().hex() != checkpoint.root:
                raise IntegrityError("log-diverged", size=size)
            put("checkpoint", checkpoint.note)
            put("log.vkey", self._verifier().text.encode() + b"\n")
            if self._policy is not None:
                put("policy", self._policy)
            for name, content in also:
                put(name, content)


def read_checkpoint(raw: bytes) -> Checkpoint:
    """A checkpoint as it was published; whoever relies on it checks its signatures."""
    body = parse_body(parse_note(raw).text)
    return Checkpoint(body.origin, body.size, body.root.hex(), raw)


def read_kept(raw: bytes, keys: Sequence[str]) -> Checkpoint:
    """A checkpoint that somebody kept, as it was published or inside a proof; one that none of
    the keys signed says nothing about this log.

    Raises InvalidValueError: "not-a-checkpoint", "checkpoint-of-another-log".
    """
    try:
        if raw.startswith(PROOF_HEAD):
            raw = parse_proof(raw).checkpoint.raw
        note, checkpoint = parse_note(raw), read_checkpoint(raw)
    except IntegrityError as exc:
        raise InvalidValueError("not-a-checkpoint") from exc
    for key in map(VerifierKey.parse, keys):
        with suppress(IntegrityError):
            note.by(key)
            if checkpoint.origin == key.name:
                return checkpoint
    raise InvalidValueError("checkpoint-of-another-log")

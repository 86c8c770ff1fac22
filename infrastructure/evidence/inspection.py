"""Recomputes the transparency log from its bytes and from the journal, believing neither.

(1) The rows of the journal are hashed (`row_hashes.py`). (2) Each bundle must hold these rows,
each tile these hashes. (3) The root over all of it must be the one of the checkpoint, signed with
the log's key. (4) Neither journal nor checkpoint may be shorter than what was signed last, which
lies beside the keys. (5) A remembered checkpoint must be a root on the way: where the keys were
taken back, too, this alone shows that the end of the journal is gone or that the whole archive was
taken back to an older state.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError
from domain.evidence import Checkpoint, LogInspected
from domain.keyring import LogEnded, is_lost
from domain.ports import Finding
from infrastructure.evidence import merkle
from infrastructure.evidence.head import Head
from infrastructure.evidence.log import TiledLog, read_kept
from infrastructure.evidence.notes import VerifierKey
from infrastructure.evidence.row_hashes import hashed
from infrastructure.evidence.tiles import HEIGHT, WIDTH
from infrastructure.journal.inspection_notes import DAMAGE, connect, damage

_ALONE = 50_000
"""Logs up to this size are not worth a second process."""
_PATIENCE = 5.0
"""Seconds in which a sequencer that has moved the cell publishes its checkpoint."""
_PAUSE = 0.1
_LOST = "log-lost-since-remembered"
_Named = tuple[str, int, str]
"""A tree: origin, size and root."""


@dataclass
class _Tree:
    """The hashes that the rows come to: one for each full bundle, and what the roots of some sizes
    need of the bundles that they cut through."""

    size: int
    full: list[bytes] = field(default_factory=list)
    inner: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """By level and index; a few for each of these sizes."""

    def cut(self, size: int, leaves: bytes) -> None:
        """Keeps what the root of a size needs of the bundle that it cuts through."""
        begin = size // WIDTH * WIDTH
        for level, index in merkle.peaks(begin, size):
            at = ((index << level) - begin) * merkle.SIZE
            self.inner[level, index] = merkle.folded(leaves[at : at + (merkle.SIZE << level)])

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        if level >= HEIGHT:
            first = index << (level - HEIGHT)
            return merkle.folded(b"".join(self.full[first : first + (1 << (level - HEIGHT))]))
        return self.inner[level, index]

    def root(self, size: int) -> bytes:
        """The root over the first `size` rows, one of the sizes that were cut."""
        return merkle.root(size, self.node)


def _tree_of(checkpoint: Checkpoint) -> _Named:
    return checkpoint.origin, checkpoint.size, checkpoint.root


class LogInspection:
    """The port LogInspector over a log and the file of its journal; `keys` gives every verifier key
    that the archive's logs have had, `ended` the logs before this one."""

    def __init__(
        self,
        log: TiledLog,
        journal: Path,
        keys: Callable[[], Sequence[str]],
        ended: Callable[[], Mapping[str, LogEnded]] = dict,
    ) -> None:
        self._log = log
        self._journal = journal
        self._keys = keys
        self._ended = ended

    def inspect(
        self,
        *,
        remembered: Sequence[bytes],
        attested: Sequence[bytes],
        progress: Callable[[int, int], None],
    ) -> LogInspected:
        """See the port."""
        findings: list[Finding] = []
        known = [read_kept(raw, self._keys()) for raw in remembered]
        own: list[Checkpoint] = []
        for raw in attested:
            try:
                own.append(read_kept(raw, self._keys()))
            except InvalidValueError as exc:
                findings.append(Finding("log-attested-unreadable", "checkpoint", exc.code))
        lost = self._lost_since(known, own)
        known += own
        head = self._signed(findings)
        newest = self._newest(head, findings)
        size = newest.size if newest is not None else 0
        if head is not None:
            self._require_reached(head, newest, findings)
        for each in known:
            if each.size > size:
                kind = _LOST if _tree_of(each) in lost else "log-shorter-than-remembered"
                findings.append(Finding(kind, str(size), str(each.size)))
        sizes = {each.size for each in known if each.size <= size}
        tree = self._compared(size, sizes, findings, progress)
        if tree is not None:
            asked = [*([(newest, "log-root-differs")] if newest else [])]
            asked += [
                (each, _LOST if _tree_of(each) in lost else "log-not-as-remembered")
                for each in known
                if each.size <= size
            ]
            for checkpoint, kind in asked:
                if tree.root(checkpoint.size).hex() != checkpoint.root:
                    findings.append(Finding(kind, str(checkpoint.size)))
        return LogInspected(tuple(findings), newest, size)

    def _lost_since(self, known: Sequence[Checkpoint], own: Sequence[Checkpoint]) -> set[_Named]:
        """Those of ended logs that cover what was lost; none of the archive's own, as the event
        that attests one lies behind all that it covers."""
        origin, ended = VerifierKey.parse(self._keys()[-1]).name, self._ended()
        former = [each for each in known if each.origin != origin]
        lost = {_tree_of(each) for each in former if is_lost(ended, each.origin, each.size)}
        return lost - set(map(_tree_of, own))

    def _signed(self, findings: list[Finding]) -> Head | None:
        """What was signed last; read before anything else, which can only be as new or newer."""
        try:
            return self._log.head()
        except ArchiveError as exc:
            if exc.code == "log-head-missing":
                findings.append(Finding("log-head-missing", "log-head.sqlite"))
            else:
                findings.append(Finding("log-head-unreadable", "log-head.sqlite", exc.code))
            return None

    def _require_reached(
        self, head: Head, newest: Checkpoint | None, findings: list[Finding]
    ) -> None:
        """A journal or a checkpoint that is shorter than what was signed was taken back. The
        checkpoint alone may lie a moment behind; one that is missing is named elsewhere."""
        shorter = self._position(findings)
        if shorter is None or shorter >= head.size:
            until = time.monotonic() + _PATIENCE
            with suppress(ArchiveError):  # One that cannot be read is no newer one.
                while newest is not None and newest.size < head.size and time.monotonic() < until:
                    time.sleep(_PAUSE)
                    newest = self._log.newest() or newest
            shorter = newest.size if newest is not None else head.size
        if shorter < head.size:
            findings.append(Finding("log-shorter-than-signed", str(shorter), str(head.size)))

    def _position(self, findings: list[Finding]) -> int | None:
        """Of the last row of the journal; None when nobody can tell."""
        try:
            with closing(connect(str(self._journal))) as connection:
                (last,) = connection.execute("SELECT max(rowid) FROM stored_events").fetchone()
        except DAMAGE as exc:
            findings.append(damage(exc, "journal"))
            return None
        return last if type(last) is int else 0

    def _is_signed(self, raw: bytes) -> bool:
        """True when one of the keys that the log has had signed the note."""
        try:
            read_kept(raw, self._keys())
        except InvalidValueError:
            return False
        return True

    def _newest(self, head: Head | None, findings: list[Finding]) -> Checkpoint | None:
        try:
            newest = self._log.newest()
        except ArchiveError as exc:
            findings.append(Finding("log-checkpoint-unreadable", "checkpoint", exc.code))
            return None
        if newest is None:
            if head is not None:
                findings.append(Finding("log-checkpoint-missing", "checkpoint"))
        elif not self._is_signed(newest.note):
            findings.append(Finding("log-checkpoint-unsigned", "checkpoint"))
        return newest

    def _compared(
        self,
        size: int,
        known: Iterable[int],
        findings: list[Finding],
        progress: Callable[[int, int], None],
    ) -> _Tree | None:
        """The tree of the rows, after every bundle and tile was compared with it, with the roots
        of this size and of those that are known; None when a row is missing or cannot be read,
        without which no further hash can be told."""
        tree = _Tree(size)
        cuts: dict[int, list[int]] = {}
        for each in {size, *known}:
            if each % WIDTH:
                cuts.setdefault(each // WIDTH, []).append(each)
        total = -(-size // WIDTH)
        processes = 1 if size <= _ALONE else len(os.sched_getaffinity(0))
        for found in hashed(str(self._journal), size, processes=processes, whole=cuts):
            if found.damaged is not None:
                findings.append(Finding("journal-damaged", "journal", found.damaged))
                return None
            if found.missing is not None:
                findings.append(Finding("log-leaf-without-row", str(found.missing)))
                return None
            self._compare_bundle(found.number, size, found.bundle, findings)
            self._compare_tile(0, found.number, size, found.tile, findings)
            for cut in cuts.get(found.number, ()):
                tree.cut(cut, found.leaves)
            if (found.number + 1) * WIDTH <= size:
                tree.full.append(merkle.folded(found.leaves))
            progress(found.number + 1, total)
        self._compare_upper(tree, findings)
        return tree

    def _compare_bundle(
        self, number: int, size: int, digest: bytes, findings: list[Finding]
    ) -> None:
        try:
            raw = self._log.bundle(number, size)
        except (NotFoundError, IntegrityError):
            findings.append(Finding("log-bundle-missing", str(number)))
            return
        if sha256(raw).digest() != digest:
            findings.append(Finding("log-bundle-differs", str(number)))

    def _compare_tile(
        self, level: int, number: int, size: int, digest: bytes, findings: list[Finding]
    ) -> None:
        try:
            row = self._log.tile(level, number, size)
        except (NotFoundError, IntegrityError):
            findings.append(Finding("log-tile-missing", f"{level}/{number}"))
            return
        if sha256(row).digest() != digest:
            findings.append(Finding("log-tile-differs", f"{level}/{number}"))

    def _compare_upper(self, tree: _Tree, findings: list[Finding]) -> None:
        level, row = 1, tree.full
        while row:
            above: list[bytes] = []
            for number in range(-(-len(row) // WIDTH)):
                hashes = b"".join(row[number * WIDTH : (number + 1) * WIDTH])
                self._compare_tile(level, number, tree.size, sha256(hashes).digest(), findings)
                if len(hashes) == WIDTH * merkle.SIZE:
                    above.append(merkle.folded(hashes))
            level, row = level + 1, above

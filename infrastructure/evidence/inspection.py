"""Recomputes the transparency log from its bytes and from the journal, believing neither.

(1) The rows of the journal are hashed (`row_hashes.py`). (2) Each bundle must hold these rows,
each tile these hashes. (3) The root over all of it must be the one of the checkpoint, signed with
the log's key. (4) A remembered checkpoint must be a root on the way: this alone shows that the end
of the journal is gone or that the whole archive was taken back to an older state.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError
from domain.evidence import Checkpoint, LogInspected
from domain.ports import Finding
from infrastructure.evidence import merkle
from infrastructure.evidence.log import TiledLog, read_kept
from infrastructure.evidence.row_hashes import hashed
from infrastructure.evidence.tiles import HEIGHT, WIDTH

_ALONE = 50_000
"""Logs up to this size are not worth a second process."""


@dataclass
class _Tree:
    """The hashes that the rows come to: one for each full bundle, and those of the last one."""

    size: int
    full: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    leaves: Callable[[int], bytes] = lambda number: b""
    """The hashes of a full bundle, hashed once more."""

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        if level >= HEIGHT:
            first = index << (level - HEIGHT)
            return merkle.folded(b"".join(self.full[first : first + (1 << (level - HEIGHT))]))
        first = index << level
        number = first // WIDTH
        row = self.rest if number == len(self.full) else self.leaves(number)
        begin = first % WIDTH * merkle.SIZE
        return merkle.folded(row[begin : begin + (merkle.SIZE << level)])

    def root(self, size: int) -> bytes:
        """The root over the first `size` rows."""
        return merkle.root(size, self.node)


class LogInspection:
    """The port LogInspector over a log and the file of its journal."""

    def __init__(self, log: TiledLog, journal: Path, keys: Callable[[], Sequence[str]]) -> None:
        self._log = log
        self._journal = journal
        self._keys = keys

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
        for raw in attested:
            try:
                known.append(read_kept(raw, self._keys()))
            except InvalidValueError as exc:
                findings.append(Finding("log-attested-unreadable", "checkpoint", exc.code))
        newest = self._newest(findings)
        size = newest.size if newest is not None else 0
        for each in known:
            if each.size > size:
                findings.append(Finding("log-shorter-than-remembered", str(size), str(each.size)))
        tree = self._compared(size, findings, progress)
        if tree is not None:
            asked = [*([(newest, "log-root-differs")] if newest else [])]
            asked += [(each, "log-not-as-remembered") for each in known if each.size <= size]
            for checkpoint, kind in asked:
                if tree.root(checkpoint.size).hex() != checkpoint.root:
                    findings.append(Finding(kind, str(checkpoint.size)))
        return LogInspected(tuple(findings), newest, size)

    def _is_signed(self, raw: bytes) -> bool:
        """True when one of the keys that the log has had signed the note."""
        try:
            read_kept(raw, self._keys())
        except InvalidValueError:
            return False
        return True

    def _newest(self, findings: list[Finding]) -> Checkpoint | None:
        try:
            newest = self._log.newest()
        except ArchiveError as exc:
            findings.append(Finding("log-checkpoint-unreadable", "checkpoint", exc.code))
            return None
        if newest is None:
            if self._log.has_signed():
                findings.append(Finding("log-checkpoint-missing", "checkpoint"))
        elif not self._is_signed(newest.note):
            findings.append(Finding("log-checkpoint-unsigned", "checkpoint"))
        return newest

    def _compared(
        self, size: int, findings: list[Finding], progress: Callable[[int, int], None]
    ) -> _Tree | None:
        """The tree of the rows, after every bundle and tile was compared with it; None when a row
        is missing, without which no further hash can be told."""
        tree = _Tree(size, leaves=self._hashed_again)
        total = -(-size // WIDTH)
        processes = 1 if size <= _ALONE else len(os.sched_getaffinity(0))
        for found in hashed(str(self._journal), size, processes=processes):
            if found.missing is not None:
                findings.append(Finding("log-leaf-without-row", str(found.missing)))
                return None
            self._compare_bundle(found.number, size, found.bundle, findings)
            self._compare_tile(0, found.number, size, found.tile, findings)
            if len(found.leaves) == merkle.SIZE and (found.number + 1) * WIDTH <= size:
                tree.full.append(found.leaves)
            else:
                tree.rest = found.leaves
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

    def _hashed_again(self, number: int) -> bytes:
        """The hashes of a full bundle, by the tile that was found to hold them."""
        return self._log.tile(0, number, (number + 1) * WIDTH)

"""The right edge of the tree: the last tile of each level and the last bundle, as far as they are
not full. All that a log needs to grow, and all that writes tiles."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from domain.errors import IntegrityError
from infrastructure.evidence import merkle
from infrastructure.evidence.tiles import HEIGHT, WIDTH, bundle_name, pack, tile_name, unpack

Put = Callable[[str, bytes], None]
Get = Callable[[str], bytes]


@dataclass
class Edge:
    """The edge of a tree of `size` leaves."""

    size: int = 0
    rows: list[bytearray] = field(default_factory=lambda: [bytearray()])
    """The hashes of each level's last tile."""
    entries: list[bytes] = field(default_factory=list)

    @classmethod
    def read(cls, size: int, get: Get) -> "Edge":
        """The edge from files; the root of what they hold is for the caller to compare.

        Raises IntegrityError: "log-tile-malformed", and "log-bundle-malformed" for entries that are
        not those of the hashes.
        """
        edge, level = cls(size, []), 0
        while count := size >> (HEIGHT * level):
            width = count % WIDTH
            row = get(tile_name(level, count // WIDTH, width)) if width else b""
            if len(row) != width * merkle.SIZE:
                raise IntegrityError("log-tile-malformed")
            edge.rows.append(bytearray(row))
            level += 1
        if width := size % WIDTH:
            edge.entries = unpack(get(bundle_name(size // WIDTH, width)), width)
            if b"".join(map(merkle.leaf_hash, edge.entries)) != edge.rows[0]:
                raise IntegrityError("log-bundle-malformed")
        return edge

    def root(self) -> bytes:
        """The root over everything."""
        result = b""
        for row in self.rows:
            for level, index in reversed(list(merkle.peaks(0, len(row) // merkle.SIZE))):
                begin = (index << level) * merkle.SIZE
                peak = merkle.folded(bytes(row[begin : begin + (merkle.SIZE << level)]))
                result = merkle.node_hash(peak, result) if result else peak
        return result or merkle.EMPTY

    def grow(self, entries: Sequence[bytes], put: Put) -> list[str]:
        """Takes entries in and writes every file that became full; the names of these."""
        filled: list[str] = []
        for some in _cut(entries, WIDTH - self.size % WIDTH):
            self.entries += some
            self.rows[0] += b"".join([merkle.leaf_hash(each) for each in some])
            self.size += len(some)
            if self.size % WIDTH == 0:
                filled.append(bundle_name(self.size // WIDTH - 1))
                put(filled[-1], pack(self.entries))
                self.entries = []
                self._fill(put, filled)
        return filled

    def finish(self, put: Put) -> None:
        """Writes what is not full yet, so that everything up to here can be read."""
        for level, row in enumerate(self.rows):
            if width := len(row) // merkle.SIZE:
                put(tile_name(level, (self.size >> (HEIGHT * level)) // WIDTH, width), bytes(row))
        if self.entries:
            put(bundle_name(self.size // WIDTH, len(self.entries)), pack(self.entries))

    def _fill(self, put: Put, filled: list[str]) -> None:
        """Writes the full tiles, each of which is one hash of the level above."""
        level = 0
        while len(self.rows[level]) == WIDTH * merkle.SIZE:
            row = bytes(self.rows[level])
            filled.append(tile_name(level, (self.size >> (HEIGHT * level)) // WIDTH - 1))
            put(filled[-1], row)
            self.rows[level].clear()
            level += 1
            if level == len(self.rows):
                self.rows.append(bytearray())
            self.rows[level] += merkle.folded(row)


def _cut(entries: Sequence[bytes], first: int) -> Iterator[Sequence[bytes]]:
    """As many as the last bundle still takes, then a bundle at a time."""
    yield entries[:first]
    for begin in range(first, len(entries), WIDTH):
        yield entries[begin : begin + WIDTH]

"""An oracle: a C2SP tlog-tiles log written from the standards alone, none of our code in it.

Hashes and proofs are those of RFC 6962, section 2.1; paths, bundles and tiles those of
c2sp.org/tlog-tiles; checkpoints are signed notes with Ed25519. Everything is in memory and made
at once, for logs of up to some 100,000 entries.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""
_ED25519 = 1
_EMPTY = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Tree:
    """The hashes of all whole subtrees, by level; level 0 are the leaves."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self.levels = [list(leaves)]
        while len(below := self.levels[-1]) > 1:
            pairs = zip(below[::2], below[1::2], strict=False)
            self.levels.append([node_hash(left, right) for left, right in pairs])

    def root(self, size: int | None = None) -> bytes:
        """Of the first `size` leaves; of all without it."""
        return self._hash(0, len(self.levels[0]) if size is None else size)

    def _hash(self, first: int, end: int) -> bytes:
        size = end - first
        if size == 0:
            return _EMPTY
        if size & (size - 1) == 0 and first % size == 0:
            return self.levels[size.bit_length() - 1][first // size]
        middle = first + _split(size)
        return node_hash(self._hash(first, middle), self._hash(middle, end))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH of the leaf in the tree of the first `size` leaves, from the leaf upward."""
        first, end, path = 0, size, list[bytes]()
        while end - first > 1:
            middle = first + _split(end - first)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(first, middle))
                first = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """PROOF that the first `old` leaves begin the first `size`; nothing for 0 or the same."""
        if old in (0, size):
            return []
        first, end, path = 0, size, list[bytes]()
        while old != end:
            middle = first + _split(end - first)
            if old <= middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(first, middle))
                first = middle
        if first > 0:  # Else the old root itself, which the verifier has.
            path.append(self._hash(first, end))
        return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def tree_of(entries: Iterable[bytes]) -> Tree:
    return Tree(leaf_hash(entry) for entry in entries)


def numbered(number: int) -> str:
    """The path of the tile of that number: groups of three digits, all but the last with an x."""
    path = f"{number % 1000:03d}"
    while number := number // 1000:
        path = f"x{number % 1000:03d}/{path}"
    return path


def files(entries: Sequence[bytes], origin: str, key: Ed25519PrivateKey) -> dict[str, bytes]:
    """Every file of the log and its bytes, by its path in the log's folder."""
    tree, made = tree_of(entries), dict[str, bytes]()
    for number, bundle in _tiles(entries):
        lines = [len(entry).to_bytes(2, "big") + entry for entry in bundle]
        made[f"tile/entries/{number}"] = b"".join(lines)
    for level, hashes in enumerate(tree.levels[::8]):
        for number, tile in _tiles(hashes):
            made[f"tile/{level}/{number}"] = b"".join(tile)
    made["checkpoint"] = checkpoint(origin, len(entries), tree.root(), key)
    return made


def _tiles(items: Sequence[bytes]) -> Iterable[tuple[str, Sequence[bytes]]]:
    for first in range(0, len(items), WIDTH):
        tile = items[first : first + WIDTH]
        partial = "" if len(tile) == WIDTH else f".p/{len(tile)}"
        yield numbered(first // WIDTH) + partial, tile


def write(folder: Path, entries: Sequence[bytes], origin: str, key: Ed25519PrivateKey) -> Tree:
    """The log as a folder."""
    for path, content in files(entries, origin, key).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tree_of(entries)


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Four bytes that say which key a signature line is of."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name: str, key: Ed25519PrivateKey) -> str:
    """The public key as text, as note verifiers take it."""
    public = key.public_key().public_bytes_raw()
    encoded = b64encode(bytes([_ED25519]) + public).decode()
    return f"{name}+{key_id(name, _ED25519, public).hex()}+{encoded}"


def checkpoint(
    origin: str, size: int, root: bytes, key: Ed25519PrivateKey, signer: str | None = None
) -> bytes:
    """A signed note; the key has the origin's name unless `signer` says another."""
    name, text = signer or origin, f"{origin}\n{size}\n{b64encode(root).decode()}\n"
    signed = key_id(name, _ED25519, key.public_key().public_bytes_raw()) + key.sign(text.encode())
    return f"{text}\n\u2014 {name} {b64encode(signed).decode()}\n".encode()


def proof_file(index: int, path: Sequence[bytes], signed: bytes) -> bytes:
    """A c2sp.org/tlog-proof@v1 file over a checkpoint, cosigned or not."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(b64encode(h).decode() for h in path)]
    return "\n".join(lines).encode() + b"\n\n" + signed

"""Merkle trees as of RFC 6962 (SHA-256): hashes, roots, proofs and their verification.

A tree over n leaves is known by the hashes of its complete subtrees: `node(level, index)` is the
hash over the leaves from `index << level` to `(index + 1) << level`. Where these hashes are kept is
the caller's affair. Verification raises IntegrityError; it never returns a bool.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from domain.errors import IntegrityError

SIZE = 32
"""Bytes of a hash."""
EMPTY = sha256(b"").digest()
"""The root of the tree without leaves."""
Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return sha256(b"\1" + left + right).digest()


def folded(hashes: bytes) -> bytes:
    """The hash over a row of 2**k hashes, written one after the other."""
    while len(hashes) > SIZE:
        hashes = b"".join(
            [
                sha256(b"\1" + hashes[at : at + 2 * SIZE]).digest()
                for at in range(0, len(hashes), 2 * SIZE)
            ]
        )
    return hashes


def peaks(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees (level, index) that make up the leaves from `begin` to `end`, from
    the left; `begin` is where the largest of them may start."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield level, begin >> level
        begin += 1 << level


def root(size: int, node: Node) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return _range(0, size, node) if size else EMPTY


def _range(begin: int, end: int, node: Node) -> bytes:
    """MTH over leaves, `begin` being a multiple of the largest power of two below the length."""
    result = b""
    for level, index in reversed(list(peaks(begin, end))):
        here = node(level, index)
        result = node_hash(here, result) if result else here
    return result


def inclusion(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """The audit path of a leaf (RFC 6962, section 2.1.1), from the leaf upwards."""
    if not 0 <= index < size:
        raise IndexError(index)
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + (1 << ((end - begin - 1).bit_length() - 1))
        if index < split:
            path.append(_range(split, end, node))
            end = split
        else:
            path.append(_range(begin, split, node))
            begin = split
    return tuple(reversed(path))


def consistency(old: int, size: int, node: Node) -> tuple[bytes, ...]:
    """That the first `old` leaves are a prefix (RFC 6962, section 2.1.2); empty for 0 and all."""
    if not 0 <= old <= size:
        raise IndexError(old)
    if old in (0, size):
        return ()
    path: list[bytes] = []
    begin, end, whole = 0, size, True
    while old != end:
        split = begin + (1 << ((end - begin - 1).bit_length() - 1))
        if old <= split:
            path.append(_range(split, end, node))
            end = split
        else:
            path.append(_range(begin, split, node))
            begin, whole = split, False
    if not whole:
        path.append(_range(begin, end, node))
    return tuple(reversed(path))


def check_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> None:
    """RFC 9162, section 2.1.3.2; raises IntegrityError("log-proof-wrong")."""
    if not 0 <= index < size or any(len(each) != SIZE for each in path):
        raise IntegrityError("log-proof-wrong")
    place, last, result = index, size - 1, leaf
    for each in path:
        if not last:
            raise IntegrityError("log-proof-wrong")
        if place & 1 or place == last:
            result = node_hash(each, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, each)
        place, last = place >> 1, last >> 1
    if last or result != expected:
        raise IntegrityError("log-proof-wrong")


def check_consistency(
    old: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """RFC 9162, section 2.1.4.2; raises IntegrityError("log-not-consistent")."""
    wrong = IntegrityError("log-not-consistent")
    if not 0 <= old <= size or any(len(each) != SIZE for each in path):
        raise wrong
    if old == size or old == 0:
        if path or (old == size and old_root != new_root) or (old == 0 and old_root != EMPTY):
            raise wrong
        return
    hashes = list(path)
    if old & (old - 1) == 0:  # A complete subtree: its hash is the old root itself.
        hashes.insert(0, old_root)
    if not hashes:
        raise wrong
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = hashes[0]
    for each in hashes[1:]:
        if not last:
            raise wrong
        if place & 1 or place == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, each)
        place, last = place >> 1, last >> 1
    if last or before != old_root or after != new_root:
        raise wrong

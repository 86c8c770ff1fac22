"""RFC 6962 trees against a second implementation, by the definition, and every small proof."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IntegrityError
from infrastructure.evidence import merkle

MOST = 40
LEAVES = [merkle.leaf_hash(b"%d" % n) for n in range(300)]


def root_of(leaves: list[bytes]) -> bytes:
    """MTH, word by word as RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def node(level: int, index: int) -> bytes:
    return root_of(LEAVES[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", [*range(MOST), 255, 256, 257, 300])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert merkle.root(size, node) == root_of(LEAVES[:size])


def test_every_small_inclusion_is_proved_and_nothing_else() -> None:
    for size in range(1, MOST):
        root = root_of(LEAVES[:size])
        for index in range(size):
            path = merkle.inclusion(index, size, node)
            merkle.check_inclusion(LEAVES[index], index, size, path, root)
            wrong = [
                (LEAVES[index + 1], index, size, path),
                (LEAVES[index], (index + 1) % size if size > 1 else 1, size, path),
                (LEAVES[index], index, size, (*path, LEAVES[0])),
                (LEAVES[index], index, size, path[1:] if path else (LEAVES[0],)),
                (LEAVES[index], index, index, path),
                (LEAVES[index], -1, size, path),
            ]
            for leaf, at, among, said in wrong:
                with pytest.raises(IntegrityError):
                    merkle.check_inclusion(leaf, at, among, said, root)


def test_every_small_consistency_is_proved_and_nothing_else() -> None:
    for size in range(1, MOST):
        new = root_of(LEAVES[:size])
        for old in range(size + 1):
            before = root_of(LEAVES[:old])
            path = merkle.consistency(old, size, node)
            merkle.check_consistency(old, before, size, new, path)
            wrong = [(old, LEAVES[0], path), (old, before, (*path, LEAVES[0]))]
            wrong += [(old, before, path[:-1])] if path else []
            wrong += [(old + 1, before, path)] if 0 < old < size else []
            for n, root, said in wrong:
                if (n, root, tuple(said)) == (1, LEAVES[0], path):
                    continue  # The root of one leaf is the leaf.
                with pytest.raises(IntegrityError):
                    merkle.check_consistency(n, root, size, new, said)


@given(st.integers(0, 300), st.integers(0, 300))
def test_peaks_cover_a_range_once(first: int, second: int) -> None:
    end = max(first, second)
    covered = [(index << level, (index + 1) << level) for level, index in merkle.peaks(0, end)]
    assert [start for start, _ in covered] == [0, *(stop for _, stop in covered)][: len(covered)]
    assert (covered[-1][1] if covered else 0) == end

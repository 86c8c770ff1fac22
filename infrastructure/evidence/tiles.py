"""Tiles: the tree and its entries as files of at most 256 (C2SP tlog-tiles).

A tile of level L holds hashes over 256**L leaves each, a bundle holds entries. Both are named by
their number and, while they are not full, by their width. A name never stands for other bytes than
at its first time, except by a fault, which whoever reads finds out by the root.
"""

from collections.abc import Sequence

from domain.errors import IntegrityError

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""
HEIGHT = 8
LARGEST = 0xFFFF
"""Bytes of an entry."""


def tile_name(level: int, number: int, width: int = WIDTH) -> str:
    """`tile/0/x001/x234/067.p/5`."""
    return f"tile/{level}/{_number(number)}{_partial(width)}"


def bundle_name(number: int, width: int = WIDTH) -> str:
    """`tile/entries/x001/x234/067.p/5`."""
    return f"tile/entries/{_number(number)}{_partial(width)}"


def _number(number: int) -> str:
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def pack(entries: Sequence[bytes]) -> bytes:
    """A bundle: each entry behind its length in two bytes, the larger one first."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def unpack(bundle: bytes, width: int) -> list[bytes]:
    """The entries of a bundle; IntegrityError unless it holds exactly so many."""
    entries: list[bytes] = []
    at, end = 0, len(bundle)
    while at < end:
        begin = at + 2
        at = begin + (bundle[at] << 8 | bundle[at + 1] if begin <= end else end)
        entries.append(bundle[begin:at])
    if at != end or len(entries) != width:
        raise IntegrityError("log-bundle-malformed")
    return entries

"""Words of the index that differ from a typed one by a single letter."""

import string
from collections.abc import Collection
from functools import lru_cache

_LETTERS = string.ascii_lowercase + string.digits
MOST = 64
"""So many neighbours are asked for; two-letter words would have hundreds."""


@lru_cache(maxsize=4096)
def one_edit(word: str) -> frozenset[str]:
    """Every text that one letter added, left out, changed or swapped makes of a folded word."""
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    made = {head + tail[1:] for head, tail in halves if tail}
    made |= {head + tail[1] + tail[0] + tail[2:] for head, tail in halves if len(tail) > 1}
    made |= {head + letter + tail[1:] for head, tail in halves if tail for letter in _LETTERS}
    made |= {head + letter + tail for head, tail in halves for letter in _LETTERS}
    return frozenset(made - {word, ""})


def neighbours(vocabulary: Collection[str], word: str) -> list[str]:
    """The words of the vocabulary one edit away; numbers have none."""
    if word.isdigit():
        return []
    return sorted(other for other in one_edit(word) if other in vocabulary)[:MOST]

"""Which terms a page leaves in which field of the index.

A posting of `word`, `pair`, `code` and `organ` lies under the folded form and carries the
spellings that the page uses. So one posting serves the exact and the folded question, a word
typed without marks costs nothing more, and words that differ by marks alone are never merged.

| field | terms |
|---|---|
| `word` | syllables of text, title and code; codes and grouped numbers as one |
| `pair` | two syllables side by side |
| `code` | tokens of the record's own code |
| `written` | tokens of the codes that text and title write |
| `look` | all these tokens with look-alike characters made one |
| `organ` | syllables of the issuing organ |
| `day` | days that text and title write, and the day of issue |
| others | labels, to select by |
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from domain.searching import PageDocument
from domain.text import (
    Form,
    bigrams,
    code_tokens,
    codes,
    dates,
    fold,
    forms,
    look_alike,
    numbers,
)
from domain.values import StreamId
from infrastructure.search.codec import Term

LAYOUT = 2
"""Counts up with every change of this module or of domain/text.py that changes terms: an index of
another layout is rebuilt."""
SPELLED = ("code", "organ", "pair", "word")
LABELS = (
    "agency", "day", "dossier", "issued", "look", "page", "record", "restricted", "signature",
    "status", "type", "written", "year",
)  # fmt: skip
YES, NO = "true", "false"
SAME = b"="
"""The spellings of a posting whose page writes the word without any mark."""
BETWEEN = b"\x1f"
TITLE_WEIGHT = 2


def terms_of(page: PageDocument) -> tuple[dict[str, list[Term]], int]:
    """The terms of a page by field, and its length in syllables."""
    body, title, number = forms(page.text), forms(page.title), forms(page.code)
    both = (page.text, page.title)
    written = {token for text in both for code in codes(text) for token in code.tokens}
    own = code_tokens(page.code)
    joined = {*written, *own}.union(*(numbers(text) for text in both))
    days = {one.on.isoformat() for text in both for one in dates(text)}
    issued = [page.issued_on.isoformat()] if page.issued_on else []
    words = Counter(body)
    for form in (*title, *number):
        words[form] += TITLE_WEIGHT
    for token in joined:
        words.setdefault((token, fold(token)), 1)
    pairs = (pair for part in (body, title, number) for pair in bigrams(part))
    terms = {
        "word": _spelled(words),
        "pair": _spelled(dict.fromkeys(pairs, 1)),
        "code": _spelled(Counter((token, fold(token)) for token in own)),
        "organ": _spelled(Counter(forms(page.organ))),
        "written": _labels(written),
        "look": _labels(look_alike(token) for token in (*written, *own)),
        "day": _labels((*days, *issued)),
        "issued": _labels(issued),
        "year": _labels(day[:4] for day in issued),
        "agency": _labels(page.agencies),
        "restricted": _labels([YES if page.restricted else NO]),
        "status": _labels([YES if page.confirmed else NO]),
        "signature": _labels(page.signatures),
        "type": _labels([page.type_name] if page.type_name else []),
        "dossier": _labels((page.dossier, dossier_key(page.dossier_code))),
        "record": _labels([page.record]),
        "page": _labels([page_key(page.record, page.page)]),
    }  # fmt: skip
    return terms, len(body) + TITLE_WEIGHT * len(title)


def page_key(record: StreamId, page: int) -> str:
    """The label of one page of one record."""
    return f"{record}/{page}"


def dossier_key(code: str) -> str:
    """The label of a dossier's code, whatever signs and case it is typed with."""
    return fold(next(iter(code_tokens(code)), ""))


def _labels(labels: Iterable[str]) -> list[Term]:
    return [(label.encode(errors="replace"), 0, b"") for label in set(labels) if label]


def _spelled(counts: dict[Form, int]) -> list[Term]:
    """One term for all spellings of a folded form."""
    terms: dict[str, tuple[int, bytes]] = {}
    for (exact, folded), count in counts.items():
        value = SAME if exact == folded else exact.encode()
        if (known := terms.get(folded)) is not None:
            count += known[0]
            value = BETWEEN.join((known[1], value))
        terms[folded] = (count, value)
    terms.pop("", None)
    return [(folded.encode(), count, value) for folded, (count, value) in terms.items()]


# ---------------------------------------------------------------- what was put


def store(page: PageDocument) -> dict[str, Any]:
    """The page in plain types: Whoosh pickles it, and no class of ours shall be named there."""
    return {
        "record": str(page.record),
        "page": page.page,
        "dossier": str(page.dossier),
        "dossier_code": page.dossier_code,
        "agencies": sorted(page.agencies),
        "title": page.title,
        "code": page.code,
        "type_name": page.type_name,
        "issued_on": page.issued_on.isoformat() if page.issued_on else None,
        "organ": page.organ,
        "confirmed": page.confirmed,
        "text": page.text,
        "restricted": page.restricted,
        "signatures": sorted(page.signatures),
    }


def restore(stored: dict[str, Any]) -> PageDocument:
    """The page as it was put."""
    issued = stored["issued_on"]
    return PageDocument(
        **{
            **stored,
            "record": StreamId(stored["record"]),
            "dossier": StreamId(stored["dossier"]),
            "agencies": frozenset(StreamId(agency) for agency in stored["agencies"]),
            "signatures": frozenset(stored["signatures"]),
            "issued_on": date.fromisoformat(issued) if issued else None,
        }
    )

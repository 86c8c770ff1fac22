"""Searches whose answer was put on record: what was asked, of which state, and what was found."""

from dataclasses import dataclass

from domain.values import FileObject, PersonalList, PersonalText


@dataclass(frozen=True)
class SearchAttested:
    """A search and all its hits; a stream of its own, so that its words can be forgotten alone."""

    upto: int
    """The journal position that the index had reached."""
    total: int
    """Pages that matched exactly or folded; near matches are no part of it."""
    manifest: FileObject
    """Lines of JSON: where was searched, then a line a hit. The words that were asked for are not
    in it: no bytes that can only be destroyed as a whole hold them."""
    query: PersonalText
    limits: PersonalList
    """The filters, each `name=value`, agencies and dossiers by identity."""


SearchEvent = SearchAttested

"""What is said to people, by code, in their language: the same words on terminal and page."""

from collections.abc import Mapping

from domain.ports import Messages

_DETAILS: Mapping[str, Mapping[str, str]] = {
    "not-permitted": {"action": "action", "reason": "denied"},
    "erasure-decided": {"state": "case"},
    "invalid-identity": {"kind": "kind"},
    "invalid-field": {"field": "name"},
    "invalid-date": {"field": "name"},
    "nothing-to-correct": {"field": "name"},
    "query-bad-value": {"field": "name"},
}
"""Details that are codes themselves, with the prefix of their messages."""


class Speech:
    """One language."""

    def __init__(self, say: Messages) -> None:
        self._say = say

    def text(self, code: str, /, **details: str | int) -> str:
        """A message."""
        return self._say.text(code, **details)

    def has(self, code: str) -> bool:
        """True when there is a message of this code."""
        return self._say.text(code) != code

    def named(self, prefix: str, code: str) -> str:
        """The word for a code of a vocabulary; the code itself for one that has no word."""
        key = f"{prefix}-{code.replace('_', '-')}"
        found = self._say.text(key)
        return code if found == key else found

    def trouble(self, code: str, details: Mapping[str, str | int]) -> str:
        """What happened, what was kept, what to do next."""
        vocabularies = _DETAILS.get(code, {})
        shown = {
            name: self.named(vocabularies[name], str(value)) if name in vocabularies else value
            for name, value in details.items()
        }
        if isinstance(offset := details.get("offset"), int):
            shown["offset"] = offset + 1  # People count characters from one.
        return self.text(code, **shown)

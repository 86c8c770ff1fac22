"""The parser's own words in the user's language: usage lines, headings, and what is wrong.

argparse speaks English and offers no other tongue, so nothing of what it says gets through: known
complaints are put in our words, an unknown one is told without its text.
"""

import argparse
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any, NoReturn

from domain.ports import Messages

_LONGEST = 300


class UsageError(Exception):
    """The command line cannot be read; the text says why, in the user's language."""


class _Formatter(argparse.HelpFormatter):
    """Writes our headings; the options of every command stand below, not in each usage line."""

    def __init__(self, say: Messages, prog: str) -> None:
        super().__init__(prog)
        self.say = say

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        everywhere = self.say.text("help-common")
        own = [
            action
            for action in actions
            if getattr(getattr(action, "container", None), "title", None) != everywhere
        ]
        if prefix is None:
            prefix = self.say.text("usage-prefix")
        super().add_usage(usage, own, groups, prefix)


class Parser(argparse.ArgumentParser):
    """A parser that says everything through the message catalogue."""

    def __init__(self, *, say: Messages, **options: Any) -> None:
        super().__init__(
            formatter_class=partial(_Formatter, say), add_help=False, allow_abbrev=False, **options
        )
        self.say = say
        self._positionals.title = say.text("usage-arguments")
        self._optionals.title = say.text("usage-options")
        self.add_argument("-h", "--help", action="help", help=say.text("help-help"))

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with our words for argparse's."""
        hint = self.say.text("usage-hint", program=self.prog)
        raise UsageError(f"{self.format_usage()}{translated(message, self.say)} {hint}")


COMPLAINTS = tuple(
    (re.compile(pattern, re.DOTALL), code)
    for pattern, code in (
        (r"the following arguments are required: (?P<names>.+)", "usage-required"),
        (r"one of the arguments (?P<names>.+) is required", "usage-one-of"),
        (r"unrecognized arguments: (?P<words>.+)", "usage-unrecognized"),
        (
            r"argument (?P<argument>.+?): invalid choice: (?P<value>.+) "
            r"\(choose from (?P<choices>.+)\)",
            "usage-invalid-choice",
        ),
        (r"argument (?P<argument>.+?): invalid int value: (?P<value>.+)", "usage-not-a-number"),
        (r"argument (?P<argument>.+?): not-a-day", "usage-not-a-day"),
        (r"argument (?P<argument>.+?): not-utf8", "usage-not-utf8"),
        (r"argument (?P<argument>.+?): expected .*arguments?", "usage-value-needed"),
        (r"argument (?P<argument>.+?): ignored explicit argument .*", "usage-no-value"),
        (
            r"argument (?P<argument>.+?): not allowed with argument (?P<other>.+)",
            "usage-not-together",
        ),
    )
)


def translated(message: str, say: Messages) -> str:
    """A complaint of argparse in the user's language."""
    for pattern, code in COMPLAINTS:
        match = pattern.fullmatch(message)
        if match:
            found = match.groupdict()
            return say.text(code, **{name: _shown(text) for name, text in found.items()})
    return say.text("usage-unreadable")


def _shown(text: str) -> str:
    """Without Python's quotes, and no longer than a line or two."""
    plain = text.replace("'", "")
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


# ---------------------------------------------------------------- types of arguments


def words(text: str) -> str:
    """What a person typed, in NFC. Bytes that are no UTF-8 are refused, never guessed at."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("not-utf8") from None
    return unicodedata.normalize("NFC", text)


def day(text: str) -> date:
    """A day as YYYY-MM-DD or dd/mm/yyyy."""
    try:
        if "/" in text:
            number, month, year = (int(part) for part in text.split("/"))
            return date(year, month, number)
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not-a-day") from None

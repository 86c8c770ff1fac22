"""The terminal: answers to standard output, progress and troubles to standard error.

Whatever a stranger wrote, no control character and no direction trick reaches a terminal. A pipe
that was closed at the other end is no trouble: the command goes on and says nothing more.
"""

import io
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from api.speech import Speech
from domain.ports import Messages

_TRICKS = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff0-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff]"
)
"""What JSON would let through to a terminal; inside a string it may be escaped."""


class Console:
    """Knows the language, and where to write what."""

    def __init__(self, say: Messages, *, as_json: bool) -> None:
        self._say = Speech(say)
        self.as_json = as_json
        self.colour = sys.stdout.isatty()
        self._live = sys.stderr.isatty()
        self._open = True
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # JSON is UTF-8 whatever the locale says; a poor terminal sees question marks.
                encoding = "utf-8" if as_json else stream.encoding
                stream.reconfigure(encoding=encoding, errors="replace")

    def text(self, code: str, /, **details: str | int) -> str:
        """A message in the user's language."""
        return self._say.text(code, **details)

    def named(self, prefix: str, code: str) -> str:
        """The word for a code of a vocabulary; the code itself for one that has no word."""
        return self._say.named(prefix, code)

    # ------------------------------------------------------------ standard output

    def line(self, text: str = "") -> None:
        """One line for people."""
        self.raw(clean(text))

    def raw(self, text: str) -> None:
        """A line that is clean already."""
        self._write(sys.stdout, f"{text}\n")

    def json(self, answer: Mapping[str, Any]) -> None:
        """One object on one line."""
        self._write(sys.stdout, f"{to_json(answer)}\n")
        self.flush()

    def flush(self) -> None:
        """Everything is out, or nobody listens."""
        self._write(sys.stdout, "", flush=True)

    # ------------------------------------------------------------ standard error

    def progress(self, what: str, done: int, total: int) -> None:
        """One line that is overwritten on a terminal, and nothing in a log."""
        if self._live:
            name = self.named("progress", what)
            text = self.text("progress-line", what=name, done=done, total=total) if total else name
            end = "\r\x1b[2K" if total and done >= total else ""
            self._write(sys.stderr, f"\r\x1b[2K{clean(text)}{end}", flush=True)

    def trouble(self, code: str, details: Mapping[str, str | int]) -> str:
        """What happened, what was kept, what to do next; also the text of the answer."""
        return self.complain(self._say.trouble(code, details))

    def complain(self, text: str) -> str:
        """A text for standard error, which it gives back."""
        self._write(sys.stderr, "".join(f"{clean(line)}\n" for line in text.splitlines()))
        return text

    def _write(self, stream: TextIO, text: str, *, flush: bool = False) -> None:
        try:
            if self._open:
                stream.write(text)
                if flush:
                    stream.flush()
        except BrokenPipeError:
            self._open = False
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())  # What is still buffered must go somewhere.
            os.close(nowhere)


def clean(text: str) -> str:
    """One line without control characters and direction tricks; every blank is a plain one."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def to_json(answer: Mapping[str, Any]) -> str:
    """JSON in UTF-8 whose strings hold nothing that a terminal would obey."""
    text = json.dumps(answer, ensure_ascii=False)
    return text if text.isprintable() else _TRICKS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]

"""Where a passphrase comes from: a file, a terminal or standard input, never the arguments."""

import sys
from getpass import getpass
from pathlib import Path

from api.console import Console
from domain.errors import InvalidValueError


def read_passphrase(file: str | None, console: Console, *, twice: bool) -> str:
    """The passphrase; at a terminal it is asked for, `twice` when it is a new one."""
    if file is not None:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            raise InvalidValueError("file-unreadable") from exc
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    first = getpass(console.text("ask-passphrase"))
    if twice and getpass(console.text("ask-passphrase-again")) != first:
        raise InvalidValueError("passphrases-differ")
    return first

"""Faults at the n-th call of a port, without a hook in the program: every port is wrapped.

A fault has two sides. Before the call: it failed and nothing was stored. After the call: it was
stored and yet nobody learnt of it, for the process died or the reply was lost. The process is
killed (SIGKILL, nothing is cleaned up), or the port says that the disk is full.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.errors import UnavailableError


class Form(StrEnum):
    """What happens, and on which side of the call."""

    KILLED_BEFORE = "killed-before"
    KILLED_AFTER = "killed-after"
    FAILED_BEFORE = "failed-before"
    FAILED_AFTER = "failed-after"


KILLS = (Form.KILLED_BEFORE, Form.KILLED_AFTER)
FAILURES = (Form.FAILED_BEFORE, Form.FAILED_AFTER)
PORTS = (
    "journal", "objects", "quarantine", "reader", "pictures", "index", "views", "catalogue", "work",
    "history", "erasures", "inspector", "progress",
)  # fmt: skip
"""All but clock and identifiers: nothing is stored there, so no crash can differ by them."""
CONTEXTS = frozenset({"quarantine.receive", "reader.assemble", "reader.read", "index.rebuild"})
"""Their end is a call of its own."""
CHANGES = frozenset(
    {
        "journal.append",
        "objects.put",
        "objects.protect",
        "objects.hold",
        "objects.release",
        "objects.destroy",
        "quarantine.receive",
        "quarantine.receive:end",
        "reader.read:end",
        "views.catch_up",
        "views.forget",
        "index.apply",
        "index.purge",
        "erasures.note",
        "pictures.forget",
        "progress.note",
        "progress.drop",
    }
)
"""Calls that leave something behind; after any other one the world is as it was before it."""


@dataclass
class Fault:
    """Counts calls, and strikes at the `at`-th (0: never)."""

    at: int = 0
    form: Form = Form.KILLED_BEFORE
    calls: list[str] = field(default_factory=list)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        """Makes the call, or not."""
        self.calls.append(name)
        strikes = len(self.calls) == self.at
        if strikes:
            self._strike(Form.KILLED_BEFORE, Form.FAILED_BEFORE)
        result = call()
        if strikes:
            self._strike(Form.KILLED_AFTER, Form.FAILED_AFTER)
        return result

    def _strike(self, killed: Form, failed: Form) -> None:
        if self.form is killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.form is failed:
            raise UnavailableError("disk-full")


class FaultyPort:
    """A port in front of a port."""

    def __init__(self, port: object, name: str, fault: Fault) -> None:
        self._port = port
        self._name = name
        self._fault = fault

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if not callable(value):
            return value
        name = f"{self._name}.{attribute}"

        def call(*args: Any, **kwargs: Any) -> Any:
            if name in CONTEXTS:
                return self._context(name, value(*args, **kwargs))
            return self._fault.around(name, lambda: value(*args, **kwargs))

        return call

    @contextmanager
    def _context(self, name: str, context: Any) -> Iterator[Any]:
        with context as inside:
            self._fault.around(name, lambda: None)
            yield inside
        self._fault.around(f"{name}:end", lambda: None)


def strikes(calls: list[str], forms: tuple[Form, Form]) -> list[tuple[int, Form]]:
    """Every call, and both sides of those that leave something behind.

    After a call that leaves nothing the world is as before the next one.
    """
    before, after = forms
    found = []
    for n, name in enumerate(calls, 1):
        found.append((n, before))
        if name in CHANGES:
            found.append((n, after))
    return found


def strikes_at_changes(calls: list[str], forms: tuple[Form, Form]) -> list[tuple[int, Form]]:
    """Both sides of every call that leaves something behind: all the states there can be."""
    return [(n, form) for n, name in enumerate(calls, 1) if name in CHANGES for form in forms]

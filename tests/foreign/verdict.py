"""What a verifier that others wrote said of something: a word, and theirs as they said it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Verdict:
    """Accepted only where the verifier said so; a hang, a crash or a doubt is a rejection."""

    accepted: bool
    said: str
    """Its own words, for the message of a test that fails; the payload where it hands one out."""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int | None
    """None: it was still running when its time was up."""
    output: str
    """What it wrote for its caller."""
    errors: str

    def verdict(self, *, accepted: bool) -> Verdict:
        """By what the caller read in the words; a program out of time has accepted nothing."""
        words = f"{self.output.strip()}\n{self.errors.strip()}".strip()
        if self.code is None:
            return Verdict(accepted=False, said=f"out of time; {words}")
        return Verdict(accepted, words or f"exit code {self.code}")


def run(command: Sequence[str | Path], seconds: float, given: bytes = b"") -> Ended:
    """Runs a program with a bare environment, `given` on its standard input."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=given,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": "/nonexistent",
                "LC_ALL": "C.UTF-8",
            },
        )
    except subprocess.TimeoutExpired as late:
        return Ended(None, *(_text(raw) for raw in (late.stdout, late.stderr)))
    return Ended(done.returncode, _text(done.stdout), _text(done.stderr))


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")

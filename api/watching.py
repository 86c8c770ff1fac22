"""`chauban watch`: a hot folder for a plain scanner, watched in a process of its own.

That process belongs to `ingest`; this one starts it with a worker beside it, tells people what
became of each file, and ends both when it is told to end.
"""

import json
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from subprocess import Popen
from typing import Any

from api.console import Console
from domain.errors import InvalidValueError
from domain.services import Request

_LONGEST_SETTLE = 3600


def watch(
    chosen: Namespace,
    directory: str,
    request: Request,
    start_worker: Callable[[], Popen[bytes]],
    console: Console,
) -> int:
    """Watches until it is told to stop, or once; 1 when a file was refused or stays."""
    if not 0 <= chosen.settle <= _LONGEST_SETTLE:
        raise InvalidValueError("invalid-settle")
    command = [sys.executable, "-m", "ingest", "--archive", directory, "--watch", chosen.folder]
    command += ["--agent", request.agent.id, "--basis", request.basis.code]
    command += ["--settle", str(chosen.settle), *(["--once"] if chosen.once else [])]
    if request.basis.reference is not None:
        command += ["--reference", request.basis.reference]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE)
    reader = None if chosen.once else start_worker()

    def end(number: int, frame: object) -> None:
        watcher.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if not chosen.once and not console.as_json:
        console.line(console.text("watching", folder=chosen.folder))
        console.flush()
    bad = False
    assert watcher.stdout is not None
    for line in watcher.stdout:
        answer = json.loads(line)
        bad = bad or "error" in answer or answer["state"] in ("refused", "failed")
        _tell(console, answer)
    code = watcher.wait()
    if reader is not None:
        reader.terminate()
        reader.wait()
    elif code == 0:
        start_worker().wait()
    return code or int(bad)


def _tell(console: Console, answer: dict[str, Any]) -> None:
    if console.as_json:
        console.json(answer)
    elif "error" in answer:
        console.trouble(answer["error"], answer["details"])
    else:
        console.line(f"{answer['file']}: {console.named('ingest', answer['state'])}")
        if answer["reason"]:
            console.trouble(answer["reason"], answer["details"])
        for warning in answer["warnings"]:
            console.line(f"  {console.named('warning', warning)}")
        console.flush()

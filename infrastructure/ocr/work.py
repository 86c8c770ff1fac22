"""What a job does, inside the sandbox: inspect a file, read it, put pages of several together,
draw one for the screen, or judge its signatures."""

import json
import os
import socket
import sys
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import ReadingError, RefusedFileError
from domain.papers import PageRead
from infrastructure.ocr import assemble, engine, inspection, sandbox, show, wire
from infrastructure.ocr import read as reading


def warm_up() -> None:
    """Imports and caches, before the first job, what every job needs."""
    engine.warm_up()


class Channel:
    """Reports to the reader outside, a line of JSON a message; any thread may use it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def page(self, page: PageRead) -> None:
        """A page has ended."""
        self._send({"page": asdict(page)})

    def failed(self, code: str) -> None:
        """The job failed with a known code."""
        self._send({"failed": code})

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._connection.sendall(json.dumps(message).encode() + b"\n")


def run(source: int, connection: socket.socket, folder: Path, request: dict[str, Any]) -> None:
    """Does the task of the request and writes its result into the folder."""
    os.environ["TMPDIR"] = str(folder / "tmp")  # noqa: TID251 (a child's own, read by OCRmyPDF)
    channel, limits = Channel(connection), wire.limits_from(request["limits"])
    size = os.fstat(source).st_size
    path = _copy(source, folder / "tmp" / "original")
    result: dict[str, Any]
    if request["task"] == "read":
        found = wire.inspection_from(request["inspection"])
        pixels = max((page.width * page.height for page in found.pages), default=0)
        memory = sandbox.memory_for_reading(size, pixels)
        sandbox.set_limits(limits, memory=memory, pages=len(found.pages))
        try:
            result = reading.read(
                path,
                folder,
                found,
                limits,
                request["threads"],
                channel.page,
                as_it_lies=request["as_it_lies"],
            )
        except ReadingError as error:
            print(error, repr(error.__cause__), file=sys.stderr)
            channel.failed(error.code)
            return
    else:
        sandbox.set_limits(limits, memory=sandbox.memory_for_inspection(limits, size), pages=1)
        if request["task"] == "inspect":
            try:
                result = {"inspection": asdict(inspection.inspect(path, limits))}
            except RefusedFileError as error:
                result = {"refused": error.code}
        elif request["task"] == "assemble":
            target = folder / wire.ASSEMBLED
            sizes, wanted = request["sizes"], request["pages"]
            assemble.assemble(path, sizes, wanted, target, folder / "tmp", limits)
            result = {"tool": asdict(assemble.tool())}
        elif request["task"] == "picture":
            drawn = show.draw(
                path,
                request["page"],
                request["width"],
                request["turned"],
                folder / wire.PICTURE,
                limits,
            )
            result = {"drawn": drawn}
        elif request["task"] == "judge":
            from infrastructure.signatures import judging

            judged = judging.judge_signatures(
                path,
                wire.certificates_from(request["anchors"]),
                datetime.fromisoformat(request["at"]),
            )
            result = {
                "signatures": [asdict(one) for one in judged],
                "tool": asdict(judging.TOOL),
            }
        else:
            # pyHanko is needed for signed files alone: half a second that the others do not pay.
            from infrastructure.signatures.verdicts import inspect_signatures

            result = {"signatures": [asdict(one) for one in inspect_signatures(path)]}
    wire.save(folder / wire.RESULT, result)


def _copy(source: int, target: Path) -> Path:
    """The stranger's file in the job's own folder: the libraries want a path to open."""
    with target.open("wb") as copy:
        while os.sendfile(copy.fileno(), source, None, 1 << 30):
            pass
    return target

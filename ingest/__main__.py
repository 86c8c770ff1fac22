"""`python -m ingest`: the worker process. It holds the lease, or leaves the work to who does.

--archive DIR    the archive
--until-idle     end when nothing is left to be done
--parent PID     end when this process, which started us, is gone

With --watch it is no worker and holds no lease, but takes files out of a hot folder in the name
of --agent and says in a line of JSON what became of each; it ends with 3 where it cannot use the
folder.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from domain.errors import ArchiveError
from domain.values import Basis, StreamId
from infrastructure.bootstrap import (
    Settings,
    messages,
    opened,
    prefers_english,
    read_settings,
    worker_lease,
)
from ingest.hotfolder import HotFolder, Outcome
from ingest.worker import Worker


def main() -> int:
    """Runs the worker; 0 when it ended as asked or another one holds the lease."""
    parser = argparse.ArgumentParser(prog="python -m ingest")
    parser.add_argument("--archive", required=True)
    parser.add_argument("--until-idle", action="store_true")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--watch")
    parser.add_argument("--agent")
    parser.add_argument("--basis")
    parser.add_argument("--reference")
    parser.add_argument("--settle", type=float)
    parser.add_argument("--once", action="store_true")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    settings = read_settings(chosen.archive)
    if chosen.watch is not None:
        return _watch(chosen, settings)
    stop = threading.Event()
    _end_when_told(stop)
    if chosen.parent is not None:
        threading.Thread(target=_end_without, args=[chosen.parent, stop], daemon=True).start()
    with worker_lease(settings) as ours:
        if not ours:
            return 0
        with opened(settings) as house:
            say = messages(english=prefers_english())
            worker = Worker(house.archive, str(house.folder), house.interrupt, say, stop=stop)
            try:
                worker.run(until_idle=chosen.until_idle)
            except ArchiveError as exc:
                logging.getLogger("chauban.worker").error("%s", exc.code)
                return 3
    return 0


def _end_when_told(stop: threading.Event) -> None:
    """A thread sets the event: in a handler, the lock of the event may be held by what it
    interrupted, a wait or a handler before it, and nothing would ever end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def heard(number: int, frame: FrameType | None) -> None:
        """Python itself writes to the pipe."""

    def end() -> None:
        os.read(reading, 1)
        stop.set()

    signal.signal(signal.SIGTERM, heard)
    signal.signal(signal.SIGINT, heard)
    threading.Thread(target=end, daemon=True).start()


def _watch(chosen: Namespace, settings: Settings) -> int:
    with opened(settings) as house:
        hot = HotFolder(
            house.archive,
            StreamId(chosen.agent),
            Basis(chosen.basis, chosen.reference),
            Path(chosen.watch),
            (messages(english=False), messages(english=True)),
            settle=chosen.settle,
        )
        _end_when_told(hot.stop)
        try:
            hot.run(_tell, once=chosen.once)
        except ArchiveError as exc:
            _say({"error": exc.code, "details": exc.details})
            return 3
    return 0


def _tell(outcome: Outcome) -> None:
    _say(asdict(outcome))


def _say(answer: dict[str, object]) -> None:
    assert sys.__stdout__ is not None
    print(json.dumps(answer, default=str), file=sys.__stdout__, flush=True)


def _end_without(parent: int, stop: threading.Event) -> None:
    while os.getppid() == parent and not stop.wait(1):
        pass
    stop.set()


if __name__ == "__main__":
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (libraries print; ours is silent)
    raise SystemExit(main())

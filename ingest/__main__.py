"""`python -m ingest`: the worker process. It holds the lease, or leaves the work to who does.

--archive DIR    the archive
--until-idle     end when nothing is left to be done
"""

import argparse
import logging
import os
import signal
import sys
from types import FrameType

from domain.errors import ArchiveError
from infrastructure.bootstrap import opened, read_settings, worker_lease
from ingest.worker import Worker


def main() -> int:
    """Runs the worker; 0 when it ended as asked or another one holds the lease."""
    parser = argparse.ArgumentParser(prog="python -m ingest")
    parser.add_argument("--archive", required=True)
    parser.add_argument("--until-idle", action="store_true")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    settings = read_settings(chosen.archive)
    with worker_lease(settings) as ours:
        if not ours:
            return 0
        with opened(settings) as house:
            worker = Worker(house.archive, str(house.folder), house.interrupt)

            def end(number: int, frame: FrameType | None) -> None:
                worker.stop.set()

            signal.signal(signal.SIGTERM, end)
            signal.signal(signal.SIGINT, end)
            try:
                worker.run(until_idle=chosen.until_idle)
            except ArchiveError as exc:
                logging.getLogger("chauban.worker").error("%s", exc.code)
                return 3
    return 0


if __name__ == "__main__":
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (libraries print; ours is silent)
    raise SystemExit(main())

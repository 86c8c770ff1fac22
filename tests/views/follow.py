"""Opens the archive in a folder and catches up: `python -m tests.views.follow ROOT TIMES`."""

import sys
from pathlib import Path

from infrastructure.clock import SystemClock
from infrastructure.search.whoosh_index import WhooshIndex
from tests.views.world import World


def main() -> None:
    root = Path(sys.argv[1])
    index = WhooshIndex(root / "index")
    world = World(root, index=index, clock=SystemClock())
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        print(world.views.catch_up(), flush=True)
    world.close()


if __name__ == "__main__":
    main()

"""How fast and how large reading is, against plain Tesseract in the same run.

    python -m bench.reading [--rounds N] [--quick]

Two at a time on two cores. `ratio` is how fast we are of plain `tesseract -l vie+eng` with one
thread, on the same pictures; for memory it is how much of the bound is left over.
The last line is one JSON object {name: {value, reference, ratio}}.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from domain.papers import Limits
from infrastructure.ocr.reader import SandboxedReader
from tests.reading import paper

AT_A_TIME = 2
PEAK_MIB, IDLE_MIB = 700, 150


def plain(picture: Path) -> None:
    """The reference: Tesseract alone, one thread."""
    subprocess.run(
        ["tesseract", str(picture), str(picture.with_suffix("")), "-l", "vie+eng"],
        env={"PATH": os.defpath, "OMP_THREAD_LIMIT": "1"},
        capture_output=True,
        check=True,
    )


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def side_by_side(work: Callable[[Path], None], files: list[Path]) -> float:
    """How long the files take, two at a time."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return seconds(lambda: list(pool.map(work, files)))


def read(reader: SandboxedReader, path: Path) -> None:
    """Ours: inspected, read, PDF/A, words and thumbnails."""
    limits = Limits()
    found = reader.inspect(str(path), limits)
    with reader.read(str(path), found, limits, lambda _page: None) as reading:
        assert reading.pdfa is not None, reading.pdfa_problem


def descendants() -> list[int]:
    """Every process below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found, wave = [], [os.getpid()]
    while wave:
        wave = [pid for pid, parent in parents.items() if parent in wave]
        found += wave
    return found


def mib(pid: int, what: str) -> float:
    """A memory figure of a process (VmRSS, VmHWM), 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Peak:
    """The highest peak of any process below this one while the context lasts."""

    def __enter__(self) -> "Peak":
        self.mib, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.mib = max([self.mib, *(mib(pid, "VmHWM") for pid in descendants())])

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join()


def idle_mib() -> float:
    """Resident memory of the warm process."""
    return max(
        (
            mib(pid, "VmRSS")
            for pid in descendants()
            if b"infrastructure.ocr.warm" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ),
        default=0.0,
    )


def measure(folder: Path, *, rounds: int, many: int, long: int) -> dict[str, dict[str, float]]:
    pictures = [
        paper.jpeg(paper.page(paper.letter(n), seed=n), folder / f"{n}.jpg") for n in range(10)
    ]
    single = [paper.pdf([one], one.with_suffix(".pdf")) for one in pictures]
    fifty = [pictures[n % len(pictures)] for n in range(many)]
    fifty_pdf = paper.pdf(fifty, folder / "many.pdf")
    long_pdf = paper.pdf([pictures[n % 10] for n in range(long)], folder / "long.pdf")
    reader = SandboxedReader(folder / "work", AT_A_TIME)
    ours: dict[str, list[float]] = {"one-page files": [], "one long file": []}
    theirs: dict[str, list[float]] = {"one-page files": [], "one long file": []}
    try:
        side_by_side(lambda path: read(reader, path), single[:2])
        for _round in range(rounds):
            theirs["one-page files"].append(side_by_side(plain, pictures))
            ours["one-page files"].append(side_by_side(lambda path: read(reader, path), single))
            theirs["one long file"].append(side_by_side(plain, fifty))
            ours["one long file"].append(seconds(lambda: read(reader, fifty_pdf)))
        result = {}
        for name, values in ours.items():
            pages = len(pictures) if name == "one-page files" else many
            ratio = statistics.median(
                other / own for own, other in zip(values, theirs[name], strict=True)
            )
            result[f"seconds a page, {name}"] = {
                "value": round(statistics.median(values) / pages, 3),
                "reference": round(statistics.median(theirs[name]) / pages, 3),
                "ratio": round(ratio, 3),
            }
        idle = idle_mib()
        with Peak() as peak:
            read(reader, long_pdf)
    finally:
        reader.close()
    for name, value, bound in (
        ("MiB idle, warm process", idle, IDLE_MIB),
        (f"MiB peak of a process, {long} pages", peak.mib, PEAK_MIB),
    ):
        result[name] = {
            "value": round(value, 1),
            "reference": bound,
            "ratio": round(bound / max(value, 1), 3),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round, short files")
    options = parser.parse_args()
    rounds, many, long = (1, 12, 30) if options.quick else (options.rounds, 50, 300)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), rounds=rounds, many=many, long=long)
    for name, figures in result.items():
        print(
            f"{name:38} {figures['value']:>9} reference {figures['reference']:>8} "
            f"ratio {figures['ratio']:>6}"
        )
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()

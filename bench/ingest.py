"""From a file handed over to pages that can be found, against plain Tesseract in the same run.

    python -m bench.ingest [--rounds N] [--quick]

Reception, reading, storing, signing, views and index, two files at a time on two cores. `ratio`
is how fast that is of plain `tesseract -l vie+eng` with one thread on the same pictures; `read`
begins when the receipts are there, `whole` when the files are handed over.
The last line is one JSON object {name: {value, reference, ratio}}.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.reading import plain, seconds, side_by_side
from domain.dossier import DossierKind
from domain.services import Request
from domain.services.deciding import load, resolve
from domain.services.description import Applicant, open_dossier
from domain.services.reception import open_batch, receive
from domain.values import Basis, CommandId, Kind, StreamId
from infrastructure import bootstrap
from ingest.worker import Worker
from tests.reading import paper


class Office:
    """An archive that takes files in and has them read by a warm worker."""

    def __init__(self, house: bootstrap.House) -> None:
        self.archive = house.archive
        say = bootstrap.messages(english=False)
        self.worker = Worker(house.archive, str(house.folder), house.interrupt, say)
        assert house.default_agent is not None
        self.agent = load(house.archive, house.default_agent).agent()

    def take_in(self, files: list[Path]) -> None:
        """Steps 1 to 4 for all files, in a dossier of their own."""
        self.archive.views.catch_up()
        opened = open_dossier(
            self.archive,
            self._request(),
            kind=DossierKind.PROCEDURE,
            receiving=resolve(self.archive, "H33", Kind.AGENCY),
            deciding=None,
            title="Đo",
            procedure=None,
            code=None,
            applicant=Applicant(),
        )
        target = StreamId(opened.result["id"])
        batch = open_batch(
            self.archive,
            self._request(),
            target,
            files=len(files),
            device=None,
            sheets=None,
            documents=None,
        )
        for file in files:
            with file.open("rb") as source:
                receipt = receive(self.archive, self._request(), batch, source, name=file.name)
            assert receipt.state == "stored", receipt

    def read(self) -> None:
        """Steps 5 to 7 for all that waits."""
        self.worker.run(until_idle=True)
        assert self.archive.index.position() == self.archive.journal.position()

    def _request(self) -> Request:
        return Request(self.agent, CommandId(self.archive.identifiers.new()), Basis("BENCH"))


def measure(folder: Path, *, rounds: int, pages: int) -> dict[str, dict[str, float]]:
    pictures = [
        paper.jpeg(paper.page(paper.letter(n), seed=n), folder / f"{n}.jpg") for n in range(10)
    ]
    singles = [paper.pdf([one], one.with_suffix(".pdf")) for one in pictures]
    many = [pictures[n % len(pictures)] for n in range(pages)]
    kinds = {
        "one-page files": (singles, pictures),
        f"one file of {pages} pages": ([paper.pdf(many, folder / "many.pdf")], many),
    }
    settings = bootstrap.read_settings(str(folder / "archive"), {})
    bootstrap.found_archive(settings, name="Đo", agency="H33", agency_name="UBND")
    ratios: dict[str, list[tuple[float, float, float]]] = {name: [] for name in kinds}
    with bootstrap.opened(settings) as house, bootstrap.worker_lease(settings):
        office = Office(house)
        office.take_in(singles[:2])
        office.read()
        for _ in range(rounds):
            for name, (files, images) in kinds.items():
                theirs = side_by_side(plain, images)
                received = seconds(lambda files=files: office.take_in(files))
                read = seconds(office.read)
                ratios[name].append((theirs, received, read))
    result: dict[str, dict[str, float]] = {}
    for name, rows in ratios.items():
        for part, ours in (("read", lambda row: row[2]), ("whole", lambda row: row[1] + row[2])):
            result[f"{name}, {part}"] = {
                "value": round(statistics.median(ours(row) for row in rows), 2),
                "reference": round(statistics.median(row[0] for row in rows), 2),
                "ratio": round(statistics.median(row[0] / ours(row) for row in rows), 3),
            }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round, ten pages")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(
            Path(folder),
            rounds=1 if chosen.quick else chosen.rounds,
            pages=10 if chosen.quick else 50,
        )
    for name, row in result.items():
        figures = f"{row['value']:8.2f} s  tesseract {row['reference']:7.2f} s  {row['ratio']}"
        print(f"{name:34} {figures}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()

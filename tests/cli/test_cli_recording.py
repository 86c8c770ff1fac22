"""`chauban record …`: pages arranged from the command line, over real scans and a real reader."""

from pathlib import Path

from domain.services import Request, retrieval
from domain.services.deciding import load, resolve
from domain.values import Basis, CommandId, Kind, StreamId
from infrastructure.bootstrap import messages, opened, read_settings
from ingest.worker import Worker
from tests.cli.desk import SENTENCE_A, SENTENCE_B, Chauban


def work(chauban: Chauban) -> None:
    """The worker, until nothing is left to be done."""
    with opened(read_settings(str(chauban.folder), {})) as house:
        say = messages(english=False)
        Worker(house.archive, str(house.folder), house.interrupt, say).run(until_idle=True)


def texts(chauban: Chauban, record: str) -> list[str]:
    return [page["text"] for page in chauban.json("show", record)["pages"]]


def test_pages_are_arranged_from_scan_to_search(
    chauban: Chauban, record_a: str, papers: Path
) -> None:
    other = chauban.json("ingest", str(papers / "b.jpg"), "--dossier", "HS-A")["record"]
    merged = chauban.json("record", "merge", record_a, other)
    assert merged.keys() == {"event", "record"}
    assert merged["record"] == record_a
    pending = chauban.json("work")["pending"]
    assert [(one["record"], one["task"]) for one in pending if one["task"] == "read"] == [
        (record_a, "read")
    ]
    work(chauban)
    first, second = texts(chauban, record_a)
    assert (SENTENCE_A in first, SENTENCE_B in second) == (True, True)
    assert chauban.json("show", other)["absorbed_into"] == record_a

    chauban.json("record", "order", record_a, "2,1")
    chauban.json("record", "turn", record_a, "2", "--by", "180")
    work(chauban)
    second, first = texts(chauban, record_a)
    assert SENTENCE_B in second
    assert SENTENCE_A not in first, "it stands on its head, as it was laid"
    chauban.json("record", "turn", record_a, "2", "--by", "180")

    part = chauban.json("record", "split", record_a, "1")["record"]
    work(chauban)
    assert SENTENCE_B in texts(chauban, part)[0]
    assert SENTENCE_A in texts(chauban, record_a)[0]
    hits = chauban.json("search", f'"{SENTENCE_B}"')["hits"]
    assert part in {hit["record"] for hit in hits}

    code = chauban.json("dossier", "open", "--agency", "H33.05", "--title", "Hồ sơ khác")["dossier"]
    assert chauban.refused("record", "move", part, code) == "reason-required"
    chauban.json("record", "move", part, code, "--why", "xếp nhầm hồ sơ")
    assert chauban.json("show", part)["dossier"] == code
    chauban.json("record", "withdraw", part, "--why", "quét nhầm")
    assert chauban.json("show", code)["records"] == []
    told = chauban("history", code).out
    assert "quét nhầm" in told
    assert chauban.json("verify")["ok"]
    assert chauban.json("verify")["findings"] == []


def test_what_cannot_be_arranged_is_refused(chauban: Chauban, record_a: str, record_b: str) -> None:
    assert chauban.refused("record", "turn", record_a, "2", "--by", "90") == "invalid-pages"
    assert chauban.refused("record", "turn", record_a, "1", "--by", "45") == "usage"
    assert chauban.refused("record", "order", record_a, "1-") == "invalid-pages"
    assert chauban.refused("record", "order", record_a, "1") == "nothing-to-arrange"
    assert chauban.refused("record", "split", record_a, "1") == "split-empty"
    assert chauban.refused("record", "merge", record_a, record_b) == "other-dossier"
    clerk = ("--as", "Quét B")
    assert chauban.refused("record", "turn", record_a, "1", "--by", "90", *clerk) == "not-found"
    auditor = ("--as", "Thanh tra")
    code = chauban.refused("record", "turn", record_a, "1", "--by", "90", *auditor)
    assert code == "not-permitted"


def test_a_page_is_drawn_for_the_screen_and_no_picture_outlives_its_record(
    chauban: Chauban, record_a: str
) -> None:
    target = StreamId(record_a)
    folder = chauban.folder / "run" / "pictures"
    with opened(read_settings(str(chauban.folder), {})) as house:
        archive = house.archive
        archive.views.catch_up()
        agent = load(archive, resolve(archive, str(house.default_agent), Kind.AGENT)).agent()
        request = Request(agent, CommandId(archive.identifiers.new()), Basis("33/2024/QH15"))
        drawn = retrieval.page_picture(archive, request, target, 1, 800)
        assert drawn[:3] == b"\xff\xd8\xff"
        assert retrieval.thumbnail(archive, request, target, 1)[:3] == b"\xff\xd8\xff"
        assert len(list(folder.iterdir())) == 1
    chauban.json("isolate", record_a, "--why", "giấy của người khác")
    assert list(folder.iterdir()) == []

"""Signed papers: judged on arrival, found by the verdict, judged again by other anchors."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from tests.cli.desk import PAPER_A, PAPER_B, REPOSITORY, Chauban, environment, scan
from tests.pages.site import PASSWORD, serving
from tests.reading import paper
from tests.signatures.pki import Authorities
from tests.signatures.signed import painted_over

_DOSSIER = "HS-KY"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, authorities: Authorities) -> Chauban:
    """An archive that took in a paper with a valid signature and one that was painted over."""
    folder = tmp_path_factory.mktemp("signed")
    made = Chauban(folder / "archive")
    made.json("init", "--name", "Tỉnh thử nghiệm", "--agency", "H33")
    configure(made, authorities, "root")
    made.json("dossier", "open", "--agency", "H33", "--title", "Hồ sơ ký số", "--code", _DOSSIER)
    for name, lines in (("valid", PAPER_A), ("painted", PAPER_B)):
        picture = scan(folder / f"{name}.jpg", lines)
        made_of = paper.pdf([picture], folder / f"{name}.pdf")
        signed = authorities.sign(made_of.read_bytes(), level="lta")
        made_of.write_bytes(painted_over(signed) if name == "painted" else signed)
        answer = made.json("ingest", str(made_of), "--dossier", _DOSSIER)
        assert answer["state"] == "stored", answer
    return made


def configure(chauban: Chauban, authorities: Authorities, *names: str) -> None:
    """These certificates and no others are believed from now on."""
    folder = chauban.keys / "anchors"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name in names:
        (folder / f"{name}.pem").write_bytes(authorities.pem(name))


def work(chauban: Chauban) -> None:
    """The worker, until nothing is left to be done."""
    subprocess.run(
        [sys.executable, "-m", "ingest", "--archive", str(chauban.folder), "--until-idle"],
        cwd=REPOSITORY, env=environment(chauban.folder), check=True, timeout=120,
    )  # fmt: skip


def verdicts(chauban: Chauban) -> list[list[str]]:
    """Of each record, in its order: the verdicts on its signatures."""
    shown = chauban.json("show", _DOSSIER)["records"]
    return [[each["verdict"] for each in one["judgements"]] for one in shown]


def found(chauban: Chauban, query: str) -> int:
    return int(chauban.json("search", query)["total"])


def test_a_signed_paper_is_judged_on_arrival(house: Chauban) -> None:
    assert verdicts(house) == [["valid", "valid"], ["changed-after-signing"] * 2]
    record = house.json("show", _DOSSIER)["records"][0]["record"]
    first = house.json("show", record)["judgements"][0]
    assert first["signer"].startswith("Common Name: Test officer")
    assert (first["time"], first["revocation"], first["anchor_count"]) == ("proved", "good", 1)
    told = house("show", record).out
    assert "Chữ ký số hợp lệ, Common Name: Test officer" in told
    assert "giờ ký có dấu thời gian làm chứng" in told


def test_papers_are_found_by_the_verdict(house: Chauban) -> None:
    assert found(house, "chữ-ký:hợp-lệ") == 1
    assert found(house, 'chu-ky:"hợp lệ"') == 1
    assert found(house, "signature:changed-after-signing") == 1
    assert found(house, "chu-ky:co") == 2
    assert found(house, "chu-ky:bi-thu-hoi") == 0
    assert house.refused("search", "chu-ky:dep") == "query-bad-value"


def test_the_record_page_tells_who_when_and_what_it_does_not_prove(house: Chauban) -> None:
    agent = house.json("agent", "add", "Lưu trữ A", "--role", "archivist", "--agency", "H33")
    link = house.json("user", "add", agent["agent"], "reader")["link"]
    record = house.json("show", _DOSSIER)["records"][0]["record"]
    with (
        serving(house, "--no-worker") as site,
        httpx.Client(base_url=site.address, timeout=60) as http,
    ):
        http.post(link, data={"password": PASSWORD, "again": PASSWORD})
        http.post("/sign-in", data={"login": "reader", "password": PASSWORD, "next": "/"})
        vietnamese = http.get(f"/records/{record}").text
        hit = http.get("/search", params={"q": "chu-ky:hop-le"}).text
        http.get("/language?to=en")
        english = http.get(f"/records/{record}").text
    assert "Chữ ký số hợp lệ" in vietnamese
    assert "Test officer" in vietnamese
    assert "Chữ ký số hợp lệ" in hit
    assert "Valid signature" in english
    assert "time proved by a timestamp" in english
    assert "nor who held the key" in english


def test_other_anchors_judge_again_and_the_old_judgement_stays(
    house: Chauban, authorities: Authorities
) -> None:
    before = house.events()
    work(house)
    assert house.events() == before, "the same anchors judge nothing twice"
    configure(house, authorities, "stranger")
    work(house)
    assert verdicts(house)[0] == ["unknown-issuer"] * 2
    assert found(house, "chu-ky:hop-le") == 0
    configure(house, authorities)
    work(house)
    assert verdicts(house)[0] == ["no-anchors"] * 2
    configure(house, authorities, "root")
    work(house)
    assert verdicts(house) == [["valid", "valid"], ["changed-after-signing"] * 2]
    assert house.events() == before + 6
    record = house.json("show", _DOSSIER)["records"][0]["record"]
    told = [each["type"] for each in house.json("history", record)["events"]]
    assert told.count("signatures-judged/1") == 4
    assert house.json("verify")["findings"] == []


def test_an_anchor_that_cannot_be_read_judges_nothing(
    house: Chauban, authorities: Authorities
) -> None:
    before = house.events()
    (house.keys / "anchors" / "half.pem").write_bytes(authorities.pem("stranger")[:200])
    work(house)
    assert house.events() == before
    checks = {each["name"]: each for each in house.json("doctor", code=1)["checks"]}
    assert not checks["anchors"]["ok"]
    assert "half.pem" in checks["anchors"]["what"]
    (house.keys / "anchors" / "half.pem").unlink()
    checks = {each["name"]: each for each in house.json("doctor")["checks"]}
    assert checks["anchors"]["ok"]
    assert "2060-01-01" in checks["anchors"]["what"]


def test_what_is_to_be_judged_is_found_by_an_index(house: Chauban) -> None:
    """The worker asks every minute, also of an archive with a million signed papers."""
    with closing(sqlite3.connect(house.folder / "views.sqlite")) as views:
        (table,) = (
            name
            for (name,) in views.execute("select name from sqlite_master where type = 'table'")
            if name.startswith("work") and name.endswith("judged")
        )
        asked = f"select record from {table} where anchors < 'x' or anchors > 'x'"  # noqa: S608
        plan = [row[-1] for row in views.execute(f"explain query plan {asked}")]
    assert not any(step.startswith("SCAN") for step in plan), plan

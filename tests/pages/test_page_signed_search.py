"""A signed search result from the page: who is offered it, what comes, and what the record says."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.pages.conftest import Visits
from tests.pages.site import Site

QUERY = "biên bản kiểm kê"
ASKED = f"q={quote(QUERY)}&dossier=HS-A"


def export(site: Site, login: str, query: str = ASKED, command: str = "") -> str:
    """The address of the result."""
    with site.client(login) as client:
        form = {"query": query, **({"command": command} if command else {})}
        answer = client.post("/search/signed", form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


def test_an_auditor_takes_the_result_away_and_anybody_checks_it(
    own_site: Site, tmp_path: Path
) -> None:
    with own_site.client("auditor") as client:
        page = client.get(f"/search?{ASKED}").text
        assert "Xuất kết quả có ký" in page
        answer = client.post("/search/signed", {"query": ASKED, "command": "c1"})
        again = client.post("/search/signed", {"query": ASKED, "command": "c1"})
        assert again.headers["location"] == answer.headers["location"]
        file = client.get(answer.headers["location"])
        assert file.headers["content-type"] == "application/json"
        assert re.search(
            r'attachment; filename="ket-qua-tim-kiem-\d+-3\.json"',
            file.headers["content-disposition"],
        )
        members = json.loads(file.content)
        assert (members["query"], members["count"]) == (QUERY, 3)
        assert [hit["page"] for hit in members["hits"]] == [1, 2, 3]
        assert members["filters"].keys() == {"dossier"}
        assert members["asked_by"]["role"] == "auditor"
        events = client.get(f"/audit/events?agent={members['asked_by']['agent']}").text
        assert "Ghi nhận kết quả tìm kiếm có ký" in events
        assert QUERY in events
        assert (
            "kết quả tìm kiếm có ký"
            in client.get(f"/audit/history/{answer.headers['location'].rpartition('/')[2]}").text
        )
    chauban = own_site.chauban
    saved = tmp_path / "result.json"
    saved.write_bytes(file.content)
    checked = chauban.json("search", "--check", str(saved))
    assert (checked["ok"], checked["same"], checked["altered"]) == (True, 3, [])
    members["hits"].pop()
    saved.write_text(json.dumps(members))
    checked = chauban.json("search", "--check", str(saved), code=1)
    assert checked["altered"] == ["hits"]
    assert [hit["page"] for hit in checked["additional"]] == [3]
    said = chauban("search", "--check", str(saved))
    assert "KHÔNG" in said.out
    assert "hits" in said.out


def test_who_may_not_is_not_offered_it(site: Site) -> None:
    for login in ("clerk", "leader"):
        with site.client(login) as client:
            assert "/search/signed" not in client.get(f"/search?{ASKED}").text
            answer = client.post("/search/signed", {"query": ASKED})
            assert answer.status_code == 403
    with site.client("archivist") as client:
        assert "/search/signed" in client.get(f"/search?{ASKED}").text


def test_an_empty_result_is_a_result(site: Site) -> None:
    with site.client("auditor") as client:
        assert "/search/signed" in client.get("/search?q=khongcogi&year=1901").text
        members = json.loads(client.get(export(site, "auditor", "q=khongcogi&year=1901")).content)
    assert (members["count"], members["hits"]) == (0, [])


@pytest.mark.parametrize("query", ["q=%22chua", "q=dat&from=32/13/2020"])
def test_what_cannot_be_searched_is_told_on_the_page(site: Site, query: str) -> None:
    with site.client("auditor") as client:
        answer = client.post("/search/signed", {"query": query})
    assert answer.status_code == 422
    assert 'href="#signed"' in answer.text


def test_the_file_is_for_who_could_have_asked_for_it(site: Site, tmp_path: Path) -> None:
    address = export(site, "auditor")
    with site.client("clerk") as client:
        assert client.get(address).status_code == 403
    with site.client("archivist") as client:
        content = client.get(address).content
        assert client.get("/search/signed/none").status_code == 404
        assert client.get("/search/signed/search-none").status_code == 404
    (tmp_path / "result.json").write_bytes(content)
    check = ("search", "--check", str(tmp_path / "result.json"))
    for agency in ("H33.05", "H33.06"):
        site.chauban.json("agent", "add", agency, "--role", "archivist", "--agency", agency)
    assert site.chauban.json("--as", "H33.05", *check)["ok"]
    assert site.chauban.refused("--as", "H33.06", *check) == "not-found"


def test_the_command_line_exports_the_same(site: Site, tmp_path: Path) -> None:
    chauban, saved = site.chauban, tmp_path / "result.json"
    assert chauban.refused("search", QUERY, "--signed") == "signed-search-output"
    made = chauban.json("search", QUERY, "--signed", "-o", str(saved))
    members = json.loads(saved.read_text())
    assert made["event"] == members["event"]
    assert made["count"] == members["count"] == 3
    position = chauban.json("log", "status")["size"]
    assert chauban.refused("search", QUERY, "--signed", "-o", str(saved)) == "file-exists"
    assert chauban.json("log", "status")["size"] == position
    assert chauban.json("search", "--check", str(saved))["ok"]
    forged = saved.read_text().replace('"query": ', '"query": "KHONG CO GI",\n"query": ')
    forged = forged.replace('"count": 3', '"count": 0,\n"count": 3', 1)
    saved.write_text(forged.replace("{", '{"hello\\u001b[2J": "world",', 1))
    checked = chauban.json("search", "--check", str(saved), code=1)
    assert checked["altered"] == ["query", "count", "hello\x1b[2J"]
    assert "hello\ufffd[2J" in chauban("search", "--check", str(saved)).out
    saved.write_text("{}")
    assert chauban.refused("search", "--check", str(saved)) == "not-a-signed-search"
    assert "3" in chauban("search", QUERY, "--signed", "-o", str(tmp_path / "2.json")).out


@pytest.mark.services
@pytest.mark.parametrize("english", [False, True])
def test_it_works_in_a_browser_without_script(site: Site, visits: Visits, *, english: bool) -> None:
    page = visits.open(site, "auditor", f"/search?{ASKED}", english=english, script=False)
    name = "Export a signed result" if english else "Xuất kết quả có ký"
    page.get_by_text(name).first.click()
    with page.expect_download() as downloading:
        page.locator("form#signed button").click()
    members = json.loads(Path(downloading.value.path()).read_bytes())
    assert members["count"] == 3
    assert not visits.troubles

"""The limits and orders of a search: what the search page and `chauban search` know."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.v1 import openapi
from tests.api.caller import Program, problem, until
from tests.pages.site import Site

WORDS = "đất đai"
"""Stands on the page of HS-A's first paper and on all pages of its second one."""
OLDER, NEWER = "2024-05-01", "2026-04-20"


@pytest.fixture(scope="module")
def papers(archivist: Program) -> tuple[str, str]:
    """HS-A's papers: one of 2026 that was confirmed, and one of 2024 that was not."""
    listed = archivist.get("/dossiers/HS-A").json()["records"]
    first, second = sorted(listed, key=lambda each: int(each["page_count"]))
    for paper, day in ((first, NEWER), (second, OLDER)):
        body = {"field": "issued_on", "value": day, "reason": "Ghi theo bản giấy"}
        answer = archivist.post(f"/records/{paper['record']}/corrections", body)
        assert answer.status_code == 201, answer.text
    confirmed = archivist.post(f"/records/{first['record']}/confirmation")
    assert confirmed.status_code == 201, confirmed.text
    newest = confirmed.json()["position"]
    until(lambda: archivist.get("/status").json()["indexed"] >= newest)
    return first["record"], second["record"]


def search(program: Program, **asked: Any) -> Mapping[str, Any]:
    named = {"from" if name == "since" else name: value for name, value in asked.items()}
    answer = program.get("/search", params={"q": WORDS, "limit": 200, **named})
    assert answer.status_code == 200, answer.text
    found: Mapping[str, Any] = answer.json()
    return found


def records(program: Program, **asked: Any) -> list[str]:
    """The records of the hits, each once, in their order."""
    return list(dict.fromkeys(hit["record"] for hit in search(program, **asked)["hits"]))


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"since": "2026-04-20"}, {NEWER}),
        ({"since": "20/4/2026"}, {NEWER}),
        ({"since": "2026-04-21"}, set()),
        ({"to": "2024-05-01"}, {OLDER}),
        ({"to": "2024-04-30"}, set()),
        ({"since": "2024-05-01", "to": "2026-04-20"}, {OLDER, NEWER}),
        ({"since": "2024-05-02", "to": "2026-04-19"}, set()),
        ({"since": "2026-04-21", "to": "2024-04-30"}, set()),
        ({"since": "", "to": ""}, {OLDER, NEWER}),
        ({"confirmed": "true"}, {NEWER}),
        ({"confirmed": "false"}, {OLDER}),
        ({"confirmed": "false", "since": "2026-01-01"}, set()),
        ({"year": 2024, "confirmed": "false", "agency": "H33.05"}, {OLDER}),
    ],
)
def test_days_of_issue_and_confirmation_limit_a_search(
    clerk: Program, papers: tuple[str, str], asked: Mapping[str, Any], wanted: set[str]
) -> None:
    days = dict(zip(papers, (NEWER, OLDER), strict=True))
    assert {days[each] for each in records(clerk, **asked)} == wanted


def test_a_search_in_one_dossier(archivist: Program, papers: tuple[str, str]) -> None:
    identity = archivist.get("/dossiers/HS-A").json()["id"]
    other = {"agency": "H33.05", "title": "Hồ sơ trống", "kind": "work-file"}
    empty = archivist.post("/dossiers", other).json()["dossier"]
    for name in ("HS-A", "hs-a", identity):
        assert set(records(archivist, dossier=name)) == set(papers)
    assert records(archivist, dossier=empty) == []
    foreign = search(archivist, q="trạm bơm", dossier="HS-B")
    assert foreign["hits"]
    assert {hit["dossier"] for hit in foreign["hits"]} == {"HS-B"}


def test_a_dossier_out_of_sight_is_like_one_that_is_not(
    clerk: Program, papers: tuple[str, str]
) -> None:
    hidden = search(clerk, q="trạm bơm", dossier="HS-B")
    missing = search(clerk, q="trạm bơm", dossier="HS-KHÔNG-CÓ")
    assert hidden == missing
    assert (hidden["total"], hidden["hits"]) == (0, [])


def test_hits_stand_in_the_order_that_was_asked_for(
    clerk: Program, papers: tuple[str, str]
) -> None:
    newer, older = papers
    assert records(clerk, sort="newest") == [newer, older]
    assert records(clerk, sort="oldest") == [older, newer]
    assert search(clerk, sort="best") == search(clerk)
    pages = [search(clerk, sort="oldest", limit=1, offset=n)["hits"] for n in range(4)]
    assert [hit for page in pages for hit in page] == search(clerk, sort="oldest")["hits"]


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"from": "32/13/2020"}, "search-bad-day", "from"),
        ({"to": "hôm qua"}, "search-bad-day", "to"),
        ({"from": "2026-04-20 x"}, "search-bad-day", "from"),
        ({"to": "9" * 41}, "request-invalid", "query.to"),
        ({"confirmed": "có"}, "request-invalid", "query.confirmed"),
        ({"sort": "longest"}, "request-invalid", "query.sort"),
        ({"dossier": "x" * 121}, "request-invalid", "query.dossier"),
    ],
)
def test_a_limit_that_means_nothing_is_refused_by_name(
    clerk: Program, asked: Mapping[str, str], code: str, field: str
) -> None:
    answer = clerk.get("/search", params={"q": WORDS, **asked})
    assert problem(answer, 422) == code
    assert answer.json()["details"]["field"] == field


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-01-01", "sort": "oldest"},
        {"to": "31/12/2025", "dossier": "HS-A"},
        {"confirmed": "true", "sort": "newest"},
        {"dossier": "HS-A", "sort": "oldest", "confirmed": "false"},
    ],
)
def test_the_command_line_answers_the_same(
    site: Site, archivist: Program, papers: tuple[str, str], asked: Mapping[str, str]
) -> None:
    words = [word for name, value in asked.items() for word in (f"--{name}", value)]
    said = site.chauban.json("search", WORDS, "--limit", "200", *words)
    answer = archivist.get("/search", params={"q": WORDS, "limit": 200, **asked}).json()
    assert answer["hits"] == said["hits"] != []
    assert (answer["total"], answer["facets"]) == (said["total"], said["facets"])


def test_the_document_describes_each_limit_with_an_example() -> None:
    parameters = openapi()["paths"]["/api/v1/search"]["get"]["parameters"]
    described = {each["name"]: each for each in parameters}
    for name in ("from", "to", "dossier", "confirmed", "sort"):
        assert described[name]["description"], name
        assert described[name]["schema"]["examples"], name
        assert not described[name]["required"], name

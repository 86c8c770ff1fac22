"""A history page by page: every event once, whatever is hidden in it or comes meanwhile."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Program, calling, problem, token_of, until
from tests.cli.desk import scan
from tests.pages.site import Site

LINES = {"Accept": "application/x-ndjson"}
CORRECTIONS = 6


@pytest.fixture(scope="module")
def dossier(archivist: Program) -> str:
    """A dossier with seven events: it was opened, and its title corrected six times."""
    body = {"agency": "H33.05", "title": "Hồ sơ 0", "kind": "work-file"}
    code = str(archivist.post("/dossiers", body).json()["dossier"])
    for n in range(1, CORRECTIONS + 1):
        correct(archivist, code, f"Hồ sơ {n}")
    until(lambda: len(positions(archivist, f"/dossiers/{code}/history")) == CORRECTIONS + 1)
    return code


def correct(program: Program, code: str, title: str) -> int:
    """Another title; the position of its event."""
    body = {"field": "title", "value": title, "reason": "Ghi nhầm"}
    answer = program.post(f"/dossiers/{code}/corrections", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


def positions(program: Program, path: str, **asked: Any) -> list[int]:
    answer = program.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return [each["position"] for each in answer.json()["events"]]


def pages(program: Program, path: str, limit: int, **asked: Any) -> list[list[int]]:
    """The positions of each page, from the first to the one without `next`."""
    found: list[list[int]] = []
    cursor: dict[str, str] = {}
    for _ in range(50):
        answer = program.get(path, params={"limit": limit, **asked, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append([each["position"] for each in page["events"]])
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(1, [1] * 7), (2, [2, 2, 2, 1]), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (8, [7])],
)
def test_a_history_comes_page_by_page_without_a_gap(
    archivist: Program, dossier: str, limit: int, sizes: list[int]
) -> None:
    path = f"/dossiers/{dossier}/history"
    found = pages(archivist, path, limit)
    assert [len(page) for page in found] == sizes
    together = [each for page in found for each in page]
    assert together == positions(archivist, path)
    assert together == sorted(set(together))


def test_a_history_without_a_cursor_has_the_members_it_always_had(
    archivist: Program, dossier: str
) -> None:
    whole = archivist.get(f"/dossiers/{dossier}/history").json()
    assert whole.keys() == {"events", "next"}
    assert whole["next"] is None
    lines = archivist.get(f"/dossiers/{dossier}/history", headers=LINES).text.splitlines()
    assert [json.loads(line) for line in lines] == whole["events"]


def test_lines_go_on_behind_a_cursor_and_know_no_pages(archivist: Program, dossier: str) -> None:
    path = f"/dossiers/{dossier}/history"
    first = archivist.get(path, params={"limit": 3}).json()
    asked = {"cursor": first["next"], "limit": 1}
    rest = archivist.get(path, params=asked, headers=LINES).text.splitlines()
    seen = [each["position"] for each in first["events"]]
    assert seen + [json.loads(line)["position"] for line in rest] == positions(archivist, path)


def test_a_history_up_to_a_moment_has_pages_that_end_there(
    archivist: Program, dossier: str
) -> None:
    path = f"/dossiers/{dossier}/history"
    upto = positions(archivist, path)[4]
    assert [len(page) for page in pages(archivist, path, 2, at=upto)] == [2, 2, 1]
    assert [len(page) for page in pages(archivist, path, 5, at=upto)] == [5]
    assert pages(archivist, path, 2, at=0) == [[]]


def test_what_happens_meanwhile_comes_on_the_last_page(archivist: Program) -> None:
    body = {"agency": "H33.05", "title": "Hồ sơ đang đọc", "kind": "work-file"}
    code = archivist.post("/dossiers", body).json()["dossier"]
    path = f"/dossiers/{code}/history"
    correct(archivist, code, "Lần 1")
    until(lambda: len(positions(archivist, path)) == 2)
    first = archivist.get(path, params={"limit": 1}).json()
    newest = correct(archivist, code, "Lần 2")
    until(lambda: newest in positions(archivist, path))
    rest = archivist.get(path, params={"cursor": first["next"]}).json()
    assert [each["data"]["value"] for each in rest["events"]] == ["Lần 1", "Lần 2"]
    assert rest["next"] is None


def test_an_isolated_paper_makes_no_page_shorter(
    archivist: Program, clerk: Program, tmp_path: Path
) -> None:
    """Else the length of a page would tell that something is hidden."""
    body = {"agency": "H33.05", "title": "Có giấy của người khác", "kind": "work-file"}
    code = archivist.post("/dossiers", body).json()["dossier"]
    path = f"/dossiers/{code}/history"
    content = scan(tmp_path / "x.jpg", ("GIẤY CỦA NGƯỜI KHÁC NỮA",)).read_bytes()
    record = clerk.send(clerk.batch(code), content).json()["record"]
    until(lambda: record in archivist.get(path).text)
    isolation = {"ground": "stranger", "reason": "Lẫn vào hồ sơ"}
    assert clerk.post(f"/records/{record}/isolation", isolation).status_code == 201
    last = correct(archivist, code, "Tên sau khi cách ly")
    until(lambda: positions(archivist, path)[-1] == last)
    until(lambda: record not in {each["stream"] for each in archivist.get(path).json()["events"]})
    whole = positions(archivist, path)
    hidden = set(range(whole[0], last + 1)) - set(whole)
    assert len(hidden) >= 3  # Received, registered, isolated.
    for limit in range(1, len(whole) + 1):
        found = pages(archivist, path, limit)
        assert [each for page in found for each in page] == whole
        assert {len(page) for page in found[:-1]} <= {limit}
        assert found[-1]


def test_the_history_of_a_record_has_pages_too(archivist: Program, record_a: str) -> None:
    path = f"/records/{record_a}/history"
    whole = positions(archivist, path)
    assert len(whole) > 2
    assert pages(archivist, path, 1) == [[each] for each in whole]


def test_a_cursor_of_nothing_is_refused(archivist: Program, dossier: str) -> None:
    path = f"/dossiers/{dossier}/history"
    listed = archivist.get("/dossiers", params={"limit": 1}).json()["next"]
    own = archivist.get(path, params={"limit": 1}).json()["next"]
    made = [
        urlsafe_b64encode(text.encode()).decode()
        for text in ("history -1", "history 1_0", "history ٣", f"history {'9' * 40}", "history ")
    ]
    for cursor in (listed, "", "x", "é", own[:-1], *made):
        for headers in ({}, LINES):
            answer = archivist.get(path, params={"cursor": cursor}, headers=headers)
            code = problem(answer, 422)
            assert code == "invalid-cursor", cursor
    assert problem(archivist.get("/dossiers", params={"cursor": own}), 422) == "invalid-cursor"
    for limit in ("0", "1001", "x"):
        answer = archivist.get(path, params={"limit": limit})
        assert problem(answer, 422) == "request-invalid"


def test_a_cursor_opens_nothing_to_who_may_not_read(
    site: Site, archivist: Program, dossier: str
) -> None:
    cursor = archivist.get(f"/dossiers/{dossier}/history?limit=1").json()["next"]
    with calling(site, token_of(site, "other-clerk")) as other:
        answer = other.get(f"/dossiers/{dossier}/history", params={"cursor": cursor})
    assert problem(answer, 404) == "not-found"

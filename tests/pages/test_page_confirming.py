"""Comparing with the paper without a script: every button is a form, every deed an event."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.cli.desk import Chauban
from tests.pages.site import Client, Site

_FIELD = re.compile(r'name="(version|holder|pages)" value="([^"]*)"')


@pytest.fixture
def desk(own_site: Site) -> Iterator["Desk"]:
    with ExitStack() as open_clients:
        yield Desk(own_site, open_clients)


class Desk:
    """Visitors of one server, and what it knows of the papers of HS-A."""

    def __init__(self, site: Site, clients: ExitStack) -> None:
        self.site = site
        self.chauban: Chauban = site.chauban
        self._clients = clients

    def visitor(self, login: str) -> Client:
        return self._clients.enter_context(self.site.client(login))

    def records(self, code: str = "HS-A") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.chauban.json("show", code)["records"]
        return found

    def three_pages(self) -> str:
        record: str = self.records()[1]["record"]
        return record


def form_of(client: Client, record: str, **more: str) -> dict[str, str]:
    """What the forms of the screen carry along."""
    answer = client.get(f"/confirm/{record}")
    assert answer.status_code == 200, answer.text
    return {**dict(_FIELD.findall(answer.text)), **more}


def do(client: Client, record: str, deed: str, **more: str) -> httpx.Response:
    return client.post(f"/confirm/{record}/{deed}", form_of(client, record, **more))


def until_read(client: Client, record: str) -> None:
    """The part of the page that refreshes itself says when the reading has ended."""
    end = monotonic() + 90
    while monotonic() < end:
        if client.get(f"/confirm/{record}/state").headers.get("hx-refresh") == "true":
            return
        sleep(0.3)
    pytest.fail("the record was not read")


def test_the_queue_shows_what_waits_and_leads_on_after_each_word(desk: Desk) -> None:
    clerk = desk.visitor("clerk")
    queue = clerk.get("/confirm").text
    first, second = (each["record"] for each in desk.records())
    assert f"/confirm/{first}" in queue
    assert f"/confirm/{second}" in queue
    assert "HS-B" not in queue, "another agency's dossier"
    assert clerk.get("/confirm/HS-A").headers["location"] == f"/confirm/{first}"

    fields = form_of(clerk, first, command="mot-lan")
    answer = clerk.post(f"/confirm/{first}/confirm", fields)
    assert answer.headers["location"].startswith(f"/confirm/{second}?")
    again = clerk.post(f"/confirm/{first}/confirm", fields)
    assert again.headers["location"] == answer.headers["location"], "a second click"
    assert do(clerk, second, "confirm").headers["location"].startswith("/confirm?")
    assert "không còn tài liệu chờ" in clerk.get("/confirm/HS-A").text
    assert all(each["confirmed"] for each in desk.records())


def test_pages_are_turned_reordered_and_split_over_untouched_bytes(desk: Desk) -> None:
    clerk, record = desk.visitor("clerk"), desk.three_pages()
    before = desk.chauban.json("show", record)
    assert do(clerk, record, "arrange", do="right-2").status_code == 303
    assert do(clerk, record, "arrange", do="earlier-3").status_code == 303
    assert "đang được đọc" in clerk.get(f"/confirm/{record}").text
    assert do(clerk, record, "arrange", order="2,1,3", turned="0,0,180").status_code == 303
    until_read(clerk, record)
    assert do(clerk, record, "split", page="3").status_code == 303
    until_read(clerk, record)
    assert do(clerk, record, "confirm").status_code == 303
    names = [e["type"] for e in desk.chauban.json("history", record)["events"]]
    assert sum("arranged" in name for name in names) == 3
    assert sum("split" in name for name in names) == 1
    assert len(desk.records()) == 3
    after = desk.chauban.json("show", record)
    assert after["representations"][0] == before["representations"][0]


def test_two_clerks_on_one_record_overwrite_nobody(desk: Desk) -> None:
    clerk, officer = desk.visitor("clerk"), desk.visitor("officer")
    record = desk.three_pages()
    seen = form_of(officer, record)
    assert do(clerk, record, "arrange", order="3,2,1").status_code == 303
    for deed, more in (
        ("arrange", {"do": "right-1"}),
        ("split", {"page": "2"}),
        ("withdraw", {"withdraw-reason": "quét nhầm"}),
        ("confirm", {}),
    ):
        late = officer.post(f"/confirm/{record}/{deed}", {**seen, **more})
        assert late.status_code == 409, deed
        assert "Tài liệu này vừa thay đổi" in late.text
    names = [e["type"] for e in desk.chauban.json("history", record)["events"]]
    assert sum("arranged" in name for name in names) == 1
    assert len(desk.records()) == 2


def test_an_isolated_record_is_gone_and_a_second_click_is_harmless(desk: Desk) -> None:
    clerk, record = desk.visitor("clerk"), desk.three_pages()
    without = do(clerk, record, "isolate", **{"isolate-reason": "giấy của nhà khác"})
    assert without.status_code == 422
    fields = form_of(
        clerk, record, command="cach-ly", ground="stranger", **{"isolate-reason": "giấy nhà khác"}
    )
    first = clerk.post(f"/confirm/{record}/isolate", fields)
    once = desk.chauban.events()
    again = clerk.post(f"/confirm/{record}/isolate", fields)
    assert desk.chauban.events() == once
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert "Đã cách ly" in clerk.get(first.headers["location"]).text
    assert record not in clerk.get("/confirm").text
    for address in (f"/confirm/{record}", f"/records/{record}/pages/1/picture"):
        assert clerk.get(address).status_code == 404, address


def test_a_record_is_moved_merged_and_withdrawn(desk: Desk) -> None:
    clerk = desk.visitor("clerk")
    desk.chauban.json(
        "dossier", "open", "--agency", "H33.05", "--title", "Đúng chỗ", "--code", "HS-C",
        "--work-file",
    )  # fmt: skip
    first, second = (each["record"] for each in desk.records())
    unknown = do(clerk, first, "move", dossier="HS-B", **{"move-reason": "nhầm hồ sơ"})
    assert unknown.status_code == 422, "a dossier of another agency does not exist here"
    assert "Không có hồ sơ nào" in unknown.text
    merged = do(clerk, first, "merge", other=second)
    assert merged.status_code == 303, merged.text
    assert clerk.get(f"/confirm/{second}").status_code == 409
    moved = do(clerk, first, "move", dossier="hs-c", **{"move-reason": "nhầm hồ sơ"})
    assert moved.status_code == 303
    assert [each["record"] for each in desk.records("HS-C")] == [first]
    until_read(clerk, first)
    gone = do(clerk, first, "withdraw", **{"withdraw-reason": "quét nhầm"})
    assert gone.status_code == 303, gone.text
    assert desk.records("HS-C") == []


def test_who_may_not_confirm_is_told_no_more_than_is_due(site: Site) -> None:
    records = site.chauban.json("show", "HS-A")["records"]
    record = records[0]["record"]
    with site.client("other-clerk") as other, site.client("auditor") as auditor:
        for address in (f"/confirm/{record}", "/confirm/HS-A", f"/confirm/{record}/state"):
            assert other.get(address).status_code == 404, address
            assert auditor.get(address).status_code == 403, address
        for deed in ("confirm", "arrange", "isolate", "withdraw", "move", "split", "merge"):
            sent = {
                "version": "5", "ground": "other", "isolate-reason": "x", "withdraw-reason": "x",
                "move-reason": "x", "dossier": "HS-B", "order": "1", "page": "2", "pages": "2",
                "other": records[1]["record"],
            }  # fmt: skip
            assert other.post(f"/confirm/{record}/{deed}", sent).status_code == 404, deed
        assert other.post(f"/confirm/{record}/nothing", {}).status_code == 404
    assert [e["confirmed"] for e in site.chauban.json("show", "HS-A")["records"]] == [False, False]


@pytest.mark.parametrize(
    "address",
    ["/confirm?after=x", "/confirm/nothing", "/confirm/record-1?page=x", "/confirm/a/b/c"],
)
def test_odd_addresses_are_no_trouble_of_ours(site: Site, address: str) -> None:
    with site.client("clerk") as clerk:
        assert clerk.get(address).status_code in (200, 404)

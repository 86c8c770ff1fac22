"""The station without a browser: finding, opening, sending a form, watching, receipts."""

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from tests.pages.site import Client, Site, serving

RECEIPT = re.compile(r"/station/receipts/(record-[0-9a-f-]+)")


def opened(client: Client, code: str, **fields: str) -> str:
    """A new dossier's screen."""
    answer = client.post(
        "/station/dossiers", {"title": "Hồ sơ thử", "kind": "work-file", "code": code, **fields}
    )
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["location"]).path


def sent(client: Client, screen: str, paper: str, site: Site, **fields: str) -> httpx.Response:
    """A form with one file, as a browser without a script sends it."""
    content = (site.chauban.folder.with_name("papers") / paper).read_bytes()
    return client.post(f"{screen}/files", fields, files={"files": (paper, content)})


def test_a_dossier_is_found_by_what_a_scanner_types(site: Site) -> None:
    with site.client("clerk") as client:
        places = {
            client.get("/station/find", params={"dossier": typed}).headers["location"]
            for typed in (
                "HS-A",
                " hs-a ",
                "]Q1HS-A",
                "HS\u2013A",
                f"{site.address}/station/HS-A",
                "https://chauban.example/dossiers/HS-A?at=3",
            )
        }
        assert len(places) == 1
        assert "HS-A" in client.get(places.pop()).text


def test_what_is_not_within_reach_is_not_there(site: Site) -> None:
    with site.client("clerk") as client, site.client("other-clerk") as other:
        for typed in ("HS-B", "HS-NIRGENDS", "", "../../etc/passwd", "\x00", "x" * 5000):
            answer = client.get("/station/find", params={"dossier": typed})
            assert answer.status_code == 404
            assert "Không thấy hồ sơ" in answer.text
            assert "Hồ sơ HS-B" not in answer.text
        own = other.get("/station/find?dossier=HS-B").headers["location"]
        for address in (own, f"{own}/state", f"{own}/events"):
            assert client.get(address).status_code == 404
    with site.client("auditor") as auditor:
        assert auditor.get("/station/HS-A").status_code == 403


def test_a_second_click_opens_no_second_dossier(site: Site) -> None:
    with site.client("clerk") as client:
        fields = {"title": "Hai lần bấm", "kind": "work-file", "command": "click-1"}
        places = {client.post("/station/dossiers", fields).headers["location"] for _ in range(2)}
        assert len(places) == 1
        assert "done=station-opened" in places.pop()


def test_a_form_with_a_mistake_keeps_what_was_typed(site: Site) -> None:
    with site.client("clerk") as client:
        for wrong in ({"code": "?"}, {"title": ""}, {"kind": "x"}, {"procedure": "x"}):
            fields = {"title": "Đất", "kind": "work-file", "applicant": "Ông <b>", **wrong}
            answer = client.post("/station/dossiers", fields)
            assert answer.status_code == 422, wrong
            assert "Ông &lt;b&gt;" in answer.text
            assert "govuk-error-summary" in answer.text


def test_a_form_without_a_script_sends_and_the_screen_follows(own_site: Site) -> None:
    with own_site.client("clerk") as client:
        screen = opened(client, "ST-1")
        answer = sent(client, screen, "d.jpg", own_site, sheets="2", command="form-1")
        assert answer.status_code == 303, answer.text
        again = sent(client, screen, "d.jpg", own_site, sheets="2", command="form-1")
        assert again.headers["location"] == answer.headers["location"]
        first = client.get(screen).text
        assert len(set(RECEIPT.findall(first))) == 1
        assert "thiếu 1 tờ" in first
        end = time.monotonic() + 40
        while "Tìm được" not in (now := client.get(f"{screen}/state").text):
            assert time.monotonic() < end, now
            time.sleep(0.2)
        assert 'http-equiv="refresh"' not in client.get(screen).text
        assert "ST-1" in client.get("/station").text
        receipt = client.get(f"/station/receipts/{RECEIPT.findall(now)[0]}").text
        assert "Tỉnh thử nghiệm" in receipt
        assert "Không chứng minh" in receipt


def test_a_form_that_cannot_be_taken_says_why(site: Site) -> None:
    with site.client("clerk") as client:
        screen = opened(client, "ST-2")
        for wrong in ({"sheets": "hai"}, {"sheets": "0"}, {"secrecy": "x"}):
            answer = sent(client, screen, "d.jpg", site, device="Máy A", **wrong)
            assert answer.status_code == 422, wrong
            assert "Máy A" in answer.text
        assert client.post(f"{screen}/files", {}, files={"x": b""}).status_code == 422
        secret = sent(client, screen, "d.jpg", site, secrecy="mat")
        assert secret.status_code == 303
        assert RECEIPT.findall(client.get(screen).text) == []


def test_a_dead_worker_is_named_and_scans_are_received_all_the_same(own_site: Site) -> None:
    own_site.stop()
    with serving(own_site.chauban, "--no-worker") as site, site.client("clerk") as client:
        screen = opened(client, "ST-3")
        assert sent(client, screen, "d.jpg", site).status_code == 303
        page = client.get(screen).text
        assert "Việc nền đang không chạy" in page
        assert "Đã nhận, chờ đọc" in page
        assert 'http-equiv="refresh"' in page
    with serving(own_site.chauban) as site, site.client("clerk") as client:
        end = time.monotonic() + 30
        while "Việc nền đang không chạy" in client.get(f"{screen}/state").text:
            assert time.monotonic() < end
            time.sleep(0.2)


def test_the_stream_tells_each_change_and_ends_when_the_server_stops(own_site: Site) -> None:
    with own_site.client("clerk") as client, own_site.client("clerk") as other:
        screen = opened(client, "ST-4")
        with client.http.stream("GET", f"{screen}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.iter_lines()
            assert "chưa có bản quét" in "".join(_event(lines))
            assert sent(other, screen, "d.jpg", own_site).status_code == 303
            seen = ""
            for _ in range(60):
                if "Tìm được" in seen:
                    break
                seen = "".join(_event(lines))
            assert "Tìm được" in seen
            began = time.monotonic()
            assert own_site.stop() == 0
            assert time.monotonic() - began < 10


def _event(lines: Iterator[str]) -> list[str]:
    """The lines of the next event; comments keep the connection alive and say nothing."""
    found: list[str] = []
    for line in lines:
        if not line and any(each.startswith("data:") for each in found):
            assert any(re.fullmatch(r"id: \d+", each) for each in found)
            return found
        found.append(line)
    return found


def test_a_session_watches_with_few_streams_only(site: Site) -> None:
    with site.client("clerk") as client:
        screen = opened(client, "ST-5")
        streams = [client.http.stream("GET", f"{screen}/events") for _ in range(5)]
        answers = [stream.__enter__() for stream in streams]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        for stream in streams:
            stream.__exit__(None, None, None)


def test_who_signed_out_watches_no_longer(site: Site) -> None:
    with site.client("clerk") as client:
        screen = opened(client, "ST-6")
        assert client.get(f"{screen}/state").status_code == 200
        client.post("/sign-out")
        assert client.get(f"{screen}/state").headers["location"].startswith("/sign-in")
        watched = client.get(f"{screen}/events", headers={"Accept": "text/event-stream"})
        assert watched.status_code == 204, "a browser asks no more, and complains of no page"


def test_a_paper_without_a_scan_and_a_stranger_have_no_receipt(site: Site) -> None:
    with site.client("clerk") as client, site.client("other-clerk") as other:
        record = RECEIPT.findall(client.get("/station/HS-A").text)[0]
        assert client.get(f"/station/receipts/{record}").status_code == 200
        assert other.get(f"/station/receipts/{record}").status_code == 404
        for odd in ("x", "dossier-x", "record-x", "record-" + "0" * 4000):
            assert client.get(f"/station/receipts/{odd}").status_code == 404


def test_every_word_is_english_for_who_asks_for_english(site: Site) -> None:
    with site.client("clerk") as client:
        client.get("/language?to=en")
        for address in ("/station", "/station/HS-A"):
            page = client.get(address).text
            assert "Scanning station" in page
            assert "page-station" not in page

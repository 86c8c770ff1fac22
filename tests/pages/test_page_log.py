"""The transparency log on the pages: its state, what outsiders confirm, what somebody kept."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page

from domain.refusals import Refusal
from domain.services import proving
from infrastructure import bootstrap
from infrastructure.clock import SystemClock
from infrastructure.evidence import merkle
from infrastructure.evidence.notes import (
    COSIGNATURE,
    VerifierKey,
    parse_body,
    parse_note,
    unb64,
    verifier_key,
)
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.evidence.refusals import SqliteRefusals
from tests.api.caller import until
from tests.cli.desk import Chauban, record_of
from tests.evidence import authorities, witnessing
from tests.pages.conftest import Visits
from tests.pages.site import Client, Site, copied, serving
from tests.pages.test_page_audit import text_of
from tests.services import program

AXE = Path(__file__).parents[2] / ".tools/assets/tests/axe.min.js"
NOBODY_OUTSIDE = "Không có cơ quan bên ngoài nào xác nhận thời điểm"


@pytest.fixture(scope="module")
def site(prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(copied(prepared_site, tmp_path_factory.mktemp("log")), "--no-worker") as running:
        yield running


@pytest.fixture
def archivist(site: Site) -> Iterator[Client]:
    with site.client("archivist") as client:
        yield client


def verifier(client: Client) -> VerifierKey:
    return VerifierKey.parse(client.get("/audit/log/vkey").text)


def newest(client: Client) -> str:
    answer = client.get("/audit/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="checkpoint-\d+\.txt"', answer.headers["content-disposition"]
    )
    return answer.text


def grown(site: Site) -> None:
    """A further event, in the log."""
    made = site.chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
    proof = site.chauban.folder.parent / f"{made['event']}.tlog-proof"
    site.chauban.json("log", "proof", made["event"], "-o", str(proof))


def asked(client: Client, **form: str) -> httpx.Response:
    """The answer about a kept checkpoint."""
    answer = client.post("/audit/log/kept", form)
    return client.get(answer.headers["location"]) if answer.status_code == 303 else answer


@pytest.mark.parametrize("login", ["auditor", "archivist", "admin"])
def test_the_log_tells_its_state_its_key_and_who_confirms_it(site: Site, login: str) -> None:
    with site.client(login) as client:
        page = client.get("/audit/log")
        key = verifier(client)
        body = parse_body(parse_note(newest(client).encode()).text)
    assert page.status_code == 200
    text = text_of(page.text)
    assert key.text.split("+")[2] in page.text.replace("&#43;", "+")
    assert key.name in text
    assert str(body.size) in text
    assert NOBODY_OUTSIDE in text
    assert "Không chứng minh được gì" in text


def test_the_log_is_for_who_checks_the_archive(site: Site) -> None:
    for login in ("clerk", "officer", "handler", "leader", "records"):
        with site.client(login) as client:
            for path in ("", "/checkpoint", "/vkey", "/consistency?old=1", "/kept"):
                assert client.get(f"/audit/log{path}").status_code == 403, (login, path)


def test_what_waits_is_told_until_it_is_in_the_log(own_site: Site) -> None:
    own_site.chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
    with own_site.client("auditor") as client:
        first = text_of(client.get("/audit/log").text)
        assert "1 sự kiện đang chờ" in first or "Đầy đủ" in first
        until(lambda: "Đầy đủ" in client.get("/audit/log").text)


@dataclass(frozen=True)
class Later:
    """The clock of a machine some time from now."""

    ahead: timedelta

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


def test_an_event_that_waits_for_more_than_a_minute_is_late(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    chauban = copied(prepared_site, tmp_path)
    with bootstrap.opened(bootstrap.read_settings(chauban.folder)) as house:
        archive, later = house.archive, replace(house.archive, clock=Later(timedelta(minutes=2)))
        assert not proving.is_late(later, archive.log.state())
        chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
        state = archive.log.state()
        assert state.waiting == 1
        assert not proving.is_late(archive, state)
        assert proving.is_late(later, state)
        proving.advance(archive)
        assert not proving.is_late(later, archive.log.state())


def test_a_log_that_was_taken_back_stands_still_and_says_why(own_site: Site) -> None:
    """The journal is an older copy than what was signed: the cell beside the keys knows."""
    chauban = own_site.chauban
    own_site.stop()
    journal = chauban.folder / "journal.sqlite"
    older = journal.read_bytes()
    chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
    chauban.json("log", "export", str(chauban.folder.with_name("out")))
    journal.write_bytes(older)
    with serving(chauban, "--no-worker") as site, site.client("admin") as client:
        page = text_of(client.get("/audit/log").text)
    assert "Đã dừng" in page
    assert "kho là một bản cũ hoặc đã mất sự kiện" in page


@pytest.mark.services
def test_who_outside_confirmed_what_and_when_is_told_and_handed_out(
    prepared_site: Chauban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visits: Visits
) -> None:
    """A witness and two authorities as processes of their own vouch for a checkpoint."""
    chauban = copied(prepared_site, tmp_path)
    state = chauban.json("log", "status")
    keys = tmp_path / "authority"
    keys.mkdir()
    with (
        witnessing.ours(tmp_path / "witness", [(state["origin"], state["key"])]) as (url, vkey),
        authorities.running(keys) as stamps,
    ):
        policy, roots = tmp_path / "policy", tmp_path / "roots.pem"
        policy.write_text(f"log {state['key']}\nwitness w {vkey} {url}\nquorum w\n")
        roots.write_bytes(stamps.pem("root-a", "root-b"))
        env = {
            "CHAUBAN_LOG_POLICY": str(policy),
            "CHAUBAN_TSA": " ".join(f"{each}={stamps.url(each)}" for each in ("one", "two")),
            "CHAUBAN_TSA_CA": str(roots),
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert chauban.json("log", "attest")["made"]
    for name in env:
        monkeypatch.delenv(name)
    with serving(chauban, "--no-worker") as site, site.client("auditor") as client:
        page = client.get("/audit/log").text
        told = text_of(page)
        assert NOBODY_OUTSIDE not in told
        assert witnessing.NAME in told
        assert "chứng thư đến" in told
        links = re.findall(r'href="(/audit/log/attested/\d+/[a-z]+)"', page)
        assert [each.rpartition("/")[2] for each in links] == ["checkpoint", "one", "two"]
        note = client.get(links[0])
        parse_note(note.content).by(verifier(client))
        parse_note(note.content).by(VerifierKey.parse(vkey))
        (tmp_path / "note").write_bytes(note.content)
        for link in links[1:]:
            token = client.get(link)
            assert token.headers["content-type"] == "application/timestamp-reply"
            (tmp_path / "token.tsr").write_bytes(token.content)
            words = ("ts", "-verify", "-data", "note", "-in", "token.tsr", "-CAfile", "roots.pem")
            done = subprocess.run(
                [program("openssl"), *words], cwd=tmp_path, capture_output=True, check=False
            )
            assert b"Verification: OK" in done.stdout, (done.stdout, done.stderr)
        assert client.get(links[0].replace("/checkpoint", "/nobody")).status_code == 404
        (stream,) = re.findall(r'href="/audit/history/(log-[^"]+)"', page)
        history = text_of(client.get(f"/audit/history/{stream}").text)
        assert f"Nhân chứng: {witnessing.NAME}" in history
        assert re.search(r"Dấu thời gian: one \d\d/\d\d/\d{4} \d\d:\d\d:\d\d", history)
        for english in (False, True):
            shown = visits.open(site, "auditor", "/audit/log", english=english)
            fits_and_is_accessible(shown)


def test_an_alarm_of_a_witness_is_the_first_thing_on_the_page(
    prepared_site: Chauban, tmp_path: Path, visits: Visits
) -> None:
    chauban = copied(prepared_site, tmp_path)
    name, key = "witness.example/w", Ed25519PrivateKey.generate()
    origin = chauban.json("log", "status")["origin"]
    policy = tmp_path / "policy"
    policy.write_text(
        f"log {chauban.json('log', 'status')['key']}\n"
        f"witness w {verifier_key(name, key, COSIGNATURE).text} https://witness.invalid\nquorum w\n"
    )
    memory = bootstrap.read_settings(str(chauban.folder), {}).keys / "refusals.sqlite"
    kept = SqliteRefusals(memory)
    details = {"witness": name, "size": 5, "status": 409}
    kept.keep(Refusal(name, origin, "witness-forked", details, SystemClock().now()))
    kept.close()
    env = {"CHAUBAN_LOG_POLICY": str(policy)}
    with serving(chauban, "--no-worker", env=env) as site:
        with site.client("auditor") as client:
            page = text_of(client.get("/audit/log").text)
        assert page.index("BÁO ĐỘNG: nhân chứng đã ký một lịch sử khác") < page.index(
            "Tình trạng hiện nay"
        )
        assert f"nhân chứng {name} đã ký xác nhận một lịch sử khác" in page
        assert "hãy ngừng cấp chứng cứ" in page
        assert re.search(r"Nhân chứng từ chối từ lúc \d\d/\d\d/20\d\d \d\d:\d\d:\d\d\.", page)
        fits_and_is_accessible(visits.open(site, "auditor", "/audit/log"))
        memory.unlink()
        memory.write_bytes(b"no database")
        with site.client("auditor") as client:
            assert re.search(
                r"Cần xử lý .*refusals\.sqlite", text_of(client.get("/audit/log").text)
            )


def fits_and_is_accessible(page: Page) -> None:
    for width in (1280, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))")
        assert found == [], (page.url, width)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, (page.url, width)


# ---------------------------------------------------------------- kept checkpoints


def test_todays_log_is_the_kept_one_or_continues_it(site: Site, archivist: Client) -> None:
    kept = newest(archivist)
    same = asked(archivist, kept=kept)
    assert "Có, nối tiếp đúng" in same.text
    assert "không thêm, không bớt" in same.text
    grown(site)
    # As a browser sends what was pasted: other line ends, the last one lost.
    later = asked(archivist, kept=kept.strip().replace("\n", "\r\n"))
    assert later.status_code == 200
    assert "Có, nối tiếp đúng" in later.text
    (address,) = re.findall(r'href="(/audit/log/consistency\?old=\d+)"', later.text)
    proof = archivist.get(address).text
    head, _, note = proof.partition("\n\n")
    old, *hashes = head.split("\n")
    was = parse_body(parse_note(kept.encode()).text)
    signed = parse_note(note.encode())
    signed.by(verifier(archivist))
    now = parse_body(signed.text)
    assert old == f"old {was.size}"
    assert now.size > was.size
    path = [unb64(each) for each in hashes]
    merkle.check_consistency(was.size, was.root, now.size, now.root, path)


def test_a_file_is_as_good_as_its_text_and_a_proof_as_a_checkpoint(
    site: Site, archivist: Client
) -> None:
    proof = archivist.get("/audit/events/3/proof").content
    for content in (newest(archivist).encode(), proof, b"\xef\xbb\xbf" + proof):
        answer = archivist.http.post(
            "/audit/log/kept",
            data={"csrf": archivist.token(), "kept": ""},
            files={"file": ("kept.txt", content)},
        )
        assert answer.status_code == 303
        assert urlsplit(answer.headers["location"]).path == "/audit/log/kept"
        assert "Có, nối tiếp đúng" in archivist.get(answer.headers["location"]).text


def test_what_is_no_checkpoint_of_this_log_is_told_at_the_field(
    prepared_site: Chauban, archivist: Client, tmp_path: Path
) -> None:
    kept = newest(archivist)
    forged = re.sub(r"^(\d+)$", "3", kept, flags=re.MULTILINE)
    other = Chauban(tmp_path / "other")
    other.json("init", "--name", "Kho khác", "--agency", "H34")
    other.json("log", "export", str(tmp_path / "out"))
    foreign = (tmp_path / "out" / "checkpoint").read_text()
    for text, told in (
        ("", "Chưa có gì để so"),
        ("<b>abc</b>", "không phải là điểm kiểm"),
        ("x" * 20_000, "không phải là điểm kiểm"),
        (forged, "không do khóa nào của nhật ký minh bạch này ký"),
        (foreign, "không do khóa nào của nhật ký minh bạch này ký"),
    ):
        answer = asked(archivist, kept=text)
        assert answer.status_code == 422
        assert told in answer.text
        assert 'href="#kept"' in answer.text
        assert "<b>abc" not in answer.text
    assert archivist.get("/audit/log/kept", params={"note": forged}).status_code == 422
    assert archivist.get("/audit/log/kept").status_code == 303


def test_a_log_that_does_not_continue_what_was_kept_is_an_alarm(own_site: Site) -> None:
    """An older copy of everything but the kept checkpoint; then one that grew otherwise."""
    chauban = own_site.chauban
    own_site.stop()
    chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
    older = copied(chauban, chauban.folder.with_name("older"))
    chauban.json("correct", "HS-A", "phone", "0911111111", "--why", "Đổi số")
    chauban.json("log", "export", str(chauban.folder.with_name("out")))
    kept = (chauban.folder.with_name("out") / "checkpoint").read_text()
    with serving(older, "--no-worker") as site, site.client("archivist") as client:
        answer = asked(client, kept=kept)
        assert answer.status_code == 200
        assert "Không nối tiếp" in answer.text
        assert "phần cuối đã mất" in answer.text
    older.json("correct", "HS-A", "phone", "0922222222", "--why", "Đổi số")
    older.json("correct", "HS-A", "phone", "0933333333", "--why", "Đổi số")
    older.json("log", "export", str(chauban.folder.with_name("out-2")))
    with serving(older, "--no-worker") as site, site.client("archivist") as client:
        answer = asked(client, kept=kept)
        assert "Không nối tiếp" in answer.text
        assert "có sự kiện bị sửa" in answer.text
        assert "consistency?old" not in answer.text


# ---------------------------------------------------------------- proofs of events


def test_each_event_of_a_history_has_its_proof_and_is_noted_as_read(
    site: Site, archivist: Client
) -> None:
    page = archivist.get("/audit/history/HS-A").text
    positions = [int(each) for each in re.findall(r"/audit/events/(\d+)/proof", page)]
    assert positions == [int(each) for each in re.findall(r'id="e(\d+)"', page)]
    key = verifier(archivist)
    for position in positions[:3]:
        got = archivist.get(f"/audit/events/{position}/proof")
        assert got.headers["content-type"] == "text/plain; charset=utf-8"
        name = f'attachment; filename="su-kien-{position}.tlog-proof"'
        assert got.headers["content-disposition"] == name
        envelope = archivist.get(f"/audit/events/{position}/envelope")
        assert f"su-kien-{position}.jws" in envelope.headers["content-disposition"]
        proof = parse_proof(got.content)
        assert proof.index == position - 1
        check_proof(proof, envelope.content, [key])
    reads = text_of(archivist.get("/audit/reads/HS-A").text)
    assert f"bằng chứng sự kiện {positions[0]}" in reads
    assert "sự kiện đã ký" in reads


def test_who_may_not_see_a_history_gets_no_proof_of_it(site: Site) -> None:
    with site.client("archivist") as client:
        page = client.get("/audit/history/HS-A").text
        position = max(int(each) for each in re.findall(r'id="e(\d+)"', page))
    for login in ("other-clerk", "other-archivist", "admin"):
        with site.client(login) as client:
            for what in ("proof", "envelope"):
                for event in (position, 10**9, "0", "x"):
                    answer = client.get(f"/audit/events/{event}/{what}")
                    assert answer.status_code == 404, (login, event)


def test_an_isolated_record_has_no_proof_in_any_stream(own_site: Site) -> None:
    """Its receipt stands in the batch, which the dossier's readers may else see."""
    chauban = own_site.chauban
    record = record_of(chauban, "HS-A")
    with own_site.client("archivist") as client:
        page = client.get("/audit/history/HS-A").text
        before = {int(each) for each in re.findall(r'id="e(\d+)"', page)}
        chauban.json("isolate", record, "--why", "Bí mật nhà nước")

        def hidden() -> set[int]:
            page = client.get("/audit/history/HS-A").text
            return before - {int(each) for each in re.findall(r'id="e(\d+)"', page)}

        until(hidden)
        for position in sorted(hidden()):
            assert client.get(f"/audit/events/{position}/proof").status_code == 404, position
            assert client.get(f"/audit/events/{position}/envelope").status_code == 404, position


def test_the_receipt_of_a_clerk_becomes_a_proof(site: Site) -> None:
    record = record_of(site.chauban, "HS-A")
    with site.client("clerk") as clerk:
        page = clerk.get(f"/station/receipts/{record}").text
        (address,) = re.findall(r'href="(/audit/events/[^"]+/proof)"', page)
        proof = parse_proof(clerk.get(address).content)
        envelope = clerk.get(address.replace("/proof", "/envelope")).content
    with site.client("archivist") as archivist:
        check_proof(proof, envelope, [verifier(archivist)])


# ---------------------------------------------------------------- verifying


def ended(client: Client, address: str) -> str:
    until(lambda: "data-ended" in client.get(f"{address}/state").text)
    return text_of(client.get(f"{address}/state").text)


def test_all_of_it_is_verified_quickly_and_against_what_was_kept(
    site: Site, archivist: Client
) -> None:
    kept = newest(archivist)
    begun = archivist.post("/audit/verify", {"how": "hashes", "kept": kept})
    text = ended(archivist, begun.headers["location"])
    assert "Nguyên vẹn" in text
    assert "Kiểm tra nhanh" in archivist.get(begun.headers["location"]).text
    assert "so với điểm kiểm do bạn đưa vào" in text
    assert "Chỉ so giá trị băm" in text
    begun = archivist.post("/audit/verify", {"how": "all"})
    text = ended(archivist, begun.headers["location"])
    assert "Nguyên vẹn" in text
    assert "Kiểm tra nhanh" not in text
    assert "điểm kiểm do bạn" not in text
    assert "Nhật ký minh bạch đã được tính lại" in text
    wrong = archivist.post("/audit/verify", {"how": "hashes", "kept": kept.replace("\n\n", "\n")})
    assert wrong.status_code == 422
    assert "không phải là điểm kiểm" in wrong.text
    assert 'value="hashes" checked' in wrong.text


# ---------------------------------------------------------------- browsers


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_an_auditor_keeps_a_checkpoint_and_asks_again(
    own_site: Site, visits: Visits, script: bool, tmp_path: Path
) -> None:
    page = visits.open(own_site, "auditor", "/audit", script=script)
    page.click("text=Nhật ký minh bạch của kho")
    assert page.inner_text("h1") == "Nhật ký minh bạch"
    with page.expect_download() as downloading:
        page.click("text=Tải điểm kiểm mới nhất")
    kept = tmp_path / "kept.txt"
    downloading.value.save_as(kept)
    own_site.chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")
    page.set_input_files("#file", kept)
    page.click("text=So sánh")
    page.wait_for_url("**/audit/log/kept?**")
    assert "Có, nối tiếp đúng" in page.inner_text("main")
    page.click("text=Về nhật ký minh bạch")
    page.fill("#kept", kept.read_text())
    page.click("text=So sánh")
    page.wait_for_url("**/audit/log/kept?**")
    assert "Có, nối tiếp đúng" in page.inner_text("main")
    with page.expect_download() as downloading:
        page.click("text=Tải bằng chứng nối tiếp")
    assert downloading.value.path().read_text().startswith("old ")


@pytest.mark.services
def test_the_answers_are_accessible_and_fit(site: Site, visits: Visits) -> None:
    """The page and the form are looked at by the sweep; the answer has no address of its own."""
    for english in (False, True):
        page = visits.open(site, "admin", "/audit/log", english=english)
        with page.expect_download() as downloading:
            page.click('a[href="/audit/log/checkpoint"]')
        for kept in (downloading.value.path().read_text(), "abc"):
            page.goto("/audit/log")
            page.fill("#kept", kept)
            page.click("main form button")
            page.wait_for_selector("[data-error-summary], .cb-flash b")
            fits_and_is_accessible(page)

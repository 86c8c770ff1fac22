"""Files that arrive: cut at any byte, altered, sent twice, named by strangers."""

import hashlib
import socket
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.api.caller import V1, Program, calling, problem, token_of
from tests.cli.desk import scan
from tests.pages.site import Site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return token_of(site, "clerk")


def paper(folder: Path, line: str) -> bytes:
    return scan(folder / "x.jpg", (line, "Giấy gửi qua API")).read_bytes()


def cut(site: Site, token: str, batch: str, key: str, content: bytes, after: int) -> None:
    """Sends `after` bytes of a body and goes away."""
    place = urlsplit(site.address)
    with socket.create_connection((place.hostname, place.port), timeout=20) as wire:
        head = (
            f"POST {V1}/batches/{batch}/files HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        wire.sendall(head.encode() + content[:after])
        time.sleep(0.05)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.999])
def test_a_cut_upload_leaves_nothing_and_its_retry_one_record(
    site: Site, clerk: Program, token: str, tmp_path: Path, part: float
) -> None:
    content = paper(tmp_path, f"CẮT Ở {part}")
    batch, key = clerk.batch("HS-A"), f"cut-{part}"
    cut(site, token, batch, key, content, int(len(content) * part))
    time.sleep(0.3)
    before = clerk.get(f"/batches/{batch}").json()
    assert (before["received"], before["refused"]) == ([], 0)
    with calling(site, token) as same:
        receipt = same.send(batch, content, key=key)
        assert receipt.status_code == 201, receipt.text
    after = clerk.get(f"/batches/{batch}").json()
    assert after["received"] == [receipt.json()["record"]]
    assert list((site.chauban.folder / "quarantine").iterdir()) == []


def test_a_retry_after_a_lost_reply_gets_the_same_receipt(clerk: Program, tmp_path: Path) -> None:
    content = paper(tmp_path, "MẤT THƯ TRẢ LỜI")
    batch = clerk.batch("HS-A")
    first = clerk.send(batch, content, key="lost-1", X_File_Name="a.jpg")
    again = clerk.send(batch, content, key="lost-1", X_File_Name="a.jpg")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = clerk.send(batch, paper(tmp_path, "KHÁC"), key="lost-1", X_File_Name="a.jpg")
    assert problem(other, 409) == "command-reused"
    assert len(clerk.get(f"/batches/{batch}").json()["received"]) == 1


def test_altered_bytes_are_refused_and_the_refusal_is_a_fact(
    clerk: Program, tmp_path: Path
) -> None:
    content = paper(tmp_path, "SAI MÃ BĂM")
    digest = hashlib.sha256(content)
    batch = clerk.batch("HS-A")
    wrong = clerk.send(batch, content + b"x", X_Content_SHA256=digest.hexdigest())
    assert problem(wrong, 422) == "declared-digest-differs"
    assert wrong.json()["details"]["batch"] == batch
    assert clerk.get(f"/batches/{batch}").json()["refused"] == 1
    right = b64encode(digest.digest()).decode()
    sent = clerk.send(batch, content, Repr_Digest=f"md5=:AAAA:, sha-256=:{right}:")
    assert sent.status_code == 201, sent.text


@pytest.mark.parametrize("digest", ["sha-256=:AAAA:", "sha-256", "md5=:AAAA:"])
def test_a_digest_that_cannot_be_read_is_refused(clerk: Program, digest: str) -> None:
    answer = clerk.send(clerk.batch("HS-A"), b"x", Repr_Digest=digest)
    assert problem(answer, 422) == "invalid-digest"


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (b"", "empty-file", 422),
        (b"MZ\x90\x00 a program", "type-not-accepted", 415),
        (b"%PDF-1.7\nbroken", "file-damaged", 422),
    ],
)
def test_what_is_no_paper_is_refused(
    clerk: Program, content: bytes, code: str, status: int
) -> None:
    assert problem(clerk.send(clerk.batch("HS-A"), content), status) == code


def test_state_secrets_do_not_enter(clerk: Program, tmp_path: Path) -> None:
    content = paper(tmp_path, "MẬT")
    answer = clerk.send(clerk.batch("HS-A"), content, X_Secrecy="mat")
    assert problem(answer, 422) == "state-secret"


def test_a_body_of_another_type_is_not_taken(clerk: Program) -> None:
    batch = clerk.batch("HS-A")
    for media_type in ("application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = clerk.send(batch, b"x", Content_Type=media_type)
        assert problem(answer, 415) == "upload-type-unknown"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a" * 10_000,
        "<script>alert(1)</script>.jpg",
        "=cmd|' /C calc'!A0.jpg",
        "\u202egpj.exe",
        "x\r\nSet-Cookie: a=b",
        "\x00",
    ],
)
def test_names_of_strangers_are_kept_as_text(clerk: Program, tmp_path: Path, name: str) -> None:
    line = hashlib.sha256(name.encode()).hexdigest()[:20]
    sent = clerk.send(clerk.batch("HS-A"), paper(tmp_path, line), X_File_Name=quote(name, safe=""))
    assert sent.status_code == 201, sent.text
    shown = clerk.get(f"/records/{sent.json()['record']}").json()
    assert shown["received_name"] == (" ".join(name.split())[:255] or "?")
    got = clerk.get(f"/records/{sent.json()['record']}/files/original")
    assert name[:20] not in got.headers["content-disposition"]


def test_a_name_that_is_not_utf8_is_refused(clerk: Program) -> None:
    answer = clerk.send(clerk.batch("HS-A"), b"x", X_File_Name="%ff%fe")
    assert problem(answer, 422) == "header-not-utf8"


def test_a_head_that_is_too_long_ends_its_connection_alone(
    site: Site, clerk: Program, token: str
) -> None:
    head = {"X-File-Name": "61" * 600_000}
    with calling(site, token) as program, suppress(httpx.TransportError):
        assert program.get("/me", headers=head).status_code in (400, 431)
    assert clerk.get("/me").status_code == 200


def test_nobody_sends_into_a_foreign_batch(site: Site, clerk: Program) -> None:
    batch = clerk.batch("HS-A")
    with calling(site, token_of(site, "other-clerk")) as other:
        assert problem(other.send(batch, b"x"), 404) == "not-found"
        assert problem(other.get(f"/batches/{batch}"), 404) == "not-found"

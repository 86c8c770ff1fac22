"""The work page: what failed and why, and another attempt that a person asks for."""

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.cli.desk import Chauban
from tests.pages.site import Client, copied, serving
from tests.pages.test_page_dossiers import dossier_of


def followed(true: Callable[[], bool], *, seconds: float = 10) -> None:
    """Another process appended; the server's views are behind it by a moment."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def settled(client: Client, wanted: str, *, seconds: float = 90) -> str:
    """The changing part of the page once it holds a text."""
    end = time.monotonic() + seconds
    while True:
        page = client.get("/work/state").text
        if wanted in page:
            return page
        assert time.monotonic() < end, page
        time.sleep(0.3)


def test_what_could_not_be_read_says_why_and_is_read_when_somebody_asks_again(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    """A disk that gives back other bytes for a while: three attempts fail, then a person asks."""
    chauban = copied(prepared_site, tmp_path)
    scan = (tmp_path / "papers" / "d.jpg").read_bytes()
    with serving(chauban, "--no-worker") as site, site.client("archivist") as client:
        address = dossier_of(client, "HS-A").replace("/dossiers/", "/station/")
        sent = client.post(f"{address}/files", {"command": "s"}, files={"files": ("d.jpg", scan)})
        assert sent.status_code == 303, sent.text
        page = client.get("/work").text
        assert "Việc nền đang không chạy" in page
        assert "Chờ đọc chữ" in page

    (stored,) = (chauban.folder / "objects").rglob(hashlib.sha256(scan).hexdigest())
    stored.chmod(0o600)
    stored.write_bytes(scan[:-1] + b"x")
    with serving(chauban) as site, site.client("archivist") as client:
        page = settled(client, "Bản gốc vẫn được giữ nguyên")
        record = re.findall(r'name="record" value="(record-[^"]+)"', page)[0]
        with site.client("auditor") as auditor:
            assert "/work/retry" not in auditor.get("/work").text
            assert auditor.post("/work/retry", {"record": record}).status_code == 403
        with site.client("other-archivist") as other:
            assert record not in other.get("/work").text
            assert other.post("/work/retry", {"record": record}).status_code == 404

        stored.write_bytes(scan)
        asked = {"record": record, "command": "again-1"}
        assert client.post("/work/retry", asked).status_code == 303
        assert client.post("/work/retry", asked).status_code == 303  # A second click.
        settled(client, "Không có việc nào chờ đọc hay bị lỗi")
        assert client.post("/work/retry", {"record": record}).status_code == 409
        assert "ĐƠN ĐỀ NGHỊ" in client.get(f"/records/{record}?text=1").text
    told = chauban("--json", "history", record).out
    assert told.count('"reading-failed/1"') == 3
    assert told.count('"reading-asked-again/1"') == 1
    assert chauban("retry", record).code == 2  # Nothing failed any more.


def test_isolated_records_are_shown_to_the_administrator_alone(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    chauban = copied(prepared_site, tmp_path)
    with serving(chauban, "--no-worker") as site, site.client("archivist") as client:
        address = dossier_of(client, "HS-B")
        record = re.findall(r'value="(record-[^"]+)"', client.get(address).text)[0]
        chauban.json("isolate", record, "--ground", "secret", "--why", "Không được quét")
        followed(lambda: record not in client.get(address).text)
        assert "cách ly" not in client.get("/work").text
        with site.client("admin") as admin:
            page = admin.get("/work").text
            assert "Tài liệu bị cách ly" in page
            assert "HS-B" in page
            assert f"/records/{record}" not in page

"""A log that was ended, as people read it: commands, the check of the installation, the page."""

from pathlib import Path

import pytest

from tests.cli.desk import Chauban
from tests.pages.site import copied, serving
from tests.pages.test_page_audit import text_of


def changed(chauban: Chauban) -> None:
    chauban.json("correct", "HS-A", "phone", "0987654321", "--why", "Đổi số")


def kept(chauban: Chauban, folder: Path) -> Path:
    """A checkpoint that somebody takes away."""
    chauban.json("log", "export", str(folder))
    return folder / "checkpoint"


@pytest.fixture
def stopped(prepared_site: Chauban, tmp_path: Path) -> Chauban:
    """Its last event is lost; early and late are checkpoints from before."""
    chauban = copied(prepared_site, tmp_path)
    kept(chauban, tmp_path / "early")
    chauban.json("backup", str(tmp_path / "backup"))
    changed(chauban)
    kept(chauban, tmp_path / "late")
    chauban.folder.rename(tmp_path / "broken")
    chauban.json("restore", str(tmp_path / "backup"), code=1)
    return chauban


def test_the_way_out_is_named_told_and_taken(stopped: Chauban, tmp_path: Path) -> None:
    for words in (("log", "status"), ("doctor",)):
        said = stopped(*words)
        assert said.code == 1
        assert "chauban log restart" in said.out
    said = stopped("log", "restart")
    assert said.code == 1
    assert "Kho đã mất ít nhất 1 sự kiện đã ký" in said.out
    assert "Chưa có gì thay đổi" in said.out
    assert "restored, lost, altered" in said.out
    assert "~2 bắt đầu" in said.out
    told = stopped.json("log", "restart", code=1)
    assert told["loss"]["size"] == told["loss"]["events"] + 1
    assert (told["loss"]["found"], told["folder"]) == (0, "log")
    (tmp_path / "broken" / "log").rename(stopped.folder / "log")
    said = stopped("log", "restart")
    assert f"Kho đã mất 1 sự kiện đã ký: {told['loss']['events']} sự kiện đầu" in said.out
    assert "1 sự kiện đã mất còn trong «log/tile/entries»" in said.out
    assert stopped.refused("log", "restart", "--why", "vì thích") == "invalid-key-ground"
    assert stopped.refused("--as", "Lưu trữ viên", "log", "restart") == "not-permitted"
    early, late = (str(tmp_path / name / "checkpoint") for name in ("early", "late"))
    said = stopped("log", "restart", "--why", "restored", "--reference", "12/QĐ-UBND")
    assert said.code == 0
    for words in ("nhân chứng", "CHAUBAN_LOG_POLICY", "keys recovery", "sao lưu", "điểm kiểm"):
        assert words in said.out
    assert stopped.refused("log", "restart", "--why", "restored") == "log-not-stopped"
    for command in (("keys", "list"), ("log", "status")):
        said = stopped(*command)
        assert said.code == 0
        assert f"sau {told['loss']['size']} sự kiện: kho được khôi phục" in said.out
    checks = {each["name"]: each for each in stopped.json("doctor")["checks"]}
    assert checks["log"]["ok"]
    assert stopped.json("verify", "--since", early)["ok"]
    found = stopped.json("verify", "--since", late, code=1)
    assert [each["kind"] for each in found["findings"]] == ["log-lost-since-remembered"]
    assert "nhật ký minh bạch phải kết thúc vì mất sự kiện" in stopped("verify").out
    with serving(stopped, "--no-worker") as site, site.client("archivist") as visitor:
        page = text_of(visitor.get("/audit/log").text)
        assert "Nhật ký minh bạch đã kết thúc" in page
        assert "kho được khôi phục từ bản sao lưu cũ hơn (12/QĐ-UBND)" in page
        for path, is_lost in ((early, False), (late, True)):
            note = Path(path).read_text()
            answer = text_of(visitor.get("/audit/log/kept", params={"note": note}).text)
            assert ("không phải tất cả các sự kiện đó còn trong kho" in answer) is is_lost
            assert ("Tải bằng chứng nối tiếp" in answer) is not is_lost
        stream = "keys-" + stopped.json("log", "status")["origin"].partition("archive-")[2]
        history = text_of(visitor.get(f"/audit/history/{stream.partition('~')[0]}").text)
        assert "Kết thúc nhật ký minh bạch" in history

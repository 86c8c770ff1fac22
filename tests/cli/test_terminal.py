"""The command line as a person meets it: language, help, pipes, interruption."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api import parser
from infrastructure.messages import Catalogue
from tests.cli.desk import REPOSITORY, Chauban, environment

ENGLISH = re.compile(
    r"\b(usage|options|positional|arguments?|required|invalid|choose|expected|show this help|"
    r"unrecognized|the following)\b"
)


def commands() -> list[list[str]]:
    top = parser.build(Catalogue("vi"))
    found: list[list[str]] = []
    for action in top._actions:
        for name, sub in (action.choices or {}).items() if action.nargs == "A..." else ():
            found.append([name])
            for inner in sub._actions:
                if inner.nargs == "A...":
                    found.extend([name, verb] for verb in inner.choices)
    return found


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_help_is_vietnamese_throughout(words: list[str]) -> None:
    vietnamese, english = (help_of(words, language) for language in ("vi", "en"))
    assert not ENGLISH.search(vietnamese), vietnamese
    assert "Cách dùng:" in vietnamese
    assert "Usage:" in english
    assert not re.search(r"[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệ]", english.replace("Châu Bản", "")), english
    assert not re.search(r"\b(help|option|arg)-[a-z]", vietnamese + english)


def help_of(words: list[str], language: str) -> str:
    made = parser.build(Catalogue(language))
    for word in words:
        (group,) = [action for action in made._actions if action.nargs == "A..."]
        made = group.choices[word]
    return made.format_help()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["tìm"],
        ["agency"],
        ["show"],
        ["show", "x", "--sai"],
        ["search", "đất", "--year", "nay"],
        ["search", "--year"],
        ["agent", "add", "Ông A", "--role", "vua", "--agency", "H33"],
        ["agency", "code", "H33", "H34", "--from", "hôm nay"],
        ["confirm", "x", "--json=có"],
        ["dossier", "open", "--agency", "H33", "--title", "x", "--procedure", "1", "--work-file"],
        ["--lang", "fr", "work"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_vietnamese_and_name_the_help(chauban: Chauban, words: list[str]) -> None:
    said = chauban(*words)
    assert said.code == 2
    assert said.out == ""
    assert not ENGLISH.search(said.err), said.err
    assert re.search(r"Xem `chauban( [a-z]+)* --help`\.", said.err)
    english = chauban("--lang", "en", *words) if "fr" not in words else said
    assert english.code == 2
    assert "usage-" not in english.err


def test_the_language_follows_the_option_then_the_environment(tmp_path: Path) -> None:
    nowhere = Chauban(tmp_path / "nowhere")
    vietnamese, english = "Không có kho lưu trữ ở đây", "There is no archive here"
    assert vietnamese in nowhere.process("work").err
    assert english in nowhere.process("work", "--lang", "en").err
    assert english in nowhere.process("work", env={"LANG": "en_US.UTF-8"}).err
    assert vietnamese in nowhere.process("--lang=vi", "work", env={"LANG": "en_US.UTF-8"}).err
    assert english in nowhere.process("work", env={"LC_ALL": "en_GB.UTF-8", "LANG": "vi_VN"}).err
    poor = nowhere.process("--json", "work", env={"PYTHONIOENCODING": "ascii"})
    assert (poor.code, poor.json["error"]) == (3, "archive-missing")
    assert poor.json["message"].startswith(vietnamese)
    setting = nowhere.process("--json", "work", env={"CHAUBAN_PAGES": "nhiều"})
    assert (setting.code, setting.json["error"]) == (2, "invalid-setting")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_answers_for_people_say_everything_in_words(
    chauban: Chauban, record_a: str, language: str, tmp_path: Path
) -> None:
    chauban.json("correct", record_a, "signer_name", "Ông A", "--why", "Thiếu")
    for words in (
        ("show", "HS-A"),
        ("show", record_a),
        ("history", "HS-A"),
        ("search", "dat dai"),
        ("search", "khôngcótừnày"),
        ("work",),
        ("verify",),
        ("doctor",),
        ("rebuild", "work"),
        ("confirm", record_a),
        ("get", record_a, "-o", str(tmp_path / "out")),
        ("backup", str(tmp_path / "backup")),
        ("dossier", "open", "--agency", "H33", "--title", "Thử"),
        ("isolate", record_a, "--why", "Thử"),
        ("--as", "Quản trị", "work"),
        ("erase", "request", "HS-A", "--why", "Thử"),
        ("--as", "Lãnh đạo A", "erase", "approve", "HS-A", "--why", "Thử"),
        ("show", "HS-A"),
    ):
        said = chauban("--lang", language, *words)
        assert (said.code, said.err) == (0, ""), said
        assert said.out.strip()
        assert not re.search(r"[{}<>]|'\w+':|\bNone\b|\bTrue\b", said.out), said.out
        assert not re.search(r"\b(name|event|finding|signature|done|page|work)-[a-z]+", said.out)


def test_a_dossier_lists_its_records_in_lines(chauban: Chauban, record_a: str) -> None:
    said = chauban("show", "HS-A").out
    assert "Tài liệu trong hồ sơ: 1" in said
    assert "1. 390/BC-UBND · Báo cáo · chưa có ngày · 1 trang · chưa xác nhận" in said
    assert record_a in said


def test_a_closed_pipe_is_no_trouble(chauban: Chauban) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for words in (["show", "HS-A"], ["--help"], ["--json", "history", "HS-A"]):
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *words],
            cwd=REPOSITORY,
            env=environment(chauban.folder),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b""), words
    os.close(writing)


def test_an_interruption_is_told_in_one_line(chauban: Chauban) -> None:
    # Whoever runs the tests in the background has them ignore it, and our children with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    running = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "--json", "worker"],
        cwd=REPOSITORY,
        env=environment(chauban.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert b"Traceback" not in out + err
    assert running.returncode in (0, 130)
    asking = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "--json", "keys", "recovery", "-o", "x"],
        cwd=REPOSITORY,
        env=environment(chauban.folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(3)
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate(timeout=30)
    assert asking.returncode == 130
    assert json.loads(out)["error"] == "interrupted"
    assert err.decode().count("\n") == 1


def test_an_unforeseen_fault_is_named_without_its_text(
    chauban: Chauban, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("Ông A")

    monkeypatch.setattr("api.cli._run", fails)
    said = chauban("--json", "work")
    assert (said.code, said.json["error"]) == (3, "unexpected")
    assert "ZeroDivisionError" in said.json["message"]
    assert "Ông A" not in said.out + said.err

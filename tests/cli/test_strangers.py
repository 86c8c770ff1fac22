"""What strangers write: markup, formulas, direction tricks, too much of it, bytes of no text."""

import json
import os
import unicodedata
from pathlib import Path

import pytest

from tests.cli.desk import SENTENCE_A, Chauban, scan

TEXTS = {
    "markup": "<script>alert('x')</script>",
    "sql": "'; DROP TABLE stored_events; --",
    "formula": '=HYPERLINK("http://example.invalid","đất")',
    "gap": "{reference} {0} %s %(choices)s",
    "shell": "$(touch /tmp/x) `id` | rm",
}
TRICKS = {"bidi": "hồ sơ \u202eđảo\u202c", "escape": "\x1b[31mđỏ\x1b[0m", "newline": "một\nhai"}
HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def assert_harmless(text: str) -> None:
    """Nothing that a terminal would obey, line ends apart."""
    assert not [c for c in text if unicodedata.category(c) in HIDDEN and c != "\n"], ascii(text)


@pytest.mark.parametrize("name", TEXTS)
def test_odd_text_is_text_everywhere(chauban: Chauban, record_a: str, name: str) -> None:
    text = TEXTS[name]
    code = chauban.json("dossier", "open", "--agency", "H33.05", "--title", text)["dossier"]
    assert chauban.json("show", code)["title"] == " ".join(text.split())
    chauban.json("correct", record_a, "subject", text, "--why", text)
    assert chauban.json("history", record_a)["events"][-1]["data"]["reason"]
    for words in (("show", code), ("history", record_a), ("--lang", "en", "show", "HS-A")):
        said = chauban(*words)
        assert said.code == 0
        assert_harmless(said.out)
    assert chauban("search", "--", text).code in (0, 2)
    assert text in chauban.json("show", text, code=2)["message"]
    assert chauban.json("verify")["ok"] is True


@pytest.mark.parametrize("name", TRICKS)
def test_tricks_are_refused_as_values_and_harmless_as_words(
    chauban: Chauban, record_a: str, name: str
) -> None:
    text = TRICKS[name]
    correcting = ("correct", record_a, "organ", text, "--why", "x")
    if name != "newline":  # A line end is a blank, like any other.
        assert chauban.refused(*correcting) == "invalid-field"
        opening = ("dossier", "open", "--agency", "H33.05", "--title", text)
        assert chauban.refused(*opening) == "invalid-text"
    for words in (("show", text), ("search", text), (text,), ("rebuild", text)):
        for said in (chauban(*words), chauban("--json", *words)):
            assert_harmless(said.out)
            assert_harmless(said.err)


@pytest.mark.parametrize("name", [*TEXTS, *TRICKS, "long"])
def test_odd_file_names_are_kept_as_said_and_shown_harmlessly(
    chauban: Chauban, tmp_path: Path, name: str
) -> None:
    text = {**TEXTS, **TRICKS, "long": "d" * 240}[name].replace("/", "_")
    file = tmp_path / f"{text}.jpg"
    file.write_bytes(b"no picture")
    said = chauban("ingest", str(file), "--dossier", "HS-A")
    assert said.code == 1
    assert_harmless(said.out)
    answer = chauban("--json", "ingest", str(file), "--dossier", "HS-A").json
    assert answer["file"] == str(file)
    assert answer["reason"] in ("type-not-accepted", "file-damaged")
    assert_harmless(chauban("history", "HS-A").out)


def test_a_file_name_that_is_no_text_is_taken_all_the_same(
    chauban: Chauban, tmp_path: Path
) -> None:
    scan(tmp_path / "x.jpg", ("CÔNG VĂN", "Về việc tu bổ đê biển"))
    path = os.fsencode(tmp_path) + b"/t\xe0i li\xeau.jpg"
    os.rename(tmp_path / "x.jpg", path)  # noqa: PTH104 (a name that is no text)
    said = chauban.process("--json", "ingest", path, "--dossier", "HS-A")
    assert (said.code, said.json["state"]) == (0, "stored"), said
    shown = chauban.json("show", said.json["record"])
    assert shown["received_name"] == "t\ufffdi li\ufffdu.jpg"
    assert chauban.process("search", b"\xff\xfe").code == 2


def test_a_file_named_in_nfd_is_found_under_its_own_name(chauban: Chauban, tmp_path: Path) -> None:
    file = tmp_path / unicodedata.normalize("NFD", "hồ sơ đất.jpg")
    file.write_bytes(b"")
    answer = chauban("--json", "ingest", str(file), "--dossier", "HS-A").json
    assert answer["reason"] == "empty-file"


def test_ten_thousand_characters_end_in_a_named_refusal(chauban: Chauban, record_a: str) -> None:
    much = "đất " * 2500
    assert chauban.refused("search", much) == "query-too-long"
    assert chauban.refused("show", much) == "not-found"
    assert chauban.refused("correct", record_a, "subject", much, "--why", "x") == "invalid-field"
    assert chauban.refused("correct", record_a, "subject", "x", "--why", much) == "invalid-text"
    opening = ("dossier", "open", "--agency", "H33.05", "--title", much)
    assert chauban.refused(*opening) == "invalid-text"
    assert chauban.refused("agency", "add", "H33.08", much) == "invalid-name"
    said = chauban("--json", "ingest", "x" * 10_000, "--dossier", "HS-A")
    assert said.json["reason"] == "file-unreadable"
    assert chauban("--json", "--lang", much, "work").json["error"] == "usage"
    assert chauban.refused("show", "HS-A", "--archive", "x" * 10_000, code=3)


def test_nobody_waits_for_a_pipe_that_nobody_writes_to(chauban: Chauban, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (str(pipe), os.devnull, str(tmp_path)):
        for words in (
            ("verify", "--since", path),
            ("verify", "--remember", path),
            ("search", "--check", path),
            ("procedure", "add", path),
            ("keys", "recover", path, "--passphrase-file", __file__),
        ):
            assert chauban.refused(*words) == "file-not-regular", words
    said = chauban("--json", "ingest", str(pipe), "--dossier", "HS-A")
    assert said.json["reason"] == "file-not-regular"


def test_both_forms_of_unicode_find_the_same(chauban: Chauban) -> None:
    for form in ("NFC", "NFD"):
        words = unicodedata.normalize(form, SENTENCE_A)
        assert chauban.json("search", words)["total"] == 1
        assert chauban.json("--as", unicodedata.normalize(form, "Quét A"), "work")


def test_json_hides_nothing_from_a_machine(chauban: Chauban) -> None:
    line = chauban("--json", "search", "dat dai").out
    assert_harmless(line)
    assert "\ue000" in json.loads(line)["hits"][0]["snippet"]

"""A pack that attacks whoever checks it: its names are never commands, its words steer nothing, and
what the auditor gave is read where it was meant."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence.packs import Case, checked, event_files, listed_again, unpacked

NO_FILE = "no file of a pack"


def clears_the_faults(pack: Path) -> str:
    """Found once: names of proofs went into a script that was run."""
    name = "$(cd $T;: >faults;echo q).tlog-proof"
    shutil.copy(next((pack / "proofs").iterdir()), pack / "proofs" / name)
    return "proofs/"


def runs_a_command(pack: Path) -> str:
    name = "`id>pwned`.tlog-proof"
    shutil.copy(next((pack / "proofs").iterdir()), pack / "proofs" / name)
    return "proofs/"


def sets_a_variable(pack: Path) -> str:
    """Found once: a blank made two arguments, and one with `=` is an assignment to awk."""
    folder = pack / "events" / "000001.jws T=elsewhere"
    folder.mkdir()
    (folder / "b.jws").write_text("x")
    return "events/"


def two_names_in_one(pack: Path) -> str:
    (pack / "README.en.txt\nREADME.vi.txt").write_text("hidden")
    return "README.en.txt"


def a_link(pack: Path) -> str:
    path = next((pack / "originals").iterdir())
    elsewhere = pack.parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    return f"originals/{path.name}"


def a_folder_that_speaks(pack: Path) -> str:
    (pack / "proofs" / "CHÍNH GỐC · GENUINE").mkdir()
    return "proofs/"


def a_pipe(pack: Path) -> str:
    os.mkfifo(pack / "proofs" / "000001x.tlog-proof")
    return "proofs/000001x.tlog-proof"


def an_option(pack: Path) -> str:
    (pack / "-rf").write_text("")
    return "-rf"


ATTACKS: tuple[Callable[[Path], str], ...] = (
    clears_the_faults,
    runs_a_command,
    sets_a_variable,
    two_names_in_one,
    a_link,
    a_folder_that_speaks,
    a_pipe,
    an_option,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("forged", [False, True], ids=["alone", "with a forged file"])
def test_a_strange_name_ends_the_check_before_anything_is_read(
    made: Case, pack: Path, attack: Callable[[Path], str], forged: bool
) -> None:
    where = attack(pack)
    if forged:
        event_files(pack)[0].write_text("forged")
    before = set(pack.parent.rglob("*"))
    verdict = checked(pack, made.place.certificate)
    assert verdict.code == 1, verdict.said
    assert "KHÔNG ĐÁNG TIN" in verdict.said
    assert any(f"✗ {where}" in line and NO_FILE in line for line in verdict.said.splitlines())
    assert set(pack.parent.rglob("*")) == before, "the check left something"


def test_a_proof_whose_name_is_no_position_is_named(pack: Path) -> None:
    shutil.copy(next((pack / "proofs").iterdir()), pack / "proofs" / "000001x.tlog-proof")
    verdict = checked(listed_again(pack))
    assert verdict.code == 1
    assert verdict.names("proofs/000001x.tlog-proof", "malformed")


def test_a_name_of_the_log_that_clears_the_screen_is_no_name(pack: Path) -> None:
    path = pack / "keys" / "log.vkey"
    path.write_bytes(b"x\x1b[2J\xc2\x9b2J" + path.read_bytes())
    verdict = checked(listed_again(pack))
    assert verdict.names("keys/log.vkey", "malformed")
    assert "\x1b" not in verdict.said


@pytest.mark.parametrize("gone", ["streams.txt", "events", "manifest.sha256"])
def test_what_is_missing_is_named_alone(pack: Path, gone: str) -> None:
    path = pack / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    verdict = checked(pack)
    assert verdict.code == 1
    assert verdict.said.count("✗") == 1
    assert f"✗ {gone}: " in verdict.said
    assert "cannot open" not in verdict.said


def test_a_list_with_other_line_ends_is_named_first(pack: Path) -> None:
    path = pack / "manifest.sha256"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    verdict = checked(pack)
    assert verdict.code == 1
    first = next(line for line in verdict.said.splitlines() if "✗" in line)
    assert "manifest.sha256: dòng 1 sai dạng · line 1 is malformed" in first


def test_the_checkpoint_of_another_log_is_called_that(pack: Path) -> None:
    path = pack / "checkpoints" / "checkpoint"
    path.write_bytes(b"another/log\n" + path.read_bytes().split(b"\n", 1)[1])
    verdict = checked(listed_again(pack))
    assert verdict.names("checkpoints/checkpoint", "the checkpoint of another log")


# ---------------------------------------------------------------- what the auditor gives


def test_the_certificate_may_be_given_as_programs_print_it(made: Case, pack: Path) -> None:
    known = made.place.certificate.removeprefix("sha256:")
    pairs = ":".join(known[at : at + 2] for at in range(0, 64, 2)).upper()
    for given in (known, f"sha256:{known}", f"sha256 Fingerprint={pairs}", f" {pairs} "):
        verdict = checked(pack, given)
        assert verdict.code == 0, verdict.said
        assert "ONLY IF" not in verdict.said


@pytest.mark.parametrize("given", ["abc", "--help", "H33.05", "sha256:", "g" * 64])
def test_what_is_no_fingerprint_is_refused(pack: Path, given: str) -> None:
    verdict = checked(pack, given)
    assert verdict.code == 2
    assert "NOT THE SHA-256 OF A CERTIFICATE" in verdict.said


def test_files_are_meant_from_where_the_auditor_stands(pack: Path) -> None:
    """A file of the same name in the pack must not stand in for the auditor's own."""
    own = pack.parent / "own"
    (own / "tsa").mkdir(parents=True)
    shutil.copy(pack / "verify.sh", own)
    verdict = checked(own, PACK=str(pack), TSA_ROOTS="tsa/roots.pem")
    assert verdict.code == 2
    assert "NO SUCH FILE, TSA_ROOTS" in verdict.said
    shutil.copy(pack / "tsa" / "roots.pem", own / "tsa")
    assert checked(own, PACK=str(pack), TSA_ROOTS="tsa/roots.pem").code == 0


def test_a_token_that_was_not_checked_is_not_called_missing(pack: Path) -> None:
    (pack / "tsa" / "roots.pem").unlink()
    said = checked(pack).said
    assert "There is no time token" not in said


def test_another_verifier_sees_every_proof(pack: Path) -> None:
    """Also one that reads what it is given on its standard input."""
    program = pack.parent / "verifier"
    program.write_text('#!/bin/sh\ncat >/dev/null\necho asked >>"$ASKED"\necho accepted\n')
    program.chmod(0o755)
    asked = pack.parent / "asked"
    assert checked(pack, LOG_VERIFIER=str(program), ASKED=str(asked)).code == 0
    assert len(asked.read_text().splitlines()) == len(event_files(pack))


def test_a_folder_that_is_none_is_told(pack: Path) -> None:
    verdict = checked(pack, PACK=str(pack / "nowhere"))
    assert verdict.code == 2
    assert "CANNOT BE OPENED" in verdict.said


def test_the_verdict_says_which_folder_was_checked(made: Case, tmp_path: Path) -> None:
    folder = unpacked(made.pack(made.record), tmp_path / "unpacked")
    assert str(folder) in checked(folder).said

"""An outsider opens an evidence pack: the true one is genuine, and each altered one is not, with
the file and the fault named."""

import base64
import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from domain.agents import Role
from domain.errors import InvalidValueError, NotFoundError
from domain.evidence import Checkpoint
from domain.services import administration, agencies, evidencing
from domain.services.deciding import resolve
from domain.values import Kind, StreamId
from tests.evidence.packs import (
    Case,
    bare_tools,
    beside,
    checked,
    event_files,
    event_named,
    jwk_of,
    listed_again,
    payload_of,
    unpacked,
)
from tests.foreign import tools
from tests.services import program

LIST = "the list of files is not the one that the archive signed"


# ---------------------------------------------------------------- the true one


def test_the_true_pack_is_genuine_with_the_tools_of_a_bare_debian(
    made: Case, pack: Path, tmp_path: Path
) -> None:
    vkey = (pack / "keys" / "log.vkey").read_text().strip()
    bare = bare_tools(tmp_path / "bin")
    before = set(tmp_path.iterdir())
    known = checked(pack, made.place.certificate, vkey, tools=bare)
    assert known.code == 0, known.said
    assert "CHÍNH GỐC · GENUINE" in known.said
    assert "A time-stamp authority confirms" in known.said
    assert "ONLY IF" not in known.said
    assert "taken from the pack itself" not in known.said
    assert "No witness" not in known.said
    assert set(tmp_path.iterdir()) == before, "files were left"
    unknown = checked(pack)
    assert unknown.code == 0
    assert "ONLY IF this system certificate is the archive's" in unknown.said


def test_a_copy_of_the_program_from_elsewhere_checks_the_pack(pack: Path, tmp_path: Path) -> None:
    """The one in the pack may have been altered with everything else."""
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(pack / "verify.sh", own)
    (pack / "verify.sh").write_text("echo 'CHÍNH GỐC · GENUINE'\n")
    verdict = checked(own, PACK=str(pack))
    assert verdict.code == 1
    assert verdict.names("verify.sh", "the content was altered")


def test_another_shell_says_the_same(pack: Path) -> None:
    assert checked(pack, shell_name="bash").code == 0


def test_a_pack_of_a_record_holds_nothing_of_the_other_one(made: Case, tmp_path: Path) -> None:
    whole = unpacked(made.pack(made.dossier), tmp_path / "dossier")
    part = unpacked(made.pack(made.record), tmp_path / "record")
    assert checked(part, made.place.certificate).code == 0
    assert len(list((whole / "originals").iterdir())) == 2
    assert len(list((part / "originals").iterdir())) == 1
    streams = dict(line.split() for line in (part / "streams.txt").read_text().splitlines())
    assert streams[made.record] == "whole"
    assert not any(s.startswith("record-") for s in streams if s != made.record)


def test_the_file_is_ascii_sorted_and_leaves_originals_as_they_are(content: bytes) -> None:
    with ZipFile(BytesIO(content)) as packed:
        infos = packed.infolist()
    names = [each.filename for each in infos]
    assert all(name.isascii() for name in names)
    assert names == [*sorted(names[:-2]), "manifest.jws", "manifest.sha256"]
    assert {each.date_time for each in infos} == {(1980, 1, 1, 0, 0, 0)}
    stored = [each for each in infos if each.filename.startswith("originals/")]
    assert stored
    assert all(each.compress_type == ZIP_STORED for each in stored)


def test_the_proof_of_each_event_is_made_once(made: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    with made.open() as desk:
        true = desk.archive.log.proof

        def counted(position: int, checkpoint: Checkpoint) -> bytes:
            asked.append(position)
            return true(position, checkpoint)

        monkeypatch.setattr(desk.archive.log, "proof", counted)
        found = evidencing.pack(desk.archive, desk.request(), made.dossier)
        content = b"".join(found.chunks)
    assert asked == [each.position for each in found.facts.events]
    with ZipFile(BytesIO(content)) as packed:
        assert len([name for name in packed.namelist() if name.startswith("proofs/")]) == len(asked)


def test_what_is_read_first_says_how_to_check(made: Case, pack: Path) -> None:
    for language in ("vi", "en"):
        text = (pack / f"README.{language}.txt").read_text()
        assert "    sh verify.sh\n" in text[:150]
        assert made.place.certificate in text
        assert "@" not in text
    assert (pack / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_who_may_not_read_it_gets_no_pack(made: Case) -> None:
    with made.open() as desk:
        asking = desk.request
        agency = resolve(desk.archive, "H33", Kind.AGENCY)
        other = agencies.add_agency(
            desk.archive, asking(), code="H44", name="Sở khác", parent=None, valid_from=None
        )
        desk.archive.views.catch_up()
        stranger = administration.add_agent(
            desk.archive,
            asking(),
            name="Cán bộ khác",
            roles=(Role.ARCHIVIST,),
            agencies=(StreamId(other.result["agency"]),),
            until=None,
        )
        desk.archive.views.catch_up()
        request = asking(by=StreamId(stranger.result["agent"]))
        for target in (made.dossier, made.record, agency):
            with pytest.raises(NotFoundError):
                evidencing.pack(desk.archive, request, target)


# ---------------------------------------------------------------- redaction


def test_fields_that_are_left_out_leave_and_every_proof_holds(made: Case, tmp_path: Path) -> None:
    without = {"title", "applicant", "phone"}
    pack = unpacked(made.pack(made.dossier, without), tmp_path / "redacted")
    verdict = checked(pack, made.place.certificate)
    assert verdict.code == 0, verdict.said
    assert "7 personal fields are not in the pack" in verdict.said
    told = "".join(
        base64.urlsafe_b64decode(line + "=" * (-len(line) % 4)).decode()
        for path in (pack / "disclosures").iterdir()
        for line in path.read_text().splitlines()
    )
    for gone in ("Trịnh Khuyến Thượng", "0987654321", "0912345678", "sửa tên"):
        assert gone not in told
    assert "044300123456" in told
    for language in ("vi", "en"):
        assert "applicant, phone, title" in (pack / f"README.{language}.txt").read_text()


def test_an_unknown_field_is_named(made: Case) -> None:
    with pytest.raises(InvalidValueError) as caught:
        made.pack(made.dossier, {"colour"})
    assert caught.value.code == "unknown-personal-field"
    assert "applicant" in str(caught.value.details["known"])


# ---------------------------------------------------------------- altered ones


def flip(path: Path, at: int = -20) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def encoded(said: object) -> str:
    raw = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def original(pack: Path) -> tuple[str, str]:
    path = sorted((pack / "originals").iterdir())[0]
    flip(path)
    return f"originals/{path.name}", "the content does not fit its name"


def foreign_original(pack: Path) -> tuple[str, str]:
    from hashlib import sha256

    name = f"{sha256(b'forged').hexdigest()}.png"
    (pack / "originals" / name).write_bytes(b"forged")
    return f"originals/{name}", "no event names this file"


def envelope(pack: Path) -> tuple[str, str]:
    path = event_named(pack, "dossier-opened/1")
    head, _, signature = path.read_text().split(".")
    said = payload_of(path.read_text()) | {"at": "2020-01-01T00:00:00.000000Z"}
    path.write_text(f"{head}.{encoded(said)}.{signature}")
    return f"events/{path.name}", "the system signature does not fit"


def dropped(pack: Path) -> tuple[str, str]:
    path = event_named(pack, "representation-added/1")
    stream, version = payload_of(path.read_text())["str"], payload_of(path.read_text())["ver"]
    after = next(
        each
        for each in event_files(pack)
        if (said := payload_of(each.read_text()))["str"] == stream
        and said["ver"] == int(str(version)) + 1
    )
    for gone in (path, beside(path, "disclosures", "txt"), beside(path, "proofs", "tlog-proof")):
        gone.unlink(missing_ok=True)
    return f"events/{after.name}", "the event before it in its stream is missing"


def dropped_last(pack: Path) -> tuple[str, str]:
    path = event_files(pack)[-1]
    for gone in (path, beside(path, "disclosures", "txt"), beside(path, "proofs", "tlog-proof")):
        gone.unlink(missing_ok=True)
    return "manifest.sha256", LIST


def moved(pack: Path) -> tuple[str, str]:
    one, other = event_files(pack)[-2:]
    for kind, suffix in (("events", "jws"), ("disclosures", "txt")):
        paths = beside(one, kind, suffix), beside(other, kind, suffix)
        found = [path.read_bytes() if path.exists() else None for path in paths]
        for path, raw in zip(paths, reversed(found), strict=True):
            path.unlink(missing_ok=True)
            if raw is not None:
                path.write_bytes(raw)
    return f"proofs/{one.stem}.tlog-proof", "the proof does not lead from this event"


def forged_field(pack: Path) -> tuple[str, str]:
    path = beside(event_named(pack, "dossier-opened/1"), "disclosures", "txt")
    lines = path.read_text().splitlines()
    for at, line in enumerate(lines):
        salt, name, _ = json.loads(base64.urlsafe_b64decode(line + "=" * (-len(line) % 4)))
        if name == "applicant":
            lines[at] = encoded([salt, name, "Ông B"])
    path.write_text("".join(f"{line}\n" for line in lines))
    return f"disclosures/{path.name}", "the field applicant is not what was signed"


def added_field(pack: Path) -> tuple[str, str]:
    path = beside(event_named(pack, "dossier-opened/1"), "disclosures", "txt")
    path.write_text(path.read_text() + encoded(["c2FsdA", "signature", "Ông B"]) + "\n")
    return f"disclosures/{path.name}", "the field signature is not what was signed"


def doubled_field(pack: Path) -> tuple[str, str]:
    path = beside(event_named(pack, "dossier-opened/1"), "disclosures", "txt")
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in [*lines, lines[0]]))
    return f"disclosures/{path.name}", "is doubled"


def field_of_another(pack: Path) -> tuple[str, str]:
    one = beside(event_named(pack, "dossier-opened/1"), "disclosures", "txt")
    other = beside(event_named(pack, "dossier-corrected/1"), "disclosures", "txt")
    other.write_text(other.read_text() + one.read_text().splitlines()[0] + "\n")
    return f"disclosures/{other.name}", "is not what was signed"


def certificate(pack: Path) -> tuple[str, str]:
    (path,) = (pack / "certificates").iterdir()
    shutil.copy(pack / "tsa" / "roots.pem", path)
    return f"certificates/{path.name}", "the certificate does not fit its name"


def fork(pack: Path) -> tuple[str, str]:
    """The checkpoint of another tree, in all places where it stands."""
    path = pack / "checkpoints" / "checkpoint"
    old = path.read_bytes()
    lines = old.split(b"\n")
    lines[2] = base64.b64encode(b"\x05" * 32)
    new = b"\n".join(lines)
    for each in [path, *(pack / "proofs").iterdir()]:
        each.write_bytes(each.read_bytes().replace(old, new))
    return "checkpoints/checkpoint", "the signature of the log does not fit"


def another_checkpoint(pack: Path) -> tuple[str, str]:
    """One proof under a checkpoint of its own."""
    path = sorted((pack / "proofs").iterdir())[3]
    raw = path.read_bytes().split(b"\n\n", 1)
    note = raw[1].split(b"\n")
    note[1] = str(int(note[1]) - 1).encode()
    path.write_bytes(raw[0] + b"\n\n" + b"\n".join(note))
    return f"proofs/{path.name}", "not under the checkpoint of the pack"


def proof_of_another(pack: Path) -> tuple[str, str]:
    one, other = sorted((pack / "proofs").iterdir())[:2]
    shutil.copy(other, one)
    return f"proofs/{one.name}", "the proof of another event"


def proof_written_otherwise(pack: Path) -> tuple[str, str]:
    path = sorted((pack / "proofs").iterdir())[2]
    path.write_bytes(path.read_bytes().replace(b"\nindex ", b"\nindex 0", 1))
    return f"proofs/{path.name}", "the proof is malformed"


def token(pack: Path) -> tuple[str, str]:
    (path,) = (pack / "checkpoints").glob("*.tsr")
    flip(path)
    return f"checkpoints/{path.name}", "the time token does not fit"


def cosignature(pack: Path) -> tuple[str, str]:
    path = pack / "policy"
    path.write_text(path.read_text().replace("witness.example/one", "witness.example/two"))
    return "policy", "did not sign this checkpoint"


def report(pack: Path) -> tuple[str, str]:
    flip(pack / "report.pdf")
    return "manifest.sha256", LIST


def left_out_stream(pack: Path) -> tuple[str, str]:
    path = pack / "streams.txt"
    path.write_text(path.read_text().replace(" whole", " part"))
    return "manifest.sha256", LIST


def other_log_key(pack: Path) -> tuple[str, str]:
    path = pack / "keys" / "log.vkey"
    path.write_text("chauban/other+00000000+AQ==\n")
    return "keys/log.vkey", "no event introduces this key"


FORGERIES: tuple[Callable[[Path], tuple[str, str]], ...] = (
    original,
    foreign_original,
    envelope,
    dropped,
    dropped_last,
    moved,
    forged_field,
    added_field,
    doubled_field,
    field_of_another,
    certificate,
    fork,
    another_checkpoint,
    proof_of_another,
    proof_written_otherwise,
    token,
    cosignature,
    report,
    left_out_stream,
    other_log_key,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_pack_is_not_genuine_though_its_list_was_made_again(
    pack: Path, forge: Callable[[Path], tuple[str, str]]
) -> None:
    file, fault = forge(pack)
    verdict = checked(listed_again(pack))
    assert verdict.code == 1, verdict.said
    assert "KHÔNG ĐÁNG TIN · NOT GENUINE" in verdict.said
    assert "CHÍNH GỐC" not in verdict.said
    assert verdict.names(file, fault), verdict.said
    assert verdict.names("manifest.sha256", LIST), verdict.said


def test_a_file_that_is_altered_missing_or_too_many_is_named(pack: Path) -> None:
    flip(pack / "report.pdf")
    event = event_files(pack)[4]
    event.unlink()
    (pack / "events" / "note.txt").write_text("thêm")
    verdict = checked(pack)
    assert verdict.code == 1
    assert verdict.names("report.pdf", "the content was altered")
    assert verdict.names(f"events/{event.name}", "the file is missing")
    assert verdict.names("events/note.txt", "a file that the list does not name")


def test_a_pack_of_another_archive_is_no_answer_to_a_known_certificate(pack: Path) -> None:
    verdict = checked(pack, "ab" * 32)
    assert verdict.code == 1
    assert "not the certificate that is known" in verdict.said


# ---------------------------------------------------------------- as others see it


@pytest.mark.services
def test_libraries_of_others_accept_the_events_with_their_fields(pack: Path) -> None:
    jwk = jwk_of(pack)
    events = [event_named(pack, name) for name in ("dossier-opened/1", "record-registered/1")]
    for event in events:
        presentation = "~".join(
            [
                event.read_text(),
                *beside(event, "disclosures", "txt").read_text().splitlines(),
                "",
            ]
        )
        for verdict in (
            tools.jose_verify(event.read_text(), jwk),
            tools.joserfc(event.read_text(), jwk),
            tools.sd_jwt(presentation, jwk),
            tools.sd_jwt_core(presentation, jwk),
        ):
            assert verdict.accepted, verdict.said
    for verdict in (
        tools.jose_verify((pack / "manifest.jws").read_text(), jwk),
        tools.joserfc((pack / "manifest.jws").read_text(), jwk),
    ):
        assert verdict.accepted, verdict.said


@pytest.mark.services
def test_the_log_verifier_of_others_is_asked_and_heard(pack: Path) -> None:
    verifier = program("sumdb")
    assert checked(pack, LOG_VERIFIER=str(verifier)).code == 0
    event = event_files(pack)[3]
    proof = beside(event, "proofs", "tlog-proof")
    shutil.copy(beside(event_files(pack)[4], "proofs", "tlog-proof"), proof)
    verdict = checked(pack, LOG_VERIFIER=str(verifier))
    assert verdict.names(f"proofs/{proof.name}", "the log verifier does not accept it")


@pytest.mark.services
def test_policy_and_proofs_satisfy_torchwood(pack: Path) -> None:
    policy = (pack / "policy").read_text()
    assert "quorum all" in policy
    for event in event_files(pack):
        verdict = tools.torchwood_proof(
            policy, event.read_bytes(), beside(event, "proofs", "tlog-proof").read_bytes()
        )
        assert verdict.accepted, verdict.said

# ruff: noqa: S608 (the statements are the attacker's)
"""Whoever can write the files of an archive can alter them; `chauban verify` names what he did."""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from api.cli import main
from domain.services.proving import advance
from infrastructure.clock import SystemClock
from infrastructure.evidence import log_keys
from infrastructure.evidence.head import HeadCell, beginning
from infrastructure.journal import keys as key_files
from infrastructure.journal.envelope import Signer, certificate_digest, open_envelope, unb64
from tests.story.place import Place

PAPER = "don-xin-cap-dat"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, founded: Place) -> Place:
    """An archive with something of everything in it."""
    place = founded.copy(tmp_path_factory.mktemp("whole"))
    with place.open() as desk:
        first = desk.receive(PAPER)
        desk.receive("quyet-dinh", dossier=desk.open_dossier("Kế hoạch năm"))
        desk.work()
        assert first.record is not None
        desk.correct(first.record, "subject", "đơn xin cấp giấy")
        desk.correct(place.dossier, "title", "Tên đã sửa")
        desk.archive.views.catch_up()
    return place


def verified(place: Place, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict]:
    """What the command says: its exit code and its JSON."""
    capsys.readouterr()
    code = main(["verify", "--json", "--archive", str(place.folder), *more])
    return code, json.loads(capsys.readouterr().out)


def kinds(answer: dict) -> set[str]:
    return {found["kind"] for found in answer["findings"]}


def journal(*statements: str) -> Callable[[Place], None]:
    def alter(place: Place) -> None:
        with closing(sqlite3.connect(place.folder / "journal.sqlite")) as database, database:
            for table in ("stored_events", "commands", "claims"):
                for verb in ("UPDATE", "DELETE"):
                    database.execute(f"DROP TRIGGER IF EXISTS {table}_{verb}")
            for statement in statements:
                database.execute(statement)

    return alter


def views(statement: str) -> Callable[[Place], None]:
    """A statement on the live tables of the catalogue; `{}` begins their names."""

    def alter(place: Place) -> None:
        with closing(sqlite3.connect(place.folder / "views.sqlite")) as database, database:
            (number,) = database.execute(
                "SELECT number FROM generations WHERE view='catalogue' AND live"
            ).fetchone()
            assert database.execute(statement.format(f"catalogue_{number}_")).rowcount > 0

    return alter


def change_payload(place: Place) -> None:
    """One letter of a signed payload."""
    with closing(sqlite3.connect(place.folder / "journal.sqlite")) as database:
        ((state,),) = database.execute("SELECT state FROM stored_events WHERE rowid=12")
    middle = len(state) // 2
    changed = state[:middle] + (b"A" if state[middle : middle + 1] != b"A" else b"B")
    changed += state[middle + 1 :]
    journal(f"UPDATE stored_events SET state=x'{changed.hex()}' WHERE rowid=12")(place)


SWAP = (
    "CREATE TEMP TABLE two AS SELECT rowid AS n, state FROM stored_events WHERE rowid IN (12,13)",
    "UPDATE stored_events SET state=(SELECT state FROM two WHERE n = 25 - stored_events.rowid) "
    "WHERE rowid IN (12,13)",
)
DOSSIER_EVENTS = "originator_id LIKE 'dossier-%'"
MIDDLE = f"SELECT min(rowid) FROM stored_events WHERE {DOSSIER_EVENTS} AND originator_version=2"
LAST = "SELECT max(rowid) FROM stored_events"


def an_object(place: Place, kind: bytes) -> Path:
    """An object that begins so."""
    found = sorted((place.folder / "objects").glob("??/??/*"))
    return next(path for path in found if path.read_bytes().startswith(kind))


def flip_original(place: Place) -> None:
    path = an_object(place, b"\x89PNG")
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.chmod(0o640)
    path.write_bytes(content)


def cut_pdf(place: Place) -> None:
    path = an_object(place, b"%PDF")
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1])


def take_picture_away(place: Place) -> None:
    an_object(place, b"\xff\xd8\xff").unlink()


def take_manifest_away(place: Place) -> None:
    an_object(place, b'{"source":').unlink()


def edit_index(place: Place) -> None:
    """The page document of one record is dropped, and the index says that it is up to date."""
    from infrastructure.search.whoosh_index import WhooshIndex

    with WhooshIndex(place.folder / "index") as index:
        page = next(index.inspect_pages())
        index.apply(index.position(), [], [page.record])


def damage_index(place: Place) -> None:
    for path in (place.folder / "index").glob("0*/*.trm"):
        path.write_bytes(b"\0" * 100)


def take_index_away(place: Place) -> None:
    shutil.rmtree(place.folder / "index")


def damage_views(place: Place) -> None:
    (place.folder / "views.sqlite").write_bytes(b"no database at all" * 100)


def change_payload_and_take_views_away(place: Place) -> None:
    """The views cannot be built again from such a journal."""
    change_payload(place)
    for path in place.folder.glob("views.sqlite*"):
        path.unlink()


ATTACKS: dict[str, tuple[Callable[[Place], None], set[str]]] = {
    "one letter of an envelope": (change_payload, {"signature-broken"}),
    "two envelopes swapped": (journal(*SWAP), {"row-and-envelope-differ"}),
    "the type of a row": (
        journal("UPDATE stored_events SET topic='dossier-closed/1' WHERE rowid=12"),
        {"row-and-envelope-differ"},
    ),
    "an event in the middle dropped": (
        journal(f"DELETE FROM stored_events WHERE rowid=({MIDDLE})"),
        {"version-missing"},
    ),
    "the last event dropped": (
        journal(f"DELETE FROM stored_events WHERE rowid=({LAST})"),
        {"end-missing"},
    ),
    "the first event altered": (
        journal(
            "UPDATE stored_events SET state=CAST(replace(state, 'a', 'b') AS BLOB) WHERE rowid=1"
        ),
        {"envelope-not-json", "signature-broken", "signed-by-another-key"},
    ),
    "a command's answer": (
        journal("UPDATE commands SET answer=replace(answer, 'H33', 'H34')"),
        {"command-row-altered"},
    ),
    "a command dropped": (
        journal("DELETE FROM commands WHERE rowid_or_id" if False else
                "DELETE FROM commands WHERE id=(SELECT max(id) FROM commands)"),
        {"command-missing"},
    ),
    "a claim given to another": (
        journal("UPDATE claims SET text='H33-2026-901.HS' WHERE kind='dossier-code'"
                " AND text='H33-2026-900.HS'"),
        {"claim-row-missing"},
    ),
    "a disclosure dropped": (
        journal("DELETE FROM disclosures WHERE subject LIKE 'dossier-%'"),
        {"disclosures-missing"},
    ),
    "a byte of an original": (flip_original, {"object-altered"}),
    "the end of a PDF/A": (cut_pdf, {"object-altered"}),
    "a picture gone": (take_picture_away, {"object-missing"}),
    "a manifest gone": (take_manifest_away, {"object-missing"}),
    "a title in a view": (
        views("UPDATE {}dossiers SET title='khác'"),
        {"view-differs"},
    ),
    "a row of a view dropped": (views("DELETE FROM {}records"), {"view-differs"}),
    "a page of the index dropped": (edit_index, {"index-page-missing"}),
    "files of the index damaged": (damage_index, set()),
    "the index gone": (take_index_away, set()),
    "the views damaged": (damage_views, set()),
    "an envelope altered and the views gone": (change_payload_and_take_views_away, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_verify_names_what_was_altered(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    alter, seen = ATTACKS[name]
    place = whole.copy(tmp_path)
    alter(place)
    code, answer = verified(place, capsys)
    assert "findings" in answer, answer
    if seen:
        assert (code, answer["ok"]) == (1, False)
        assert kinds(answer) & seen


def test_damage_to_the_acting_agent_is_named_and_another_one_verifies(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = whole.copy(tmp_path)
    agent = place.people.archivist
    journal(f"DELETE FROM disclosures WHERE subject='{agent}'")(place)
    code, answer = verified(place, capsys)
    assert (code, answer["error"]) == (1, "disclosures-missing")
    code, answer = verified(place, capsys, "--as", place.people.auditor)
    assert (code, kinds(answer) >= {"disclosures-missing"}) == (1, True)


def test_a_row_that_holds_no_bytes_is_named(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n, value in enumerate(("'text'", "7", "NULL", "1.5", "999999999999")):
        place = whole.copy(tmp_path / str(n))
        relaxed = "PRAGMA writable_schema=ON"
        schema = "UPDATE sqlite_schema SET sql=replace(sql, 'state BLOB NOT NULL', 'state BLOB')"
        journal(relaxed, schema)(place)
        journal(f"UPDATE stored_events SET state={value} WHERE rowid=12")(place)
        code, answer = verified(place, capsys)
        assert code == 1, (value, answer)
        assert "12" in {found["where"] for found in answer["findings"]}


def test_an_untouched_archive_has_no_finding(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = whole.copy(tmp_path)
    code, answer = verified(place, capsys, "--certificate", place.certificate)
    assert (code, answer["ok"], answer["findings"]) == (0, True, [])
    assert "certificate-from-archive" not in answer["not_proved"]


def test_bytes_that_no_event_names_are_listed_and_harm_nothing(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = whole.copy(tmp_path)
    content = b"somebody put this here"
    name = sha256(content).hexdigest()
    path = place.folder / "objects" / name[:2] / name[2:4] / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    code, answer = verified(place, capsys)
    assert (code, kinds(answer)) == (0, {"object-without-fact"})
    assert answer["findings"][0]["where"] == f"sha256:{name}"


def test_everything_signed_anew_is_seen_by_whoever_kept_the_certificate(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An intruder with the whole disk makes a key of his own, signs another history with it, and
    a log of it, too, for which he has the key already."""
    place = whole.copy(tmp_path)
    kept = tmp_path / "kept.checkpoint"
    assert main(["verify", "--json", "--archive", str(place.folder), "--remember", str(kept)]) == 0
    sign_anew(place)
    code, answer = verified(place, capsys)
    assert code == 0, "by itself the archive looks sound"
    assert "certificate-from-archive" in answer["not_proved"]
    code, answer = verified(place, capsys, "--certificate", place.certificate)
    assert (code, answer["ok"]) == (1, False)
    assert "certificate-not-pinned" in kinds(answer)
    code, answer = verified(place, capsys, "--since", str(kept))
    assert (code, kinds(answer)) == (1, {"log-not-as-remembered"})


def sign_anew(place: Place) -> None:
    """Every envelope again under a new key, the founding event and all chains fitting to it."""
    folder = place.settings.keys
    other = folder.with_name("forged.keys")
    archive = json.loads((place.folder / "archive.json").read_text())["archive"]
    new = key_files.create(other, archive, SystemClock().now() - timedelta(days=1))
    for name in ("system.key.pem", "system.cert.pem"):
        shutil.copy2(other / name, folder / name)
    signer = Signer(new.signer._key, new.certificate)
    heads: dict[str, str] = {}
    update = "UPDATE stored_events SET state=? WHERE rowid=?"
    journal()(place)
    with closing(sqlite3.connect(place.folder / "journal.sqlite")) as database, database:
        rows = database.execute("SELECT rowid, state FROM stored_events ORDER BY rowid").fetchall()
        for position, state in rows:
            payload = open_envelope(state).payload
            if payload["type"] == "archive-founded/1":
                der = new.certificate.public_bytes(Encoding.DER)
                payload["data"]["certificate"] = base64.b64encode(der).decode()
                payload["data"]["certificate_sha256"] = certificate_digest(new.certificate).hex()
            if "prev" in payload:
                payload["prev"] = heads[payload["str"]]
            envelope = signer.sign(payload)
            heads[payload["str"]] = sha256(envelope).hexdigest()
            database.execute(update, (envelope, position))
        for table in ("stored_events", "commands", "claims"):
            for verb in ("UPDATE", "DELETE"):
                database.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
                )
    assert unb64(state.split(b".")[0])
    shutil.rmtree(place.folder / "log")
    for head in place.settings.keys.glob("log-head.sqlite*"):
        head.unlink()
    with closing(HeadCell(place.settings.keys / "log-head.sqlite")) as cell:
        origin = log_keys.origin_of(place.settings.keys)
        cell.move(None, beginning(origin, SystemClock().now()))
    with place.open() as desk:
        advance(desk.archive)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", 3),
        ("[]", 3),
        ('{"format": 1}', 3),
        ('{"format": 2}', 3),
        ('{"format": 1, "archive": 7, "worker": [], "accounts": {}}', 3),
    ],
)
def test_a_description_that_cannot_be_read_is_named(
    whole: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, code: int
) -> None:
    place = whole.copy(tmp_path)
    (place.folder / "archive.json").write_text(content)
    got, answer = verified(place, capsys)
    assert got == code
    assert answer["error"].startswith("archive-")


def forged_archive(said: dict) -> None:
    said["archive"] = "archive-01980000-0000-7000-8000-000000000001"


def forged_worker(said: dict) -> None:
    """Whatever the worker does would be done in a person's name."""
    said["worker"] = next(iter(said["accounts"].values()))


def unknown_worker(said: dict) -> None:
    said["worker"] = "agent-01980000-0000-7000-8000-000000000001"


def unknown_account(said: dict) -> None:
    said["accounts"] = dict.fromkeys(said["accounts"], "agent-01980000-0000-7000-8000-000000000001")


@pytest.mark.parametrize("forge", [forged_archive, forged_worker, unknown_worker, unknown_account])
def test_a_forged_description_is_named(
    whole: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    forge: Callable[[dict], None],
) -> None:
    place = whole.copy(tmp_path)
    path = place.folder / "archive.json"
    said = json.loads(path.read_text())
    forge(said)
    path.write_text(json.dumps(said))
    code, answer = verified(place, capsys)
    assert code != 0
    assert "error" in answer or answer["findings"]

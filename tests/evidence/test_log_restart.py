"""An archive that came back from an older backup beside its keys of today: its log stands still,
and an administrator ends it and begins the next one."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256, sha512
from io import BytesIO
from pathlib import Path

import pytest

from domain import attestation, keyring
from domain.agents import Actor, Agent, Role
from domain.attestation import CheckpointAttested
from domain.dossier import DossierOpened
from domain.errors import IntegrityError, InvalidValueError, NotPermittedError, RuleError
from domain.events import Change
from domain.evidence import Checkpoint
from domain.keyring import KeyGround, LogEndGround
from domain.ports import Answer, Command, Finding
from domain.services import evidencing, keys, oversight, proving, restarting
from domain.services.proving import Continuity
from domain.values import CommandId, Digest, FileObject
from infrastructure.bootstrap import (
    House,
    back_up,
    certificate_of,
    found_archive,
    opened,
    restore,
)
from infrastructure.evidence import log_keys
from infrastructure.evidence.head import HeadCell
from infrastructure.evidence.log import read_checkpoint
from infrastructure.evidence.notes import Body, VerifierKey, parse_note, signed
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.evidence.tiles import bundle_name, pack, unpack
from infrastructure.journal.store import SignedJournal
from infrastructure.objects.named import FolderFiles
from infrastructure.objects.named_s3 import BucketFiles
from infrastructure.settings import Settings
from tests.evidence.archives import add_events, archive_with, request_of, settings_of
from tests.evidence.log_attacks import flip, rewrite
from tests.evidence.packs import checked, unpacked
from tests.foreign import tools
from tests.services import minio_server
from tests.story.processes import run_killed

ORIGIN = "luutru.example/log"


@dataclass(frozen=True)
class Lost:
    """An archive whose last events are lost."""

    settings: Settings
    early: bytes
    """A checkpoint that covers what was kept."""
    late: bytes
    """One that covers more."""
    proof: bytes
    """Of an event under the early one."""
    kept: int
    size: int
    broken: Path
    """The folder of the archive that was replaced."""

    @contextmanager
    def open(self) -> Iterator[House]:
        with opened(self.settings) as house:
            house.archive.views.catch_up()
            yield house

    def put_log_back(self) -> None:
        """As in a bucket, which no restore touches."""
        shutil.copytree(self.broken / "log", self.settings.directory / "log")


def lose(folder: Path, **setting: str) -> Lost:
    setting["CHAUBAN_LOG_ORIGIN"] = ORIGIN
    settings = settings_of(folder, **setting)
    with archive_with(folder, 20, **setting) as house:
        early = advanced(house)
        proof = house.archive.log.proof(3, early)
        back_up(house, folder / "backup")
        add_events(house, 30)
        late = advanced(house)
    broken = settings.directory.rename(folder / "broken")
    restore(settings, folder / "backup")
    return Lost(settings, early.note, late.note, proof, early.size, late.size, broken)


@pytest.fixture
def lost(tmp_path: Path) -> Lost:
    return lose(tmp_path)


def advanced(house: House) -> Checkpoint:
    checkpoint = proving.advance(house.archive)
    assert checkpoint is not None
    return checkpoint


def restarted(house: House, ground: LogEndGround = LogEndGround.RESTORED) -> Answer:
    answer = restarting.restart(house.archive, request_of(house), ground)
    house.archive.views.catch_up()
    return answer


def verify(house: House, **more: object) -> oversight.Verification:
    return oversight.verify(house.archive, request_of(house), **more)  # type: ignore[arg-type]


def told(house: House) -> list[str]:
    """The names of the events of the keys."""
    events = house.archive.journal.load(keyring.stream_of(house.archive.id))
    return [type(each.event).__name__ for each in events]


def tree(folder: Path) -> dict[str, str]:
    """Every file with its digest."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def signers(checkpoint: Checkpoint) -> set[bytes]:
    return {line.key for line in parse_note(checkpoint.note).lines}


def check_sound(lost: Lost, house: House, origin: str = f"{ORIGIN}~2") -> None:
    """One end, one log after it that covers everything, and nothing wrong."""
    checkpoint = advanced(house)
    assert (checkpoint.origin, checkpoint.size) == (origin, house.archive.journal.position())
    state = proving.log_state(house.archive)
    assert state.stopped is None
    assert state.origin == origin
    assert signers(checkpoint) == {VerifierKey.parse(state.key).id}
    found = verify(house, remembered=[lost.early, checkpoint.note])
    assert found.findings == ()
    assert "log-ended" in found.not_proved


# ---------------------------------------------------------------- the way out


def test_before_the_restart_it_is_told_what_is_lost(lost: Lost) -> None:
    with lost.open() as house:
        assert proving.log_state(house.archive).stopped == "log-ahead-of-journal"
        assert {f.kind for f in verify(house).findings} >= {"log-shorter-than-signed"}
        said = restarting.announced(house.archive, request_of(house))
        assert (said.loss.size, said.loss.events) == (lost.size, lost.kept)
        assert (said.loss.kept, said.loss.found) == (None, 0), "the files went with the folder"
        lost.put_log_back()
        said = restarting.announced(house.archive, request_of(house))
        assert (said.loss.kept, said.loss.found) == (lost.kept, lost.size - lost.kept)
        assert (said.folder, said.next_origin) == ("log", f"{ORIGIN}~2")
        assert told(house) == ["LogKeyIntroduced"], "nothing has changed"


@pytest.mark.parametrize("with_files", [False, True])
def test_the_next_log_goes_on_from_what_the_archive_has(lost: Lost, with_files: bool) -> None:
    if with_files:
        lost.put_log_back()
    with lost.open() as house:
        before = tree(lost.settings.directory / "log")
        former = proving.log_state(house.archive).key
        answer = restarted(house)
        assert answer.result["former"] == ORIGIN
        assert answer.result["origin"] == f"{ORIGIN}~2"
        check_sound(lost, house)
        add_events(house, 300)
        check_sound(lost, house)
        assert told(house) == ["LogKeyIntroduced", "LogEnded", "LogKeyIntroduced"]
        assert tree(lost.settings.directory / "log") == before
        (ended,) = proving.ended_logs(house.archive)
        assert (ended.origin, ended.size, ended.key) == (ORIGIN, lost.size, former)
        assert ended.root == read_checkpoint(lost.late).root
        assert ended.ground is LogEndGround.RESTORED
        assert ended.reference is None, "nobody named an order"
        assert answer.result["ground"] == "restored"
        assert proving.log_keys(house.archive) == (former, answer.result["key"])
        assert (
            VerifierKey.parse(former).public != VerifierKey.parse(str(answer.result["key"])).public
        )
        row, after = (each for each in keys.listed(house.archive, request_of(house))
                      if each.kind == "log")  # fmt: skip
        assert row.ended == ended
        assert after.ended is None
    with lost.open() as house:
        check_sound(lost, house)


@pytest.mark.parametrize("more", [0, 100])
def test_a_checkpoint_that_somebody_kept_shows_what_is_lost(lost: Lost, more: int) -> None:
    """Also where the archive has grown past it again."""
    with lost.open() as house:
        restarted(house)
        add_events(house, more)
        advanced(house)
        size = house.archive.journal.position()
        for hashes in (False, True):
            found = verify(house, remembered=[lost.early, lost.late], hashes=hashes)
            assert "log-ended" in found.not_proved
            if more:
                expected = Finding("log-lost-since-remembered", str(lost.size))
            else:
                expected = Finding("log-lost-since-remembered", str(size), str(lost.size))
            assert found.findings == (expected,)
        assert proving.compare_kept(house.archive, lost.early).continuity is Continuity.CONTINUES
        assert proving.compare_kept(house.archive, lost.late).continuity is Continuity.LOST
        found = verify(house, remembered=[lost.early], incremental=True)
        assert found.findings == ()


@pytest.mark.parametrize("with_files", [True, False])
def test_a_loss_does_not_excuse_what_was_altered_before_it(lost: Lost, with_files: bool) -> None:
    """Found once: after one restart every checkpoint of the former log that did not fit was said to
    cover lost events."""
    if with_files:
        lost.put_log_back()
    early = read_checkpoint(lost.early)
    _, key = log_keys.load(lost.settings.keys)
    other = signed(Body(ORIGIN, early.size, bytes(32)), [key]).raw
    with lost.open() as house:
        restarted(house)
        add_events(house, 100)
        advanced(house)
        (ended,) = proving.ended_logs(house.archive)
        assert ended.kept == (lost.kept if with_files else None)
        found = verify(house, remembered=[lost.early, lost.late, other]).findings
        kept = "log-not-as-remembered" if with_files else "log-lost-since-remembered"
        assert found == (
            Finding("log-lost-since-remembered", str(lost.size)),
            Finding(kept, str(early.size)),
        )
        became = Continuity.DIFFERS if with_files else Continuity.LOST
        assert proving.compare_kept(house.archive, other).continuity is became
        assert proving.compare_kept(house.archive, lost.late).continuity is Continuity.LOST


def test_what_the_archive_itself_attests_was_not_lost(lost: Lost) -> None:
    """Its event lies behind all that it covers, also where nobody knows how much was kept."""
    early = read_checkpoint(lost.early)
    _, key = log_keys.load(lost.settings.keys)
    other = signed(Body(ORIGIN, early.size, bytes(32)), [key]).raw
    with lost.open() as house:
        archive = house.archive
        restarted(house)
        attest(house, early.size, other)
        advanced(house)
        found = verify(house, remembered=[other]).findings
        assert {each.kind for each in found} == {"log-not-as-remembered"}
        assert proving.compare_kept(archive, other).continuity is Continuity.DIFFERS


def attest(house: House, size: int, note: bytes) -> None:
    """An event that says that outsiders vouched for a note, as an attacker with the keys."""
    archive, request = house.archive, request_of(house)
    digest = Digest(f"sha256:{sha256(note).hexdigest()}")
    file = FileObject(digest, Digest(f"sha512:{sha512(note).hexdigest()}"), len(note), "text/plain")
    archive.objects.put(digest, BytesIO(note))
    event = CheckpointAttested(size, file, ("w.example",), ())
    stream = attestation.stream_of(archive.id)
    archive.journal.append(
        [Change(stream, len(archive.journal.load(stream)), (event,))],
        by=Actor(request.agent.id, Role.ARCHIVIST, request.agent.grants[0].agency),
        basis=request.basis,
        at=archive.clock.now(),
        command=Command(CommandId(archive.identifiers.new()), "test"),
        result={},
    )
    archive.views.catch_up()


def test_a_proof_that_does_not_prove_is_not_handed_out(lost: Lost) -> None:
    """Path and checkpoint of what was signed, an event of another history."""
    lost.put_log_back()
    with lost.open() as house:
        add_events(house, 60)
        for position in (lost.kept + 1, lost.size):
            with pytest.raises(IntegrityError, match="log-diverged"):
                proving.proof_of(house.archive, request_of(house), str(position))
        sound = proving.proof_of(house.archive, request_of(house), str(lost.kept))
        key = VerifierKey.parse(proving.log_state(house.archive).key)
        check_proof(parse_proof(sound.proof), sound.envelope, [key])


def test_a_proof_from_an_altered_tile_is_not_handed_out(tmp_path: Path) -> None:
    with archive_with(tmp_path, 300) as house:
        advanced(house)
        flip(tmp_path / "archive" / "log" / "tile" / "0" / "000", 0)
        for position in (1, 2, 20):
            with pytest.raises(IntegrityError, match="log-files-differ"):
                proving.proof_of(house.archive, request_of(house), str(position))
        proving.proof_of(house.archive, request_of(house), "290")


def test_an_archive_that_went_on_before_the_restart_loses_none_of_that(lost: Lost) -> None:
    """Grown past what was signed, it is another history than the log's."""
    lost.put_log_back()
    with lost.open() as house:
        add_events(house, 60)
        with pytest.raises(IntegrityError, match="log-diverged"):
            proving.advance(house.archive)
        before = tree(lost.settings.directory / "log")
        said = restarting.announced(house.archive, request_of(house))
        assert (said.loss.kept, said.loss.found) == (lost.kept, lost.size - lost.kept)
        restarted(house)
        check_sound(lost, house)
        assert tree(lost.settings.directory / "log") == before


def test_files_of_lost_events_are_never_written_over(lost: Lost) -> None:
    """A damaged tile is made again from the journal, but only where that gives what was signed."""
    lost.put_log_back()
    folder = lost.settings.directory / "log"
    tile = next(folder.glob("tile/0/000.p/*"))
    for each in folder.glob("tile/0/000.p/*"):
        each.unlink()
    with lost.open() as house:
        add_events(house, 60)
        before = tree(folder)
        with pytest.raises(IntegrityError, match="log-diverged"):
            proving.advance(house.archive)
        assert tree(folder) == before
        assert not tile.exists()
        assert restarting.announced(house.archive, request_of(house)).loss.kept == lost.kept
        restarted(house)
        check_sound(lost, house)


def test_a_sound_log_is_not_ended(tmp_path: Path) -> None:
    with archive_with(tmp_path, 10) as house:
        for synced in (False, True):
            if synced:
                advanced(house)
            with pytest.raises(RuleError, match="log-not-stopped"):
                restarting.announced(house.archive, request_of(house))
            with pytest.raises(RuleError, match="log-not-stopped"):
                restarted(house)
        assert told(house) == ["LogKeyIntroduced"]


@pytest.mark.parametrize("damage", ["altered", "lost"])
def test_a_damaged_full_tile_ends_no_sound_log(damage: str, tmp_path: Path) -> None:
    """At 256 events no edge reads the last tile; found once, one byte there ended the log."""
    tile = tmp_path / "archive" / "log" / "tile" / "0" / "000"
    with archive_with(tmp_path, 10) as house:
        advanced(house)
        add_events(house, 256 - house.archive.journal.position())
        assert advanced(house).size == 256
    good = tile.read_bytes()
    if damage == "altered":
        flip(tile, -1)
    else:
        tile.unlink()
    with opened(settings_of(tmp_path)) as house:
        assert proving.log_state(house.archive).stopped == "log-files-differ"
        for step in (lambda: restarting.announced(house.archive, request_of(house)),
                     lambda: restarted(house)):  # fmt: skip
            with pytest.raises(RuleError, match="log-not-stopped"):
                step()
        assert not tile.exists() or tile.read_bytes() != good, "looking mends nothing"
        add_events(house, 3)
        assert advanced(house).size == 259
        assert tile.read_bytes() == good
        assert proving.log_state(house.archive).stopped is None


def test_altered_entries_are_not_reported_as_signed_ones(lost: Lost) -> None:
    lost.put_log_back()
    bundle = lost.settings.directory / "log" / bundle_name(0, lost.size)
    entries = unpack(bundle.read_bytes(), lost.size)
    entries[2] = b"forged"
    entries[-10:] = [b"garbage"] * 10
    rewrite(bundle, pack(entries))
    with lost.open() as house:
        add_events(house, 60)
        loss = restarting.announced(house.archive, request_of(house)).loss
        assert (loss.kept, loss.found, loss.unproved) == (None, 0, lost.size)


def test_only_who_administers_everything_ends_a_log(lost: Lost) -> None:
    with lost.open() as house:
        request = request_of(house)
        nobody = Agent(request.agent.id, request.agent.kind, request.agent.name, ())
        for step in (
            lambda asked: restarting.announced(house.archive, asked),
            lambda asked: restarting.restart(house.archive, asked, LogEndGround.LOST),
        ):
            with pytest.raises(NotPermittedError):
                step(replace(request, agent=nobody))


def test_a_repeated_command_ends_one_log(lost: Lost) -> None:
    with lost.open() as house:
        request = request_of(house)
        first, again = (
            restarting.restart(house.archive, request, LogEndGround.LOST) for _ in range(2)
        )
        assert (first.events, first.result) == (again.events, again.result)
        assert told(house).count("LogEnded") == 1


@pytest.mark.services
def test_in_a_bucket_the_entries_of_lost_events_stay(tmp_path: Path) -> None:
    (tmp_path / "minio").mkdir()
    with minio_server(tmp_path / "minio") as server:
        (tmp_path / "access").write_text(server.access_key)
        (tmp_path / "secret").write_text(server.secret_key)
        lost = lose(
            tmp_path,
            CHAUBAN_OBJECTS="minio",
            CHAUBAN_S3_HOST=server.host,
            CHAUBAN_S3_BUCKET="restarted",
            CHAUBAN_S3_INSECURE="1",
            CHAUBAN_S3_ACCESS_KEY_FILE=str(tmp_path / "access"),
            CHAUBAN_S3_SECRET_KEY_FILE=str(tmp_path / "secret"),
        )
        assert lost.settings.bucket is not None
        former, following = (BucketFiles(lost.settings.bucket, f"{n}/") for n in ("log", "log-2"))
        with lost.open() as house:
            said = restarting.announced(house.archive, request_of(house))
            assert (said.loss.kept, said.loss.found) == (lost.kept, lost.size - lost.kept)
            restarted(house)
            check_sound(lost, house)
            assert former.get("checkpoint") == lost.late
            assert following.get("checkpoint") == advanced(house).note
            assert len(unpack(former.get(bundle_name(0, lost.size)), lost.size)) == lost.size


# ---------------------------------------------------------------- what others check


def test_a_pack_of_the_archive_is_genuine(lost: Lost, tmp_path: Path) -> None:
    with lost.open() as house:
        restarted(house)
        add_events(house, 12)
        key = proving.log_state(house.archive).key
        opened_ = [
            each.stream
            for each in house.archive.journal.follow(0, 1000)
            if isinstance(each.event, DossierOpened)
        ]
        for number, dossier in enumerate((opened_[0], opened_[-1])):
            made = evidencing.pack(house.archive, request_of(house), dossier)
            folder = unpacked(b"".join(made.chunks), tmp_path / f"pack-{number}")
            said = checked(folder, certificate_of(lost.settings), key)
            assert said.code == 0, said.said
            assert "GENUINE" in said.said


def test_a_proof_from_before_the_loss_is_made_again(lost: Lost) -> None:
    """The tiles of the next log give the same proofs under checkpoints of the former one."""
    with lost.open() as house:
        restarted(house)
        kept = proving.read_kept(house.archive, lost.early)
        assert kept.origin == ORIGIN
        assert house.archive.log.proof(3, kept) == lost.proof
        assert proving.compare_kept(house.archive, lost.proof).continuity is Continuity.CONTINUES


@pytest.mark.services
def test_others_check_the_next_log(lost: Lost, tmp_path: Path) -> None:
    with lost.open() as house:
        restarted(house)
        add_events(house, 300)
        key = proving.log_state(house.archive).key
        folder = tmp_path / "exported"
        proving.export(house.archive, request_of(house), str(folder), progress=lambda *_: None)
        assert (folder / "log.vkey").read_text() == key + "\n"
        assert tools.fsck(folder, key).accepted
        assert tools.sumdb_audit(folder, key).accepted


# ---------------------------------------------------------------- crashes


def dying(call: int, at: Callable[[Path], bool], patch: pytest.MonkeyPatch) -> None:
    """The process dies before this rename of those that are meant."""
    rename, count = Path.rename, 0

    def renamed(self: Path, target: Path) -> Path:
        nonlocal count
        if at(Path(target)):
            count += 1
            if count == call:
                os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    patch.setattr(Path, "rename", renamed)


def killed_before(
    owner: type, name: str, patch: pytest.MonkeyPatch, *, after: bool = False
) -> None:
    real = getattr(owner, name)

    def deadly(*given: object, **more: object) -> object:
        if after:
            real(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    patch.setattr(owner, name, deadly)


POINTS = (
    *("key", "before-append", "after-append", "retired", "verifier", "private"),
    *("tile", "before-cell", "after-cell", "checkpoint"),
)


def doom(point: str, lost: Lost, patch: pytest.MonkeyPatch) -> None:
    keys_ = lost.settings.keys

    def checkpoint(self: FolderFiles, name: str, content: bytes) -> None:
        if name == "checkpoint":
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, name, content)

    match point:
        case "key":
            dying(1, lambda to: to.name == "log.next.key.pem", patch)
        case "before-append" | "after-append":
            killed_before(SignedJournal, "append", patch, after=point == "after-append")
        case "retired":
            dying(1, lambda to: to.parent == keys_ / "retired", patch)
        case "verifier":
            dying(1, lambda to: to == keys_ / "log.vkey", patch)
        case "private":
            dying(1, lambda to: to == keys_ / "log.key.pem", patch)
        case "tile":
            killed_before(FolderFiles, "put", patch)
        case "before-cell" | "after-cell":
            killed_before(HeadCell, "move", patch, after=point == "after-cell")
        case _:
            put = FolderFiles.put
            patch.setattr(FolderFiles, "put", checkpoint)


@pytest.mark.parametrize("again", ["command", "worker"])
@pytest.mark.parametrize("point", POINTS)
def test_a_restart_that_was_killed_is_finished(
    point: str, again: str, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost.put_log_back()
    before = tree(lost.settings.directory / "log")

    def doomed() -> None:
        with lost.open() as house:
            doom(point, lost, monkeypatch)
            restarted(house)

    assert run_killed(doomed)
    recorded = point not in ("key", "before-append")
    with lost.open() as house:
        assert told(house).count("LogEnded") == recorded
        if again == "worker" and recorded:
            advanced(house)
            with pytest.raises(RuleError, match="log-not-stopped"):
                restarted(house)
        elif again == "worker":
            with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
                proving.advance(house.archive)
            return
        elif point in ("after-cell", "checkpoint"):  # The head is signed: only a file is missing.
            with pytest.raises(RuleError, match="log-not-stopped"):
                restarted(house)
        else:
            answer = restarted(house, LogEndGround.ALTERED)
            said = "restored" if recorded else "altered"  # The earlier one's, which stands.
            assert answer.result["ground"] == said
            assert answer.result["origin"] == f"{ORIGIN}~2"
            assert answer.result["key"] == proving.log_state(house.archive).key
        assert told(house) == ["LogKeyIntroduced", "LogEnded", "LogKeyIntroduced"]
        check_sound(lost, house)
        add_events(house, 5)
        check_sound(lost, house)
        assert tree(lost.settings.directory / "log") == before
        assert not (lost.settings.keys / "log.next.key.pem").exists()


def test_verification_between_event_and_files_finds_nothing_new(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restart is recorded; the next checkpoint comes with the next look of the worker."""

    def doomed() -> None:
        with lost.open() as house:
            doom("after-append", lost, monkeypatch)
            restarted(house)

    assert run_killed(doomed)
    with lost.open() as house:
        assert verify(house).findings == ()
        check_sound(lost, house)


# ---------------------------------------------------------------- keys without a head


@pytest.fixture
def recovered(lost: Lost) -> Lost:
    """The keys came back from a recovery file, the archive from a backup, and nothing else."""
    forget_head(lost.settings)
    return lost


def forget_head(settings: Settings) -> None:
    for each in settings.keys.glob("log-head.sqlite*"):
        each.unlink()


def test_a_log_whose_head_nobody_knows_signs_nothing(recovered: Lost) -> None:
    """Found once: it began anew under its old name, so that two of its checkpoints of one size had
    two roots."""
    with recovered.open() as house:
        add_events(house, 40)
        for _ in range(2):
            with pytest.raises(IntegrityError, match="log-head-missing"):
                proving.advance(house.archive)
        state = proving.log_state(house.archive)
        assert (state.stopped, state.checkpoint) == ("log-head-missing", None)
        assert [each.kind for each in verify(house).findings] == ["log-head-missing"]
        assert not (recovered.settings.directory / "log").exists()


def test_it_ends_at_what_the_archive_has(recovered: Lost) -> None:
    early = read_checkpoint(recovered.early)
    _, key = log_keys.load(recovered.settings.keys)
    other = signed(Body(ORIGIN, early.size, bytes(32)), [key]).raw
    with recovered.open() as house:
        had = house.archive.journal.position()
        loss = restarting.announced(house.archive, request_of(house)).loss
        assert (loss.known, loss.size, loss.kept, loss.events) == (False, had, had, had)
        restarted(house)
        (ended,) = proving.ended_logs(house.archive)
        assert (ended.size, ended.kept, ended.root) == (had, had, early.root)
        check_sound(recovered, house)
        add_events(house, 100)
        advanced(house)
        found = verify(house, remembered=[recovered.early, recovered.late, other]).findings
        assert [each.kind for each in found] == [
            "log-lost-since-remembered",
            "log-not-as-remembered",
        ]


def test_a_checkpoint_that_lies_there_is_the_head(recovered: Lost) -> None:
    recovered.put_log_back()
    with recovered.open() as house:
        assert proving.log_state(house.archive).stopped is None
        with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
            proving.advance(house.archive)
        loss = restarting.announced(house.archive, request_of(house)).loss
        assert (loss.known, loss.kept, loss.size) == (True, recovered.kept, recovered.size)


def test_an_archive_that_was_just_founded_knows_that_nothing_is_signed(tmp_path: Path) -> None:
    """Its head lies there from the beginning; one that is gone is one that was lost."""
    settings = settings_of(tmp_path)
    found_archive(settings, name="Kho", agency="H33", agency_name="Sở")
    with opened(settings) as house:
        state = proving.log_state(house.archive)
        assert (state.stopped, state.checkpoint, state.published_at) == (None, None, None)
    forget_head(settings)
    with opened(settings) as house:
        assert proving.log_state(house.archive).stopped == "log-head-missing"


@pytest.mark.parametrize("again", ["command", "worker"])
@pytest.mark.parametrize("point", POINTS)
def test_a_restart_without_a_head_that_was_killed_is_finished(
    point: str, again: str, recovered: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the crash came: nothing is signed under the former name."""

    def doomed() -> None:
        with recovered.open() as house:
            doom(point, recovered, monkeypatch)
            restarted(house)

    assert run_killed(doomed)
    with recovered.open() as house:
        recorded = "LogEnded" in told(house)
        assert recorded == (point not in ("key", "before-append", "before-cell", "after-cell"))
        if not recorded:
            with pytest.raises(IntegrityError, match="log-head-missing"):
                proving.advance(house.archive)
        if again == "command" and point != "checkpoint":
            restarted(house)
        elif not recorded:
            return
        check_sound(recovered, house)
        assert told(house) == ["LogKeyIntroduced", "LogEnded", "LogKeyIntroduced"]
        assert not (recovered.settings.directory / "log").exists()


def test_a_head_that_comes_back_after_a_restart_that_did_not_happen_counts(
    recovered: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint was found after all."""

    def doomed() -> None:
        with recovered.open() as house:
            doom("before-append", recovered, monkeypatch)
            restarted(house)

    assert run_killed(doomed)
    recovered.put_log_back()
    with recovered.open() as house:
        with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
            proving.advance(house.archive)
        assert restarting.announced(house.archive, request_of(house)).loss.size == recovered.size
        restarted(house)
        check_sound(recovered, house)


# ---------------------------------------------------------------- keys of another day


def test_a_rotation_that_the_journal_lost_hinders_nothing(tmp_path: Path) -> None:
    """The log's key of today signs since an event that is gone: its checkpoints are known still."""
    settings = settings_of(tmp_path, CHAUBAN_LOG_ORIGIN=ORIGIN)
    with archive_with(tmp_path, 20, CHAUBAN_LOG_ORIGIN=ORIGIN) as house:
        early = advanced(house)
        back_up(house, tmp_path / "backup")
        keys.rotate_log_key(house.archive, request_of(house), KeyGround.SCHEDULED)
        advanced(house)
        add_events(house, 10)
        late = advanced(house)
    broken = settings.directory.rename(tmp_path / "broken")
    restore(settings, tmp_path / "backup")
    lost = Lost(settings, early.note, late.note, b"", early.size, late.size, broken)
    with lost.open() as house:
        real = proving.log_state(house.archive).key
        restarted(house)
        check_sound(lost, house)
        found = verify(house, remembered=[late.note])
        assert [each.kind for each in found.findings] == ["log-lost-since-remembered"]
        rows = [
            each for each in keys.listed(house.archive, request_of(house)) if each.kind == "log"
        ]
        assert [each.key for each in rows] == list(proving.log_keys(house.archive))
        assert rows[1].key == real
        (ended,) = proving.ended_logs(house.archive)
        assert [each.ended for each in rows] == [None, ended, None]
        assert [each.followed for each in rows] == [ended.position, ended.position + 1, None]


def test_a_key_that_waited_in_the_stopped_log_is_not_that_of_the_next(lost: Lost) -> None:
    with lost.open() as house:
        waiting = keys.rotate_log_key(house.archive, request_of(house), KeyGround.WEAK)
        answer = restarted(house)
        one, other = (VerifierKey.parse(str(a.result["key"])) for a in (waiting, answer))
        assert one.public != other.public
        check_sound(lost, house)


@pytest.mark.parametrize("with_head", [False, True])
def test_keys_from_before_the_restart_sign_nothing(lost: Lost, with_head: bool) -> None:
    """As of an older recovery file, in which there is no head, or of an older copy of all keys."""
    before = lost.settings.keys.with_name("before")
    shutil.copytree(lost.settings.keys, before)
    for each in before.glob("log-head.sqlite*"):
        if not with_head:
            each.unlink()
    with lost.open() as house:
        restarted(house)
    shutil.rmtree(lost.settings.keys)
    before.rename(lost.settings.keys)
    with lost.open() as house:
        assert proving.log_state(house.archive).stopped == "log-ended"
        for step in (house.archive.log.sync, house.archive.log.loss):
            with pytest.raises(IntegrityError, match="log-ended"):
                step()
        with pytest.raises(RuleError, match="log-ended"):
            keys.rotate_log_key(house.archive, request_of(house), KeyGround.SCHEDULED)
        assert not (lost.settings.directory / "log" / "checkpoint").exists()


def test_a_head_from_before_the_restart_signs_nothing_either(tmp_path: Path) -> None:
    """The folder of keys of a day on which the log was still sound."""
    settings = settings_of(tmp_path, CHAUBAN_LOG_ORIGIN=ORIGIN)
    with archive_with(tmp_path, 20, CHAUBAN_LOG_ORIGIN=ORIGIN) as house:
        advanced(house)
        back_up(house, tmp_path / "backup")
    shutil.copytree(settings.keys, tmp_path / "early")
    with opened(settings) as house:
        add_events(house, 30)
        advanced(house)
    settings.directory.rename(tmp_path / "broken")
    restore(settings, tmp_path / "backup")
    shutil.copytree(tmp_path / "broken" / "log", settings.directory / "log")
    with opened(settings) as house:
        house.archive.views.catch_up()
        restarted(house)
        add_events(house, 40)
        advanced(house)
    shutil.rmtree(settings.keys)
    shutil.copytree(tmp_path / "early", settings.keys)
    before = tree(settings.directory / "log")
    with opened(settings) as house:
        assert proving.log_state(house.archive).stopped == "log-ended"
        with pytest.raises(IntegrityError, match="log-ended"):
            house.archive.log.sync()
    assert tree(settings.directory / "log") == before


def test_an_archive_that_is_lost_again_gets_a_third_log(lost: Lost, tmp_path: Path) -> None:
    """From the backup of before: its journal knows nothing of the second log."""
    with lost.open() as house:
        restarted(house)
        add_events(house, 100)
        second = advanced(house)
    lost.settings.directory.rename(tmp_path / "broken-again")
    restore(lost.settings, tmp_path / "backup")
    with lost.open() as house:
        said = restarting.announced(house.archive, request_of(house))
        assert (said.folder, said.next_origin) == ("log-2", f"{ORIGIN}~3")
        restarted(house)
        check_sound(lost, house, f"{ORIGIN}~3")
        found = verify(house, remembered=[second.note])
        assert [each.kind for each in found.findings] == ["log-lost-since-remembered"]
        assert (lost.settings.directory / "log-3" / "checkpoint").exists()


def test_a_third_log_follows_where_the_journal_knows_the_second(lost: Lost, tmp_path: Path) -> None:
    with lost.open() as house:
        restarted(house)
        back_up(house, tmp_path / "backup-2")
        add_events(house, 30)
        advanced(house)
    lost.settings.directory.rename(tmp_path / "broken-again")
    restore(lost.settings, tmp_path / "backup-2")
    with lost.open() as house:
        assert proving.log_state(house.archive).stopped == "log-ahead-of-journal"
        restarted(house)
        check_sound(lost, house, f"{ORIGIN}~3")
        assert [each.origin for each in proving.ended_logs(house.archive)] == [
            ORIGIN,
            f"{ORIGIN}~2",
        ]


def test_the_names_of_following_logs_are_nobody_elses(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, CHAUBAN_LOG_ORIGIN="luutru.example/log~2")
    with pytest.raises(InvalidValueError, match="log-origin-numbered"):
        found_archive(settings, name="Kho thử", agency="H33", agency_name="Sở thử")
    assert not settings.directory.exists()


@pytest.mark.parametrize(
    ("origin", "following", "folder"),
    [
        ("a", "a~2", "log"),
        ("a~2", "a~3", "log-2"),
        ("a~9", "a~10", "log-9"),
        ("a~b", "a~b~2", "log"),
        ("~2", "~2~2", "log"),
    ],
)
def test_each_log_has_a_name_and_a_folder_of_its_own(
    origin: str, following: str, folder: str
) -> None:
    assert keyring.next_origin(origin) == following
    assert keyring.log_folder(origin) == folder

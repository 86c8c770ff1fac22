"""The composition root: settings in, a working archive out. Entry points alone import it.

DIR/archive.json     which archive this is, and who acts for which account
DIR/journal.sqlite   the events: the only thing that cannot be built again from others
DIR/objects/         originals and what was made from them (or a bucket)
DIR/views.sqlite, DIR/index/            derived; may be dropped at any time
DIR/log/             the transparency log (or beside the objects in a bucket); can be made again;
                     DIR/log-2/ … those that followed one that was ended
DIR/reads.sqlite     who read what; closed segments are objects
DIR/desk.sqlite      saved searches and trays
DIR/quarantine/, DIR/run/               on its way; swept
DIR.keys/            keys, the head of the log, what witnesses refused to sign since they last
                     signed, the list of erasures and the accounts, beside the archive and never
                     inside it
"""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from domain import agency as agencies
from domain import keyring
from domain.agents import AgentKind, AgentRegistered
from domain.archive import ArchiveFounded
from domain.errors import (
    ArchiveError,
    IntegrityError,
    RuleError,
    UnavailableError,
)
from domain.evidence import TimeAuthority, Witness, Witnessing
from domain.ports import Clock, Command, Messages, ObjectStore
from domain.services import Archive
from domain.services.administration import found
from domain.services.deciding import Loaded, today
from domain.services.erasing import complete_all
from domain.services.reading_record import recorded_segments
from domain.values import Basis, CommandId, Digest, Kind, StreamId
from infrastructure import backup, doctor
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.description import Description, read_description, write_description
from infrastructure.desk import SqliteDesk
from infrastructure.erasures import FileErasureList
from infrastructure.evidence import log_keys
from infrastructure.evidence.head import HeadCell, beginning
from infrastructure.evidence.inspection import LogInspection
from infrastructure.evidence.log import TiledLog
from infrastructure.evidence.log_files import LogFiles
from infrastructure.evidence.pack import ZipPacker
from infrastructure.evidence.policy import Policy, read_policy
from infrastructure.evidence.refusals import SqliteRefusals
from infrastructure.evidence.report import Report
from infrastructure.evidence.timestamps import Rfc3161Authority
from infrastructure.evidence.witness import LogWitness
from infrastructure.evidence.witness import found as found_witness
from infrastructure.evidence.witnesses import HttpWitness
from infrastructure.folders import alone, own_folder, publish
from infrastructure.identity.accounts import SqliteAccounts
from infrastructure.journal import keys
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.journal.verification import JournalFile
from infrastructure.key_folder import ArchiveKeys
from infrastructure.lease import is_held, lease
from infrastructure.messages import Catalogue as MessageCatalogue
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.objects.named import FolderFiles, NamedFiles
from infrastructure.objects.streams import disk_faults
from infrastructure.ocr.kept_pictures import KeptPictures
from infrastructure.ocr.lazy import LazyReader
from infrastructure.progress import FolderProgress
from infrastructure.quarantine import FolderQuarantine
from infrastructure.reads import SqliteReads
from infrastructure.search.whoosh_index import WhooshIndex
from infrastructure.settings import JOBS, Settings, account, prefers_english, read_settings
from infrastructure.signatures.anchors import FolderAnchors
from infrastructure.views.store import SqlViews

__all__ = ["House", "Settings", "found_witness", "opened", "prefers_english", "read_settings"]
SOFTWARE = "chauban 0.1.0"
_FOLDERS = ("objects", "quarantine", "run", "run/progress", "index")


@dataclass(frozen=True)
class House:
    """An open archive with what its entry points need besides."""

    archive: Archive
    settings: Settings
    default_agent: StreamId | None
    """Who acts for this account when nobody is named; None for a foreign account."""
    folder: Path
    """A private folder of this process, gone at its end."""
    interrupt: Callable[[], None]
    """Ends every reading at once."""
    warm: Callable[[], None]
    """Makes the first reading begin sooner."""


# ---------------------------------------------------------------- founding


@dataclass(frozen=True)
class Founded:
    """A new archive."""

    directory: Path
    certificate: str
    """SHA-256 of the system certificate: what an outsider writes down today."""


def found_archive(settings: Settings, *, name: str, agency: str, agency_name: str) -> Founded:
    """Keys, journal and stores of a new archive; RuleError when there is one already.

    (1) Keys and (2) the archive are made beside their names, then get them: (3) the keys, (4) the
    archive. A crash leaves no half of one: what it left is dropped by the next founding, after
    (3) together with keys that never belonged to an archive.
    """
    code = agencies.parse_code(agency)
    with disk_faults():
        settings.directory.parent.mkdir(parents=True, exist_ok=True)
    with alone(settings.directory.parent):
        if settings.directory.exists():
            raise RuleError("archive-exists")
        return _found(settings, name, code, agency_name)


def _found(settings: Settings, name: str, code: str, agency_name: str) -> Founded:
    directory = settings.directory
    staging = directory.with_name(directory.name + ".founding")
    staged_keys = directory.with_name(directory.name + ".founding.keys")
    if settings.keys.exists():
        if not _is_unfinished(staging, settings.keys):
            raise RuleError("keys-exist")
        shutil.rmtree(settings.keys)
    clock, identifiers = SystemClock(), TimedIdentifiers()
    ids = {kind: StreamId(f"{kind}-{identifiers.new()}") for kind in (Kind.ARCHIVE, Kind.AGENCY)}
    people = [StreamId(f"{Kind.AGENT}-{identifiers.new()}") for _ in range(2)]
    # (1) Keys.
    for left in (staging, staged_keys, staged_keys.with_name(staged_keys.name + ".new")):
        shutil.rmtree(left, ignore_errors=True)
    loaded = keys.create(staged_keys, ids[Kind.ARCHIVE], clock.now(), settings.signing_key)
    log_keys.ensure(staged_keys, settings.log_origin or log_keys.default_origin(ids[Kind.ARCHIVE]))
    log_key = log_keys.verifier_of(staged_keys)
    with closing(HeadCell(staged_keys / "log-head.sqlite")) as cell:
        cell.move(None, beginning(log_key.name, clock.now()))
    der = loaded.certificate.public_bytes(Encoding.DER)
    founding = found(
        archive_id=ids[Kind.ARCHIVE],
        agency_id=ids[Kind.AGENCY],
        administrator=people[0],
        worker=people[1],
        name=name,
        agency_code=code,
        agency_name=agency_name,
        account=f"account {account()}",
        certificate=base64.b64encode(der).decode(),
        certificate_sha256=sha256(der).hexdigest(),
        log_origin=log_key.name,
        log_key=log_key.text,
        on=today(clock.now()),
    )
    # (2) Folders, stores, the first events.
    with disk_faults():
        staging.mkdir(mode=0o750)
        for folder in _FOLDERS:
            (staging / folder).mkdir(mode=0o750, exist_ok=True)
        people_here: dict[str, str] = {account(): founding.administrator}
        write_description(staging, Description(founding.archive, founding.worker, people_here))
    create_store(staging / "objects")
    _ensure_bucket(settings)
    with closing(
        _journal(staging / "journal.sqlite", founding.archive, loaded, create=True)
    ) as journal:
        journal.append(
            founding.changes,
            by=founding.actor,
            basis=Basis("CHAUBAN"),
            at=clock.now(),
            command=Command(CommandId(f"found/{founding.archive}"), "found"),
            result={},
        )
    # (3) and (4).
    publish(staged_keys, settings.keys)
    publish(staging, directory)
    return Founded(directory, sha256(der).hexdigest())


def _is_unfinished(staging: Path, directory: Path) -> bool:
    """True when the keys belong to a founding that a crash ended at its last step."""
    try:
        loaded = keys.load(directory)
        archive = read_description(staging).archive
        with closing(_journal(staging / "journal.sqlite", archive, loaded)) as journal:
            _require_own_key(journal, loaded)
    except ArchiveError:
        return False
    return True


# ---------------------------------------------------------------- opening


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The archive, ready to work; everything is closed when the context ends."""
    with _opened(settings, settings.directory) as house:
        yield house


@contextmanager
def _opened(settings: Settings, directory: Path) -> Iterator[House]:
    """The archive in a folder, which has its name already or gets it when it is complete."""
    description = read_description(directory)
    own = description.accounts.get(account())
    loaded = keys.load(settings.keys)
    policy = read_policy(settings.log_policy) if settings.log_policy else None
    log_keys.ensure(
        settings.keys, settings.log_origin or log_keys.default_origin(description.archive)
    )
    with ExitStack() as stack:
        journal = _journal(directory / "journal.sqlite", description.archive, loaded)
        stack.callback(journal.close)
        with suppress(IntegrityError):  # An altered first event must not keep `verify` away.
            _require_own_key(journal, loaded)
            _require_own_worker(journal, StreamId(description.worker))
        with suppress(ArchiveError):  # Of a rotation that ended midway. Who cannot sign can read.
            journal.follow_keys()
        folder = stack.enter_context(own_folder(directory / "run"))
        quarantine = FolderQuarantine(directory / "quarantine")
        quarantine.sweep()
        reader = LazyReader(folder / "reader", JOBS)
        stack.callback(reader.close)
        objects = _objects(
            settings, directory, lambda digest: bool(views.catalogue.referring(digest))
        )
        index = WhooshIndex(directory / "index")
        clock = SystemClock()
        views: SqlViews = SqlViews(
            directory / "views.sqlite", journal=journal, objects=objects, index=index, clock=clock
        )
        stack.callback(views.close)
        accounts = SqliteAccounts(settings.keys / "accounts.sqlite", loaded.kek)
        stack.callback(accounts.close)
        desk = SqliteDesk(directory / "desk.sqlite")
        stack.callback(desk.close)
        reads = SqliteReads(
            directory / "reads.sqlite",
            lambda: recorded_segments(journal, objects, StreamId(description.archive)),
        )
        stack.callback(reads.close)
        refusals = SqliteRefusals(settings.keys / "refusals.sqlite")
        stack.callback(refusals.close)
        cell = HeadCell(settings.keys / "log-head.sqlite")
        stack.callback(cell.close)
        introduced = partial(_log_keys, journal, StreamId(description.archive), settings.keys)
        origin = partial(log_keys.origin_of, settings.keys)
        ring = partial(_key_ring, journal, StreamId(description.archive))
        log = TiledLog(
            LogFiles(origin, partial(_log_files, settings, directory)),
            cell,
            journal,
            keys=lambda: log_keys.signers(settings.keys, lambda: introduced()[-1], log.newest),
            ring=ring,
            clock=clock,
            policy=policy.raw if policy else None,
        )
        pictures = KeptPictures(directory / "run" / "pictures", folder, objects, reader.picture)
        archive = Archive(
            id=description.archive,
            journal=journal,
            objects=objects,
            quarantine=quarantine,
            reader=reader,
            pictures=pictures,
            index=index,
            views=views,
            catalogue=views.catalogue,
            work=views.work,
            history=views.history,
            clock=clock,
            identifiers=TimedIdentifiers(),
            limits=settings.limits,
            erasures=FileErasureList(settings.keys / "erasures.jsonl"),
            inspector=JournalFile(directory / "journal.sqlite", description.archive, loaded),
            progress=FolderProgress(directory / "run" / "progress"),
            accounts=accounts,
            desk=desk,
            reads=reads,
            log=log,
            log_inspector=LogInspection(
                log, directory / "journal.sqlite", introduced, lambda: ring().ended
            ),
            witnesses=_witnesses(policy),
            authorities=_authorities(settings),
            attestations=views.attestations,
            refusals=refusals,
            report=Report(MessageCatalogue, partial(_system_key, journal)),
            packer=ZipPacker(MessageCatalogue),
            anchors=FolderAnchors(settings.anchors),
            keys=ArchiveKeys(
                settings.keys, description.archive, journal, settings.signing_key, clock
            ),
            worker=StreamId(description.worker),
            lock_horizon=timedelta(days=settings.lock_days),
            attest_every=timedelta(minutes=settings.attest_minutes),
        )
        yield House(
            archive,
            settings,
            StreamId(own) if own else None,
            folder,
            reader.close,
            reader.warm,
        )


def _objects(
    settings: Settings, directory: Path, is_referred: Callable[[Digest], bool]
) -> ObjectStore:
    if settings.bucket is None:
        return FileObjectStore(directory / "objects", is_referred=is_referred)
    # Imported with its first user: the S3 library takes a quarter of the start of a command.
    from infrastructure.objects.minio import S3ObjectStore

    return S3ObjectStore(settings.bucket, is_referred=is_referred)


def _key_ring(journal: SignedJournal, archive: StreamId) -> keyring.KeyRing:
    """The archive's own keys, by the events."""
    stream = keyring.stream_of(archive)
    told = Loaded(journal.load(stream))
    return told.keys() if told.events else keyring.KeyRing(stream)


def _log_keys(journal: SignedJournal, archive: StreamId, directory: Path) -> tuple[str, ...]:
    """The keys that the log has had, by the events; the one that is there where none is told."""
    told = _key_ring(journal, archive).log_keys
    return told or (log_keys.verifier_of(directory).text,)


def _system_key(journal: SignedJournal) -> tuple[x509.Certificate, Callable[[bytes], bytes]]:
    """Who signs now, also when another process has just changed it."""
    held = journal.follow_keys()
    return held.certificate, held.signer.sign_bytes


def _log_files(settings: Settings, directory: Path, folder: str) -> NamedFiles:
    """Of one log, beside the objects, wherever these are."""
    if settings.bucket is None:
        return FolderFiles(directory / folder)
    from infrastructure.objects.named_s3 import BucketFiles

    return BucketFiles(settings.bucket, f"{folder}/")


def _witnesses(policy: Policy | None) -> tuple[Witness, ...]:
    """Those that the policy says where to find."""
    named = policy.witnesses.values() if policy else ()
    return tuple(HttpWitness(each.key, each.url) for each in named if each.url is not None)


def _authorities(settings: Settings) -> tuple[TimeAuthority, ...]:
    bundle = settings.authority_roots
    if bundle is None:
        return ()
    return tuple(Rfc3161Authority(name, url, bundle) for name, url in settings.authorities)


def _ensure_bucket(settings: Settings) -> None:
    if settings.bucket is not None:
        from infrastructure.objects.minio import ensure_bucket

        ensure_bucket(settings.bucket)


def _journal(path: Path, archive: str, loaded: keys.Keys, *, create: bool = False) -> SignedJournal:
    if not create and not path.exists():
        raise UnavailableError("journal-missing")
    recorder = JournalRecorder(str(path))
    if create:
        recorder.create_table()
    return SignedJournal(
        recorder,
        archive=archive,
        keys=loaded,
        clock=SystemClock(),
        identifiers=TimedIdentifiers(),
        software=SOFTWARE,
    )


def _require_own_key(journal: SignedJournal, loaded: keys.Keys) -> None:
    """The first certificate beside the archive must be the one that its first event names."""
    first = journal.follow(0, 1)
    if not first or not isinstance(first[0].event, ArchiveFounded):
        raise UnavailableError("journal-damaged")
    der = loaded.founding.public_bytes(Encoding.DER)
    if first[0].event.certificate_sha256 != sha256(der).hexdigest():
        raise UnavailableError("key-of-another-archive")


def _require_own_worker(journal: SignedJournal, worker: StreamId) -> None:
    """Nobody but the software agent of the founding records in the worker's name."""
    events = journal.load(worker)
    first = events[0].event if events else None
    if not isinstance(first, AgentRegistered) or first.kind is not AgentKind.SOFTWARE:
        raise UnavailableError("archive-unreadable")


# ---------------------------------------------------------------- the worker


@contextmanager
def worker_lease(settings: Settings) -> Iterator[bool]:
    """True while this process is the archive's worker."""
    read_description(settings.directory)
    with lease(settings.directory / "worker.lock") as ours:
        yield ours


def worker_alive(settings: Settings) -> bool:
    """True while some process is the archive's worker."""
    return is_held(settings.directory / "worker.lock")


def start_worker(settings: Settings, *, until_idle: bool) -> subprocess.Popen[bytes]:
    """A worker as a child process; it ends at once when another one holds the lease, and soon
    after this process ended, however it did."""
    command = [sys.executable, "-m", "ingest", "--archive", str(settings.directory)]
    command += ["--parent", str(os.getpid()), *(["--until-idle"] if until_idle else [])]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


# ---------------------------------------------------------------- keys, backup, doctor


def write_recovery_file(settings: Settings, passphrase: str, output: Path) -> int:
    """All keys under a passphrase, in a new file; how many keys there are."""
    content, count = keys.write_recovery(settings.keys, passphrase)
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as exc:
        raise RuleError("file-exists", file=output.name) from exc
    except OSError as exc:
        raise UnavailableError("file-not-writable", file=output.name) from exc
    return count


def recover_keys(settings: Settings, recovery: bytes, passphrase: str) -> int:
    """The keys of a recovery file, put beside the archive; how many there are."""
    return keys.recover(settings.keys, recovery, passphrase)


def back_up(house: House, target: Path) -> backup.BackedUp:
    """A consistent copy of the archive while it runs."""
    return backup.back_up(house.settings.directory, house.archive.objects, target.absolute())


@dataclass(frozen=True)
class Restored:
    """What a restore brought back, and what it had to forget again."""

    events: int
    objects: int
    bytes: int
    erasures: int
    """Erasures of the list beside the keys that the backup did not know yet."""


def restore(settings: Settings, source: Path) -> Restored:
    """An archive from a backup, under a name that is free; its keys must be there already.

    It appears under its name when it is complete and everything that was erased since the backup
    is erased again: no crash and no reader finds it in between. Whoever calls it verifies.
    """
    directory = settings.directory
    if directory.exists():
        raise RuleError("archive-exists")
    keys.load(settings.keys)
    said = backup.read_backup(source)
    staging = directory.with_name(directory.name + ".new")
    try:
        backup.copy_back(source, staging, _FOLDERS)
        create_store(staging / "objects")
        _ensure_bucket(settings)
        # Nothing is destroyed while bytes come back.
        backup.put_back(source, _objects(settings, staging, lambda digest: True), said.objects)
        with _opened(settings, staging) as house:
            house.archive.views.catch_up()
            again = complete_all(house.archive)
            with suppress(IntegrityError):  # Behind the log's head; whoever verifies is told.
                house.archive.log.sync()
        publish(staging, directory)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Restored(said.events, said.objects, said.bytes, again)


@contextmanager
def opened_witness(directory: Path, say: Messages) -> Iterator[tuple[Witnessing, Clock]]:
    """The witness in a folder, in whose log `say` speaks; it needs no archive."""
    with closing(LogWitness(directory, say)) as witness:
        yield witness, SystemClock()


def check_installation(settings: Settings) -> list[doctor.Check]:
    """What `doctor` finds without opening the archive."""
    return list(doctor.check_installation(settings))


def certificate_of(settings: Settings) -> str:
    """SHA-256 of the first system certificate, from which every later one can be reached."""
    der = keys.load(settings.keys).founding.public_bytes(Encoding.DER)
    return sha256(der).hexdigest()


def validity_of(settings: Settings) -> tuple[datetime, datetime]:
    """From when to when the system certificate is valid (UTC)."""
    certificate = keys.load(settings.keys).certificate
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def messages(*, english: bool) -> MessageCatalogue:
    """What people read, in their language."""
    return MessageCatalogue("en" if english else "vi")

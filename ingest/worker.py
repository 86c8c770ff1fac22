"""The worker: reads what waits, two files at a time, until it is told to stop.

What is to be done is a view of the events, so the worker keeps no queue: killed at any point, the
next one finds the same work. Steps: (5) fetch and read in the sandbox, (6) store the derivatives,
record the events, let views and index follow.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from domain.errors import (
    IntegrityError,
    ReadingError,
    RefusedFileError,
    RuleError,
    UnavailableError,
)
from domain.papers import PageRead, TrustAnchors
from domain.ports import Messages
from domain.record import SignaturesJudged
from domain.services import Archive
from domain.services.deciding import load
from domain.services.erasing import complete_all
from domain.services.keeping import renew_locks
from domain.services.oversight import sweep_strays
from domain.services.reading_record import close_reads
from domain.values import Digest, StreamId, Tool
from domain.views import WorkItem
from ingest.context import Stored
from ingest.sequencer import sequencing
from ingest.stages.assemble import assembled
from ingest.stages.facts import record_failure, record_judgements, record_reading
from ingest.stages.fetch import fetched
from ingest.stages.judge import judged, judged_again
from ingest.stages.store import store

_log = logging.getLogger("chauban.worker")
_POLL_SECONDS = 0.5
_BACK_OFF = timedelta(seconds=5)
"""Wait before the second attempt, three times as long before the third."""
_SWEPT_AFTER = timedelta(days=1)
_LOOKED_AFTER = timedelta(minutes=1)
"""How often a worker looks for erasures that somebody's crash interrupted, and whether the trust
anchors changed."""
_A_ROUND = 50
"""So many records are judged again before the worker looks whether it still must."""
_HOURLY = timedelta(hours=1)
"""How often a worker without an end signs what was read and looks after the locks."""
_UNKNOWN_TOOL = Tool("ocrmypdf", "unknown")


@dataclass
class Worker:
    """One worker over one archive; whoever runs it holds the lease."""

    archive: Archive
    folder: str
    """Where private copies of originals are put."""
    interrupt: Callable[[], None]
    """Ends every reading at once; what was being read is read again by the next start."""
    say: Messages
    """In whose words the log of this process tells of outsiders."""
    jobs: int = 2
    stop: Event = field(default_factory=Event)
    unusable: set[StreamId] = field(default_factory=set)
    """Records to which not even a failure can be added: `verify` names what is wrong with them."""
    to_judge: deque[StreamId] = field(default_factory=deque)
    """Records whose signatures are to be judged by the anchors of now."""
    unjudged: dict[StreamId, Digest] = field(default_factory=dict)
    """Records that could not be judged, and by which anchors; the next start tries again."""

    def run(self, *, until_idle: bool) -> None:
        """Works until `stop` is set, or, `until_idle`, until nothing is left to be done."""
        swept_at = looked_at = hourly_at = None
        running: dict[Future[None], StreamId] = {}
        with ThreadPoolExecutor(self.jobs) as pool, sequencing(self.archive, self.say):
            while not self.stop.is_set():
                now = self.archive.clock.now()
                if not self._views_follow(until_idle=until_idle):
                    continue
                if looked_at is None or abs(now - looked_at) > _LOOKED_AFTER:
                    complete_all(self.archive)
                    self._look_for_anchors()
                    looked_at = now
                if not until_idle and (swept_at is None or abs(now - swept_at) > _SWEPT_AFTER):
                    self._sweep()
                    swept_at = now
                if not until_idle and (hourly_at is None or abs(now - hourly_at) > _HOURLY):
                    self._look_after_locks(now)
                    if hourly_at is not None:
                        self._close_reads()
                    hourly_at = now
                if not self._views_follow(until_idle=until_idle):
                    continue
                for item in self._due(frozenset(running.values())):
                    if len(running) < self.jobs:
                        running[pool.submit(self._read, item.record)] = item.record
                while self.to_judge and len(running) < self.jobs:
                    target = self.to_judge.popleft()
                    if target not in running.values():
                        running[pool.submit(self._judge, target)] = target
                    if not self.to_judge:
                        looked_at = None  # There may be more of them.
                if not running and until_idle and not self._waiting() and looked_at is not None:
                    return
                done, _ = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    future.result()
                if not running and not done:
                    self.stop.wait(_POLL_SECONDS)
            self.interrupt()
        if not until_idle:
            self._close_reads()

    def _views_follow(self, *, until_idle: bool) -> bool:
        """Brings the views to the journal's end; False while another process has them for long,
        which is no reason for a worker without an end to leave."""
        try:
            self.archive.views.catch_up()
        except UnavailableError as exc:
            if until_idle or exc.code != "views-busy":
                raise
            _log.error("the views do not follow: %s", exc.code)
            self.stop.wait(_POLL_SECONDS)
            return False
        return True

    def _close_reads(self) -> None:
        """What was looked at since the last time becomes a segment with a signed event."""
        try:
            close_reads(self.archive)
        except (IntegrityError, UnavailableError) as exc:
            _log.error("the reads were not signed: %s", exc.code)

    def _look_after_locks(self, now: datetime) -> None:
        """Locks roll on; the store proves again that it refuses what a lock forbids."""
        try:
            for each in renew_locks(self.archive, now=now).lapsed:
                _log.error("the lock of %s had lapsed", each)
        except UnavailableError as exc:
            _log.error("the locks were not looked after: %s", exc.code)

    def _look_for_anchors(self) -> None:
        """What was judged by other anchors than those of now, a round of it."""
        try:
            anchors = self.archive.anchors.current().digest
        except UnavailableError as exc:
            _log.error("no signature is judged: %s", exc.code)
            return
        failed = {each for each, by in self.unjudged.items() if by == anchors}
        found = self.archive.work.to_judge(anchors, limit=_A_ROUND + len(failed))
        self.to_judge = deque(each for each in found if each not in failed)

    def _judge(self, target: StreamId) -> None:
        """The signatures of one record again; what fails waits for the next start."""
        anchors = self.archive.anchors.current()
        try:
            if not judge_record(self.archive, target, anchors, self.folder):
                self.unjudged[target] = anchors.digest
        except RuleError:
            _log.info("%s was arranged or taken out of sight while it was judged", target)
        except (ReadingError, IntegrityError, UnavailableError) as exc:
            if not self.stop.is_set():
                _log.warning("the signatures of %s could not be judged: %s", target, exc.code)
                self.unjudged[target] = anchors.digest

    def _due(self, running: frozenset[StreamId]) -> list[WorkItem]:
        return [
            item
            for item in self._waiting()
            if item.record not in running and (item.attempts == 0 or self._rested(item))
        ]

    def _rested(self, item: WorkItem) -> bool:
        """True when enough time has passed since the failure, three times as much each time."""
        failed_at = load(self.archive, item.record).events[-1].at
        return self.archive.clock.now() >= failed_at + _BACK_OFF * int(3 ** (item.attempts - 1))

    def _waiting(self) -> list[WorkItem]:
        return [
            item
            for item in self.archive.work.items(task="read")
            if item.state != "stuck" and item.record not in self.unusable
        ]

    def _read(self, target: StreamId) -> None:
        """One record from its original to its events; a failure is an event, too."""
        try:
            read_record(self.archive, target, self.folder)
        except RuleError:
            _log.info("%s was arranged or taken out of sight while it was read", target)
        except (ReadingError, RefusedFileError, IntegrityError) as exc:
            if self.stop.is_set():
                return  # We ended the sandbox ourselves; the next start reads it again.
            _log.warning("%s could not be read: %s", target, exc.code)
            self._fail(target, exc.code)
        finally:
            self.archive.progress.drop(target)

    def _fail(self, target: StreamId, reason: str) -> None:
        try:
            record_failure(self.archive, target, reason, _UNKNOWN_TOOL)
        except RuleError:
            _log.info("%s was arranged or taken out of sight while it was read", target)
        except IntegrityError as exc:  # The record's own events: others shall be read all the same.
            _log.error("%s cannot be worked on: %s", target, exc.code)
            self.unusable.add(target)

    def _sweep(self) -> None:
        """Bytes of more than a day that no fact names: a crash left them behind."""
        for digest in sweep_strays(self.archive, older_than=_SWEPT_AFTER):
            _log.info("swept %s, which no event names", digest)


def read_record(archive: Archive, target: StreamId, folder: str) -> None:
    """Stages fetch, assemble, read, store, record for one record."""
    state = load(archive, target).record()
    if not state.sources or state.reading is not None:
        return
    reader, limits = archive.reader, archive.limits
    with ExitStack() as stack:
        fetching = (fetched(archive.objects, source.file, folder) for source in state.sources)
        paths = [stack.enter_context(each) for each in fetching]
        found = [reader.inspect(path, limits) for path in paths]
        verdicts = {
            source.file.sha256: reader.signatures(path)
            for source, path, one in zip(state.sources, paths, found, strict=True)
            if one.signatures and source.file.sha256 not in state.inspected
        }
        judgements = _judged_on_arrival(
            archive,
            {
                source.file.sha256: path
                for source, path in zip(state.sources, paths, strict=True)
                if source.file.sha256 in verdicts
            },
        )
        read = stack.enter_context(assembled(reader, state, paths, found, limits))
        total = len(read.inspection.pages)
        archive.progress.note(target, 0, total)
        reading = stack.enter_context(
            reader.read(
                read.path,
                read.inspection,
                limits,
                _page_counter(archive, target, total),
                as_it_lies=read.assembly is not None,
            )
        )
        stored = store(archive.objects, read, reading)
        try:
            record_reading(archive, target, reading, stored, verdicts, judgements, state.revision)
        except RuleError:
            _take_back(archive, target, stored)
            raise
        # An erasure of the same text elsewhere may have taken it just before the fact.
        if any(archive.objects.size(digest) is None for digest in stored.digests):
            store(archive.objects, read, reading)
        archive.views.catch_up()


def _judged_on_arrival(archive: Archive, paths: Mapping[Digest, str]) -> list[SignaturesJudged]:
    """By the anchors of now. A paper is read all the same when that fails; the work list then
    names it as one to be judged."""
    try:
        return [
            judged(archive, source, path, archive.anchors.current())
            for source, path in paths.items()
        ]
    except (ReadingError, UnavailableError) as exc:
        _log.warning("signatures could not be judged: %s", exc.code)
        return []


def judge_record(archive: Archive, target: StreamId, anchors: TrustAnchors, folder: str) -> bool:
    """Stages fetch, judge, record for the signatures of one record; False when there was nothing
    to judge."""
    state = load(archive, target).record()
    judgements = list(judged_again(archive, state, anchors, folder))
    if judgements:
        record_judgements(archive, target, judgements)
        archive.views.catch_up()
    return bool(judgements)


def _take_back(archive: Archive, target: StreamId, stored: Stored) -> None:
    """What was made of a record that must not be seen any more does not wait for the sweep."""
    archive.views.catch_up()
    decision = load(archive, target).events[-1].id
    for digest in stored.digests:
        with suppress(RuleError):  # Another record has the same.
            archive.objects.destroy(digest, decision=decision)


def _page_counter(archive: Archive, target: StreamId, total: int) -> Callable[[PageRead], None]:
    done = 0

    def on_page(page: PageRead) -> None:
        nonlocal done
        done += 1
        archive.progress.note(target, done, total)

    return on_page

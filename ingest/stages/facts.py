"""Record: what a reading made, or that it failed, becomes signed events.

A crash before the append leaves the record as it was, and it is read again; after it the work
list says that it is done. The command id names record, arrangement, tool and attempt, so that a
repeat appends nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domain import record
from domain.agents import Actor, Role
from domain.errors import RuleError
from domain.events import Change, Event
from domain.papers import PageState, Reading, SignatureVerdict
from domain.proposal import Proposal, propose
from domain.record import RecordField
from domain.services import Archive, Request
from domain.services.deciding import Decided, Loaded, carry_out, load
from domain.values import Basis, CommandId, Digest, StreamId, Tool
from ingest.context import Stored

ATTEMPTS = 3
"""After so many failures a record waits for a person."""
_READ = frozenset({PageState.OK, PageState.EMPTY})


def record_reading(
    archive: Archive,
    target: StreamId,
    reading: Reading,
    stored: Stored,
    verdicts: Mapping[Digest, Sequence[SignatureVerdict]],
    judgements: Sequence[record.SignaturesJudged],
    revision: int,
) -> None:
    """Appends the representations, what happened to each page, and what the text proposes.

    `verdicts` and `judgements` are those on the signatures of each original; `revision` is that
    of the pages which were read: RuleError("pages-rearranged") when a person arranged them anew
    meanwhile.
    """

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.record()
        record.require_visible(state)  # It may have been taken out of sight while it was read.
        if state.revision != revision:
            raise RuleError("pages-rearranged", record=target)
        source = stored.source
        events: list[Event] = [record.RepresentationAdded(item) for item in stored.representations]
        for original, found in verdicts.items():
            events.append(_signatures(original, found, reading.tool))
        events += judgements
        events.append(
            record.RecordRead(
                source=source,
                manifest=stored.manifest,
                pages=len(reading.pages),
                unread=sum(page.state not in _READ for page in reading.pages),
                tool=reading.tool,
                warnings=reading.warnings,
                pdfa_problem=reading.pdfa_problem,
            )
        )
        described = record.propose(state, _values(propose(stored.first_page)))
        if described is not None:
            events.append(described)
        return Decided(_worker(archive, loaded), (Change(target, loaded.version, events),))

    _carry_out(archive, target, _task("read", revision), reading.tool, decide)


def record_judgements(
    archive: Archive, target: StreamId, judgements: Sequence[record.SignaturesJudged]
) -> None:
    """Appends what was judged again, because the anchors changed or had not been there."""
    known = load(archive, target).version

    def decide(at: datetime) -> Decided:
        again = load(archive, target)
        record.require_visible(again.record())
        return Decided(_worker(archive, again), (Change(target, again.version, judgements),))

    # Anchors that come back are judged by again: what makes a task is not which they are.
    _carry_out(archive, target, f"judged-at-{known}", judgements[0].tool, decide)


def record_failure(archive: Archive, target: StreamId, reason: str, tool: Tool) -> None:
    """Appends that the reading failed; after some attempts a person must look."""
    failed = load(archive, target).record()
    failure = failed.failure
    attempt = (failure.attempt if failure else 0) + 1

    def decide(at: datetime) -> Decided:
        again = load(archive, target)
        state = again.record()
        assert state.original is not None
        record.require_visible(state)
        event = record.ReadingFailed(
            state.original.sha256, reason, attempt, tool, final=attempt >= ATTEMPTS
        )
        return Decided(_worker(archive, again), (Change(target, again.version, (event,)),))

    asked = f"-asked-{failed.asked_again}" if failed.asked_again else ""
    task = _task(f"failed-{attempt}{asked}", failed.revision)
    _carry_out(archive, target, task, tool, decide)


def _task(name: str, revision: int) -> str:
    """The same tool reads the same pages again when they were arranged back; that is no repeat."""
    return f"{name}-arranged-{revision}" if revision else name


def _signatures(
    source: Digest, verdicts: Sequence[SignatureVerdict], tool: Tool
) -> record.SignaturesInspected:
    return record.SignaturesInspected(
        source=source,
        findings=tuple(
            record.SignatureFinding(
                field=verdict.field,
                verdict=verdict.verdict,
                covers=verdict.coverage,
                signed_at=verdict.signed_at,
                digest_algorithm=verdict.digest,
                weak=verdict.weak,
            )
            for verdict in verdicts
        ),
        tool=tool,
        signers=tuple(verdict.signer or "?" for verdict in verdicts),
    )


def _values(proposal: Proposal) -> Mapping[RecordField, str]:
    """The proposal as metadata; a value that its field cannot hold is not proposed."""
    said = {
        RecordField.NUMBER: proposal.number,
        RecordField.NOTATION: proposal.notation,
        RecordField.ISSUED_ON: proposal.issued_on.isoformat() if proposal.issued_on else None,
        RecordField.ORGAN: proposal.organ,
        RecordField.TYPE_NAME: proposal.type_name,
        RecordField.SUBJECT: proposal.subject,
    }
    return {
        name: value
        for name, value in said.items()
        if value and len(value) <= record.LIMITS[name] and value.isprintable()
    }


def _worker(archive: Archive, loaded: Loaded) -> Actor:
    """The software agent, for the agency that received the dossier."""
    holder = load(archive, loaded.record().dossier).dossier()
    return Actor(archive.worker, Role.SYSTEM, holder.receiving)


def _carry_out(
    archive: Archive,
    target: StreamId,
    task: str,
    tool: Tool,
    decide: Callable[[datetime], Decided],
) -> None:
    made_by = hashlib.sha256(repr(tool).encode()).hexdigest()[:16]
    request = Request(
        load(archive, archive.worker).agent(),
        CommandId(f"{task}/{target}/{made_by}"),
        Basis("CHAUBAN"),
    )
    carry_out(archive, request, {"task": task, "record": target}, decide)

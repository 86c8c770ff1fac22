"""Times of events against the times that outside authorities vouched for.

An event that a dated checkpoint covers was there when it was dated; one that it does not cover came
later. Between two dates the archive's own clock is all there is.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.attestation import CheckpointAttested, stream_of
from domain.errors import IntegrityError, InvalidValueError, NotFoundError, UnavailableError
from domain.events import Event, Recorded
from domain.ports import Finding
from domain.services import Archive
from domain.services.attested import content_of
from domain.services.proving import log_keys

_TOLERANCE = timedelta(minutes=10)
"""Between a checkpoint and its date: witnesses are asked first, and clocks differ a little."""


@dataclass(frozen=True)
class Dates:
    """The dated checkpoints, the smallest first."""

    sizes: Sequence[int]
    times: Sequence[datetime]
    notes: Sequence[bytes]
    """The attested checkpoints, dated or not."""
    attestations: Mapping[int, datetime]
    """The attestations that an authority dated, by the position of the event, with the earliest of
    these times: every token checked, over a checkpoint of this log and of the size that is told."""
    findings: Sequence[Finding]

    def check(self, recorded: Recorded[Event]) -> Finding | None:
        """Whether the event's time fits the dates before and after it."""
        after = bisect_left(self.sizes, recorded.position)
        if after < len(self.sizes) and recorded.at > self.times[after] + _TOLERANCE:
            return Finding("time-after-token", str(recorded.position), str(self.sizes[after]))
        if after and recorded.at < self.times[after - 1] - _TOLERANCE:
            return Finding("time-before-token", str(recorded.position), str(self.sizes[after - 1]))
        return None


def _attestations(archive: Archive) -> Sequence[tuple[int, CheckpointAttested]]:
    try:
        events = archive.journal.load(stream_of(archive.id))
    except IntegrityError:
        return ()  # Named by the inspection of the journal.
    return [(e.position, e.event) for e in events if isinstance(e.event, CheckpointAttested)]


def _log_keys(archive: Archive) -> Sequence[str]:
    try:
        return log_keys(archive)
    except IntegrityError:
        return ()  # As above.


def _size(archive: Archive, note: bytes, keys: Sequence[str]) -> int | None:
    """How many events an attested checkpoint covers; None for what is no checkpoint of this log,
    which the inspection of the log names."""
    try:
        return archive.log.read(note, keys).size
    except InvalidValueError:
        return None


def dates_of(archive: Archive) -> Dates:
    """All attestations, each token checked again by the authority that gave it; one of an
    authority that is no longer configured dates nothing, nor does any token over something else
    than a checkpoint of the size that its event tells."""
    authorities = {each.name: each for each in archive.authorities}
    found = _attestations(archive)
    keys = _log_keys(archive) if found else ()
    dated: dict[int, datetime] = {}
    attestations: dict[int, datetime] = {}
    notes: list[bytes] = []
    findings: list[Finding] = []
    for position, event in found:
        try:
            note = content_of(archive, event.checkpoint.sha256)
        except (IntegrityError, NotFoundError, UnavailableError):
            continue  # What is missing of the objects is named where all of them are read.
        notes.append(note)
        covered = _size(archive, note, keys)
        if covered != event.size:
            if covered is not None:
                findings.append(Finding("attested-otherwise", str(position), str(covered)))
            continue
        for token in event.tokens:
            authority = authorities.get(token.authority)
            if authority is None:
                continue
            try:
                at = authority.check(note, content_of(archive, token.token.sha256)).at
            except UnavailableError:
                continue
            except (IntegrityError, NotFoundError):
                findings.append(Finding("token-broken", str(event.size), token.authority))
                continue
            dated[event.size] = min(at, dated.get(event.size, at))
            attestations[position] = min(at, attestations.get(position, at))
    sizes = sorted(dated)
    times = [dated[size] for size in sizes]
    return Dates(sizes, times, notes, attestations, findings)

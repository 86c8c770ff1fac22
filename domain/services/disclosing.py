"""What the asker of an evidence pack may see of a dossier or a record and of each of its events."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import get_args, get_type_hints

from domain.dossier import Dossier, DossierCorrected, DossierField
from domain.errors import ArchiveError, IntegrityError, InvalidValueError
from domain.events import STORED_EVENTS, STORED_NAMES, Event, Recorded
from domain.record import Record, RecordCorrected, RecordField
from domain.scanning import ScanDuplicated, ScanReceived
from domain.services import Archive, Request
from domain.services.deciding import Loaded, load
from domain.services.retrieval import is_listed
from domain.values import PERSONAL, Kind, StreamId, kind_of

_OF_SIGNERS = frozenset({RecordField.SIGNER_NAME, RecordField.SIGNER_POSITION})
"""What a correction may say of those whom the personal field `signers` names."""


@cache
def _personal() -> Mapping[str, frozenset[str]]:
    """The personal fields of each event, by its stored name."""
    found = {}
    for name, event in STORED_EVENTS.items():
        hints = get_type_hints(event, include_extras=True)
        found[name] = frozenset(n for n, hint in hints.items() if PERSONAL in get_args(hint)[1:])
    return found


def personal_fields(event: Event) -> frozenset[str]:
    """The names of the personal fields of an event."""
    return _personal()[STORED_NAMES[type(event)]]


def known_fields(without: Collection[str]) -> frozenset[str]:
    """Names of personal fields that are left out; InvalidValueError("unknown-personal-field")."""
    fields = frozenset().union(*_personal().values())
    fields |= {each.value for each in (*DossierField, *RecordField)}
    for name in without:
        if name not in fields:
            known = ", ".join(sorted(fields))
            raise InvalidValueError("unknown-personal-field", name=name[:40], known=known)
    return frozenset(without)


class View:
    """What the asker may see of one dossier or record, without the fields that are left out."""

    def __init__(
        self, archive: Archive, request: Request, target: StreamId, left_out: frozenset[str]
    ) -> None:
        self.archive, self.request, self.target = archive, request, target
        self.left_out = left_out
        self._open: dict[StreamId, bool] = {}
        self.paper: Record | None = None
        if kind_of(target) is Kind.RECORD:
            self.paper = as_told(archive, target).record()
        self.dossier: Dossier = as_told(
            archive, self.paper.dossier if self.paper is not None else target
        ).dossier()

    @property
    def reference(self) -> str:
        """The dossier's code, or the record's code where it has one."""
        if self.paper is None:
            return self.dossier.code
        row = self.archive.catalogue.record_rows({self.target}).get(self.target)
        hidden = self.left_out & {"number", "notation"}
        return (row.code if row is not None and not hidden else None) or self.target

    @property
    def title(self) -> str | None:
        """What it is about, as far as the pack says so."""
        name = "title" if self.paper is None else "subject"
        value = self.dossier.title
        if self.paper is not None:
            row = self.archive.catalogue.record_rows({self.target}).get(self.target)
            return row.subject if row is not None and name not in self.left_out else None
        return value if isinstance(value, str) and name not in self.left_out else None

    def shows(self, recorded: Recorded[Event]) -> bool:
        """True when the personal fields of an event may be seen: those of a record that left the
        dossier or was withdrawn from it are for who sees it where it is."""
        event, about = recorded.event, recorded.stream
        if isinstance(event, ScanReceived | ScanDuplicated):
            about = event.record
        if kind_of(about) is not Kind.RECORD or about == self.target:
            return True
        if about not in self._open:
            try:
                paper = load(self.archive, about).record()
                self._open[about] = is_listed(self.archive, self.request, self.dossier.id, paper)
            except ArchiveError:
                self._open[about] = False
        return self._open[about]

    def hides(self, recorded: Recorded[Event]) -> frozenset[str]:
        """The fields of an event that were asked to be left out. A correction says in clear which
        field it is about; its value and its reason speak of that field."""
        event, names = recorded.event, set(self.left_out)
        if isinstance(event, DossierCorrected | RecordCorrected):
            about = {event.field.value, "signers" if event.field in _OF_SIGNERS else ""}
            names |= {"value", "reason"} if about & self.left_out else set()
        return frozenset(names)

    def papers(self) -> Iterator[Record]:
        """The records whose files are handed over."""
        for name in (self.target,) if self.paper is not None else self.dossier.records:
            with suppress(IntegrityError):  # Nothing of it can be read.
                paper = as_told(self.archive, name).record()
                hidden = paper.absorbed_into or paper.withdrawn or paper.isolated
                if not hidden and paper.erased_by is None and paper.dossier == self.dossier.id:
                    yield paper


def as_told(archive: Archive, stream: StreamId) -> Loaded:
    """A stream, or of a damaged one what its events still say: the pack tells which are altered.

    Raises IntegrityError when its first event cannot be read.
    """
    try:
        return load(archive, stream)
    except IntegrityError:
        examined = archive.journal.examine(archive.history.of(stream))
        events = tuple(e.recorded for e in examined if e.stream == stream and e.recorded)
        if not events or events[0].version != 1:
            raise
        return Loaded(events)

"""The report that people read of an evidence pack: PDF/A-2b, signed, first in Vietnamese and then
in English (docs/decisions/0018).

Each part is whole: what the pack proves and what not, what was left out, how to check it, the
digests, who vouched from outside, the history as a table with each event's state, the files.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cryptography import x509

from domain.evidence import (
    Absence,
    MissingFile,
    PackedAttestation,
    PackedEvent,
    PackedFile,
    PackFacts,
)
from domain.ports import Messages
from domain.services.deciding import VIETNAM
from infrastructure.evidence.typesetting import Cell, Margins, Paragraph, Style, Typesetter

CHECK = "sh verify.sh"
"""The one command."""
_LONGEST, _LONGEST_TITLE = 2_000, 300
"""Characters of a value; the whole of it stands in the pack beside the report."""
_CODED: Mapping[str, Sequence[str]] = {
    "role": ("role",),
    "lock": ("lock",),
    "kind": ("dossier-kind", "agent-kind"),
    "carrier": ("carrier",),
    "form": ("code-form",),
    "ground": ("ground", "key-ground"),
    "how": ("succession",),
    "origin": ("origin",),
    "secrecy": ("secrecy",),
    "warnings": ("warning",),
}
"""Fields whose values are codes, and the prefixes under which messages tell them."""
_CODED_THERE: Mapping[tuple[str, str], Sequence[str]] = {
    ("log-ended/1", "ground"): ("log-end-ground",),
}
"""The same for fields of one event, whose codes mean something else than those of others."""
_REASONS = frozenset({"reading-failed/1", "scan-refused/1"})
"""Events whose reason is the code of a message."""
_UNTOLD = frozenset({"certificate"})
"""A file of the pack; its digest is told."""
_ABSENT: Mapping[str, str] = {
    "isolated": "report-absent-isolated",
    "erased": "report-absent-erased",
    "withdrawn": "report-absent-withdrawn",
    "moved": "report-absent-moved",
    "unreadable": "report-absent-unreadable",
    "shared": "report-absent-shared",
    "damaged": "report-absent-damaged",
    "part": "report-absent-part",
}
_MISSING: Mapping[str, str] = {
    "lost": "report-missing-lost",
    "damaged": "report-missing-damaged",
}
_ATTESTED: Mapping[str, str] = {
    "witness": "report-attested-witness",
    "unnamed": "report-attested-unnamed",
    "time": "report-attested-time",
}
_FOUNDER = re.compile(r"account (\d+)", re.ASCII)
"""The name of who founded an archive on the command line, where nobody asks for another one."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_IDENTITY = (38.0, 136.0)
_HISTORY = (14.0, 21.0, 95.0, 44.0)
_FILES = (140.0, 34.0)
_BULLET = "•"


@dataclass(frozen=True)
class Report:
    """The port `ReportMaker`."""

    speak: Callable[[str], Messages]
    """What people read, by language: `vi`, `en`."""
    key: Callable[[], tuple[x509.Certificate, Callable[[bytes], bytes]]]
    """The certificate of the system key that signs now, and what asks that key for a signature
    (ECDSA, P-256, SHA-256, DER)."""

    def make(self, facts: PackFacts) -> bytes:
        """See the port."""
        # Imported with its first user: pyHanko takes as long as the start of a command.
        from infrastructure.signatures.signing import sign_pdf

        certificate, sign = self.key()
        return sign_pdf(self.unsigned(facts), certificate, sign, at=facts.made_at)

    def unsigned(self, facts: PackFacts) -> bytes:
        """The report before it is signed; raises UnavailableError("report-font-missing")."""
        vietnamese, english = self.speak("vi"), self.speak("en")
        sheets = Typesetter()
        _Part(sheets, vietnamese, facts).set()
        first = len(sheets.pages) + 1
        _Part(sheets, english, facts).set()
        total = len(sheets.pages)

        def spoken(page: int) -> Messages:
            return vietnamese if page < first else english

        def above(page: int) -> tuple[str, str]:
            other = ""
            if page == 1:
                other = english.text("report-part", n=first)
            elif page == first:
                other = vietnamese.text("report-part", n=1)
            return _about(spoken(page), facts), other

        def below(page: int) -> tuple[str, str]:
            told = spoken(page)
            return told.text("report-signed"), told.text("report-page", n=page, total=total)

        title = f"{vietnamese.text('report-title')} / {english.text('report-title')}"
        return sheets.write(
            title=f"{title}: {facts.reference}", at=facts.made_at, margins=Margins(above, below)
        )


@dataclass(frozen=True)
class _Part:
    """The report in one language."""

    sheets: Typesetter
    messages: Messages
    facts: PackFacts

    def set(self) -> None:
        self.sheets.section(self.messages.text("report-language"))
        self._summary()
        self._identity()
        self._attested()
        self._history()
        self._files()

    # ------------------------------------------------------------ the first page

    def _summary(self) -> None:
        sheets, facts = self.sheets, self.facts
        sheets.paragraph(self._text("report-title"), Style.TITLE)
        sheets.paragraph(_about(self.messages, facts), Style.STRONG)
        title = _cut(self.messages, facts.title, _LONGEST_TITLE)
        sheets.paragraph(title or self._text("report-no-title"))
        proves, not_proved = proved(self.messages, facts)
        self._list("report-proves", proves)
        self._list("report-not-proved", not_proved)
        self._heading("report-left-out")
        fields = ", ".join(self._field(each) for each in facts.left_out)
        code = "report-left-out-fields" if fields else "report-left-out-none"
        sheets.paragraph(self._text(code, fields=fields))
        for each in untold(self.messages, facts):
            sheets.paragraph(each, mark=_BULLET)
        self._heading("report-check")
        sheets.paragraph(self._text("report-check-how"))
        sheets.space(0.8)
        sheets.paragraph(f"    {CHECK}", Style.COMMAND)
        sheets.space(0.8)
        sheets.paragraph(self._text("report-check-trust"))

    def _list(self, heading: str, items: Sequence[str]) -> None:
        self._heading(heading)
        for item in items:
            self.sheets.paragraph(item, mark=_BULLET)

    def _identity(self) -> None:
        facts = self.facts
        self._heading("report-identity")
        rows = [
            ("report-made-at", moment(facts.made_at), Style.CELL),
            ("report-made-by", self._who(facts.made_by), Style.CELL),
            ("report-made-for", facts.made_for, Style.CELL),
            ("report-archive", facts.archive, Style.CODE),
            ("report-origin", facts.origin, Style.CODE),
            ("report-checkpoint-size", str(facts.checkpoint_size), Style.CODE),
            ("report-checkpoint-root", facts.checkpoint_root, Style.CODE),
            ("report-certificate", facts.certificate, Style.CODE),
            ("report-log-key", facts.log_key, Style.CODE),
        ]
        self.sheets.rows(
            _IDENTITY,
            ("", ""),
            (
                [[(self._text(code), Style.QUIET)], [(_cut(self.messages, value), style)]]
                for code, value, style in rows
            ),
        )

    def _attested(self) -> None:
        self._heading("report-attested")
        if not self.facts.attestations:
            self.sheets.paragraph(self._text("report-attested-none"))
        for each in self.facts.attestations:
            self.sheets.paragraph(self._attestation(each), mark=_BULLET)

    def _attestation(self, each: PackedAttestation) -> str:
        at = moment(each.at) if each.at is not None else self._text("date-empty")
        return self._text(_ATTESTED[each.kind], name=each.name, at=at)

    # ------------------------------------------------------------ the tables

    def _history(self) -> None:
        self.sheets.turn_page()
        self._heading("report-history", n=len(self.facts.events))
        self.sheets.paragraph(self._text("report-history-note"), Style.QUIET)
        self.sheets.space(1.0)
        columns = ("report-position", "report-when", "report-what", "report-state")
        self.sheets.rows(
            _HISTORY,
            [self._text(code) for code in columns],
            (self._event(each) for each in self.facts.events),
        )

    def _event(self, event: PackedEvent) -> Sequence[Cell]:
        at = moment(event.at).split(" ") if event.at is not None else [self._text("date-empty")]
        return (
            [(str(event.position), Style.CELL)],
            [(each, Style.CELL) for each in at],
            list(self._what(event)),
            list(self._state(event)),
        )

    def _what(self, event: PackedEvent) -> Iterator[Paragraph]:
        name = self._named("event", event.name) if event.name else self._text("event-unreadable")
        yield name, Style.STRONG
        if event.agent:
            who = self._who(event.by) if event.by else f"{self._who(None)} {event.agent}"
            who = _cut(self.messages, who)
            role = self._named("role", event.role)
            yield " · ".join((who, role, _cut(self.messages, event.agency))), Style.CELL
            yield self._text("report-basis", basis=event.basis), Style.QUIET
        for field, value in event.says:
            if field not in _UNTOLD:
                told = self._value(event.name, field, value)
                yield f"{self._field(field)}: {told}", Style.CELL

    def _state(self, event: PackedEvent) -> Iterator[Paragraph]:
        if event.state == "intact":
            yield self._text("signature-intact"), Style.CELL
        else:
            yield f"! {self._named('finding', event.state)}", Style.STRONG
        logged = event.in_log
        yield (
            self._text("report-in-log" if logged else "report-not-in-log"),
            Style.CELL if logged else Style.STRONG,
        )
        if event.left_out:
            fields = ", ".join(self._field(each) for each in event.left_out)
            yield self._text("report-event-left-out", fields=fields), Style.QUIET

    def _files(self) -> None:
        self._heading("report-files", n=len(self.facts.files))
        self.sheets.paragraph(self._text("report-files-note"), Style.QUIET)
        self.sheets.space(1.0)
        self.sheets.rows(
            _FILES,
            (self._text("report-file"), self._text("report-size")),
            (self._file(each) for each in self.facts.files),
        )
        if self.facts.missing:
            self._heading("report-missing", n=len({each.name for each in self.facts.missing}))
            self.sheets.rows(
                _FILES,
                (self._text("report-file"), self._text("report-state")),
                (self._missing(each) for each in self.facts.missing),
            )

    def _file(self, file: PackedFile) -> Sequence[Cell]:
        digest = [] if file.sha256 in file.name else [(file.sha256, Style.CODE)]
        return (
            [
                (_cut(self.messages, file.name), Style.CODE),
                *digest,
                (self._named("representation", file.kind), Style.QUIET),
            ],
            [(self._text("bytes-n", n=file.size), Style.CELL)],
        )

    def _missing(self, file: MissingFile) -> Sequence[Cell]:
        number = self._text("date-empty") if file.number is None else str(file.number)
        record = self._text("report-missing-record", number=number, record=file.record)
        kind = self._named("representation", file.kind)
        return (
            [(file.name, Style.CODE), (kind, Style.QUIET), (record, Style.QUIET)],
            [(f"! {self._text(_MISSING[file.why])}", Style.STRONG)],
        )

    # ------------------------------------------------------------ words

    def _heading(self, code: str, **details: str | int) -> None:
        self.sheets.space(3.0)
        self.sheets.heading(self._text(code, **details))

    def _text(self, code: str, **details: str | int) -> str:
        return self.messages.text(code, **details)

    def _who(self, name: str | None) -> str:
        """A person as people call them; "account 0" is no name that anybody knows."""
        founder = _FOUNDER.fullmatch(name or "")
        if founder is not None:
            return self._text("report-founder", number=founder[1])
        return name or self._text("report-nameless")

    def _named(self, prefix: str, code: str) -> str:
        return _named(self.messages, prefix, code)

    def _field(self, name: str) -> str:
        """What people call a field; its own name where they have none for it."""
        dashed = name.replace("_", "-")
        for prefix in ("event-field", "fact", "name"):
            told = self._named(prefix, dashed)
            if told != dashed:
                return told
        return name

    def _value(self, event: str, field: str, value: str) -> str:
        prefixes = _CODED_THERE.get((event, field)) or _CODED.get(field)
        if prefixes is not None:
            told = (self._code(prefixes, code) for code in value.split(", "))
            return _cut(self.messages, ", ".join(told))
        if field == "field":
            return self._field(value)
        if field == "reason" and event in _REASONS:
            return self._text(value)
        if _DAY.fullmatch(value):
            return _day(value)
        return _cut(self.messages, value)

    def _code(self, prefixes: Sequence[str], code: str) -> str:
        told = (self._named(prefix, code) for prefix in prefixes)
        return next((each for each in told if each != code), code)


def proved(messages: Messages, facts: PackFacts) -> tuple[Sequence[str], Sequence[str]]:
    """What a pack proves, and what it does not, in sentences."""
    names = ", ".join(each.name for each in facts.attestations if each.kind == "witness")
    ended = ", ".join(str(each.position) for each in facts.events if each.name == "log-ended/1")
    return (
        [_named(messages, "proves", each, names=names) for each in facts.proves],
        [_named(messages, "not-proved", each, ended=ended) for each in facts.not_proved],
    )


def untold(messages: Messages, facts: PackFacts) -> Sequence[str]:
    """What a reader must know of what is not in the pack, besides the names of fields."""
    found = []
    if facts.left_out and facts.files:
        found.append(messages.text("report-left-out-files"))
    return [*found, *(_absence(messages, each) for each in facts.absent)]


def _absence(messages: Messages, absence: Absence) -> str:
    numbers = ", ".join(str(each) for each in absence.numbers) or messages.text("date-empty")
    return messages.text(_ABSENT[absence.why], n=absence.count, numbers=numbers)


def _named(messages: Messages, prefix: str, code: str, **details: str) -> str:
    """The message of a code behind a prefix; the code itself where there is none."""
    whole = f"{prefix}-{code}"
    told = messages.text(whole, **details)
    return code if told == whole else told


def _about(messages: Messages, facts: PackFacts) -> str:
    return messages.text(f"report-about-{facts.kind}", reference=_cut(messages, facts.reference))


def moment(at: datetime) -> str:
    """`23/04/2026 09:12:44`, in Việt Nam."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return aware.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).strftime("%d/%m/%Y")
    except ValueError:
        return text


def _cut(messages: Messages, text: str | None, longest: int = _LONGEST) -> str:
    """The beginning of a text that is too long for a report, with how much more there is."""
    if text is None or len(text) <= longest:
        return text or ""
    return messages.text("report-cut", text=text[:longest], n=len(text) - longest)

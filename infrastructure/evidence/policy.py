"""Which signatures make a checkpoint believed: a policy file (C2SP tlog-policy), read strictly.

    log VKEY [URL]                         a log whose checkpoints are meant
    witness NAME VKEY [URL]                a witness; with a URL it is asked by this archive
    group NAME all|any|NUMBER NAME...      enough of what was named before
    quorum NAME|none                       what a checkpoint needs besides the log's signature

Where readers of such files are known to disagree, what they disagree on is refused: a `#` inside a
line, blanks beyond space and tab, bytes that are no UTF-8.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.errors import IntegrityError, InvalidValueError, UnavailableError
from infrastructure.evidence.notes import (
    COSIGNATURE,
    NOTE,
    Body,
    VerifierKey,
    parse_body,
    parse_note,
)

_LARGEST = 65_536
_NONE = "none"


@dataclass(frozen=True)
class PolicyWitness:
    """A witness that the file names."""

    key: VerifierKey
    url: str | None
    """Where checkpoints are submitted, without `/add-checkpoint`; not checked yet."""


@dataclass(frozen=True)
class Group:
    """As many as `least` of the members."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A policy file taken apart."""

    raw: bytes
    """The file, as outsiders get it."""
    logs: tuple[VerifierKey, ...]
    """Their names are the origins."""
    witnesses: Mapping[str, PolicyWitness]
    """By their names in the file, in its order."""
    groups: Mapping[str, Group]
    """Likewise; a group's members stand before it."""
    quorum: str | None
    """A witness or group; None when the log's signature is enough."""

    def check(self, checkpoint: bytes) -> Body:
        """What a checkpoint says, signed by a log of the file and cosigned by the quorum.

        Raises IntegrityError: what notes raise, "note-not-signed" without a signature of a log,
        "policy-not-met" without the quorum.
        """
        note = parse_note(checkpoint)
        body = parse_body(note.text)
        signers = {(line.name, line.key) for line in note.lines}
        logs = [key for key in self.logs if key.name == body.origin]
        for key in logs:
            if (key.name, key.id) in signers:
                note.by(key)
        if not any((key.name, key.id) in signers for key in logs):
            raise IntegrityError("note-not-signed", name=body.origin)
        met = set[str]()
        for name, witness in self.witnesses.items():
            if (witness.key.name, witness.key.id) in signers:
                note.by(witness.key)
                met.add(name)
        for name, group in self.groups.items():
            if len(met.intersection(group.members)) >= group.least:
                met.add(name)
        if self.quorum is not None and self.quorum not in met:
            raise IntegrityError("policy-not-met", quorum=self.quorum)
        return body


def read_policy(path: Path) -> Policy:
    """The policy in a file; UnavailableError("policy-unreadable") besides what `parse_policy`
    raises."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as exc:
        raise UnavailableError("policy-unreadable") from exc
    return parse_policy(raw)


def parse_policy(raw: bytes) -> Policy:
    """Raises InvalidValueError("policy-malformed") with the number of the line, 0 for the whole."""
    reading = _Reading()
    for number, fields in _lines(raw):
        try:
            reading.take(fields)
        except (ValueError, KeyError) as exc:
            raise InvalidValueError("policy-malformed", line=number) from exc
    if reading.quorum is None:
        raise InvalidValueError("policy-malformed", line=0)
    return Policy(
        raw,
        tuple(reading.logs),
        reading.witnesses,
        reading.groups,
        None if reading.quorum == _NONE else reading.quorum,
    )


def _lines(raw: bytes) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that says something, with its number."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise InvalidValueError("policy-malformed", line=0) from exc
    if len(raw) > _LARGEST or not text.endswith("\n"):
        raise InvalidValueError("policy-malformed", line=0)
    for number, line in enumerate(text[:-1].split("\n"), 1):
        said = line.replace("\t", " ").strip(" ")
        comment = said.startswith("#")
        if any(ord(c) < 32 or ord(c) == 127 for c in said):
            raise InvalidValueError("policy-malformed", line=number)
        if not comment and ("#" in said or not said.isprintable()):
            raise InvalidValueError("policy-malformed", line=number)
        if said and not comment:
            yield number, [field for field in said.split(" ") if field]


class _Reading:
    """What the lines have said so far."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, PolicyWitness] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, fields: list[str]) -> None:
        """One line more; raises ValueError or KeyError for one that says nothing."""
        match fields:
            case ["log", vkey] | ["log", vkey, _]:
                self._log(vkey)
            case ["witness", name, vkey]:
                self._witness(name, vkey, None)
            case ["witness", name, vkey, url]:
                self._witness(name, vkey, url)
            case ["group", name, least, *members] if members:
                self._group(name, least, members)
            case ["quorum", name] if self.quorum is None:
                if name != _NONE:
                    self._known(name)
                self.quorum = name
            case _:
                raise ValueError(fields[0])

    def _log(self, vkey: str) -> None:
        key = _key(vkey, NOTE)
        if any(key.public == other.public for other in self.logs):
            raise ValueError(vkey)
        self.logs.append(key)

    def _witness(self, name: str, vkey: str, url: str | None) -> None:
        key = _key(vkey, COSIGNATURE)
        if any(key.public == other.key.public for other in self.witnesses.values()):
            raise ValueError(vkey)
        self._new(name)
        self.witnesses[name] = PolicyWitness(key, url)

    def _group(self, name: str, least: str, members: list[str]) -> None:
        """A name is a member once and never again, so that no witness counts twice."""
        for member in members:
            self._known(member)
            if member in self._members:
                raise ValueError(member)
            self._members.add(member)
        self._new(name)
        count = {"any": 1, "all": len(members)}.get(least) or _count(least)
        if not 1 <= count <= len(members):
            raise ValueError(least)
        self.groups[name] = Group(count, tuple(members))

    def _new(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise ValueError(name)

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise KeyError(name)


def _key(text: str, kind: int) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.kind != kind:
        raise ValueError(text)
    return key


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or text.startswith("0") or len(text) > 4:
        raise ValueError(text)
    return int(text)

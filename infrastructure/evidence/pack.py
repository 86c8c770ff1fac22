"""The evidence pack as a ZIP file: streamed, its names sorted and ASCII, its times fixed.

README.vi.txt, README.en.txt, verify.sh    how to check it, in words and as a program
report.pdf                                 what is in it, for people
events/NNNNNN.jws                          envelopes as they are stored, by journal position
disclosures/NNNNNN.txt                     SD-JWT disclosures of an event, one a line
proofs/NNNNNN.tlog-proof                   that the event is in the log, all under one checkpoint
originals/, representations/               documents, each named by its SHA-256
checkpoints/checkpoint, checkpoints/*.tsr  the signed note with cosignatures; time tokens over it
certificates/system-SHA256.pem             who signed; keys/, policy, tsa/: whose word is believed
streams.txt                                which streams are told whole
absent.txt                                 documents that events name and the archive has no more
manifest.sha256, manifest.jws              all other files; the archive's signature on this list
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import IntegrityError, InvalidValueError
from domain.evidence import PackedAttestation, PackFacts
from domain.packs import PackContents
from domain.ports import Messages
from infrastructure.evidence.notes import (
    COSIGNATURE,
    Line,
    VerifierKey,
    cosigned_at,
    parse_note,
)
from infrastructure.evidence.policy import parse_policy
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.evidence.report import proved, untold

_TEXTS = Path(__file__).parent / "packed"
_CHUNK = 1 << 18
_FIXED = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP file can name."""
_PROGRAM, _FILE = 0o755, 0o644


class ZipPacker:
    """The port Packer; `speak` gives what people read, by language."""

    def __init__(self, speak: Callable[[str], Messages]) -> None:
        self._speak = speak

    def pack(self, contents: PackContents) -> Iterator[bytes]:
        """See the port. The list of files stands last, since it is hashed on the way."""
        small = self._small(contents)
        return _Writing(contents, small).chunks()

    def cosignatures(
        self, checkpoint: bytes, log_key: str, witnesses: Sequence[str]
    ) -> tuple[PackedAttestation, ...]:
        """See the port."""
        named: set[tuple[str, bytes]] = set()
        try:
            policy = parse_policy(_policy(VerifierKey.parse(log_key), checkpoint, witnesses))
            policy.check(checkpoint)
            named = {(each.key.name, each.key.id) for each in policy.witnesses.values()}
        except (IntegrityError, InvalidValueError):
            pass  # It does not meet the policy: nobody's word counts.
        return tuple(
            PackedAttestation(
                "witness" if (line.name, line.key) in named else "unnamed", line.name, _at(line)
            )
            for line in parse_note(checkpoint).lines
            if _is_cosignature(line)
        )

    def proves(self, proof: bytes, envelope: bytes, log_key: str) -> bool:
        """See the port."""
        try:
            check_proof(parse_proof(proof), envelope, [VerifierKey.parse(log_key)])
        except IntegrityError:
            return False
        return True

    def _small(self, contents: PackContents) -> dict[str, bytes]:
        """What is known before the first byte is written, by name."""
        facts = contents.facts
        key = VerifierKey.parse(facts.log_key)
        spki = Ed25519PublicKey.from_public_bytes(key.public)
        found = {
            "checkpoints/checkpoint": contents.checkpoint,
            "keys/log.pem": spki.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "keys/log.vkey": facts.log_key.encode() + b"\n",
            "policy": _policy(key, contents.checkpoint, contents.witnesses),
            "report.pdf": contents.report,
            "streams.txt": "".join(
                f"{stream} {'whole' if whole else 'part'}\n"
                for stream, whole in sorted(contents.streams.items())
            ).encode(),
            "verify.sh": (_TEXTS / "verify.sh").read_bytes(),
        }
        for language in ("vi", "en"):
            found[f"README.{language}.txt"] = self._readme(language, facts).encode()
        for name, der in contents.certificates.items():
            pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
            found[f"certificates/system-{name}.pem"] = pem
        for number, (authority, token) in enumerate(contents.tokens, 1):
            found[f"checkpoints/{number}-{_plain(authority)}.tsr"] = token
        if facts.missing:
            found["absent.txt"] = "".join(
                f"{each.name} {each.record} {each.why}\n"
                for each in sorted(facts.missing, key=lambda one: (one.name, one.record))
            ).encode()
        if contents.roots:
            found["tsa/roots.pem"] = b"".join(each.rstrip(b"\n") + b"\n" for each in contents.roots)
        return found

    def _readme(self, language: str, facts: PackFacts) -> str:
        messages = self._speak(language)
        proves, not_proved = proved(messages, facts)
        gaps = {
            "@REFERENCE@": facts.reference,
            "@ARCHIVE@": facts.archive,
            "@MADE@": facts.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "@SIZE@": str(facts.checkpoint_size),
            "@EVENTS@": str(len(facts.events)),
            "@FILES@": str(len(facts.files)),
            "@CERTIFICATE@": facts.certificate,
            "@KEY@": facts.log_key,
            "@LEFT_OUT@": ", ".join(facts.left_out) or "-",
            "@ABSENT@": _list(untold(messages, facts)) or "  -",
            "@PROVES@": _list(proves),
            "@NOT_PROVED@": _list(not_proved),
        }
        text = (_TEXTS / f"README.{language}.txt").read_text()
        for gap, value in gaps.items():
            text = text.replace(gap, value)
        return text


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"  - {each}" for each in sentences)


def _plain(name: str) -> str:
    """A name for a file: ASCII, and in this folder."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)[:40]


def _is_cosignature(line: Line) -> bool:
    """By its length: a time stands before the signature."""
    return len(line.signature) == 72


def _at(line: Line) -> datetime | None:
    """The time in a cosignature; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(cosigned_at(line), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _policy(key: VerifierKey, checkpoint: bytes, witnesses: Sequence[str]) -> bytes:
    """The log and the witnesses that cosigned, as a policy file (C2SP tlog-policy)."""
    signers = {(line.name, line.key) for line in parse_note(checkpoint).lines}
    lines, names = [f"log {key.text}\n"], []
    for number, text in enumerate(witnesses, 1):
        try:
            witness = VerifierKey.parse(text)
        except InvalidValueError:
            continue
        if witness.kind == COSIGNATURE and (witness.name, witness.id) in signers:
            names.append(f"w{number}")
            lines.append(f"witness w{number} {text}\n")
    if names:
        lines.append(f"group all all {' '.join(names)}\n")
    lines.append(f"quorum {'all' if names else 'none'}\n")
    return "".join(lines).encode()


class _Writing:
    """One file that is being written, taken away piece by piece."""

    def __init__(self, contents: PackContents, small: dict[str, bytes]) -> None:
        self._contents = contents
        self._small = small
        self._out = _Pipe()
        self._zip = ZipFile(self._out, "w", ZIP_DEFLATED)
        self._digests: dict[str, str] = {}
        last = max((each.position for each in contents.facts.events), default=0)
        self._width = max(6, len(str(last)))

    def chunks(self) -> Iterator[bytes]:
        folders: dict[str, Callable[[], Iterator[bytes]]] = {
            "disclosures/": self._disclosures,
            "events/": self._envelopes,
            "originals/": lambda: self._documents("originals/"),
            "proofs/": self._proofs,
            "representations/": lambda: self._documents("representations/"),
        }
        for name in sorted([*self._small, *folders]):
            if name in folders:
                yield from folders[name]()
            else:
                yield from self._put(name, self._small[name])
        listed = "".join(
            f"{digest}  {name}\n" for name, digest in sorted(self._digests.items())
        ).encode()
        vouched = self._contents.vouch(sha256(listed).hexdigest())
        yield from self._put("manifest.jws", vouched)
        yield from self._put("manifest.sha256", listed)
        self._zip.close()
        yield self._out.taken()

    def _envelopes(self) -> Iterator[bytes]:
        for each in self._contents.events():
            yield from self._put(self._name("events", each.position, "jws"), each.envelope)

    def _disclosures(self) -> Iterator[bytes]:
        for each in self._contents.events():
            if each.disclosures:
                lines = "".join(f"{text}\n" for text in each.disclosures)
                name = self._name("disclosures", each.position, "txt")
                yield from self._put(name, lines.encode())

    def _proofs(self) -> Iterator[bytes]:
        for position, proof in sorted(self._contents.proofs.items()):
            name = self._name("proofs", position, "tlog-proof")
            yield from self._put(name, proof + self._contents.checkpoint)

    def _name(self, folder: str, position: int, suffix: str) -> str:
        return f"{folder}/{position:0{self._width}}.{suffix}"

    def _documents(self, folder: str) -> Iterator[bytes]:
        """Scans and PDF files are packed already: they are stored as they are."""
        for each in sorted(self._contents.documents, key=lambda one: one.name):
            if each.name.startswith(folder):
                with each.open() as source:
                    yield from self._write(each.name, source, ZIP_STORED)

    def _put(self, name: str, content: bytes) -> Iterator[bytes]:
        return self._write(name, io.BytesIO(content), ZIP_DEFLATED)

    def _write(self, name: str, source: BinaryIO, method: int) -> Iterator[bytes]:
        info = ZipInfo(name, _FIXED)
        info.compress_type = method
        info.create_system = 3  # Unix, wherever it is made: the mode below means something.
        info.external_attr = (0o100000 | (_PROGRAM if name.endswith(".sh") else _FILE)) << 16
        digest = sha256()
        with self._zip.open(info, "w", force_zip64=method == ZIP_STORED) as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
                if self._out.waiting > _CHUNK:
                    yield self._out.taken()
        self._digests[name] = digest.hexdigest()
        yield self._out.taken()


class _Pipe(io.RawIOBase):
    """What a ZIP file is written to: it cannot go back, so sizes stand behind each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.waiting = 0
        """Bytes that nobody has taken yet."""

    def writable(self) -> bool:
        """See io.IOBase."""
        return True

    def write(self, content: object) -> int:
        """See io.RawIOBase."""
        part = bytes(content)  # type: ignore[call-overload]
        self._parts.append(part)
        self.waiting += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Everything that was written since the last time."""
        parts, self._parts, self.waiting = self._parts, [], 0
        return b"".join(parts)

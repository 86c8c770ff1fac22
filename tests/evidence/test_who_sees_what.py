"""Every way to alter what the archive shows to outsiders, and who finds it: our verification and
the verifiers that others wrote. The table in docs/evidence.md is this one; a test keeps it so.

An attacker of the log has all files and, where a line says so, all keys. `+` means that the
verifier was given a checkpoint that somebody had kept elsewhere.
"""

import json
import re
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from domain.errors import ArchiveError, IntegrityError
from domain.services import oversight, proving
from infrastructure.bootstrap import opened
from infrastructure.evidence.log import read_checkpoint
from infrastructure.evidence.notes import VerifierKey
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.evidence.tiles import bundle_name
from infrastructure.journal.disclosures import values_of
from infrastructure.journal.envelope import Verifier, open_envelope
from infrastructure.journal.keys import load as load_keys
from tests.evidence.archives import add_events, archive_with, request_of, settings_of
from tests.evidence.log_attacks import (
    OTHER,
    World,
    body_of,
    change_bundle,
    change_row,
    drop,
    flip,
    flip_row,
    fork,
    insert,
    larger,
    move_row,
    other_root,
    reorder,
    replay,
    rewrite,
    roll_back,
    sign_checkpoint,
    tamper,
    write_log,
    wrong_previous,
)
from tests.foreign import tools
from tests.foreign.verdict import Verdict

pytestmark = pytest.mark.services

DOCUMENT = Path(__file__).parents[2] / "docs" / "evidence.md"
OLD, MORE = 290, 300


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("pristine")
    with archive_with(folder, OLD) as house:
        older = proving.advance(house.archive)
        add_events(house, MORE)
        newest = proving.advance(house.archive)
        assert older is not None
        assert newest is not None
        assert newest.size > 2 * 256
        return World(folder, older, newest, house.archive.log.state().key)


@pytest.fixture
def world(pristine: World, tmp_path: Path) -> World:
    shutil.copytree(pristine.folder, tmp_path / "copy")
    return World(tmp_path / "copy", pristine.older, pristine.newest, pristine.key)


# ---------------------------------------------------------------- the log

OURS, OURS_KEPT = "verify", "verify +"
FSCK, FSCKRC, SUMDB, SUMDB_KEPT = "fsck", "fsckrc", "sumdb", "sumdb +"
LOG_READERS = (OURS, OURS_KEPT, FSCK, FSCKRC, SUMDB, SUMDB_KEPT)
ALL = frozenset(LOG_READERS)
OWN = frozenset({OURS, OURS_KEPT})
KEPT = frozenset({OURS_KEPT, SUMDB_KEPT})


@dataclass(frozen=True)
class Mutant:
    name: str
    alter: Callable[[World], None]
    seen_by: frozenset[str]


LOGS = [
    Mutant("flip: a byte of an entry", lambda w: flip(w.log / bundle_name(0), 50), ALL),
    Mutant("flip: a byte of a tile", lambda w: flip(w.log / "tile/0/000", 0), ALL),
    Mutant("drop: an entry", lambda w: change_bundle(w, drop), ALL),
    Mutant("insert: an entry twice", lambda w: change_bundle(w, insert), ALL),
    Mutant("reorder: two entries", lambda w: change_bundle(w, reorder), ALL),
    Mutant("drop: a whole bundle", lambda w: (w.log / bundle_name(1)).unlink(), ALL),
    Mutant("drop: a tile", lambda w: (w.log / "tile/0/001").unlink(), ALL),
    Mutant("truncate: no checkpoint", lambda w: (w.log / "checkpoint").unlink(), ALL),
    Mutant("swap key: checkpoint", lambda w: sign_checkpoint(w, body_of(w), OTHER), ALL),
    Mutant("swap key: whole log", lambda w: write_log(w, w.entries(), OTHER), ALL),
    Mutant("another root, signed", other_root, ALL),
    Mutant("a larger size, signed", larger, ALL),
    Mutant("roll back, with all keys", roll_back, KEPT),
    Mutant("fork of the log, with all keys", fork, OWN | KEPT),
    Mutant("row: flip", flip_row, OWN),
    Mutant("row: moved", move_row, OWN),
    Mutant(
        "row: type renamed",
        lambda w: change_row(w, 300, topic="'dossier-closed/1'"),
        OWN,
    ),
    Mutant("row: wrong prev", wrong_previous, OWN),
    Mutant("row: replayed", replay, OWN),
    Mutant(
        "row: dropped",
        lambda w: tamper(w.journal, "DELETE FROM stored_events WHERE rowid=300"),
        OWN,
    ),
]


def by_us(world: World, remembered: list[bytes]) -> Verdict:
    try:
        with opened(settings_of(world.folder)) as house:
            with suppress(ArchiveError):  # As any command would, before it answers.
                house.archive.views.catch_up()
            found = oversight.verify(house.archive, request_of(house), remembered=remembered)
    except ArchiveError as exc:
        return Verdict(accepted=False, said=exc.code)
    return Verdict(found.ok, ", ".join(sorted({each.kind for each in found.findings})))


def by_sumdb(world: World, kept: list[bytes]) -> Verdict:
    files = []
    for n, note in enumerate(kept):
        files.append(world.folder / f"kept-{n}")
        files[-1].write_bytes(note)
    return tools.sumdb_audit(world.log, world.key, files)


def log_verdicts(world: World) -> dict[str, Verdict]:
    """What each reader says, the one who kept nothing and the one who did."""
    kept = [world.older.note, world.newest.note]
    return {
        FSCK: tools.fsck(world.log, world.key, 4),
        FSCKRC: tools.fsckrc(world.log, world.key, 4),
        SUMDB: by_sumdb(world, []),
        SUMDB_KEPT: by_sumdb(world, kept),
        OURS: by_us(world, []),
        OURS_KEPT: by_us(world, kept),
    }


def test_what_nobody_altered_is_accepted_by_all(world: World) -> None:
    for name, verdict in log_verdicts(world).items():
        assert verdict.accepted, (name, verdict)


@pytest.mark.parametrize("mutant", LOGS, ids=lambda mutant: mutant.name)
def test_a_mutant_of_the_log_is_seen(mutant: Mutant, world: World) -> None:
    mutant.alter(world)
    verdicts = log_verdicts(world)
    seen = {name for name, verdict in verdicts.items() if not verdict.accepted}
    assert seen == mutant.seen_by, verdicts


# ---------------------------------------------------------------- proof files

PROOF_READERS = ("proof", "sumdb proof", "torchwood")
STRICT = frozenset({"proof", "sumdb proof"})
EVERY = frozenset(PROOF_READERS)


def line(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def alter(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        lines[number] = change(lines[number])
        return b"\n".join(lines)

    return alter


def stray_bits(hashed: bytes) -> bytes:
    """The same 32 bytes to who does not look at the last character's lowest bits."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(hashed[-2:-1]) ^ 1
    return hashed[:-2] + alphabet[last : last + 1] + b"="


def swapped_hashes(raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    lines[2], lines[3] = lines[3], lines[2]
    return b"\n".join(lines)


PROOFS: list[tuple[str, Callable[[bytes], bytes], frozenset[str]]] = [
    ("another index", line(1, lambda said: b"index 4"), EVERY),
    ("two hashes swapped", swapped_hashes, EVERY),
    ("flip: a hash", line(2, lambda said: b"AAAA" + said[4:]), EVERY),
    ("another version of the form", line(0, lambda said: said[:-1] + b"2"), EVERY),
    ("checkpoint's signature cut", lambda raw: raw[:-5] + b"\n", EVERY),
    ("not canonical: `index 05`", line(1, lambda said: b"index 05"), STRICT),
    ("not canonical: carriage return", line(2, lambda said: said + b"\r"), STRICT),
    ("not canonical: stray bits of base64", line(2, stray_bits), STRICT),
]


def proof_verdicts(world: World, raw: bytes, entry: bytes) -> dict[str, Verdict]:
    file = world.folder / "p.tlog-proof"
    rewrite(file, raw)
    try:
        check_proof(parse_proof(raw), entry, [VerifierKey.parse(world.key)])
        ours = Verdict(accepted=True, said="")
    except IntegrityError as exc:
        ours = Verdict(accepted=False, said=exc.code)
    policy = f"log {world.key}\nquorum none\n"
    return {
        "proof": ours,
        "sumdb proof": tools.sumdb_proof(file, world.key, entry),
        "torchwood": tools.torchwood_proof(policy, entry, raw),
    }


@pytest.fixture(scope="module")
def proof(pristine: World) -> tuple[bytes, bytes]:
    with opened(settings_of(pristine.folder)) as house:
        raw = house.archive.log.proof(6, pristine.newest)
        return raw, house.archive.journal.sealed(5, 1)[0]


def test_a_true_proof_is_accepted_by_all(world: World, proof: tuple[bytes, bytes]) -> None:
    for name, verdict in proof_verdicts(world, *proof).items():
        assert verdict.accepted, (name, verdict)


@pytest.mark.parametrize("mutant", PROOFS, ids=lambda mutant: mutant[0])
def test_a_mutant_of_a_proof_is_seen(
    mutant: tuple[str, Callable[[bytes], bytes], frozenset[str]],
    world: World,
    proof: tuple[bytes, bytes],
) -> None:
    raw, entry = proof
    verdicts = proof_verdicts(world, mutant[1](raw), entry)
    seen = {name for name, verdict in verdicts.items() if not verdict.accepted}
    assert seen == mutant[2], verdicts


# ---------------------------------------------------------------- one event

EVENT_READERS = ("event", "jose", "joserfc", "openssl", "sd-jwt", "@sd-jwt/core")
SIGNATURES = frozenset(EVENT_READERS)


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def another_payload(envelope: str, disclosures: list[str]) -> tuple[str, list[str]]:
    header, payload, signature = envelope.split(".")
    said = json.loads(unb64(payload))
    said["at"] = "2020" + said["at"][4:]
    return ".".join((header, b64(json.dumps(said).encode()), signature)), disclosures


def another_signature(envelope: str, disclosures: list[str]) -> tuple[str, list[str]]:
    signing_input, _, _ = envelope.rpartition(".")
    key = ec.generate_private_key(ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    return f"{signing_input}.{b64(r.to_bytes(32) + s.to_bytes(32))}", disclosures


def forged_disclosure(envelope: str, disclosures: list[str]) -> tuple[str, list[str]]:
    return envelope, [*disclosures, b64(b'["c2FsdHNhbHRzYWx0c2FsdA","name","X"]')]


def replaced_disclosure(envelope: str, disclosures: list[str]) -> tuple[str, list[str]]:
    return envelope, [b64(b'["c2FsdHNhbHRzYWx0c2FsdA","name","X"]'), *disclosures[1:]]


def doubled_disclosure(envelope: str, disclosures: list[str]) -> tuple[str, list[str]]:
    return envelope, [*disclosures, disclosures[0]]


EVENTS: list[tuple[str, Callable[[str, list[str]], tuple[str, list[str]]], frozenset[str]]] = [
    ("event: another payload", another_payload, SIGNATURES),
    ("event: swap key", another_signature, SIGNATURES),
    ("event: forged disclosure", forged_disclosure, frozenset({"event"})),
    ("event: replaced disclosure", replaced_disclosure, frozenset({"event"})),
    ("event: doubled disclosure", doubled_disclosure, frozenset({"event", "sd-jwt"})),
]


@dataclass(frozen=True)
class Told:
    """An event with personal fields, as an evidence pack shows it."""

    envelope: str
    disclosures: list[str]
    pem: bytes
    jwk: Mapping[str, str]
    world: World


@pytest.fixture(scope="module")
def told(pristine: World) -> Told:
    certificate = load_keys(pristine.keys).certificate
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    numbers = public.public_numbers()
    with opened(settings_of(pristine.folder)) as house:
        exhibits = house.archive.journal.exhibit(range(1, 20))
    shown = next(each for each in exhibits if each.disclosures)
    envelope = shown.envelope.decode()
    disclosures = [text for _, text in shown.disclosures]
    return Told(
        envelope,
        disclosures,
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        {
            "kty": "EC",
            "crv": "P-256",
            "x": b64(numbers.x.to_bytes(32)),
            "y": b64(numbers.y.to_bytes(32)),
        },
        pristine,
    )


def event_verdicts(told: Told, envelope: str, disclosures: list[str]) -> dict[str, Verdict]:
    presented = "~".join([envelope, *disclosures, ""])
    try:
        Verifier((load_keys(told.world.keys).certificate,)).verify(envelope.encode())
        said = open_envelope(envelope.encode()).payload
        values_of(disclosures, said["data"]["_sd"])
        ours = Verdict(accepted=True, said="")
    except IntegrityError as exc:
        ours = Verdict(accepted=False, said=exc.code)
    return {
        "event": ours,
        "jose": tools.jose_verify(envelope, told.jwk),
        "joserfc": tools.joserfc(envelope, told.jwk),
        "openssl": tools.openssl_signature(envelope, told.pem),
        "sd-jwt": tools.sd_jwt(presented, told.jwk),
        "@sd-jwt/core": tools.sd_jwt_core(presented, told.jwk),
    }


def test_a_true_event_is_accepted_by_all(told: Told) -> None:
    for name, verdict in event_verdicts(told, told.envelope, told.disclosures).items():
        assert verdict.accepted, (name, verdict)


@pytest.mark.parametrize("mutant", EVENTS, ids=lambda mutant: mutant[0])
def test_a_mutant_of_an_event_is_seen(
    mutant: tuple[str, Callable[[str, list[str]], tuple[str, list[str]]], frozenset[str]],
    told: Told,
) -> None:
    verdicts = event_verdicts(told, *mutant[1](told.envelope, told.disclosures))
    seen = {name for name, verdict in verdicts.items() if not verdict.accepted}
    assert seen == mutant[2], verdicts


# ---------------------------------------------------------------- the document


def table(readers: tuple[str, ...], rows: list[tuple[str, frozenset[str]]]) -> str:
    lines = [f"| what | {' | '.join(readers)} |", f"|{'---|' * (len(readers) + 1)}"]
    for name, seen in rows:
        marks = " | ".join("seen" if reader in seen else "–" for reader in readers)
        lines.append(f"| {name} | {marks} |")
    return "\n".join(lines)


def tables() -> list[str]:
    return [
        table(LOG_READERS, [(each.name, each.seen_by) for each in LOGS]),
        table(PROOF_READERS, [(name, seen) for name, _, seen in PROOFS]),
        table(EVENT_READERS, [(name, seen) for name, _, seen in EVENTS]),
    ]


def test_the_document_holds_these_tables() -> None:
    written = re.sub(r"[ ]+", " ", DOCUMENT.read_text())
    for each in tables():
        assert each in written, each


def test_a_checkpoint_is_read_as_it_was_written(pristine: World) -> None:
    assert read_checkpoint(pristine.newest.note) == pristine.newest

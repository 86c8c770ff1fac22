"""Signed notes and proof files: what is written is read, and what nobody would write is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import IntegrityError, InvalidValueError
from infrastructure.evidence.merkle import EMPTY, leaf_hash
from infrastructure.evidence.notes import (
    COSIGNATURE,
    Body,
    Note,
    VerifierKey,
    b64,
    cosigned,
    cosigned_at,
    parse_body,
    parse_note,
    signed,
    verifier_key,
)
from infrastructure.evidence.proofs import Proof, check_proof, parse_proof
from tests.evidence.logs import KEY, ORIGIN, VERIFIER

BODY = Body(ORIGIN, 4711, EMPTY)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
NOTE = signed(BODY, [KEY])


def test_a_verifier_key_from_elsewhere_is_read() -> None:
    """The key in the documentation of golang.org/x/mod/sumdb/note."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert VerifierKey.parse(text + "\n").text == text
    for wrong in (
        text.replace("Peter", "Pete"),
        text.replace("c74f", "c74e"),
        text[:-1] + "X",
        text.replace("+", " "),
        "",
        "a+b",
    ):
        with pytest.raises(InvalidValueError):
            VerifierKey.parse(wrong)


def test_a_checkpoint_is_signed_and_read_again() -> None:
    note = parse_note(NOTE.raw)
    assert note == NOTE
    assert parse_body(note.text) == BODY
    assert note.by(VERIFIER).name == ORIGIN
    with pytest.raises(IntegrityError, match="note-not-signed"):
        note.by(verifier_key(ORIGIN, OTHER))
    with pytest.raises(IntegrityError, match="note-signature-broken"):
        Note(note.text.replace("4711", "4712"), note.lines).by(VERIFIER)


def test_a_witness_signs_with_its_time() -> None:
    line = cosigned(NOTE.text, "witness.example/w1", OTHER, 1_795_000_000)
    note = parse_note(Note(NOTE.text, (*NOTE.lines, line)).raw)
    key = verifier_key("witness.example/w1", OTHER, COSIGNATURE)
    assert cosigned_at(note.by(key)) == 1_795_000_000
    assert note.by(VERIFIER) == NOTE.lines[0]
    with pytest.raises(IntegrityError):
        Note(note.text.replace("4711", "4712"), note.lines).by(key)
    later = cosigned(NOTE.text, "witness.example/w1", OTHER, 1).signature[8:]
    line = type(line)(line.name, line.key, line.signature[:8] + later)
    with pytest.raises(IntegrityError):
        Note(NOTE.text, (line,)).by(key)


@pytest.mark.parametrize(
    "altered",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"x",
        lambda raw: raw.replace(b"\n\n", b"\n"),
        lambda raw: raw.replace("—".encode(), b"-"),
        lambda raw: raw.replace(b"\n4711", b"\r\n4711"),
        lambda raw: raw + b"\xff",
        lambda raw: raw.replace("— ".encode(), "—  ".encode()),
        lambda raw: raw[:-2] + b"\n",
    ],
)
def test_a_note_of_another_form_is_refused(altered: object) -> None:
    with pytest.raises(IntegrityError):
        parse_note(altered(NOTE.raw))  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n04711\n{b64(EMPTY)}\n",
        f"{ORIGIN}\n+4711\n{b64(EMPTY)}\n",
        f"{ORIGIN}\n４７１１\n{b64(EMPTY)}\n",
        f"{ORIGIN}\n\n{b64(EMPTY)}\n",
        f"{ORIGIN}\n4711\n{b64(EMPTY[:31])}\n",
        f"{ORIGIN}\n4711\n{b64(EMPTY)}\nmore\n",
        f"\n4711\n{b64(EMPTY)}\n",
        f"{ORIGIN}\n4711\n{b64(EMPTY)}",
        f"{ORIGIN}\n{'9' * 5000}\n{b64(EMPTY)}\n",
    ],
)
def test_a_checkpoint_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        parse_body(text)


def test_a_proof_file_has_one_form() -> None:
    entry = b"one entry"
    root = leaf_hash(entry)
    proof = Proof(0, (), signed(Body(ORIGIN, 1, root), [KEY]))
    assert parse_proof(proof.raw) == proof
    check_proof(proof, entry, [VERIFIER])
    with pytest.raises(IntegrityError):
        check_proof(proof, b"another", [VERIFIER])
    with pytest.raises(IntegrityError):
        check_proof(proof, entry, [verifier_key(ORIGIN, OTHER)])
    raw = proof.raw
    for altered in (
        raw.replace(b"@v1", b"@v2"),
        raw.replace(b"index 0", b"index 00"),
        raw.replace(b"index 0", b"index +0"),
        raw.replace(b"index 0", b"index -1"),
        raw.replace(b"index 0\n", b"index 0\r\n"),
        raw.replace(b"index 0\n", b"extra aGk=\nindex 0\n"),
        raw.replace(b"index 0\n", b"index 0\n" + b64(root).encode() + b"\r\n"),
        raw.replace(b"index 0\n", b"index 0\n" + b"a" * 100 + b"\n"),
        raw[:-1],
        raw + b"\n",
        b"",
    ):
        with pytest.raises(IntegrityError, match="log-proof-malformed"):
            parse_proof(altered)

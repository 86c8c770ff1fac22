"""Each verifier of logs that others wrote accepts a true log and rejects it altered.

What is verified here is made by the oracle of `reference_log` alone: these tests, like those of
`test_foreign_tokens` and `test_foreign_documents`, say what a verdict is worth, not what the
archive writes.
"""

import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.foreign import reference_log, tools
from tests.foreign.verdict import Verdict
from tests.foreign.witness import add_checkpoint, cosigned_at, litewitness

pytestmark = pytest.mark.services

ORIGIN = "archive.example/log"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
VKEY = reference_log.vkey(ORIGIN, LOG_KEY)
ENTRIES = [b'{"event":%d}' % number for number in range(300)]
TREE = reference_log.tree_of(ENTRIES)
POLICY = f"log {VKEY}\nquorum none\n"
AUDITS = (tools.fsck, tools.fsckrc, tools.sumdb_audit)


def checkpoint(size: int = 300, tree: reference_log.Tree = TREE) -> bytes:
    return reference_log.checkpoint(ORIGIN, size, tree.root(size), LOG_KEY)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    reference_log.write(folder, ENTRIES, ORIGIN, LOG_KEY)
    return folder


@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_the_oracles_log_is_accepted_by_all_who_audit(size: int, tmp_path: Path) -> None:
    entries = [b'{"event":%d}' % number for number in range(size)]
    reference_log.write(tmp_path / "log", entries, ORIGIN, LOG_KEY)

    for audit in AUDITS:
        assert audit(tmp_path / "log", VKEY).accepted, audit(tmp_path / "log", VKEY)


def flipped_entry(log: Path) -> None:
    flip(log / "tile/entries/000")


def dropped_entry(log: Path) -> None:
    bundle = log / "tile/entries/001.p/44"
    bundle.write_bytes(bundle.read_bytes()[: -2 - len(ENTRIES[-1])])


def missing_bundle(log: Path) -> None:
    (log / "tile/entries/000").unlink()


def flipped_hash(log: Path) -> None:
    flip(log / "tile/0/001.p/44")


def root_of_others(log: Path) -> None:
    signed = (log / "checkpoint").read_bytes().split(b"\n")
    signed[2] = b64encode(sha256(b"other").digest())
    (log / "checkpoint").write_bytes(b"\n".join(signed))


def key_of_others(log: Path) -> None:
    signed = reference_log.checkpoint(ORIGIN, 300, TREE.root(), OTHER_KEY)
    (log / "checkpoint").write_bytes(signed)


def no_checkpoint(log: Path) -> None:
    (log / "checkpoint").unlink()


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "alter",
    [
        *(flipped_entry, dropped_entry, missing_bundle, flipped_hash),
        *(root_of_others, key_of_others, no_checkpoint),
    ],
)
def test_an_altered_log_is_rejected_by_all_who_audit(
    alter: Callable[[Path], None], log: Path
) -> None:
    alter(log)

    for audit in AUDITS:
        assert not audit(log, VKEY, seconds=5).accepted, audit


def test_only_an_older_checkpoint_shows_a_rollback_or_another_branch(
    log: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    known.write_bytes(checkpoint(290))
    for entries in (ENTRIES[:280], [b"forged", *ENTRIES[1:]]):
        other = tmp_path / f"{len(entries)}"
        reference_log.write(other, entries, ORIGIN, LOG_KEY)
        assert all(audit(other, VKEY).accepted for audit in AUDITS)
        assert not tools.sumdb_audit(other, VKEY, [known]).accepted

    assert tools.sumdb_audit(log, VKEY, [known]).accepted


def test_an_entry_is_found_where_it_is_and_nowhere_else(log: Path) -> None:
    assert tools.sumdb_inclusion(log, VKEY, 257, ENTRIES[257]).accepted
    assert not tools.sumdb_inclusion(log, VKEY, 256, ENTRIES[257]).accepted
    assert not tools.sumdb_inclusion(log, VKEY, 257, b"other").accepted
    assert not tools.sumdb_inclusion(log, VKEY, 300, b"other").accepted


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 300])
def test_a_proof_holds_for_its_entry_alone(size: int, tmp_path: Path) -> None:
    for index in {0, size // 2, size - 1}:
        path = TREE.inclusion(index, size)
        proof = reference_log.proof_file(index, path, checkpoint(size))

        for verdict in both(proof, ENTRIES[index], tmp_path):
            assert verdict.accepted, verdict
        for verdict in both(proof, b"other", tmp_path):
            assert not verdict.accepted, verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"index 5", b"index 4"),
        (b"index 5", b"index 300"),
        (b"@v1", b"@v2"),
        (b64encode(TREE.inclusion(5, 300)[2]), b64encode(bytes(32))),
        (b64encode(TREE.inclusion(5, 300)[2]) + b"\n", b""),
        (checkpoint(300), checkpoint(299)),
    ],
)
def test_an_altered_proof_is_rejected(old: bytes, new: bytes, tmp_path: Path) -> None:
    proof = reference_log.proof_file(5, TREE.inclusion(5, 300), checkpoint())
    assert proof.count(old) == 1

    for verdict in both(proof.replace(old, new), ENTRIES[5], tmp_path):
        assert not verdict.accepted, verdict


def test_torchwood_reads_a_proof_less_strictly_than_sumdb(tmp_path: Path) -> None:
    proof = reference_log.proof_file(5, TREE.inclusion(5, 300), checkpoint())
    loose = proof.replace(b"index 5", b"index 05")

    sumdb, torchwood = both(loose, ENTRIES[5], tmp_path)

    assert (sumdb.accepted, torchwood.accepted) == (False, True)


def both(proof: bytes, entry: bytes, folder: Path) -> tuple[Verdict, Verdict]:
    file = folder / "entry.tlog-proof"
    file.write_bytes(proof)
    return tools.sumdb_proof(file, VKEY, entry), tools.torchwood_proof(POLICY, entry, proof)


def test_a_witness_cosigns_what_grows_and_nothing_else(tmp_path: Path) -> None:
    with litewitness(tmp_path, [(ORIGIN, VKEY)]) as (url, witness):
        first = add_checkpoint(url, 0, [], checkpoint(200))
        assert first.status == 200, first
        assert abs(cosigned_at(checkpoint(200), first.body, witness) - time.time()) < 60
        with pytest.raises(InvalidSignature):
            cosigned_at(checkpoint(201), first.body, witness)

        fork = reference_log.tree_of([b"forged", *ENTRIES[1:]])
        answer = add_checkpoint(url, 200, fork.consistency(200, 300), checkpoint(300, fork))
        assert answer.status == 422
        answer = add_checkpoint(url, 199, TREE.consistency(199, 300), checkpoint())
        assert (answer.status, answer.kind, answer.body) == (409, "text/x.tlog.size", b"200\n")
        stranger = reference_log.checkpoint("other.example/log", 1, TREE.root(1), LOG_KEY)
        assert add_checkpoint(url, 0, [], stranger).status == 404

    with litewitness(tmp_path, [(ORIGIN, VKEY)]) as (url, again):
        assert again == witness
        grown = add_checkpoint(url, 200, TREE.consistency(200, 300), checkpoint())
        assert grown.status == 200, grown

    policy = f"log {VKEY}\nwitness lite {witness}\nquorum lite\n"
    cosigned = checkpoint() + grown.body
    proof = reference_log.proof_file(5, TREE.inclusion(5, 300), cosigned)
    assert tools.torchwood_proof(policy, ENTRIES[5], proof).accepted
    assert tools.torchwood_checkpoint(policy, cosigned).accepted
    assert not tools.torchwood_checkpoint(policy, checkpoint()).accepted

"""A proof in one file (C2SP tlog-proof): leaf index, audit path, checkpoint. Strict: one text for
one proof, so that two files that differ never say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import IntegrityError
from infrastructure.evidence import merkle
from infrastructure.evidence.notes import Note, VerifierKey, b64, parse_body, parse_note, unb64

_HEAD = "c2sp.org/tlog-proof@v1"
PROOF_HEAD = f"{_HEAD}\n".encode()
"""How every such file begins."""
_MOST = 63


@dataclass(frozen=True)
class Proof:
    """That an entry stands at an index of the log of a checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note

    @property
    def raw(self) -> bytes:
        """The bytes of the file."""
        hashes = "".join(b64(each) + "\n" for each in self.path)
        return f"{_HEAD}\nindex {self.index}\n{hashes}\n".encode() + self.checkpoint.raw


def parse_proof(raw: bytes) -> Proof:
    """The reverse; raises IntegrityError("log-proof-malformed") for anything else."""
    try:
        head, index, rest = raw.decode().split("\n", 2)
        number = index.removeprefix("index ")
        hashes: list[bytes] = []
        while not rest.startswith("\n"):
            line, _, rest = rest.partition("\n")
            hashes.append(unb64(line))
            if len(hashes) > _MOST or len(hashes[-1]) != merkle.SIZE:
                raise ValueError(line)
        if not (number.isascii() and number.isdecimal()):
            raise ValueError(index)
        proof = Proof(int(number), tuple(hashes), parse_note(rest[1:].encode()))
    except (ValueError, IntegrityError) as exc:
        raise IntegrityError("log-proof-malformed") from exc
    if head != _HEAD or proof.raw != raw:
        raise IntegrityError("log-proof-malformed")
    return proof


def check_proof(proof: Proof, entry: bytes, keys: Sequence[VerifierKey]) -> None:
    """Entry, path and checkpoint fit, and each of the keys signed the checkpoint."""
    for key in keys:
        proof.checkpoint.by(key)
    body = parse_body(proof.checkpoint.text)
    leaf = merkle.leaf_hash(entry)
    merkle.check_inclusion(leaf, proof.index, body.size, proof.path, body.root)

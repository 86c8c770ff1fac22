"""The same requests to our witness and to litewitness, both real processes, asked over HTTP by a
client that knows the specification alone. Logs and proofs are those of the oracle."""

import signal
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infrastructure.bootstrap import messages
from infrastructure.clock import SystemClock
from infrastructure.evidence.witness import LogWitness
from tests.evidence.witnessing import ours, prepared, running
from tests.foreign import reference_log, tools
from tests.foreign.witness import Answer, add_checkpoint, cosigned_at, litewitness

ORIGIN, SECOND, THIRD = (f"archive.example/log{number}" for number in (1, 2, 3))
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
ROTATED = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
LOGS = [
    *((origin, reference_log.vkey(origin, KEY)) for origin in (ORIGIN, SECOND, THIRD)),
    (ORIGIN, reference_log.vkey(ORIGIN, ROTATED)),
]
TREE = reference_log.tree_of(b'{"event":%d}' % n for n in range(3000))
FORK = reference_log.tree_of(b"fork %d" % n for n in range(3000))
SIZE = "text/x.tlog.size"
Started = Callable[[Path, Sequence[tuple[str, str]]], AbstractContextManager[tuple[str, str]]]


def checkpoint(
    size: int,
    tree: reference_log.Tree = TREE,
    *,
    origin: str = ORIGIN,
    key: Ed25519PrivateKey = KEY,
) -> bytes:
    return reference_log.checkpoint(origin, size, tree.root(size), key)


def flipped(signed: bytes) -> bytes:
    """One bit of the last signature is another one."""
    head, _, encoded = signed.rstrip(b"\n").rpartition(b" ")
    other = b"A" if encoded[60:61] != b"A" else b"B"
    return b"%b %b\n" % (head, encoded[:60] + other + encoded[61:])


def extended() -> bytes:
    text = checkpoint(1000).partition(b"\n\n")[0].decode() + "\nan extension\n"
    key = reference_log.key_id(ORIGIN, 1, KEY.public_key().public_bytes_raw())
    line = b64encode(key + KEY.sign(text.encode())).decode()
    return f"{text}\n\u2014 {ORIGIN} {line}\n".encode()


@dataclass(frozen=True)
class Case:
    """A request and what the specification answers."""

    old: int
    path: Sequence[bytes]
    signed: bytes
    status: int
    known: int | None = None
    """With a 409: the size that was cosigned last."""
    lite: int | None = None
    """What litewitness answers, where it is not what the specification says."""


PROOF = TREE.consistency(1000, 3000)
CASES = {
    "the first checkpoint": Case(0, [], checkpoint(1000), 200),
    "a wrong old size": Case(999, TREE.consistency(999, 3000), checkpoint(3000), 409, 1000),
    "as if nothing were known": Case(0, [], checkpoint(1000), 409, 1000),
    "a fork as if nothing were known": Case(0, [], checkpoint(3000, FORK), 409, 1000),
    "the same again": Case(1000, [], checkpoint(1000), 200),
    "the same by another key": Case(1000, [], checkpoint(1000, key=ROTATED), 200),
    "a fork of the same size": Case(1000, [], checkpoint(1000, FORK), 409, 1000, lite=422),
    "a fork with its own proof": Case(
        1000, FORK.consistency(1000, 3000), checkpoint(3000, FORK), 422
    ),
    "a fork with the true proof": Case(1000, PROOF, checkpoint(3000, FORK), 422),
    "no proof": Case(1000, [], checkpoint(3000), 422),
    "half a proof": Case(1000, PROOF[:-1], checkpoint(3000), 422),
    "a proof and a hash more": Case(1000, [*PROOF, PROOF[0]], checkpoint(3000), 422),
    "a proof in another order": Case(1000, PROOF[::-1], checkpoint(3000), 422),
    "a proof for the same size": Case(1000, PROOF, checkpoint(1000), 422),
    "a smaller log": Case(1000, [], checkpoint(500), 400),
    "a smaller log as it once was": Case(500, [], checkpoint(500), 409, 1000),
    "no signature": Case(
        1000, PROOF, checkpoint(3000).partition(b"\n\n")[0] + b"\n\n", 400, lite=500
    ),
    "a stranger's signature": Case(1000, PROOF, checkpoint(3000, key=STRANGER), 403),
    "an altered signature": Case(1000, PROOF, flipped(checkpoint(3000)), 403),
    "a true and an altered signature": Case(
        1000,
        PROOF,
        checkpoint(3000) + flipped(checkpoint(3000, key=ROTATED)).partition(b"\n\n")[2],
        403,
    ),
    "the signature of another checkpoint": Case(
        1000,
        PROOF,
        checkpoint(3000).partition(b"\n\n")[0] + b"\n\n" + checkpoint(999).partition(b"\n\n")[2],
        403,
    ),
    "an unknown log": Case(0, [], checkpoint(5, origin="archive.example/none"), 404),
    "another log's name": Case(0, [], checkpoint(5, origin=ORIGIN.upper()), 404),
    "sixty-four hashes": Case(1000, [bytes(32)] * 64, checkpoint(3000), 400),
    "sixty-three hashes": Case(1000, [bytes(32)] * 63, checkpoint(3000), 422),
    "a short hash": Case(1000, [*PROOF[:-1], bytes(31)], checkpoint(3000), 400),
    "nothing": Case(0, [], b"", 400, lite=404),
    "what cannot be audited": Case(1000, [], extended(), 400, lite=200),
    "a first checkpoint with a proof": Case(
        0, [bytes(32)], checkpoint(5, origin=SECOND), 422, lite=200
    ),
    "an empty log that is not empty": Case(
        0, [], reference_log.checkpoint(THIRD, 0, bytes(32), KEY), 409, 0, lite=200
    ),
    "growth": Case(1000, PROOF, checkpoint(3000), 200),
    "growth again": Case(1000, PROOF, checkpoint(3000), 409, 3000),
    "the end again": Case(3000, [], checkpoint(3000), 200),
}  # fmt: skip
"""In this order: each case finds what those before it left."""


@pytest.fixture(params=["ours", "litewitness"])
def witness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, bool]]:
    start: Started = ours if request.param == "ours" else litewitness
    with start(tmp_path / "witness", LOGS) as (url, vkey):
        yield url, vkey, request.param == "ours"


def test_it_answers_as_the_specification_says(witness: tuple[str, str, bool]) -> None:
    url, vkey, is_ours = witness
    for name, case in CASES.items():
        answer = add_checkpoint(url, case.old, case.path, case.signed)
        wanted = case.status if is_ours or case.lite is None else case.lite
        assert answer.status == wanted, (name, answer)
        if answer.status == 409:
            assert answer.kind.partition(";")[0] == SIZE, name
            assert answer.body == b"%d\n" % (case.known or 0), name
        if answer.status == 200:
            assert abs(cosigned_at(case.signed, answer.body, vkey) - time.time()) < 60, name
            with pytest.raises(InvalidSignature):
                cosigned_at(checkpoint(7), answer.body, vkey)


def test_foreign_readers_accept_the_cosigned_checkpoint(witness: tuple[str, str, bool]) -> None:
    url, vkey, _ = witness
    line = add_checkpoint(url, 0, [], checkpoint(3000)).body
    policy = f"log {LOGS[0][1]}\nwitness w {vkey}\nquorum w\n"
    assert tools.torchwood_checkpoint(policy, checkpoint(3000) + line).accepted
    assert not tools.torchwood_checkpoint(policy, checkpoint(3000)).accepted
    assert not tools.torchwood_checkpoint(policy, checkpoint(2999) + line).accepted


def posted(url: str, body: bytes, path: str = "/add-checkpoint") -> Answer:
    try:
        with urlopen(Request(url + path, body, method="POST"), timeout=20) as answer:  # noqa: S310
            return Answer(200, "", answer.read())
    except HTTPError as refused:
        with refused:
            return Answer(refused.code, "", refused.read())


def test_what_the_specification_would_not_write_is_malformed(tmp_path: Path) -> None:
    """litewitness passes over some of it, and no honest log sends it."""
    signed = checkpoint(1000)
    with ours(tmp_path / "witness", LOGS) as (url, _):
        assert posted(url, b"old 0\n\n" + signed).status == 200
        hashed = b64encode(PROOF[0]).decode()
        loose = hashed[:-2] + chr(ord(hashed[-2]) + 1) + "="  # The same bytes, written otherwise.
        for head in (
            *("", "old\n", "old \n", "old 01000\n", "old +1000\n", "old -0\n", "old 1000 \n"),
            *(" old 1000\n", "old 1000\r\n", "OLD 1000\n", "old 0x3e8\n", "old ١٠٠٠\n", "1000\n"),
            *(f"old {10**18}0\n", f"old {'9' * 5000}\n", f"old 1000\n{loose}\n", "old 1000\n!\n"),
            *(f"old 1000\n {hashed}\n", f"old 1000\n{hashed} \n", f"old 1000\n{hashed}\r\n"),
        ):
            assert posted(url, head.encode() + b"\n" + signed).status == 400, head
        for body in (
            *(b"", b"\n\n", b"old 1000\n", b"old 1000\n" + signed, b"old 1000\n\n" + signed[:-1]),
            *(b"old 1000\n\n" + signed + b"\n", b"old 1000\n\n\xff" + signed, bytes(60_000)),
            b"old 1000\n\n" + reference_log.checkpoint(ORIGIN, 1 << 63, bytes(32), KEY),
            b"old 1000\n\n" + signed.replace(b"\n1000\n", b"\n01000\n"),
        ):
            assert posted(url, body).status == 400, body[:80]
        assert posted(url, b"old 1000\n\n" + signed).status == 200


def test_it_knows_one_address(tmp_path: Path) -> None:
    with ours(tmp_path / "witness", LOGS) as (url, _):
        assert posted(url, bytes(70_000)).status == 413
        for path in ("/other", "/add-checkpoint/", "//add-checkpoint", "/"):
            assert posted(url, bytes(60_000), path).status == 404, path
        with pytest.raises(HTTPError, match="405"):
            urlopen(f"{url}/add-checkpoint", timeout=20)  # noqa: S310


def test_it_takes_no_flood(tmp_path: Path) -> None:
    """Twenty a second are served for ever; who sends all at once gets two hundred answers and as
    many as the time it took allows."""
    with ours(tmp_path / "witness", LOGS) as (url, _):
        host = urlsplit(url).netloc
        started = time.monotonic()

        def flood(_: int) -> list[int]:
            with closing(HTTPConnection(host, timeout=20)) as kept:
                seen = []
                for _ in range(150):
                    kept.request("POST", "/add-checkpoint", b"")
                    with kept.getresponse() as answer:
                        answer.read()
                    seen.append(answer.status)
                return seen

        with ThreadPoolExecutor(4) as pool:
            seen = [status for each in pool.map(flood, range(4)) for status in each]
        allowed = 200 + 20 * (time.monotonic() - started)
        assert set(seen) <= {400, 429}
        assert 200 <= seen.count(400) <= allowed + 1
        assert seen.count(429) > 0 or allowed > len(seen)  # A machine too slow to flood anything.


def opened_by(url: str, begun: bytes) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    connection.sendall(begun)
    return connection


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n",
        b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 900\r\n\r\nold",
        b"POST /other HTTP/1.1\r\nHost: w\r\nContent-Length: 900\r\n\r\nold",
        b"GET /other HTTP/1.1\r\nHost: w\r\n\r\nGET /other HTTP/1.1\r\nHost: w\r\n",
    ],
    ids=["nothing", "a head", "a body", "a body after the answer", "a second head"],
)
def test_who_begins_a_request_and_never_ends_it_is_sent_away(begun: bytes, tmp_path: Path) -> None:
    """They are as many as it holds; drop by drop they go on."""
    prepared(tmp_path / "witness", LOGS)
    patience = 3.0
    with running(tmp_path / "witness", patience) as started, ExitStack() as stack:
        began = time.monotonic()
        held = [stack.enter_context(closing(opened_by(started.url, begun))) for _ in range(100)]
        full = posted(started.url, b"").status
        is_slow = time.monotonic() - began > patience  # A machine that cannot fill it.
        # Of requests that can be answered, those that come too many are refused, and leave room.
        assert full == 503 or is_slow or b"/other" in begun
        until = time.monotonic() + 20
        for n in range(200):
            if posted(started.url, b"").status == 400 or time.monotonic() > until:
                break
            for each in held if n % 5 == 0 and begun else ():
                with suppress(OSError):
                    each.sendall(b"x")
            SystemClock().wait(0.05)
        assert posted(started.url, b"").status == 400
        for each in held:
            each.settimeout(5)
            with suppress(ConnectionResetError):
                while each.recv(65536):  # An answer perhaps, and then the end.
                    pass


def test_it_ends_when_it_is_told_to_and_remembers(tmp_path: Path) -> None:
    prepared(tmp_path / "witness", LOGS)
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)):
        with running(tmp_path / "witness") as started:
            again = add_checkpoint(started.url, 0, [], checkpoint(1000))
            if again.status == 409:
                assert again.body == b"1000\n"
                again = add_checkpoint(started.url, 1000, [], checkpoint(1000))
            assert cosigned_at(checkpoint(1000), again.body, started.vkey)
            assert started.stop(number) == code


@pytest.mark.parametrize("english", [False, True])
def test_the_proof_of_a_fork_is_kept_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, english: bool
) -> None:
    """Two checkpoints of one size, both signed by the log: nobody can explain them away."""
    prepared(tmp_path / "witness", LOGS)
    witness = LogWitness(tmp_path / "witness", messages(english=english))
    now = datetime(2026, 3, 2, 4, 5, 6, tzinfo=UTC)
    for size in (1000, 1000, 3000):
        witness.add_checkpoint(b"old 1000\n\n" + checkpoint(size), now)
    assert witness.add_checkpoint(b"old 0\n\n" + checkpoint(1000), now).status == 200
    empty = reference_log.checkpoint(THIRD, 0, bytes(32), KEY)
    assert witness.add_checkpoint(b"old 0\n\n" + empty, now).status == 409
    assert caplog.messages == []
    assert witness.forks() == []
    for days in (0, 1):  # The second time it is nothing new.
        again = now + timedelta(days=days)
        asked = b"old 1000\n\n" + checkpoint(1000, FORK)
        assert witness.add_checkpoint(asked, again).status == 409
    (told,) = caplog.messages
    assert told.startswith("2026-03-02T04:05:06Z ")
    assert ("is forked" if english else "bị tách nhánh") in told
    for fact in (ORIGIN, "1000", TREE.root(1000).hex(), FORK.root(1000).hex()):
        assert fact in told
    assert "b'" not in told
    witness.close()
    again = LogWitness(tmp_path / "witness", messages(english=english))
    (fork,) = again.forks()
    assert fork.notes == (checkpoint(1000), checkpoint(1000, FORK))
    assert (fork.size, fork.origin, fork.at) == (1000, ORIGIN, now)
    again.close()

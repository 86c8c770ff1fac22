"""Asking a witness: what it answers is checked, bounded and never believed by itself."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import ArchiveError, InvalidValueError, RuleError, UnavailableError
from domain.evidence import Checkpoint
from infrastructure.evidence.log import TiledLog, read_checkpoint
from infrastructure.evidence.notes import COSIGNATURE, VerifierKey, cosigned, parse_note
from infrastructure.evidence.notes import verifier_key as verifier_of
from infrastructure.evidence.witnesses import HttpWitness
from tests.evidence.logs import KEY as LOG_KEY
from tests.evidence.logs import ORIGIN, VERIFIER, Place
from tests.evidence.witnessing import ours
from tests.foreign.witness import litewitness

KEY = Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
NAME = "witness.example/scripted"
WITNESS = verifier_of(NAME, KEY, COSIGNATURE)
Start = Callable[[Path, Sequence[tuple[str, str]]], AbstractContextManager[tuple[str, str]]]
LOGS = [(ORIGIN, VERIFIER.text)]


def grown(place: Place, count: int) -> tuple[TiledLog, Checkpoint]:
    place.entries.count = count
    log = place.open()
    checkpoint = log.sync()
    assert checkpoint is not None
    return log, checkpoint


@pytest.mark.parametrize("start", [ours, pytest.param(litewitness, marks=pytest.mark.services)])
def test_a_log_is_cosigned_as_it_grows(start: Start, tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    with start(tmp_path / "witness", LOGS) as (url, vkey):
        witness = HttpWitness(VerifierKey.parse(vkey), url)
        assert (witness.key, witness.name) == (vkey, vkey.partition("+")[0])
        for count in (1, 2, 300, 300, 1000):
            log, checkpoint = grown(place, count)
            line = witness.cosign(checkpoint, log.consistency)
            parse_note(checkpoint.note + line.encode()).by(VerifierKey.parse(vkey))
            # One that knows nothing learns from the witness how far it is.
            again = HttpWitness(VerifierKey.parse(vkey), f"{url}/").cosign(
                checkpoint, log.consistency
            )
            parse_note(checkpoint.note + again.encode()).by(VerifierKey.parse(vkey))


@pytest.mark.parametrize("start", [ours, pytest.param(litewitness, marks=pytest.mark.services)])
def test_a_fork_a_rollback_and_a_stranger_are_refused(start: Start, tmp_path: Path) -> None:
    place, other = Place(tmp_path / "place"), Place(tmp_path / "other")
    other.entries.altered[7] = b"forged"
    with start(tmp_path / "witness", LOGS) as (url, vkey):
        witness = HttpWitness(VerifierKey.parse(vkey), url)
        log, older = grown(place, 100)
        _, newest = grown(place, 200)
        witness.cosign(newest, log.consistency)
        for count, code in ((200, "witness-forked"), (300, "witness-unproved")):
            forked, fork = grown(other, count)
            for asker in (witness, HttpWitness(VerifierKey.parse(vkey), url)):
                with pytest.raises(RuleError, match=code):
                    asker.cosign(fork, forked.consistency)
        for asker in (witness, HttpWitness(VerifierKey.parse(vkey), url)):
            with pytest.raises(RuleError, match="witness-ahead") as ahead:
                asker.cosign(older, log.consistency)
            assert ahead.value.details["seen"] == 200
        unknown = Checkpoint("x", 5, "00" * 32, older.note.replace(b"archive", b"anarchy"))
        with pytest.raises(RuleError, match="witness-refused"):
            witness.cosign(unknown, log.consistency)
        log, newest = grown(place, 250)
        witness.cosign(newest, log.consistency)  # It goes on for the true log.


@contextmanager
def scripted(*answers: tuple[int, str, bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers, the last one for ever; and what it was asked."""
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, kind, body = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "http://127.0.0.1:1/add-checkpoint")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url, asked


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[TiledLog, Checkpoint]:
    return grown(Place(tmp_path_factory.mktemp("log")), 100)


def line_of(checkpoint: Checkpoint, key: Ed25519PrivateKey = KEY, name: str = NAME) -> bytes:
    return cosigned(parse_note(checkpoint.note).text, name, key, 1_700_000_000).text.encode()


def test_lines_of_others_are_passed_over(log: tuple[TiledLog, Checkpoint]) -> None:
    mine, other = line_of(log[1]), line_of(log[1], Ed25519PrivateKey.generate(), "other")
    with scripted((200, "text/plain", other + mine)) as (url, asked):
        assert HttpWitness(WITNESS, url).cosign(log[1], log[0].consistency) == mine.decode()
    assert asked == [b"old 0\n\n" + log[1].note]


def test_a_witness_is_asked_again_once(log: tuple[TiledLog, Checkpoint]) -> None:
    mine = line_of(log[1])
    with scripted((409, "text/x.tlog.size", b"60\n"), (200, "", mine)) as (url, asked):
        witness = HttpWitness(WITNESS, url)
        assert witness.cosign(log[1], log[0].consistency) == mine.decode()
        assert [each.partition(b"\n")[0] for each in asked] == [b"old 0", b"old 60"]
        assert witness.cosign(log[1], log[0].consistency) == mine.decode()
        assert asked[2] == b"old 100\n\n" + log[1].note
    with scripted((409, "text/x.tlog.size", b"60\n")) as (url, asked):
        with pytest.raises(RuleError, match="witness-refused"):
            HttpWitness(WITNESS, url).cosign(log[1], log[0].consistency)
        assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "kind", "body", "code"),
    [
        *((s, "", b"", "witness-refused") for s in (400, 403, 404, 409, 422, 301, 302, 307, 204)),
        *((s, "", b"", "witness-unavailable") for s in (429, 500, 502, 503)),
        *(
            (409, "text/x.tlog.size", body, "witness-answer-wrong")
            for body in (b"", b"-1\n", b"1e9\n", b"9" * 5000, "٣\n".encode(), b" 60\n", b"60\n\n")
        ),
        (409, "text/x.tlog.size", b"101\n", "witness-ahead"),
        (409, "text/x.tlog.size", b"100\n", "witness-forked"),
        (409, "text/x.tlog.size", b"99\n", "witness-refused"),
        *(
            (200, "text/plain", body, "witness-answer-wrong")
            for body in (b"", b"\n", b"\xff\n", b"<html>\n", b"a" * 9000, b"\xe2\x80\x94 a b\n")
        ),
    ],
)
def test_no_answer_is_believed_for_its_own_sake(
    log: tuple[TiledLog, Checkpoint], status: int, kind: str, body: bytes, code: str
) -> None:
    with scripted((status, kind, body)) as (url, _), pytest.raises(ArchiveError) as refused:
        HttpWitness(WITNESS, url).cosign(log[1], log[0].consistency)
    assert refused.value.code == code


def test_a_signature_that_is_not_its_own_is_not_kept(log: tuple[TiledLog, Checkpoint]) -> None:
    other = Ed25519PrivateKey.generate()
    earlier = read_checkpoint(log[1].note.replace(b"\n100\n", b"\n99\n"))
    mine = line_of(log[1])
    for answer in (
        line_of(log[1], other),
        line_of(log[1], KEY, "witness.example/other"),
        line_of(earlier),
        mine[:-1],
        mine + b"\n",
        mine.replace("—".encode(), b"-"),
        b"\n" + mine,
    ):
        wrong = pytest.raises(UnavailableError, match="witness-answer-wrong")
        with scripted((200, "text/plain", answer)) as (url, _), wrong:
            HttpWitness(WITNESS, url).cosign(log[1], log[0].consistency)


def test_each_log_has_a_memory_of_its_own(tmp_path: Path) -> None:
    """A log that follows one that was ended is smaller, and nothing is wrong with it."""
    following = verifier_of(f"{ORIGIN}~2", LOG_KEY)
    with ours(tmp_path / "witness", [*LOGS, (following.name, following.text)]) as (url, vkey):
        witness = HttpWitness(VerifierKey.parse(vkey), url)
        log, checkpoint = grown(Place(tmp_path / "place"), 100)
        witness.cosign(checkpoint, log.consistency)
        log, checkpoint = grown(Place(tmp_path / "next", origin=following.name), 50)
        witness.cosign(checkpoint, log.consistency)


def test_a_lie_about_the_size_does_not_last(log: tuple[TiledLog, Checkpoint]) -> None:
    mine = line_of(log[1])
    lie = (409, "text/x.tlog.size", b"9" * 19 + b"\n")
    with scripted(lie, (200, "text/plain", mine)) as (url, _):
        witness = HttpWitness(WITNESS, url)
        with pytest.raises(RuleError, match="witness-ahead"):
            witness.cosign(log[1], log[0].consistency)
        assert witness.cosign(log[1], log[0].consistency) == mine.decode()


class Dripping(BaseHTTPRequestHandler):
    """A byte now and then, for as long as somebody listens."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n")
        try:
            for _ in range(200):
                self.wfile.write(b"a")
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


class Broken(Dripping):
    """No HTTP at all."""

    def do_POST(self) -> None:
        self.wfile.write(b"\x15\x03\x01\r\n\r\n")


def test_a_slow_or_broken_witness_holds_nobody_up(log: tuple[TiledLog, Checkpoint]) -> None:
    def ask(url: str, seconds: float = 0.5) -> None:
        with pytest.raises(UnavailableError, match="witness-unavailable"):
            HttpWitness(WITNESS, url, seconds=seconds).cosign(log[1], log[0].consistency)

    started = time.monotonic()
    with serving(Dripping) as url:
        ask(url)
        assert time.monotonic() - started < 4
        ask(url.replace("http://", "https://"))  # It speaks no TLS.
    with serving(Broken) as url:
        ask(url)
    ask(url)  # Nobody listens any more.
    ask("https://witness.invalid/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "witness.example", "ftp://127.0.0.1", "file:///etc/passwd", "http://", "https://"),
        *("http://witness.example", "http://127.0.0.1.example", "http://127.0.0.1:99999"),
        *("https://a@b.example", "https://a.example/?q", "https://a.example/#f", "https://ă.vn"),
        *("http://localhost@witness.example", "https://a.example/ b", "https://[::1"),
    ],
)
def test_only_https_or_this_machine_is_asked(url: str) -> None:
    with pytest.raises(InvalidValueError, match="witness-url"):
        HttpWitness(WITNESS, url)


def test_proofs_begin_where_the_witness_is(tmp_path: Path) -> None:
    """The witness that is ahead of an older process has the newest size."""
    place = Place(tmp_path / "place")
    with ours(tmp_path / "witness", LOGS) as (url, vkey):
        slow, fast = (HttpWitness(VerifierKey.parse(vkey), url) for _ in range(2))
        asked: list[tuple[int, int]] = []

        def counted(log: TiledLog) -> Callable[[int, int], Sequence[bytes]]:
            def consistency(old: int, size: int) -> Sequence[bytes]:
                asked.append((old, size))
                return log.consistency(old, size)

            return consistency

        for asker, count in ((slow, 10), (fast, 20), (fast, 30), (slow, 40)):
            log, checkpoint = grown(place, count)
            asker.cosign(checkpoint, counted(log))
        assert asked == [(0, 10), (0, 20), (10, 20), (20, 30), (10, 40), (30, 40)]

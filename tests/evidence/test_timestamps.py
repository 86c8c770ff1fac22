"""Time-stamp authorities: what is accepted is what openssl accepts, and nothing else is."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from socket import SHUT_RDWR
from socketserver import BaseRequestHandler, TCPServer
from threading import Event, Thread
from typing import Any

import pytest
from asn1crypto import tsp  # type: ignore[import-untyped]

from domain.errors import ArchiveError, IntegrityError, UnavailableError
from domain.evidence import Dated
from infrastructure.clock import SystemClock
from infrastructure.evidence.posting import may_be_asked, post
from infrastructure.evidence.timestamps import Rfc3161Authority
from tests.evidence.authorities import SOON, Authorities, running
from tests.foreign.tools import openssl_ts
from tests.services import free_port

NOTE = b"archive.example/log1\n4711\nq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=\n\n"
MOMENT = timedelta(seconds=5)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with running(tmp_path_factory.mktemp("authorities")) as started:
        yield started


@pytest.fixture
def named(authorities: Authorities, tmp_path: Path) -> Iterator[Callable[..., Rfc3161Authority]]:
    """The adapter for an authority, believed by the roots that a test names."""

    def make(name: str, *roots: str, url: str | None = None) -> Rfc3161Authority:
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(authorities.pem(*(roots or ("root-a", "root-b"))))
        return Rfc3161Authority(name, url or authorities.url(name), bundle)

    yield make
    authorities.requests.clear()
    authorities.answers.clear()


Named = Callable[..., Rfc3161Authority]


def bare(reply: bytes) -> bytes:
    """The token alone, as `openssl_ts` wants it."""
    found: bytes = tsp.TimeStampResp.load(reply)["time_stamp_token"].dump()
    return found


@pytest.mark.parametrize(("name", "root"), [("one", "root-a"), ("two", "root-b")])
def test_a_token_is_kept_as_it_came_and_openssl_accepts_it(
    authorities: Authorities, named: Named, name: str, root: str
) -> None:
    before = SystemClock().now()
    dated = named(name).date(NOTE)

    assert abs(dated.at - before) < MOMENT
    assert dated.until - before > timedelta(days=2900)
    assert named(name).check(NOTE, dated.token) == dated
    ca, other = authorities.pem(root), authorities.pem({"one": "root-b"}.get(name, "root-a"))
    assert openssl_ts(NOTE, bare(dated.token), ca).accepted
    assert not openssl_ts(NOTE + b"\n", bare(dated.token), ca).accepted
    assert not openssl_ts(NOTE, bare(dated.token), other).accepted


def test_it_is_known_when_the_certificate_ends(named: Named) -> None:
    left = named("soon").date(NOTE).until - SystemClock().now()
    assert SOON - timedelta(minutes=10) < left <= SOON


def test_another_content_another_root_and_a_certificate_for_other_things_are_refused(
    named: Named,
) -> None:
    token = named("one").date(NOTE).token
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("one").check(NOTE + b"\n", token)
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("one", "root-b").check(NOTE, token)
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("one", "root-b").date(NOTE)
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("signer").date(NOTE)


def other_nonce(question: tsp.TimeStampReq) -> None:
    question["nonce"] = question["nonce"].native + 1


def other_digest(question: tsp.TimeStampReq) -> None:
    question["message_imprint"]["hashed_message"] = bytes(64)


def no_nonce(question: tsp.TimeStampReq) -> None:
    question["nonce"] = None


@pytest.mark.parametrize("change", [other_nonce, other_digest, no_nonce])
def test_a_soundly_signed_answer_to_another_question_is_refused(
    authorities: Authorities, named: Named, change: Callable[[tsp.TimeStampReq], None]
) -> None:
    authorities.requests["one"] = change
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("one").date(NOTE)


def test_a_token_without_its_certificate_is_refused(named: Named) -> None:
    reply = tsp.TimeStampResp.load(named("one").date(NOTE).token)
    reply["time_stamp_token"]["content"]["certificates"] = []
    with pytest.raises(IntegrityError, match="time-token-wrong"):
        named("one").check(NOTE, reply.dump(force=True))


def test_whatever_byte_is_altered_it_agrees_with_openssl(
    authorities: Authorities, named: Named
) -> None:
    """Few bytes of such a token are not signed (a version, the name of an algorithm); whoever
    alters them changes nothing of what it says."""
    authority, token = named("one"), named("one").date(NOTE).token
    whole = authority.check(NOTE, token)
    passed = []
    for at in range(len(token)):
        altered = bytearray(token)
        altered[at] ^= 0x80 if at % 2 else 1
        said = checked(authority, bytes(altered))
        if said is not None:
            assert (said.at, said.until) == (whole.at, whole.until)
            passed.append(bytes(altered))
    assert len(passed) < 20
    for each in passed:
        assert openssl_ts(NOTE, bare(each), authorities.pem("root-a")).accepted
    for cut in range(0, len(token), 7):
        assert checked(authority, token[:cut]) is None
    assert checked(authority, token + b"\0") is None


def checked(authority: Rfc3161Authority, token: bytes) -> Dated | None:
    """What it says of the note; None when it is refused, in the one way that refusals have."""
    try:
        return authority.check(NOTE, token)
    except IntegrityError:
        return None


def answering(status: str, kind: str, content: bytes, **headers: str) -> Any:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start(status, [("Content-Type", kind), *headers.items()])
        return [content]

    return app


REPLY = "application/timestamp-reply"
REFUSAL = bytes.fromhex("30053003020102")
"""A response whose status is 2, rejection, without a token."""


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answering("200 OK", REPLY, bytes(70_000)), "outsider-answer-too-large"),
        (answering("200 OK", REPLY, b"no token"), "time-token-malformed"),
        (answering("200 OK", REPLY, b""), "time-token-malformed"),
        (answering("200 OK", REPLY, REFUSAL), "authority-rejected"),
        (answering("400 Bad Request", REPLY, REFUSAL), "authority-rejected"),
        (answering("500 Broken", REPLY, b"no token"), "authority-refused"),
        (answering("500 Broken", "text/html", REFUSAL), "authority-refused"),
        (answering("200 OK", "text/html", b"<p>Welcome"), "authority-refused"),
        (answering("500 Broken", REPLY, b""), "authority-refused"),
        (answering("302 Found", REPLY, b"", Location="/test/tsa/two"), "authority-refused"),
    ],
)
def test_an_answer_that_is_no_token_has_a_name(
    authorities: Authorities, named: Named, answer: Any, code: str
) -> None:
    authorities.answers["one"] = answer
    authorities.asked.clear()
    with pytest.raises(ArchiveError) as caught:
        named("one").date(NOTE)
    assert caught.value.code == code
    assert authorities.asked == ["one"]


def refusal(words: list[str] | None, *failures: str) -> bytes:
    info: dict[str, Any] = {"status": "rejection", "status_string": words}
    if failures:
        info["fail_info"] = set(failures)
    content: bytes = tsp.PKIStatusInfo(info).dump()
    size = len(content)
    return (b"\x30\x82%b" % size.to_bytes(2) if size > 127 else bytes([0x30, size])) + content


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (refusal(None), "-"),
        (refusal(None, "bad_alg"), "badAlg"),
        (refusal(None, "system_failure"), "systemFailure"),
        (
            refusal(["không nhận", "hết\nhạn \x1b[2J\u202e"], "bad_request", "time_not_available"),
            "badRequest; timeNotAvailable; không nhận; hết hạn [2J",
        ),
        (refusal(["x" * 900]), "x" * 200),
    ],
)
def test_why_an_authority_says_no_is_told(
    authorities: Authorities, named: Named, status: str, content: bytes, why: str
) -> None:
    authorities.answers["one"] = answering(status, REPLY, content)
    with pytest.raises(UnavailableError, match="authority-rejected") as caught:
        named("one").date(NOTE)
    assert caught.value.details == {"name": "one", "status": 2, "why": why}


def test_a_token_with_modifications_is_called_so(authorities: Authorities, named: Named) -> None:
    reply = tsp.TimeStampResp.load(named("one").date(NOTE).token)
    reply["status"]["status"] = "granted_with_mods"
    authorities.answers["one"] = answering("200 OK", REPLY, reply.dump(force=True))
    with pytest.raises(UnavailableError, match="authority-modified") as caught:
        named("one").date(NOTE)
    assert caught.value.details == {"name": "one", "why": "-"}


def test_a_granted_token_under_another_status_is_not_taken(
    authorities: Authorities, named: Named
) -> None:
    token = named("one").date(NOTE).token
    authorities.answers["one"] = answering("500 Broken", REPLY, token)
    with pytest.raises(UnavailableError, match="authority-refused"):
        named("one").date(NOTE)


def test_nobody_is_asked_whose_answer_could_not_be_checked(
    authorities: Authorities, named: Named
) -> None:
    authority = named("one")
    authorities.asked.clear()
    authority.bundle.write_bytes(b"no certificate")
    with pytest.raises(UnavailableError, match="authority-roots-unreadable"):
        authority.date(NOTE)
    authority.bundle.unlink()
    with pytest.raises(UnavailableError, match="authority-roots-unreadable"):
        authority.date(NOTE)
    with pytest.raises(UnavailableError, match="authority-roots-unreadable"):
        _ = authority.roots
    assert authorities.asked == []


# ---------------------------------------------------------------- the wire


class Cutting(BaseRequestHandler):
    """Promises more than it sends, or sends it very slowly."""

    slow = Event()
    ended = Event()

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 1000\r\n\r\n"
        )
        self.request.sendall(b"a" * 500)
        for _ in range(400):
            if not self.slow.is_set() or self.ended.wait(0.05):
                break
            try:
                self.request.sendall(b"a")
            except OSError:
                break
        self.request.shutdown(SHUT_RDWR) if not self.slow.is_set() else None


@pytest.fixture
def cutting() -> Iterator[str]:
    Cutting.slow.clear()
    Cutting.ended.clear()
    with TCPServer(("127.0.0.1", 0), Cutting) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
        Cutting.ended.set()
        server.shutdown()
        thread.join()


def test_a_connection_that_is_cut_gives_nothing(cutting: str) -> None:
    with pytest.raises(UnavailableError, match="outsider-unreachable"):
        post(cutting, NOTE, "application/timestamp-query")


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(cutting: str) -> None:
    Cutting.slow.set()
    before = SystemClock().now()
    with pytest.raises(UnavailableError, match="outsider-unreachable"):
        post(cutting, NOTE, "application/timestamp-query", seconds=0.5)
    assert SystemClock().now() - before < MOMENT


class Chunking(BaseRequestHandler):
    """Answers in chunks, the first of an odd length."""

    first = b""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with suppress(OSError):
            self.request.sendall(self.first + b"\r\n" + b"a" * 300_000 + b"\r\n0\r\n\r\n")


@pytest.fixture
def chunking() -> Iterator[str]:
    with TCPServer(("127.0.0.1", 0), Chunking) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("first", [b"-1", b"-5", b"-fffff", b"x", b"493e0", b"fffffffffffff"])
def test_chunks_of_any_length_are_no_way_past_the_limit(chunking: str, first: bytes) -> None:
    """Found once: a length below zero was read without end, or raised what nobody expected."""
    Chunking.first = first
    with pytest.raises(UnavailableError, match=r"outsider-(unreachable|answer-too-large)"):
        post(chunking, NOTE, "application/timestamp-query", seconds=2)


def test_an_answer_in_chunks_is_read(chunking: str) -> None:
    Chunking.first = b"5\r\nhello\r\n0\r\n"
    assert post(chunking, NOTE, "application/timestamp-query").content == b"hello"


def test_where_nobody_listens_it_is_said(named: Named) -> None:
    authority = named("one", url=f"http://127.0.0.1:{free_port()}/tsa")
    with pytest.raises(UnavailableError, match="outsider-unreachable"):
        authority.date(NOTE)


def test_a_name_that_nobody_can_have_is_not_reached() -> None:
    with pytest.raises(UnavailableError, match="outsider-unreachable"):
        post("https://tsa..example/", NOTE, "application/timestamp-query")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://tsa.example.gov.vn/rfc3161?x=1", True),
        ("http://127.0.0.1:8000/", True),
        ("http://localhost", True),
        ("http://tsa.example.gov.vn/", False),
        ("http://127.0.0.1.example.vn/", False),
        ("https://user:word@tsa.example.gov.vn/", False),
        ("https://tsa.example.gov.vn:99999/", False),
        ("https://tsa..example/", False),
        (f"https://{'a' * 64}.example/", False),
        ("https://", False),
        ("ftp://127.0.0.1/", False),
        ("", False),
    ],
)
def test_only_safe_addresses_are_asked(url: str, *, fine: bool) -> None:
    assert may_be_asked(url) is fine

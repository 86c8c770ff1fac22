"""Other people's witnesses, asked over HTTP (C2SP tlog-witness)."""

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from domain.errors import IntegrityError, InvalidValueError, RuleError, UnavailableError
from domain.evidence import Checkpoint
from infrastructure.evidence.notes import VerifierKey, b64, parse_note
from infrastructure.evidence.posting import Reply, may_be_asked, post

_SECONDS = 10.0
"""For connecting, and as much for the question and the whole of its answer."""
_LARGEST = 8192
"""Bytes of an answer."""
_TOO_BUSY = 429
_SIZE = "text/x.tlog.size"


class HttpWitness:
    """The port Witness. It remembers what the witness cosigned last of each log as long as the
    process lives; when that is not so any more, the witness says it."""

    def __init__(self, key: VerifierKey, url: str, *, seconds: float = _SECONDS) -> None:
        """Raises InvalidValueError("witness-url") unless it is https, or http on this machine."""
        self._key = key
        if not may_be_asked(url) or urlsplit(url).query:
            raise InvalidValueError("witness-url", witness=key.name)
        self._url = f"{url.rstrip('/')}/add-checkpoint"
        self._seconds = seconds
        self._known: dict[str, int] = {}
        """By origin: a log that follows another one begins anew."""

    @property
    def name(self) -> str:
        """See the port."""
        return self._key.name

    @property
    def key(self) -> str:
        """See the port."""
        return self._key.text

    def cosign(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> str:
        """See the port."""
        answer = self._ask(checkpoint, consistency)
        if (answer.status, answer.kind) == (409, _SIZE):
            # It says what it cosigned last, and is asked once more.
            self._known[checkpoint.origin] = self._size(answer)
            answer = self._ask(checkpoint, consistency)
        if answer.status == 200:
            line = self._line(checkpoint, answer.content)
            self._known[checkpoint.origin] = checkpoint.size
            return line
        if answer.status == _TOO_BUSY or answer.status >= 500:
            raise UnavailableError("witness-unavailable", witness=self.name)
        raise self._refusal(checkpoint, answer)

    def _refusal(self, checkpoint: Checkpoint, answer: Reply) -> RuleError:
        """What it means that it does not sign, when it was asked from the size on that it named."""
        status, size = answer.status, checkpoint.size
        known = self._known.get(checkpoint.origin, 0)
        named = self._size(answer) if (status, answer.kind) == (409, _SIZE) else None
        if known == size and (named == size or (status == 422 and known)):
            # It can only mean the root.
            return RuleError("witness-forked", witness=self.name, size=size, status=status)
        if status == 422 and known:
            return RuleError("witness-unproved", witness=self.name, size=size, seen=known)
        return RuleError("witness-refused", witness=self.name, status=status)

    def _ask(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> Reply:
        known = self._known.get(checkpoint.origin, 0)
        if known > checkpoint.size:
            del self._known[checkpoint.origin]  # The next question is not bound by this answer.
            raise RuleError("witness-ahead", witness=self.name, seen=known, size=checkpoint.size)
        path = consistency(known, checkpoint.size)
        hashes = "".join(f"{b64(each)}\n" for each in path)
        return self._post(f"old {known}\n{hashes}\n".encode() + checkpoint.note)

    def _size(self, answer: Reply) -> int:
        number = answer.content.decode("latin-1").removesuffix("\n")
        if not (number.isascii() and number.isdecimal()) or len(number) > 19:
            raise UnavailableError("witness-answer-wrong", witness=self.name)
        return int(number)

    def _line(self, checkpoint: Checkpoint, answer: bytes) -> str:
        """Its own line among those of the answer, the signature checked."""
        text = parse_note(checkpoint.note).text
        try:
            return parse_note(f"{text}\n".encode() + answer).by(self._key).text
        except IntegrityError as exc:
            raise UnavailableError("witness-answer-wrong", witness=self.name) from exc

    def _post(self, content: bytes) -> Reply:
        try:
            reply = post(self._url, content, "application/octet-stream", seconds=self._seconds)
        except UnavailableError as exc:
            raise UnavailableError("witness-unavailable", witness=self.name) from exc
        if len(reply.content) > _LARGEST:
            raise UnavailableError("witness-answer-wrong", witness=self.name)
        return reply

"""The log's key beside the archive's other keys.

<keys>/log.vkey            the verifier key; its name is the log's origin
<keys>/log.key.pem         the Ed25519 key that signs checkpoints, PKCS #8
<keys>/log.next.key.pem    the key that follows it, under the same origin or that of the next log
<keys>/retired/log-ID.vkey verifier keys that were

The next key signs as soon as an event has introduced it, and the one before it signs once more
beside it: whoever knows only that one sees by this checkpoint that the log is still the same. The
first key of a log that follows an ended one signs alone from the beginning.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import IntegrityError, InvalidValueError, UnavailableError
from domain.evidence import Checkpoint
from domain.keyring import is_numbered
from infrastructure.evidence.notes import VerifierKey, is_name, parse_note, verifier_key
from infrastructure.folders import alone, put_private, sync
from infrastructure.objects.streams import disk_faults

KEY, VERIFIER = "log.key.pem", "log.vkey"
_NEXT, _RETIRED = "log.next.key.pem", "retired"
Signers = tuple[str, tuple[Ed25519PrivateKey, ...]]
"""The origin and the keys that sign the next checkpoint; the last one is the log's key."""


def default_origin(archive: str) -> str:
    """What a log is called that nobody named: as unique as the archive."""
    return f"chauban/{archive}"


def ensure(directory: Path, origin: str) -> None:
    """A new key under an origin, unless there is one; an older archive gets its own this way."""
    if not is_name(origin):
        raise InvalidValueError("invalid-setting", name="CHAUBAN_LOG_ORIGIN")
    with alone(directory), disk_faults():
        if (directory / KEY).exists():
            return
        if is_numbered(origin):  # The log that follows gets such a name.
            raise InvalidValueError("log-origin-numbered", origin=origin)
        key = Ed25519PrivateKey.generate()
        # The key last: where it is, the other one is, too.
        put_private(directory / VERIFIER, verifier_key(origin, key).text.encode() + b"\n")
        put_private(directory / KEY, _pem(key))


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load(directory: Path) -> tuple[str, Ed25519PrivateKey]:
    """Origin and key; raises UnavailableError."""
    try:
        return _loaded(directory)
    except UnavailableError:  # Another process may have been promoting the next key.
        return _loaded(directory)


def _loaded(directory: Path) -> tuple[str, Ed25519PrivateKey]:
    key = _private(directory / KEY)
    public = _public(directory)
    if verifier_key(public.name, key) != public:
        _require_next(directory, public)
    return public.name, key


def _public(directory: Path) -> VerifierKey:
    try:
        return VerifierKey.parse((directory / VERIFIER).read_text())
    except FileNotFoundError as exc:
        raise UnavailableError("key-missing", file=VERIFIER) from exc
    except OSError as exc:
        raise UnavailableError("key-unreadable", file=VERIFIER) from exc
    except (ValueError, InvalidValueError) as exc:
        raise UnavailableError("key-damaged") from exc


def origin_of(directory: Path) -> str:
    """The log's name in the world."""
    return _public(directory).name


def _require_next(directory: Path, public: VerifierKey) -> None:
    """In the middle of `_promote` the verifier key is ahead of the key."""
    if not (directory / _NEXT).exists() or public != verifier_key(
        public.name, _private(directory / _NEXT)
    ):
        raise UnavailableError("key-damaged")


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError as exc:
        raise UnavailableError("key-missing", file=path.name) from exc
    except OSError as exc:
        raise UnavailableError("key-unreadable", file=path.name) from exc
    except (ValueError, TypeError) as exc:
        raise UnavailableError("key-damaged") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise UnavailableError("key-damaged")
    return key


def signers(
    directory: Path,
    introduced: Callable[[], str],
    newest: Callable[[], Checkpoint | None],
) -> Signers:
    """Who signs the next checkpoint. `introduced` tells the newest verifier key that an event has
    introduced, `newest` the newest checkpoint; they are asked during a rotation alone."""
    waiting = (directory / _NEXT).exists()  # Asked first: what is promoted meanwhile is noticed.
    origin, key = load(directory)
    if not waiting and not (directory / _NEXT).exists():  # Nor was one made meanwhile.
        return origin, (key,)
    try:
        following = _private(directory / _NEXT)
    except UnavailableError:
        if (directory / _NEXT).exists():
            raise
        origin, key = load(directory)  # Another process was promoting it.
        return origin, (key,)
    told = VerifierKey.parse(introduced())
    public = verifier_key(told.name, following)
    if told != public:
        return origin, (key,)
    # A log of another name has no checkpoint of its own yet; a promotion that began is ended.
    is_beginning = public.name != origin or public == _public(directory)
    if not is_beginning and not _is_published(newest, public):
        return origin, (key, following)
    _promote(directory, public)
    return public.name, (following,)


def is_held(directory: Path, key: str) -> bool:
    """True for the verifier key of a private key that is here."""
    origin, present = load(directory)
    held = [present, *([_private(directory / _NEXT)] if (directory / _NEXT).exists() else [])]
    return key in [verifier_key(origin, each).text for each in held]


def prepare(directory: Path) -> VerifierKey:
    """The verifier key of the key that shall follow, durable; one that a rotation left behind is
    used again. The caller is alone in rotating."""
    origin, _ = load(directory)
    if not (directory / _NEXT).exists():
        _make_next(directory)
    return verifier_key(origin, _private(directory / _NEXT))


def prepare_new_log(directory: Path, origin: str, known: Sequence[str]) -> VerifierKey:
    """The same for a log of another origin. A key that waits for its first checkpoint in a log
    that will have none is not one of its own: another one takes its place."""
    present, _ = load(directory)
    waiting = (directory / _NEXT).exists()
    if not waiting or verifier_key(present, _private(directory / _NEXT)).text in known:
        _make_next(directory)
    return verifier_key(origin, _private(directory / _NEXT))


def _make_next(directory: Path) -> None:
    with disk_faults():
        put_private(directory / _NEXT, _pem(Ed25519PrivateKey.generate()))


def _is_published(newest: Callable[[], Checkpoint | None], key: VerifierKey) -> bool:
    """True when a key signed the newest checkpoint; one that cannot be read is as good as none."""
    try:
        checkpoint = newest()
        if checkpoint is None:
            return False
        parse_note(checkpoint.note).by(key)
    except IntegrityError:
        return False
    return True


def _promote(directory: Path, public: VerifierKey) -> None:
    """The old verifier key is kept, the new one and its key take their places; a crash in between
    is repaired by doing it again."""
    with alone(directory), disk_faults():
        if not (directory / _NEXT).exists():
            return
        old = _public(directory)
        if old != public:
            kept = directory / _RETIRED / f"log-{old.id.hex()}.vkey"
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            put_private(kept, old.text.encode() + b"\n")
            put_private(directory / VERIFIER, public.text.encode() + b"\n")
        (directory / _NEXT).rename(directory / KEY)
        sync(directory)


def verifier_of(directory: Path) -> VerifierKey:
    """The public half, whose name is the origin."""
    origin, key = load(directory)
    return verifier_key(origin, key)

"""A signing key in a PKCS#11 token, named by an RFC 7512 URI. The only user of `pkcs11`.

pkcs11:token=LABEL;object=LABEL?module-path=/…/library.so&pin-source=file:/…/pin

The PIN stands in a file of its own, never in the URI, the environment or a message. A token is
logged in once for a process: the library keeps that state for all sessions together.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar, cast
from urllib.parse import unquote

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, exceptions
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from domain.errors import InvalidValueError, UnavailableError

if TYPE_CHECKING:
    from pkcs11 import _pkcs11

SCHEME = "pkcs11:"
T = TypeVar("T")
_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NoSuchToken, "token-missing"),
    (exceptions.TokenNotPresent, "token-missing"),
    (exceptions.TokenNotRecognised, "token-missing"),
    (exceptions.PinIncorrect, "token-pin-wrong"),
    (exceptions.PinInvalid, "token-pin-wrong"),
    (exceptions.PinLenRange, "token-pin-wrong"),
    (exceptions.PinLocked, "token-pin-locked"),
    (exceptions.NoSuchKey, "token-key-missing"),
    (exceptions.MultipleObjectsReturned, "token-key-ambiguous"),
)
_LOST = (
    exceptions.SessionHandleInvalid,
    exceptions.SessionClosed,
    exceptions.DeviceRemoved,
    exceptions.DeviceError,
    exceptions.KeyHandleInvalid,
    exceptions.ObjectHandleInvalid,
    exceptions.UserNotLoggedIn,
)
"""What a token says that was away for a moment: a new session may do."""


@dataclass(frozen=True)
class KeyUri:
    """Where a key is."""

    text: str
    module: Path
    token: str
    object: str
    pin: Path
    """The file that holds the PIN in its first line."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the URI; InvalidValueError names what it lacks or must not hold."""
        path, _, query = text.removeprefix(SCHEME).partition("?")
        said: dict[str, str] = {}
        for part in [*path.split(";"), *(query.split("&") if query else ())]:
            name, _, value = part.partition("=")
            said[name] = unquote(value)
        pin = said.pop("pin-source", "").removeprefix("file:").removeprefix("//")
        wanted = {name: said.pop(name, "") for name in ("module-path", "token", "object")}
        if not text.startswith(SCHEME) or said or not pin or not all(wanted.values()):
            raise InvalidValueError("invalid-key-uri")
        return cls(text, Path(wanted["module-path"]), wanted["token"], wanted["object"], Path(pin))


class TokenKey(ec.EllipticCurvePrivateKey):
    """A P-256 key that never leaves its token. The token is asked for with the first signature."""

    curve = ec.SECP256R1()
    key_size = 256

    def __init__(self, uri: KeyUri, public: ec.EllipticCurvePublicKey) -> None:
        self.uri = uri
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public half."""
        return self._public

    def sign(self, data: object, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA over SHA-256, as DER. Raises UnavailableError."""
        digest = sha256(data).digest()  # type: ignore[arg-type]
        raw = _session_of(self.uri).with_key(
            self.uri.object, lambda key: key.sign(digest, mechanism=Mechanism.ECDSA)
        )
        return encode_dss_signature(
            int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        )

    def exchange(self, *_: object) -> NoReturn:
        """Not of a key that only signs."""
        raise UnavailableError("token-key-stays")

    def private_numbers(self) -> NoReturn:
        """It never leaves."""
        raise UnavailableError("token-key-stays")

    def private_bytes(self, *_: object) -> NoReturn:
        """It never leaves."""
        raise UnavailableError("token-key-stays")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def ensure(text: str) -> TokenKey:
    """The key at a URI: the one that lies there, or a new one. Raises UnavailableError."""
    uri = KeyUri.parse(text)
    found = load_der_public_key(_session_of(uri).public(uri.object))
    if not isinstance(found, ec.EllipticCurvePublicKey) or found.curve.name != "secp256r1":
        raise UnavailableError("token-key-not-p256", key=uri.object)
    return TokenKey(uri, found)


class _Session:
    """The one session of a process with a token, for one thread at a time."""

    def __init__(self, uri: KeyUri) -> None:
        self._uri = uri
        self._lock = Lock()
        self._open: pkcs11.Session | None = None
        self._refused: str | None = None
        self._left = False
        self._keys: dict[str, pkcs11.SignMixin] = {}

    def with_key(self, name: str, use: Callable[[pkcs11.SignMixin], T]) -> T:
        """What `use` makes of a private key; a session that was lost is opened again, once."""

        def do(session: pkcs11.Session) -> T:
            if name not in self._keys:
                found = session.get_key(ObjectClass.PRIVATE_KEY, label=name)
                self._keys[name] = cast(pkcs11.SignMixin, found)
            return use(self._keys[name])

        return self._do(name, do)

    def public(self, name: str) -> bytes:
        """The public half as DER; a pair is made where there is none."""

        def do(session: pkcs11.Session) -> bytes:
            try:
                found = session.get_key(ObjectClass.PUBLIC_KEY, label=name)
            except exceptions.NoSuchKey:
                curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
                found, _ = session.create_domain_parameters(
                    KeyType.EC, curve, local=True
                ).generate_keypair(store=True, label=name, id=name.encode())
            return encode_ec_public_key(cast(pkcs11.PublicKey, found))

        return self._do(name, do)

    def _do(self, name: str, use: Callable[[pkcs11.Session], T]) -> T:
        with self._lock:
            try:
                try:
                    return use(self._session())
                except _LOST:
                    self._forget()
                    return use(self._session())
            except exceptions.PKCS11Error as exc:
                self._forget()
                codes = (code for kind, code in _MEANINGS if isinstance(exc, kind))
                code = next(codes, "token-failed")
                raise UnavailableError(code, token=self._uri.token, key=name) from exc

    def _session(self) -> pkcs11.Session:
        if self._open is None:
            pin = _pin(self._uri.pin)
            if pin == self._refused:  # A few more of these, and the token locks itself.
                raise exceptions.PinIncorrect
            library = _library(self._uri.module)
            if self._left:  # The library logs out with it, and may refuse to begin again.
                library.reinitialize()
                self._left = False
            token = library.get_token(token_label=self._uri.token)
            try:
                self._open = token.open(rw=True, user_pin=pin)
            except exceptions.PinIncorrect:
                self._refused = pin
                raise
        return self._open

    def _forget(self) -> None:
        """Whatever is left of a session; the next one begins with the library anew."""
        left, self._open = self._open, None
        self._keys.clear()
        if left is not None:
            self._left = True
            with suppress(exceptions.PKCS11Error):  # It was gone already.
                left.close()


_SESSIONS: dict[tuple[Path, str], _Session] = {}
_SESSIONS_LOCK = Lock()


def _session_of(uri: KeyUri) -> _Session:
    with _SESSIONS_LOCK:
        return _SESSIONS.setdefault((uri.module, uri.token), _Session(uri))


def _library(path: Path) -> "_pkcs11.lib":
    try:
        return pkcs11.lib(str(path))
    except (exceptions.PKCS11Error, RuntimeError, OSError) as exc:
        raise UnavailableError("token-library", file=path.name) from exc


def _pin(path: Path) -> str:
    try:
        return path.read_text().splitlines()[0]
    except IndexError as exc:
        raise UnavailableError("token-pin-wrong", token="", key="") from exc
    except OSError as exc:
        raise UnavailableError("token-pin-unreadable", file=path.name) from exc

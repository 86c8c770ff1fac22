"""The archive's keys: a folder beside the archive, never inside it, and a recovery file.

<keys>/system.key.pem, system.cert.pem   who signs now; of a key in a token its URI and public half
<keys>/system.next.…                     who shall sign next, ready before the journal says so
<keys>/retired/0001.cert.pem …           who signed before, the founding certificate first
<keys>/personal.key, commands.key        see `Keys`

A rotation is decided by the journal alone: once it has the introduction, `settle` moves the files,
at the next start if a crash came between. A private key that signs no more is not kept.
What is lost with the folder: reading needs the key-encryption key, without which all personal
fields are unreadable for ever, and writing the signing key. So the recovery file is made on the
first day, and again after each rotation.
"""

import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.x509.oid import NameOID

from domain.errors import IntegrityError, InvalidValueError, RuleError, UnavailableError
from infrastructure.folders import alone, put_private, sync
from infrastructure.journal.envelope import Signer, b64, certificate_digest, unb64
from infrastructure.objects.streams import disk_faults

_KEY = "system.key.pem"
_CERTIFICATE = "system.cert.pem"
_NEXT_KEY = "system.next.key.pem"
_NEXT_CERTIFICATE = "system.next.cert.pem"
RETIRED = "retired"
_TOKEN = b"pkcs11:"
_KEK = "personal.key"
_COMMANDS = "commands.key"
_FILES = (_KEY, _CERTIFICATE, _KEK, _COMMANDS)
_BESIDE = ("log.key.pem", "log.vkey", "log.next.key.pem", _NEXT_KEY, _NEXT_CERTIFICATE)
"""Keys of other parts and of unfinished rotations, which a recovery file holds where there are
any."""
_RETIRED_NAME = re.compile(rf"{RETIRED}/[0-9a-z-]{{1,40}}\.(cert\.pem|vkey)")
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
"""About 0.4 s and 128 MiB a guess (RFC 7914)."""


@dataclass(frozen=True)
class Keys:
    """Everything secret that the journal needs, loaded."""

    directory: Path
    signer: Signer
    certificate: x509.Certificate
    """Of the key that signs now."""
    retired: tuple[x509.Certificate, ...]
    """Of the keys before it, the founding's first."""
    kek: bytes
    """Wraps the key of every subject of personal data."""
    command_secret: bytes
    """Hashes the requests of commands."""

    @property
    def founding(self) -> x509.Certificate:
        """The first certificate, from which every later one can be reached."""
        return (*self.retired, self.certificate)[0]


def create(directory: Path, archive: str, now: datetime, place: str | None = None) -> Keys:
    """New keys in a new folder that only this account can read; `place` is the URI of a token that
    shall hold the signing key."""
    if directory.exists():
        raise RuleError("keys-exist")
    key, certificate = _pair(archive, now, place)
    _write(
        directory,
        {
            _KEY: key,
            _CERTIFICATE: certificate,
            _KEK: secrets.token_bytes(32),
            _COMMANDS: secrets.token_bytes(32),
        },
    )
    return load(directory)


def _pair(archive: str, now: datetime, place: str | None) -> tuple[bytes, bytes]:
    """What the files of a new key and of its self-signed certificate hold."""
    key: ec.EllipticCurvePrivateKey
    pem = serialization.Encoding.PEM
    if place is None:
        key = ec.generate_private_key(ec.SECP256R1())
        kept = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    else:
        from infrastructure.journal import token_key  # Few archives have a token.

        key = token_key.ensure(place)
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        kept = place.encode() + b"\n" + public
    return kept, _certified(key, archive, now).public_bytes(pem)


def _certified(key: ec.EllipticCurvePrivateKey, archive: str, now: datetime) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Châu Bản: chữ ký hệ thống"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, archive),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=20 * 365))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signs_only(), critical=True)
        .sign(key, hashes.SHA256())
    )


def load(directory: Path) -> Keys:
    """The keys in a folder; UnavailableError names what is missing, unreadable or mismatched.

    In the middle of a settling the key may be ahead of its certificate: then the next one fits.
    """
    found = {name: _read(directory / name) for name in _FILES}
    waiting = [directory / name for name in (_NEXT_CERTIFICATE, _NEXT_KEY)]
    certificates = [_certificate(found[_CERTIFICATE])]
    certificates += [_certificate(_read(path)) for path in waiting[:1] if path.exists()]
    key = _private(found[_KEY])
    if len(found[_KEK]) != 32 or len(found[_COMMANDS]) != 32:
        raise UnavailableError("key-damaged")
    for certificate in certificates:
        if key.public_key() == certificate.public_key():
            paths = sorted((directory / RETIRED).glob("*.cert.pem"))
            retired = (_certificate(_read(path)) for path in paths)
            return Keys(
                directory,
                Signer(key, certificate),
                certificate,
                tuple(each for each in retired if each != certificate),
                found[_KEK],
                found[_COMMANDS],
            )
    raise UnavailableError("key-of-another-certificate")


def _certificate(content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError as exc:
        raise UnavailableError("key-damaged") from exc


def _private(content: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        if content.startswith(_TOKEN):
            return _in_token(content)
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError) as exc:
        raise UnavailableError("key-damaged") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise UnavailableError("key-damaged")
    return key


def _in_token(content: bytes) -> ec.EllipticCurvePrivateKey:
    from infrastructure.journal import token_key

    place, _, pem = content.partition(b"\n")
    public = serialization.load_pem_public_key(pem)
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise UnavailableError("key-damaged")
    return token_key.TokenKey(token_key.KeyUri.parse(place.decode()), public)


# ---------------------------------------------------------------- rotation


def prepare(directory: Path, archive: str, now: datetime, place: str | None) -> x509.Certificate:
    """The certificate of the key that shall sign next, durable; one that a rotation left behind is
    used again. The caller is alone in rotating. RuleError when the key signed before."""
    key, certificate = directory / _NEXT_KEY, directory / _NEXT_CERTIFICATE
    if certificate.exists() and place_in(_read(key)) == (place or "file"):
        return _certificate(_read(certificate))
    made = _pair(archive, now, place)
    earlier = load(directory)
    public = _certificate(made[1]).public_key()
    if public in [each.public_key() for each in (*earlier.retired, earlier.certificate)]:
        raise RuleError("key-known")  # The token has one of that name already.
    with alone(directory), disk_faults():
        certificate.unlink(missing_ok=True)
        put_private(key, made[0])
        put_private(certificate, made[1])
    return _certificate(made[1])


def settle(directory: Path, digest: bytes) -> Keys:
    """The keys, that of the certificate with this SHA-256 in force; UnavailableError when it is not
    here. (1) the old certificate is kept, (2) the new key takes its place, (3) its certificate.

    A crash after (1) leaves the old pair, after (2) a key that fits the next certificate; either
    way this is done again.
    """
    with alone(directory), disk_faults():
        key, certificate = directory / _NEXT_KEY, directory / _NEXT_CERTIFICATE
        ready = certificate.exists() and _certificate(_read(certificate))
        if ready and certificate_digest(ready) == digest:
            _retire(directory, _read(directory / _CERTIFICATE))  # (1)
            if key.exists():
                key.rename(directory / _KEY)  # (2)
                sync(directory)
            certificate.rename(directory / _CERTIFICATE)  # (3)
            sync(directory)
        loaded = load(directory)
    if certificate_digest(loaded.certificate) != digest:
        raise UnavailableError("key-superseded")
    return loaded


def _retire(directory: Path, certificate: bytes) -> None:
    folder = directory / RETIRED
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = sorted(folder.glob("*.cert.pem"))
    if not any(path.read_bytes() == certificate for path in kept):
        put_private(folder / f"{len(kept) + 1:04}.cert.pem", certificate)


def place_in(content: bytes) -> str:
    """Where the file of a key says that it is: `file`, or the URI of a token."""
    place, _, _ = content.partition(b"\n")
    return place.decode() if content.startswith(_TOKEN) else "file"


def place_of(directory: Path) -> str:
    """The same of the key that signs now."""
    return place_in(_read(directory / _KEY))


# ---------------------------------------------------------------- recovery


def write_recovery(directory: Path, passphrase: str) -> tuple[bytes, int]:
    """All keys in one file, readable with the passphrase alone (scrypt, AES-256-GCM), and how
    many they are."""
    if len(passphrase) < 15:
        raise InvalidValueError("passphrase-too-short", least=15)
    retired = sorted(path for path in (directory / RETIRED).glob("*") if path.suffix != ".new")
    names = (*_FILES, *(name for name in _BESIDE if (directory / name).exists()))
    names += tuple(f"{RETIRED}/{path.name}" for path in retired)
    contents = {name: b64(_read(directory / name)) for name in names}
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, json.dumps(contents).encode(), None)
    file = {"chauban-recovery": 1, "salt": b64(salt), "nonce": b64(nonce), "keys": b64(sealed)}
    return json.dumps(file).encode(), len(contents)


def recover(directory: Path, recovery: bytes, passphrase: str) -> int:
    """Puts the keys of a recovery file into a new folder; how many there were."""
    if directory.exists():
        raise RuleError("keys-exist")
    try:
        file = json.loads(recovery)
        key = _stretch(passphrase, unb64(file["salt"]))
        plain = AESGCM(key).decrypt(unb64(file["nonce"]), unb64(file["keys"]), None)
        said = json.loads(plain)
        names = (*_FILES, *(name for name in _BESIDE if name in said))
        names += tuple(name for name in said if _RETIRED_NAME.fullmatch(name))
        contents = {name: unb64(said[name]) for name in names}
    except InvalidTag as exc:
        raise InvalidValueError("passphrase-wrong") from exc
    except (IntegrityError, ValueError, KeyError, TypeError) as exc:
        raise InvalidValueError("recovery-file-damaged") from exc
    _write(directory, contents)
    return len(contents)


def _signs_only() -> x509.KeyUsage:
    unused = dict.fromkeys(
        (
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, content_commitment=True, **unused)


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase.encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise UnavailableError("key-missing", file=path.name) from exc
    except OSError as exc:
        raise UnavailableError("key-unreadable", file=path.name) from exc


def _write(directory: Path, contents: dict[str, bytes]) -> None:
    """All files or no folder: written beside, synced, then renamed into place."""
    staging = directory.with_name(directory.name + ".new")
    try:
        with suppress(FileNotFoundError):  # Of a crash before the rename; nothing was signed.
            shutil.rmtree(staging)
        staging.mkdir(mode=0o700, parents=True)
        for name, content in contents.items():
            (staging / name).parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(staging / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for folder in {(staging / name).parent for name in contents}:
            sync(folder)
        staging.rename(directory)
        sync(directory.parent)
    except OSError as exc:
        raise UnavailableError("keys-not-writable") from exc

"""The archive's keys: a folder beside the archive, never inside it, and a recovery file.

What is lost with them: the signing key can be replaced, but without the key-encryption key all
personal fields are unreadable for ever. So the recovery file is made on the first day.
"""

import json
import os
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
from infrastructure.journal.envelope import Signer, b64, unb64

_KEY = "system.key.pem"
_CERTIFICATE = "system.cert.pem"
_KEK = "personal.key"
_COMMANDS = "commands.key"
_FILES = (_KEY, _CERTIFICATE, _KEK, _COMMANDS)
COUNT = len(_FILES)
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
"""About 0.4 s and 128 MiB a guess (RFC 7914)."""


@dataclass(frozen=True)
class Keys:
    """Everything secret that the journal needs, loaded."""

    signer: Signer
    certificate: x509.Certificate
    kek: bytes
    """Wraps the key of every subject of personal data."""
    command_secret: bytes
    """Hashes the requests of commands."""


def create(directory: Path, archive: str, now: datetime) -> Keys:
    """New keys in a new folder that only this account can read."""
    if directory.exists():
        raise RuleError("keys-exist")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Châu Bản: chữ ký hệ thống"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, archive),
        ]
    )
    certificate = (
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
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(
        directory,
        {
            _KEY: private,
            _CERTIFICATE: certificate.public_bytes(pem),
            _KEK: secrets.token_bytes(32),
            _COMMANDS: secrets.token_bytes(32),
        },
    )
    return load(directory)


def load(directory: Path) -> Keys:
    """The keys in a folder; UnavailableError names what is missing, unreadable or mismatched."""
    found = {name: _read(directory / name) for name in _FILES}
    try:
        key = serialization.load_pem_private_key(found[_KEY], None)
        certificate = x509.load_pem_x509_certificate(found[_CERTIFICATE])
    except (ValueError, TypeError) as exc:
        raise UnavailableError("key-damaged") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise UnavailableError("key-damaged")
    if key.public_key() != certificate.public_key():
        raise UnavailableError("key-of-another-certificate")
    if len(found[_KEK]) != 32 or len(found[_COMMANDS]) != 32:
        raise UnavailableError("key-damaged")
    return Keys(Signer(key, certificate), certificate, found[_KEK], found[_COMMANDS])


def write_recovery(directory: Path, passphrase: str) -> bytes:
    """All keys in one file, readable with the passphrase alone (scrypt, AES-256-GCM)."""
    if len(passphrase) < 15:
        raise InvalidValueError("passphrase-too-short", least=15)
    contents = {name: b64(_read(directory / name)) for name in _FILES}
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, json.dumps(contents).encode(), None)
    file = {"chauban-recovery": 1, "salt": b64(salt), "nonce": b64(nonce), "keys": b64(sealed)}
    return json.dumps(file).encode()


def recover(directory: Path, recovery: bytes, passphrase: str) -> int:
    """Puts the keys of a recovery file into a new folder; how many there were."""
    if directory.exists():
        raise RuleError("keys-exist")
    try:
        file = json.loads(recovery)
        key = _stretch(passphrase, unb64(file["salt"]))
        plain = AESGCM(key).decrypt(unb64(file["nonce"]), unb64(file["keys"]), None)
        contents = {name: unb64(json.loads(plain)[name]) for name in _FILES}
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
            descriptor = os.open(staging / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync_directory(staging)
        staging.rename(directory)
        _sync_directory(directory.parent)
    except OSError as exc:
        raise UnavailableError("keys-not-writable") from exc


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

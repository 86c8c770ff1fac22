"""Makes what the containers must share before the first of them starts: called by `secrets`.

    make_secrets.py STORE CERTIFICATE

STORE gets `access-key`, `secret-key` and `ca.crt`, for whoever speaks to the store; CERTIFICATE
gets `public.crt` and `private.key`, for the store alone. What is there stays as it is. The key
of the authority is forgotten as soon as it has signed: it can never sign for anybody else.
To renew the certificate drop its volume and start again.
"""

import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "minio"
"""The store's name on the network of the containers."""
_VALID = timedelta(days=3660)
_SKEW = timedelta(hours=1)
"""Clocks of virtual machines are a little late after a start."""


def main(store: Path, certificate: Path) -> None:
    """(1) The credentials. (2) The certificate, its `public.crt` last: a crash before that leaves
    files that the next start makes anew, and `ca.crt` always belongs to a `public.crt` there is."""
    for name, size in (("access-key", 10), ("secret-key", 20)):  # (1)
        if not (store / name).exists():
            _write(store / name, secrets.token_hex(size).encode())
    if not ((certificate / "public.crt").exists() and (store / "ca.crt").exists()):  # (2)
        authority, public, private = make_certificate()
        _write(store / "ca.crt", authority)
        _write(certificate / "private.key", private)
        _write(certificate / "public.crt", public)


def make_certificate() -> tuple[bytes, bytes, bytes]:
    """PEM: an authority's certificate, the one that it signed for HOST, and the latter's key."""
    now = datetime.now(UTC)  # noqa: TID251 (a step before there is any archive or clock)
    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name("Chau Ban store authority")

    def begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + _VALID)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
                critical=False,
            )
        )

    root = (
        begun(issuer, authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority, SHA256())
    )
    names = [x509.DNSName(HOST), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    leaf = (
        begun(_name(HOST), own)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority, SHA256())
    )
    private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return root.public_bytes(Encoding.PEM), leaf.public_bytes(Encoding.PEM), private


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> None:
    """For the owner's eyes; whole and durable when it has its name."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Time-stamp authorities on loopback: certomancer's, with certificates made by the tests."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from asn1crypto import tsp  # type: ignore[import-untyped]
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import CertomancerConfig
from certomancer.registry.common import ArchLabel, CertLabel
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.serving import WSGIRequestHandler, make_server

from infrastructure.clock import SystemClock

_CA = [
    {"id": "basic_constraints", "critical": True, "value": {"ca": True}},
    {
        "id": "key_usage",
        "critical": True,
        "smart-value": {"schema": "key-usage", "params": ["key_cert_sign", "crl_sign"]},
    },
]
_STAMPS = [
    {
        "id": "key_usage",
        "critical": True,
        "smart-value": {"schema": "key-usage", "params": ["digital_signature"]},
    },
    {"id": "extended_key_usage", "critical": True, "value": ["time_stamping"]},
]
_SIGNS = _STAMPS[:1]
NAMES = ("one", "two", "soon", "renewed", "signer")
"""Authorities with a certificate each: two that last, one that ends in a month, the same one with
a new certificate, and one whose certificate is not for time stamps."""
_ROOTS = {"one": "root-a", "two": "root-b", "soon": "root-a", "renewed": "root-a",
          "signer": "root-a"}  # fmt: skip
SOON = timedelta(days=30)

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _stamped(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


def _config(now: datetime) -> dict[str, Any]:
    def days(last: timedelta) -> dict[str, str]:
        return {"valid-from": _stamped(now - timedelta(days=99)), "valid-to": _stamped(now + last)}

    keys = ("root-a", "root-b", *NAMES)
    certs: dict[str, Any] = {
        root: {
            "subject": root, "issuer": root, "subject-key": root, "authority-key": root,
            "validity": days(timedelta(days=9000)), "extensions": _CA,
        }
        for root in ("root-a", "root-b")
    }  # fmt: skip
    for name in NAMES:
        certs[name] = {
            "issuer": _ROOTS[name],
            "validity": days(SOON if name == "soon" else timedelta(days=3000)),
            "extensions": _SIGNS if name == "signer" else _STAMPS,
        }
    return {
        "keysets": {"all": {"keys": {name: {"path": f"{name}.pem"} for name in keys}}},
        "pki-architectures": {
            "test": {
                "keyset": "all",
                "entity-defaults": {"country-name": "VN", "organization-name": "Thử nghiệm"},
                "entities": {name: {"common-name": f"Test {name}"} for name in keys},
                "certs": certs,
                "services": {
                    "time-stamping": {
                        name: {"signing-key": name, "signing-cert": name} for name in NAMES
                    }
                },
            }
        },
    }


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@dataclass
class Authorities:
    """Running authorities; `tampers` stand between a client and one of them, by name."""

    config: CertomancerConfig
    port: int = 0
    asked: list[str] = field(default_factory=list)
    requests: dict[str, Callable[[tsp.TimeStampReq], None]] = field(default_factory=dict)
    """What changes a question before the authority sees it."""
    answers: dict[str, App] = field(default_factory=dict)
    """What answers in the place of the authority."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Who answers under a name, in the place of its first owner."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/test/tsa/{name}"

    def pem(self, *names: str) -> bytes:
        """Certificates, one behind the other."""
        from asn1crypto import pem  # type: ignore[import-untyped]

        pki = self.config.get_pki_arch(ArchLabel("test"))
        found = (pki.get_cert(CertLabel(name)).dump() for name in names)
        return b"".join(pem.armor("CERTIFICATE", each) for each in found)

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        name = environ["PATH_INFO"].rpartition("/")[2]
        self.asked.append(name)
        if name in self.answers:
            return self.answers[name](environ, start)
        name = self.aliases.get(name, name)
        environ["PATH_INFO"] = f"/test/tsa/{name}"
        if name in self.requests:
            raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            question = tsp.TimeStampReq.load(raw)
            self.requests[name](question)
            raw = question.dump(force=True)
            environ |= {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
        stores = AnimatorArchStore({ArchLabel("test"): self.config.get_pki_arch(ArchLabel("test"))})
        animator = Animator(stores, with_web_ui=False, allow_time_override=False)
        answer: Iterable[bytes] = animator(environ, start)
        return answer


@contextmanager
def running(folder: Path) -> Iterator[Authorities]:
    """Authorities with new keys, until the context ends."""
    for name in ("root-a", "root-b", *NAMES):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (folder / f"{name}.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    text = yaml.safe_dump(_config(SystemClock().now()))
    authorities = Authorities(CertomancerConfig.from_yaml(text, key_search_dir=str(folder)))
    server = make_server("127.0.0.1", 0, authorities.app, threaded=True, request_handler=_Quiet)
    authorities.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield authorities
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

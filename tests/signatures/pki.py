"""Authorities made by the tests themselves: a root, an issuer, time stamping, OCSP and CRLs.

certomancer makes certificates and answers; keys are new in each run. What is signed here is
signed with the answers in the file or without them (PAdES B, T, LT, LTA), by good and bad signers.
"""

import asyncio
import io
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from asn1crypto import crl, tsp, x509  # type: ignore[import-untyped]
from certomancer.registry import CertomancerConfig, PKIArchitecture
from certomancer.registry.common import ArchLabel, CertLabel, KeyLabel, ServiceLabel
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_der_x509_certificate as x509_of
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.timestamps.api import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from infrastructure.clock import SystemClock

_CA = [
    {"id": "basic_constraints", "critical": True, "value": {"ca": True}},
    {
        "id": "key_usage",
        "critical": True,
        "smart-value": {"schema": "key-usage", "params": ["key_cert_sign", "crl_sign"]},
    },
]
_SIGNS = {
    "id": "key_usage",
    "critical": True,
    "smart-value": {"schema": "key-usage", "params": ["digital_signature", "non_repudiation"]},
}
_CLIENT = {
    "id": "key_usage",
    "critical": True,
    "smart-value": {"schema": "key-usage", "params": ["key_encipherment"]},
}


def _usage(name: str) -> dict[str, Any]:
    return {"id": "extended_key_usage", "critical": True, "value": [name]}


def _points_to(repository: str) -> dict[str, Any]:
    return {
        "id": "crl_distribution_points",
        "smart-value": {"schema": "crl-dist-url", "params": {"crl-repo-names": [repository]}},
    }


def _days(first: str, last: str) -> dict[str, str]:
    return {"valid-from": f"{first}T00:00:00+0000", "valid-to": f"{last}T00:00:00+0000"}


_LONG = _days("2020-01-01", "2060-01-01")
_NAMES = ("root", "issuer", "ocsp", "tsa", "officer", "dismissed", "retired", "cipher", "stranger")


def _config() -> dict[str, Any]:
    officer = {"issuer": "issuer", "validity": _LONG, "extensions": [_SIGNS, _points_to("issuer")]}
    return {
        "keysets": {"all": {"keys": {name: {"path": f"{name}.pem"} for name in _NAMES}}},
        "pki-architectures": {
            "test": {
                "keyset": "all",
                "entity-defaults": {"country-name": "VN", "organization-name": "Thử nghiệm"},
                "entities": {name: {"common-name": f"Test {name}"} for name in _NAMES},
                "certs": {
                    "root": {
                        "subject": "root", "issuer": "root", "subject-key": "root",
                        "authority-key": "root", "validity": _LONG, "extensions": _CA,
                    },
                    "stranger": {
                        "subject": "stranger", "issuer": "stranger", "subject-key": "stranger",
                        "authority-key": "stranger", "validity": _LONG, "extensions": [_SIGNS],
                    },
                    "issuer": {
                        "issuer": "root", "validity": _LONG,
                        "extensions": [*_CA, _points_to("root")],
                    },
                    "ocsp": {
                        "issuer": "issuer", "validity": _LONG,
                        "extensions": [_SIGNS, _usage("ocsp_signing"), {"id": "ocsp_no_check"}],
                    },
                    "tsa": {
                        "issuer": "root", "validity": _days("2020-01-01", "2050-01-01"),
                        "extensions": [_SIGNS, _usage("time_stamping"), _points_to("root")],
                    },
                    "officer": officer,
                    "dismissed": {
                        **officer,
                        "revocation": {
                            "revoked-since": "2024-06-01T00:00:00+0000",
                            "reason": "key_compromise",
                        },
                    },
                    "retired": {**officer, "validity": _days("2020-01-01", "2024-01-01")},
                    "cipher": {**officer, "extensions": [_CLIENT, _points_to("issuer")]},
                },
                "services": {
                    "ocsp": {
                        "issuer": {
                            "for-issuer": "issuer", "responder-cert": "ocsp", "signing-key": "ocsp",
                        }
                    },
                    "crl-repo": {
                        name: {
                            "for-issuer": name, "signing-key": name,
                            "simulated-update-schedule": "P30D",
                        }
                        for name in ("root", "issuer")
                    },
                    "time-stamping": {"tsa": {"signing-key": "tsa", "signing-cert": "tsa"}},
                },
            }
        },
    }  # fmt: skip


class _Clocked(TimeStamper):
    """An authority that says a chosen time."""

    def __init__(self, pki: PKIArchitecture, at: datetime | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pki, self._at = pki, at

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        services = self._pki.service_registry
        stamper = services.summon_timestamper(ServiceLabel("tsa"), self._at)
        return stamper.request_tsa_response(req)


class _Signer(signers.PdfSigner):
    """A signer whose clock says a chosen time."""

    at: datetime | None = None

    def init_signing_session(self, *args: Any, **options: Any) -> Any:
        session = super().init_signing_session(*args, **options)
        session.system_time = self.at or session.system_time
        return session


@dataclass(frozen=True)
class Authorities:
    """The authorities, and what is signed under them."""

    folder: Path
    pki: PKIArchitecture

    @classmethod
    def found(cls, folder: Path) -> "Authorities":
        """New keys and certificates in a folder."""
        for name in _NAMES:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            (folder / f"{name}.pem").write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        config = CertomancerConfig.from_yaml(yaml.safe_dump(_config()), key_search_dir=str(folder))
        return cls(folder, config.get_pki_arch(ArchLabel("test")))

    def certificate(self, name: str) -> x509.Certificate:
        return self.pki.get_cert(CertLabel(name))

    def pem(self, name: str) -> bytes:
        der: bytes = self.certificate(name).dump()
        return x509_of(der).public_bytes(serialization.Encoding.PEM)

    @cached_property
    def anchors(self) -> tuple[bytes, ...]:
        return (self.certificate("root").dump(),)

    def sign(
        self,
        pdf: bytes,
        who: str = "officer",
        *,
        level: str = "b",
        digest: str = "sha256",
        field: str = "ChuKy",
        at: datetime | None = None,
        stamped_at: datetime | None = None,
    ) -> bytes:
        """Signs as PAdES `b`, `t`, `lt` or `lta`, with answers as of `at` (now)."""
        store = SimpleCertificateStore()
        store.register(self.certificate("issuer"))
        signer = signers.SimpleSigner(
            signing_cert=self.certificate(who),
            signing_key=self.pki.key_set.get_private_key(KeyLabel(who)),
            cert_registry=store,
        )
        long_term = level in ("lt", "lta")
        meta = signers.PdfSignatureMetadata(
            field_name=field,
            md_algorithm=digest,
            subfilter=SigSeedSubFilter.PADES,
            embed_validation_info=long_term,
            use_pades_lta=level == "lta",
            validation_context=self._knowing(who, at) if long_term else None,
        )
        stamper = _Clocked(self.pki, stamped_at or at) if level != "b" else None
        out = io.BytesIO()
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        pdf_signer = _Signer(meta, signer, timestamper=stamper)
        pdf_signer.at = at
        asyncio.run(pdf_signer.async_sign_pdf(writer, output=out))
        return out.getvalue()

    def _knowing(self, who: str, at: datetime | None) -> ValidationContext:
        return ValidationContext(
            trust_roots=[self.certificate("root")],
            other_certs=[self.certificate("issuer"), self.certificate("ocsp")],
            crls=[self.crl("root", at), self.crl("issuer", at)],
            revocation_mode="require",
            moment=at,
        )

    def crl(self, name: str, at: datetime | None = None) -> crl.CertificateList:
        """The list of revoked certificates as of an instant."""
        services = self.pki.service_registry
        return services.get_crl(ServiceLabel(name), at or SystemClock().now())

    def told(self, signed: bytes, at: datetime | None = None) -> bytes:
        """The file with the lists of revoked certificates added to it later."""
        out = io.BytesIO(signed)
        DocumentSecurityStore.add_dss(
            out,
            None,
            certs=[self.certificate("issuer")],
            crls=[self.crl("root", at), self.crl("issuer", at)],
        )
        return out.getvalue()

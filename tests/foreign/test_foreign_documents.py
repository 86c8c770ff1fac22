"""Timestamps, PDF/A and signed PDFs: others accept the true one and reject it altered."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import fpdf
import pytest
from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from certomancer.services import TimeStamper
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fpdf.enums import DocumentCompliance
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.foreign import pdf, tools

pytestmark = pytest.mark.services

SIGNED = b"archive.example/log\n300\n"


class Authority:
    """A root that issues certificates and its revocation list, valid from yesterday on."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name("Root")
        self.certificate = self._issue(self.name, self.key, ca=True)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, name: str, purpose: x509.ObjectIdentifier | None = None
    ) -> tuple[asn1_x509.Certificate, keys.PrivateKeyInfo]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(_name(name), key, ca=False, purpose=purpose)
        private = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return asn1(certificate), keys.PrivateKeyInfo.load(private)

    def list_of_revoked(self) -> bytes:
        """Empty, DER."""
        now = datetime.now(UTC)  # noqa: TID251
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now - timedelta(minutes=1))
            .next_update(now + timedelta(days=30))
            .sign(self.key, SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)

    def _issue(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool,
        purpose: x509.ObjectIdentifier | None = None,
    ) -> x509.Certificate:
        now = datetime.now(UTC)  # noqa: TID251
        usage = dict.fromkeys(
            [
                *("digital_signature", "content_commitment", "key_encipherment"),
                *("data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
                *("encipher_only", "decipher_only"),
            ],
            False,
        )
        purposes = ("key_cert_sign", "crl_sign") if ca else ("digital_signature",)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**(usage | dict.fromkeys(purposes, True))), critical=True)
        )
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        return builder.sign(self.key, SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def test_openssl_dates_what_a_token_dates(authority: Authority) -> None:
    stamper = TimeStamper(*authority.issue("Timestamps", ExtendedKeyUsageOID.TIME_STAMPING))
    request = tsp.TimeStampReq(
        {
            "version": 1,
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": sha256(SIGNED).digest(),
            },
            "nonce": 1,
            "cert_req": True,
        }
    )
    token = stamper.request_tsa_response(request)["time_stamp_token"].dump()

    verdict = tools.openssl_ts(SIGNED, token, authority.pem)
    assert verdict.accepted, verdict
    assert not tools.openssl_ts(SIGNED + b"!", token, authority.pem).accepted
    assert not tools.openssl_ts(SIGNED, token, Authority().pem).accepted
    assert not tools.openssl_ts(SIGNED, token[:-1] + b"\0", authority.pem).accepted


def paper(folder: Path, compliance: DocumentCompliance | None) -> Path:
    document = fpdf.FPDF(enforce_compliance=compliance)
    document.add_page()
    document.set_fill_color(200, 30, 30)
    document.rect(20, 20, 60, 40, style="F")
    path = folder / f"{compliance.name if compliance else 'plain'}.pdf"
    document.output(str(path))
    return path


def test_verapdf_tells_pdf_a_from_pdf(tmp_path: Path) -> None:
    plain, archival = (paper(tmp_path, kind) for kind in (None, DocumentCompliance.PDFA_2B))
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nno more than this")

    verdicts = pdf.verapdf([plain, archival, broken])

    assert [verdict.accepted for verdict in verdicts] == [False, True, False], verdicts


@pytest.fixture(scope="module")
def signed_pdf(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    certificate, key = authority.issue("Agency")
    store = SimpleCertificateStore()
    store.register(asn1(authority.certificate))
    signer = signers.SimpleSigner(certificate, key, store)
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
    )
    path = folder / "signed.pdf"
    with paper(folder, None).open("rb") as given, path.open("wb") as output:
        signers.sign_pdf(IncrementalPdfFileWriter(given), metadata, signer, output=output)
    return path


def painted_over(original: Path, target: Path) -> Path:
    """A page painted over in an update after the signature."""
    writer = IncrementalPdfFileWriter(BytesIO(original.read_bytes()))
    page = writer.root["/Pages"]["/Kids"][0]
    content = page["/Contents"]
    content._data = b"0 0 1 rg 0 0 595 842 re f"
    content._encoded_data = None
    writer.mark_update(page.raw_get("/Contents"))
    with target.open("wb") as output:
        writer.write(output)
    return target


def test_a_signed_pdf_is_accepted_and_an_altered_one_is_not(
    signed_pdf: Path, authority: Authority, tmp_path: Path
) -> None:
    flipped = tmp_path / "flipped.pdf"
    content = signed_pdf.read_bytes()
    flipped.write_bytes(content.replace(b"%PDF-1.", b"%PDF-2.", 1))
    over = painted_over(signed_pdf, tmp_path / "over.pdf")
    unsigned = paper(tmp_path, None)

    revoked = [authority.list_of_revoked()]
    verdicts = pdf.dss(authority.pem, [signed_pdf, flipped, over, unsigned], revoked)

    assert [verdict.accepted for verdict in verdicts] == [True, False, False, False], verdicts
    assert not pdf.dss(Authority().pem, [signed_pdf], revoked)[0].accepted
    assert "Visual difference" in verdicts[2].said
    assert pdf.pdfsig(signed_pdf).accepted
    assert pdf.pdfsig(over).accepted  # It only says that the signature is not of the whole file.
    assert "Not total document signed" in pdf.pdfsig(over).said
    assert not pdf.pdfsig(flipped).accepted
    assert not pdf.pdfsig(unsigned).accepted

"""Signatures inside files: sound, broken, changed afterwards, weak, unreadable; never believed."""

import asyncio
import datetime
import hashlib
import io
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pikepdf import Name
from pyhanko.pdf_utils.generic import NumberObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter

from domain.papers import PageState
from infrastructure.ocr.reader import SandboxedReader
from infrastructure.signatures.verdicts import inspect_signatures
from tests.reading import paper
from tests.reading.conftest import read


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> signers.SimpleSigner:
    """A signer with a certificate of its own making."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Người Ký Tên")])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("signer")
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made = signers.SimpleSigner.load(  # type: ignore[no-untyped-call]
        str(folder / "key.pem"), str(folder / "certificate.pem")
    )
    assert isinstance(made, signers.SimpleSigner)
    return made


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("scan")
    picture = paper.jpeg(paper.page(paper.letter(31, 3)), folder / "page.jpg")
    return paper.pdf([picture], folder / "scan.pdf").read_bytes()


def sign(data: bytes, signer: signers.SimpleSigner, digest: str = "sha256") -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    meta = signers.PdfSignatureMetadata(
        field_name="ChuKy", md_algorithm=digest, subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED
    )
    out = io.BytesIO()
    asyncio.run(signers.PdfSigner(meta, signer).async_sign_pdf(writer, output=out))
    return out.getvalue()


def judged(tmp_path: Path, data: bytes) -> list[str]:
    path = tmp_path / "signed.pdf"
    path.write_bytes(data)
    return [one.verdict for one in inspect_signatures(path)]


def test_a_sound_signature_is_intact_and_a_claim_all_the_same(
    reader: SandboxedReader, tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(sign(scan, signer))
    (found,) = reader.signatures(str(path))
    assert (found.field, found.verdict, found.coverage) == ("ChuKy", "intact", "entire-file")
    assert (found.digest, found.weak) == ("sha256", False)
    assert found.signer is not None
    assert "Người Ký Tên" in found.signer
    assert found.signed_at is not None


def test_a_changed_byte_breaks_the_signature(
    tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    signed = sign(scan, signer)
    middle = scan.index(b"\xff\xd8\xff") + 5000
    changed = bytearray(signed)
    changed[middle] ^= 1
    assert judged(tmp_path, bytes(changed)) == ["broken"]


def test_a_page_added_after_signing_is_noticed(
    tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sign(scan, signer)))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Rotate"] = NumberObject(180)  # type: ignore[no-untyped-call]
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    assert judged(tmp_path, out.getvalue()) == ["changed-after-signing"]


def test_a_second_signature_leaves_the_first_intact(
    tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sign(scan, signer)))
    out = io.BytesIO()
    meta = signers.PdfSignatureMetadata(field_name="ConDau")
    asyncio.run(signers.PdfSigner(meta, signer).async_sign_pdf(writer, output=out))
    path = tmp_path / "twice.pdf"
    path.write_bytes(out.getvalue())
    first, second = inspect_signatures(path)
    assert (first.verdict, first.coverage) == ("intact", "entire-revision")
    assert (second.verdict, second.coverage) == ("intact", "entire-file")


def test_an_old_digest_is_called_weak(
    tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    path = tmp_path / "weak.pdf"
    path.write_bytes(sign(scan, signer, "sha1"))
    (found,) = inspect_signatures(path)
    assert (found.verdict, found.digest, found.weak) == ("intact", "sha1", True)


def test_a_signature_of_rubbish_is_unreadable_and_no_error(
    reader: SandboxedReader, tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    signed = sign(scan, signer)
    start = signed.index(b"/Contents <3") + len(b"/Contents <")
    path = tmp_path / "rubbish.pdf"
    path.write_bytes(signed[:start] + b"00" * 64 + signed[start + 128 :])
    assert {one.verdict for one in reader.signatures(str(path))} == {"unreadable"}


def test_a_picture_carries_no_signature(tmp_path: Path) -> None:
    path = paper.jpeg(paper.page("Hết"), tmp_path / "page.jpg")
    assert inspect_signatures(path) == ()


def test_a_signed_scan_stays_as_it_is_and_its_copy_says_that_it_is_unsigned(
    reader: SandboxedReader, tmp_path: Path, scan: bytes, signer: signers.SimpleSigner
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(sign(scan, signer))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    outcome = read(reader, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert outcome.reading.pages[0].state is PageState.OK
    assert "VIỆT NAM" in outcome.text
    assert "signature-not-in-pdfa" in outcome.reading.warnings
    assert outcome.pdfa is not None
    with pikepdf.open(io.BytesIO(outcome.pdfa)) as pdf:
        assert Name.AcroForm not in pdf.Root

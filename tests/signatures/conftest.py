"""One set of authorities and one unsigned paper for all tests of signatures."""

import io

import pikepdf
import pytest

from tests.signatures.pki import Authorities


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities.found(tmp_path_factory.mktemp("authorities"))


@pytest.fixture(scope="session")
def paper() -> bytes:
    """A page with a picture of its own, so that a byte of what was signed can be altered."""
    pdf, out = pikepdf.new(), io.BytesIO()
    page = pdf.add_blank_page(page_size=(595, 842))
    page.Contents = pdf.make_stream(b"q 0.9 g 50 50 400 700 re f Q % QUYET DINH SO 17")
    pdf.save(out, compress_streams=False)
    return out.getvalue()

"""What a signed PDF brings along to be judged by: certificates, revocation data, timestamps."""

from collections.abc import Iterator
from dataclasses import dataclass

from asn1crypto import cms, crl, ocsp, tsp, x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import extract_certificate_info, find_cms_attribute_iter
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature


@dataclass(frozen=True)
class Evidence:
    """What a file carries besides its signatures; none of it is believed for being there."""

    certificates: tuple[x509.Certificate, ...]
    ocsps: tuple[ocsp.OCSPResponse, ...]
    crls: tuple[crl.CertificateList, ...]


def evidence_of(embedded: EmbeddedPdfSignature) -> Evidence:
    """From the signature, the store of the newest revision (PAdES LT) and Adobe's attribute.

    Raises whatever a damaged store makes pyHanko raise.
    """
    certificates = list(extract_certificate_info(embedded.signed_data).other_certs)
    ocsps: list[ocsp.OCSPResponse] = []
    crls: list[crl.CertificateList] = []
    reader: PdfFileReader = embedded.reader
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        pass
    else:
        certificates += store.load_certs()
        ocsps += [ocsp.OCSPResponse.load(each.get_object().data) for each in store.ocsps]
        crls += [crl.CertificateList.load(each.get_object().data) for each in store.crls]
    attributes = embedded.signer_info["signed_attrs"]
    for archived in find_cms_attribute_iter(attributes, "adobe_revocation_info_archival"):
        ocsps += list(archived["ocsp"] or ())
        crls += list(archived["crl"] or ())
    return Evidence(tuple(certificates), tuple(ocsps), tuple(crls))


def timestamps_on(signer_info: cms.SignerInfo) -> Iterator[cms.SignedData]:
    """The tokens over the value of a signature, among its unsigned attributes."""
    for token in find_cms_attribute_iter(
        signer_info["unsigned_attrs"], "signature_time_stamp_token"
    ):
        yield token["content"]


def token_info(token: cms.SignedData) -> tsp.TSTInfo | None:
    """What a timestamp says, None for signed data that is none."""
    content = token["encap_content_info"]["content"]
    parsed = content.parsed if isinstance(content, cms.ParsableOctetString) else None
    return parsed if isinstance(parsed, tsp.TSTInfo) else None

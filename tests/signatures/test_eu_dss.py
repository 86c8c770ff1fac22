"""EU DSS, which this project did not write, comes to the same verdicts under the same root.

It accepts what is `valid` here; a page painted over after signing is rejected, which its default
policy only warns of. Nothing is valid here that it does not accept.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.foreign import pdf
from tests.signatures.pki import Authorities
from tests.signatures.signed import PASSED, files


def test_eu_dss_comes_to_the_same_verdicts(
    tmp_path: Path, authorities: Authorities, paper: bytes
) -> None:
    paths = []
    signed = files(authorities, paper)
    for name, each in signed.items():
        paths.append(tmp_path / f"{name}.pdf")
        paths[-1].write_bytes(each.content)
    root = x509.load_der_x509_certificate(authorities.anchors[0]).public_bytes(Encoding.PEM)
    said = dict(zip(signed, pdf.dss(root, paths), strict=True))
    for name, each in signed.items():
        assert said[name].accepted == (each.dss == PASSED), (name, said[name])
        assert each.verdict != "valid" or said[name].accepted, (name, said[name])
        assert each.dss in said[name].said, (name, said[name])

"""Libraries of others tell a true token from an altered one; so does openssl with a key token."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pkcs11
import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.foreign import tools
from tests.foreign.key_token import softhsm
from tests.foreign.verdict import run
from tests.services import program

pytestmark = pytest.mark.services

SIGNER = ec.generate_private_key(ec.SECP256R1())
PUBLIC = SIGNER.public_key()
PEM = PUBLIC.public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def encoded(value: object) -> str:
    return b64url(json.dumps(value, ensure_ascii=False).encode())


def jwk() -> dict[str, str]:
    point = PUBLIC.public_numbers()
    x, y = (b64url(each.to_bytes(32)) for each in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k1", "alg": "ES256", "use": "sig"}


def signed_token(claims: dict[str, object]) -> str:
    text = f"{encoded({'alg': 'ES256', 'kid': 'k1', 'typ': 'example+sd-jwt'})}.{encoded(claims)}"
    r, s = decode_dss_signature(SIGNER.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{b64url(r.to_bytes(32) + s.to_bytes(32))}"


DISCLOSURES = [encoded(["c2FsdC1vbmU", "name", "Ông A"]), encoded(["c2FsdC10d28", "number", "390"])]
TOKEN = signed_token(
    {
        "iss": "archive.example",
        "_sd": sorted(b64url(sha256(each.encode()).digest()) for each in DISCLOSURES),
        "_sd_alg": "sha-256",
    }
)
SIGNATURE_LIBRARIES = (
    tools.jose_verify,
    tools.joserfc,
    lambda token, _jwk: tools.openssl_signature(token, PEM),
)
DISCLOSURE_LIBRARIES = (tools.sd_jwt, tools.sd_jwt_core)


def altered_tokens() -> Iterator[str]:
    head, claims, signature = TOKEN.split(".")
    yield f"{head}.{encoded({'iss': 'other.example'})}.{signature}"
    yield f"{encoded({'alg': 'ES256'})}.{claims}.{signature}"
    yield f"{head}.{claims}.{b64url(bytes(64))}"


def test_a_signature_is_accepted_and_an_altered_token_is_not() -> None:
    for verify in SIGNATURE_LIBRARIES:
        assert verify(TOKEN, jwk()).accepted, verify(TOKEN, jwk())
        for token in altered_tokens():
            assert not verify(token, jwk()).accepted, verify


def test_disclosures_are_shown_as_far_as_they_are_handed_over() -> None:
    for verify in DISCLOSURE_LIBRARIES:
        whole, part, none = (
            verify("~".join([TOKEN, *DISCLOSURES[:count], ""]), jwk()) for count in (2, 1, 0)
        )
        assert json.loads(whole.said)["name"] == "Ông A"
        assert (json.loads(part.said)["name"], "number" in part.said) == ("Ông A", False)
        assert (none.accepted, "name" in none.said) == (True, False)
        for token in altered_tokens():
            assert not verify(f"{token}~", jwk()).accepted, verify


def test_the_libraries_pass_over_a_forged_disclosure_without_believing_it() -> None:
    """RFC 9901, section 7.1, says reject: the archive's own verifier has to."""
    forged = encoded(["c2FsdC10cmk", "name", "Ông B"])
    for verify in DISCLOSURE_LIBRARIES:
        verdict = verify(f"{TOKEN}~{forged}~", jwk())
        assert (verdict.accepted, "name" in verdict.said) == (True, False)


def test_a_key_in_softhsm_signs_and_openssl_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = softhsm(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(token.configuration))
    library = pkcs11.lib(str(token.module))
    try:
        library.reinitialize()
        session = library.get_token(token_label=token.label).open(rw=True, user_pin=token.pin)
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: keys.ECDomainParameters("named", "secp256r1").dump()},
            local=True,
        )
        public, private = curve.generate_keypair(label="system")
        text = "signed.inside"
        signature = private.sign(sha256(text.encode()).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        point = public[pkcs11.Attribute.EC_POINT][2:]
        session.close()
    finally:
        library.finalize()
    pem = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    assert tools.openssl_signature(f"{text}.{b64url(signature)}", pem).accepted
    assert not tools.openssl_signature(f"{text}!.{b64url(signature)}", pem).accepted


def test_a_tool_that_hangs_has_accepted_nothing() -> None:
    ended = run([program("sleep"), "30"], 0.2)

    assert ended.code is None
    assert not ended.verdict(accepted=True).accepted


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_tool_that_is_not_here_is_named(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAUBAN_REQUIRE_SERVICES", required)
    monkeypatch.setattr(tools, "TOOLS", tmp_path)

    with pytest.raises(outcome, match="npm's jose is missing"):
        tools.jose_verify(TOKEN, jwk())

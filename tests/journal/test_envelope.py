"""The signed envelope: foreign tools accept ours, and we refuse what is not exactly ours."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from domain.dossier import DossierErased
from domain.errors import IntegrityError, InvalidValueError
from domain.events import Change
from infrastructure.journal import strict_json
from infrastructure.journal.disclosures import disclose, unseal, unwrap, values_of
from infrastructure.journal.envelope import LARGEST, Verifier, b64, open_envelope, unb64
from tests.journal.house import House, corrected, opened

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def pem(house: House) -> bytes:
    key = house.keys.certificate.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def exported(house: House) -> list[tuple[str, list[str]]]:
    """Every envelope with its disclosures, as an export would give them."""
    sealed = {
        event: (subject, row) for event, subject, row in house.rows("SELECT * FROM disclosures")
    }
    keys = dict(house.rows("SELECT id, key FROM subjects"))
    result = []
    for (envelope,) in house.rows("SELECT state FROM stored_events ORDER BY rowid"):
        event = open_envelope(envelope).payload["id"]
        opened_row: list[str] = []
        if event in sealed:
            subject, row = sealed[event]
            opened_row = unseal(unwrap(house.keys.kek, subject, keys[subject]), event, row)
        result.append((envelope.decode(), opened_row))
    return result


def newest(house: House) -> bytes:
    ((envelope,),) = house.rows("SELECT state FROM stored_events ORDER BY rowid DESC LIMIT 1")
    assert isinstance(envelope, bytes)
    return envelope


def test_joserfc_and_sd_jwt_accept_every_envelope(house: House) -> None:
    dossier = house.open_dossier()
    house.append(dossier, 3, corrected(None))
    key, other = ECKey.import_key(pem(house)), JWK.from_pem(pem(house))
    for envelope, disclosures in exported(house):
        found = jws.deserialize_compact(envelope, key, algorithms=["ES256"])
        assert found.headers()["typ"] == "chauban-event+sd-jwt"
        text = "~".join([envelope, *disclosures, ""])
        payload = SDJWTVerifier(text, lambda issuer, header: other, None, None)
        data = payload.get_verified_payload()["data"]
        assert "_sd" not in data
        if disclosures:
            assert data["value" if "value" in data else "applicant"] in (
                "0912345678",
                "0987654321",
                None,
                "Người Nộp Đơn",
            )


def test_joserfc_and_sd_jwt_accept_an_erased_envelope(house: House) -> None:
    dossier = house.open_dossier()
    house.append(dossier, 3, DossierErased(house.new("erasure")))
    other = JWK.from_pem(pem(house))
    for envelope, disclosures in exported(house):
        assert not disclosures
        found = SDJWTVerifier(envelope + "~", lambda issuer, header: other, None, None)
        assert "applicant" not in found.get_verified_payload()["data"]


def test_openssl_accepts_a_signature(house: House, tmp_path: Path) -> None:
    signed, _, encoded = newest(house).rpartition(b".")
    raw = unb64(encoded)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for name, content in (("key", pem(house)), ("in", signed), ("sig", encode_dss_signature(r, s))):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "sig", "in"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "Verified OK\n"


def test_what_stands_in_an_envelope(house: House) -> None:
    dossier = house.open_dossier()
    envelope, disclosures = exported(house)[-1]
    payload = open_envelope(envelope.encode()).payload
    assert payload["prev"] == sha256(exported(house)[-2][0].encode()).hexdigest()
    assert (payload["str"], payload["ver"], payload["sub"]) == (dossier, 3, dossier)
    assert payload["data"]["_sd"] == sorted(payload["data"]["_sd"])
    assert len(disclosures) == 2
    assert not any(word in envelope for word in ("0987654321", b64(b"0987654321")))
    salts = {json.loads(unb64(text))[0] for _, row in exported(house) for text in row}
    assert all(len(unb64(salt)) == 16 for salt in salts)
    assert len(salts) == 5 + 2 + 2


# ---------------------------------------------------------------- what we refuse


def resigned(envelope: bytes, header: dict[str, Any]) -> bytes:
    _, payload, signature = envelope.split(b".")
    return b".".join((b64(json.dumps(header).encode()).encode(), payload, signature))


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"kid": "0000000000000000"},
        {"typ": "JWT"},
        {"crit": ["exp"]},
        {"jwk": {"kty": "EC"}},
    ],
    ids=str,
)
def test_a_header_decides_nothing(house: House, change: dict[str, Any]) -> None:
    envelope = newest(house)
    header = json.loads(unb64(envelope.split(b".")[0]))
    with pytest.raises(IntegrityError, match="signed-by-another-key"):
        Verifier((house.keys.certificate,)).verify(resigned(envelope, header | change))


def test_the_other_half_of_a_signature_is_refused(house: House) -> None:
    signed, _, encoded = newest(house).rpartition(b".")
    raw = unb64(encoded)
    high = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    verifier = Verifier((house.keys.certificate,))
    verifier.verify(signed + b"." + b64(raw).encode())
    with pytest.raises(IntegrityError, match="signature-malformed"):
        verifier.verify(signed + b"." + b64(high).encode())


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63, b"\1" * 65])
def test_a_signature_out_of_range_is_refused(house: House, signature: bytes) -> None:
    signed, _, _ = newest(house).rpartition(b".")
    with pytest.raises(IntegrityError, match="signature-malformed"):
        Verifier((house.keys.certificate,)).verify(signed + b"." + b64(signature).encode())


@pytest.mark.parametrize("envelope", [b"", b".", b"..", b"a.b", b"a.b.c.d", b"\xff" * 99])
def test_what_is_no_envelope_is_refused(house: House, envelope: bytes) -> None:
    header, payload, signature = newest(house).split(b".")
    verifier = Verifier((house.keys.certificate,))
    for made in (envelope, header + b"." + envelope, header + b"." + payload + b"." + envelope):
        with pytest.raises(IntegrityError):
            verifier.verify(made)
    with pytest.raises(IntegrityError, match="envelope-malformed"):
        verifier.verify(header + b"." + payload + b".." + signature)


@pytest.mark.parametrize(
    "text", ["QUJ", "QQ==", "QQ=", "QR", "QUK", "Q", "QU+I", "QU/I", "QU I", "QU\nI", "QUé", "="]
)
def test_base64url_has_one_form(text: str) -> None:
    if text == "QUJ":
        with pytest.raises(IntegrityError):
            unb64(text)
        assert unb64("QUI") == b"AB"
    else:
        with pytest.raises(IntegrityError, match="envelope-not-base64url"):
            unb64(text)


@given(st.binary(max_size=200))
def test_base64url_comes_back(raw: bytes) -> None:
    assert unb64(b64(raw)) == raw


@given(st.binary(max_size=12))
def test_base64url_never_accepts_a_second_form(raw: bytes) -> None:
    try:
        found = unb64(raw)
    except IntegrityError:
        return
    assert b64(found).encode() == raw


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":1.0}',
        '{"a":1e3}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":9007199254740993}',
        '{"a":-9007199254740994}',
        '{"a":' + "9" * 400 + "}",
        '{"a":"\\ud800"}',
        '{"\\udfff":1}',
        '{"a":1} ',
        ' {"a":1}',
        '{"a":1}{}',
        "[1]",
        "1",
        "",
        "{" * 100_000,
        '{"a":' + "[" * 100_000,
        '{"a":"\n"}',
        "\ufeff{}",
    ],
    ids=lambda text: text[:24],
)
def test_json_that_two_parsers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError, match="envelope-not-strict-json"):
        strict_json.load(text.encode())


def test_json_in_another_encoding_is_refused() -> None:
    for raw in ('{"a":1}'.encode("utf-16"), b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}'):
        with pytest.raises(IntegrityError):
            strict_json.load(raw)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53 + 1, -(2**60), "\ud800", {1: 2}, {"a": {None: 1}}, b"x", {1}]
)
def test_nothing_is_written_that_would_not_be_read(value: object) -> None:
    with pytest.raises(InvalidValueError, match="not-strict-json"):
        strict_json.dump({"a": [value]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_strict_json_comes_back(value: object) -> None:
    assert strict_json.load(strict_json.dump({"a": value})) == {"a": value}


# ---------------------------------------------------------------- size and disclosures


def test_an_event_that_is_too_large_is_refused_before_anything_is_written(house: House) -> None:
    dossier = house.open_dossier()
    before = house.rows("SELECT count(*) FROM stored_events, commands")
    long = opened("H33.05-" + "9" * LARGEST)
    with pytest.raises(InvalidValueError, match="event-too-large"):
        house.append_all(
            [Change(dossier, 3, [corrected("1")]), Change(house.new("dossier"), 0, [long])]
        )
    assert house.rows("SELECT count(*) FROM stored_events, commands") == before
    assert not house.inspect().findings


def test_a_long_personal_field_does_not_enlarge_the_event(house: House) -> None:
    dossier = house.open_dossier()
    house.append(dossier, 3, corrected("9" * 200_000))
    assert len(newest(house)) < 2000
    assert not house.inspect().findings


def test_disclosures_must_match_their_digests_one_to_one() -> None:
    disclosures, digests = disclose({"a": "x", "b": None})
    assert values_of(disclosures, digests) == {"a": "x", "b": None}
    forged, _ = disclose({"a": "y"})
    for wrong in (
        disclosures[:1],
        [*disclosures, *forged],
        [*disclosures, disclosures[0]],
        [disclosures[0], disclosures[0]],
        [forged[0], disclosures[1]],
        [],
    ):
        with pytest.raises(IntegrityError, match="disclosures-differ"):
            values_of(wrong, digests)


def test_two_disclosures_of_one_field_are_refused() -> None:
    first, one = disclose({"a": "x"})
    second, two = disclose({"a": "y"})
    with pytest.raises(IntegrityError, match="disclosure-malformed"):
        values_of([*first, *second], sorted([*one, *two]))


@pytest.mark.parametrize("text", ['["s","n"]', '{"a":1}', '["s",1,2]', '["s",["n"],2]', "1.5", "["])
def test_a_disclosure_has_one_shape(text: str) -> None:
    made = b64(text.encode())
    with pytest.raises(IntegrityError):
        values_of([made], [b64(sha256(made.encode()).digest())])

"""The system key in a PKCS#11 token: it signs like any other, and what is wrong with the token is
named before anything is stored."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import InvalidValueError, UnavailableError
from infrastructure.journal import keys as key_files
from infrastructure.journal import token_key
from infrastructure.journal.envelope import certificate_digest
from infrastructure.journal.keys import Keys
from infrastructure.journal.token_key import KeyUri
from tests.foreign import tools
from tests.foreign.key_token import KeyToken, softhsm
from tests.journal.house import ARCHIVE, MORNING, House, corrected
from tests.journal.test_key_rotation import introduce, introduction, signers

pytestmark = pytest.mark.services


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyToken]:
    made = softhsm(tmp_path / "softhsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.configuration))
    pkcs11.lib(str(made.module)).reinitialize()
    yield made
    token_key._SESSIONS.clear()


def uri(token: KeyToken, folder: Path, key: str = "system-1") -> str:
    pin = folder / "pin"
    pin.write_text(token.pin + "\n")
    return (
        f"pkcs11:token={token.label};object={key}?module-path={token.module}&pin-source=file:{pin}"
    )


@pytest.fixture
def house(token: KeyToken, tmp_path: Path) -> Iterator[House]:
    keys = key_files.create(tmp_path / "keys", ARCHIVE, MORNING, uri(token, tmp_path))
    made = House(tmp_path, keys=keys)
    made.found()
    yield made
    made.close()


def rotate_to(house: House, place: str | None) -> Keys:
    made = key_files.prepare(house.folder / "keys", ARCHIVE, house.clock.now(), place)
    introduce(house, introduction(made))
    house.keys = house.journal.follow_keys()
    return house.keys


def test_an_archive_is_founded_and_kept_with_a_key_in_a_token(house: House, tmp_path: Path) -> None:
    house.open_dossier()
    assert house.kinds(pinned=certificate_digest(house.keys.certificate).hex()) == set()
    kept = b"".join(p.read_bytes() for p in (tmp_path / "keys").rglob("*") if p.is_file())
    assert b"PRIVATE" not in kept
    assert (tmp_path / "pin").read_bytes().strip() not in kept
    envelope = house.rows("SELECT state FROM stored_events WHERE rowid=1")[0][0].decode()
    public = house.keys.certificate.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert tools.openssl_signature(envelope, pem).accepted


def test_its_certificate_is_one_that_openssl_verifies(house: House, tmp_path: Path) -> None:
    """Self-signed by the token's key."""
    path = tmp_path / "keys" / "system.cert.pem"
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", path, "-partial_chain", path],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done


def test_keys_move_to_a_token_between_tokens_and_back(house: House, token: KeyToken) -> None:
    first = certificate_digest(house.keys.certificate).hex()
    dossier = house.open_dossier()
    rotate_to(house, uri(token, house.folder, "system-2"))
    house.append(dossier, 3, corrected("0966"))
    rotate_to(house, None)
    house.append(dossier, 4, corrected("0977"))
    rotate_to(house, uri(token, house.folder, "system-3"))
    house.append(dossier, 5, corrected("0988"))
    assert len(set(signers(house))) == 4
    assert house.kinds(pinned=first) == set()
    again = House(house.folder)
    again.append(dossier, 6, corrected("0999"))
    assert again.kinds(pinned=first) == set()
    again.close()


def test_a_lost_session_is_opened_again(house: House) -> None:
    (session,) = token_key._SESSIONS.values()
    assert session._open is not None
    session._open.close()
    house.open_dossier()
    assert house.kinds() == set()


def test_a_library_that_does_not_begin_again_is_named_until_it_does(
    house: House, token: KeyToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    (session,) = token_key._SESSIONS.values()
    assert session._open is not None
    monkeypatch.setenv("SOFTHSM2_CONF", str(house.folder / "none.conf"))
    with pytest.raises(UnavailableError, match="token-key-missing"):
        session.with_key("none", lambda key: b"")
    for _ in range(2):
        assert refused(house) in ("token-failed", "token-library")
    monkeypatch.setenv("SOFTHSM2_CONF", str(token.configuration))
    house.open_dossier("H33.05-78.HS")
    assert house.kinds() == set()


def refused(house: House) -> str:
    """What an append says; nothing is stored, everything is still read and verified."""
    before = house.rows("SELECT count(*) FROM stored_events")
    with pytest.raises(UnavailableError) as told:
        house.open_dossier()
    assert house.rows("SELECT count(*) FROM stored_events") == before
    assert house.kinds() == set()
    return told.value.code


def reopened(house: House, token: KeyToken) -> House:
    """As another process would find the archive and the token."""
    token_key._SESSIONS.clear()
    pkcs11.lib(str(token.module)).reinitialize()
    return House(house.folder)


def test_a_wrong_pin_is_named_and_not_tried_again(house: House, token: KeyToken) -> None:
    (house.folder / "pin").write_text("000000\n")
    again = reopened(house, token)
    assert refused(again) == "token-pin-wrong"
    (session,) = token_key._SESSIONS.values()
    assert session._refused == "000000"
    assert refused(again) == "token-pin-wrong"
    (house.folder / "pin").write_text(token.pin)
    again.open_dossier("H33.05-77.HS")
    (house.folder / "pin").unlink()
    assert refused(reopened(house, token)) == "token-pin-unreadable"


def test_a_missing_token_key_or_library_is_named(house: House, token: KeyToken) -> None:
    path = house.folder / "keys" / "system.key.pem"
    said = path.read_text()
    for old, new, code in (
        ("token=chauban", "token=another", "token-missing"),
        ("object=system-1", "object=system-9", "token-key-missing"),
        (str(token.module), "/no/such/library.so", "token-library"),
    ):
        path.write_text(said.replace(old, new))
        assert refused(reopened(house, token)) == code
    path.write_text(said)
    assert not reopened(house, token).inspect().findings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file:/x",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a;object=b?module-path=/m",
        "pkcs11:token=a;object=b?module-path=/m&pin-value=1234&pin-source=file:/p",
        "pkcs11:object=b?module-path=/m&pin-source=file:/p",
    ],
)
def test_an_address_that_lacks_something_or_holds_a_pin_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid-key-uri") as told:
        KeyUri.parse(text)
    assert "1234" not in str(told.value)


def test_an_address_is_read_as_rfc_7512_writes_it() -> None:
    found = KeyUri.parse(
        "pkcs11:token=Kho%20l%C6%B0u;object=k?module-path=/m.so&pin-source=file:///p"
    )
    assert (found.token, found.object) == ("Kho lưu", "k")
    assert (found.module, found.pin) == (Path("/m.so"), Path("/p"))

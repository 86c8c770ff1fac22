"""Time tokens in packs, where authorities changed or the certificates that vouch for them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.dossier import DossierOpened
from domain.evidence import PackFacts
from domain.services import evidencing
from domain.services.attesting import attest
from infrastructure.bootstrap import House, certificate_of
from infrastructure.evidence.timestamps import Rfc3161Authority
from tests.evidence.archives import archive_with, request_of
from tests.evidence.authorities import Authorities, running
from tests.evidence.packs import Checked, checked, listed_again, unpacked

STRANGER = "its authority is not in"


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with running(tmp_path_factory.mktemp("token-authorities")) as started:
        yield started


@pytest.fixture(scope="module")
def house(authorities: Authorities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An archive whose log two authorities have dated: `one` of root-a, `two` of root-b."""
    folder = tmp_path_factory.mktemp("tokens")
    bundle = folder / "tsa.pem"
    bundle.write_bytes(authorities.pem("root-a", "root-b"))
    named = " ".join(f"{name}={authorities.url(name)}" for name in ("one", "two"))
    with archive_with(folder, 5, CHAUBAN_TSA=named, CHAUBAN_TSA_CA=str(bundle)) as opened:
        assert attest(opened.archive).silent == ()
        opened.archive.views.catch_up()
        yield opened


def believing(house: House, folder: Path, pem: bytes, *names: str) -> House:
    """The same archive with other certificates for authorities, or fewer of these."""
    bundle = folder / "other.pem"
    bundle.write_bytes(pem)
    found = tuple(Rfc3161Authority(name, "https://tsa.example", bundle) for name in names)
    return replace(house, archive=replace(house.archive, authorities=found))


def packed(house: House, folder: Path) -> tuple[Path, PackFacts]:
    dossier = next(
        each.stream
        for each in house.archive.journal.follow(0, 100)
        if isinstance(each.event, DossierOpened)
    )
    made = evidencing.pack(house.archive, request_of(house), dossier)
    return unpacked(b"".join(made.chunks), folder / "pack"), made.facts


def said(house: House, pack: Path, **more: str) -> Checked:
    return checked(pack, certificate_of(house.settings), **more)


def times(facts: PackFacts) -> list[str]:
    return [each.name for each in facts.attestations if each.kind == "time"]


def test_only_a_token_that_its_authority_gave_is_handed_over_and_claimed(
    house: House, authorities: Authorities, tmp_path: Path
) -> None:
    """By the certificates of today, which go into the pack."""
    for number, (roots, left) in enumerate(
        [(("root-a", "root-b"), ["one", "two"]), (("root-b",), ["two"]), (("soon",), [])]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        changed = believing(house, folder, authorities.pem(*roots), "one", "two")
        pack, facts = packed(changed, folder)
        assert times(facts) == left
        assert ("dated" in facts.proves) is bool(left)
        assert len(list((pack / "checkpoints").glob("*.tsr"))) == len(left)
        verdict = said(house, pack)
        assert verdict.code == 0, verdict.said
        assert verdict.said.count("A time-stamp authority confirms") == len(left)


def test_the_time_that_is_claimed_is_that_of_the_token(house: House, tmp_path: Path) -> None:
    (kept,) = house.archive.attestations.all()
    _, facts = packed(house, tmp_path)
    claimed = {each.name: each.at for each in facts.attestations if each.kind == "time"}
    assert claimed == {each.authority: each.at for each in kept.tokens}


@pytest.mark.parametrize("roots", [("root-b",), ("root-a", "root-b")])
def test_a_token_of_an_authority_that_is_asked_no_more_is_no_fault(
    house: House, authorities: Authorities, tmp_path: Path, roots: tuple[str, ...]
) -> None:
    """Where the certificates of the others do not vouch for it, it does not count."""
    pack, facts = packed(believing(house, tmp_path, authorities.pem(*roots), "two"), tmp_path)
    assert times(facts) == ["two"]
    verdict = said(house, pack)
    assert verdict.code == 0, verdict.said
    assert (STRANGER in verdict.said) is (len(roots) == 1)


def test_an_auditor_may_believe_one_of_two_authorities(
    house: House, authorities: Authorities, tmp_path: Path
) -> None:
    pack, _ = packed(house, tmp_path)
    own = tmp_path / "own.pem"
    for root in ("root-a", "root-b"):
        own.write_bytes(authorities.pem(root))
        verdict = said(house, pack, TSA_ROOTS=str(own))
        assert verdict.code == 0, verdict.said
        assert verdict.said.count("A time-stamp authority confirms") == 1
        assert verdict.said.count(STRANGER) == 1
    own.write_bytes(authorities.pem("soon"))
    verdict = said(house, pack, TSA_ROOTS=str(own))
    assert verdict.code == 1
    assert "no time token is of an authority in TSA_ROOTS" in verdict.said


def test_what_a_stranger_signed_over_something_else_stays_a_fault(
    house: House, authorities: Authorities, tmp_path: Path
) -> None:
    pack, _ = packed(house, tmp_path)
    own = tmp_path / "own.pem"
    own.write_bytes(authorities.pem("root-a"))
    (path,) = (pack / "checkpoints").glob("*-two.tsr")
    sound = path.read_bytes()
    other = Rfc3161Authority("two", authorities.url("two"), house.settings.authority_roots or own)
    for altered in (
        other.date(b"another checkpoint").token,
        sound[:-1],
        sound[:-9] + bytes(9),
        b"",
    ):
        path.write_bytes(altered)
        verdict = said(house, listed_again(pack), TSA_ROOTS=str(own))
        assert verdict.code == 1
        assert verdict.names(f"checkpoints/{path.name}", "the time token does not fit")

"""Signed search results: complete when they were made, and whoever alters one is found out."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.errors import (
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
    RuleError,
)
from domain.keyring import KeyGround
from domain.record import IsolationGround
from domain.searching import PageFilter
from domain.services import (
    attesting_search,
    description,
    erasing,
    finding,
    keys,
    oversight,
    proving,
    rechecking_search,
)
from domain.services.attesting_search import SignedSearch
from domain.services.rechecking_search import Rechecked
from domain.values import Digest, StreamId
from infrastructure.evidence.notes import VerifierKey
from infrastructure.evidence.proofs import check_proof, parse_proof
from tests.story.papers import Papers, draw_and_read
from tests.story.place import Desk, Place, found_place

NAME = "trịnh khuyến thượng"
"""On two of the papers."""
READ = ("don-xin-cap-dat", "bien-ban-do-dac", "quyet-dinh")


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return draw_and_read(tmp_path_factory.mktemp("signed") / "scans")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, papers: Papers) -> tuple[Place, list[str]]:
    """An archive with three papers that were read; never used itself."""
    place = found_place(tmp_path_factory.mktemp("signed-search"), papers)
    with place.open() as desk:
        records = [desk.receive(name).record for name in READ]
        desk.work()
        desk.archive.views.catch_up()
    return place, [str(each) for each in records]


@pytest.fixture
def place(tmp_path: Path, filled: tuple[Place, list[str]]) -> Place:
    return filled[0].copy(tmp_path / "place")


@pytest.fixture
def records(filled: tuple[Place, list[str]]) -> list[str]:
    return filled[1]


def signed(desk: Desk, query: str = NAME, wanted: PageFilter = finding.EVERY_PAGE) -> SignedSearch:
    request = desk.request(by=desk.place.people.auditor)
    answer = attesting_search.attest(desk.archive, request, query, wanted)
    return attesting_search.result(desk.archive, request, StreamId(answer.result["search"]))


def recheck(desk: Desk, content: bytes) -> Rechecked:
    request = desk.request(by=desk.place.people.auditor)
    return rechecking_search.recheck(desk.archive, request, content)


@contextmanager
def made(place: Place, query: str = NAME) -> Iterator[tuple[Desk, dict[str, Any]]]:
    with place.open() as desk:
        yield desk, json.loads(signed(desk, query).content)


def written(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members).encode()


def test_a_result_names_every_page_and_is_found_complete(place: Place, records: list[str]) -> None:
    with made(place) as (desk, members):
        assert [hit["record"] for hit in members["hits"]] == sorted(records[:2])
        assert {hit["match"] for hit in members["hits"]} == {"exact"}
        assert (members["query"], members["count"]) == (NAME, 2)
        assert members["position"] < members["event_position"]
        found = recheck(desk, written(members))
        assert found.ok
        assert (found.same, found.altered, found.gone) == (2, (), ())
        result = oversight.verify(
            desk.archive, desk.request(), pinned=Digest.parse(place.certificate)
        )
        assert result.ok, result.findings


def test_an_outsider_checks_the_file_by_itself(place: Place) -> None:
    with made(place) as (_, members):
        envelope = members["envelope"].encode()
        key = VerifierKey.parse(members["log_key"])
        check_proof(parse_proof(members["proof"].encode()), envelope, [key])
        payload = envelope.split(b".")[1]
        data = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))["data"]
        listed = sha256(members["manifest"].encode()).hexdigest()
        assert data["manifest"]["sha256"] == f"sha256:{listed}"
        assert (data["upto"], data["total"]) == (members["position"], members["count"])
        head, *hits = [json.loads(line) for line in members["manifest"].splitlines()]
        assert hits == members["hits"]
        assert head["agencies"] == members["agencies"]


def test_the_words_stand_in_no_bytes_that_cannot_forget_them(place: Place) -> None:
    with place.open() as desk:
        before = {digest for digest, _ in desk.archive.objects.inspect_objects()}
        members = json.loads(signed(desk, "thượng").content)
        payload = members["envelope"].encode().split(b".")[1]
        assert "thượng" not in urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)).decode()
        after = {digest for digest, _ in desk.archive.objects.inspect_objects()}
        (manifest,) = after - before
        with desk.archive.objects.open(manifest) as source:
            content = source.read().decode()
        assert content == members["manifest"]
        assert "thượng" not in content


def without_a_hit(members: dict[str, Any]) -> None:
    members["hits"].pop()


def without_a_hit_everywhere(members: dict[str, Any]) -> None:
    """As somebody would who cannot sign: list, count and manifest agree."""
    members["hits"].pop()
    members["count"] -= 1
    lines = members["manifest"].splitlines()[:-1]
    lines[0] = lines[0].replace('"count": 2', '"count": 1')
    members["manifest"] = "".join(f"{line}\n" for line in lines)


def with_a_hit(members: dict[str, Any]) -> None:
    members["hits"].append(dict(members["hits"][0], page=7))


def of_another_match(members: dict[str, Any]) -> None:
    members["hits"][0]["match"] = "folded"


def with_a_strange_hit(members: dict[str, Any]) -> None:
    members["hits"] = ["agent", {"record": "x", "page": 1, "match": "exact"}]


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], object], set[str]]] = {
    "a hit less": (without_a_hit, {"hits"}),
    "a hit less everywhere": (without_a_hit_everywhere, {"hits", "count", "manifest"}),
    "a hit more": (with_a_hit, {"hits"}),
    "another match": (of_another_match, {"hits"}),
    "strange hits": (with_a_strange_hit, {"hits"}),
    "another count": (lambda m: m.update(count=3), {"count"}),
    "another query": (lambda m: m.update(query="giấy mời"), {"query"}),
    "other filters": (lambda m: m.update(filters={"year": "2020"}), {"filters"}),
    "another position": (lambda m: m.update(position=m["position"] - 1), {"position"}),
    "another time": (lambda m: m.update(asked_at="2020-01-01T00:00:00Z"), {"asked_at"}),
    "another asker": (lambda m: m["asked_by"].update(role="leader"), {"asked_by"}),
    "another event": (lambda m: m.update(event="none"), {"event"}),
    "fewer agencies": (lambda m: m.update(agencies={}), {"agencies"}),
    "a forged envelope": (
        lambda m: m.update(envelope=m["envelope"][:-4] + "AAAA"),
        {"envelope"},
    ),
    "no envelope": (lambda m: m.update(envelope=None), {"envelope"}),
    "no disclosures": (lambda m: m.update(disclosures=[]), {"disclosures"}),
    "another disclosure": (
        lambda m: m.update(disclosures=[m["disclosures"][0][:-2], m["disclosures"][1]]),
        {"disclosures"},
    ),
    "no proof": (lambda m: m.update(proof=""), {"proof"}),
    "a proof of another leaf": (
        lambda m: m.update(proof=m["proof"].replace("index ", "index 1", 1)),
        {"proof"},
    ),
    "another log": (lambda m: m.update(log_key=f"x{m['log_key']}"), {"log_key"}),
    "another certificate": (
        lambda m: m.update(certificates={"0" * 64: "AAAA"}),
        {"certificates"},
    ),
    "one certificate more": (
        lambda m: m["certificates"].update({"0" * 64: "AAAA"}),
        {"certificates"},
    ),
    "no certificates": (lambda m: m.update(certificates={}), {"certificates"}),
    "a list of no certificates": (lambda m: m.update(certificates=[]), {"certificates"}),
    "a member that no result has": (lambda m: m.update(hello="world"), {"hello"}),
    "a member that no result has, within": (
        lambda m: m["asked_by"].update(hello="world"),
        {"asked_by"},
    ),
    "a number of another kind": (lambda m: m.update(count=2.0), {"count"}),
    "a truth for a number": (lambda m: m["hits"][0].update(page=True), {"hits"}),
}


@pytest.fixture(scope="module")
def one_result(
    tmp_path_factory: pytest.TempPathFactory, filled: tuple[Place, list[str]]
) -> Iterator[tuple[Desk, dict[str, Any]]]:
    place = filled[0].copy(tmp_path_factory.mktemp("altered"))
    with made(place) as result:
        yield result


@pytest.mark.parametrize("fault", ALTERED)
def test_whatever_is_altered_is_named(one_result: tuple[Desk, dict[str, Any]], fault: str) -> None:
    desk, members = one_result
    copy = json.loads(json.dumps(members))
    alter, named = ALTERED[fault]
    alter(copy)
    found = recheck(desk, written(copy))
    assert not found.ok
    assert set(found.altered) == named
    if "less" in fault:
        assert [hit[0] for hit in found.additional] == [members["hits"][-1]["record"]]
    if fault == "a hit more":
        assert found.missing == ((members["hits"][0]["record"], 7, "exact"),)


def test_whatever_is_absent_is_named(one_result: tuple[Desk, dict[str, Any]]) -> None:
    desk, members = one_result
    for name in members.keys() - {"format"}:
        left = {each: value for each, value in members.items() if each != name}
        found = recheck(desk, written(left))
        assert not found.ok
        assert found.altered == (name,)


DOUBLED = {
    "query": '"query": "KHONG CO GI", ',
    "count": '"count": 0, ',
    "certificates": '"certificates": {}, ',
    "matches": '"matches": "exact", ',
}
"""What somebody writes in front of a member: programs that take the first of two read this."""


@pytest.mark.parametrize("name", DOUBLED)
def test_a_member_that_stands_twice_is_named(
    one_result: tuple[Desk, dict[str, Any]], name: str
) -> None:
    desk, members = one_result
    text = written(members).decode()
    found = recheck(desk, text.replace(f'"{name}": ', f'{DOUBLED[name]}"{name}": ', 1).encode())
    assert not found.ok
    assert found.altered == (name,)
    told = json.dumps(members[name])
    twice = text.replace(f'"{name}": ', f'"{name}": {told}, "{name}": ', 1).encode()
    assert recheck(desk, twice).altered == (name,)


@pytest.mark.parametrize(("name", "within"), [("hits", "page"), ("asked_by", "agency")])
def test_a_member_that_stands_twice_within_another_is_named(
    one_result: tuple[Desk, dict[str, Any]], name: str, within: str
) -> None:
    desk, members = one_result
    start, mark, end = written(members).decode().partition(f'"{name}": ')
    doubled = end.replace(f'"{within}": ', f'"{within}": null, "{within}": ', 1)
    found = recheck(desk, f"{start}{mark}{doubled}".encode())
    assert not found.ok
    assert found.altered == (name,)


def test_blanks_and_the_order_of_members_say_nothing(
    one_result: tuple[Desk, dict[str, Any]],
) -> None:
    desk, members = one_result
    turned = json.dumps(dict(reversed(members.items())), indent=4, ensure_ascii=False)
    windows = "\ufeff" + turned.replace("\n", "\r\n")
    assert recheck(desk, windows.encode()).ok


def test_a_file_has_the_certificates_of_the_day_on_which_it_was_made(place: Place) -> None:
    with place.open() as desk:
        request = desk.request(by=place.people.auditor)
        answer = attesting_search.attest(desk.archive, request, NAME)
        search = StreamId(answer.result["search"])
        before = attesting_search.result(desk.archive, request, search).content
        keys.rotate_system_key(desk.archive, desk.request(), KeyGround.SCHEDULED)
        proving.advance(desk.archive)
        between = attesting_search.result(desk.archive, request, search).content
        keys.rotate_system_key(desk.archive, desk.request(), KeyGround.SCHEDULED)
        after = attesting_search.result(desk.archive, request, search).content
        made_of = [json.loads(each) for each in (before, between, after)]
        assert [len(members["certificates"]) for members in made_of] == [1, 2, 3]
        assert all(recheck(desk, each).ok for each in (before, between, after))
        first, second, third = made_of[2]["certificates"].items()
        for left_out in ([first, third], [second], [second, third], [first], []):
            altered = written(made_of[1] | {"certificates": dict(left_out)})
            assert recheck(desk, altered).altered == ("certificates",)


def test_the_key_of_the_log_is_the_one_that_signed_the_proof(place: Place) -> None:
    with place.open() as desk:
        request = desk.request(by=place.people.auditor)
        answer = attesting_search.attest(desk.archive, request, NAME)
        search = StreamId(answer.result["search"])

        def made() -> dict[str, Any]:
            found = attesting_search.result(desk.archive, request, search).content
            members: dict[str, Any] = json.loads(found)
            proof = parse_proof(members["proof"].encode())
            key = VerifierKey.parse(members["log_key"])
            check_proof(proof, members["envelope"].encode(), [key])
            return members

        def rotate() -> None:
            keys.rotate_log_key(desk.archive, desk.request(), KeyGround.SCHEDULED)

        before = made()
        rotate()
        between = made()  # Whichever checkpoint is the newest now.
        for number in range(2):  # The first one after a change bears both signatures.
            desk.correct(place.dossier, "phone", f"090000000{number}")
            proving.advance(desk.archive)
        after = made()
        rotate()
        proving.advance(desk.archive)
        assert before["log_key"] != after["log_key"]
        assert all(recheck(desk, written(each)).ok for each in (before, between, after))
        third = proving.log_keys(desk.archive)[-1]
        for members, key in (
            (before, after["log_key"]),
            (after, before["log_key"]),
            (after, third),
        ):
            assert recheck(desk, written(members | {"log_key": key})).altered == ("log_key",)


def test_what_came_later_does_not_change_the_past(place: Place, records: list[str]) -> None:
    with place.open() as desk:
        first = signed(desk)
        other = desk.open_dossier("Hồ sơ khác")
        later = desk.receive("don-xin-cap-dat", dossier=other).record
        desk.work()
        desk.archive.views.catch_up()
        desk.correct(StreamId(records[2]), "subject", f"Gửi {NAME}")
        desk.archive.views.catch_up()
        found = recheck(desk, first.content)
        assert found.ok
        assert found.same == 2
        second = json.loads(signed(desk).content)
        assert {hit["record"] for hit in second["hits"]} == {*records, later}
        assert recheck(desk, written(second)).same == 4


def test_the_search_is_repeated_with_its_filters(place: Place, records: list[str]) -> None:
    with place.open() as desk:
        desk.correct(StreamId(records[0]), "issued_on", "2020-05-17")
        desk.archive.views.catch_up()
        given = {"year": "2020", "agency": "H33", "confirmed": "false", "from": "1/1/2020"}
        given |= {"to": "31/12/2020", "dossier": "H33-2026-900.HS"}
        wanted = finding.read_filter(desk.archive, given)
        assert attesting_search.filter_of(attesting_search.limits_of(wanted)) == wanted
        made_of = signed(desk, "", wanted)
        desk.correct(StreamId(records[0]), "issued_on", "2021-05-17")
        desk.archive.views.catch_up()
        members = json.loads(made_of.content)
        assert [hit["record"] for hit in members["hits"]] == [records[0]]
        found = recheck(desk, made_of.content)
        assert found.ok
        assert found.same == 1


def test_a_hit_that_was_not_there_when_it_was_signed_is_found_out(place: Place) -> None:
    """Whoever held the key then and left a page out of the index is caught by asking again."""
    with place.open() as desk:
        position = desk.archive.index.position()
        with desk.archive.views.past(position) as past:
            hidden = next(iter(past.inspect_pages())).record
        desk.archive.index.apply(position, (), [hidden])
        made_of = signed(desk)
        desk.archive.views.rebuild("index")
        found = recheck(desk, made_of.content)
        assert found.altered == ()
        assert [hit[0] for hit in found.additional] == [hidden]


def test_erased_and_isolated_hits_are_named_and_no_fault(place: Place, records: list[str]) -> None:
    with place.open() as desk:
        first = signed(desk)
        description.isolate(
            desk.archive,
            desk.request(),
            StreamId(records[0]),
            ground=IsolationGround.STRANGER,
            reason="giấy của người khác",
        )
        found = recheck(desk, first.content)
        assert found.ok
        assert [(each.hit[0], each.why) for each in found.gone] == [(records[0], "isolated")]
        erasing.request_erasure(desk.archive, desk.request(), place.dossier, reason="xin xóa")
        leader = desk.request(by=place.people.leader)
        erasing.approve_erasure(desk.archive, leader, place.dossier, decision="01/QĐ")
        found = recheck(desk, first.content)
        assert found.ok
        assert {each.hit[0] for each in found.gone} == set(records[:2])
        assert "erased" in {each.why for each in found.gone}
        assert found.same == 0
        # And the throw-away index is gone.
        generations = [p.name for p in (place.folder / "index").iterdir() if p.name.isdigit()]
        assert len(generations) == 1


def test_the_same_command_is_one_result(place: Place) -> None:
    with place.open() as desk:
        request = desk.request("twice", by=place.people.auditor)
        first = attesting_search.attest(desk.archive, request, NAME)
        again = attesting_search.attest(desk.archive, request, NAME)
        assert again.repeated
        assert again.result == first.result


def test_who_may_have_searches_attested(place: Place) -> None:
    with place.open() as desk:
        for person in (place.people.clerk, place.people.leader):
            with pytest.raises(NotPermittedError):
                attesting_search.attest(desk.archive, desk.request(by=person), NAME)
        made_of = signed(desk)
        search = desk.archive.journal.examine([desk.archive.journal.position()])[0].stream
        assert search is not None
        desk.archive.views.catch_up()
        for person in (place.people.clerk, place.people.leader):
            request = desk.request(by=person)
            with pytest.raises(NotPermittedError):
                attesting_search.result(desk.archive, request, search)
            with pytest.raises(NotFoundError):
                rechecking_search.recheck(desk.archive, request, made_of.content)
        with pytest.raises(NotFoundError):
            proving.proof_of(desk.archive, desk.request(by=place.people.clerk), made_of.event)
        archivist = desk.request()
        assert attesting_search.result(desk.archive, archivist, search).event == made_of.event


def test_too_many_hits_are_refused_and_nothing_is_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attesting_search, "MOST", 1)
    with place.open() as desk:
        before = desk.archive.journal.position()
        with pytest.raises(RuleError, match="search-too-large"):
            signed(desk)
        with pytest.raises(InvalidValueError):
            signed(desk, '"chưa đóng')
        assert desk.archive.journal.position() == before


def test_many_hits_are_taken_page_by_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attesting_search, "_AT_ONCE", 1)
    with made(place) as (desk, members):
        assert len(members["hits"]) == 2
        assert recheck(desk, written(members)).ok


FORMAT = b'"format": "chauban-signed-search/1"'
NO_RESULTS = {
    "nothing": b"",
    "an array": b"[]",
    "no members": b"{}",
    "no text": b"\xff",
    "another format": b'{"format": 1}',
    "deep": b"[" * 99_999,
    "two formats": b'{"format": "another/1", ' + FORMAT + b"}",
    "half a pair": b"{" + FORMAT + b', "proof": "\\ud800"}',
    "no JSON": b"{" + FORMAT + b",}",
}


@pytest.mark.parametrize("content", NO_RESULTS.values(), ids=NO_RESULTS)
def test_another_file_is_no_result(place: Place, content: bytes) -> None:
    with place.open() as desk, pytest.raises(InvalidValueError, match="not-a-signed-search"):
        recheck(desk, content)


def test_a_result_of_another_archive_or_of_a_lost_end_is_unknown(
    place: Place, tmp_path: Path
) -> None:
    older = place.copy(tmp_path / "older")
    with place.open() as desk:
        made_of = signed(desk)
    with older.open() as desk, pytest.raises(IntegrityError, match="signed-search-unknown"):
        recheck(desk, made_of.content)

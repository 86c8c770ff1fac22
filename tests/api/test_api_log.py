"""The transparency log for programs: what they get, the verifiers' own code accepts."""

import pytest

from infrastructure.evidence import merkle
from infrastructure.evidence.notes import VerifierKey, parse_body, parse_note, unb64
from infrastructure.evidence.proofs import check_proof, parse_proof
from tests.api.caller import Program, calling, problem, token_of, until
from tests.pages.site import Site


def key_of(program: Program) -> VerifierKey:
    return VerifierKey.parse(program.get("/log").json()["key"])


def corrected(program: Program, phone: str) -> int:
    """The position of a new event."""
    body = {"field": "phone", "value": phone, "reason": "Đổi số"}
    answer = program.post("/dossiers/HS-A/corrections", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


def listed(program: Program) -> dict[int, str]:
    """The events of HS-A by position."""
    history = program.get("/dossiers/HS-A/history").json()["events"]
    return {each["position"]: each["id"] for each in history}


def test_the_state_is_what_the_command_says(site: Site, archivist: Program) -> None:
    until(lambda: archivist.get("/log").json()["waiting"] == 0)
    told = site.chauban.json("log", "status")
    del told["troubles"]  # These are for who runs the archive.
    assert archivist.get("/log").json() == told


def test_the_checkpoint_is_a_signed_note_of_the_log(archivist: Program) -> None:
    answer = archivist.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    note, key = parse_note(answer.content), key_of(archivist)
    note.by(key)
    body, state = parse_body(note.text), archivist.get("/log").json()
    assert body.origin == key.name == state["origin"]
    assert body.size <= state["size"]


def test_an_event_is_proved_by_its_identity_and_its_position(archivist: Program) -> None:
    position = corrected(archivist, "0987654321")
    events: dict[int, str] = {}
    until(lambda: position in events or events.update(listed(archivist)))
    event = events[position]
    for reference in (event, str(position)):
        proof = archivist.get(f"/events/{reference}/proof")
        assert proof.headers["content-type"] == "text/plain; charset=utf-8"
        envelope = archivist.get(f"/events/{reference}/envelope").content
        found = parse_proof(proof.content)
        assert found.index == position - 1
        check_proof(found, envelope, [key_of(archivist)])
    read = archivist.get("/dossiers/HS-A/reads").json()["reads"]
    told = {(each["kind"], each["detail"]) for each in read}
    assert {("export", f"proof {position}"), ("export", f"envelope {position}")} <= told


def test_the_log_continues_itself(archivist: Program) -> None:
    kept = parse_body(parse_note(archivist.get("/log/checkpoint").content).text)
    position = corrected(archivist, "0911111111")
    until(lambda: archivist.get("/log").json()["size"] >= position)
    now = parse_body(parse_note(archivist.get("/log/checkpoint").content).text)
    asked = {"old": kept.size, "size": now.size}
    found = archivist.get("/log/consistency", params=asked).json()
    assert (found["old"], found["size"]) == (kept.size, now.size)
    path = [unb64(each) for each in found["hashes"]]
    merkle.check_consistency(kept.size, kept.root, now.size, now.root, path)
    newest = archivist.get("/log/consistency", params={"old": kept.size}).json()
    assert newest["size"] >= now.size


@pytest.mark.parametrize(
    "asked", [{"old": 10**9}, {"old": 5, "size": 4}, {"old": 1, "size": 10**9}]
)
def test_sizes_that_the_log_never_had_are_a_problem(
    archivist: Program, asked: dict[str, int]
) -> None:
    assert problem(archivist.get("/log/consistency", params=asked), 422) == "log-sizes"


@pytest.mark.parametrize("asked", [{}, {"old": 0}, {"old": "x"}, {"old": 2**60}])
def test_sizes_that_are_none_are_a_problem(archivist: Program, asked: dict[str, object]) -> None:
    problem(archivist.get("/log/consistency", params=asked), 422)


@pytest.mark.parametrize("event", ["0", "999999999", "x", "1" * 100, "%00"])
@pytest.mark.parametrize("what", ["proof", "envelope"])
def test_an_event_that_is_not_there_is_not_found(archivist: Program, event: str, what: str) -> None:
    assert problem(archivist.get(f"/events/{event}/{what}"), 404) == "not-found"


def test_an_event_of_another_agency_is_as_if_it_were_not_there(site: Site, clerk: Program) -> None:
    history = clerk.get("/dossiers/HS-A/history").json()["events"]
    with calling(site, token_of(site, "other-archivist")) as other:
        for each in (history[0]["id"], history[0]["position"], 10**9):
            for what in ("proof", "envelope"):
                assert problem(other.get(f"/events/{each}/{what}"), 404) == "not-found"


def test_any_token_may_keep_a_checkpoint(site: Site) -> None:
    with calling(site, token_of(site, "clerk", "receive")) as program:
        assert program.get("/log").status_code == 200
        assert program.get("/log/checkpoint").status_code == 200
        assert program.get("/log/consistency", params={"old": 1}).status_code == 200
        assert problem(program.get("/events/1/proof"), 403) == "token-scope-missing"

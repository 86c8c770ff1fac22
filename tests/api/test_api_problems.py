"""What a program is told when something is wrong: a stable code, in both languages."""

import httpx
import pytest

from tests.api.caller import END, V1, Program, calling, problem, token_of
from tests.pages.site import PEOPLE, Site


def test_nothing_is_said_without_a_token(site: Site) -> None:
    with calling(site, None) as nobody:
        answer = nobody.get("/me")
        assert problem(answer, 401) == "token-needed"
        assert answer.headers["www-authenticate"] == 'Bearer realm="chauban"'
        assert problem(nobody.post("/dossiers", {}), 401) == "token-needed"
    with calling(site, "cb_wrong") as stranger:
        answer = stranger.get("/me")
        assert problem(answer, 401) == "token-unknown"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_session_of_the_pages_opens_nothing_here(site: Site) -> None:
    with site.client("archivist") as visitor:
        assert visitor.get("/account").status_code == 200
        assert problem(visitor.get(f"{V1}/me"), 401) == "token-needed"


def test_a_revoked_token_ends_at_once(site: Site) -> None:
    name = PEOPLE["clerk"][0]
    with calling(site, token_of(site, "clerk", name="Sẽ thu hồi")) as program:
        assert program.get("/me").status_code == 200
        listed = site.chauban.json("token", "list", name)["tokens"]
        (handle,) = [each["handle"] for each in listed if each["name"] == "Sẽ thu hồi"]
        site.chauban.json("token", "revoke", name, handle)
        assert problem(program.get("/me"), 401) == "token-unknown"
    assert site.chauban.refused("token", "revoke", name, handle) == "not-found"


def test_a_role_that_is_taken_away_ends_its_tokens(own_site: Site) -> None:
    name, role, agency = PEOPLE["handler"]
    with calling(own_site, token_of(own_site, "handler")) as program:
        assert program.get("/me").status_code == 200
        own_site.chauban.json(
            "agent", "revoke", name, "--role", role, "--agency", agency, "--why", "Chuyển việc"
        )
        assert problem(program.get("/me"), 403) == "token-role-ended"


def test_tokens_are_made_for_roles_that_are_held(site: Site) -> None:
    name, _, agency = PEOPLE["clerk"]
    words = ("token", "add", name, "Máy", "--agency", agency, "--scope", "read")
    assert site.chauban.refused(*words, "--role", "archivist", "--until", END) == "role-not-held"
    held = (*words, "--role", "scanning-clerk", "--until")
    assert site.chauban.refused(*held, "2020-01-01") == "invalid-token-end"
    assert site.chauban.refused("--as", name, *held, END) == "not-permitted"
    told = site.chauban("token", "list", name)
    assert told.code == 0
    assert "cb_" not in told.out


def test_every_change_needs_a_key(archivist: Program) -> None:
    body = {"agency": "H33.05", "title": "Không có khóa", "kind": "work-file"}
    bare = archivist.http.post(f"{V1}/dossiers", json=body)
    assert problem(bare, 400) == "idempotency-key-required"
    odd = archivist.post("/dossiers", body, key="a b")
    assert problem(odd, 422) == "request-invalid"
    first = archivist.post("/dossiers", body, key="once")
    again = archivist.post("/dossiers", body, key="once")
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")
    other = archivist.post("/dossiers", body | {"title": "Khác"}, key="once")
    assert problem(other, 409) == "command-reused"


def test_two_tokens_may_use_the_same_key(site: Site) -> None:
    body = {"agency": "H33.05", "title": "Cùng khóa", "kind": "work-file"}
    codes = set()
    for _ in range(2):
        with calling(site, token_of(site, "archivist")) as program:
            codes.add(program.post("/dossiers", body, key="shared").json()["dossier"])
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "T"}, "body.agency"),
        ({"agency": "H33.05", "title": ""}, "body.title"),
        ({"agency": "H33.05", "title": 7}, "body.title"),
        ({"agency": "H33.05", "title": "x" * 1001}, "body.title"),
        ({"agency": "H33.05", "title": "T", "kind": "other"}, "body.kind"),
        ({"agency": "H33.05", "title": "T", "unknown": 1}, "body.unknown"),
    ],
)
def test_a_wrong_member_is_named(archivist: Program, body: dict[str, object], field: str) -> None:
    answer = archivist.post("/dossiers", body)
    assert problem(answer, 422) == "request-invalid"
    assert answer.json()["details"]["field"] == field


def send(archivist: Program, content: bytes, media_type: str) -> httpx.Response:
    headers = {"Content-Type": media_type}
    return archivist.post("/dossiers", headers=headers, content=content)


def test_bodies_that_cannot_be_read(archivist: Program) -> None:
    assert problem(send(archivist, b"{", "application/json"), 400) == "request-unreadable"
    assert problem(send(archivist, b"\xff\xfe{", "application/json"), 400) == "request-unreadable"
    half = b'{"agency": "H33.05", "title": "\\ud800"}'
    assert problem(send(archivist, half, "application/json"), 422) == "request-invalid"
    assert problem(send(archivist, b"a=b", "text/plain"), 415) == "json-needed"
    long = b'{"title": "' + b"x" * 70_000 + b'"}'
    assert problem(send(archivist, long, "application/json"), 413) == "body-too-large"


def test_addresses_and_methods_that_are_not_there(archivist: Program) -> None:
    assert problem(archivist.get("/nothing"), 404) == "address-unknown"
    answer = archivist.http.request("PATCH", f"{V1}/dossiers")
    assert problem(answer, 405) == "method-not-allowed"
    assert {"GET", "POST"} & set(answer.headers["allow"].split(", "))
    for odd in ("record-x", "HS-A", "..%2f..%2fetc", "%00", "x" * 121):
        assert archivist.get(f"/records/{odd}").status_code in (404, 422)


def test_too_many_requests_wait(site: Site) -> None:
    with calling(site, token_of(site, "archivist", "read")) as program:
        for _ in range(1000):
            answer = program.get("/me")
            if answer.status_code != 200:
                break
        assert problem(answer, 429) == "too-often"
        assert int(answer.headers["retry-after"]) > 0
    with calling(site, token_of(site, "archivist", "read")) as other:
        assert other.get("/me").status_code == 200

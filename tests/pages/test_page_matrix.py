"""Role × agency × address: what the rules do not allow is refused and tells nothing."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from domain import access
from domain.access import Action, Place, Resource
from domain.agents import Agent, AgentKind, Grant, Role
from domain.values import StreamId
from infrastructure import bootstrap
from tests.cli.desk import SENTENCE_A, SENTENCE_B, Chauban
from tests.pages.catalogue import TABLE, Door, Things, Way, filled
from tests.pages.examples import PROCEDURE, examples
from tests.pages.site import PASSWORD, PEOPLE, Client, Site, copied, serving

EVERYBODY = {
    **PEOPLE,
    "other-leader": ("Lãnh đạo B", "leader", "H33.06"),
    "other-auditor": ("Thanh tra viên B", "auditor", "H33.06"),
    "other-admin": ("Quản trị viên B", "administrator", "H33.06"),
}
_H33, _A, _B = (StreamId(f"agency-{code}") for code in ("H33", "H33.05", "H33.06"))
_TREE = {_H33: Place(None), _A: Place(_H33), _B: Place(_H33)}
_OF = {"A": _A, "B": _B}
_TOKEN = re.compile(r'name="csrf" value="[^"]+"|name="command" value="[^"]+"')
GETS = [route for route in TABLE if route.startswith("GET ")]
CHANGES = [route for route in TABLE if not route.startswith("GET ")]
GUARDED = [r for r in TABLE if r.startswith("GET ") and not isinstance(TABLE[r].needs, Door)]
OF_A_VISIT = "/audit/checks/"
"""Belongs to the session that began it; `test_a_check_is_seen_by_nobody_else`."""


@pytest.fixture(scope="module")
def chauban(prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory) -> Chauban:
    folder = tmp_path_factory.mktemp("matrix")
    copy = copied(prepared_site, folder)
    (folder / "procedure.toml").write_text(PROCEDURE)
    copy.json("procedure", "add", str(folder / "procedure.toml"))
    return copy


@pytest.fixture(scope="module")
def site(chauban: Chauban) -> Iterator[Site]:
    """Without a worker, so that nothing but what a visitor does adds an event."""
    links = []
    for login in EVERYBODY.keys() - PEOPLE.keys():
        name, role, agency = EVERYBODY[login]
        until = ["--until", "2099-12-31"] if role == "auditor" else []
        made = chauban.json("agent", "add", name, "--role", role, "--agency", agency, *until)
        links.append(chauban.json("user", "add", made["agent"], login)["link"])
    with serving(chauban, "--no-worker") as running:
        for link in links:
            sent = {"password": PASSWORD, "again": PASSWORD}
            assert httpx.post(running.address + link, data=sent).status_code == 303
        yield running


@pytest.fixture(scope="module")
def visitors(site: Site) -> Iterator[Mapping[str, Client]]:
    with ExitStack() as stack:
        yield {login: stack.enter_context(site.client(login)) for login in EVERYBODY}


@pytest.fixture(scope="module")
def tokens(visitors: Mapping[str, Client]) -> Mapping[str, str]:
    return {login: client.token() for login, client in visitors.items()}


@pytest.fixture(scope="module")
def things(chauban: Chauban, visitors: Mapping[str, Client]) -> Mapping[str, Things]:
    admin = visitors["admin"]
    return {
        "A": examples(chauban, admin, "Sở A", "HS-A", "Cán bộ quét"),
        "B": examples(chauban, admin, "Sở B", "HS-B", "Cán bộ quét B"),
    }


def grant_of(login: str) -> Agent:
    _, role, agency = EVERYBODY[login]
    grant = Grant(Role(role), StreamId(f"agency-{agency}"), date(2099, 12, 31))
    return Agent(StreamId("agent-x"), AgentKind.PERSON, "X", (grant,))


def may(login: str, action: Action, agency: StreamId) -> bool:
    resource = Resource(frozenset({agency}))
    return access.may(grant_of(login), action, resource, tree=_TREE, on=date(2026, 11, 1)).allowed


def allowed(login: str, way: Way, whose: str) -> bool:
    if isinstance(way.needs, Door):
        return True
    if way.everywhere:
        return all(may(login, action, agency) for action in way.needs for agency in _TREE)
    if way.about:
        return all(may(login, action, _OF[whose]) for action in way.needs)
    return set(way.needs) <= access.able(grant_of(login), date(2026, 11, 1))


def hidden_words(things: Things, whose: str) -> set[str]:
    """What only who may read of an agency may see."""
    sentence = SENTENCE_A if whose == "A" else SENTENCE_B
    code = f"HS-{whose}"
    return {code, f"Hồ sơ {code}", f"Ông {code}", sentence, things.dossier, things.record}


def test_every_address_stands_in_the_table(chauban: Chauban) -> None:
    with bootstrap.opened(bootstrap.read_settings(chauban.folder)) as house:
        app = create_app(house, origin="http://127.0.0.1:1")
    assert addresses(app) == TABLE.keys()


def addresses(app: FastAPI) -> set[str]:
    """Every method and path of the application besides /api/v1, which has its own matrix."""
    return {
        f"{method} {path}"
        for path, methods in walked(app)
        for method in methods - {"HEAD"}
        if not path.startswith("/api/")
    }


def walked(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    for route in app.routes:
        context = getattr(route, "effective_route_contexts", None)
        for each in context() if context is not None else [route]:
            yield each.path, set(each.methods)


def status_of(client: Client, address: str, query: str = "") -> tuple[int, str]:
    """Status and text; of a stream of events the status alone, for it does not end."""
    with client.http.stream("GET", address + query) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, ""
        answer.read()
        return answer.status_code, answer.text


@pytest.mark.parametrize("route", [r for r in GUARDED if OF_A_VISIT not in r])
def test_each_role_of_each_agency_is_shown_what_the_rules_allow(
    visitors: Mapping[str, Client], things: Mapping[str, Things], route: str
) -> None:
    way = TABLE[route]
    for whose in "AB" if way.about else "A":
        address = filled(route, things[whose])
        for login, client in visitors.items():
            status, text = status_of(client, address, way.query.replace("HS-A", f"HS-{whose}"))
            if allowed(login, way, whose):
                # HS-A is found by its code alone, and by who may read it; nobody outside attested.
                absent = any(part in route for part in ("/find", "/attested/", "/signed/"))
                assert status in ((200, 303, 404) if absent else (200, 303)), login
                continue
            assert status in (403, 404), (login, whose, status)
            for word in hidden_words(things[whose], whose):
                # What was asked for is repeated, nothing else.
                asked = word in address or word in way.query.replace("HS-A", f"HS-{whose}")
                assert asked or word not in text, (login, whose, word)


@pytest.mark.parametrize("route", CHANGES)
def test_each_role_of_each_agency_changes_what_the_rules_allow(
    site: Site,
    visitors: Mapping[str, Client],
    tokens: Mapping[str, str],
    things: Mapping[str, Things],
    route: str,
) -> None:
    way = TABLE[route]
    if isinstance(way.needs, Door):
        return
    for whose in "AB" if way.about else "A":
        before = events(site.chauban)
        for login in EVERYBODY:
            if not allowed(login, way, whose):
                answer = sent(visitors[login], route, things[whose], tokens[login])
                assert answer.status_code in (403, 404), (login, whose, answer.status_code)
                if may(login, Action.READ, _OF[whose]):
                    continue  # The refusal stands on the page that this visitor may read.
                for word in hidden_words(things[whose], whose):
                    asked = word in answer.url.path or word == things[whose].record
                    assert asked or word not in answer.text, (login, whose, word)
        assert events(site.chauban) == before
        if way.form is not None:
            able = next(login for login in EVERYBODY if allowed(login, way, whose))
            answer = sent(visitors[able], route, things[whose], tokens[able])
            assert answer.status_code in (200, 303, 409, 422), (able, answer.status_code)


def sent(client: Client, route: str, things: Things, token: str, **headers: str) -> httpx.Response:
    method = route.split(" ", 1)[0]
    address = filled(route, things) if "{" in route else route.split(" ", 1)[1]
    if method == "PUT":
        given = {"x-csrf": token, **headers}
        return client.http.put(address, content=b"not a paper", headers=given)
    form = {name: text.format(**vars(things)) for name, text in (TABLE[route].form or {}).items()}
    if TABLE[route].about == "record" and "{" not in route:
        form["record"] = things.record
    return client.http.post(address, data={"csrf": token, **form}, headers=headers)


def events(chauban: Chauban) -> int:
    with closing(sqlite3.connect(chauban.folder / "journal.sqlite")) as db:
        (count,) = next(db.execute("SELECT count(*) FROM stored_events"))
    return int(count)


@pytest.mark.parametrize("route", [r for r in CHANGES if TABLE[r].needs is not Door.ANYBODY])
def test_no_form_of_another_site_or_without_its_token_does_anything(
    site: Site,
    visitors: Mapping[str, Client],
    tokens: Mapping[str, str],
    things: Mapping[str, Things],
    route: str,
) -> None:
    way = TABLE[route]
    login = next(each for each in EVERYBODY if allowed(each, way, "A"))
    before = events(site.chauban)
    for token, headers in (
        ("", {}),
        ("x" * 64, {}),
        (tokens["other-clerk" if login != "other-clerk" else "clerk"], {}),
        (tokens[login], {"sec-fetch-site": "cross-site"}),
        (tokens[login], {"sec-fetch-site": "same-site"}),
        (tokens[login], {"origin": "https://example.org"}),
        (tokens[login], {"origin": "null"}),
    ):
        answer = sent(visitors[login], route, things["A"], token, **headers)
        assert answer.status_code == 403, (token[:4], headers)
    assert events(site.chauban) == before
    assert visitors[login].get("/account").status_code == 200, "the visit goes on"


@pytest.mark.parametrize("path", ["/sign-in", "/enrol/x"])
def test_no_other_site_signs_anybody_in(site: Site, path: str) -> None:
    data = {"login": "clerk", "password": PASSWORD}
    answer = httpx.post(site.address + path, data=data, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("route", [r for r in TABLE if TABLE[r].needs is not Door.ANYBODY])
def test_who_is_not_signed_in_is_sent_to_the_door(
    site: Site, things: Mapping[str, Things], route: str
) -> None:
    if OF_A_VISIT in route:
        return
    with site.client(None) as nobody:
        for whose in "AB":
            if route.startswith("GET "):
                answer = nobody.get(filled(route, things[whose]))
            else:
                answer = sent(nobody, route, things[whose], "")
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
            assert answer.text == ""


def test_what_is_open_to_everybody_is(site: Site) -> None:
    with site.client(None) as nobody:
        page = nobody.get("/sign-in").text
        (asset,) = re.findall(r'href="(/assets/[^"]+\.css)"', page)[:1]
        for address in ("/help", "/favicon.ico", "/livez", "/readyz", asset):
            assert nobody.get(address).status_code == 200, address
        assert nobody.get("/language?to=en").status_code == 303
        for address in ("/enrol/unknown", "/assets/../app.py", "/assets/unknown", "/nothing"):
            assert nobody.get(address).status_code == 404, address


@pytest.mark.parametrize("login", ["other-clerk", "other-archivist", "other-auditor", "admin"])
def test_lists_and_searches_tell_nothing_of_what_may_not_be_read(
    visitors: Mapping[str, Client], things: Mapping[str, Things], login: str
) -> None:
    """Asked for a thing of another agency or for one that does not exist, the answer is one."""
    secret, client = things["A"], visitors[login]
    unknown = {
        "HS-A": "HS-Z",
        "ke+hoach+su+dung": "ke+hoach+xy+zung",
        secret.dossier: secret.dossier[:-4] + "0000",
        secret.record: secret.record[:-4] + "0000",
    }
    for address, word in (
        ("/search?q=ke+hoach+su+dung", "ke+hoach+su+dung"),
        ("/search?q=%22ke+hoach+su+dung%22&sort=newest", "ke+hoach+su+dung"),
        ("/search?q=HS-A", "HS-A"),
        ("/search?dossier=HS-A", "HS-A"),
        ("/search?q=dat&dossier=HS-A", "HS-A"),
        ("/tray/found?q=ke+hoach+su+dung", "ke+hoach+su+dung"),
        ("/dossiers/find?code=HS-A", "HS-A"),
        (f"/dossiers/find?code={secret.dossier}", secret.dossier),
        ("/station/find?dossier=HS-A", "HS-A"),
        (f"/station/find?dossier={secret.dossier}", secret.dossier),
        ("/audit?find=HS-A", "HS-A"),
        (f"/audit?find={secret.record}", secret.record),
        (f"/describe/next?after={secret.record}", secret.record),
        ("/dossiers/HS-A", "HS-A"),
        ("/station/HS-A", "HS-A"),
        ("/audit/history/HS-A", "HS-A"),
    ):
        asked, other = client.get(address), client.get(address.replace(word, unknown[word]))
        assert asked.status_code == other.status_code, address
        assert plain(asked, word) == plain(other, unknown[word]), address


def plain(answer: httpx.Response, word: str) -> str:
    """A page without what differs by itself."""
    text = _TOKEN.sub("", answer.text)
    for each in (word, word.replace("+", " "), word.replace("+", "%20"), quote_plus(word)):
        text = text.replace(quote_plus(each), "·").replace(each, "·")
    return re.sub(r"\d\d:\d\d:\d\d", "", text)


LISTS = (
    *("/search?q=dat", "/search?q=", "/search?agency=H33.05", "/search?q=HS&sort=newest"),
    *("/search?year=2026", "/dossiers", "/dossiers?agency=H33.05", "/dossiers?year=2026"),
    *("/dossiers?state=unconfirmed", "/tray", "/tray/print", "/tray/export.csv", "/station"),
    *("/work", "/work/state", "/audit", "/audit/events?day=", "/tray/found?q=dat"),
    *("/describe/next", "/confirm", "/admin", "/admin/people", "/account", "/help", "/role"),
)


@pytest.mark.parametrize("login", list(EVERYBODY))
def test_no_list_holds_a_word_of_what_may_not_be_read(
    visitors: Mapping[str, Client],
    tokens: Mapping[str, str],
    things: Mapping[str, Things],
    login: str,
) -> None:
    client = visitors[login]
    for whose in "AB":
        if may(login, Action.READ, _OF[whose]):
            continue
        given = {"csrf": tokens[login], "record": things[whose].record}
        client.http.post("/tray/add", data=given)
        words = hidden_words(things[whose], whose)
        if may(login, Action.SEE_WORK, _OF[whose]):
            # What waits is named by code and identity, for who keeps the archive running.
            words -= {f"HS-{whose}", things[whose].dossier, things[whose].record}
        for address in (*LISTS, f"/audit/events?agent={things[whose].person}"):
            text = client.get(address, follow_redirects=True).text
            for word in words:
                assert word not in text, (address, word)


def test_who_may_read_reads_the_words_that_others_do_not(
    visitors: Mapping[str, Client], things: Mapping[str, Things]
) -> None:
    page = visitors["archivist"].get(f"/dossiers/{things['B'].dossier}").text
    assert hidden_words(things["B"], "B") - {SENTENCE_B} <= {
        word for word in hidden_words(things["B"], "B") if word in page
    }
    assert things["B"].record in visitors["archivist"].get("/search?q=tram+bom+thuy+loi").text


@pytest.mark.parametrize(
    ("login", "what", "form"),
    [
        ("clerk", "describe", {"field": "organ", "value": "Sở A", "reason": "Thử"}),
        ("auditor", "describe", {"field": "organ", "value": "Sở A", "reason": "Thử"}),
        ("handler", "move", {"code": "HS-A", "reason": "Thử"}),
        ("leader", "move", {"code": "HS-A", "reason": "Thử"}),
    ],
)
def test_a_tray_does_with_each_record_only_what_its_owner_may(
    site: Site,
    visitors: Mapping[str, Client],
    things: Mapping[str, Things],
    login: str,
    what: str,
    form: Mapping[str, str],
) -> None:
    client, before = visitors[login], events(site.chauban)
    client.post("/tray/add", {"record": things["A"].record})
    client.post(f"/tray/{what}", {"count": "1", **form})
    assert events(site.chauban) == before
    assert things["A"].record in client.get("/tray").text


def test_a_check_is_seen_by_nobody_else(
    visitors: Mapping[str, Client], tokens: Mapping[str, str]
) -> None:
    begun = visitors["auditor"].http.post("/audit/verify/HS-A", data={"csrf": tokens["auditor"]})
    address = begun.headers["location"]
    for path in (address, f"{address}/state", f"{address}/events"):
        assert status_of(visitors["auditor"], path)[0] == 200
        for login in EVERYBODY.keys() - {"auditor"}:
            status, text = status_of(visitors[login], path)
            assert status == 404, (login, path)
            assert "HS-A" not in text


@pytest.fixture
def quiet_site(prepared_site: Chauban, tmp_path: Path) -> Iterator[Site]:
    with serving(copied(prepared_site, tmp_path), "--no-worker") as running:
        yield running


def test_a_role_that_was_taken_away_is_gone_with_the_next_request(quiet_site: Site) -> None:
    chauban = quiet_site.chauban
    with quiet_site.client("records") as visitor, quiet_site.client("records") as elsewhere:
        form = visitor.token()
        assert visitor.get("/dossiers/HS-A").status_code == 200
        chauban.json(
            "agent", "revoke", "Văn thư", "--role", "records-officer", "--agency", "H33.05",
            "--why", "Chuyển công tác",
        )  # fmt: skip
        before = events(chauban)
        for client in (visitor, elsewhere):
            for address in ("/dossiers/HS-A", "/search?q=dat", "/station", "/work", "/tray"):
                answer = client.get(address)
                assert answer.status_code == 303, address
                assert answer.headers["location"] == "/role"
            page = client.get("/role")
            assert page.status_code == 200
            assert "HS-A" not in page.text
        sent = {"csrf": form, "title": "Hồ sơ mới", "kind": "work-file", "code": "HS-N"}
        assert visitor.http.post("/station/dossiers", data=sent).status_code in (303, 403)
        assert events(chauban) == before
        chauban.json(
            "agent", "grant", "Văn thư", "--role", "handling-officer", "--agency", "H33.06"
        )
        answer = visitor.get("/dossiers/HS-A", follow_redirects=True)
        assert "Hồ sơ HS-A" not in answer.text


def test_identities_that_nobody_gave_are_not_found(visitors: Mapping[str, Client]) -> None:
    for route, way in TABLE.items():
        if not route.startswith("GET ") or "{" not in route or isinstance(way.needs, Door):
            continue
        for text in ("x", "dossier-", "record-0", "..%2f..%2fetc", "%00", "%ff", "a" * 3000, "‮"):
            first = route[route.find("{") : route.find("}") + 1]
            path = route.split(" ", 1)[1].replace(first, text)
            given = {name: value for name, value in way.gaps.items() if f"{{{name}}}" in path}
            answer = visitors[way.shown_to or "archivist"].get(path.format(**given))
            assert answer.status_code in (403, 404, 414, 422), (path[:80], answer.status_code)

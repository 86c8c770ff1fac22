"""The door of the real server: who gets in, with what, and what is refused at it."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest

from tests.cli.desk import Chauban
from tests.pages.site import PASSWORD, Site, copied, serving

SIGN_IN = {"login": "clerk", "password": PASSWORD}


@pytest.fixture
def http(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    "away",
    ["//evil.example", "/\\evil.example", "https://evil.example", "\\\\evil.example",
     "javascript:alert(1)", "/\x07evil", ""],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_signing_in(http: httpx.Client, away: str) -> None:
    answer = http.post("/sign-in", data=SIGN_IN | {"next": away})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_visitor_comes_back_to_where_he_wanted_to_go(http: httpx.Client) -> None:
    asked = http.get("/station?x=1")
    assert asked.headers["location"] == "/sign-in?next=%2Fstation%3Fx%3D1"
    answer = http.post("/sign-in", data=SIGN_IN | {"next": "/station?x=1"})
    assert answer.headers["location"] == "/station?x=1"


def test_a_session_is_new_with_each_sign_in_and_its_cookie_is_shut(http: httpx.Client) -> None:
    http.cookies.set("chauban", "chosen-by-somebody-else")
    answer = http.post("/sign-in", data=SIGN_IN)
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert "Domain" not in said
    assert "chosen-by-somebody-else" not in said
    first = answer.cookies["chauban"]
    http.cookies.clear()
    http.cookies.set("chauban", first)
    second = http.post("/sign-in", data=SIGN_IN).cookies["chauban"]
    assert second != first
    http.cookies.clear()
    http.cookies.set("chauban", first)
    left = http.get("/account")
    assert left.status_code == 303, "the visit that sat here before has ended"


def test_behind_tls_the_cookie_is_of_this_host_alone(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    env = {"CHAUBAN_ORIGIN": "https://127.0.0.1:1"}
    started = serving(copied(prepared_site, tmp_path), "--no-worker", env=env)
    with started as site, httpx.Client() as http:
        port = _port_of(site)
        said = http.post(f"http://127.0.0.1:{port}/sign-in", data=SIGN_IN).headers["set-cookie"]
    assert said.startswith("__Host-chauban=")
    assert "Secure" in said
    assert "Path=/" in said


def _port_of(site: Site) -> int:
    """Where the process listens, as the kernel says: it told its public address."""
    own = {
        link.readlink().name
        for link in Path(f"/proc/{site.process.pid}/fd").iterdir()
        if str(link.readlink()).startswith("socket:")
    }
    lines = Path(f"/proc/{site.process.pid}/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    listening = [f for f in fields if f[3] == "0A" and f"socket:[{f[9]}]" in own]
    return int(listening[0][1].partition(":")[2], 16)


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Origin": "https://evil.example"}, {"Origin": "null"}],
)  # fmt: skip
def test_a_form_of_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    with site.client("admin") as visitor:
        fields = {"name": "Kẻ lạ", "role": "archivist", "csrf": visitor.token()}
        answer = visitor.http.post("/admin/people/new", data=fields, headers=headers)
        assert answer.status_code == 403
        login = visitor.http.post("/sign-in", data=SIGN_IN, headers=headers)
        assert login.status_code == 403


@pytest.mark.parametrize("token", ["", "x" * 43])
def test_a_form_without_the_token_of_its_session_is_refused(site: Site, token: str) -> None:
    with site.client("admin") as visitor:
        answer = visitor.http.post("/admin/people/new", data={"name": "Kẻ lạ", "csrf": token})
        assert answer.status_code == 403
        assert "Kẻ lạ" not in visitor.get("/admin/people").text


def test_after_ten_wrong_passwords_even_the_right_one_waits(http: httpx.Client) -> None:
    wrong = {"login": "handler", "password": "không phải mật khẩu này"}
    for _ in range(10):
        answer = http.post("/sign-in", data=wrong)
        assert answer.status_code == 403
        assert "mật khẩu hoặc mã không đúng" in answer.text
    answer = http.post("/sign-in", data={"login": "handler", "password": PASSWORD})
    assert answer.status_code == 403
    assert re.search(r"thử lại sau \d+ giây", answer.text)
    assert PASSWORD not in answer.text
    unknown = [http.post("/sign-in", data=wrong | {"login": "khong.co"}) for _ in range(11)]
    assert "thử lại sau" in unknown[-1].text, "a delay must not tell which logins exist"


def test_an_invitation_is_good_once_and_keeps_its_second_factor(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    chauban = copied(prepared_site, tmp_path)
    agent = chauban.json("agent", "add", "Người mới", "--role", "archivist", "--agency", "H33.05")
    link = chauban.json("user", "add", agent["agent"], "nguoi.moi")["link"]
    env = {"CHAUBAN_SECOND_FACTOR": "archivist,auditor,administrator"}
    started = serving(chauban, "--no-worker", env=env)
    with started as site, httpx.Client(base_url=site.address) as http:
        chosen = {"password": "câu riêng của người mới", "again": "câu riêng của người mới"}
        assert http.post(link, data=chosen).status_code == 422, "a password alone is not enough"
        found = re.search(r'name="seed" value="([A-Z2-7]+)"', http.get(link).text)
        assert found is not None
        code = pyotp.TOTP(found[1]).now()
        far = pyotp.TOTP(found[1]).at(0)  # A code of 1970.
        answer = http.post(link, data=chosen | {"seed": found[1], "code": far})
        assert answer.status_code == 422
        assert found[1] in answer.text, "the device need not be set up twice"
        entered = http.post(link, data=chosen | {"seed": found[1], "code": code})
        assert entered.status_code == 303
        assert http.get("/account").status_code == 200
        http.cookies.clear()
        assert http.get(link).status_code == 404, "it was used"
        assert http.post(link, data=chosen).status_code == 404
        login = {"login": "nguoi.moi", "password": chosen["password"]}
        asked = http.post("/sign-in", data=login)
        assert asked.status_code == 403
        assert 'name="code"' in asked.text
        again = http.post("/sign-in", data=login | {"code": code})
        assert again.status_code == 403, "each code is good once"
        # Nobody who administers has a device yet: a password alone opens nothing.
        missing = http.post("/sign-in", data={"login": "admin", "password": PASSWORD})
        assert missing.status_code == 403
        assert "set-cookie" not in missing.headers


def test_several_roles_are_chosen_one_at_a_time(own_site: Site) -> None:
    people = own_site.chauban
    people.json("agent", "grant", "Cán bộ quét", "--role", "archivist", "--agency", "H33.06")
    with httpx.Client(base_url=own_site.address) as http:
        answer = http.post("/sign-in", data=SIGN_IN | {"next": "/station"})
        assert answer.headers["location"] == "/role?next=%2Fstation"
        assert http.get("/station").headers["location"] == "/role", "no role was chosen yet"
        page = http.get("/role?next=/station").text
        token = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        grants = re.findall(r'name="grant"[^>]* value="([^"]+)"', page)
        assert len(grants) == 2
        clerk = next(value for value in grants if value.startswith("scanning-clerk"))
        chosen = http.post("/role", data={"csrf": token, "grant": clerk, "next": "//evil"})
        assert chosen.headers["location"] == "/"
        shown = http.get("/account").text
        assert "<b>Nhân viên quét</b>" in shown
        assert "/role" in shown, "the other role is one click away"
        foreign = {"csrf": token, "grant": clerk.replace("scanning-clerk", "administrator")}
        assert http.post("/role", data=foreign).headers["location"] == "/role"


def test_a_role_that_asks_for_a_device_is_not_entered_with_a_password(
    prepared_site: Chauban, tmp_path: Path
) -> None:
    chauban = copied(prepared_site, tmp_path)
    env = {"CHAUBAN_SECOND_FACTOR": "archivist,auditor,administrator"}
    started = serving(chauban, "--no-worker", env=env)
    with started as site, site.client("clerk") as visitor:
        grant = ("--role", "archivist", "--agency", "H33.05")
        chauban.json("agent", "grant", "Cán bộ quét", *grant)
        page = visitor.get("/role").text
        (wanted,) = re.findall(r'value="(archivist/[^"]+)"', page)
        answer = visitor.post("/role", {"grant": wanted, "next": "/"})
        assert answer.status_code == 403
        assert "thư mời mới" in answer.text
        assert "<b>Lưu trữ viên</b>" not in visitor.get("/account").text

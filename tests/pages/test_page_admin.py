"""The administrator on the real server: agencies, people, accounts, procedures, all events."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from tests.cli.desk import Chauban
from tests.pages.conftest import Visits
from tests.pages.site import PASSWORD, Client, Site, copied, serving

LINK = re.compile(r"data-secret>([^<]+)<")
FACTOR = {"CHAUBAN_SECOND_FACTOR": "archivist,auditor,administrator"}


def found(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]


def agency_named(visitor: Client, name: str) -> str:
    page = visitor.get("/admin/agencies").text
    return found(page, rf'/admin/agencies/(agency-[0-9a-f-]+)">{name}<')


def person_named(visitor: Client, name: str) -> str:
    page = visitor.get("/admin/people", params={"find": name}).text
    return found(page, rf'/admin/people/(agent-[0-9a-f-]+)">{name}<')


def sent(visitor: Client, address: str, data: Mapping[str, Any]) -> str:
    """A form that is done; where it leads."""
    answer = visitor.post(address, data)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def history(visitor: Client, target: str) -> str:
    return visitor.get(f"/audit/history/{target}").text


def invited(visitor: Client, person: str, login: str) -> str:
    answer = visitor.post(f"/admin/people/{person}/invite", {"login": login})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    link = found(answer.text, LINK.pattern)
    assert link not in visitor.get(f"/admin/people/{person}").text, "it is shown once"
    return link


def enrolled(site: Site, link: str) -> Client:
    """Somebody who used an invitation that asks for a password alone."""
    http = httpx.Client(base_url=site.address, timeout=60)
    answer = http.post(link, data={"password": PASSWORD, "again": PASSWORD})
    assert answer.status_code == 303, answer.text
    return Client(http)


def test_the_state_says_what_holds_and_what_to_look_at(site: Site) -> None:
    with site.client("admin") as visitor:
        page = visitor.get("/admin").text
    archive = site.chauban.json("verify", "--certificate", "0" * 64, code=1)
    assert archive["ok"] is False
    assert "đủ mọi sự kiện" in page
    assert "không có khóa chống hủy" in page
    assert re.search(r"<code>[0-9a-f]{64}</code>", page)
    assert re.search(r"<code>archive-[0-9a-f-]{36}</code>", page)


def test_an_agency_lives_changes_and_ends(own_site: Site) -> None:
    with own_site.client("admin") as visitor:
        top, heir = (agency_named(visitor, name) for name in ("Tỉnh thử nghiệm", "Sở A"))
        command = {"command": "new/1"}
        form = {"name": "Sở C", "code": "h33.07", "parent": top, "since": "1/1/2016"} | command
        first, second = (sent(visitor, "/admin/agencies/new", form) for _ in range(2))
        assert first == second, "the second click got the first answer"
        made = found(first, r"(agency-[0-9a-f-]+)")
        here = f"/admin/agencies/{made}"
        rename = {"name": "Sở C mới", "since": "1/7/2025", "command": "rename/1"}
        for _ in range(2):
            sent(visitor, f"{here}/rename", rename)
        code = {"code": "000.00.07.H33", "since": "1/1/2018", "until": "31/12/2024"}
        sent(visitor, f"{here}/code", code)
        sent(visitor, f"{here}/code-end", {"code": "H33.07", "until": "31/12/2025"})
        sent(visitor, f"{here}/move", {"parent": heir, "since": "1/2/2026"})
        page = visitor.get(here).text
        for told in ("Sở C mới", "01/07/2025", "000.00.07.H33", "31/12/2025", "QCVN 102:2016"):
            assert told in page
        end = {"how": "merged", "successors": heir, "since": "1/6/2026"}
        preview = visitor.post(f"{here}/succeed", end)
        assert preview.status_code == 200
        assert "không rút lại được" in preview.text
        assert "Cách kết thúc" in visitor.get(here).text, "nothing was recorded by looking"
        for _ in range(2):
            sent(visitor, f"{here}/succeed", end | {"confirmed": "yes", "command": "end/1"})
        assert "sáp nhập vào một cơ quan khác" in visitor.get(here).text
        assert "đã kết thúc 01/06/2026" in visitor.get("/admin/agencies").text
    told = [each["type"] for each in own_site.chauban.json("history", "H33.07")["events"]]
    assert told == [
        "agency-established/1", "agency-renamed/1", "agency-code-assigned/1",
        "agency-code-ended/1", "agency-moved/1", "agency-succeeded/1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "form", "field"),
    [
        ("rename", {"name": "", "since": ""}, "rename-name"),
        ("rename", {"name": "Sở <b>X</b>", "since": "hôm qua"}, "rename-since"),
        ("code", {"code": "!", "since": "1/1/2026"}, "code-code"),
        ("code", {"code": "H33.06", "since": "1/1/2026"}, "code-code"),
        ("code", {"code": "H99", "since": "2/1/2026", "until": "1/1/2026"}, "code-until"),
        ("code-end", {"code": "H33.05", "until": ""}, "code-end-until"),
        ("succeed", {"how": "split", "since": "1/1/2026"}, "succeed-successors"),
        ("succeed", {"how": "wie auch immer", "since": "1/1/2026"}, "succeed-how"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(
    site: Site, change: str, form: dict[str, str], field: str
) -> None:
    with site.client("admin") as visitor:
        target = agency_named(visitor, "Sở A")
        answer = visitor.post(f"/admin/agencies/{target}/{change}", form)
    assert answer.status_code in (409, 422)
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert "Chưa lưu gì" in answer.text
    if form.get("name"):
        assert "Sở &lt;b&gt;X&lt;/b&gt;" in answer.text


def test_a_person_comes_works_and_goes(own_site: Site) -> None:
    with own_site.client("admin") as visitor:
        place = agency_named(visitor, "Sở A")
        form = {"name": "Ông C", "role": "scanning-clerk", "agency": place, "command": "hire/1"}
        first, second = (sent(visitor, "/admin/people/new", form) for _ in range(2))
        assert first == second
        person = found(first, r"(agent-[0-9a-f-]+)")
        here = f"/admin/people/{person}"
        worker = enrolled(own_site, invited(visitor, person, "ong.c"))
        assert worker.get("/station").status_code == 200
        assert worker.get("/admin").status_code == 403
        taken = visitor.post(f"{here}/invite", {"login": "clerk"})
        assert taken.status_code == 409
        assert "đã thuộc về người khác" in taken.text
        # The role is gone with the very next request.
        revoke = {"held": f"scanning-clerk/{place}", "command": "revoke/1"}
        assert visitor.post(f"{here}/revoke", revoke).status_code == 422, "a reason is needed"
        for _ in range(2):
            sent(visitor, f"{here}/revoke", revoke | {"reason": "Chuyển công tác"})
        assert worker.get("/station").headers["location"] == "/role"
        # Without any role the person is still the administrator's to shut out, or to take back.
        grant = {"role": "archivist", "agency": place, "until": "31/12/2099"}
        sent(visitor, f"{here}/grant", grant)
        sent(visitor, f"{here}/revoke", {"held": f"archivist/{place}", "reason": "Ghi nhầm"})
        for _ in range(2):
            sent(visitor, f"{here}/close", {"reason": "Đã chuyển đi", "command": "close/1"})
        assert worker.get("/account").status_code == 303
        assert worker.get("/account").headers["location"].startswith("/sign-in")
        refused = worker.http.post("/sign-in", data={"login": "ong.c", "password": PASSWORD})
        assert refused.status_code == 403
        assert "Chuyển công tác" in history(visitor, person)
        worker.http.close()
    told = [each["type"] for each in own_site.chauban.json("history", person)["events"]]
    assert told.count("role-revoked/2") == 2
    assert told.count("account-opened/1") == 1
    assert told.count("account-closed/1") == 1


def test_somebody_stands_in_until_it_is_ended(own_site: Site) -> None:
    with own_site.client("admin") as visitor, own_site.client("other-clerk") as clerk:
        absent, deputy = (person_named(visitor, n) for n in ("Văn thư", "Cán bộ quét B"))
        place = agency_named(visitor, "Sở A")
        lent = f"{absent}/records-officer/{place}"
        here = f"/admin/people/{deputy}"
        form = {"lent": lent, "until": "31/12/2099", "reason": "QĐ 12: nghỉ phép"}
        for _ in range(2):
            sent(visitor, f"{here}/appoint", form | {"command": "appoint/1"})
        assert "thay mặt Văn thư" in visitor.get(here).text
        assert f"records-officer/{place}" in clerk.get("/role").text
        sent(visitor, f"{here}/end-substitution", {"lent": lent, "reason": "Đã trở lại"})
        assert f"records-officer/{place}" not in clerk.get("/role").text
        told = history(visitor, deputy)
        assert told.count("Cử người thay mặt") == 1
        not_lent = form | {"lent": f"{absent}/administrator/{place}"}
        assert visitor.post(f"{here}/appoint", not_lent).status_code == 409


def test_sessions_end_when_the_administrator_says_so(own_site: Site) -> None:
    with own_site.client("admin") as visitor, own_site.client("leader") as leader:
        person = person_named(visitor, "Lãnh đạo")
        assert leader.get("/account").status_code == 200
        sent(visitor, f"/admin/people/{person}/end-sessions", {})
        assert leader.get("/account").status_code == 303
    with own_site.client("leader") as again:
        assert again.get("/account").status_code == 200


def test_a_token_is_told_once_and_ends_at_once(own_site: Site) -> None:
    with own_site.client("admin") as visitor, httpx.Client(base_url=own_site.address) as program:
        person, place = person_named(visitor, "Lưu trữ viên B"), agency_named(visitor, "Sở B")
        here = f"/admin/people/{person}"
        form = {"name": "Máy tầng 1", "held": f"archivist/{place}", "until": "1/1/2027"}
        nothing = visitor.post(f"{here}/token", form)
        assert nothing.status_code == 422
        assert 'id="token-scope-error"' in nothing.text
        answer = visitor.post(f"{here}/token", form | {"scope": ["read"]})
        secret = found(answer.text, LINK.pattern)
        page = visitor.get(here).text
        assert "Máy tầng 1" in page
        assert secret not in page
        bearer = {"Authorization": f"Bearer {secret}"}
        assert program.get("/api/v1/dossiers", headers=bearer).status_code == 200
        sent(
            visitor,
            f"{here}/revoke-token",
            {"handle": found(page, r'name="handle" value="([^"]+)"')},
        )
        assert program.get("/api/v1/dossiers", headers=bearer).status_code == 401


def test_the_last_administrator_stays(own_site: Site) -> None:
    with own_site.client("admin") as visitor:
        top = agency_named(visitor, "Tỉnh thử nghiệm")
        founder = found(visitor.get("/admin/people").text, r'(agent-[0-9a-f-]+)">account ')
        revoke = {"held": f"administrator/{top}", "reason": "Không dùng nữa"}
        sent(visitor, f"/admin/people/{founder}/revoke", revoke)
        own = person_named(visitor, "Quản trị viên")
        for change, form in (("close", {"reason": "Thử"}), ("revoke", revoke)):
            answer = visitor.post(f"/admin/people/{own}/{change}", form)
            assert answer.status_code == 409
            assert "người quản trị cuối cùng" in answer.text
        assert visitor.get("/admin").status_code == 200


def test_an_administrator_of_one_agency_sees_and_does_nothing_beyond_it(own_site: Site) -> None:
    people = own_site.chauban
    people.json("agent", "grant", "Lãnh đạo", "--role", "administrator", "--agency", "H33.05")
    people.json("agent", "revoke", "Lãnh đạo", "--role", "leader", "--agency", "H33.05",
                "--why", "Chỉ quản trị")  # fmt: skip
    with own_site.client("admin") as whole:
        beyond, inside = agency_named(whole, "Sở B"), agency_named(whole, "Sở A")
        foreign = person_named(whole, "Cán bộ quét B")
        mixed = person_named(whole, "Cán bộ quét")
    people.json("agent", "grant", "Cán bộ quét", "--role", "archivist", "--agency", "H33.06")
    with own_site.client("leader") as visitor:
        for address in ("/admin/agencies", "/admin/people", "/admin/people?find=B"):
            page = visitor.get(address).text
            assert "Sở B" not in page
            assert "Cán bộ quét B" not in page
        for address in (
            f"/admin/agencies/{beyond}", f"/admin/people/{foreign}",
            f"/audit/history/{beyond}", f"/audit/history/{foreign}", "/admin/people/agent-x",
        ):  # fmt: skip
            assert visitor.get(address).status_code == 404
        assert visitor.post(f"/admin/agencies/{beyond}/rename", {"name": "X"}).status_code == 404
        assert visitor.post(f"/admin/people/{foreign}/close", {"reason": "X"}).status_code == 404
        grant = {"role": "archivist", "agency": beyond, "until": ""}
        assert visitor.post(f"/admin/people/{mixed}/grant", grant).status_code == 404
        page = visitor.get(f"/admin/people/{mixed}").text
        assert "Sở B" not in page
        assert "ngoài phạm vi của bạn" in page
        assert visitor.post(f"/admin/people/{mixed}/close", {"reason": "X"}).status_code == 403
        assert visitor.post(f"/admin/people/{mixed}/invite", {"login": "x.y"}).status_code == 403
        assert visitor.get(f"/admin/agencies/{inside}").status_code == 200


@pytest.mark.parametrize("login", ["clerk", "archivist", "auditor", "leader"])
def test_nobody_else_administers(site: Site, login: str) -> None:
    with site.client(login) as visitor:
        for address in ("/admin", "/admin/agencies", "/admin/people", "/admin/procedures",
                        "/admin/people/new", "/admin/procedures/new"):  # fmt: skip
            assert visitor.get(address).status_code == 403, address


def test_a_procedure_comes_in_versions(own_site: Site) -> None:
    form = {
        "code": "1.013979", "name": "Cấp giấy xác nhận", "components": "Đơn đề nghị\n\nBản vẽ",
        "limit": "5", "unit": "working-day", "rule": "TT 10/2022, 45", "years": "20",
        "since": "1/1/2026",
    }  # fmt: skip
    with own_site.client("admin") as visitor:
        wrong = visitor.post("/admin/procedures/new", form | {"years": "1"})
        assert wrong.status_code == 422
        assert 'id="procedure-years-error"' in wrong.text
        assert "Bản vẽ" in wrong.text
        preview = visitor.post("/admin/procedures/new", form)
        assert preview.status_code == 200
        assert "5 ngày làm việc" in preview.text
        assert "Chưa có thủ tục nào" in visitor.get("/admin/procedures").text
        for _ in range(2):
            sent(visitor, "/admin/procedures/new", form | {"confirmed": "yes", "command": "p/1"})
        page = visitor.get("/admin/procedures").text
        target = found(page, r"/admin/procedures/(procedure-[0-9a-f-]+)")
        again = visitor.get(f"/admin/procedures/new?of={target}").text
        assert "Đơn đề nghị\nBản vẽ" in again
        earlier = visitor.post("/admin/procedures/new", form | {"since": "1/1/2025"})
        assert earlier.status_code == 409
        later = form | {"since": "1/1/2099", "years": "", "confirmed": "yes"}
        sent(visitor, "/admin/procedures/new", later)
        page = visitor.get(f"/admin/procedures/{target}").text
        assert "vĩnh viễn (TT 10/2022, 45)" in page
        assert page.count("Phiên bản ") == 2


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False])
def test_the_whole_way_in_a_browser(
    visits: Visits, prepared_site: Chauban, tmp_path: Path, script: bool
) -> None:
    """Agency, person, invitation; the person enrols with a device in another browser."""
    chauban = copied(prepared_site, tmp_path)
    # The administrator gets a device first.
    with serving(chauban, "--no-worker") as site, site.client("admin") as visitor:
        own = person_named(visitor, "Quản trị viên")
        secret = invited(visitor, own, "admin").rpartition("/")[2]
    with serving(chauban, "--no-worker", env=FACTOR) as site:
        desk = visits.open(site, None, f"/enrol/{secret}", script=script)
        enrol(desk)
        desk.goto("/admin/agencies/new")
        desk.fill("#new-name", "Phòng thử")
        desk.fill("#new-code", "H33.05.01")
        desk.click("main form button[type=submit]")
        assert desk.locator("h1").inner_text() == "Phòng thử"
        desk.goto("/admin/people/new")
        desk.fill("#new-name", "Bà D")
        desk.check("input[value=archivist]")
        desk.select_option("#new-agency", label="H33.05.01 · Phòng thử")
        desk.click("main form button[type=submit]")
        desk.fill("#invite-login", "ba.d")
        desk.click("form[action$=invite] button[type=submit]")
        second = desk.locator("[data-secret]").inner_text()
        colleague = visits.open(site, None, second, script=script)
        enrol(colleague)
        colleague.wait_for_url("**/search*")
        assert "Phòng thử" in colleague.locator(".cb-who").inner_text()


def enrol(page: Any) -> None:
    seed = page.get_attribute("[name=seed]", "value")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.fill("[name=code]", pyotp.TOTP(seed).now())
    page.click("main form button[type=submit]")
    page.wait_for_url(lambda url: "/enrol/" not in url)

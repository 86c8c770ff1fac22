"""Accounts as facts: who may open and close them, and what a crash on the way leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.agents import AccountState, Agent, AgentKind, Grant, Role
from domain.errors import (
    ClaimTakenError,
    InvalidValueError,
    NotPermittedError,
    RuleError,
    UnavailableError,
)
from domain.services import Archive, Request, administration, enrolment, oversight
from domain.services.deciding import load
from domain.values import Basis, CommandId, StreamId
from infrastructure.bootstrap import House, found_archive, opened, read_settings
from tests.identity.conftest import AGENCY, PASSWORD


@dataclass
class Office:
    """An archive with its administrator, and an archivist below in `agency`."""

    house: House
    archivist: StreamId
    agency: StreamId

    @property
    def archive(self) -> Archive:
        return self.house.archive

    def agent(self, stream: StreamId) -> Agent:
        return load(self.archive, stream).agent()

    def request(self, command: str | None = None, agent: StreamId | None = None) -> Request:
        who = agent or self.house.default_agent
        assert who is not None
        chosen = command or self.archive.identifiers.new()
        return Request(self.agent(who), CommandId(chosen), Basis("33/2024/QH15"))

    def hire(self, name: str, *roles: Role) -> StreamId:
        answer = administration.add_agent(
            self.archive, self.request(), name=name, roles=roles, agencies=(self.agency,),
            until=date(2099, 1, 1),
        )  # fmt: skip
        return StreamId(answer.result["agent"])

    def names(self, stream: StreamId) -> list[str]:
        return [type(each.event).__name__ for each in self.archive.journal.load(stream)]

    def enrol(self, secret: str) -> None:
        now = self.archive.clock.now()
        self.archive.accounts.enrol(secret, PASSWORD, seed=None, code=None, now=now)


@contextmanager
def office_in(folder: Path) -> Iterator[Office]:
    settings = read_settings(str(folder / "archive"), {})
    found_archive(settings, name="Tỉnh thử nghiệm", agency="H33", agency_name="Ủy ban")
    with opened(settings) as house:
        house.archive.views.catch_up()
        assert house.default_agent is not None
        agency = load(house.archive, house.default_agent).agent().grants[0].agency
        office = Office(house, house.default_agent, agency)
        office.archivist = office.hire("Lưu trữ viên", Role.ARCHIVIST)
        yield office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with office_in(tmp_path) as made:
        yield made


class Lost:
    """Accounts whose next change fails before anything is stored."""

    def __init__(self, accounts: Any) -> None:
        self._accounts = accounts

    def __getattr__(self, name: str) -> Any:
        if name in ("invite", "set_disabled"):
            raise UnavailableError("disk-full", errno="ENOSPC")
        return getattr(self._accounts, name)


def crashing(office: Office) -> Archive:
    return replace(office.archive, accounts=Lost(office.archive.accounts))


def test_an_invitation_is_a_fact_and_lets_its_holder_in(office: Office) -> None:
    answer, secret = enrolment.invite(
        office.archive, office.request(), office.archivist, " Luu.Tru "
    )
    assert answer.result == {"agent": office.archivist, "login": "luu.tru"}
    assert office.agent(office.archivist).account is AccountState.OPEN
    office.enrol(secret)
    account, agent = enrolment.sign_in(office.archive, "luu.tru", PASSWORD, None)
    assert (account.agent, agent.id) == (office.archivist, office.archivist)
    office.archive.views.catch_up()
    assert oversight.verify(office.archive, office.request()).ok


def test_a_repeated_command_makes_a_new_secret_and_no_second_event(office: Office) -> None:
    request = office.request("invite/1")
    _, first = enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    answer, second = enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    assert answer.repeated
    assert first != second
    assert office.names(office.archivist).count("AccountOpened") == 1
    office.enrol(second)


def test_a_crash_between_the_fact_and_the_secret_is_repaired_by_the_command(
    office: Office,
) -> None:
    request = office.request("invite/1")
    with pytest.raises(UnavailableError):
        enrolment.invite(crashing(office), request, office.archivist, "luu.tru")
    assert office.agent(office.archivist).account is AccountState.OPEN
    assert office.archive.accounts.account(office.archivist) is None
    _, secret = enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    office.enrol(secret)
    assert office.names(office.archivist).count("AccountOpened") == 1


@pytest.mark.parametrize("anew", [False, True])
def test_a_crash_between_closing_and_shutting_is_repaired(office: Office, anew: bool) -> None:
    office.enrol(enrolment.invite(office.archive, office.request(), office.archivist, "lt1")[1])
    request = office.request("close/1")
    with pytest.raises(UnavailableError):
        enrolment.close_account(crashing(office), request, office.archivist, reason="nghỉ hưu")
    assert not office.archive.accounts.account(office.archivist).disabled  # type: ignore[union-attr]
    with pytest.raises(NotPermittedError, match="account-disabled"):
        enrolment.sign_in(office.archive, "lt1", PASSWORD, None)
    if anew:
        with pytest.raises(RuleError, match="account-not-open"):
            enrolment.close_account(
                office.archive, office.request(), office.archivist, reason="nghỉ hưu"
            )
    else:
        enrolment.close_account(office.archive, request, office.archivist, reason="nghỉ hưu")
    assert office.archive.accounts.account(office.archivist).disabled  # type: ignore[union-attr]
    assert office.names(office.archivist).count("AccountClosed") == 1


def test_a_closed_account_opens_by_a_new_invitation_and_by_no_old_command(office: Office) -> None:
    request = office.request("invite/1")
    enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    closing = office.request("close/1")
    enrolment.close_account(office.archive, closing, office.archivist, reason="nghỉ hưu")
    with pytest.raises(RuleError, match="account-not-open"):
        enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    assert office.archive.accounts.account(office.archivist).disabled  # type: ignore[union-attr]
    _, secret = enrolment.invite(office.archive, office.request(), office.archivist, "luu.tru")
    answer = enrolment.close_account(office.archive, closing, office.archivist, reason="nghỉ hưu")
    assert answer.repeated
    office.enrol(secret)
    assert enrolment.sign_in(office.archive, "luu.tru", PASSWORD, None)


def test_who_administers_nothing_of_the_agent_opens_nothing(office: Office) -> None:
    stranger = office.request(agent=office.archivist)
    with pytest.raises(NotPermittedError):
        enrolment.invite(office.archive, stranger, office.archivist, "luu.tru")
    with pytest.raises(NotPermittedError):
        enrolment.close_account(office.archive, stranger, office.archivist, reason="x")
    assert office.agent(office.archivist).account is None


def test_who_lost_the_role_makes_no_secret_by_an_old_command(office: Office) -> None:
    request = office.request("invite/1")
    enrolment.invite(office.archive, request, office.archivist, "luu.tru")
    fired = replace(request, agent=replace(request.agent, grants=()))
    with pytest.raises(NotPermittedError):
        enrolment.invite(office.archive, fired, office.archivist, "luu.tru")


def test_a_login_that_is_taken_or_is_none_leaves_no_event(office: Office) -> None:
    enrolment.invite(office.archive, office.request(), office.archivist, "luu.tru")
    second = office.hire("Lưu trữ viên hai", Role.ARCHIVIST)
    with pytest.raises(ClaimTakenError, match="login-taken"):
        enrolment.invite(office.archive, office.request(), second, "LUU.TRU")
    with pytest.raises(InvalidValueError, match="invalid-login"):
        enrolment.invite(office.archive, office.request(), second, "x")
    assert office.agent(second).account is None


def test_the_worker_has_no_account(office: Office) -> None:
    with pytest.raises(RuleError, match="account-for-persons"):
        enrolment.invite(office.archive, office.request(), office.archive.worker, "worker")


def test_a_second_factor_is_asked_of_who_holds_such_a_role_today() -> None:
    until = date(2026, 3, 2)
    grants = (Grant(Role.LEADER, AGENCY, None), Grant(Role.AUDITOR, AGENCY, until))
    agent = Agent(StreamId("agent-1"), AgentKind.PERSON, "x", grants)
    asked = frozenset({Role.AUDITOR})
    assert enrolment.needs_second_factor(agent, asked, until)
    assert not enrolment.needs_second_factor(agent, asked, date(2026, 3, 3))
    assert not enrolment.needs_second_factor(agent, frozenset(), until)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        (None, {Role.ARCHIVIST, Role.AUDITOR, Role.ADMINISTRATOR}),
        ("none", set()),
        ("leader, auditor", {Role.LEADER, Role.AUDITOR}),
    ],
)
def test_an_installation_chooses_the_roles(text: str | None, roles: set[Role]) -> None:
    environment = {} if text is None else {"CHAUBAN_SECOND_FACTOR": text}
    assert read_settings("x", environment).second_factor == roles
    with pytest.raises(InvalidValueError, match="invalid-setting"):
        read_settings("x", {"CHAUBAN_SECOND_FACTOR": "king"})

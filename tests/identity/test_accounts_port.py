"""Invitations, passwords, second factors, delays, sessions and tokens, at times of our choice."""

import sqlite3
import stat
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher

from domain.agents import Role
from domain.errors import (
    ArchiveError,
    ClaimTakenError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from infrastructure.identity.accounts import SqliteAccounts
from tests.identity.conftest import AGENCY, ANN, BINH, KEK, MORNING, PASSWORD, enrolled

REPOSITORY = Path(__file__).parents[2]
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
MINUTE = timedelta(minutes=1)


def code(at_step: int = 0) -> str:
    return pyotp.TOTP(SEED).at(MORNING + at_step * timedelta(seconds=30))


def refused(accounts: SqliteAccounts, password: str, *, login: str = "ann", **more: object) -> str:
    now = more.pop("now", MORNING)
    with pytest.raises(NotPermittedError) as caught:
        accounts.authenticate(login, password, more.pop("code", None), now=now)  # type: ignore[arg-type]
    return caught.value.code


# ---------------------------------------------------------------- invitations


def test_an_invitation_opens_the_account_once_within_two_days(accounts: SqliteAccounts) -> None:
    secret = accounts.invite(ANN, "  Ann.Văn ", now=MORNING)
    invited = accounts.invited(secret, now=MORNING + timedelta(days=2) - MINUTE)
    assert (invited.agent, invited.login, invited.enrolled) == (ANN, "ann.văn", False)
    with pytest.raises(NotFoundError, match="invitation-unknown"):
        accounts.invited(secret, now=MORNING + timedelta(days=2))
    account = accounts.enrol(secret, PASSWORD, seed=None, code=None, now=MORNING)
    assert (account.enrolled, account.second_factor) == (True, False)
    with pytest.raises(NotFoundError, match="invitation-unknown"):
        accounts.enrol(secret, PASSWORD, seed=None, code=None, now=MORNING)
    decomposed = unicodedata.normalize("NFD", "ANN.VĂN")
    assert accounts.authenticate(decomposed, PASSWORD, None, now=MORNING) == account


def test_a_new_invitation_ends_the_older_one_the_password_and_the_sessions(
    accounts: SqliteAccounts,
) -> None:
    enrolled(accounts)
    cookie = begin(accounts)
    older = accounts.invite(ANN, "ann", now=MORNING)
    newer = accounts.invite(ANN, "ann.2", now=MORNING)
    with pytest.raises(NotFoundError):
        accounts.invited(older, now=MORNING)
    assert accounts.session(cookie, now=MORNING) is None
    assert refused(accounts, PASSWORD) == "sign-in-failed"
    assert refused(accounts, PASSWORD, login="ann.2") == "sign-in-failed"
    assert accounts.invited(newer, now=MORNING).login == "ann.2"


def test_a_login_belongs_to_one_agent(accounts: SqliteAccounts) -> None:
    accounts.invite(ANN, "ann", now=MORNING)
    with pytest.raises(ClaimTakenError, match="login-taken"):
        accounts.invite(BINH, "ANN", now=MORNING)
    assert accounts.holder("Ann") == ANN
    assert accounts.account(BINH) is None


@pytest.mark.parametrize("login", ["", "ab", "a" * 65, "có dấu cách", ".ann", "ann\n"[:3] + "\x00"])
def test_what_is_no_login_is_refused(accounts: SqliteAccounts, login: str) -> None:
    with pytest.raises(InvalidValueError, match="invalid-login"):
        accounts.invite(ANN, login, now=MORNING)


@pytest.mark.parametrize(
    "password",
    [
        "ngắn quá rồi"[:11],
        "x" * 257,
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "123456789012",
        "9876543210987",
        "qwertyuiopas",
        "QWERTYUIOPAS",
        "1qaz2wsx3edc",
        "Nguoi.Luu.Tru",
    ],
)
def test_a_weak_password_is_refused_and_the_invitation_stays_good(
    accounts: SqliteAccounts, password: str
) -> None:
    secret = accounts.invite(ANN, "nguoi.luu.tru", now=MORNING)
    with pytest.raises(InvalidValueError, match="weak-password"):
        accounts.enrol(secret, password, seed=None, code=None, now=MORNING)
    assert not accounts.invited(secret, now=MORNING).enrolled


def test_a_password_is_the_same_in_every_unicode_form(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    decomposed = unicodedata.normalize("NFD", PASSWORD)
    assert decomposed != PASSWORD
    assert accounts.authenticate("ann", decomposed, None, now=MORNING).agent == ANN


def test_an_outdated_hash_is_renewed_by_the_next_sign_in(
    accounts: SqliteAccounts, tmp_path: Path
) -> None:
    enrolled(accounts)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE accounts SET password = ?", (weak,))
        assert accounts.authenticate("ann", PASSWORD, None, now=MORNING).agent == ANN
        (kept,) = db.execute("SELECT password FROM accounts").fetchone()
    assert "m=65536,t=3,p=4" in kept
    assert accounts.authenticate("ann", PASSWORD, None, now=MORNING).agent == ANN


# ---------------------------------------------------------------- second factor


def test_a_code_is_good_once_and_older_ones_go_with_it(accounts: SqliteAccounts) -> None:
    enrolled(accounts, seed=SEED, code=code(-1))
    assert refused(accounts, PASSWORD) == "second-factor-required"
    assert refused(accounts, PASSWORD, code=code(-1)) == "sign-in-failed"
    assert accounts.authenticate("ann", PASSWORD, code(1), now=MORNING).second_factor
    assert refused(accounts, PASSWORD, code=code(1)) == "sign-in-failed"
    assert refused(accounts, PASSWORD, code=code(0)) == "sign-in-failed"
    later = MORNING + MINUTE
    spaced = f"{code(2)[:3]} {code(2)[3:]}"
    assert accounts.authenticate("ann", PASSWORD, spaced, now=later).agent == ANN


@pytest.mark.parametrize("given", [None, "", "000000x", "１２３４５６"])
def test_a_second_factor_is_set_with_a_code_of_it(
    accounts: SqliteAccounts, given: str | None
) -> None:
    secret = accounts.invite(ANN, "ann", now=MORNING)
    for seed in (SEED, "no base32!"):
        with pytest.raises(InvalidValueError, match="wrong-code"):
            accounts.enrol(secret, PASSWORD, seed=seed, code=given, now=MORNING)
    assert accounts.enrol(secret, PASSWORD, seed=SEED, code=code(), now=MORNING).second_factor


def test_codes_of_two_steps_away_do_not_do(accounts: SqliteAccounts) -> None:
    secret = accounts.invite(ANN, "ann", now=MORNING)
    for steps in (-2, 2):
        with pytest.raises(InvalidValueError, match="wrong-code"):
            accounts.enrol(secret, PASSWORD, seed=SEED, code=code(steps), now=MORNING)


def test_many_at_once_use_a_code_once(accounts: SqliteAccounts) -> None:
    enrolled(accounts, seed=SEED, code=code(-1))

    def attempt(_: int) -> str:
        try:
            accounts.authenticate("ann", PASSWORD, code(), now=MORNING)
        except NotPermittedError as exc:
            return exc.code
        return "in"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert sorted(answers) == ["in", *["sign-in-failed"] * 3]


def test_a_seed_is_unreadable_under_other_keys_and_for_another_agent(
    accounts: SqliteAccounts, tmp_path: Path
) -> None:
    enrolled(accounts, seed=SEED, code=code())
    path = tmp_path / "accounts.sqlite"
    held = b"".join(each.read_bytes() for each in tmp_path.glob("accounts.sqlite*"))
    assert SEED.encode() not in held
    assert PASSWORD.encode() not in held
    with (
        closing(SqliteAccounts(path, bytes(32))) as foreign,
        pytest.raises(UnavailableError, match="second-factor-unreadable"),
    ):
        foreign.authenticate("ann", PASSWORD, code(1), now=MORNING)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE accounts SET agent = ?", (BINH,))
    with pytest.raises(UnavailableError, match="second-factor-unreadable"):
        accounts.authenticate("ann", PASSWORD, code(1), now=MORNING)


# ---------------------------------------------------------------- delays


def test_ten_failures_make_a_growing_delay_that_a_right_password_ends(
    accounts: SqliteAccounts,
) -> None:
    enrolled(accounts)
    now = MORNING
    for _ in range(10):
        assert refused(accounts, "sai mật khẩu rồi", now=now) == "sign-in-failed"
    for seconds in (30, 60, 120):
        with pytest.raises(NotPermittedError, match="sign-in-too-often") as caught:
            accounts.authenticate("ann", PASSWORD, None, now=now + timedelta(seconds=1))
        assert caught.value.details["seconds"] == seconds - 1
        now += timedelta(seconds=seconds)
        assert refused(accounts, "sai mật khẩu rồi", now=now) == "sign-in-failed"
    now += timedelta(seconds=240)
    assert accounts.authenticate("ann", PASSWORD, None, now=now).agent == ANN
    assert refused(accounts, "sai mật khẩu rồi", now=now) == "sign-in-failed"
    assert accounts.authenticate("ann", PASSWORD, None, now=now).agent == ANN


def test_a_delay_does_not_tell_whether_the_login_exists(accounts: SqliteAccounts) -> None:
    for _ in range(10):
        assert refused(accounts, PASSWORD, login="nobody") == "sign-in-failed"
    assert refused(accounts, PASSWORD, login="nobody") == "sign-in-too-often"
    assert refused(accounts, PASSWORD, login="nobody", now=MORNING + timedelta(days=2)) == (
        "sign-in-failed"
    )


def test_guessing_codes_is_delayed_though_the_password_is_right(accounts: SqliteAccounts) -> None:
    enrolled(accounts, seed=SEED, code=code())
    for _ in range(10):
        assert refused(accounts, PASSWORD) == "second-factor-required"
        assert refused(accounts, PASSWORD, code="000000") == "sign-in-failed"
    assert refused(accounts, PASSWORD) == "sign-in-too-often"


def test_attempts_at_once_are_counted_before_they_are_looked_at(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: refused(accounts, f"đoán mò lần {n}"), range(16)))
    assert sorted(answers) == ["sign-in-failed"] * 10 + ["sign-in-too-often"] * 6


# ---------------------------------------------------------------- sessions


def begin(accounts: SqliteAccounts, **more: object) -> str:
    given = {"role": None, "agency": None, "device": "d" * 500, "english": False, "now": MORNING}
    return accounts.begin(ANN, **(given | more))  # type: ignore[arg-type]


def test_a_session_ends_after_half_an_hour_without_a_request(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    cookie = begin(accounts)
    at = MORNING
    for _ in range(3):
        at += timedelta(minutes=29)
        session = accounts.session(cookie, now=at)
        assert session is not None
        assert session.agent == ANN
    assert accounts.session(cookie, now=at + timedelta(minutes=30)) is None


def test_a_session_ends_after_twelve_hours_in_all(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    cookie = begin(accounts)
    for minutes in range(20, 12 * 60, 20):
        assert accounts.session(cookie, now=MORNING + minutes * MINUTE) is not None
    assert accounts.session(cookie, now=MORNING + timedelta(hours=12)) is None


def test_what_a_visitor_chose_is_there_at_the_next_request(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    cookie, other = begin(accounts), begin(accounts, now=MORNING + MINUTE)
    accounts.choose(cookie, role=Role.ARCHIVIST, agency=AGENCY, purpose="audit")
    accounts.speak(cookie, english=True)
    session = accounts.session(cookie, now=MORNING)
    assert session is not None
    assert (session.role, session.agency) == (Role.ARCHIVIST, AGENCY)
    assert (session.purpose, session.english, session.begun) == ("audit", True, MORNING)
    assert len(session.device) == 120
    there = accounts.session(other, now=MORNING + MINUTE)
    assert there is not None
    assert (there.role, there.english) == (None, False)
    assert len({session.form_token, there.form_token, session.handle, there.handle}) == 4
    assert [s.handle for s in accounts.sessions(ANN, now=MORNING + MINUTE)] == [
        there.handle,
        session.handle,
    ]
    accounts.end(BINH, session.handle)
    accounts.end(ANN, session.handle)
    assert accounts.session(cookie, now=MORNING) is None
    with pytest.raises(NotFoundError, match="session-ended"):
        accounts.speak(cookie, english=False)
    accounts.end(ANN)
    assert accounts.session(other, now=MORNING + MINUTE) is None


def test_no_secret_stands_in_the_file(accounts: SqliteAccounts, tmp_path: Path) -> None:
    link = accounts.invite(BINH, "binh", now=MORNING)
    enrolled(accounts)
    cookie = begin(accounts)
    key = accounts.issue(
        ANN, "máy quét", Role.SCANNING_CLERK, AGENCY, frozenset({"receive"}), MORNING + MINUTE,
        now=MORNING,
    )  # fmt: skip
    session = accounts.session(cookie, now=MORNING)
    assert session is not None
    files = list(tmp_path.glob("accounts.sqlite*"))
    held = b"".join(each.read_bytes() for each in files)
    for secret in (link, cookie, key, key.removeprefix("cb_"), session.form_token):
        assert secret.encode() not in held
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


# ---------------------------------------------------------------- closing, tokens


def issue(accounts: SqliteAccounts, **more: object) -> str:
    given: dict[str, object] = {
        "name": "Máy quét 1",
        "role": Role.SCANNING_CLERK,
        "agency": AGENCY,
        "scopes": frozenset({"receive", "read"}),
        "until": MORNING + timedelta(days=30),
        "now": MORNING,
    }
    return accounts.issue(ANN, **(given | more))  # type: ignore[arg-type]


def test_a_token_works_until_its_end_or_until_it_is_revoked(accounts: SqliteAccounts) -> None:
    key, other = issue(accounts), issue(accounts, name="Máy quét 2")
    token = accounts.token(key, now=MORNING)
    assert token is not None
    assert (token.agent, token.role, token.agency) == (ANN, Role.SCANNING_CLERK, AGENCY)
    assert token.scopes == {"receive", "read"}
    assert accounts.token(key, now=token.until) is None
    assert accounts.token(key + "x", now=MORNING) is None
    accounts.revoke(BINH, token.handle)
    assert accounts.token(key, now=MORNING) == token
    accounts.revoke(ANN, token.handle)
    assert accounts.token(key, now=MORNING) is None
    assert [each.name for each in accounts.tokens(ANN)] == ["Máy quét 2"]
    assert accounts.token(other, now=MORNING) is not None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scopes": frozenset()}, "invalid-scope"),
        ({"scopes": frozenset({"read", "everything"})}, "invalid-scope"),
        ({"until": MORNING}, "invalid-token-end"),
        ({"until": MORNING + timedelta(days=367)}, "invalid-token-end"),
        ({"name": "  "}, "invalid-name"),
    ],
)
def test_a_token_without_bounds_is_refused(
    accounts: SqliteAccounts, change: dict[str, object], error: str
) -> None:
    with pytest.raises(InvalidValueError, match=error):
        issue(accounts, **change)
    assert not accounts.tokens(ANN)


def test_a_closed_account_is_closed_for_the_very_next_request(accounts: SqliteAccounts) -> None:
    enrolled(accounts)
    cookie, key = begin(accounts), issue(accounts)
    link = accounts.invite(BINH, "binh", now=MORNING)
    for agent in (ANN, BINH):
        accounts.set_disabled(agent, disabled=True)
    assert accounts.session(cookie, now=MORNING) is None
    assert accounts.token(key, now=MORNING) is None
    assert refused(accounts, PASSWORD) == "account-disabled"
    assert refused(accounts, "sai mật khẩu rồi") == "sign-in-failed"
    for attempt in (begin, issue):
        with pytest.raises(NotPermittedError, match="account-disabled"):
            attempt(accounts)
    with pytest.raises(NotFoundError):
        accounts.invited(link, now=MORNING)
    accounts.set_disabled(ANN, disabled=False)
    assert accounts.authenticate("ann", PASSWORD, None, now=MORNING).agent == ANN
    assert accounts.session(cookie, now=MORNING) is None


# ---------------------------------------------------------------- several at once

OTHER_PROCESS = """
import sys
from datetime import timedelta
from pathlib import Path
from infrastructure.identity.accounts import SqliteAccounts
from tests.identity.conftest import AGENCY, KEK, MORNING
from domain.agents import Role
from domain.values import StreamId
accounts = SqliteAccounts(Path(sys.argv[1]), KEK)
for n in range(40):
    agent = StreamId(f"agent-{sys.argv[2]}-{n}")
    accounts.invite(agent, f"{sys.argv[2]}.{n}", now=MORNING)
    accounts.begin(agent, role=None, agency=None, device="", english=False, now=MORNING)
accounts.close()
"""


def test_threads_and_processes_share_a_file_that_the_first_of_them_makes(
    accounts: SqliteAccounts, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.sqlite"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, str(path), name],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]

    def work(n: int) -> None:
        agent = type(ANN)(f"agent-thread-{n}")
        accounts.invite(agent, f"thread.{n}", now=MORNING)
        accounts.begin(agent, role=None, agency=None, device="", english=False, now=MORNING)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
    for other in others:
        _, said = other.communicate(timeout=60)
        assert other.returncode == 0, said.decode()
    names = [f"{who}.{n}" for who in ("one", "two", "thread") for n in range(40)]
    holders = {accounts.holder(name) for name in names}
    assert len(holders) == 120
    assert all(len(accounts.sessions(a, now=MORNING)) == 1 for a in holders if a is not None)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"no database at all, but long enough " * 100)
    with (
        closing(SqliteAccounts(tmp_path / "accounts.sqlite", KEK)) as accounts,
        pytest.raises(ArchiveError, match="database-unavailable") as caught,
    ):
        accounts.account(ANN)
    assert caught.value.details["file"] == "accounts.sqlite"

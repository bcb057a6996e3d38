"""Codes are those of RFC 6238, taken once; passwords are mixed, new and none of the last ones."""

from __future__ import annotations

import datetime as dt
from base64 import b32encode
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import people
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Invalid, LockedOut, Refused, Stale
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import PasswordRules, Role, User
from jinbiao.tests import factories

PASSWORD = "津门 correct horse"
# RFC 6238, appendix B: seconds → code of eight digits, SHA-1.
SECRET = b32encode(b"12345678901234567890").decode()
KNOWN = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
# RFC 4226, appendix D: counter → code of six digits.
COUNTED = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489".split()


@pytest.fixture
def li(installation: Installation) -> User:
    """Add somebody with a real password."""
    with installation.database.write() as session:
        home = factories.organisation(session)
        user, _none = people.add_user(
            session, "li", role=Role.ANNOTATOR, organisation=home, password=PASSWORD
        )
        return user


def enrol(installation: Installation, who: User) -> tuple[str, list[str]]:
    """Set a second factor up; return its secret and the recovery codes."""
    with installation.database.write() as session:
        me = session.get_one(User, who.id)
        secret = people.begin_factor(session, installation.settings, me)
        code = people.code_at(secret, people.step_of(now()) - 1)
        codes = people.confirm_factor(session, installation.settings, me, code)
    return secret, codes


def enter(installation: Installation, who: User, code: str) -> str | None:
    with installation.database.write() as session:
        return people.prove_code(session, installation.settings, who.id, code)


@pytest.mark.parametrize(("seconds", "code"), KNOWN.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    step = people.step_of(dt.datetime.fromtimestamp(seconds, dt.UTC))
    assert people.code_at(SECRET, step, digits=8) == code
    assert people.code_at(SECRET, step) == code[2:]


def test_codes_by_counter_are_those_of_the_standard() -> None:
    assert [people.code_at(SECRET, counter) for counter in range(10)] == COUNTED


@given(st.integers(0, 4_000_000_000), st.integers(-6, 6))
def test_a_code_counts_for_three_steps_and_never_backwards(seconds: int, away: int) -> None:
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    step = people.step_of(moment) + away
    if step < 0:
        return
    code = people.code_at(SECRET, step)
    near = {people.step_of(moment) + one for one in (-1, 0, 1)}
    # Another step of the three may have the same six digits: one in a million.
    same = {one for one in near if one >= 0 and people.code_at(SECRET, one) == code}
    assert (people.matching_step(SECRET, code, moment, -1) is not None) == bool(same)
    assert people.matching_step(SECRET, code, moment, max(near)) is None


def test_a_code_is_used_once(installation: Installation, li: User) -> None:
    secret, _codes = enrol(installation, li)
    step = people.step_of(now())
    # The one that confirmed is used up as well.
    assert enter(installation, li, people.code_at(secret, step - 1)) is None
    code = people.code_at(secret, step)
    assert enter(installation, li, f" {code[:3]} {code[3:]} ") == "code"
    assert enter(installation, li, code) is None
    assert enter(installation, li, people.code_at(secret, people.step_of(now()) + 1)) == "code"


def test_a_recovery_code_lets_in_once_and_only_its_digest_is_kept(
    installation: Installation, li: User
) -> None:
    secret, codes = enrol(installation, li)
    assert len(set(codes)) == 10
    with installation.database.read() as session:
        kept = str(session.execute(sa.text("SELECT * FROM recovery_codes")).all())
        sealed = str(session.execute(sa.text("SELECT * FROM second_factors")).all())
    assert secret not in sealed
    for code in codes:
        assert code not in kept and code.replace("-", "") not in kept
    assert enter(installation, li, codes[0].upper()) == "recovery"
    assert enter(installation, li, codes[0]) is None
    with installation.database.write() as session:
        me = session.get_one(User, li.id)
        assert people.recovery_codes_left(session, me) == 9
        people.renew_recovery_codes(session, me)
    assert enter(installation, li, codes[1]) is None


def test_wrong_codes_lock_together_with_wrong_passwords(
    installation: Installation, li: User
) -> None:
    secret, _codes = enrol(installation, li)
    for attempt in range(installation.settings.lockout_attempts):
        # The password is right each time, and makes no guess at a code free.
        with installation.database.write() as session:
            proof = people.prove(session, "li", PASSWORD)
            assert people.sign_in(session, installation.settings, "li", proof)
        assert enter(installation, li, f"00000{attempt}"[:7] + "x") is None
    with pytest.raises(LockedOut):
        enter(installation, li, people.code_at(secret, people.step_of(now()) + 1))
    with installation.database.write() as session, pytest.raises(LockedOut):
        people.sign_in(session, installation.settings, "li", people.prove(session, "li", PASSWORD))


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "é" * 6, "0" * 100_000, "a-b"])
def test_what_is_no_code_is_refused(installation: Installation, li: User, code: str) -> None:
    enrol(installation, li)
    assert enter(installation, li, code) is None


def test_a_factor_is_on_only_once_it_was_seen_to_work(installation: Installation, li: User) -> None:
    settings = installation.settings
    with installation.database.write() as session:
        me = session.get_one(User, li.id)
        first = people.begin_factor(session, settings, me)
        assert people.begin_factor(session, settings, me) == first
        with pytest.raises(Invalid, match="code"):
            people.confirm_factor(session, settings, me, "é00000")
        assert not people.has_factor(settings, me)
        kept = session.get_one(people.SecondFactor, li.id)
        kept.created_at = now() - dt.timedelta(hours=2)
        session.flush()
        assert people.begin_factor(session, settings, me) != first
    enrol(installation, li)
    with installation.database.write() as session:
        me = session.get_one(User, li.id)
        assert people.has_factor(settings, me)
        assert not people.has_factor(replace(settings, second_factor="off"), me)
        with pytest.raises(Refused):
            people.begin_factor(session, settings, me)
        people.remove_factor(session, me)
        assert not people.has_factor(settings, me)
        with pytest.raises(Refused):
            people.remove_factor(session, me)


@pytest.mark.parametrize(
    ("setting", "role", "needed"),
    [
        ("off", Role.PLATFORM_ADMIN, False),
        ("optional", Role.PLATFORM_ADMIN, False),
        ("administrators", Role.PLATFORM_ADMIN, True),
        ("administrators", Role.AUDIT_ADMIN, True),
        ("administrators", Role.VENDOR_ADMIN, False),
        ("everybody", Role.ANNOTATOR, True),
    ],
)
def test_who_needs_a_factor(
    installation: Installation, li: User, setting: str, role: str, needed: bool
) -> None:
    settings = replace(installation.settings, second_factor=setting)
    li.role = role
    assert people.needs_factor(settings, li) is needed
    assert (people.due(settings, li) == people.FACTOR_DUE) is needed


# --- passwords ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password", ["correct horse", "CORRECTHORSE", "1234567890", "correcthorse7", "li-Correct7x"]
)
def test_passwords_of_too_few_kinds_or_with_the_name(password: str) -> None:
    with pytest.raises(Invalid, match="new"):
        people.check_password(password, "Li-correct7", place="new")


@pytest.mark.parametrize("password", ["Correct horse", "correct-horse7", "津门 correct horse"])
def test_passwords_of_three_kinds(password: str) -> None:
    assert people.check_password(password, "li") == password
    with pytest.raises(Invalid):
        people.check_password(password, "li", PasswordRules(length=30))


def change(installation: Installation, password: str, history: int = 3) -> None:
    rules = PasswordRules(history=history)
    with installation.database.write() as session:
        people.set_password(session, people.get_user(session, "li"), password, rules)


def test_the_last_passwords_are_not_taken_again(installation: Installation, li: User) -> None:
    for password in ("Number one 1", "Number two 2"):
        change(installation, password)
    for password in (PASSWORD, "Number one 1", "Number two 2"):
        with pytest.raises(Invalid, match="password"):
            change(installation, password)
    change(installation, "Number three 3")
    change(installation, PASSWORD)
    with installation.database.read() as session:
        kept = session.scalar(sa.select(sa.func.count()).select_from(people.PastPassword))
    assert kept == 2
    change(installation, PASSWORD, history=0)


def test_a_password_that_was_changed_meanwhile_stays(installation: Installation, li: User) -> None:
    with installation.database.read() as session:
        slow = people.new_password(session, session.get_one(User, li.id), "Number one 1")
    change(installation, "Number two 2")
    with installation.database.write() as session, pytest.raises(Stale):
        people.keep_password(session, session.get_one(User, li.id), slow)


def test_an_old_password_is_due(installation: Installation, li: User) -> None:
    settings = installation.settings
    assert people.due(settings, li) is None
    li.password_changed_at = now() - dt.timedelta(days=91)
    assert people.due(settings, li) == people.PASSWORD_DUE
    assert people.due(settings, li, "openid") is None
    assert people.due(replace(settings, password_days=0), li) is None

"""People are who they say: passwords, lockout, sessions and tokens, kept as digests only."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Invalid, LockedOut, NotFound
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role, Token, User, WebSession
from jinbiao.tests import factories

PASSWORD = "津门 correct horse"


@pytest.fixture
def li(installation: Installation) -> User:
    """Add somebody with a real password."""
    with installation.database.write() as session:
        home = factories.organisation(session)
        user, generated = people.add_user(
            session, "li", role=Role.ANNOTATOR, organisation=home, password=PASSWORD
        )
        assert generated is None
        return user


def sign_in(installation: Installation, password: str, username: str = "li") -> User | None:
    with installation.database.write() as session:
        proof = people.prove(session, username, password)
        return people.sign_in(session, installation.settings, username, proof)


# --- passwords ---------------------------------------------------------------------------------


def test_a_password_is_kept_as_argon2_only(installation: Installation, li: User) -> None:
    with installation.database.read() as session:
        row = session.execute(sa.text("SELECT * FROM users")).one()
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in "".join(map(str, row))
    found = sign_in(installation, PASSWORD)
    assert found and found.id == li.id
    assert sign_in(installation, PASSWORD + " ") is None
    assert sign_in(installation, PASSWORD, "nobody") is None
    assert people.password_matches(li, PASSWORD)
    assert not people.password_matches(User(password_hash=""), "")


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaa", "abababababab", "x" * 257])
def test_passwords_that_are_no_protection(installation: Installation, password: str) -> None:
    with installation.database.write() as session:
        home = factories.organisation(session)
        with pytest.raises(Invalid, match="password"):
            people.add_user(
                session, "wang", role=Role.ANNOTATOR, organisation=home, password=password
            )


def test_without_a_password_a_one_time_one_is_made(installation: Installation) -> None:
    with installation.database.write() as session:
        home = factories.organisation(session)
        user, generated = people.add_user(session, "wu", role=Role.REVIEWER, organisation=home)
    assert generated and len(generated) >= 16 and user.password_is_temporary
    assert sign_in(installation, generated, "wu")
    with installation.database.write() as session:
        people.set_password(session, session.get_one(User, user.id), PASSWORD)
    found = sign_in(installation, PASSWORD, "wu")
    assert found and not found.password_is_temporary
    assert sign_in(installation, generated, "wu") is None


def test_a_new_password_signs_every_browser_out(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        secret = people.open_session(session, installation.settings, li)
    with installation.database.write() as session:
        people.set_password(session, session.get_one(User, li.id), "another good 1")
    with installation.database.read() as session:
        assert people.user_of_session(session, secret) is None


def test_somebody_who_left_cannot_come_in(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        secret = people.open_session(session, installation.settings, li)
        _token, key = people.add_token(session, li)
        session.get_one(User, li.id).is_active = False
    assert sign_in(installation, PASSWORD) is None
    with installation.database.read() as session:
        assert people.user_of_session(session, secret) is None
        assert people.user_of_token(session, key) is None


# --- lockout -----------------------------------------------------------------------------------


def test_failures_are_counted_for_ever_and_lock(installation: Installation, li: User) -> None:
    for attempt in range(1, installation.settings.lockout_attempts + 1):
        assert sign_in(installation, "wrong") is None
        with installation.database.read() as session:
            expected = attempt % installation.settings.lockout_attempts
            assert session.get_one(User, li.id).failed_logins == expected
    for password in ("wrong", PASSWORD):
        with pytest.raises(LockedOut) as refused:
            sign_in(installation, password)
    assert refused.value.values == {"minutes": installation.settings.lockout_minutes}


def test_the_lock_ends_by_itself_and_success_forgets(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        row = session.get_one(User, li.id)
        row.locked_until, row.failed_logins = now() - dt.timedelta(seconds=1), 3
    assert sign_in(installation, PASSWORD)
    with installation.database.read() as session:
        row = session.get_one(User, li.id)
        assert (row.failed_logins, row.locked_until) == (0, None)


def test_failures_at_once_are_all_counted(installation: Installation, li: User) -> None:
    patient = replace(installation, settings=replace(installation.settings, lockout_attempts=50))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sign_in(patient, "wrong"), range(8)))
    with installation.database.read() as session:
        assert session.get_one(User, li.id).failed_logins == 8


# --- sessions and tokens -----------------------------------------------------------------------


def test_a_session_lives_until_it_is_closed_or_over(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        first = people.open_session(session, installation.settings, li)
        second = people.open_session(session, installation.settings, li)
        session.flush()
        found = people.user_of_session(session, first)
        assert found and found.id == li.id
        people.close_session(session, first)
        assert people.user_of_session(session, first) is None
        assert people.user_of_session(session, second)
        assert first not in str(session.scalars(sa.select(WebSession.digest)).all())
        session.execute(sa.update(WebSession).values(expires_at=now() - dt.timedelta(seconds=1)))
        session.expire_all()
        assert people.user_of_session(session, second) is None
        # The next one sweeps up what is over.
        people.open_session(session, installation.settings, li)
        session.flush()
        assert session.scalar(sa.select(sa.func.count()).select_from(WebSession)) == 1


def test_a_token_is_shown_once_and_kept_as_a_digest(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        token, secret = people.add_token(session, li, "脚本")
        assert len(secret) == 40 and int(secret, 16) >= 0
        found = people.user_of_token(session, secret)
        assert found and found.id == li.id
        assert secret not in str(session.execute(sa.text("SELECT * FROM tokens")).all())
        assert people.user_of_token(session, token.digest) is None
        assert [one.name for one in people.tokens(session, li)] == ["脚本"]


def test_tokens_end(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        other = factories.person(session)
        _token, lasting = people.add_token(session, li)
        short, brief = people.add_token(session, li, days=1)
        revoked, gone = people.add_token(session, li)
        with pytest.raises(NotFound):
            people.revoke_token(session, other, revoked.id)
        people.revoke_token(session, li, revoked.id)
        short.expires_at = now() - dt.timedelta(seconds=1)
        session.flush()
        alive = [people.user_of_token(session, secret) for secret in (lasting, brief, gone)]
        assert [one is not None for one in alive] == [True, False, False]
        assert session.get_one(Token, revoked.id).revoked_at


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["a", "tianjin", "tj-data-1", "0", "a" * 40])
def test_slugs_that_addresses_can_hold(installation: Installation, slug: str) -> None:
    with installation.database.write() as session:
        made = people.add_organisation(session, slug, "津市数据局")
        assert people.get_organisation(session, slug).id == made.id
        with pytest.raises(Invalid, match="taken"):
            people.add_organisation(session, slug, "again")


@pytest.mark.parametrize(
    "slug", ["", "A", "天津", "a--b", "-a", "a-", "a.b", "a/b", "a" * 41, "a\n"]
)
def test_slugs_that_they_cannot(installation: Installation, slug: str) -> None:
    with installation.database.write() as session, pytest.raises(Invalid, match="slug"):
        people.add_organisation(session, slug, "x")


@pytest.mark.parametrize("username", ["", "-a", "a b", "李", "a" * 65, "a\n", "../x"])
def test_user_names_that_are_refused(installation: Installation, username: str) -> None:
    with installation.database.write() as session:
        home = factories.organisation(session)
        with pytest.raises(Invalid, match="username"):
            people.add_user(session, username, role=Role.ANNOTATOR, organisation=home)


def test_a_name_is_given_once_and_the_role_is_known(installation: Installation, li: User) -> None:
    with installation.database.write() as session:
        home = session.get_one(User, li.id).organisation
        with pytest.raises(Invalid, match="taken"):
            people.add_user(session, "li", role=Role.ANNOTATOR, organisation=home)
        with pytest.raises(Invalid, match="role"):
            people.add_user(session, "zhao", role="king", organisation=home)
        assert [user.username for user in people.users(session, home.id)] == ["li"]
        with pytest.raises(NotFound):
            people.get_user(session, "zhao")


def test_a_pseudonym_says_nothing(installation: Installation, li: User) -> None:
    assert li.pseudonym.startswith("person-") and li.username not in li.pseudonym.split("-")[1]


def test_one_line_of_text() -> None:
    assert people.clean_line("  津标 ", "name", 10) == "津标"
    for wrong in ("", "a\tb", "a\x7f", "x" * 11):
        with pytest.raises(Invalid, match="name"):
            people.clean_line(wrong, "name", 10)

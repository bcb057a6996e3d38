"""Organisations, teams and roles: codes with a check character, who holds what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from jinbiao.datasets import people, permissions, staff
from jinbiao.datasets.errors import Invalid, JinbiaoError, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import OrganisationKind, Role, User
from jinbiao.datasets.people.credit_codes import ALPHABET, check_character

# The example of GB 32100-2015, and three institutions' own.
KNOWN = ("91350100M000100Y43", "91110108551385082Q", "12100000400000624D", "91110000802100433B")
WITHOUT_CHECK = st.builds(
    lambda head, place, rest: head + place + rest,
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


@pytest.mark.parametrize("code", KNOWN)
def test_known_codes_are_good(code: str) -> None:
    assert people.checked_credit_code(f" {code.lower()} ") == code


@given(WITHOUT_CHECK, st.integers(0, 17), st.data())
def test_any_slip_of_one_character_is_seen(code: str, place: int, data: st.DataObject) -> None:
    good = code + check_character(code)
    assert people.checked_credit_code(good) == good
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != good[place]]))
    with pytest.raises(Invalid):
        people.checked_credit_code(good[:place] + other + good[place + 1 :])


@given(st.integers(0, 16), WITHOUT_CHECK)
def test_two_neighbours_that_changed_places_are_seen(place: int, code: str) -> None:
    good = code + check_character(code)
    swapped = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    if swapped != good:
        with pytest.raises(Invalid):
            people.checked_credit_code(swapped)


@pytest.mark.parametrize("code", ["9135010", "91350100M000100Y4I", "9135010XM000100Y43", "x" * 18])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Invalid):
        people.checked_credit_code(code)
    assert people.checked_credit_code("  ") is None


def crowd(session: Session) -> tuple[User, User]:
    """Add a security administrator and a company's annotator."""
    platform = people.add_organisation(session, "home", "平台", kind="platform")
    company = people.add_organisation(session, "company", "公司", kind="vendor")
    guard, _once = people.add_user(
        session, "guard", role=Role.SECURITY_ADMIN, organisation=platform, password="long enough 7"
    )
    worker, _once = people.add_user(
        session, "worker", role=Role.ANNOTATOR, organisation=company, password="long enough 7"
    )
    return guard, worker


def test_every_change_of_a_role_obeys_both_tables(installation: Installation) -> None:
    with installation.database.write() as session:
        guard, worker = crowd(session)
        for kind in OrganisationKind:
            for role in Role:
                worker.organisation.kind, worker.role = kind, Role.ANNOTATOR
                given = permissions.may_grant(guard, role, worker.organisation_id)
                held = role in permissions.HOLDS[kind]
                try:
                    staff.change_role(session, installation.settings, guard, worker, role)
                except JinbiaoError:
                    assert not (given and held), (kind, role)
                    assert worker.role == Role.ANNOTATOR
                else:
                    assert given and held and worker.role == role


def test_nobody_touches_their_own_rights(installation: Installation) -> None:
    with installation.database.write() as session:
        home = people.add_organisation(session, "all", "全")
        chief, _once = people.add_user(
            session, "chief", role=Role.PLATFORM_ADMIN, organisation=home, password="long enough 7"
        )
        with pytest.raises(Refused):
            staff.change_role(session, installation.settings, chief, chief, Role.ANNOTATOR)
        with pytest.raises(Refused):
            staff.shut_out(session, chief, chief)


def test_an_organisation_does_not_become_what_its_people_do_not_fit(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        guard, worker = crowd(session)
        with pytest.raises(Invalid) as told:
            staff.change_organisation(session, guard, worker.organisation, kind="bureau")
        assert told.value.values["username"] == "worker"
        worker.organisation.kind = "vendor"
        staff.shut_out(session, guard, worker)
        staff.change_organisation(session, guard, worker.organisation, kind="bureau")
        # Who was shut out does not come back into what they do not fit.
        with pytest.raises(Invalid):
            staff.let_in(session, installation.settings, guard, worker)


def test_the_three_administrators_are_made_once_and_are_three(installation: Installation) -> None:
    with installation.database.write() as session:
        made = staff.add_administrators(session, staff.THE_THREE)
        assert {user.role for user, _password in made} == permissions.THREE_ADMINISTRATORS
        assert len({password for _user, password in made}) == 3
        assert staff.add_administrators(session, staff.THE_THREE) == []
        home = made[0][0].organisation
        assert home.kind == "platform"


def test_people_are_listed_by_pages_and_teams(installation: Installation) -> None:
    with installation.database.write() as session:
        guard, worker = crowd(session)
        names = [f"p{number:02}" for number in range(5)]
        crew = [
            people.add_user(
                session,
                name,
                role=Role.ANNOTATOR,
                organisation=worker.organisation,
                password="long enough 7",
            )[0]
            for name in names
        ]
        team = people.add_team(session, worker.organisation, "甲班")
        for each in crew[:3]:
            people.put_in_team(session, each, team)
        session.flush()
        first = staff.visible(session, guard, limit=3)
        rest = staff.visible(session, guard, after=first[-1].username)
        assert [user.username for user in first + rest] == ["guard", *names, "worker"]
        inside = staff.visible(session, guard, staff.Wanted(team=team.id))
        assert [user.username for user in inside] == names[:3]
        outside = staff.visible(session, guard, staff.Wanted(team=0, search="p0"))
        assert [user.username for user in outside] == names[3:]

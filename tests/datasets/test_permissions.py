"""Who may do what, as one table; and "not found" comes before "not allowed"."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from jinbiao.datasets import permissions
from jinbiao.datasets.errors import Forbidden, NotFound, NotSignedIn
from jinbiao.datasets.people import OrganisationKind, Role, User

# The columns are the roles in their order: the platform's, the system's, the security's and the
# audit's administrators · requester, acceptance inspector, annotation manager · company
# administrator, team leader · annotator, reviewer, arbitrator, pace tester · model builder,
# data bureau, industry bureau.
TABLE = """
account.use           ● ● ● ● ● ● ● ● ● ● ● ● ● ● ● ●
annotation.change     ● · · · ● · · · · · · · · · · ·
annotation.export     ● · · · ● · ● ● · · · · · · · ·
annotation.read       ● · · · ● ● ● ● ● · ● ● · · · ·
annotation.review     ● · · · ● · · · · · ● ● · · · ·
annotation.write      ● · · · ● · · ● · ● · · ● · · ·
assignment.manage     ● · · · ● · ● ● ● · · · · · · ·
audit.read            ● · · ● · · · · · · · · · · · ·
cleaning.run          ● · · · ● · ● · · · · · · · · ·
connection.manage     ● · · · ● · · · · · · · · · · ·
dataset.apply         ● · · · ● ● ● ● ● ● ● ● ● ● ● ●
dataset.open          ● · · · ● · · · · · · · · · · ·
dataset.publish       ● · · · ● · · · · · · · · · · ·
dataset.read          ● · · · ● ● ● ● ● · · · · ● ● ●
discussion.write      ● · · · ● ● ● ● ● ● ● ● ● ● ● ●
exam.manage           ● · · · ● · ● · · · · · · · · ·
feed.manage           ● · · · ● · · · · · · · · · · ·
finding.decide        ● · · · ● · ● · · · · · · · · ·
finding.read          ● · · · ● ● ● · · · · · · · · ·
finding.reveal        ● · · · ● · · · · · · · · · · ·
finding.scan          ● · · · ● · ● · · · · · · · · ·
gold.manage           ● · · · ● · ● · · · · ● · · · ·
guideline.publish     ● · · · ● · ● · · · · · · · · ·
integrity.decide      ● · · · ● · ● · · · · · · · · ·
job.cancel            ● ● · · ● · ● ● · · · · · · · ·
job.read              ● ● · · ● ● ● ● ● · · · · · · ·
library.bring         ● · · · ● · · · · · · · · · · ·
library.change        ● · · · ● · · · · · · · · · · ·
library.read          ● · · · ● ● ● · · · · · · · · ·
lot.inspect           ● · · · · ● · · · · · · · · · ·
organisation.manage   ● · ● · · · · · · · · · · · · ·
people.manage         ● · ● · · · · ● · · · · · · · ·
people.read           ● · ● · ● ● ● ● ● · ● ● · · · ·
platform.operate      ● ● · · · · · · · · · · · · · ·
prediction.read       ● · · · ● ● ● ● ● · ● ● · · · ·
prediction.write      ● · · · ● · ● ● · · · · · · · ·
prelabel.run          ● · · · ● · ● ● · · · · · · · ·
project.change        ● · · · ● · ● · · · · · · · · ·
project.create        ● · · · ● · · · · · · · · · · ·
project.read          ● · · · ● ● ● ● ● ● ● ● ● · · ·
quality.read          ● · · · ● ● ● ● ● · · ● ● · · ·
recipe.write          ● · · · ● · · · · · · · · · · ·
release.push          ● · · · ● · · · · · · · · · · ·
review.arbitrate      ● · · · ● · · · · · · ● · · · ·
statistics.read       ● · · · · · · · · · · · · · ● ●
storage.manage        ● ● · · · · · · · · · · · · · ·
storage.read          ● · · · ● · · · · · · · · · · ·
task.change           ● · · · ● · ● · · · · · · · · ·
task.claim            ● · · · · · · · · ● · · ● · · ·
task.flag             ● · · · ● · ● · · ● ● ● ● · · ·
task.import           ● · · · ● · ● ● · · · · · · · ·
task.read             ● · · · ● ● ● ● ● ● ● ● ● · · ·
team.manage           ● · ● · · · · ● · · · · · · · ·
team.read             ● · ● · ● · ● ● ● · · · · · · ·
transfer.write        ● · · · ● · ● ● · · · · · · · ·
version.export        ● · · · ● · · · · · · · · · · ·
version.freeze        ● · · · ● · · · · · · · · · · ·
version.read          ● · · · ● ● ● ● ● · · · · · · ·
view.change           ● · · · ● ● ● ● ● · ● ● · · · ·
"""


@dataclass
class Thing:
    """Something of organisation 1 that organisation 2 works on."""

    organisation_id: int = 1
    vendor_id: int | None = 2


def somebody(role: str, organisation: int = 1) -> User:
    return User(username="li", role=role, organisation_id=organisation)


def test_the_table_of_rights() -> None:
    lines = [""]
    for action in sorted(permissions.ACTIONS):
        marks = ["●" if permissions.allows(somebody(role), action) else "·" for role in Role]
        lines.append(f"{action:<21} {' '.join(marks)}")
    assert "\n".join([*lines, ""]) == TABLE


def test_a_right_that_does_not_exist_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        permissions.allows(somebody(Role.PLATFORM_ADMIN), "task.fly")


def test_an_unknown_role_may_nothing() -> None:
    assert not any(permissions.allows(somebody("?"), action) for action in permissions.ACTIONS)


@pytest.mark.parametrize("role", [*Role][1:])
def test_the_owner_and_the_vendor_see_a_thing_and_nobody_else(role: Role) -> None:
    seen = [permissions.sees(somebody(role, home), Thing()) for home in (1, 2, 3)]
    assert seen == [True, True, False]
    assert not permissions.sees(somebody(role, 3), Thing(vendor_id=None))


def test_not_found_comes_before_forbidden() -> None:
    with pytest.raises(NotSignedIn):
        permissions.require(None, "project.change", Thing())
    with pytest.raises(NotFound):
        permissions.require(somebody(Role.ANNOTATOR, 3), "project.change", Thing())
    with pytest.raises(NotFound):
        permissions.require(somebody(Role.REQUESTER, 3), "project.change", Thing())
    with pytest.raises(Forbidden):
        permissions.require(somebody(Role.ANNOTATOR, 1), "project.change", Thing())
    li = somebody(Role.REQUESTER, 1)
    assert permissions.require(li, "project.change", Thing()) is li
    assert permissions.require(somebody(Role.PLATFORM_ADMIN, 3), "project.change", Thing())


@pytest.mark.parametrize("action", sorted(permissions.OWNERS_ONLY))
def test_a_company_does_not_decide_what_belongs_to_the_owner(action: str) -> None:
    holders = [role for role in [*Role][1:] if permissions.allows(somebody(role), action)]
    assert holders
    for role in holders:
        permissions.require(somebody(role, 1), action, Thing())
        with pytest.raises(Forbidden):
            permissions.require(somebody(role, 2), action, Thing())


def test_the_three_administrators_share_nothing_but_their_own_account() -> None:
    parts = [permissions.ALLOWED[role] for role in sorted(permissions.THREE_ADMINISTRATORS)]
    assert len(parts) == 3
    for one in parts:
        for other in parts:
            assert one is other or one & other == {"account.use"}
    # None of them sees or does any of the work.
    work = {"project.read", "task.read", "annotation.read", "version.read", "prediction.read"}
    assert not work & frozenset().union(*parts)


def test_nobody_gives_the_roles_of_the_three_and_few_give_any() -> None:
    given = {role: sorted(roles) for role, roles in permissions.GRANTS.items()}
    assert given == {
        Role.PLATFORM_ADMIN: sorted(set(Role) - permissions.THREE_ADMINISTRATORS),
        Role.SECURITY_ADMIN: sorted(
            set(Role) - permissions.THREE_ADMINISTRATORS - {Role.PLATFORM_ADMIN}
        ),
        Role.VENDOR_ADMIN: ["annotator", "reviewer", "speed_tester", "team_leader", "vendor_admin"],
    }


@pytest.mark.parametrize("role", Role)
def test_a_role_is_given_by_those_who_manage_people_and_only_where_they_do(role: Role) -> None:
    giver = somebody(role, 1)
    for wanted in Role:
        here, elsewhere = (permissions.may_grant(giver, wanted, home) for home in (1, 2))
        in_table = wanted in permissions.GRANTS.get(role, frozenset())
        assert here == (in_table and permissions.allows(giver, "people.manage"))
        assert elsewhere == (here and permissions.sees_everybody(giver))
    giver.limit(("read",))
    assert not any(permissions.may_grant(giver, wanted, 1) for wanted in Role)


def test_no_kind_of_organisation_holds_those_who_label_for_pay_and_those_who_accept() -> None:
    assert set(permissions.HOLDS) == {"", *OrganisationKind}
    for kind, roles in permissions.HOLDS.items():
        if kind:
            assert not {Role.VENDOR_ADMIN, Role.ACCEPTANCE_INSPECTOR} <= roles
            administers = permissions.THREE_ADMINISTRATORS | {Role.PLATFORM_ADMIN}
            assert bool(roles & administers) == (kind == OrganisationKind.PLATFORM)
    held = frozenset().union(*(roles for kind, roles in permissions.HOLDS.items() if kind))
    assert held == set(Role)

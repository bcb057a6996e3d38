"""Who may do what, as one table; and "not found" comes before "not allowed"."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from jinbiao.datasets import permissions
from jinbiao.datasets.errors import Forbidden, NotFound, NotSignedIn
from jinbiao.datasets.people import Role, User

# administrator, requester, vendor administrator, annotator, reviewer
TABLE = """
account.use           ● ● ● ● ●
annotation.change     ● ● · · ·
annotation.export     ● ● ● · ·
annotation.read       ● ● ● · ●
annotation.review     ● ● · · ●
annotation.write      ● ● ● ● ·
audit.read            ● · · · ·
connection.manage     ● ● · · ·
dataset.publish       ● ● · · ·
dataset.read          ● ● ● · ·
job.cancel            ● ● ● · ·
job.read              ● ● ● · ·
organisation.manage   ● · · · ·
people.manage         ● · ● · ·
platform.operate      ● · · · ·
prediction.read       ● ● ● · ●
prediction.write      ● ● ● · ·
prelabel.run          ● ● ● · ·
project.change        ● ● · · ·
project.create        ● ● · · ·
project.read          ● ● ● ● ●
task.change           ● ● · · ·
task.claim            ● · · ● ·
task.import           ● ● ● · ·
task.read             ● ● ● ● ●
version.export        ● ● · · ·
version.freeze        ● ● · · ·
version.read          ● ● ● · ·
view.change           ● ● ● · ●
"""
ROLES = (
    Role.PLATFORM_ADMIN,
    Role.REQUESTER,
    Role.VENDOR_ADMIN,
    Role.ANNOTATOR,
    Role.REVIEWER,
)


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
        marks = ["●" if permissions.allows(somebody(role), action) else "·" for role in ROLES]
        lines.append(f"{action:<21} {' '.join(marks)}")
    assert "\n".join([*lines, ""]) == TABLE


def test_a_right_that_does_not_exist_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        permissions.allows(somebody(Role.PLATFORM_ADMIN), "task.fly")


def test_an_unknown_role_may_nothing() -> None:
    assert not any(permissions.allows(somebody("?"), action) for action in permissions.ACTIONS)


@pytest.mark.parametrize("role", ROLES[1:])
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

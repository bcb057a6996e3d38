"""Open the installation for a command, and say as whom it acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from ...datasets import errors, migrations, people, permissions, settings, staff
from ...datasets.errors import _
from ...datasets.installation import Installation, open_installation
from ...datasets.people import Role, User
from .asking import check_named

# Where the settings of the running command are kept for those who ask who it may act as.
_SETTINGS = "jinbiao.settings"


@contextmanager
def opened() -> Iterator[Installation]:
    """Open the installation that the environment names; its schema must be there.

    Raises:
        errors.Unavailable: the database is away or not migrated.
    """
    installation = open_installation(settings.load())
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_SETTINGS] = installation.settings
    try:
        installation.database.check()
        migrations.check(installation.database)
        yield installation
    finally:
        installation.close()


def acting_as(session: Session, username: str, action: str) -> User:
    """Return the person that a command acts as; whoever runs it holds the database anyway.

    Raises:
        errors.NotFound: there is no such person.
        errors.Forbidden: their role does not have the right.
    """
    check_named(action)
    found = people.get_user(session, username)
    chosen = _chosen()
    if chosen is not None and people.is_set_aside(chosen, found):
        raise errors.Forbidden(
            _("the administrators are separate here: nobody is a platform administrator")
        )
    return permissions.require(found, action)


def manager(session: Session, action: str = "people.manage") -> User:
    """Return as whom a command manages people: the administrator, or the security administrator
    where the administrators are separate.

    Raises:
        errors.NotFound: there is nobody of that role.
    """
    chosen = _chosen()
    if chosen is None or not chosen.separate_administrators:
        return acting_as(session, "admin", action)
    found = staff.select_active(session, [Role.SECURITY_ADMIN]).get(Role.SECURITY_ADMIN)
    if found is None:
        raise errors.NotFound(_("there is no security administrator: run “jinbiao administrators”"))
    return acting_as(session, found.username, action)


def _chosen() -> settings.Settings | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_SETTINGS)

"""Make the first people of an installation, and print their one-time passwords."""

from __future__ import annotations

import click

from ...datasets import audit, people, staff
from ...datasets.installation import Installation
from ...datasets.people import Role
from .printing import say_passwords


def first_people(installation: Installation) -> None:
    """Make the first administrator, once, and print the one-time password, once; or the three."""
    if installation.settings.separate_administrators:
        with installation.database.write() as session:
            made = staff.add_administrators(session, staff.THE_THREE)
        say_passwords(made)
        return
    with installation.database.write() as session:
        if people.find_user(session, "admin") is not None:
            return
        platform = people.find_organisation(session, "platform") or people.add_organisation(
            session, "platform", "平台", kind="platform"
        )
        admin, password = people.add_user(
            session, "admin", role=Role.PLATFORM_ADMIN, organisation=platform, name="管理员"
        )
        audit.record(session, "jinbiao", "person.create", f"user/{admin.username}")
    click.echo("管理员 admin 的一次性密码，只显示这一次 · one-time password, shown this once:")
    click.echo(f"  {password}")

"""Open the installation for a command, and say as whom it acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import migrations, people, permissions, settings
from ...datasets.installation import Installation, open_installation
from ...datasets.jobs import Job
from ...datasets.people import User
from ...datasets.projects import Project
from ...workers import run
from .printing import progress


@contextmanager
def opened() -> Iterator[Installation]:
    """Open the installation that the environment names; its schema must be there.

    Raises:
        errors.Unavailable: the database is away or not migrated.
    """
    installation = open_installation(settings.load())
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
    return permissions.require(people.get_user(session, username), action)


def run_here(
    installation: Installation,
    actor: User,
    project: Project,
    kind: str,
    request: dict[str, Any],
    title: str,
) -> Job:
    """Do a job in this process with a progress bar, the same one a worker would do.

    Raises:
        errors.JinbiaoError: as the job ended.
    """
    with progress(title) as show:
        return run.do_here(installation, actor, project, kind, request, show)

"""Keep what tells of persons from being published: scan first, then say all reasons against."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from ..datasets import catalogue, clearance, errors
from ..datasets.errors import Problem, _
from ..datasets.projects import Project
from ..datasets.versions import FrozenVersion
from . import scan
from .work import Work

Answer = TypeVar("Answer")


def cleared(work: Work, version: FrozenVersion, facts: Callable[[], Answer]) -> Answer:
    """Return the facts of a dataset to be published, where nothing speaks against it.

    Texts that were not looked at since they changed are looked at first, and then those of the
    version itself, so that a clean project is published without anybody's doing.

    Raises:
        errors.Invalid: with the reasons of the facts, of the findings and of the sources together.
    """
    with work.installation.database.read() as session:
        project = session.get_one(Project, int(work.project_id or 0))
    scan.refresh(work, project)
    installation = work.installation
    clearance.search(
        installation.database,
        installation.settings,
        version.id,
        lambda session: work.advance(session, 0),
    )
    with work.installation.database.read() as session:
        problems = clearance.faults(session, project, version.id)
        name, told = str(work.request.get("name") or ""), work.request.get("facts") or {}
        problems += catalogue.level_faults(session, project, name, told, version.id)
    if not problems:
        return facts()
    try:
        facts()
    except errors.Invalid as problem:
        said = problem.problems or [Problem(problem.place, problem.message, problem.values)]
        problems = [*said, *problems]
    raise refusal(problems)


def check_again(session: Session, project_id: int, version: FrozenVersion) -> None:
    """Look once more where the release is written: somebody may have decided otherwise.

    Raises:
        errors.Invalid: a value that stands in the version is dismissed no more.
    """
    project = session.get_one(Project, project_id)
    if problems := clearance.faults_now(session, project, version.id):
        raise refusal(problems)


def refusal(problems: list[Problem]) -> errors.Invalid:
    """Return what to raise where these reasons speak against publishing; it lists them all."""
    return errors.Invalid(
        _("the dataset cannot be published yet: %(every)s"),
        problems=problems,
        every="; ".join(map(str, problems)),
    )

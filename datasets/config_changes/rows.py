"""Keep changes of labelling configs: what was asked for, how far it is, what it touched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors, permissions
from ..db import Base, Id, now
from ..errors import _
from ..jobs import Job, JobState
from ..people import User
from ..projects import Project
from . import steps as config_steps
from .steps import Step


class ChangeState(StrEnum):
    """How far a change is."""

    WAITING = "waiting"
    # Both the old labels and the new ones are in the config.
    MOVING = "moving"
    DONE = "done"


class ConfigChange(Base):
    """One change of a project's labels, carried out by a job that may be begun again."""

    __tablename__ = "config_changes"
    __table_args__ = (sa.Index("ix_config_changes_project", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    note: Mapped[str] = mapped_column(default="")
    # JSON: what `steps.to_plain` writes.
    steps: Mapped[str]
    state: Mapped[str] = mapped_column(sa.String(10), default=ChangeState.WAITING)
    old_config: Mapped[str]
    new_config: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    # JSON: what was touched until now.
    counts: Mapped[str] = mapped_column(default="{}")
    began_at: Mapped[dt.datetime | None]
    done_at: Mapped[dt.datetime | None]

    @property
    def step_values(self) -> tuple[Step, ...]:
        """Return the steps, decoded."""
        return config_steps.from_plain(msgspec.json.decode(self.steps))

    @property
    def count_values(self) -> dict[str, Any]:
        """Return what was touched, decoded."""
        return dict(msgspec.json.decode(self.counts))


def get(
    session: Session, user: User | None, change_id: int, action: str
) -> tuple[ConfigChange, Project]:
    """Return a change and its project for somebody who wants to do `action` there.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(ConfigChange, Project)
        .join(Project, Project.id == ConfigChange.project_id)
        .where(ConfigChange.id == change_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no change of labels %(id)s"), id=change_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def of_project(
    session: Session, project: Project, *, before: int | None = None, limit: int = 50
) -> list[ConfigChange]:
    """List a project's changes, newest first; `before` an id gives the next page."""
    query = sa.select(ConfigChange).where(ConfigChange.project_id == project.id)
    if before is not None:
        query = query.where(ConfigChange.id < before)
    return list(session.scalars(query.order_by(ConfigChange.id.desc()).limit(limit)))


def unfinished(session: Session, project: Project) -> ConfigChange | None:
    """Return the change that a project is in the middle of, unless it was given up before."""
    given_up = sa.and_(
        ConfigChange.state == ChangeState.WAITING,
        sa.exists().where(
            Job.id == ConfigChange.job_id,
            Job.state.in_((JobState.FAILED, JobState.CANCELLED)),
        ),
    )
    return session.scalar(
        sa.select(ConfigChange)
        .where(
            ConfigChange.project_id == project.id,
            ConfigChange.state != ChangeState.DONE,
            ~given_up,
        )
        .order_by(ConfigChange.id)
        .limit(1)
    )


def keep_counts(change: ConfigChange, told: Mapping[str, Any]) -> None:
    """Keep what a change touches, as `Touched.to_plain` says it."""
    change.counts = msgspec.json.encode(told).decode()

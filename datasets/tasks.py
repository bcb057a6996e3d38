"""Keep tasks: one thing to label each, and the queue of those that still need somebody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors, permissions
from .db import Base, Id, insert_many, insert_new, now
from .errors import _
from .people import User
from .projects import Project

MEDIA_PREFIX = "media:"


class TaskState(StrEnum):
    """Where a task is on its way."""

    WAITING = "waiting"
    LABELLED = "labelled"
    RETURNED = "returned"
    SKIPPED = "skipped"
    ACCEPTED = "accepted"
    # Taken out of the work by whoever leads, for what is wrong with it.
    WITHDRAWN = "withdrawn"


# As the partial index below says it: SQLite does not look into a parameter to use one.
ACCEPTED = sa.literal_column(f"'{TaskState.ACCEPTED}'", sa.String(20))


class Task(Base):
    """One thing to label. Media stand in `data` as `media:<sha256>`, never as bytes."""

    __tablename__ = "tasks"
    __table_args__ = (
        sa.UniqueConstraint("import_id", "row"),
        sa.Index("ix_tasks_project_state_id", "project_id", "state", "id"),
        # In the order of a version, and of what enters one only: digests come in any order, so
        # that an index of all would have an import write all of it again.
        sa.Index(
            "ix_tasks_accepted_digest",
            "project_id",
            "digest",
            "id",
            sqlite_where=sa.text("state = 'accepted'"),
            postgresql_where=sa.text("state = 'accepted'"),
        ),
        sa.Index("ix_tasks_project_id", "project_id", "id"),
        # By when they changed, of those whose answers can be compared only.
        sa.Index(
            "ix_tasks_compared",
            "project_id",
            "updated_at",
            "id",
            sqlite_where=sa.text("total_annotations >= 2"),
            postgresql_where=sa.text("total_annotations >= 2"),
        ),
        # Covers the totals of a project, so that lists need not read the rows.
        sa.Index(
            "ix_tasks_project_totals",
            "project_id",
            "total_annotations",
            "cancelled_annotations",
            "total_predictions",
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # The job that brought it, and its place there: the same row is never brought twice.
    import_id: Mapped[str] = mapped_column(sa.String(36))
    row: Mapped[int]
    data: Mapped[str]
    digest: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str]
    # JSON: data key → the file name that the medium came with.
    media_names: Mapped[str] = mapped_column(default="{}")
    group: Mapped[str] = mapped_column("group_name", default="")
    state: Mapped[str] = mapped_column(sa.String(20), default=TaskState.WAITING)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_by: Mapped[int | None] = mapped_column(Id)
    # JSON: what the task's maker noted beside the data; nobody labels it.
    meta: Mapped[str] = mapped_column(default="{}")
    # 1, 2, 3 … within the project.
    inner_id: Mapped[int] = mapped_column(default=0)
    # The uploaded file that it came with.
    file_upload_id: Mapped[int | None] = mapped_column(Id)
    # Kept in step by `annotations.settle` and `predictions.recount`.
    total_annotations: Mapped[int] = mapped_column(default=0)
    cancelled_annotations: Mapped[int] = mapped_column(default=0)
    total_predictions: Mapped[int] = mapped_column(default=0)

    @property
    def data_values(self) -> dict[str, Any]:
        """Return the task's data, decoded."""
        return dict(msgspec.json.decode(self.data))

    @property
    def meta_values(self) -> dict[str, Any]:
        """Return what was noted beside the data, decoded."""
        return dict(msgspec.json.decode(self.meta))


# The priority of tasks that somebody has begun when an order is written: `ordering` has the others.
BEGUN = -2_000_000


class QueuedTask(Base):
    """A task that still has open slots; the row goes with the last slot.

    Narrow on purpose: the next task is the first row of this table's primary key.
    """

    __tablename__ = "task_queue"

    project_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    priority: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # A task stands in the queue once, whatever its priority.
    task_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False, unique=True)
    open_slots: Mapped[int]


class Media(Base):
    """What is known of stored bytes: sizes are those of the upright picture, in pixels."""

    __tablename__ = "media"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int] = mapped_column(Id)
    content_type: Mapped[str] = mapped_column(sa.String(80))
    extension: Mapped[str] = mapped_column(sa.String(12))
    width: Mapped[int | None]
    height: Mapped[int | None]
    # The copy that browsers and readers see, where the original would mislead them.
    display_digest: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    display_size: Mapped[int | None] = mapped_column(Id)
    display_content_type: Mapped[str | None] = mapped_column(sa.String(80))
    display_extension: Mapped[str | None] = mapped_column(sa.String(12))


# Asked with every answer: made once, which takes as long as running it.
_WITH_PROJECT = (
    sa.select(Task, Project)
    .join(Project, Project.id == Task.project_id)
    .where(Task.id == sa.bindparam("id"), Project.deleted_at.is_(None))
)


def get(session: Session, user: User | None, task_id: int, action: str) -> tuple[Task, Project]:
    """Return a task and its project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    found = session.execute(_WITH_PROJECT, {"id": task_id}).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no task %(id)s"), id=task_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def page(
    session: Session,
    project: Project,
    *,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Task]:
    """List a project's tasks by id, from after `after`; keyset paging."""
    query = sa.select(Task).where(Task.project_id == project.id, Task.id > after)
    if state is not None:
        query = query.where(Task.state == state)
    return list(session.scalars(query.order_by(Task.id).limit(limit)))


def newest(session: Session, project: Project, *, offset: int, limit: int) -> list[Task]:
    """List a project's tasks, the newest first."""
    # The ids come from an index alone, also far from the start.
    ids = (
        sa.select(Task.id)
        .where(Task.project_id == project.id)
        .order_by(Task.id.desc())
        .offset(offset)
        .limit(limit)
    )
    rows = session.scalars(sa.select(Task).where(Task.id.in_(list(session.scalars(ids)))))
    return sorted(rows, key=lambda row: -row.id)


def ids(session: Session, project: Project) -> list[int]:
    """List the ids of a project's tasks."""
    query = sa.select(Task.id).where(Task.project_id == project.id)
    return list(session.scalars(query.order_by(Task.id)))


def by_ids(session: Session, project: Project, wanted: Iterable[int]) -> list[Task]:
    """Return those of a project's tasks, by id; in one statement."""
    query = sa.select(Task).where(Task.project_id == project.id, Task.id.in_(list(wanted)))
    return list(session.scalars(query.order_by(Task.id)))


def names(session: Session, project: Project) -> set[str]:
    """Return the names of a project's tasks."""
    return set(session.scalars(sa.select(Task.name).where(Task.project_id == project.id)))


def counts(session: Session, project_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Count tasks by state for several projects at once."""
    rows = session.execute(
        sa.select(Task.project_id, Task.state, sa.func.count())
        .where(Task.project_id.in_(list(project_ids)))
        .group_by(Task.project_id, Task.state)
    )
    found: dict[int, dict[str, int]] = {}
    for project_id, state, number in rows:
        found.setdefault(project_id, {})[state] = number
    return found


def add_in_bulk(
    session: Session, project: Project, import_id: str, rows: list[dict[str, Any]]
) -> dict[int, int]:
    """Insert a batch of tasks and return row number → task id.

    Each row has `row`, `data` and `media_names` (JSON texts), `digest`, `name`,
    `group_name`, `slots` (how many people it still needs; 0 leaves it out of the queue),
    `state`, and what else of the table is known of it.
    """
    at = now()
    common = {"project_id": project.id, "import_id": import_id, "created_at": at, "updated_at": at}
    given = rows[0].keys()
    common |= {name: value for name, value in _DEFAULTS.items() if name not in given}
    slots = [row.pop("slots") for row in rows]
    insert_many(session, Task, rows, common)
    numbers = [row["row"] for row in rows]
    ids = {
        number: task_id
        for number, task_id in session.execute(
            sa.select(Task.row, Task.id).where(
                Task.import_id == import_id, Task.row.between(min(numbers), max(numbers))
            )
        )
    }
    queued = [
        {
            "project_id": project.id,
            "priority": 0,
            "task_id": ids[row["row"]],
            "open_slots": open_slots,
        }
        for row, open_slots in zip(rows, slots, strict=True)
        if open_slots > 0
    ]
    insert_many(session, QueuedTask, queued)
    return ids


def next_inner_ids(session: Session, project: Project, number: int) -> int:
    """Take the next numbers within the project; return the first of them.

    Whoever else adds tasks waits until this transaction ends, so the numbers have no gaps.

    Raises:
        errors.NotFound: the project was deleted meanwhile.
    """
    last = session.scalar(
        sa.update(Project)
        .where(Project.id == project.id, Project.deleted_at.is_(None))
        .values(last_inner_id=Project.last_inner_id + number)
        .returning(Project.last_inner_id)
        .execution_options(synchronize_session=False)
    )
    if last is None:
        raise errors.NotFound(_("there is no project %(id)s"), id=project.id)
    return last - number + 1


_DEFAULTS: dict[str, Any] = {
    "meta": "{}",
    "inner_id": 0,
    "file_upload_id": None,
    "total_annotations": 0,
    "cancelled_annotations": 0,
    "total_predictions": 0,
    "updated_by": None,
}


def keep_media(session: Session, facts: Sequence[Mapping[str, Any]]) -> None:
    """Write down what is known of stored objects; the same bytes once only."""
    insert_new(session, Media, sorted(facts, key=lambda row: str(row["digest"])))


def media_digest(value: Any) -> str | None:
    """Return the digest that a data value refers to, or None when it is not stored media."""
    if isinstance(value, str) and value.startswith(MEDIA_PREFIX):
        return value[len(MEDIA_PREFIX) :]
    return None


def media_of(session: Session, tasks: Iterable[Task]) -> dict[str, Media]:
    """Return digest → media row for all media of these tasks, in one query."""
    wanted = {
        digest
        for task in tasks
        for value in task.data_values.values()
        if (digest := media_digest(value)) is not None
    }
    if not wanted:
        return {}
    rows = session.scalars(sa.select(Media).where(Media.digest.in_(wanted)))
    return {row.digest: row for row in rows}

"""Read what a project holds at one moment, line by line, for exports without freezing.

A line is one task with all that was said of it, as Label Studio exports it, and beside it
what converters need: its stored media, and which annotation counts where only one can.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import annotations as annotation_rows
from . import audit, comments, errors, permissions, predictions, reviews, tasks, uploads
from .annotations import Annotation, AnnotationState, Draft
from .db import Base, Id, now
from .errors import _
from .people import User
from .predictions import Prediction
from .projects import Project
from .reviews import Review
from .tasks import Media, Task
from .views import Query

BATCH = 500
LONGEST_TITLE = 200  # characters


class Snapshot(Base):
    """An export of what a project held at one moment; its lines are an object of the store."""

    __tablename__ = "snapshots"
    __table_args__ = (sa.Index("ix_snapshots_project", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    title: Mapped[str] = mapped_column(sa.String(200))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]
    # Lines as they are read here, and their MD5 as Label Studio tells it.
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    md5: Mapped[str | None] = mapped_column(sa.String(32))
    tasks: Mapped[int] = mapped_column(default=0)
    # JSON: format → digest of the converted file.
    converted: Mapped[str] = mapped_column(default="{}")

    @property
    def converted_files(self) -> dict[str, dict[str, Any]]:
        """Return format → the object that holds the conversion, and its size."""
        return dict(msgspec.json.decode(self.converted))


@dataclass(frozen=True)
class Wanted:
    """Which tasks and annotations a snapshot is to hold."""

    query: Query = Query()
    # True: only tasks with annotations; False: only without; None: both.
    annotated: bool | None = True
    finished: bool | None = None
    # Which annotations: None for all, else only those that are, or are not.
    ground_truth: bool | None = None
    skipped: bool | None = None
    whole_predictions: bool = False


class StoredMedium(msgspec.Struct, frozen=True):
    """A medium of a task as it is to be shown: the upright copy where there is one."""

    digest: str
    name: str
    size: int
    width: int | None
    height: int | None


Address = Callable[[int, str, str], str]


def lines(session: Session, project: Project, wanted: Wanted, address: Address) -> Iterator[bytes]:
    """Give a JSON line for each task, by id; `address` names stored media.

    The session must see one moment only: open it with `Database.moment`.

    Raises:
        errors.Invalid: the query cannot be used.
    """
    condition = _condition(session, project, wanted)
    after = 0
    encode = msgspec.json.Encoder().encode
    while True:
        query = sa.select(Task).where(condition, Task.id > after).order_by(Task.id).limit(BATCH)
        rows = list(session.scalars(query))
        if not rows:
            return
        after = rows[-1].id
        loaded = _Loaded(session, project, wanted, rows, address)
        for row in rows:
            yield encode(loaded.line(row))
        session.expunge_all()


def add(session: Session, actor: User, project: Project, title: str) -> Snapshot:
    """Write down that a snapshot is being made."""
    permissions.require(actor, "annotation.export", project)
    row = Snapshot(project_id=project.id, title=title[:LONGEST_TITLE], created_by=actor.id)
    session.add(row)
    session.flush()
    audit.record(session, actor, "snapshot.create", f"snapshot/{row.id}", project=project.id)
    return row


def finish(session: Session, row: Snapshot, digest: str, md5: str, number: int) -> None:
    """Write down where a snapshot's lines are."""
    row.digest, row.md5, row.tasks, row.finished_at = digest, md5, number, now()
    session.flush()


def of_project(session: Session, project: Project) -> list[Snapshot]:
    """List a project's snapshots, newest first."""
    query = sa.select(Snapshot).where(Snapshot.project_id == project.id)
    return list(session.scalars(query.order_by(Snapshot.id.desc())))


def get(session: Session, project: Project, snapshot_id: int) -> Snapshot:
    """Return a project's snapshot.

    Raises:
        errors.NotFound: there is none of that number.
    """
    row = session.get(Snapshot, snapshot_id)
    if row is None or row.project_id != project.id:
        raise errors.NotFound(_("there is no export %(id)s"), id=snapshot_id)
    return row


def keep_converted(session: Session, row: Snapshot, name: str, digest: str, size: int) -> None:
    """Write down a conversion of a snapshot."""
    session.refresh(row, with_for_update=True)
    files = {**row.converted_files, name: {"digest": digest, "size": size}}
    row.converted = msgspec.json.encode(files).decode()


def remove(session: Session, actor: User, row: Snapshot) -> None:
    """Forget a snapshot."""
    session.delete(row)
    audit.record(session, actor, "snapshot.delete", f"snapshot/{row.id}")


def _condition(session: Session, project: Project, wanted: Wanted) -> sa.ColumnElement[bool]:
    found = [Task.project_id == project.id]
    if not wanted.query.is_plain:
        found.append(wanted.query.condition(session.get_bind().dialect.name))
    if wanted.annotated is not None:
        some = Task.total_annotations + Task.cancelled_annotations > 0
        found.append(some if wanted.annotated else ~some)
    if wanted.finished is not None:
        enough = Task.total_annotations >= project.maximum_annotations
        found.append(enough if wanted.finished else ~enough)
    return sa.and_(*found)


class _Loaded:
    """What is known of one batch of tasks."""

    def __init__(
        self,
        session: Session,
        project: Project,
        wanted: Wanted,
        rows: Sequence[Task],
        address: Address,
    ) -> None:
        ids = [row.id for row in rows]
        self.wanted, self.address, self.project = wanted, address, project
        self.media = tasks.media_of(session, rows)
        self.annotations = annotation_rows.of_tasks(session, ids)
        made = [row.id for found in self.annotations.values() for row in found]
        self.reviews = reviews.of_annotations(session, made)
        self.predictions = predictions.of_tasks(session, ids)
        self.talks = comments.talks(session, ids)
        self.uploads = uploads.names(session, {row.file_upload_id for row in rows})
        self.drafts: dict[int, list[int]] = {}
        query = sa.select(Draft.task_id, Draft.id).where(Draft.task_id.in_(ids))
        for task_id, draft_id in session.execute(query):
            self.drafts.setdefault(task_id, []).append(draft_id)

    def line(self, row: Task) -> dict[str, Any]:
        """Return a task's line."""
        made = [each for each in self.annotations.get(row.id, []) if self._is_wanted(each)]
        best = _best(made)
        return {
            "task": self._task(row, made),
            "media": self._media(row),
            "best": None if best is None else best.id,
        }

    def _is_wanted(self, row: Annotation) -> bool:
        truth, skipped = self.wanted.ground_truth, self.wanted.skipped
        if truth is not None and row.ground_truth != truth:
            return False
        return skipped is None or row.was_cancelled == skipped

    def _task(self, row: Task, made: Sequence[Annotation]) -> dict[str, Any]:
        predicted = self.predictions.get(row.id, [])
        talk = self.talks.get(row.id, comments.SILENCE)
        by_id = {each.id: each for each in predicted}
        upload = self.uploads.get(row.file_upload_id or 0)
        return {
            "id": row.id,
            "annotations": [self._annotation(each, by_id) for each in made],
            "drafts": self.drafts.get(row.id, []),
            "predictions": [
                _prediction(each) if self.wanted.whole_predictions else each.id
                for each in predicted
            ],
            "data": self._data(row),
            "meta": msgspec.Raw(row.meta.encode()),
            "created_at": _time(row.created_at),
            "updated_at": _time(row.updated_at),
            "allow_skip": True,
            "inner_id": row.inner_id,
            "total_annotations": row.total_annotations,
            "cancelled_annotations": row.cancelled_annotations,
            "total_predictions": row.total_predictions,
            "comment_count": talk.comments,
            "unresolved_comment_count": talk.unresolved,
            "last_comment_updated_at": _time(talk.last_at),
            "project": row.project_id,
            "updated_by": row.updated_by,
            "comment_authors": list(talk.authors),
            **({} if upload is None else {"file_upload": upload}),
        }

    def _annotation(self, row: Annotation, predicted: Mapping[int, Prediction]) -> dict[str, Any]:
        parent = predicted.get(row.parent_prediction or 0)
        return {
            "id": row.id,
            "completed_by": row.completed_by,
            "result": msgspec.Raw(_result(row, self.reviews.get(row.id, ())).encode()),
            "was_cancelled": row.was_cancelled,
            "ground_truth": row.ground_truth,
            "created_at": _time(row.created_at),
            "updated_at": _time(row.updated_at),
            "draft_created_at": _time(row.draft_created_at),
            "lead_time": row.lead_time,
            "prediction": {} if parent is None else _prediction(parent),
            "result_count": 0,
            "unique_id": row.unique_id or _unique(row),
            "import_id": row.import_id,
            "last_action": row.last_action,
            "bulk_created": row.bulk_created,
            "task": row.task_id,
            "project": row.project_id,
            "updated_by": row.updated_by,
            "parent_prediction": row.parent_prediction,
            "parent_annotation": row.parent_annotation,
            "last_created_by": None,
        }

    def _data(self, row: Task) -> Any:
        if tasks.MEDIA_PREFIX not in row.data:
            return msgspec.Raw(row.data.encode())
        names = msgspec.json.decode(row.media_names)
        values = row.data_values
        for key, value in values.items():
            digest = tasks.media_digest(value)
            if digest is not None:
                values[key] = self.address(row.project_id, digest, names.get(key) or key)
        return values

    def _media(self, row: Task) -> dict[str, StoredMedium]:
        if tasks.MEDIA_PREFIX not in row.data:
            return {}
        names = msgspec.json.decode(row.media_names)
        found = {}
        for key, value in row.data_values.items():
            medium = self.media.get(tasks.media_digest(value) or "")
            if medium is not None:
                found[key] = _stored(medium, names.get(key) or key)
        return found


def _stored(row: Media, name: str) -> StoredMedium:
    digest = row.display_digest or row.digest
    size = (row.display_size if row.display_digest else row.size) or 0
    return StoredMedium(
        digest, name.replace("\\", "/").rpartition("/")[2], size, row.width, row.height
    )


def _best(made: Sequence[Annotation]) -> Annotation | None:
    """Return the answer that counts where a picture can have one: true, accepted, newest."""
    answers = [row for row in made if row.state != AnnotationState.SKIPPED]
    return max(
        answers,
        key=lambda row: (row.ground_truth, row.state == AnnotationState.ACCEPTED, row.id),
        default=None,
    )


def _result(row: Annotation, judged: Sequence[Review]) -> str:
    """Return the result, as the reviewer fixed it where they did."""
    if row.state == AnnotationState.ACCEPTED and judged and judged[-1].result is not None:
        return judged[-1].result
    return row.result


def _prediction(row: Prediction) -> dict[str, Any]:
    return {
        "id": row.id,
        "result": msgspec.Raw(row.result.encode()),
        "model_version": row.model_version,
        "created_ago": "",
        "score": row.score,
        "cluster": None,
        "neighbors": None,
        "mislabeling": 0.0,
        "created_at": _time(row.created_at),
        "updated_at": _time(row.updated_at),
        "model": None,
        "model_run": None,
        "task": row.task_id,
        "project": row.project_id,
    }


def _unique(row: Annotation) -> str:
    """Return a name for an annotation whose maker gave it none: the same in every export."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"jinbiao:annotation:{row.project_id}:{row.id}"))


def _time(value: dt.datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

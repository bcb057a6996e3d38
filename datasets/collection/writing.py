"""Write prepared items: tasks, their media, and the answers that came with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import predictions, reviews, sources, tasks, webhooks
from ..annotations import Annotation, AnnotationState
from ..assignments import Assignment, AssignmentState
from ..db import Base, Id, insert_many, insert_new, now
from ..people import User
from ..projects import Project, stages_of
from ..tasks import TaskState
from .prepared import Prepared


class ImportReject(Base):
    """One thing of an import that could not become a task; `line` goes to the reject file."""

    __tablename__ = "import_rejects"

    import_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    number: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    line: Mapped[str]


def write(
    session: Session,
    actor: User,
    project: Project,
    import_id: str,
    batch: list[Prepared],
    rejects: Iterable[sources.Reject] = (),
) -> list[int]:
    """Insert a batch of tasks with what came with them; return the ids of the new ones in order.

    Rows that are there are left out. Imported annotations count as the actor's work, or as
    that of the person they name where that person sees the project; they wait for review.

    Raises:
        errors.NotFound: the project was deleted meanwhile.
    """
    _write_rejects(session, import_id, rejects)
    numbers = [prepared.number for prepared in batch]
    there = _there(session, import_id, numbers)
    fresh = [prepared for prepared in batch if prepared.number not in there]
    if not fresh:
        return []
    inner_id = tasks.next_inner_ids(session, project, len(fresh))
    _write_media(session, fresh)
    rows = [
        _task_row(actor, project, prepared, inner_id + place)
        for place, prepared in enumerate(fresh)
    ]
    ids = tasks.add_in_bulk(session, project, import_id, rows)
    _write_annotations(session, actor, project, fresh, ids)
    _write_predictions(session, project, fresh, ids)
    made = [ids[prepared.number] for prepared in fresh]
    _let_in(session, project, fresh, ids)
    webhooks.emit(session, project, "TASKS_CREATED", made)
    return made


def _let_in(session: Session, project: Project, batch: list[Prepared], ids: dict[int, int]) -> None:
    if stages_of(project).arrival == 0:
        answered = [ids[each.number] for each in batch if each.annotations]
        while answered and reviews.let_in(session, project, answered):
            pass


def reject_count(session: Session, import_id: str) -> int:
    """Count what an import had to leave out."""
    query = sa.select(sa.func.count()).where(ImportReject.import_id == import_id)
    return int(session.scalar(query) or 0)


def task_count(session: Session, import_id: str) -> int:
    """Count the tasks that an import brought."""
    query = sa.select(sa.func.count()).where(tasks.Task.import_id == import_id)
    return int(session.scalar(query) or 0)


def write_reject_file(session: Session, import_id: str, out: BinaryIO) -> int:
    """Write the reject file, a JSON line each in order; return how many."""
    lines = session.scalars(
        sa.select(ImportReject.line)
        .where(ImportReject.import_id == import_id)
        .order_by(ImportReject.number)
        .execution_options(yield_per=1000)
    )
    written = 0
    for line in lines:
        out.write(line.encode() + b"\n")
        written += 1
    return written


def _there(session: Session, import_id: str, numbers: list[int]) -> set[int]:
    if not numbers:
        return set()
    query = sa.select(tasks.Task.row).where(
        tasks.Task.import_id == import_id, tasks.Task.row.between(min(numbers), max(numbers))
    )
    return set(session.scalars(query)) & set(numbers)


def _task_row(actor: User, project: Project, prepared: Prepared, inner_id: int) -> dict[str, Any]:
    skips = sum(each.was_cancelled for each in prepared.annotations)
    answers = len(prepared.annotations) - skips
    return {
        "row": prepared.number,
        "data": prepared.data,
        "digest": prepared.digest,
        "name": prepared.name,
        "media_names": prepared.media_names,
        "group_name": prepared.group,
        "slots": max(project.maximum_annotations - answers, 0),
        "state": TaskState.LABELLED if answers else TaskState.WAITING,
        "meta": prepared.meta,
        "inner_id": inner_id,
        "file_upload_id": prepared.file_upload_id,
        "total_annotations": answers,
        "cancelled_annotations": skips,
        "total_predictions": len(prepared.predictions),
        "updated_by": actor.id if prepared.annotations else None,
    }


def _write_rejects(session: Session, import_id: str, rejects: Iterable[sources.Reject]) -> None:
    insert_new(
        session,
        ImportReject,
        [
            {"import_id": import_id, "number": reject.number, "line": reject.to_json()}
            for reject in rejects
        ],
    )


def _write_media(session: Session, batch: list[Prepared]) -> None:
    rows = {facts["digest"]: facts for prepared in batch for facts in prepared.media}
    tasks.keep_media(session, list(rows.values()))


def _write_annotations(
    session: Session, actor: User, project: Project, batch: list[Prepared], ids: dict[int, int]
) -> None:
    brought = [(ids[each.number], said) for each in batch for said in each.annotations]
    if not brought:
        return
    at = now()
    known = _people(session, project, {said.completed_by for _task, said in brought})
    rows: list[dict[str, Any]] = []
    places: dict[tuple[int, int], bool] = {}
    for task_id, said in brought:
        named = said.completed_by
        author = named if named is not None and named in known else actor.id
        skipped, submitted = AnnotationState.SKIPPED, AnnotationState.SUBMITTED
        rows.append(
            {
                "project_id": project.id,
                "task_id": task_id,
                "completed_by": author,
                # Whoever brings an answer in another's name wrote it here: they do not review it.
                "updated_by": actor.id,
                "state": skipped if said.was_cancelled else submitted,
                "result": said.result,
                "lead_time": said.lead_time,
                "ground_truth": said.ground_truth,
                "revision": 1,
                "bulk_created": False,
                "review_stage": stages_of(project).arrival,
                "last_action": "imported",
                "created_at": at,
                "updated_at": at,
            }
        )
        places[task_id, author] = said.was_cancelled and places.get((task_id, author), True)
    insert_many(session, Annotation, rows)
    insert_many(
        session,
        Assignment,
        [
            {
                "project_id": project.id,
                "task_id": task_id,
                "user_id": author,
                "state": AssignmentState.SKIPPED if skipped else AssignmentState.SUBMITTED,
                "created_at": at,
            }
            for (task_id, author), skipped in places.items()
        ],
    )


def _people(session: Session, project: Project, wanted: set[int | None]) -> set[int]:
    """Return those of the people who belong to the project's organisations."""
    ids = sorted(number for number in wanted if number is not None)[:1000]
    if not ids:
        return set()
    homes = [number for number in (project.organisation_id, project.vendor_id) if number]
    query = sa.select(User.id).where(User.id.in_(ids), User.organisation_id.in_(homes))
    return set(session.scalars(query))


def _write_predictions(
    session: Session, project: Project, batch: list[Prepared], ids: dict[int, int]
) -> None:
    rows = []
    for prepared in batch:
        counted: Counter[str] = Counter()
        for model_version, score, result in prepared.predictions:
            rows.append(
                {
                    "project_id": project.id,
                    "task_id": ids[prepared.number],
                    "trained_model_id": None,
                    "model_version": model_version,
                    "number": counted[model_version],
                    "score": score,
                    "result": result,
                }
            )
            counted[model_version] += 1
    if rows:
        predictions.add_in_bulk(session, rows, counted=False)

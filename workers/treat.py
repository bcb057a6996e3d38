"""Treat findings in a project's tasks: mask, put pseudonyms, blur, or withdraw: the treat job."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import msgspec
import numpy as np
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from ..datasets import (
    audit,
    collection,
    errors,
    findings,
    imports,
    personal_information,
    projects,
    tasks,
    withdrawals,
)
from ..datasets.annotations import Annotation, Draft
from ..datasets.collection import Brought
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.findings import Finding, FindingState, Wanted
from ..datasets.media import edits
from ..datasets.personal_information.pictures import PictureHit, covered
from ..datasets.predictions import Prediction
from ..datasets.projects import Project
from ..datasets.tasks import Task
from .work import Work

BATCH = 50  # tasks in one look
MOST_REASONS = 100
# Where it is in a name and not in the data: no answer depends on that.
_BESIDE = (findings.NAME, findings.GROUP, findings.FILE)
_LEFT = (FindingState.OPEN, FindingState.CONFIRMED)


@dataclass(frozen=True)
class _Copy:
    """A changed picture, to be stored like one that somebody brings."""

    name: str
    content: bytes

    def open(self) -> BinaryIO:
        """Return the opened bytes."""
        return io.BytesIO(self.content)


def run(work: Work) -> dict[str, Any]:
    """Treat the findings that the request chooses, by its `action`; safe to run again.

    The result counts `treated` findings, and lists the `refused` tasks with the reason.
    """
    action = str(work.request.get("action"))
    if action not in findings.TREATMENTS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="action", names=", ".join(findings.TREATMENTS)
        )
    wanted = msgspec.convert(work.request.get("wanted") or {}, Wanted)
    database = work.installation.database
    at, treated = int(work.checkpoint.get("at", 0)), int(work.checkpoint.get("treated", 0))
    refused: list[dict[str, Any]] = list(work.checkpoint.get("refused", []))
    while True:
        with database.read() as session:
            project = projects.get(session, work.actor, int(work.project_id or 0), "finding.decide")
            ids = _tasks(session, project, wanted, at)
        if not ids:
            return {"treated": treated, "refused": refused, "action": action}
        for task_id in ids:
            at = task_id
            try:
                number, left = _treat(work, project, task_id, wanted, action)
                treated += number
                if left and len(refused) < MOST_REASONS:
                    refused.append({"task": task_id, "reason": left})
            except (errors.Invalid, errors.Refused, errors.Damaged) as problem:
                if len(refused) < MOST_REASONS:
                    refused.append({"task": task_id, "reason": str(problem)})
            with database.write() as session:
                state = {"at": at, "treated": treated, "refused": refused}
                work.advance(session, treated, checkpoint=state)


def _chosen(project: Project, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    return [*findings.chosen(project, wanted), Finding.state.in_(_LEFT)]


def _tasks(session: Session, project: Project, wanted: Wanted, after: int) -> list[int]:
    query = sa.select(Finding.task_id).where(*_chosen(project, wanted), Finding.task_id > after)
    found = session.scalars(query.distinct().order_by(Finding.task_id).limit(BATCH))
    return [number for number in found if number is not None]


def _treat(
    work: Work, project: Project, task_id: int, wanted: Wanted, action: str
) -> tuple[int, str]:
    """Return how many findings of a task were treated, and why others were left ("": none)."""
    with work.installation.database.read() as session:
        task = session.get_one(Task, task_id)
        rows = _rows(session, project, task_id, wanted)
        left = ""
        if action != "withdraw":
            rows, left = _changeable(rows)
            brought = _changed(work, session, project, task, rows, action)
    with work.installation.database.write() as session:
        if action == "withdraw":
            present = session.get_one(Task, task_id)
            withdrawals.withdraw(session, work.actor, project, present)
            rows = _rows(session, project, task_id, Wanted())
        else:
            # Whoever changes or answers it at the moment is waited for.
            present = session.get_one(Task, task_id, with_for_update={"key_share": True})
            if action != "blur":
                _refuse_offsets(session, present, rows)
            if present.digest != task.digest:
                raise errors.Refused(_("the task was changed meanwhile"))
            prepared = collection.checked(project, brought)
            present.name, present.group = prepared.name, prepared.group
            imports.replace(session, work.actor, present, prepared)
            if action == "blur":
                findings.withhold(session, project, _left(task, brought))
        session.execute(
            sa.update(Finding)
            .where(Finding.id.in_([row.id for row in rows]))
            .values(state=FindingState.TREATED, decided_by=work.actor.id, decided_at=now())
            .execution_options(synchronize_session=False)
        )
        audit.record(
            session,
            work.actor,
            "finding.treat",
            findings.subject_of(project),
            task=task_id,
            number=len(rows),
            way=action,
        )
    return len(rows), left


def _rows(session: Session, project: Project, task_id: int, wanted: Wanted) -> list[Finding]:
    query = sa.select(Finding).where(*_chosen(project, wanted), Finding.task_id == task_id)
    return list(session.scalars(query.order_by(Finding.id)))


def _changeable(rows: list[Finding]) -> tuple[list[Finding], str]:
    """Return the findings without those in the names of fields, and what is to be said of these.

    Raises:
        errors.Refused: there are no others.
    """
    kept = [row for row in rows if not row.place.startswith(findings.KEY)]
    if len(kept) == len(rows):
        return rows, ""
    problem = errors.Refused(
        _("it is in the name of a field: bring the data with another, or withdraw the task")
    )
    if not kept:
        raise problem
    return kept, str(problem)


def _changed(
    work: Work, session: Session, project: Project, task: Task, rows: list[Finding], action: str
) -> Brought:
    """Return a task's data without what was found.

    Raises:
        errors.Refused: people's answers depend on the text, or an answer itself has it.
    """
    if any(row.place.startswith(tuple(f"{kind}:" for kind in findings.ANSWERS)) for row in rows):
        raise errors.Refused(
            _("somebody wrote it into an annotation: return that, or withdraw the task")
        )
    data = task.data_values
    names = dict(msgspec.json.decode(task.media_names))
    item = Brought(
        0, data, meta=task.meta_values, name=task.name, group=task.group, media_names=names
    )
    if action == "blur":
        return _blurred(work, item, [row for row in rows if row.region is not None], len(rows))
    if any(row.region is not None for row in rows):
        raise errors.Refused(_("it is in a picture: blur it, or withdraw the task"))
    beside = _refuse_offsets(session, task, rows)
    key = findings.key_of(work.installation.settings, project.organisation_id)
    meant = {(row.place, row.kind, row.fingerprint) for row in rows}

    def change(place: str, text: str) -> str:
        def made(kind: str, value: str) -> str | None:
            mark = personal_information.fingerprint(kind, value, key)
            return _made(kind, value, key, action) if (place, kind, mark) in meant else None

        read = findings.readable(place, text)
        changed = personal_information.changed(read, made)
        return text if changed == read else changed

    return replace(
        item,
        data=data if beside else findings.rewritten(data, change),
        name=change(findings.NAME, item.name),
        group=change(findings.GROUP, item.group),
        media_names=findings.renamed(names, change),
    )


def _made(kind: str, value: str, key: bytes, action: str) -> str:
    if action == "pseudonym":
        return personal_information.pseudonym(kind, value, key)
    if action == "generalise":
        return personal_information.generalised(kind, value)
    return personal_information.masked(kind, value)


def _refuse_offsets(session: Session, task: Task, rows: list[Finding]) -> bool:
    """Return whether all of it stands beside the text on which answers depend.

    Raises:
        errors.Refused: it does not, and there are such answers.
    """
    beside = all(row.place.startswith(_BESIDE) for row in rows)
    if not beside and _depends_on_offsets(session, task):
        raise errors.Refused(
            _("annotations mark places of this text, which would no longer fit: withdraw the task")
        )
    return beside


def _depends_on_offsets(session: Session, task: Task) -> bool:
    for table in (Annotation, Prediction, Draft):
        results = session.scalars(sa.select(table.result).where(table.task_id == task.id))
        if any('"start"' in result for result in results):
            return True
    return False


def _blurred(work: Work, item: Brought, rows: list[Finding], number: int) -> Brought:
    """Return a task's data with copies of its pictures in which the regions are covered."""
    if len(rows) < number:
        raise errors.Refused(_("some of it is text, which is not blurred: mask it"))
    data, facts = dict(item.data), []
    limits = collection.media_limits(work.installation.settings)
    for key in {row.place for row in rows}:
        digest = tasks.media_digest(data.get(key))
        if digest is None:
            raise errors.Refused(_("the value is not there any more: scan anew"))
        hits = [_hit(row) for row in rows if row.place == key]

        def change(picture: Image.Image, hits: list[PictureHit] = hits) -> Image.Image:
            return Image.fromarray(covered(np.asarray(picture, np.uint8), hits, "blur"))

        with work.installation.store.open(digest) as stream:
            content, _kind = edits.edited(stream, change, limits=limits)
        found = collection.keep(
            work.installation.store,
            _Copy(item.media_names.get(key, ""), content),
            limits,
            {},
        )
        data[key] = f"{tasks.MEDIA_PREFIX}{found['digest']}"
        facts.append(found)
    return replace(item, data=data, media=facts)


def _left(task: Task, brought: Brought) -> set[str]:
    """Return the bytes that a task had and has no more."""
    before = {tasks.media_digest(value) for value in task.data_values.values()}
    after = {tasks.media_digest(value) for value in brought.data.values()}
    return {digest for digest in before - after if digest is not None}


def _hit(row: Finding) -> PictureHit:
    told = msgspec.json.decode(row.region or "{}")
    return PictureHit(
        kind=row.kind,
        x=float(told["x"]),
        y=float(told["y"]),
        width=float(told["width"]),
        height=float(told["height"]),
        masked=row.masked,
        confidence=row.confidence,
    )

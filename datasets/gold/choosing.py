"""Choose gold tasks from adjudicated work: by hand, or spread over the labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..annotations import Annotation, AnnotationState
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from ..reviews import Review, Verdict
from ..tasks import QueuedTask, Task, TaskState
from .rows import GoldState, GoldTask

MOST_AT_ONCE = 500
LOOKED_AT = 20_000  # adjudicated annotations, the newest
NOTHING = ""  # the stratum of answers that mark nothing


@dataclass(frozen=True)
class Candidate:
    """An adjudicated annotation: how well it is known, and what it says."""

    annotation_id: int
    task_id: int
    source: str
    # How many different people accepted it or called it true.
    voices: int
    labels: tuple[str, ...]

    @property
    def trust(self) -> tuple[bool, int, bool]:
        """Return what to prefer: the ground truth, then many voices, then a fix."""
        return self.source == "ground_truth", self.voices, self.source == "fix"


def candidates(
    session: Session, project: Project, annotation_id: int | None = None
) -> list[Candidate]:
    """List the work that is adjudicated and no gold yet, the newest first; or one annotation."""
    is_gold = sa.exists().where(GoldTask.task_id == Annotation.task_id)
    query = (
        sa.select(Annotation.id, Annotation.task_id, Annotation.ground_truth, Annotation.result)
        .join(Task, Task.id == Annotation.task_id)
        .where(
            Annotation.project_id == project.id,
            Annotation.is_work,
            Annotation.state != AnnotationState.SKIPPED,
            sa.or_(
                Annotation.ground_truth,
                sa.and_(
                    Annotation.state == AnnotationState.ACCEPTED,
                    Task.state == TaskState.ACCEPTED,
                ),
            ),
            ~is_gold,
            # What people are still to do comes to them as work.
            ~sa.exists().where(QueuedTask.task_id == Annotation.task_id),
        )
        .order_by(Annotation.id.desc())
        .limit(LOOKED_AT)
    )
    if annotation_id is not None:
        query = query.where(Annotation.id == annotation_id)
    rows = session.execute(query).all()
    judged = _judged(session, project, [row[0] for row in rows])
    best: dict[int, Candidate] = {}
    for number, task_id, is_true, result in rows:
        people, fixed = judged.get(number, (frozenset(), None))
        source = "ground_truth" if is_true else ("fix" if fixed else "review")
        voices = len(people) + is_true
        if not voices:
            continue
        found = Candidate(number, task_id, source, voices, labels_of(fixed or result))
        if task_id not in best or found.trust > best[task_id].trust:
            best[task_id] = found
    return list(best.values())


def stratified(found: Sequence[Candidate], number: int, seed: int) -> list[tuple[Candidate, str]]:
    """Choose so many, with the label that each stands for: the labels in turn, the rarest first.

    Of one label the best known come first, equals by lot.
    """
    strata: dict[str, list[Candidate]] = {}
    for each in found:
        for label in each.labels or (NOTHING,):
            strata.setdefault(label, []).append(each)
    for rows in strata.values():
        rows.sort(key=lambda each: (each.trust, _lot(seed, each.annotation_id)), reverse=True)
    chosen: dict[int, tuple[Candidate, str]] = {}
    turns = sorted(strata, key=lambda label: (len(strata[label]), label))
    while turns and len(chosen) < number:
        for label in list(turns):
            rows = strata[label]
            while rows and rows[0].task_id in chosen:
                rows.pop(0)
            if not rows:
                turns.remove(label)
            elif len(chosen) < number:
                picked = rows.pop(0)
                chosen[picked.task_id] = picked, label
    return list(chosen.values())


def choose(session: Session, actor: User, project: Project, number: int) -> list[GoldTask]:
    """Make gold of so many adjudicated tasks, spread over the labels; fewer where no more are.

    Raises:
        errors.Invalid: the number is not from 1 to MOST_AT_ONCE.
    """
    permissions.require(actor, "gold.manage", project)
    if not 1 <= number <= MOST_AT_ONCE:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="number",
            lowest=1,
            highest=MOST_AT_ONCE,
        )
    picked = stratified(candidates(session, project), number, project.id)
    made = [_add(session, actor, project, each, label) for each, label in picked]
    session.flush()
    audit.record(session, actor, "gold.choose", f"project/{project.id}", number=len(made))
    return made


def add(session: Session, actor: User, project: Project, annotation_id: int) -> GoldTask:
    """Make gold of one adjudicated annotation.

    Raises:
        errors.Refused: nobody has accepted it or called it true, or its task is gold already.
    """
    permissions.require(actor, "gold.manage", project)
    found = candidates(session, project, annotation_id)
    if not found:
        raise errors.Refused(
            _("only work that was accepted or is the ground truth can be gold, and only once")
        )
    label = found[0].labels[0] if found[0].labels else NOTHING
    row = _add(session, actor, project, found[0], label)
    row.by_hand = True
    session.flush()
    audit.record(session, actor, "gold.add", f"gold/{row.id}", project=project.id)
    return row


def get(session: Session, actor: User, project: Project, gold_id: int) -> GoldTask:
    """Return a gold task of a project.

    Raises:
        errors.NotFound: the project has none of this number.
    """
    permissions.require(actor, "gold.manage", project)
    row = session.get(GoldTask, gold_id)
    if row is None or row.project_id != project.id:
        raise errors.NotFound(_("there is no gold task %(id)s"), id=gold_id)
    return row


def set_state(
    session: Session, actor: User, project: Project, gold: GoldTask, state: str, reason: str = ""
) -> None:
    """Give a gold task to people again, or no longer for now, or never again.

    Raises:
        errors.Invalid: there is no such state.
    """
    permissions.require(actor, "gold.manage", project)
    if state not in list(GoldState):
        raise errors.Invalid(
            _("must be one of %(allowed)s"), place="state", allowed=", ".join(GoldState)
        )
    gold.state, gold.reason, gold.changed_at = state, reason.strip()[:2000], now()
    audit.record(session, actor, "gold.state", f"gold/{gold.id}", state=str(state))


def truths(session: Session, golds: Iterable[GoldTask]) -> dict[int, list[dict[str, Any]]]:
    """Return gold id → its answer as it stands now, the last fix in place; in two statements."""
    rows = {gold.annotation_id: gold.id for gold in golds}
    found: dict[int, list[dict[str, Any]]] = {}
    if not rows:
        return found
    fixes = {
        number: result
        for number, result in session.execute(
            sa.select(Review.annotation_id, Review.result)
            .where(Review.annotation_id.in_(rows), Review.result.is_not(None))
            .order_by(Review.id)
        )
    }
    said = sa.select(Annotation.id, Annotation.result).where(Annotation.id.in_(rows))
    for number, result in session.execute(said):
        found[rows[number]] = msgspec.json.decode(fixes.get(number) or result)
    return found


def labels_of(result: str) -> tuple[str, ...]:
    """Return the labels that a result names, each once, in order."""
    found: dict[str, None] = {}
    for region in msgspec.json.decode(result):
        value = region.get("value") or {}
        told = value.get(region.get("type")) or value.get("labels") or ()
        for each in told if isinstance(told, list) else ():
            found[each if isinstance(each, str) else str(each[-1] if each else "")] = None
    return tuple(found)


def _add(session: Session, actor: User, project: Project, found: Candidate, label: str) -> GoldTask:
    row = GoldTask(
        project_id=project.id,
        task_id=found.task_id,
        annotation_id=found.annotation_id,
        source=found.source,
        label=label,
        created_by=actor.id,
    )
    session.add(row)
    return row


def _judged(
    session: Session, project: Project, ids: Sequence[int]
) -> dict[int, tuple[frozenset[int], str | None]]:
    """Return annotation id → who accepted it, and its last fix."""
    found: dict[int, tuple[frozenset[int], str | None]] = {}
    for start in range(0, len(ids), 1000):
        rows = session.execute(
            sa.select(Review.annotation_id, Review.reviewer_id, Review.result)
            .where(
                Review.annotation_id.in_(ids[start : start + 1000]),
                Review.verdict != Verdict.REJECT,
            )
            .order_by(Review.id)
        )
        for number, person, fixed in rows:
            people, before = found.get(number, (frozenset(), None))
            # What nobody decided but the agreement of the annotators has no voice here.
            voices = people if person is None else people | {person}
            found[number] = voices, fixed or before
    return found


def _lot(seed: int, number: int) -> str:
    return sha256(f"{seed}:{number}".encode()).hexdigest()

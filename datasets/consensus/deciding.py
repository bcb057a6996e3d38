"""Make consensus proposals, accept by rule where all agree, let somebody decide the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, audit, errors, permissions, reviews
from ..annotations import Annotation, AnnotationState, is_partly_by, settle_many
from ..assignments import Assignment, AssignmentState
from ..db import insert_many, now
from ..errors import _
from ..people import User
from ..projects import Project, stages_of
from ..quality import ComparedPair
from ..quality.pairs import NOTHING, Said
from ..reviews import Review, Stage, Verdict
from ..reviews.arriving import pass_on
from ..reviews.rows import ReviewShare
from ..tasks import QueuedTask, Task, TaskState
from .proposing import Proposal, propose
from .rows import Consensus, ConsensusState
from .votes import Vote, dawid_skene

RULE = "consensus"
AUTO = "consensus_auto_percent"
# So many tasks with three answers or more it takes: from pairs alone nobody can tell which of
# two people is the reliable one.
LEAST_TASKS = 30
MOST_CLASSES = 200
_decode = msgspec.json.Decoder(Said).decode
Votes = dict[int, dict[str, Vote]]  # task → control → vote


@dataclass(frozen=True)
class Answered:
    """A task with the newest answer of each person."""

    task: Task
    answers: dict[int, Annotation]


def reliable_votes(session: Session, project: Project) -> Votes:
    """Return what Dawid and Skene's model makes of each choice between one of several.

    From the kept comparisons of the whole project; of controls with too few tasks nothing.
    """
    said: dict[str, set[tuple[int, int, str]]] = {}
    single = {control.name for control in project.config.controls if control.single}
    if not single:
        return {}
    rows = session.execute(
        sa.select(
            ComparedPair.task_id, ComparedPair.one_id, ComparedPair.other_id, ComparedPair.said
        )
        .where(ComparedPair.project_id == project.id)
        .execution_options(yield_per=2000)
    )
    for task, one, other, text in rows:
        for name, counts in _decode(text).categories.items():
            for mine, theirs, *_rest in counts:
                pairs = ((one, mine), (other, theirs))
                said.setdefault(name, set()).update(
                    (task, person, label) for person, label in pairs if label != NOTHING
                )
    found: Votes = {}
    for name, entries in said.items():
        for task, vote in _voted(sorted(entries)).items():
            found.setdefault(task, {})[name] = vote
    return found


def _voted(entries: Sequence[tuple[int, int, str]]) -> dict[int, Vote]:
    tasks, task = np.unique([each[0] for each in entries], return_inverse=True)
    _people, person = np.unique([each[1] for each in entries], return_inverse=True)
    labels, said = np.unique([each[2] for each in entries], return_inverse=True)
    told = int((np.bincount(task) > 2).sum())
    if told < LEAST_TASKS or not 1 < len(labels) <= MOST_CLASSES:
        return {}
    posterior = dawid_skene(task, person, said).posterior
    best = posterior.argmax(axis=1)
    return {
        int(number): Vote(str(labels[choice]), float(posterior[place, choice]))
        for place, (number, choice) in enumerate(zip(tasks, best, strict=True))
    }


def answered(session: Session, project: Project, task_ids: Sequence[int]) -> list[Answered]:
    """Return those of the tasks that two people or more have answered and nobody decided."""
    rows = session.execute(
        sa.select(Task, Annotation)
        .join(Annotation, Annotation.task_id == Task.id)
        .where(
            Task.project_id == project.id,
            Task.id.in_(list(task_ids)),
            Task.state == TaskState.LABELLED,
            Annotation.state == AnnotationState.SUBMITTED,
            Annotation.is_work,
        )
        .order_by(Task.id, Annotation.id)
    )
    found: dict[int, Answered] = {}
    for task, annotation in rows:
        mine = found.setdefault(task.id, Answered(task, {}))
        mine.answers[annotation.completed_by] = annotation
    return [each for each in found.values() if len(each.answers) > 1]


def proposals(
    session: Session, project: Project, task_ids: Sequence[int], votes: Votes
) -> dict[int, dict[str, Any]]:
    """Work out the consensus of tasks; return task → row of Consensus."""
    found = {}
    for each in answered(session, project, task_ids):
        made = _proposed(project, each, votes.get(each.task.id, {}))
        found[each.task.id] = {
            "task_id": each.task.id,
            "project_id": project.id,
            "state": ConsensusState.PROPOSED,
            "agreement": made.agreement,
            "certainty": made.certainty,
            "people": len(each.answers),
            "methods": msgspec.json.encode(made.methods).decode(),
            "result": msgspec.json.encode(made.result).decode(),
            "annotation_id": each.answers[made.nearest].id,
            "decided_by": None,
            "made_at": now(),
            "decided_at": None,
        }
    return found


def _proposed(project: Project, each: Answered, votes: Mapping[str, Vote]) -> Proposal:
    said = {person: row.result_values for person, row in each.answers.items()}
    return propose(project.config, said, each.task.data_values, votes)


def keep(
    session: Session, project: Project, task_ids: Sequence[int], rows: Mapping[int, dict[str, Any]]
) -> int:
    """Put proposals in place of those that are there; accept by rule; return how many tasks.

    Tasks that were decided meanwhile keep what was decided.
    """
    session.execute(
        sa.delete(Consensus).where(
            Consensus.project_id == project.id,
            Consensus.task_id.in_(list(task_ids)),
            Consensus.state == ConsensusState.PROPOSED,
        )
    )
    # A task that was opened again after a decision has a new one before it.
    session.execute(sa.delete(Consensus).where(Consensus.task_id.in_(list(rows))))
    if rows:
        insert_many(session, Consensus, list(rows.values()))
    return _accept(session, project, list(rows))


def _accept(session: Session, project: Project, task_ids: Sequence[int]) -> int:
    """Accept what all agree on, where the project's rule says so and nobody is awaited."""
    limit = project.option(AUTO)
    if limit is None or project.option("is_safety") or not task_ids:
        return 0
    awaited = sa.or_(
        sa.exists().where(QueuedTask.task_id == Consensus.task_id),
        sa.exists().where(
            Assignment.task_id == Consensus.task_id,
            Assignment.purpose.is_(None),
            Assignment.state.in_([AssignmentState.RESERVED, AssignmentState.RETURNED]),
        ),
    )
    chosen = {
        row.task_id: row
        for row in session.scalars(
            sa.select(Consensus).where(
                Consensus.task_id.in_(list(task_ids)),
                Consensus.state == ConsensusState.PROPOSED,
                Consensus.agreement * 100 >= limit,
                ~awaited,
            )
        )
    }
    waiting = _waiting(session, project, list(chosen))
    done = 0
    for each in waiting:
        rows = sorted(
            each.answers.values(),
            key=lambda row: (row.id != chosen[row.task_id].annotation_id, row.id),
        )
        if _all_agree(project, rows, limit) and _may_pass(session, project, rows):
            _pass(session, project, rows)
            kept = chosen[each.task.id]
            kept.state, kept.decided_at = ConsensusState.BY_RULE, now()
            done += 1
    if done:
        session.flush()
        settle_many(session, project, [each.task.id for each in waiting])
        subject = f"project/{project.id}"
        audit.record(session, "rule", "review.by_consensus", subject, number=done)
    return done


def _waiting(session: Session, project: Project, task_ids: Sequence[int]) -> list[Answered]:
    """Return the answers of tasks that nobody is looking at, locked."""
    session.flush()
    session.scalars(
        sa.select(Annotation)
        .where(Annotation.task_id.in_(list(task_ids)), Annotation.is_work)
        .order_by(Annotation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return [
        each
        for each in answered(session, project, task_ids)
        if not any(
            row.review_until is not None and row.review_until > now()
            for row in each.answers.values()
        )
    ]


def _all_agree(project: Project, rows: Sequence[Annotation], limit: int) -> bool:
    """Tell whether each two answers agree that much, not only their mean."""
    return all(
        (agreement.compare(project.config, one.result_values, other.result_values).agreement or 0.0)
        * 100
        >= limit
        for place, one in enumerate(rows)
        for other in rows[place + 1 :]
    )


def _may_pass(session: Session, project: Project, rows: Sequence[Annotation]) -> bool:
    """Tell whether no answer is to be looked at all the same: a fault was found in its maker."""
    if any(row.review_stage == Stage.ARBITRATION for row in rows):
        return False
    watched = sa.select(ReviewShare.user_id).where(
        ReviewShare.project_id == project.id,
        ReviewShare.user_id.in_([row.completed_by for row in rows]),
        ReviewShare.full_left > 0,
    )
    return session.scalar(watched.limit(1)) is None


def _pass(session: Session, project: Project, rows: Sequence[Annotation]) -> None:
    """Let answers pass the first review by rule; versions take what was accepted first."""
    stages = stages_of(project)
    for row in rows:
        session.add(
            Review(
                project_id=project.id,
                annotation_id=row.id,
                revision=row.revision,
                verdict=Verdict.ACCEPT,
                stage=Stage.FIRST,
                rule=RULE,
            )
        )
        row.review_stage = Stage.FIRST
        session.flush()
        pass_on(session, project, stages, row, Stage.FIRST)


def next_to_curate(
    session: Session, curator: User, project: Project, *, after: int | None = None
) -> tuple[Consensus, Task] | None:
    """Return the task whose answers agree least, of those the curator did not answer.

    Or that which comes after the task `after`.
    """
    permissions.require(curator, "review.arbitrate", project)
    query = _open(curator, project).order_by(Consensus.agreement, Consensus.task_id).limit(1)
    last = None if after is None else session.get(Consensus, after)
    if last is not None:
        agreed, task_id = last.agreement, last.task_id
        query = query.where(
            sa.or_(
                Consensus.agreement > agreed,
                sa.and_(Consensus.agreement == agreed, Consensus.task_id > task_id),
            )
        )
    found = session.execute(query).first()
    return None if found is None else (found[0], found[1])


def count_to_curate(session: Session, curator: User, project: Project) -> int:
    """Count the tasks that `next_to_curate` would give, one after the other."""
    query = sa.select(sa.func.count()).select_from(_open(curator, project).subquery())
    return session.scalar(query) or 0


def _open(curator: User, project: Project) -> sa.Select[Consensus, Task]:
    own = sa.exists().where(Annotation.task_id == Consensus.task_id, is_partly_by(curator))
    return (
        sa.select(Consensus, Task)
        .join(Task, Task.id == Consensus.task_id)
        .where(
            Consensus.project_id == project.id,
            Consensus.state == ConsensusState.PROPOSED,
            Consensus.agreement < 0.9995,
            Task.state == TaskState.LABELLED,
            ~own,
        )
    )


def curate(
    session: Session,
    curator: User,
    project: Project,
    task: Task,
    result: list[dict[str, Any]],
    *,
    reason: str = "",
) -> list[Review]:
    """Decide a task that people disagree about: its answers are accepted as `result`.

    An answer that says just that is accepted, the others are fixed to it, each by a review in
    the stage of arbitration: whichever of them a version takes, it publishes this result, and
    what people had said stands beside it.

    Raises:
        errors.OwnWork: the curator answered the task, or judged an answer before.
        errors.Refused: it was decided meanwhile, or somebody else is looking at an answer.
        errors.Invalid: the config does not allow the result.
    """
    permissions.require(curator, "review.arbitrate", project)
    if _has_part(session, curator, task):
        raise errors.OwnWork(_("nobody decides about their own answer"))
    found = _waiting(session, project, [task.id])
    if not found:
        raise errors.Refused(_("this task is not to be decided: look at the next one"))
    kept = session.get(Consensus, task.id, with_for_update=True)
    rows = sorted(
        found[0].answers.values(),
        key=lambda row: (kept is None or row.id != kept.annotation_id, row.id),
    )
    made = []
    for row in rows:
        row.review_stage = Stage.ARBITRATION
        session.flush()
        is_same = agreement.compare(project.config, row.result_values, result).agreement == 1.0
        verdict = Verdict.ACCEPT if is_same and row.result_values == result else Verdict.FIX
        review = reviews.judge(
            session,
            curator,
            project,
            task,
            row,
            verdict,
            reason=reason,
            result=result if verdict == Verdict.FIX else None,
        )
        if isinstance(review, Review):
            made.append(review)
    if kept is not None:
        kept.state, kept.decided_by, kept.decided_at = ConsensusState.CURATED, curator.id, now()
    subject = f"task/{task.id}"
    audit.record(session, curator, "task.curate", subject, project=project.id, answers=len(rows))
    return made


def _has_part(session: Session, curator: User, task: Task) -> bool:
    part = sa.select(Annotation.id).where(Annotation.task_id == task.id, is_partly_by(curator))
    return session.scalar(part.limit(1)) is not None

"""Mix gold tasks into somebody's stream by a lot that they cannot foresee.

At each place of a person's stream a lot is drawn from the project's seed, the person and how
many tasks they have answered: the same whoever asks and however often. Nothing but the rows
decides, so that a killed process or a second tab changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import admission, assignments
from ..annotations import Annotation
from ..assignments import Assignment, AssignmentState
from ..db import insert_new, now
from ..people import User
from ..projects import Project
from ..settings import Settings
from ..tasks import QueuedTask, Task
from .rows import PURPOSE, GoldExposure, GoldPlan, GoldState, GoldTask

_PRIME = 2**31 - 1
MOST_AHEAD = 5  # tasks that somebody sees before they come
_CLOSED = (AssignmentState.SUBMITTED, AssignmentState.SKIPPED)
_OPEN = (AssignmentState.RESERVED, AssignmentState.RETURNED)

# Asked with every task where a project has gold: made once.
_DONE = sa.select(sa.func.count(Assignment.id)).where(
    Assignment.project_id == sa.bindparam("project"),
    Assignment.user_id == sa.bindparam("user"),
    Assignment.state.in_(_CLOSED),
)
# What somebody holds: a handful.
_HOLDS = (
    sa.select(Assignment.id)
    .where(
        Assignment.project_id == sa.bindparam("project"),
        Assignment.user_id == sa.bindparam("user"),
        Assignment.state.in_(_OPEN),
    )
    .order_by(Assignment.state, Assignment.id)
    .limit(100)
)


def is_on(project: Project) -> bool:
    """Tell whether a project mixes gold into the work."""
    return int(project.option("gold_every")) > 0


def is_due(seed: str, user_id: int, place: int, every: int) -> bool:
    """Tell whether the lot of a place says gold: with chance 1 / `every`, each place by itself."""
    if every < 1:
        return False
    lot = hmac.digest(seed.encode(), f"place:{user_id}:{place}".encode(), "sha256")
    return int.from_bytes(lot[:8], "big") % every == 0


def take(
    session: Session, settings: Settings, annotator: User, project: Project
) -> Assignment | None:
    """Hold a gold task for the annotator if one is due; None where their work goes on.

    Raises:
        errors.Forbidden: as `admission.check`.
    """
    assignments.take_turn(session, annotator)
    given = {"project": project.id, "user": annotator.id}
    if session.scalar(_HOLDS, given) is not None:
        return None
    seed = _seed(session, project) or _prepared(session, project)
    if not is_due(seed, annotator.id, _done(session, given), project.option("gold_every")):
        return None
    found = _next(session, annotator, project, seed, 1)
    # Where no work is left, a check would stand alone.
    if not found or not assignments.peek(session, annotator, project, 1):
        return None
    admission.check(session, annotator, project)
    return _hold(session, settings, annotator, project, found[0])


def take_ahead(
    session: Session, settings: Settings, annotator: User, project: Project, task: Task
) -> Assignment | None:
    """Hold a task for the annotator if it is gold that `mixed` showed them; else None.

    Also before its turn: whoever takes or answers what comes later, as anybody may with work,
    would else learn by the refusal that it is none.

    Raises:
        errors.Forbidden: as `admission.check`.
    """
    is_gold = sa.select(GoldTask.id).where(
        GoldTask.project_id == project.id, GoldTask.task_id == task.id
    )
    if session.scalar(is_gold) is None:
        return None
    assignments.take_turn(session, annotator)
    seed = _seed(session, project)
    coming = assignments.peek(session, annotator, project, MOST_AHEAD)
    if task.id not in mixed(session, annotator, project, coming, MOST_AHEAD):
        return None
    found = _next(session, annotator, project, seed, MOST_AHEAD)
    gold = next((each for each in found if each.task_id == task.id), None)
    return None if gold is None else _hold(session, settings, annotator, project, gold)


def mixed(
    session: Session, annotator: User, project: Project, coming: Sequence[int], number: int
) -> list[int]:
    """Return task ids with gold at the places where `take` will give it, at most `number`.

    `coming` is what `assignments.peek` gives: what they hold first, then the queue.
    """
    given = {"project": project.id, "user": annotator.id}
    seed, every = _seed(session, project), project.option("gold_every")
    place, held = _done(session, given), len(session.scalars(_HOLDS, given).all())
    places = [
        step >= held and is_due(seed, annotator.id, place + step, every) for step in range(number)
    ]
    golds = _next(session, annotator, project, seed, sum(places)) if any(places) else []
    rest, checks = list(coming), [gold.task_id for gold in golds]
    found: list[int] = []
    for is_gold in places:
        if not rest:
            break
        found.append(checks.pop(0) if is_gold and checks else rest.pop(0))
    return found


def _seed(session: Session, project: Project) -> str:
    """Return the project's secret; "" before the first claim, when nothing is due."""
    query = sa.select(GoldPlan.seed).where(GoldPlan.project_id == project.id)
    return session.scalar(query) or ""


def _prepared(session: Session, project: Project) -> str:
    seed = secrets.token_hex(32)
    insert_new(session, GoldPlan, [{"project_id": project.id, "seed": seed}])
    return _seed(session, project)


def _done(session: Session, given: dict[str, int]) -> int:
    return session.scalar(_DONE, given) or 0


def _next(
    session: Session, annotator: User, project: Project, seed: str, number: int
) -> list[GoldTask]:
    """Return the gold tasks that somebody meets next: in an order of their own, by lot.

    Never one whose task they have had in hand, answered or brought, and none above the cap.
    """
    most = project.option("gold_most_per_person")
    if not seed or (most is not None and _met(session, annotator, project) >= most):
        return []
    lot = hmac.digest(seed.encode(), f"order:{annotator.id}".encode(), "sha256")
    factor = int.from_bytes(lot[:8], "big") % (_PRIME - 1) + 1
    query = (
        sa.select(GoldTask)
        .where(
            GoldTask.project_id == project.id,
            GoldTask.state == GoldState.ACTIVE,
            ~sa.exists().where(
                Assignment.task_id == GoldTask.task_id, Assignment.user_id == annotator.id
            ),
            ~sa.exists().where(
                Annotation.task_id == GoldTask.task_id, Annotation.completed_by == annotator.id
            ),
            # What was shown and not answered may come again, what was answered never.
            ~sa.exists().where(
                GoldExposure.gold_id == GoldTask.id,
                GoldExposure.user_id == annotator.id,
                GoldExposure.answered_at.is_not(None),
            ),
            ~sa.exists().where(QueuedTask.task_id == GoldTask.task_id),
            GoldTask.exposures < project.option("gold_retire_after"),
        )
        .order_by((GoldTask.id * factor) % _PRIME, GoldTask.id)
        .limit(number)
    )
    days = project.option("gold_retire_days")
    if days is not None:
        query = query.where(GoldTask.created_at > now() - dt.timedelta(days=days))
    return list(session.scalars(query))


def _met(session: Session, annotator: User, project: Project) -> int:
    query = sa.select(sa.func.count(GoldExposure.id)).where(
        GoldExposure.project_id == project.id, GoldExposure.user_id == annotator.id
    )
    return session.scalar(query) or 0


def _hold(
    session: Session, settings: Settings, annotator: User, project: Project, gold: GoldTask
) -> Assignment:
    assignment = Assignment(
        project_id=project.id,
        task_id=gold.task_id,
        user_id=annotator.id,
        purpose=PURPOSE,
        reserved_until=now() + dt.timedelta(minutes=assignments.minutes(settings, project)),
    )
    session.add(assignment)
    session.flush()
    row = {
        "project_id": project.id,
        "gold_id": gold.id,
        "user_id": annotator.id,
        "was_told": False,
        "created_at": now(),
    }
    if insert_new(session, GoldExposure, [row]):
        session.execute(
            sa.update(GoldTask)
            .where(GoldTask.id == gold.id)
            .values(exposures=GoldTask.exposures + 1)
            .execution_options(synchronize_session=False)
        )
    return assignment

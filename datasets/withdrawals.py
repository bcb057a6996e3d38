"""Settle what people say is wrong with tasks: answer, put back, or take out of the work."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from . import annotations as annotation_rows
from . import assignments, audit, errors, flags, notices, permissions
from .errors import _
from .flags import Flag, FlagState
from .people import User
from .projects import Project
from .settings import Settings
from .tasks import Task, TaskState

OUTCOMES = (FlagState.ANSWERED, FlagState.REQUEUED, FlagState.WITHDRAWN)


def raise_flag(
    session: Session,
    settings: Settings,
    actor: User,
    project: Project,
    task: Task,
    kind: str,
    text: str = "",
    *,
    skip: bool = False,
) -> tuple[Flag, bool]:
    """Say what is wrong with a task, and with `skip` skip it in the same breath.

    Return the flag, and whether the task was skipped: only somebody's own open hold is.

    Raises:
        errors.Invalid: as `flags.add`.
    """
    flag = flags.add(session, actor, project, task, kind, text)
    if not skip or not permissions.allows(actor, "annotation.write"):
        return flag, False
    assignments.take_turn(session, actor)
    hold = assignments.held(session, actor, task.id, lock=True)
    if hold is None or hold.state != assignments.AssignmentState.RESERVED:
        return flag, False
    annotation_rows.submit(session, settings, actor, project, task, [], was_cancelled=True)
    return flag, True


def settle_flag(
    session: Session,
    actor: User,
    project: Project,
    flag: Flag,
    outcome: str,
    answer: str = "",
) -> Flag:
    """Settle a flag: answer it, put its task back into the queue, or withdraw the task.

    Withdrawing and putting back settle every open flag of the task. Who raised them is told.

    Raises:
        errors.Invalid: the outcome is not known, or an answer has no text.
        errors.Refused: somebody has settled it already.
    """
    permissions.require(actor, "assignment.manage", project)
    if outcome not in OUTCOMES:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="outcome", names=", ".join(OUTCOMES)
        )
    if outcome == FlagState.ANSWERED and not answer.strip():
        raise errors.Invalid(_("please write an answer"), place="answer")
    if flag.state != FlagState.OPEN:
        raise errors.Refused(_("this flag has been settled already"))
    task = session.get_one(Task, flag.task_id)
    if outcome == FlagState.ANSWERED:
        flags.close(session, actor, [flag], outcome, answer)
        return flag
    if outcome == FlagState.WITHDRAWN:
        withdraw(session, actor, project, task)
    else:
        restore(session, actor, project, task)
    rest = [row for row in flags.of_task(session, task) if row.state == FlagState.OPEN]
    flags.close(session, actor, rest, outcome, answer)
    return flag


def withdraw(session: Session, actor: User, project: Project, task: Task) -> None:
    """Take a task out of the work; whoever holds it is told, and keeps the draft."""
    permissions.require(actor, "assignment.manage", project)
    assignments.take_alone(session, project, task)
    if task.state == TaskState.WITHDRAWN:
        return
    values: dict[str, Any] = {"task": task.id}
    message = _("Task %(task)s, which you hold, was withdrawn. What you drew is kept as a draft.")
    for user_id in assignments.withdraw(session, actor, project, task):
        notices.add(session, user_id, "flag", message, values, f"/tasks/{task.id}")
    audit.record(session, actor, "task.withdraw", f"task/{task.id}")


def restore(session: Session, actor: User, project: Project, task: Task) -> None:
    """Put a withdrawn task back, with the places that nobody has used; else leave it as it is."""
    permissions.require(actor, "assignment.manage", project)
    assignments.take_alone(session, project, task)
    if task.state != TaskState.WITHDRAWN:
        return
    assignments.restore(session, project, task)
    annotation_rows.settle(session, task, actor)
    audit.record(session, actor, "task.restore", f"task/{task.id}")

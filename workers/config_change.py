"""Carry a change of labels out: the config_change job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from ..datasets import config_changes
from ..datasets.config_changes import ConfigChange
from ..datasets.projects import Project
from .work import Work

# The order in which things are moved over; a job that was stopped goes on where it was.
STAGES = ("annotations", "fixes", "drafts", "predictions", "again", "finish", "late")


def run(work: Work) -> dict[str, Any]:
    """Move what was said with old labels over to the new ones, then take the old ones away.

    Safe to run again: the checkpoint says what is done, and what has no old label is left.
    The result has the counts of `config_changes.count`, taken before anything was moved.
    """
    change_id = int(work.request["change"])
    with work.installation.database.read() as session:
        change, project = config_changes.get(session, work.actor, change_id, "project.change")
        told = (
            change.count_values
            or config_changes.count(session, work.actor, project, change.step_values).to_plain()
        )
    with work.installation.database.write() as session:
        change, project = _both(session, work, change_id)
        config_changes.begin(session, project, change)
        config_changes.keep_counts(change, told)
    stage = str(work.checkpoint.get("stage", STAGES[0]))
    total = int(told["annotations"]) + int(told["predictions"])
    for name in STAGES[STAGES.index(stage) :]:
        _stage(work, change_id, name, total)
    return told


def _stage(work: Work, change_id: int, name: str, total: int) -> None:
    """Do one stage part by part, each in a transaction of its own with its checkpoint."""
    part = _PARTS[name]
    resumed = work.checkpoint.get("stage") == name
    after = int(work.checkpoint.get("after", 0)) if resumed else 0
    done = int(work.checkpoint.get("done", 0))
    while True:
        with work.installation.database.write() as session:
            change, project = _both(session, work, change_id)
            after = part(session, work, project, change, after)
            following = STAGES[min(STAGES.index(name) + 1, len(STAGES) - 1)]
            done = min(done + config_changes.PART, total) if after else done
            kept = {"stage": name if after else following, "after": after, "done": done}
            work.advance(session, done, total, kept)
        work.checkpoint.update(kept)
        if not after:
            return


def _both(session: Session, work: Work, change_id: int) -> tuple[ConfigChange, Project]:
    return config_changes.get(session, work.actor, change_id, "project.change")


def _annotations(
    session: Session, work: Work, project: Project, change: ConfigChange, after: int
) -> int:
    return config_changes.move_annotations(session, project, change, after)


def _fixes(session: Session, work: Work, project: Project, change: ConfigChange, after: int) -> int:
    return config_changes.move_fixes(session, project, change, after)


def _drafts(
    session: Session, work: Work, project: Project, change: ConfigChange, after: int
) -> int:
    config_changes.move_drafts(session, project, change)
    return 0


def _predictions(
    session: Session, work: Work, project: Project, change: ConfigChange, after: int
) -> int:
    return config_changes.move_predictions(session, project, change, after)


def _again(session: Session, work: Work, project: Project, change: ConfigChange, after: int) -> int:
    return config_changes.ask_again(session, project, change, after)


def _finish(
    session: Session, work: Work, project: Project, change: ConfigChange, _after: int
) -> int:
    config_changes.finish(session, work.actor, project, change)
    return 0


def _late(session: Session, work: Work, project: Project, change: ConfigChange, after: int) -> int:
    """Move what was sent while the old labels were still there and came in just afterwards."""
    return config_changes.move_annotations(session, project, change, after)


_Part = Callable[[Session, Work, Project, ConfigChange, int], int]
_PARTS: dict[str, _Part] = {
    "annotations": _annotations,
    "fixes": _fixes,
    "drafts": _drafts,
    "predictions": _predictions,
    "again": _again,
    "finish": _finish,
    "late": _late,
}

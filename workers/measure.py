"""Measure what pre-labels are worth on people's own work, and switch off what costs them time."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from ..datasets import benefit, errors, models, notices
from ..datasets.benefit import OfModel, Report, measuring
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.models import Gate, ProjectModel
from ..datasets.projects import Project
from . import queues
from .binding import bind
from .models import MODELS, costs
from .work import Work

log = logging.getLogger("jinbiao.measure")

LOOK_SECONDS = 20.0  # between two looks of a process whether a project is due
MEASURED = "measured"


def run(work: Work) -> dict[str, Any]:
    """Report what pre-labels are worth in a project, and let gates and labels follow it.

    - A model is closed when people keep so few of its marks that showing them does not pay:
      the upper end of the interval lies below `costs.worth_showing`. Or when they take longer
      with pre-labels than without, the whole interval above 1.
    - A label is switched off when its errors are larger with pre-labels than without: the
      interval lies above 0, all labels looked at together.
    - A model whose pre-labels make people quicker, the whole interval below 1, is open.

    The project's owner is told of whatever closes. Measured beats estimated: a closed gate
    stays until the model has new weights.
    """
    database = work.installation.database
    with database.read() as session:
        project = session.get_one(Project, int(work.project_id or 0))
        found = benefit.report(session, project)
    with database.write() as session:
        project = session.get_one(Project, project.id)
        work.advance(session, found.shown + found.blank, found.shown + found.blank)
        chosen = {row.id: row for row in models.of_project(session, project)}
        closed = [row.id for row in chosen.values() if _follow(session, project, row, found)]
        off = _switch_off(session, project, found, chosen)
    return {"report": found.as_values(), "closed": closed, "labels_off": off}


def begin_due(installation: Installation, look: Look | None = None) -> None:
    """Start measuring the projects that are due; looks once in LOOK_SECONDS."""
    if not (look or _look).is_time():
        return
    with installation.database.read() as session:
        wanted = [project.id for project in measuring.due(session)]
    for number in wanted:
        with installation.database.write() as session:
            job = measuring.begin(session, number)
        if job is not None:
            queues.announce(installation, [job.id])


class Look:
    """Remember when this process last looked."""

    def __init__(self) -> None:
        self.last = float("-inf")

    def is_time(self) -> bool:
        """Tell whether to look now."""
        moment = time.monotonic()
        if moment - self.last < LOOK_SECONDS:
            return False
        self.last = moment
        return True


_look = Look()


def _follow(session: Session, project: Project, row: ProjectModel, found: Report) -> bool:
    """Open or close a model as it was measured; tell whether it was closed."""
    measured = next((each for each in found.of_models if each.model_id == row.id), None)
    if measured is None or row.gate == Gate.CLOSED:
        return False
    ratio = found.time_ratio
    needed = _needed(project, row)
    told = _told(session, row, found, measured, needed)
    if (
        needed is not None
        and measured.accepted.high is not None
        and (measured.accepted.high < needed)
    ):
        models.set_gate(session, row, Gate.CLOSED, {**told, "reason": "unaccepted"}, "worker")
        _tell(
            session,
            project,
            "model_closed",
            _(
                "The model “%(model)s” is no longer shown in “%(project)s”: people accept"
                " %(accepted)s %% of its marks, and it pays from %(needed)s %% on"
            ),
            model=row.title or row.kind,
            accepted=round(100 * (measured.accepted.value or 0)),
            needed=round(100 * needed),
        )
        return True
    if ratio.low is not None and ratio.low > 1:
        models.set_gate(session, row, Gate.CLOSED, {**told, "reason": "slower"}, "worker")
        _tell(
            session,
            project,
            "model_closed",
            _(
                "The model “%(model)s” is no longer shown in “%(project)s”: with pre-labels"
                " people take %(ratio)s times as long as without"
            ),
            model=row.title or row.kind,
            ratio=f"{ratio.value or 0:.2f}",
        )
        return True
    if ratio.high is not None and ratio.high < 1:
        models.set_gate(session, row, Gate.OPEN, {**told, "reason": "quicker"}, "worker")
    return False


def _needed(project: Project, row: ProjectModel) -> float | None:
    """Return from which share of accepted marks on a model pays; None for one that is gone."""
    if row.kind not in MODELS:
        return None
    try:
        return costs.worth_showing(
            bind(project.config, MODELS[row.kind].serving(row.option_values)).target.makes
        )
    except errors.JinbiaoError:
        return None  # the labelling config was changed


def _told(
    session: Session, row: ProjectModel, found: Report, measured: OfModel, needed: float | None
) -> dict[str, Any]:
    trained = models.of_model(session, row)
    ratio, accepted = found.time_ratio, measured.accepted
    return {
        "method": MEASURED,
        "n": measured.answers,
        "saving": None if ratio.value is None else 1 - ratio.value,
        "low": None if ratio.high is None else 1 - ratio.high,
        "high": None if ratio.low is None else 1 - ratio.low,
        "accepted": accepted.value,
        "accepted_low": accepted.low,
        "accepted_high": accepted.high,
        "needed": needed,
        "estimated_at": found.at.isoformat(),
        "model_version": None if trained is None else trained.model_version,
    }


def _switch_off(
    session: Session, project: Project, found: Report, chosen: Mapping[int, ProjectModel]
) -> list[str]:
    """Switch off the labels whose errors rise with pre-labels; return those that are new."""
    off = []
    for label, told in found.of_labels.items():
        if not told.rises:
            continue
        behind = [chosen[each.model_id] for each in found.of_models if each.model_id in chosen]
        changed = [models.switch_off_labels(session, row, [label], "worker") for row in behind]
        if any(changed):
            off.append(label)
            _tell(
                session,
                project,
                "label_off",
                _(
                    "The label “%(label)s” is no longer pre-labelled in “%(project)s”: with"
                    " pre-labels its error is larger by %(rise)s %%"
                ),
                label=label,
                rise=round(100 * (told.error.value or 0)),
            )
    return off


def _tell(session: Session, project: Project, kind: str, message: str, **values: Any) -> None:
    values["project"] = project.title
    log.info("project %s: %s %s", project.id, kind, values)
    address = f"/projects/{project.id}/benefit"
    notices.add(session, project.created_by, kind, message, values, address)

"""Ask for a change of labels: it is written down, and a job carries it out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.orm import Session

from .. import audit, errors, jobs, labels, permissions
from ..errors import _
from ..jobs import Job
from ..people import User
from ..projects import Project
from . import steps as config_steps
from . import texts
from .rows import ConfigChange, unfinished
from .steps import Step

LONGEST_NOTE = 2000  # characters


def request(
    session: Session, actor: User, project: Project, steps: Sequence[Step], note: str = ""
) -> tuple[ConfigChange, Job]:
    """Write down a change of labels and the job that carries it out.

    Raises:
        errors.Forbidden: the actor may not change the project.
        errors.Refused: another change is not finished.
        errors.Invalid: the config would not be usable with the new labels.
    """
    permissions.require(actor, "project.change", project)
    session.refresh(project, with_for_update=True)
    if unfinished(session, project) is not None:
        raise errors.Refused(_("another change of this project's labels is still being made"))
    fresh = texts.changed(project.label_config, steps)
    for text in (fresh, texts.widened(project.label_config, steps)):
        labels.parse(text)
    change = ConfigChange(
        project_id=project.id,
        created_by=actor.id,
        note=note.strip()[:LONGEST_NOTE],
        steps=msgspec.json.encode(config_steps.to_plain(steps)).decode(),
        old_config=project.label_config,
        new_config=fresh,
    )
    session.add(change)
    session.flush()
    job = jobs.add(
        session,
        actor,
        "config_change",
        {"change": change.id},
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )
    change.job_id = job.id
    subject = f"project/{project.id}"
    audit.record(session, actor, "project.labels", subject, change=change.id, steps=len(steps))
    return change, job

"""Ask for scans and treatments; workers do them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from .. import errors, jobs, permissions
from ..errors import _
from ..jobs import Job
from ..people import User
from ..projects import Project
from .browsing import Wanted
from .changes import Owned
from .keeping import lock

SCAN = "scan"
TREAT = "treat"
# What may be done with findings; which of them suit a finding, the job says.
TREATMENTS = ("mask", "pseudonym", "generalise", "blur", "withdraw")


def ask_scan(
    session: Session, actor: User, owned: Owned, *, again: bool = False, pictures: bool = True
) -> Job:
    """Write down a scan, or return the one that waits or runs already.

    It looks at what changed since the last one, or `again` at everything.
    """
    permissions.require(actor, "finding.scan", owned)
    is_project = isinstance(owned, Project)
    lock(
        session,
        project_id=owned.id if is_project else None,
        library_id=None if is_project else owned.id,
    )
    there = running(session, owned, SCAN)
    if there is not None:
        return there
    request: dict[str, Any] = {"again": again, "pictures": pictures}
    if not isinstance(owned, Project):
        request["library"] = owned.id
    return _add(session, actor, owned, SCAN, request)


def ask_treat(session: Session, actor: User, project: Project, wanted: Wanted, action: str) -> Job:
    """Write down the treatment of the findings that are meant.

    Raises:
        errors.Invalid: there is no such treatment.
        errors.Forbidden: tasks are withdrawn by those who lead.
    """
    permissions.require(actor, "finding.decide", project)
    if action not in TREATMENTS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="action", names=", ".join(TREATMENTS)
        )
    if action == "withdraw":
        permissions.require(actor, "assignment.manage", project)
    return _add(session, actor, project, TREAT, {"action": action, "wanted": asdict(wanted)})


def running(session: Session, owned: Owned, kind: str = SCAN) -> Job | None:
    """Return the newest job of this kind that has not ended."""
    is_project = isinstance(owned, Project)
    newest = jobs.recent(
        session,
        project_id=owned.id if is_project else None,
        organisation_id=None if is_project else owned.organisation_id,
        kind=kind,
        limit=20,
    )
    for job in newest:
        if job.state not in jobs.ENDED and (
            is_project or job.request_values.get("library") == owned.id
        ):
            return job
    return None


def _add(session: Session, actor: User, owned: Owned, kind: str, request: dict[str, Any]) -> Job:
    return jobs.add(
        session,
        actor,
        kind,
        request,
        project_id=owned.id if isinstance(owned, Project) else None,
        organisation_id=owned.organisation_id,
        vendor_id=owned.vendor_id,
    )

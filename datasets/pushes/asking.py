"""Ask for a release to be sent somewhere, and say how that stands."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, jobs, permissions
from ..catalogue import Dataset, Openness, Release
from ..errors import _
from ..jobs import Job, JobState
from ..people import User
from .rows import Push, PushState
from .targets import RIGHT, Target, TargetKind, lock

KIND = "push_release"


@dataclass(frozen=True)
class _Home:
    organisation_id: int
    vendor_id: int | None = None


def ask(
    session: Session, actor: User, dataset: Dataset, release: Release, target: Target
) -> tuple[Push, Job]:
    """Write down a job that sends a release to a target; announce it after the commit.

    Raises:
        errors.NotFound: the dataset or the target is another organisation's.
        errors.Refused: it may not leave the house, is on its way there, or a newer one is there.
    """
    _check(session, actor, dataset, release, target)
    request = {"release": release.id, "target": target.id, "name": dataset.full_name}
    job = jobs.add(
        session,
        actor,
        KIND,
        request,
        project_id=dataset.project_id,
        organisation_id=dataset.organisation_id,
    )
    return _write(session, actor, dataset, release, target, job.id), job


def begin(
    session: Session, actor: User, job_id: str, dataset: Dataset, release: Release, target: Target
) -> Push:
    """Return the push of a job that begins or goes on; checked again, for things change.

    Raises:
        errors.Refused: as `ask`.
    """
    push = session.scalar(sa.select(Push).where(Push.job_id == job_id))
    _check(session, actor, dataset, release, target, job_id)
    if push is None:
        # Asked for at the machine: the job was there first.
        push = _write(session, actor, dataset, release, target, job_id)
    push.state, push.error, push.ended_at = PushState.RUNNING, None, None
    session.flush()
    return push


def of_dataset(
    session: Session, actor: User, dataset: Dataset, *, before: int | None = None, limit: int = 50
) -> list[tuple[Push, Release, JobState | None]]:
    """List what was sent of a dataset, newest first, each with its job's state.

    Raises:
        errors.NotFound: the dataset is another organisation's.
    """
    permissions.require(actor, RIGHT, _Home(dataset.organisation_id))
    query = (
        sa.select(Push, Release, Job.state)
        .join(Release, Release.id == Push.release_id)
        .outerjoin(Job, Job.id == Push.job_id)
        .where(Push.dataset_id == dataset.id)
    )
    if before is not None:
        query = query.where(Push.id < before)
    rows = session.execute(query.order_by(Push.id.desc()).limit(limit))
    return [(push, release, JobState(state) if state else None) for push, release, state in rows]


def under_way(push: Push, job_state: JobState | None) -> bool:
    """Tell whether a push may still go on by itself."""
    return push.state in (PushState.WAITING, PushState.RUNNING) and job_state in (
        JobState.WAITING,
        JobState.RUNNING,
    )


def _check(
    session: Session,
    actor: User,
    dataset: Dataset,
    release: Release,
    target: Target,
    job_id: str = "",
) -> None:
    permissions.require(actor, RIGHT, _Home(dataset.organisation_id))
    permissions.require(actor, RIGHT, target)
    if target.organisation_id != dataset.organisation_id or release.dataset_id != dataset.id:
        raise errors.NotFound(_("there is no target %(id)s"), id=target.id)
    if dataset.openness == Openness.CLOSED:
        raise errors.Refused(_("this dataset is not opened: it is sent nowhere"))
    if dataset.openness == Openness.CONDITIONAL and target.sends_files:
        raise errors.Refused(
            _("this dataset is open under conditions: its files are not sent, only linked to")
        )
    # One at a time to each place: whoever asks second waits for the first one's commit here.
    lock(session, target)
    there = (
        sa.select(Push.release_id, Job.id, Job.state, Push.state, Release.tag)
        .join(Release, Release.id == Push.release_id)
        .join(Job, Job.id == Push.job_id)
        .where(Push.target_id == target.id, Push.dataset_id == dataset.id, Push.job_id != job_id)
    )
    open_job = sa.and_(
        Job.state.in_((JobState.WAITING, JobState.RUNNING)),
        Push.state.in_((PushState.WAITING, PushState.RUNNING)),
    )
    busy = session.execute(there.where(open_job).limit(1)).first()
    if busy is not None:
        raise errors.Refused(_("%(tag)s is being sent there already"), tag=busy.tag)
    newer = session.execute(
        there.where(Push.release_id > release.id, Push.state == PushState.DONE)
        .order_by(Push.release_id.desc())
        .limit(1)
    ).first()
    if newer is not None:
        raise errors.Refused(
            _("%(newer)s was sent there already: an older version is not put on top of it"),
            newer=newer.tag,
        )


def _write(
    session: Session, actor: User, dataset: Dataset, release: Release, target: Target, job_id: str
) -> Push:
    is_hub = target.kind == TargetKind.HUGGING_FACE
    push = Push(
        dataset_id=dataset.id,
        release_id=release.id,
        target_id=target.id,
        target_name=target.name,
        kind=target.kind,
        job_id=job_id,
        remote_name=f"{target.owner}/{dataset.name}" if is_hub else dataset.ckan_name,
        created_by=actor.id,
    )
    session.add(push)
    session.flush()
    audit.record(
        session,
        actor,
        "release.push",
        f"dataset/{dataset.full_name}",
        tag=release.tag,
        target=target.name,
        push=push.id,
    )
    return push

"""Tell the person who started a job that it has ended."""

from __future__ import annotations

from sqlalchemy.orm import Session

from .. import notices
from ..errors import _
from .rows import Job, JobState

# A person still sees what took no longer.
SHORTEST_SECONDS = 5.0
# In the request of a job that the platform started by itself: nobody waits for it.
AUTOMATIC = "automatic"


def tell_end(session: Session, job: Job) -> None:
    """Write a notice for whoever started a job that is done or has failed.

    Not for one that took under SHORTEST_SECONDS since it was asked for, that somebody
    cancelled, or that the platform started by itself.
    """
    if job.state not in (JobState.DONE, JobState.FAILED) or job.ended_at is None:
        return
    took = (job.ended_at - job.created_at).total_seconds()
    if took < SHORTEST_SECONDS or job.request_values.get(AUTOMATIC):
        return
    is_done = job.state == JobState.DONE
    notices.add(
        session,
        job.created_by,
        f"job.{job.state}",
        _("“%(job)s” is done") if is_done else _("“%(job)s” has failed"),
        {"job": job.kind},
        f"/jobs/{job.id}",
    )

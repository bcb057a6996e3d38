"""Withhold the bytes that treated pictures had before: old addresses of them end."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import insert_new, now
from ..projects import Project
from ..tasks import MEDIA_PREFIX, Task
from .rows import WithheldMedium


def withhold(session: Session, project: Project, digests: Iterable[str]) -> None:
    """Write down that these bytes of a project were treated and are shown no more."""
    at = now()
    rows = [
        {"project_id": project.id, "digest": digest, "created_at": at}
        for digest in sorted(set(digests))
    ]
    insert_new(session, WithheldMedium, rows)


def is_withheld(session: Session, project_id: int, digest: str) -> bool:
    """Tell whether bytes were treated and no task of the project has them as they were.

    One read by the primary key; only of treated bytes the tasks are searched.
    """
    if session.get(WithheldMedium, (project_id, digest)) is None:
        return False
    there = sa.select(Task.id).where(
        Task.project_id == project_id, Task.data.contains(f'"{MEDIA_PREFIX}{digest}"')
    )
    return session.scalar(there.limit(1)) is None

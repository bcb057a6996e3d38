"""Keep files that programs upload: what came, and whether it became tasks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, permissions
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project
from .tasks import Task


class FileUpload(Base):
    """One uploaded file; its bytes are an object of the store."""

    __tablename__ = "file_uploads"
    __table_args__ = (sa.Index("ix_file_uploads_project", "project_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(sa.String(300))
    digest: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def add(
    session: Session, actor: User, project: Project, name: str, digest: str, size: int
) -> FileUpload:
    """Write down an uploaded file."""
    permissions.require(actor, "task.import", project)
    row = FileUpload(
        project_id=project.id, user_id=actor.id, name=plain_name(name), digest=digest, size=size
    )
    session.add(row)
    session.flush()
    return row


def of_project(
    session: Session,
    project: Project,
    *,
    ids: Iterable[int] | None = None,
    user: User | None = None,
) -> list[FileUpload]:
    """List a project's uploads by number: some of them, or those of one person."""
    query = sa.select(FileUpload).where(FileUpload.project_id == project.id)
    if ids is not None:
        query = query.where(FileUpload.id.in_(list(ids)))
    if user is not None:
        query = query.where(FileUpload.user_id == user.id)
    return list(session.scalars(query.order_by(FileUpload.id)))


def get(
    session: Session, user: User | None, upload_id: int, action: str
) -> tuple[FileUpload, Project]:
    """Return an upload and its project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(FileUpload, Project)
        .join(Project, Project.id == FileUpload.project_id)
        .where(FileUpload.id == upload_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no upload %(id)s"), id=upload_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def names(session: Session, upload_ids: Iterable[int | None]) -> dict[int, str]:
    """Return upload → the name of its file, in one query."""
    wanted = {number for number in upload_ids if number is not None}
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(FileUpload.id, FileUpload.name).where(FileUpload.id.in_(wanted))
    )
    return {number: name for number, name in rows}


def remove(session: Session, actor: User, project: Project, uploads: Iterable[FileUpload]) -> int:
    """Forget uploads; tasks that came from them stay. Return how many."""
    permissions.require(actor, "task.import", project)
    ids = [row.id for row in uploads]
    session.execute(
        sa.update(Task)
        .where(Task.project_id == project.id, Task.file_upload_id.in_(ids))
        .values(file_upload_id=None)
    )
    session.execute(sa.delete(FileUpload).where(FileUpload.id.in_(ids)))
    if ids:
        audit.record(session, actor, "upload.delete", f"project/{project.id}", number=len(ids))
    return len(ids)


def plain_name(name: str) -> str:
    """Return the end of a file name as one line; its suffix says how it is read."""
    end = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c if c.isprintable() else "_" for c in end)[-300:] or "_"

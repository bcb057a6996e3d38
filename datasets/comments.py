"""Keep what people say to each other about annotations."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, notices, people, permissions, reviews
from .annotations import Annotation
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project

LONGEST = 5_000  # characters
LONGEST_REGION = 2_000  # bytes
MOST_MENTIONED = 20  # people in one remark
# As user names are: what follows an @ that does not belong to an e-mail address.
MENTION = re.compile(r"(?<![A-Za-z0-9_.@-])@([A-Za-z0-9_][A-Za-z0-9_.@-]{0,63})")


class Comment(Base):
    """One remark on an annotation, or on one of its regions."""

    __tablename__ = "comments"
    __table_args__ = (
        sa.Index("ix_comments_task", "task_id", "id"),
        sa.Index("ix_comments_project", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    annotation_id: Mapped[int] = mapped_column(sa.ForeignKey("annotations.id"), index=True)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    text: Mapped[str]
    # JSON: which region it speaks of; None for the whole annotation.
    region: Mapped[str | None]
    # The remark that it answers, the first of its thread; None for a first one.
    parent_id: Mapped[int | None] = mapped_column(Id)
    resolved_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


@dataclass(frozen=True)
class Talk:
    """How much is said of one task."""

    comments: int = 0
    unresolved: int = 0
    last_at: dt.datetime | None = None
    authors: tuple[int, ...] = ()


SILENCE = Talk()


def add(
    session: Session,
    actor: User,
    annotation: Annotation,
    text: str,
    region: Any = None,
    *,
    parent: Comment | None = None,
) -> Comment:
    """Say something of an annotation that the actor may see, or answer what was said.

    Who made the annotation is told, and who is answered, and who is mentioned (`@name`), as far
    as they may read it; of others nothing is said.

    Raises:
        errors.Invalid: the text is empty or too long, the region reference too large, or what
            is answered belongs to another annotation.
    """
    if parent is not None and parent.annotation_id != annotation.id:
        raise errors.Invalid(_("this remark belongs to another annotation"), place="parent")
    root = None if parent is None else (parent.parent_id or parent.id)
    comment = Comment(
        project_id=annotation.project_id,
        task_id=annotation.task_id,
        annotation_id=annotation.id,
        created_by=actor.id,
        text=_text(text),
        region=_region(region) if parent is None else parent.region,
        parent_id=root,
    )
    session.add(comment)
    session.flush()
    _tell(session, actor, annotation, comment, mentioned=names_in(comment.text), parent=parent)
    audit.record(session, actor, "comment.create", f"annotation/{annotation.id}")
    return comment


def names_in(text: str) -> set[str]:
    """Return the user names that a text mentions, without the full stop of a sentence."""
    return {name.rstrip(".-@") for name in MENTION.findall(text)}


def readers(session: Session, annotation: Annotation) -> list[User]:
    """List who may read what is said of an annotation, by user name: its maker, and those of
    the project's organisations who may read everybody's answers.
    """
    project = session.get_one(Project, annotation.project_id)
    homes = [home for home in (project.organisation_id, project.vendor_id) if home is not None]
    return [
        user
        for user in people.of_organisations(session, homes)
        if user.is_active
        and permissions.sees(user, project)
        and (user.id == annotation.completed_by or permissions.allows(user, "annotation.read"))
    ]


def _tell(
    session: Session,
    actor: User,
    annotation: Annotation,
    comment: Comment,
    *,
    mentioned: set[str],
    parent: Comment | None = None,
    is_new: bool = True,
) -> None:
    """Tell those whom a remark concerns; one line a person."""
    concerned = {annotation.completed_by} if is_new else set()
    if parent is not None:
        concerned.add(parent.created_by)
    if not mentioned and concerned <= {actor.id}:
        return
    project = session.get_one(Project, annotation.project_id)
    about = {"task": annotation.task_id, "project": project.title}
    told = 0
    for user in readers(session, annotation):
        if user.id == actor.id:
            continue
        address = _address(user, annotation, comment)
        is_hidden = reviews.hides(user, project, annotation)
        values = {"name": actor.pseudonym if is_hidden else actor.name, **about}
        if user.username in mentioned and told < MOST_MENTIONED:
            told += 1
            message = _("%(name)s mentions you at task %(task)s of “%(project)s”")
            notices.add(session, user.id, "mention", message, values, address)
        elif user.id in concerned:
            message = _("%(name)s has a remark on task %(task)s of “%(project)s”")
            notices.add(session, user.id, "comment", message, values, address)


def _address(user: User, annotation: Annotation, comment: Comment) -> str:
    """Return where somebody reads a remark: at the task, at its region."""
    asked: dict[str, Any] = {"task": annotation.task_id, "comment": comment.id}
    region = region_id(comment)
    if region is not None:
        asked["region"] = region
    if user.id == annotation.completed_by:
        return f"/projects/{annotation.project_id}/label?{urlencode(asked)}"
    if permissions.allows(user, "annotation.review"):
        asked["annotation"] = annotation.id
        return f"/projects/{annotation.project_id}/review?{urlencode(asked)}"
    return f"/tasks/{annotation.task_id}"


def region_id(comment: Comment) -> str | None:
    """Return the id of the region that a remark speaks of; None for the whole annotation."""
    if comment.region is None:
        return None
    told = msgspec.json.decode(comment.region)
    found = told.get("regionId") if isinstance(told, dict) else told
    return found if isinstance(found, str) else None


def get(session: Session, user: User, comment_id: int) -> Comment:
    """Return a comment that somebody may see.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    rows = session.scalars(_seen(user).where(Comment.id == comment_id)).all()
    if not rows:
        raise errors.NotFound(_("there is no comment %(id)s"), id=comment_id)
    return rows[0]


def find(
    session: Session,
    user: User,
    *,
    project_ids: Iterable[int] | None = None,
    annotation_id: int | None = None,
    task_id: int | None = None,
    offset: int = 0,
    limit: int = 100,
) -> list[Comment]:
    """List the comments that somebody may see, oldest first."""
    query = _seen(user)
    if project_ids is not None:
        query = query.where(Comment.project_id.in_(list(project_ids)))
    if annotation_id is not None:
        query = query.where(Comment.annotation_id == annotation_id)
    if task_id is not None:
        query = query.where(Comment.task_id == task_id)
    return list(session.scalars(query.order_by(Comment.id).offset(offset).limit(limit)))


def change(
    session: Session,
    actor: User,
    comment: Comment,
    *,
    text: str | None = None,
    is_resolved: bool | None = None,
) -> None:
    """Change one's own words, or say that anybody's remark is settled.

    Raises:
        errors.Forbidden: the words are another person's.
        errors.Invalid: the text is empty or too long.
    """
    if text is not None:
        _check_author(actor, comment)
        before, comment.text = names_in(comment.text), _text(text)
        new = names_in(comment.text) - before
        if new:
            annotation = session.get_one(Annotation, comment.annotation_id)
            _tell(session, actor, annotation, comment, mentioned=new, is_new=False)
    if is_resolved is not None:
        comment.resolved_at = (comment.resolved_at or now()) if is_resolved else None
    comment.updated_at = now()
    audit.record(session, actor, "comment.change", f"comment/{comment.id}")


def delete(session: Session, actor: User, comment: Comment) -> None:
    """Take one's own words back.

    Raises:
        errors.Forbidden: the words are another person's.
        errors.Refused: others have answered.
    """
    _check_author(actor, comment)
    answers = sa.select(Comment.id).where(
        Comment.annotation_id == comment.annotation_id, Comment.parent_id == comment.id
    )
    if session.scalar(answers.limit(1)) is not None:
        raise errors.Refused(_("others have answered this remark, so it stays"))
    session.delete(comment)
    audit.record(session, actor, "comment.delete", f"comment/{comment.id}")


_SAID = sa.select(
    Comment.task_id, Comment.created_by, Comment.resolved_at, Comment.updated_at
).where(Comment.task_id.in_(sa.bindparam("tasks", expanding=True)))


def talks(
    session: Session, task_ids: Iterable[int], only_on: User | None = None
) -> dict[int, Talk]:
    """Return task id → how much is said of it, in one query; tasks without a word are left out.

    Of one person's annotations only, where that is asked.
    """
    query = _SAID
    if only_on is not None:
        query = query.join(Annotation, Annotation.id == Comment.annotation_id).where(
            Annotation.completed_by == only_on.id
        )
    rows = session.execute(query, {"tasks": list(task_ids)})
    found: dict[int, Talk] = {}
    for task_id, author, resolved_at, updated_at in rows:
        before = found.get(task_id, SILENCE)
        last = updated_at if before.last_at is None else max(before.last_at, updated_at)
        found[task_id] = Talk(
            before.comments + 1,
            before.unresolved + (resolved_at is None),
            last,
            tuple(dict.fromkeys((*before.authors, author))),
        )
    return found


def _seen(user: User) -> sa.Select[Comment]:
    """Select what somebody may see: of visible projects, and annotators of their own work."""
    permissions.require(user, "account.use")
    query = (
        sa.select(Comment)
        .join(Project, Project.id == Comment.project_id)
        .where(Project.deleted_at.is_(None))
    )
    if not permissions.is_everywhere(user):
        home = user.organisation_id
        query = query.where(sa.or_(Project.organisation_id == home, Project.vendor_id == home))
    if not permissions.allows(user, "annotation.read"):
        own = sa.exists().where(
            Annotation.id == Comment.annotation_id, Annotation.completed_by == user.id
        )
        query = query.where(own)
    return query


def _check_author(actor: User, comment: Comment) -> None:
    if comment.created_by != actor.id:
        raise errors.Forbidden(_("these are another person's words"))


def _text(text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST or "\0" in text:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"), place="text", longest=LONGEST
        )
    return text


def _region(region: Any) -> str | None:
    if region is None:
        return None
    text = msgspec.json.encode(region).decode()
    if len(text) > LONGEST_REGION:
        raise errors.Invalid(
            _("must have at most %(longest)s bytes"), place="region_ref", longest=LONGEST_REGION
        )
    return text

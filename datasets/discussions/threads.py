"""Keep discussions of datasets; one about a record is an issue of the project it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, notices, opening, people, permissions, tombstones
from ..catalogue import Dataset, Release, may_know
from ..db import Base, Id, now
from ..errors import _
from ..flags import LONGEST_TEXT as LONGEST_FLAG
from ..flags import Flag, FlagKind
from ..people import User
from ..projects import Project
from ..tasks import Task
from ..versions import VersionRecord

LONGEST_TITLE = 200
LONGEST_TEXT = 5_000  # characters of one contribution
MOST_AN_HOUR = 30  # contributions of one person
MOST_TOLD = 20  # of the owner's people


class DiscussionState(StrEnum):
    """Whether it goes on."""

    OPEN = "open"
    CLOSED = "closed"


class Discussion(Base):
    """What people say of a dataset, or of one record of it."""

    __tablename__ = "discussions"
    __table_args__ = (
        sa.Index("ix_discussions_dataset", "dataset_id", "id"),
        sa.Index("ix_discussions_key", "dataset_id", "key"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("datasets.id"))
    # The record that it is about; None for the whole dataset.
    key: Mapped[str | None] = mapped_column(sa.String(72))
    title: Mapped[str] = mapped_column(sa.String(LONGEST_TITLE))
    state: Mapped[str] = mapped_column(sa.String(10), default=DiscussionState.OPEN)
    # The newest version when it was begun.
    tag: Mapped[str] = mapped_column(sa.String(40))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    posts: Mapped[int] = mapped_column(default=1)
    # The flag on the record's task in its project; None where the task is no more.
    flag_id: Mapped[int | None] = mapped_column(Id)
    # The release that corrected the record.
    corrected_by: Mapped[int | None] = mapped_column(Id)


class DiscussionPost(Base):
    """What one person said; the first one of a discussion is what it is about."""

    __tablename__ = "discussion_posts"
    __table_args__ = (
        sa.Index("ix_discussion_posts_discussion", "discussion_id", "id"),
        sa.Index("ix_discussion_posts_person", "created_by", "created_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    discussion_id: Mapped[int] = mapped_column(sa.ForeignKey("discussions.id"))
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    text: Mapped[str]


def open_discussion(
    session: Session,
    actor: User,
    dataset: Dataset,
    title: str,
    text: str,
    key: str | None = None,
) -> Discussion:
    """Begin a discussion of a dataset that the actor sees; its owner's people are told.

    With a record's key it becomes a flag on that record's task in the source project.

    Raises:
        errors.Invalid: the title or text is missing or too long.
        errors.NotFound: no version has such a record, or it was withdrawn.
        errors.Refused: the actor has said enough within the hour.
    """
    permissions.require(actor, "discussion.write")
    title = _checked(title, "title", LONGEST_TITLE)
    text = _checked(text, "text", LONGEST_TEXT)
    _check_pace(session, actor)
    newest = session.get_one(Release, dataset.newest_id)
    row = Discussion(
        dataset_id=dataset.id, key=key, title=title, tag=newest.tag, created_by=actor.id
    )
    session.add(row)
    if key is not None and not opening.may_download(session, actor, dataset):
        # Nobody finds out here which records there are.
        raise errors.NotFound(_("no version has a record “%(key)s”"), key=key[:80])
    task = None if key is None else _task_of(session, dataset, key)
    session.flush()
    session.add(DiscussionPost(discussion_id=row.id, created_by=actor.id, text=text))
    if task is not None:
        flag = Flag(
            project_id=task.project_id,
            task_id=task.id,
            user_id=actor.id,
            kind=FlagKind.OTHER,
            text=f"{title}\n{text}"[:LONGEST_FLAG],
            discussion_id=row.id,
        )
        session.add(flag)
        session.flush()
        row.flag_id = flag.id
        about = {"kind": flag.kind, "flag": flag.id, "discussion": row.id}
        audit.record(session, actor, "task.flag", f"task/{task.id}", **about)
    session.flush()
    message = _("“%(title)s”: a new discussion of “%(dataset)s”")
    _tell(session, actor, row, dataset, _owners(session, dataset), message)
    subject = f"dataset/{dataset.full_name}"
    audit.record(session, actor, "discussion.open", subject, discussion=row.id, key=key)
    return row


def answer(session: Session, actor: User, discussion: Discussion, text: str) -> DiscussionPost:
    """Say something in an open discussion; who takes part in it is told.

    Raises:
        errors.Invalid: the text is missing or too long.
        errors.Refused: it is closed, or the actor has said enough within the hour.
    """
    permissions.require(actor, "discussion.write")
    text = _checked(text, "text", LONGEST_TEXT)
    session.refresh(discussion, with_for_update={"key_share": True})
    if discussion.state != DiscussionState.OPEN:
        raise errors.Refused(_("this discussion is closed"))
    _check_pace(session, actor)
    post = DiscussionPost(discussion_id=discussion.id, created_by=actor.id, text=text)
    session.add(post)
    discussion.posts += 1
    discussion.updated_at = now()
    session.flush()
    dataset = session.get_one(Dataset, discussion.dataset_id)
    taking_part = set(
        session.scalars(
            sa.select(DiscussionPost.created_by)
            .where(DiscussionPost.discussion_id == discussion.id)
            .distinct()
        )
    )
    message = _("“%(title)s”: a new answer in a discussion of “%(dataset)s”")
    _tell(session, actor, discussion, dataset, taking_part, message)
    subject = f"dataset/{dataset.full_name}"
    audit.record(session, actor, "discussion.answer", subject, discussion=discussion.id)
    return post


def move(session: Session, actor: User, discussion: Discussion, state: str) -> None:
    """Close a discussion, or open it again: the owner's people, or who began it.

    Raises:
        errors.Forbidden: it is another person's.
        errors.Invalid: the state is not known.
    """
    permissions.require(actor, "discussion.write")
    dataset = session.get_one(Dataset, discussion.dataset_id)
    if discussion.created_by != actor.id and not is_owner(session, actor, dataset):
        raise errors.Forbidden(_("only who began a discussion or the dataset's owner closes it"))
    if state not in list(DiscussionState):
        names = ", ".join(DiscussionState)
        raise errors.Invalid(_("must be one of %(names)s"), place="state", names=names)
    if discussion.state == state:
        return
    discussion.state, discussion.updated_at = state, now()
    subject = f"dataset/{dataset.full_name}"
    about = {"discussion": discussion.id, "state": state}
    audit.record(session, actor, "discussion.move", subject, **about)


def get(session: Session, dataset: Dataset, discussion_id: int) -> Discussion:
    """Return a discussion of a dataset.

    Raises:
        errors.NotFound: there is none.
    """
    found = session.get(Discussion, discussion_id)
    if found is None or found.dataset_id != dataset.id:
        raise errors.NotFound(_("there is no discussion %(id)s"), id=discussion_id)
    return found


def of_dataset(
    session: Session,
    dataset: Dataset,
    *,
    state: str | None = None,
    key: str | None = None,
    before: int | None = None,
    limit: int = 30,
) -> list[Discussion]:
    """List a dataset's discussions, newest first, from before an id."""
    query = sa.select(Discussion).where(Discussion.dataset_id == dataset.id)
    if state is not None:
        query = query.where(Discussion.state == state)
    if key is not None:
        query = query.where(Discussion.key == key)
    if before is not None:
        query = query.where(Discussion.id < before)
    return list(session.scalars(query.order_by(Discussion.id.desc()).limit(limit)))


def how_many(session: Session, dataset: Dataset) -> dict[str, int]:
    """Count a dataset's discussions by state."""
    rows = session.execute(
        sa.select(Discussion.state, sa.func.count())
        .where(Discussion.dataset_id == dataset.id)
        .group_by(Discussion.state)
    )
    return {state: number for state, number in rows}


def posts(
    session: Session, discussion: Discussion, *, after: int = 0, limit: int = 100
) -> list[DiscussionPost]:
    """List what was said, oldest first, from after an id."""
    query = sa.select(DiscussionPost).where(
        DiscussionPost.discussion_id == discussion.id, DiscussionPost.id > after
    )
    return list(session.scalars(query.order_by(DiscussionPost.id).limit(limit)))


def flags_of(session: Session, found: Iterable[Discussion]) -> dict[int, Flag]:
    """Return the flags of discussions by discussion id."""
    ids = [row.flag_id for row in found if row.flag_id is not None]
    if not ids:
        return {}
    rows = session.scalars(sa.select(Flag).where(Flag.id.in_(ids)))
    return {row.discussion_id: row for row in rows if row.discussion_id is not None}


def is_owner(session: Session, user: User | None, dataset: Dataset) -> bool:
    """Tell whether somebody answers for the dataset."""
    if user is None:
        return False
    project = session.get_one(Project, dataset.project_id)
    return permissions.sees(user, project) and permissions.would(user, "dataset.publish", project)


def _task_of(session: Session, dataset: Dataset, key: str) -> Task | None:
    """Return the task that a record comes from, None where it was deleted."""
    task_id = session.scalar(
        sa.select(VersionRecord.task_id)
        .join(Release, Release.version_id == VersionRecord.version_id)
        .where(Release.dataset_id == dataset.id, VersionRecord.key == key)
        .order_by(Release.id.desc())
        .limit(1)
    )
    if task_id is None or tombstones.gone(session, dataset.id, [key]):
        raise errors.NotFound(_("no version has a record “%(key)s”"), key=key[:80])
    return session.get(Task, task_id)


def _owners(session: Session, dataset: Dataset) -> list[int]:
    found = people.of_organisations(session, [dataset.organisation_id])
    owners = [user.id for user in found if user.is_active and is_owner(session, user, dataset)]
    return owners[:MOST_TOLD]


def _tell(
    session: Session,
    actor: User,
    discussion: Discussion,
    dataset: Dataset,
    whom: Iterable[int],
    message: str,
) -> None:
    values = {"title": discussion.title, "dataset": dataset.title}
    address = f"/datasets/{dataset.full_name}/discussions/{discussion.id}"
    # Closed since, it is not there for others any more: its title and its talk are not either.
    known = people.by_ids(session, set(whom) - {actor.id})
    for user_id in sorted(each for each in known if may_know(known[each], dataset)):
        notices.add(session, user_id, "discussion", message, values, address)


def _check_pace(session: Session, actor: User) -> None:
    since = now() - dt.timedelta(hours=1)
    said = session.scalar(
        sa.select(sa.func.count()).where(
            DiscussionPost.created_by == actor.id, DiscussionPost.created_at > since
        )
    )
    if int(said or 0) >= MOST_AN_HOUR:
        raise errors.Refused(
            _("at most %(most)s contributions an hour: please wait"), most=MOST_AN_HOUR
        )


def _checked(text: str, place: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest or "\0" in text:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"), place=place, longest=longest
        )
    return text

"""Keep the versions of a project's guideline, and who has read which.

A guideline is plain text with a few marks (`# heading`, `- item`, `**strong**`) and pictures of
the project's own tasks: `![caption](task:12)`, or `task:12/key` for one of several. A version
never changes once it is published.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, permissions, tasks
from .db import Base, Id, insert_new, now
from .errors import _
from .people import User
from .projects import LONGEST_INSTRUCTION, Project

LONGEST, LONGEST_NOTE = 200_000, 2_000  # characters
MOST_PICTURES = 200
CONTEXT = 3  # unchanged lines that are shown around a change
_LONGEST_LINE = 2_000  # characters that are compared letter by letter
PICTURE = re.compile(r"!\[([^\]\n]{0,300})\]\(task:([0-9]{1,17})(?:/([^)\s]{1,80}))?\)")


class GuidelineKind(StrEnum):
    """What a guideline is for: GB/T 45674 has rules of their own for safety annotation."""

    FUNCTIONAL = "functional"
    SAFETY = "safety"


class GuidelineVersion(Base):
    """What annotators were told at one time."""

    __tablename__ = "guideline_versions"
    __table_args__ = (sa.UniqueConstraint("project_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # 1, 2, 3 … within the project.
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(20), default=GuidelineKind.FUNCTIONAL)
    text: Mapped[str]
    # What changed, in the words of who published it.
    note: Mapped[str] = mapped_column(default="")
    # JSON: `task:12/key` → digest of the medium, as it was when this was published.
    pictures: Mapped[str] = mapped_column(default="{}")
    published_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    published_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def picture_digests(self) -> dict[str, str]:
        """Return reference → digest of the pictures."""
        return dict(msgspec.json.decode(self.pictures))


class GuidelineReading(Base):
    """Somebody has said that they have read a version."""

    __tablename__ = "guideline_readings"

    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    read_at: Mapped[dt.datetime] = mapped_column(default=now)


def publish(
    session: Session,
    actor: User,
    project: Project,
    text: str,
    *,
    note: str = "",
    kind: str = GuidelineKind.FUNCTIONAL,
    after: int | None = None,
) -> GuidelineVersion:
    """Publish the next version; `after` is the number of the newest that the actor has seen.

    The project's instruction, where there is one, becomes version 1 first; it then follows the
    newest text, as far as it holds it.

    Raises:
        errors.Invalid: the text is empty or too long, a picture is not the project's, the kind
            is not known, or a change is not said.
        errors.Stale: somebody else has published meanwhile.
        errors.Refused: it is the newest version, letter by letter.
    """
    permissions.require(actor, "guideline.publish", project)
    text = _checked(text)
    note = note.strip()[:LONGEST_NOTE]
    if kind not in list(GuidelineKind):
        raise errors.Invalid(
            _("must be one of %(names)s"), place="kind", names=", ".join(GuidelineKind)
        )
    session.refresh(project, ["guideline_version", "instruction"], with_for_update=True)
    if after is not None and after != (project.guideline_version or 0):
        raise errors.Stale(
            _("somebody has published version %(number)s meanwhile"),
            number=project.guideline_version or 0,
        )
    before = newest(session, project) or _from_instruction(session, actor, project, text)
    if before is not None and (before.text, before.kind) == (text, kind):
        raise errors.Refused(_("nothing has changed since version %(n)s"), n=before.number)
    if before is not None and not note:
        raise errors.Invalid(_("say what changed, so that nobody has to look for it"), place="note")
    version = _add(session, actor, project, text, note, kind)
    project.instruction = text[:LONGEST_INSTRUCTION]
    audit.record(
        session, actor, "guideline.publish", f"project/{project.id}", version=version.number
    )
    return version


def _from_instruction(
    session: Session, actor: User, project: Project, text: str
) -> GuidelineVersion | None:
    told = project.instruction.strip()
    if not told or told == text:
        return None
    return _add(session, actor, project, told, "", GuidelineKind.FUNCTIONAL)


def _add(
    session: Session, actor: User, project: Project, text: str, note: str, kind: str
) -> GuidelineVersion:
    version = GuidelineVersion(
        project_id=project.id,
        number=(project.guideline_version or 0) + 1,
        kind=kind,
        text=text,
        note=note,
        pictures=msgspec.json.encode(pictures_of(session, project, text), order="sorted").decode(),
        published_by=actor.id,
    )
    project.guideline_version = version.number
    session.add(version)
    session.flush()
    return version


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text or "\0" in text:
        raise errors.Invalid(_("write what annotators are to do"), place="text")
    if len(text) > LONGEST:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place="text", longest=LONGEST
        )
    return text


def pictures_of(session: Session, project: Project, text: str) -> dict[str, str]:
    """Return reference → digest of the pictures that a text shows.

    Raises:
        errors.Invalid: a task is not the project's, or has no such medium; each is named.
        errors.TooLarge: there are more than MOST_PICTURES.
    """
    named = {
        (found[2], found[3] or ""): reference(found[2], found[3])
        for found in PICTURE.finditer(text)
    }
    if len(named) > MOST_PICTURES:
        raise errors.TooLarge(
            _("must show at most %(most)s pictures"), place="text", most=MOST_PICTURES
        )
    if not named:
        return {}
    rows = {row.id: row for row in tasks.by_ids(session, project, {int(n) for n, _key in named})}
    found: dict[str, str] = {}
    problems = []
    for (number, key), name in named.items():
        data = rows[int(number)].data_values if int(number) in rows else {}
        media = [tasks.media_digest(data.get(each)) for each in ([key] if key else data)]
        digest = next((each for each in media if each is not None), None)
        if digest is None:
            problems.append(errors.Problem(name, _("the project has no such picture")))
        else:
            found[name] = digest
    if problems:
        raise errors.Invalid(_("some pictures are not there"), problems=problems)
    return found


def reference(task: str, key: str | None) -> str:
    """Return how a text names a picture: `task:12`, or `task:12/key`."""
    return f"task:{task}/{key}" if key else f"task:{task}"


def newest(session: Session, project: Project) -> GuidelineVersion | None:
    """Return the newest version; a project without a guideline takes no query."""
    if project.guideline_version is None:
        return None
    return get(session, project, project.guideline_version)


def get(session: Session, project: Project, number: int) -> GuidelineVersion:
    """Return one version of a project's guideline.

    Raises:
        errors.NotFound: there is none of that number.
    """
    found = session.scalar(
        sa.select(GuidelineVersion).where(
            GuidelineVersion.project_id == project.id, GuidelineVersion.number == number
        )
    )
    if found is None:
        raise errors.NotFound(_("the guideline has no version %(number)s"), number=number)
    return found


def of_project(
    session: Session, project: Project, *, before: int | None = None, limit: int = 50
) -> list[GuidelineVersion]:
    """List a project's versions, newest first; `before` a number gives the next page."""
    query = sa.select(GuidelineVersion).where(GuidelineVersion.project_id == project.id)
    if before is not None:
        query = query.where(GuidelineVersion.number < before)
    return list(session.scalars(query.order_by(GuidelineVersion.number.desc()).limit(limit)))


def acknowledge(session: Session, user: User, project: Project, number: int) -> None:
    """Note that somebody has read the newest version; twice is once.

    Raises:
        errors.Stale: it is not the newest any more.
        errors.NotFound: the project has no guideline.
    """
    permissions.require(user, "project.read", project)
    session.refresh(project, ["guideline_version"])
    if project.guideline_version is None:
        raise errors.NotFound(_("this project has no guideline"))
    if number != project.guideline_version:
        raise errors.Stale(
            _("version %(number)s has been published meanwhile: read that one"),
            number=project.guideline_version,
        )
    row = {"project_id": project.id, "user_id": user.id, "number": number, "read_at": now()}
    if insert_new(session, GuidelineReading, [row]):
        audit.record(
            session, user, "guideline.acknowledge", f"project/{project.id}", version=number
        )


_ACKNOWLEDGED = sa.select(sa.func.max(GuidelineReading.number)).where(
    GuidelineReading.project_id == sa.bindparam("project"),
    GuidelineReading.user_id == sa.bindparam("user"),
)


def acknowledged(session: Session, user: User, project: Project) -> int | None:
    """Return the newest version that somebody has read; None for none, without a query where
    the project has no guideline.
    """
    if project.guideline_version is None:
        return None
    return session.scalar(_ACKNOWLEDGED, {"project": project.id, "user": user.id})


def check_acknowledged(session: Session, user: User, project: Project) -> None:
    """Raise where the project wants its guideline read and somebody has not read the newest.

    Raises:
        errors.Forbidden: they have not; the message says where it is read.
    """
    if project.guideline_version is None or not project.option("guideline_must_be_read"):
        return
    if (acknowledged(session, user, project) or 0) < project.guideline_version:
        raise errors.Forbidden(
            _("read version %(number)s of the guideline first: %(address)s"),
            number=project.guideline_version,
            address=f"/projects/{project.id}/guideline",
        )


@dataclass(frozen=True)
class Reader:
    """Who may label, and the newest version that they have read, if any."""

    user: User
    number: int | None
    read_at: dt.datetime | None


def readers(
    session: Session, actor: User, project: Project, *, after: str = "", limit: int = 10_000
) -> list[Reader]:
    """List who may label in a project by user name, with what each has read last."""
    permissions.require(actor, "guideline.publish", project)
    last = (
        sa.select(
            GuidelineReading.user_id,
            sa.func.max(GuidelineReading.number).label("number"),
            sa.func.max(GuidelineReading.read_at).label("read_at"),
        )
        .where(GuidelineReading.project_id == project.id)
        .group_by(GuidelineReading.user_id)
        .subquery()
    )
    homes = [home for home in (project.organisation_id, project.vendor_id) if home is not None]
    roles = [role for role, actions in permissions.ALLOWED.items() if "task.claim" in actions]
    query = (
        sa.select(User, last.c.number, last.c.read_at)
        .outerjoin(last, last.c.user_id == User.id)
        .where(
            User.organisation_id.in_(homes),
            User.is_active,
            sa.or_(User.role.in_(roles), last.c.number.is_not(None)),
            User.username > after,
        )
    )
    rows = session.execute(query.order_by(User.username).limit(limit))
    return [Reader(user, number, read_at) for user, number, read_at in rows]


@dataclass(frozen=True)
class Change:
    """One line of two texts side by side; `kind` is equal, changed, added, removed or skipped.

    A side is a list of (text, whether it differs from the other side), None where that text has
    no such line; of skipped lines `left` has their number as its only text.
    """

    kind: str
    left_number: int | None
    left: list[tuple[str, bool]] | None
    right_number: int | None
    right: list[tuple[str, bool]] | None


def changes(before: str, after: str) -> list[Change]:
    """Compare two texts line by line; equal lines far from a change are folded into one."""
    old, new = before.split("\n"), after.split("\n")
    matcher = difflib.SequenceMatcher(None, old, new)
    found: list[Change] = []
    opcodes = matcher.get_opcodes()
    for place, (kind, i, i_end, j, j_end) in enumerate(opcodes):
        if kind == "equal":
            ends = (place == 0, place == len(opcodes) - 1)
            found += _folded(old, i, i_end, j, ends)
        else:
            found += _changed(old[i:i_end], new[j:j_end], i, j)
    return found


def _folded(
    old: Sequence[str], i: int, i_end: int, j: int, ends: tuple[bool, bool]
) -> list[Change]:
    """Return equal lines, only CONTEXT of them beside a change."""
    head = 0 if ends[0] else CONTEXT
    tail = 0 if ends[1] else CONTEXT
    length = i_end - i
    hidden = range(head, length - tail) if length > head + tail + 1 else range(0)
    found = []
    for step in range(length):
        if step in hidden:
            if step == hidden.start:
                found.append(Change("skipped", None, [(str(len(hidden)), False)], None, None))
            continue
        side = [(old[i + step], False)]
        found.append(Change("equal", i + step + 1, side, j + step + 1, side))
    return found


def _changed(old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Change]:
    for step in range(max(len(old), len(new))):
        left = old[step] if step < len(old) else None
        right = new[step] if step < len(new) else None
        if left is not None and right is not None:
            yield Change("changed", i + step + 1, *_letters(left, right, j + step + 1))
        elif left is not None:
            yield Change("removed", i + step + 1, [(left, True)], None, None)
        elif right is not None:
            yield Change("added", None, None, j + step + 1, [(right, True)])


def _letters(
    left: str, right: str, number: int
) -> tuple[list[tuple[str, bool]], int, list[tuple[str, bool]]]:
    """Return both sides in parts, each with whether it differs."""
    if max(len(left), len(right)) > _LONGEST_LINE:
        return [(left, True)], number, [(right, True)]
    one: list[tuple[str, bool]] = []
    other: list[tuple[str, bool]] = []
    for kind, i, i_end, j, j_end in difflib.SequenceMatcher(None, left, right).get_opcodes():
        one += [(left[i:i_end], kind != "equal")] if i_end > i else []
        other += [(right[j:j_end], kind != "equal")] if j_end > j else []
    return one, number, other

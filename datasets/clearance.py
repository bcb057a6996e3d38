"""Search what a frozen version says, to the letter, and say what keeps it from being published.

Tasks may change, be withdrawn or deleted after a version was frozen: what is published is the
version. Its lines never change, so each is searched once; decisions are asked for anew each time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from . import findings
from .db import Base, Database, Id, insert_many, insert_new, now
from .errors import Problem, _
from .findings import Finding, FindingState, UnseenRecord
from .personal_information import DETECTOR
from .projects import Project
from .settings import Settings
from .tasks import Task, TaskState, media_digest
from .versions import BATCH_BYTES, BATCH_LINES, FIRST_LINES, Record, Version, VersionRecord

PLACE = "personal_information"
SHOWN = 10  # tasks that a reason names
_RECORD = msgspec.json.Decoder(Record)
_LEFT = (FindingState.OPEN, FindingState.CONFIRMED)


class VersionSearch(Base):
    """How far the search of a version's lines has come; it goes on there after a fault."""

    __tablename__ = "version_searches"

    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    detector: Mapped[str] = mapped_column(sa.String(60))
    # All lines before this position were looked at.
    position: Mapped[int] = mapped_column(Id, default=0)
    records: Mapped[int] = mapped_column(Id, default=0)
    # Records that tell the plain digest of raw material, as those of the first versions did.
    told: Mapped[int] = mapped_column(Id, default=0)
    ended_at: Mapped[dt.datetime | None]


class VersionFinding(Base):
    """A value that a version's record holds, once a task; never the value itself."""

    __tablename__ = "version_findings"
    __table_args__ = (sa.Index("ix_version_findings_version", "version_id", "task_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("versions.id", ondelete="CASCADE"))
    # The task may be gone.
    task_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(sa.String(30))
    place: Mapped[str] = mapped_column(sa.String(200))
    masked: Mapped[str] = mapped_column(sa.String(200))
    fingerprint: Mapped[str] = mapped_column(sa.String(64))


@dataclass(frozen=True)
class Searched:
    """What the search of a version came to: of so many tasks, some `unseen` in part."""

    detector: str
    records: int
    unseen: int
    dismissed: int
    treated: int


def is_searched(session: Session, version_id: int) -> bool:
    """Tell whether all lines of a version were looked at by the rules of now."""
    row = session.get(VersionSearch, version_id)
    return row is not None and row.ended_at is not None and row.detector == DETECTOR


def search(
    database: Database,
    settings: Settings,
    version_id: int,
    advance: Callable[[Session], None],
) -> None:
    """Look through all texts of a version's records at constant memory, unless it was done.

    `advance` is called in each transaction. Several jobs may do it at once: they share the work.
    """
    with database.write() as session:
        version = session.get_one(Version, version_id)
        project = session.get_one(Project, version.project_id)
        _begin(session, version_id)
    key = findings.key_of(settings, project.organisation_id)
    limit = FIRST_LINES
    while True:
        with database.read() as session:
            row = session.get_one(VersionSearch, version_id)
            if row.ended_at is not None:
                return
            lines = _lines(session, version_id, row.position, limit)
        found = _found(version_id, lines, key)
        with database.write() as session:
            present = session.get_one(VersionSearch, version_id, with_for_update=True)
            advance(session)
            # Another job may have come here first.
            if present.position == row.position and present.ended_at is None:
                _keep(session, present, lines, found)
        if lines:
            mean = sum(len(line) for *_place, line in lines) // len(lines) + 1
            limit = max(1, min(BATCH_LINES, BATCH_BYTES // mean))


def _begin(session: Session, version_id: int) -> None:
    new = {"version_id": version_id, "detector": DETECTOR, "position": 0, "records": 0, "told": 0}
    insert_new(session, VersionSearch, [{**new, "ended_at": None}])
    row = session.get_one(VersionSearch, version_id, with_for_update=True)
    if row.detector != DETECTOR:
        session.execute(sa.delete(VersionFinding).where(VersionFinding.version_id == version_id))
        row.detector, row.position, row.records, row.told = DETECTOR, 0, 0, 0
        row.ended_at = None


def _lines(session: Session, version_id: int, start: int, limit: int) -> list[tuple[int, int, str]]:
    query = (
        sa.select(VersionRecord.position, VersionRecord.task_id, VersionRecord.line)
        .where(VersionRecord.version_id == version_id, VersionRecord.position >= start)
        .order_by(VersionRecord.position)
        .limit(limit)
    )
    return [(at, task, line or "") for at, task, line in session.execute(query)]


def _found(
    version_id: int, lines: list[tuple[int, int, str]], key: bytes
) -> tuple[list[dict[str, Any]], int]:
    """Return the findings of some lines, and how many of these tell a plain digest."""
    rows: dict[tuple[int, str, str | None], dict[str, Any]] = {}
    told = 0
    for _position, task_id, line in lines:
        record = _RECORD.decode(line)
        told += record.origin is not msgspec.UNSET and record.origin.asset is not msgspec.UNSET
        for seen in findings.look_through(_texts(record), key, most=None):
            rows.setdefault(
                (task_id, seen.kind, seen.fingerprint),
                {
                    "version_id": version_id,
                    "task_id": task_id,
                    "kind": seen.kind,
                    "place": seen.place,
                    "masked": seen.masked,
                    "fingerprint": seen.fingerprint,
                },
            )
    return list(rows.values()), told


def _texts(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the texts of a record, the same ones that a scan sees in its task."""
    files = {name: media.file for name, media in record.media.items()}
    yield from findings.told_texts(record.data, name=record.name, group=record.group, files=files)
    known = [text for _place, text in findings.texts(record.data)]
    yield from findings.written_texts("answer", record.result, known)


def _keep(
    session: Session,
    row: VersionSearch,
    lines: list[tuple[int, int, str]],
    found: tuple[list[dict[str, Any]], int],
) -> None:
    if not lines:
        row.ended_at = now()
        return
    rows, told = found
    if rows:
        insert_many(session, VersionFinding, rows)
    row.position = lines[-1][0] + 1
    row.records += len(lines)
    row.told += told


def faults(
    session: Session, project: Project, version_id: int, *, most: int | None = None
) -> list[Problem]:
    """Say all that speaks against publishing a version, of the project now and of its own lines.

    `most` bounds how many records are held against tasks that changed since: where somebody
    waits for the answer, and a job is to look at all of them before anything is published.
    """
    version = session.get_one(Version, version_id)
    problems = findings.faults(session, project, version.created_at)
    address = {"address": f"/projects/{project.id}/findings"}
    if not is_searched(session, version_id):
        problems.append(
            Problem(PLACE, _("this version was not searched for personal information"), address)
        )
        return problems
    problems += _held(session, project, _unnamed(project, version_id))
    replaced = list(_replaced(session, version, most))
    if replaced:
        reason = _(
            "files in this version are of tasks that were changed or withdrawn since it was "
            "frozen (tasks %(tasks)s): freeze anew"
        )
        problems.append(Problem(PLACE, reason, {"tasks": _listed(replaced)}))
    if session.get_one(VersionSearch, version_id).told:
        reason = _("this version tells digests by which raw material can be guessed: freeze anew")
        problems.append(Problem(PLACE, reason, {}))
    return problems


def faults_now(session: Session, project: Project, version_id: int) -> list[Problem]:
    """Say which values of a version that was found clear are so no more.

    This is for the end of the long work of publishing: somebody may have decided otherwise
    meanwhile. What else changed in the project since then is no matter of this version.
    """
    return _held(session, project, _undismissed(project, version_id))


def _held(session: Session, project: Project, held: Any) -> list[Problem]:
    number = int(session.scalar(held.with_only_columns(sa.func.count())) or 0)
    if not number:
        return []
    tasks = session.scalars(
        held.with_only_columns(VersionFinding.task_id)
        .distinct()
        .order_by(VersionFinding.task_id)
        .limit(SHOWN + 1)
    )
    reason = _(
        "%(number)s values of personal information stand in this version as it was frozen, "
        "and nobody dismissed them (tasks %(tasks)s): freeze anew, or decide: %(address)s"
    )
    values = {
        "address": f"/projects/{project.id}/findings",
        "number": number,
        "tasks": _listed(list(tasks)),
    }
    return [Problem(PLACE, reason, values)]


def _listed(tasks: list[int]) -> str:
    return ", ".join(map(str, tasks[:SHOWN])) + (" …" if len(tasks) > SHOWN else "")


def _same(other: Any, project: Project) -> list[sa.ColumnElement[bool]]:
    """Return the conditions for findings of the project that are of the same value."""
    return [
        # As the index has it.
        other.organisation_id == project.organisation_id,
        other.fingerprint == VersionFinding.fingerprint,
        other.project_id == project.id,
        other.kind == VersionFinding.kind,
    ]


def _undismissed(project: Project, version_id: int) -> Any:
    """Select the values of a version that nobody dismissed, or that are left in their task."""
    one, other = aliased(Finding), aliased(Finding)
    dismissed = sa.exists().where(*_same(one, project), one.state == FindingState.DISMISSED)
    treated = sa.exists().where(
        *_same(other, project),
        other.task_id == VersionFinding.task_id,
        other.state.in_((*_LEFT, FindingState.TREATED)),
    )
    return sa.select(VersionFinding.id).where(
        VersionFinding.version_id == version_id,
        findings.tells_of_people(VersionFinding),
        sa.or_(~dismissed, treated),
    )


def _unnamed(project: Project, version_id: int) -> Any:
    """Select those of them that `findings.faults` does not name: it says what is to be decided
    in a task as it is now."""
    third = aliased(Finding)
    named = sa.exists().where(
        *_same(third, project),
        third.task_id == VersionFinding.task_id,
        third.state.in_(_LEFT),
        Task.id == third.task_id,
        Task.state != TaskState.WITHDRAWN,
    )
    return _undismissed(project, version_id).where(~named)


class _Media(msgspec.Struct):
    media: dict[str, dict[str, Any]]


def _replaced(session: Session, version: Version, most: int | None) -> Iterator[int]:
    """Yield the tasks, SHOWN and one at most, whose files in the version are theirs no more.

    At most so many records are looked at, None for all.

    Nobody looks at such files any more, so that nothing is known of what they show.
    """
    position, decode, number, looked = -1, msgspec.json.Decoder(_Media).decode, 0, 0
    query = (
        sa.select(VersionRecord.position, VersionRecord.task_id, VersionRecord.line, Task.state)
        .add_columns(Task.data)
        .outerjoin(Task, Task.id == VersionRecord.task_id)
        .where(
            VersionRecord.version_id == version.id,
            sa.or_(
                Task.id.is_(None),
                Task.state == TaskState.WITHDRAWN,
                Task.updated_at > version.created_at,
            ),
        )
        .order_by(VersionRecord.position)
        .limit(FIRST_LINES)
    )
    while rows := session.execute(query.where(VersionRecord.position > position)).all():
        position, looked = rows[-1][0], looked + len(rows)
        for _position, task_id, line, state, data in rows:
            sources = {media["source"] for media in decode(line or "{}").media.values()}
            values = msgspec.json.decode(data).values() if data else ()
            left = sources - {media_digest(value) for value in values}
            if left or (sources and state == TaskState.WITHDRAWN):
                yield task_id
                number += 1
                if number > SHOWN:
                    return
        if most is not None and looked >= most:
            return


def searched(session: Session, version_id: int) -> Searched | None:
    """Return what the search of a version came to, by the decisions of now; None: there is none."""
    if not is_searched(session, version_id):
        return None
    version = session.get_one(Version, version_id)
    project = session.get_one(Project, version.project_id)
    mine = sa.select(VersionRecord.task_id).where(VersionRecord.version_id == version_id)
    told = sa.exists().where(*_same(Finding, project), Finding.state == FindingState.DISMISSED)

    def counted(what: Any, *conditions: sa.ColumnElement[bool]) -> int:
        return int(session.scalar(sa.select(what).where(*conditions)) or 0)

    return Searched(
        DETECTOR,
        records=counted(
            sa.func.count(VersionRecord.task_id.distinct()), VersionRecord.version_id == version_id
        ),
        unseen=counted(sa.func.count(UnseenRecord.id), UnseenRecord.task_id.in_(mine)),
        dismissed=counted(
            sa.func.count(VersionFinding.id),
            VersionFinding.version_id == version_id,
            findings.tells_of_people(VersionFinding),
            told,
        ),
        treated=counted(
            sa.func.count(Finding.id),
            Finding.project_id == project.id,
            Finding.task_id.in_(mine),
            Finding.state == FindingState.TREATED,
            findings.tells_of_people(Finding),
        ),
    )

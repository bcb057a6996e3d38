"""Collect: turn what was read from a source into tasks and stored media.

`prepare` touches the object store only, `write` one transaction only, so that slow bytes
never hold the database.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import errors, labels, media, predictions, sources, tasks
from .annotations import Annotation, AnnotationState
from .assignments import Assignment, AssignmentState
from .db import Base, Id, insert_new, now
from .errors import Problem, _
from .people import User
from .projects import Project
from .storage import ObjectStore
from .tasks import MEDIA_PREFIX, TaskState

MEDIA_TAGS = frozenset({"Image", "Audio", "AudioPlus", "Video", "Pdf", "PDF", "TimeSeries"})
# Pictures are kept in memory up to this size while they are looked at, larger ones on disk.
SPOOL_BYTES = 32 * 1024**2


class ImportReject(Base):
    """One thing of an import that could not become a task; `line` goes to the reject file."""

    __tablename__ = "import_rejects"

    import_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    number: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    line: Mapped[str]


@dataclass
class Prepared:
    """An item whose media are stored and whose values are checked, ready to be written."""

    number: int
    data: str
    digest: str
    name: str
    group: str
    media_names: str
    media: list[dict[str, Any]]
    annotations: list[str] = field(default_factory=list)
    predictions: list[tuple[str, float | None, str]] = field(default_factory=list)


def media_keys(project: Project) -> tuple[str, ...]:
    """Return the data keys whose values are media."""
    found = [item.key for item in project.config.objects if item.tag in MEDIA_TAGS]
    return tuple(dict.fromkeys(found))


def prepare(
    store: ObjectStore,
    project: Project,
    item: sources.Item,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> Prepared | sources.Reject:
    """Store an item's media and check its values; a fault makes a reject, never an error.

    `known` remembers media rows by digest, so that bytes that come again are not looked
    at again; the caller bounds it.

    Raises:
        errors.Unavailable: the object store cannot be reached.
    """
    try:
        data, facts, names = dict(item.data), [], {}
        for key, opener in item.media.items():
            found = _keep(store, opener, limits, known)
            data[key] = f"{MEDIA_PREFIX}{found['digest']}"
            names[key] = opener.name
            facts.append(found)
        missing = [key for key in project.data_keys if key not in data]
        if missing:
            raise errors.Invalid(
                _("the task's data lack %(keys)s"), place="data", keys=", ".join(missing)
            )
        text = msgspec.json.encode(data, order="sorted").decode()
        return Prepared(
            number=item.number,
            data=text,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            name=item.name[:500],
            group=item.group[:500],
            media_names=msgspec.json.encode(names).decode(),
            media=facts,
            annotations=[
                _result(project.config, entry, data, f"annotations[{place}]")
                for place, entry in enumerate(item.annotations)
                if not entry.get("was_cancelled")
            ],
            predictions=[
                (
                    str(entry.get("model_version") or "import")[:140],
                    _score(entry.get("score")),
                    _result(project.config, entry, data, f"predictions[{place}]"),
                )
                for place, entry in enumerate(item.predictions)
            ],
        )
    except errors.Unavailable:
        raise
    except errors.JinbiaoError as problem:
        return sources.Reject(item.number, item.place, _as_one(problem))


def write(
    session: Session,
    actor: User,
    project: Project,
    import_id: str,
    batch: list[Prepared],
    rejects: list[sources.Reject],
) -> None:
    """Insert a batch of tasks with what came with them; rows that are there are left out.

    Imported annotations count as the actor's work: they wait for another person's review.
    """
    _write_rejects(session, import_id, rejects)
    numbers = [prepared.number for prepared in batch]
    there = set(
        session.scalars(
            sa.select(tasks.Task.row).where(
                tasks.Task.import_id == import_id, tasks.Task.row.in_(numbers)
            )
        )
    )
    fresh = [prepared for prepared in batch if prepared.number not in there]
    if not fresh:
        return
    _write_media(session, fresh)
    ids = tasks.add_in_bulk(
        session,
        project,
        import_id,
        [
            {
                "row": prepared.number,
                "data": prepared.data,
                "digest": prepared.digest,
                "name": prepared.name,
                "media_names": prepared.media_names,
                "group_name": prepared.group,
                "slots": max(project.maximum_annotations - len(prepared.annotations), 0),
                "state": TaskState.LABELLED if prepared.annotations else TaskState.WAITING,
            }
            for prepared in fresh
        ],
    )
    _write_annotations(session, actor, project, fresh, ids)
    predictions.add_in_bulk(
        session,
        [
            {
                "project_id": project.id,
                "task_id": ids[prepared.number],
                "trained_model_id": None,
                "model_version": model_version,
                "score": score,
                "result": result,
            }
            for prepared in fresh
            for model_version, score, result in prepared.predictions
        ],
    )


def reject_count(session: Session, import_id: str) -> int:
    """Count what an import had to leave out."""
    query = sa.select(sa.func.count()).where(ImportReject.import_id == import_id)
    return int(session.scalar(query) or 0)


def task_count(session: Session, import_id: str) -> int:
    """Count the tasks that an import brought."""
    query = sa.select(sa.func.count()).where(tasks.Task.import_id == import_id)
    return int(session.scalar(query) or 0)


def write_reject_file(session: Session, import_id: str, out: BinaryIO) -> int:
    """Write the reject file, a JSON line each in order; return how many."""
    lines = session.scalars(
        sa.select(ImportReject.line)
        .where(ImportReject.import_id == import_id)
        .order_by(ImportReject.number)
        .execution_options(yield_per=1000)
    )
    written = 0
    for line in lines:
        out.write(line.encode() + b"\n")
        written += 1
    return written


def _keep(
    store: ObjectStore,
    opener: sources.Opener,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Store one medium, and its display copy where it needs one; return its media row."""
    with opener.open() as source, tempfile.SpooledTemporaryFile(SPOOL_BYTES) as copy:
        digest = hashlib.sha256()
        size = 0
        while chunk := source.read(1024 * 1024):
            size += len(chunk)
            if size > limits.other_bytes:
                raise errors.TooLarge(
                    _("the file has more than %(limit)s bytes"), limit=limits.other_bytes
                )
            digest.update(chunk)
            copy.write(chunk)
        name = digest.hexdigest()
        if name in known:
            return known[name]
        copy.seek(0)
        facts = media.inspect(copy, opener.name, limits=limits)  # type: ignore[arg-type]
        row: dict[str, Any] = {
            "digest": name,
            "size": size,
            "content_type": facts.content_type,
            "extension": facts.extension,
            "width": facts.width,
            "height": facts.height,
            "display_digest": None,
            "display_size": None,
            "display_content_type": None,
            "display_extension": None,
        }
        if facts.needs_display_copy:
            copy.seek(0)
            shown, content_type = media.display_copy(copy, facts)  # type: ignore[arg-type]
            stored = store.put_bytes(shown)
            row |= {
                "display_digest": stored.digest,
                "display_size": stored.size,
                "display_content_type": content_type,
                "display_extension": _EXTENSIONS.get(content_type, facts.extension),
            }
        copy.seek(0)
        store.put(copy)  # type: ignore[arg-type]
    known[name] = row
    return row


_EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


def _result(
    config: labels.LabelConfig, entry: dict[str, Any], data: dict[str, Any], place: str
) -> str:
    result = entry.get("result")
    if isinstance(result, list):
        # Predictions made by hand or by the SDK often have no ids; the editor needs them.
        result = [
            {"id": f"import_{number}", **region} if isinstance(region, dict) else region
            for number, region in enumerate(result, 1)
        ]
    problems = labels.check_result(config, result, data=data)
    if problems:
        first = problems[0]
        raise errors.Invalid(
            first.message, place=f"{place}.{first.place}", problems=problems, **first.values
        )
    return msgspec.json.encode(result).decode()


def _score(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if usable and abs(value) < 1e9 else None


def _as_one(problem: errors.JinbiaoError) -> Problem:
    """Return the problem with its place and, where there are several, their number."""
    return Problem(problem.place, problem.message, problem.values)


def _write_rejects(session: Session, import_id: str, rejects: list[sources.Reject]) -> None:
    insert_new(
        session,
        ImportReject,
        [
            {"import_id": import_id, "number": reject.number, "line": reject.to_json()}
            for reject in rejects
        ],
    )


def _write_media(session: Session, batch: list[Prepared]) -> None:
    rows = {facts["digest"]: facts for prepared in batch for facts in prepared.media}
    tasks.keep_media(session, list(rows.values()))


def _write_annotations(
    session: Session, actor: User, project: Project, batch: list[Prepared], ids: dict[int, int]
) -> None:
    at = now()
    rows = [
        {
            "project_id": project.id,
            "task_id": ids[prepared.number],
            "completed_by": actor.id,
            "state": AnnotationState.SUBMITTED,
            "result": result,
            "created_at": at,
            "updated_at": at,
        }
        for prepared in batch
        for result in prepared.annotations
    ]
    if not rows:
        return
    session.execute(sa.insert(Annotation), rows)
    session.execute(
        sa.insert(Assignment),
        [
            {
                "project_id": project.id,
                "task_id": ids[prepared.number],
                "user_id": actor.id,
                "state": AssignmentState.SUBMITTED,
                "created_at": at,
            }
            for prepared in batch
            if prepared.annotations
        ],
    )

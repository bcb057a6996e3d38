"""Freeze a project: choose what was accepted, divide it, write the manifest.

Three steps, each safe to repeat after a crash: one transaction chooses the records (a
snapshot), batches write their lines, one transaction names the version. Nobody sees a
version before it has its commit id.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from . import audit, errors, labels, permissions, splits, versions
from .annotations import Annotation, AnnotationState
from .db import Database
from .errors import _
from .people import User
from .predictions import Prediction, TrainedModel
from .projects import Project
from .reviews import Review, Verdict
from .storage import ObjectStore
from .tasks import Media, Task, TaskState, media_digest
from .versions import (
    MANIFEST_FORMAT,
    Record,
    RecordMedia,
    RecordPrediction,
    RecordReview,
    Version,
    VersionRecord,
)

BATCH = 500

Advance = Callable[[Session, int, int], None]


def choose(
    session: Session,
    actor: User,
    project: Project,
    *,
    job_id: str,
    tag: str | None = None,
    seed: int = 0,
    fractions: Mapping[str, float] | None = None,
) -> Version:
    """Make the snapshot: which accepted annotation of which task, in content order.

    Where several people's annotations of one task were accepted, the one accepted first
    counts. Called again for the same job it returns the snapshot that is there.

    Raises:
        errors.Refused: nothing has been accepted yet.
        errors.Invalid: the tag, the seed or the fractions are not usable.
    """
    permissions.require(actor, "version.freeze", project)
    if not 0 <= seed < 2**31:
        raise errors.Invalid(_("must be a whole number from 0 to 2147483647"), place="seed")
    versions.lock_project(session, project.id)
    there = session.scalar(sa.select(Version).where(Version.job_id == job_id))
    if there is not None:
        return there
    version = Version(
        project_id=project.id,
        tag=versions.checked_tag(session, project, tag),
        label_config=project.label_config,
        parsed_label_config=project.parsed_label_config,
        seed=seed,
        fractions=msgspec.json.encode(
            splits.check_fractions(fractions or splits.DEFAULT_FRACTIONS)
        ).decode(),
        job_id=job_id,
        created_by=actor.id,
    )
    session.add(version)
    session.flush()
    session.execute(_snapshot(version, project))
    _order_twins(session, version)
    version.records = int(
        session.scalar(sa.select(sa.func.count()).where(VersionRecord.version_id == version.id))
        or 0
    )
    if version.records == 0:
        raise errors.Refused(_("nothing has been accepted in this project yet"))
    return version


def freeze(
    database: Database, store: ObjectStore, version_id: int, actor: User, advance: Advance
) -> int:
    """Complete a snapshot into a frozen version and return the version's id.

    The id is that of an earlier version when the content is the same. `advance` is called
    with (session, done, total) inside each transaction.
    """
    with database.read() as session:
        version = session.get_one(Version, version_id)
    if version.commit_id is not None:
        return version.id
    chosen, statistics = _divide(database, version)
    _write_lines(database, version, chosen, advance)
    with tempfile.TemporaryFile() as draft:
        digest = hashlib.sha256()
        for line in _manifest(database, version, statistics):
            draft.write(line)
            digest.update(line)
        draft.seek(0)
        stored = store.put(draft)
    with database.write() as session:
        advance(session, version.records, version.records)
        return _name(session, actor, version_id, stored.digest, stored.size, statistics)


def discard(session: Session, version_id: int) -> None:
    """Remove an unfinished snapshot; a frozen version stays."""
    version = session.scalar(
        sa.select(Version)
        .where(Version.id == version_id, Version.commit_id.is_(None))
        .with_for_update()
    )
    if version is not None:
        session.execute(sa.delete(VersionRecord).where(VersionRecord.version_id == version_id))
        session.delete(version)
        session.flush()


def _snapshot(version: Version, project: Project) -> sa.Insert:
    other, earlier = aliased(Annotation), aliased(Review)
    # An accepted annotation stays as it is, so it has one accepting review.
    accepted_earlier = (
        sa.exists()
        .where(
            other.task_id == Annotation.task_id,
            other.state == AnnotationState.ACCEPTED,
            earlier.annotation_id == other.id,
            earlier.verdict != Verdict.REJECT,
            earlier.id < Review.id,
        )
        .correlate(Annotation, Review)
    )
    # Equal data may stand in several tasks: the place among them makes the key unique.
    place = sa.func.row_number().over(partition_by=Task.digest, order_by=Task.id)
    key = sa.case((place == 1, Task.digest), else_=Task.digest + "-" + sa.cast(place, sa.String(8)))
    rows = (
        sa.select(
            sa.literal(version.id),
            sa.func.row_number().over(order_by=(Task.digest, Task.id)) - 1,
            Task.id,
            Annotation.id,
            Review.id,
            key,
        )
        .join(Annotation, Annotation.task_id == Task.id)
        .join(Review, Review.annotation_id == Annotation.id)
        .where(
            Task.project_id == project.id,
            Task.state == TaskState.ACCEPTED,
            Annotation.state == AnnotationState.ACCEPTED,
            Review.verdict != Verdict.REJECT,
            ~accepted_earlier,
        )
    )
    return sa.insert(VersionRecord).from_select(
        ["version_id", "position", "task_id", "annotation_id", "review_id", "key"], rows
    )


def _order_twins(session: Session, version: Version) -> None:
    """Order tasks of equal data by what was made of them, so that ids play no part."""
    second = sa.select(VersionRecord.key).where(
        VersionRecord.version_id == version.id, VersionRecord.key.endswith("-2")
    )
    for key in list(session.scalars(second)):
        digest = key.removesuffix("-2")
        rows = session.execute(
            sa.select(VersionRecord, Task, Annotation, Review, User.pseudonym)
            .join(Task, Task.id == VersionRecord.task_id)
            .join(Annotation, Annotation.id == VersionRecord.annotation_id)
            .join(Review, Review.id == VersionRecord.review_id)
            .join(User, User.id == Annotation.completed_by)
            .where(
                VersionRecord.version_id == version.id,
                Task.project_id == version.project_id,
                Task.digest == digest,
            )
            .order_by(VersionRecord.position)
        ).all()
        records = [row[0] for row in rows]
        told = sorted(
            (
                (task.name, task.group, review.result or annotation.result, pseudonym, number),
                (task.id, annotation.id, review.id),
            )
            for number, (_record, task, annotation, review, pseudonym) in enumerate(rows)
        )
        for record, (_told, ids) in zip(records, told, strict=True):
            record.task_id, record.annotation_id, record.review_id = ids
        session.flush()


def _rows(database: Database, version: Version) -> Iterator[list[Any]]:
    """Stream the snapshot joined with what each line needs, in batches."""
    position = -1
    query = (
        sa.select(VersionRecord, Task, Annotation, Review, Prediction, TrainedModel)
        .join(Task, Task.id == VersionRecord.task_id)
        .join(Annotation, Annotation.id == VersionRecord.annotation_id)
        .outerjoin(Review, Review.id == VersionRecord.review_id)
        .outerjoin(Prediction, Prediction.id == Annotation.parent_prediction)
        .outerjoin(TrainedModel, TrainedModel.id == Prediction.trained_model_id)
        .where(VersionRecord.version_id == version.id)
        .order_by(VersionRecord.position)
        .limit(BATCH)
    )
    while True:
        with database.read() as session:
            rows = list(session.execute(query.where(VersionRecord.position > position)))
        if not rows:
            return
        position = rows[-1][0].position
        yield rows


def _divide(database: Database, version: Version) -> tuple[dict[str, str], dict[str, Any]]:
    """Return group → split, and the version's statistics."""
    config = labels.LabelConfig.from_json(version.parsed_label_config)
    groups: dict[str, Counter[str]] = {}
    for rows in _rows(database, version):
        for record, task, annotation, review, _prediction, _model in rows:
            found = groups.setdefault(_group(record, task), Counter())
            found[""] += 1
            counted = labels.label_counts(config, _result(annotation, review))
            found.update({label: number for label, number in counted.items() if number})
    fractions = msgspec.json.decode(version.fractions)
    chosen = splits.assign(version.seed, fractions, groups)
    by_split: dict[str, Counter[str]] = {name: Counter() for name in splits.SPLITS}
    for group, counted in groups.items():
        by_split[chosen[group]].update(counted)
    total = sum(by_split.values(), Counter())
    return chosen, {
        "splits": {name: by_split[name].pop("", 0) for name in splits.SPLITS},
        "labels": {label: total[label] for label in sorted(total) if label},
        "labels_by_split": {
            name: {label: counted[label] for label in sorted(counted)}
            for name, counted in by_split.items()
        },
    }


def _write_lines(
    database: Database, version: Version, chosen: Mapping[str, str], advance: Advance
) -> None:
    with database.read() as session:
        people: dict[int, str] = {
            number: name for number, name in session.execute(sa.select(User.id, User.pseudonym))
        }
    taken: set[str] = set()
    done = 0
    for rows in _rows(database, version):
        with database.read() as session:
            wanted = {
                digest
                for _record, task, *_rest in rows
                for value in task.data_values.values()
                if (digest := media_digest(value)) is not None
            }
            media = {
                row.digest: row
                for row in session.scalars(sa.select(Media).where(Media.digest.in_(wanted)))
            }
        updates = []
        for record, task, annotation, review, prediction, model in rows:
            split = chosen[_group(record, task)]
            stored, data = _media_and_data(task, media, record.key, taken)
            line = Record(
                key=record.key,
                name=task.name,
                group=task.group,
                split=split,
                media=stored,
                data=data,
                result=_result(annotation, review),
                annotator=people[annotation.completed_by],
                prediction=_prediction(prediction, model),
                review=None
                if review is None
                else RecordReview(people[review.reviewer_id], review.verdict),
            )
            updates.append(
                {
                    "version_id": version.id,
                    "position": record.position,
                    "split": split,
                    "line": msgspec.json.encode(line, order="sorted").decode(),
                }
            )
        done += len(rows)
        with database.write() as session:
            advance(session, done, version.records)
            session.execute(sa.update(VersionRecord), updates)


def _manifest(
    database: Database, version: Version, statistics: Mapping[str, Any]
) -> Iterator[bytes]:
    header = {
        "format": MANIFEST_FORMAT,
        "label_config": version.label_config,
        "records": version.records,
        "seed": version.seed,
        "fractions": msgspec.json.decode(version.fractions),
        "statistics": statistics,
    }
    yield msgspec.json.encode(header, order="sorted") + b"\n"
    position = -1
    while True:
        with database.read() as session:
            rows = session.execute(
                sa.select(VersionRecord.position, VersionRecord.line)
                .where(VersionRecord.version_id == version.id, VersionRecord.position > position)
                .order_by(VersionRecord.position)
                .limit(1000)
            ).all()
        if not rows:
            return
        position = rows[-1][0]
        yield b"".join(str(line).encode() + b"\n" for _position, line in rows)


def _name(
    session: Session,
    actor: User,
    version_id: int,
    digest: str,
    size: int,
    statistics: Mapping[str, Any],
) -> int:
    version = session.get_one(Version, version_id)
    versions.lock_project(session, version.project_id)
    session.refresh(version)
    if version.commit_id is not None:
        return version.id
    commit_id = digest[:40]
    twin = session.scalar(
        sa.select(Version).where(
            Version.project_id == version.project_id, Version.commit_id == commit_id
        )
    )
    if twin is not None:
        discard(session, version_id)
        audit.record(session, actor, "version.freeze_again", f"version/{twin.id}", commit=commit_id)
        return twin.id
    version.commit_id, version.manifest_digest = commit_id, digest
    version.manifest_size = size
    version.statistics = msgspec.json.encode(statistics).decode()
    versions.note_frozen(session, actor, version)
    return version.id


def _group(record: VersionRecord, task: Task) -> str:
    # A record without a group is a group of its own.
    return f"group/{task.group}" if task.group else f"record/{record.key}"


def _result(annotation: Annotation, review: Review | None) -> list[dict[str, Any]]:
    if review is not None and review.result is not None:
        return list(msgspec.json.decode(review.result))
    return annotation.result_values


def _prediction(
    prediction: Prediction | None, model: TrainedModel | None
) -> RecordPrediction | None:
    if prediction is None:
        return None
    weights = "" if model is None else model.weights_digest
    return RecordPrediction(prediction.model_version, weights, prediction.score)


def _media_and_data(
    task: Task, media: Mapping[str, Media], key: str, taken: set[str]
) -> tuple[dict[str, RecordMedia], dict[str, Any]]:
    names = msgspec.json.decode(task.media_names)
    stored: dict[str, RecordMedia] = {}
    data: dict[str, Any] = {}
    for data_key, value in task.data_values.items():
        digest = media_digest(value)
        if digest is None:
            data[data_key] = value
            continue
        row = media[digest]
        shown = row.display_digest is not None
        extension = row.display_extension if shown else row.extension
        stored[data_key] = RecordMedia(
            source=digest,
            sha256=row.display_digest or digest,
            size=(row.display_size or 0) if shown else row.size,
            file=_file_name(names.get(data_key, ""), str(extension), data_key, key, taken),
            content_type=(row.display_content_type or "") if shown else row.content_type,
            width=row.width,
            height=row.height,
        )
    return stored, data


def _file_name(name: str, extension: str, data_key: str, key: str, taken: set[str]) -> str:
    """Return the original name made safe and, where it is taken, unique by the record's key."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = stem.rsplit(".", 1)[0] if "." in stem else stem
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*%#]+', "_", stem).strip(" .")[:120] or key[:16]
    # Case alone must not tell two files apart: not every disk keeps it.
    for choice in (stem, f"{stem}-{key[:12]}{key[64:]}", f"{stem}-{key}"):
        if f"{data_key}/{choice.lower()}" not in taken:
            break
    taken.add(f"{data_key}/{choice.lower()}")
    return f"{choice}.{extension.lstrip('.')}"

"""Turn the rows of a snapshot into records: split, media, names, pseudonyms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import cleaning, labels, libraries, splits, versions
from ..annotations import Annotation, AnnotationRevision
from ..db import Database
from ..models import TrainedModel
from ..people import User
from ..predictions import Prediction
from ..reviews import Review
from ..settings import Settings
from ..tasks import Media, Task, media_digest, media_of
from ..versions import (
    Record,
    RecordCleaning,
    RecordMedia,
    RecordOrigin,
    RecordPrediction,
    RecordReview,
    Version,
    VersionRecord,
)

BATCH = 500

Advance = Callable[[Session, int, int], None]


def divide(database: Database, version: Version) -> tuple[dict[str, str], dict[str, Any]]:
    """Return group → split, and the version's statistics."""
    config = labels.LabelConfig.from_json(version.parsed_label_config)
    groups: dict[str, Counter[str]] = {}
    one_folder = _lies_in_one_group(database, version)
    for rows in _rows(database, version):
        for record, task, annotation, review, _prediction, _model, judged in rows:
            group = _alone(record) if one_folder else _group(record, task)
            found = groups.setdefault(group, Counter())
            found[""] += 1
            counted = labels.label_counts(config, _result(annotation, review, judged))
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


def write_lines(
    database: Database,
    version: Version,
    chosen: Mapping[str, str],
    advance: Advance,
    settings: Settings | None = None,
) -> None:
    """Write each record's line of the manifest; what is there is written again, the same."""
    with database.read() as session:
        people: dict[int, str] = {
            number: name for number, name in session.execute(sa.select(User.id, User.pseudonym))
        }
    taken: set[str] = set()
    done = 0
    for rows in _rows(database, version):
        with database.read() as session:
            media = media_of(session, [task for _record, task, *_rest in rows])
            origins = cleaning.origins(session, [task.id for _record, task, *_rest in rows])
        updates = []
        for row in rows:
            split = chosen.get(_group(row[0], row[1])) or chosen[_alone(row[0])]
            origin = _origin(origins.get(row[1].id), settings)
            record = _record(row, split, people, media, taken, origin)
            line = msgspec.json.encode(record, order="sorted")
            updates.append(
                {
                    "version_id": version.id,
                    "position": row[0].position,
                    "split": split,
                    "line": line.decode(),
                    "digest": versions.record_digest(line),
                }
            )
        done += len(rows)
        with database.write() as session:
            advance(session, done, version.records)
            session.execute(sa.update(VersionRecord), updates)


def _record(
    row: Sequence[Any],
    split: str,
    people: Mapping[int, str],
    media: Mapping[str, Media],
    taken: set[str],
    origin: RecordOrigin | msgspec.UnsetType,
) -> Record:
    record, task, annotation, review, prediction, model, judged = row
    # What only a rule let pass was judged by nobody.
    reviewer = None if review is None else review.reviewer_id
    stored, data = _media_and_data(task, media, record.key, taken)
    return Record(
        key=record.key,
        name=task.name,
        group=task.group,
        split=split,
        media=stored,
        data=data,
        result=_result(annotation, review, judged),
        annotator=people[annotation.completed_by],
        prediction=_prediction(prediction, model),
        review=None if reviewer is None else RecordReview(people[reviewer], review.verdict),
        guideline=msgspec.UNSET
        if annotation.guideline_version is None
        else annotation.guideline_version,
        origin=origin,
    )


def _origin(
    told: cleaning.Origin | None, settings: Settings | None
) -> RecordOrigin | msgspec.UnsetType:
    """Name the raw material by its keyed digest: beside a masked text the plain one unmasks it."""
    if told is None:
        return msgspec.UNSET
    keyed: str | msgspec.UnsetType = msgspec.UNSET
    if settings is not None:
        keyed = libraries.opening(settings, told.owner_id, told.asset_digest).keyed_digest
    if told.uid is None:
        return RecordOrigin(None, keyed)
    run = RecordCleaning(told.uid, told.recipe, told.version, told.recipe_digest)
    return RecordOrigin(run, keyed)


def _rows(database: Database, version: Version) -> Iterator[list[Any]]:
    """Stream the snapshot joined with what each line needs, in batches.

    Last in a row is the result that was judged, where the annotation was changed since.
    """
    position = -1
    query = (
        sa.select(
            VersionRecord,
            Task,
            Annotation,
            Review,
            Prediction,
            TrainedModel,
            AnnotationRevision.result,
        )
        .join(Task, Task.id == VersionRecord.task_id)
        .join(Annotation, Annotation.id == VersionRecord.annotation_id)
        .outerjoin(Review, Review.id == VersionRecord.review_id)
        .outerjoin(
            AnnotationRevision,
            sa.and_(
                AnnotationRevision.annotation_id == Annotation.id,
                AnnotationRevision.revision == Review.revision,
            ),
        )
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


def _lies_in_one_group(database: Database, version: Version) -> bool:
    """Tell whether all records share one group, as when somebody imported one folder.

    A group that holds everything says nothing of what belongs together, and keeping it
    whole would leave the other splits empty.
    """
    query = (
        sa.select(sa.func.min(Task.group), sa.func.max(Task.group))
        .join(VersionRecord, VersionRecord.task_id == Task.id)
        .where(VersionRecord.version_id == version.id)
    )
    with database.read() as session:
        first, last = session.execute(query).one()
    return bool(first == last)


def _alone(record: VersionRecord) -> str:
    return f"record/{record.key}"


def _group(record: VersionRecord, task: Task) -> str:
    # A record without a group is a group of its own.
    return f"group/{task.group}" if task.group else _alone(record)


def _result(
    annotation: Annotation, review: Review | None, judged: str | None
) -> list[dict[str, Any]]:
    if review is not None and review.result is not None:
        return list(msgspec.json.decode(review.result))
    return annotation.result_values if judged is None else list(msgspec.json.decode(judged))


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

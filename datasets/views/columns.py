"""Name the columns by which tasks can be filtered and ordered, and how each is found.

A column is either a value of the task (`value`), or a set of rows beside it (`member`): a
condition that one of them must meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from .. import errors
from ..annotations import Annotation, AnnotationState, Draft
from ..comments import Comment
from ..errors import _
from ..predictions import Prediction
from ..tasks import Task
from ..uploads import FileUpload

LONGEST_KEY = 200  # characters
# A JSON number of more digits may be larger than any float, which a cast would not survive.
FLOAT_DIGITS = 308


class Kind(StrEnum):
    """What a column's values are, in Label Studio's words."""

    NUMBER = "Number"
    TEXT = "String"
    TIME = "Datetime"
    FLAG = "Boolean"
    LIST = "List"


Member = Callable[[Any], sa.ColumnElement[bool]]


@dataclass(frozen=True)
class Column:
    """One column; `member` gives (condition on one row beside the task) → condition."""

    name: str
    kind: Kind
    value: Any = None
    # For lists: the rows' value, and what makes "one of them is so" of a condition on it.
    element: Any = None
    has: Callable[[Any], sa.ColumnElement[bool]] | None = None


def _of_task(table: Any) -> Callable[[Any], sa.ColumnElement[bool]]:
    return lambda condition: sa.exists().where(table.task_id == Task.id, condition)


def _of_answers(condition: Any) -> sa.ColumnElement[bool]:
    return sa.exists().where(_SAID, condition)


def _about(value: Any, *conditions: Any) -> Any:
    return sa.select(value).where(*conditions).correlate(Task).scalar_subquery()


_SAID = sa.and_(Annotation.task_id == Task.id, Annotation.is_work)
_ANSWERED = (_SAID, Annotation.state != AnnotationState.SKIPPED)
_DRAFTED = sa.exists().where(Draft.task_id == Task.id)
_TRUE = sa.exists().where(_SAID, Annotation.ground_truth)
_UPLOADED = _about(FileUpload.name, FileUpload.id == Task.file_upload_id)

COLUMNS: dict[str, Column] = {
    found.name: found
    for found in (
        Column("id", Kind.NUMBER, Task.id),
        Column("inner_id", Kind.NUMBER, Task.inner_id),
        Column("completed_at", Kind.TIME, _about(sa.func.max(Annotation.created_at), *_ANSWERED)),
        Column("total_annotations", Kind.NUMBER, Task.total_annotations),
        Column("cancelled_annotations", Kind.NUMBER, Task.cancelled_annotations),
        Column("total_predictions", Kind.NUMBER, Task.total_predictions),
        Column(
            "annotators",
            Kind.LIST,
            _about(sa.func.min(Annotation.completed_by), _SAID),
            Annotation.completed_by,
            _of_answers,
        ),
        Column(
            "annotations_results",
            Kind.TEXT,
            _about(sa.func.min(Annotation.result), _SAID),
            Annotation.result,
            _of_answers,
        ),
        Column(
            "annotations_ids",
            Kind.LIST,
            _about(sa.func.min(Annotation.id), _SAID),
            Annotation.id,
            _of_answers,
        ),
        Column(
            "predictions_score",
            Kind.NUMBER,
            _about(sa.func.avg(Prediction.score), Prediction.task_id == Task.id),
        ),
        Column(
            "predictions_model_versions",
            Kind.LIST,
            _about(sa.func.min(Prediction.model_version), Prediction.task_id == Task.id),
            Prediction.model_version,
            _of_task(Prediction),
        ),
        Column(
            "predictions_results",
            Kind.TEXT,
            _about(sa.func.min(Prediction.result), Prediction.task_id == Task.id),
            Prediction.result,
            _of_task(Prediction),
        ),
        Column("file_upload", Kind.TEXT, _UPLOADED),
        Column("storage_filename", Kind.TEXT, Task.name),
        Column("created_at", Kind.TIME, Task.created_at),
        Column("updated_at", Kind.TIME, Task.updated_at),
        Column("updated_by", Kind.NUMBER, Task.updated_by),
        Column(
            "avg_lead_time",
            Kind.NUMBER,
            _about(sa.func.avg(Annotation.lead_time), _SAID),
        ),
        Column("draft_exists", Kind.FLAG, _DRAFTED),
        Column("ground_truth", Kind.FLAG, _TRUE),
        Column(
            "comment_count",
            Kind.NUMBER,
            _about(sa.func.count(Comment.id), Comment.task_id == Task.id),
        ),
        Column(
            "unresolved_comment_count",
            Kind.NUMBER,
            _about(
                sa.func.count(Comment.id),
                Comment.task_id == Task.id,
                Comment.resolved_at.is_(None),
            ),
        ),
        Column("state", Kind.TEXT, Task.state),
        Column("name", Kind.TEXT, Task.name),
        Column("group", Kind.TEXT, Task.group),
    )
}

# What people did with a task shows in these.
TELLING = frozenset(
    {
        "completed_at",
        "total_annotations",
        "cancelled_annotations",
        "annotators",
        "annotations_results",
        "annotations_ids",
        "updated_at",
        "updated_by",
        "avg_lead_time",
        "draft_exists",
        "ground_truth",
        "comment_count",
        "unresolved_comment_count",
        "state",
    }
)
# Who did it, and what they said: for those who may read everybody's answers.
ABOUT_OTHERS = frozenset(
    {
        "annotators",
        "annotations_results",
        "annotations_ids",
        "updated_by",
        "avg_lead_time",
        "draft_exists",
        "ground_truth",
    }
)
# Who did it: not for those who are to judge it without knowing.
WHO = frozenset({"annotators", "updated_by"})


def column(name: str, wanted: str, dialect: str, place: str) -> Column:
    """Return the column of a name such as `tasks:id` or `tasks:data.image`.

    `wanted` is the type that the asker gives a data key's values.

    Raises:
        errors.Invalid: there is none.
    """
    short = name.removeprefix("filter:").removeprefix("tasks:")
    if short.startswith("data."):
        key = short.removeprefix("data.")
        if key and len(key) <= LONGEST_KEY and '"' not in key and "\0" not in key:
            return _data_column(short, key, wanted, dialect)
    found = COLUMNS.get(short)
    if found is None:
        raise errors.Invalid(_("there is no column %(name)s"), place=place, name=name[:100])
    return found


def _data_column(name: str, key: str, wanted: str, dialect: str) -> Column:
    if wanted == Kind.NUMBER:
        return Column(name, Kind.NUMBER, _data_number(key, dialect))
    return Column(name, Kind.TEXT, _data_text(key, dialect))


def _data_text(key: str, dialect: str) -> Any:
    """Return the text of a data key, NULL where the task has none; one of two dialects."""
    if dialect == "sqlite":
        return sa.cast(sa.func.json_extract(Task.data, f'$."{key}"'), sa.Text)
    return sa.cast(Task.data, sa.JSON).op("->>", return_type=sa.Text())(sa.literal(key))


def _data_number(key: str, dialect: str) -> Any:
    """Return the number of a data key, NULL where it is something else."""
    if dialect == "sqlite":
        path = f'$."{key}"'
        is_number: Any = sa.func.json_type(Task.data, path).in_(("integer", "real"))
        found: Any = sa.func.json_extract(Task.data, path)
    else:
        data = sa.cast(Task.data, sa.JSON)
        found = data.op("->>", return_type=sa.Text())(sa.literal(key))
        is_number = sa.and_(
            sa.func.json_typeof(data.op("->")(sa.literal(key))) == "number",
            sa.func.length(found) <= FLOAT_DIGITS,
        )
    return sa.case((is_number, sa.cast(found, sa.Float)))

"""Read a project's tasks in batches of plain rows, by id, and what belongs to a batch.

Rows are those of the driver: entities would cost several times what reading costs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from .. import tasks
from ..annotations import Annotation
from ..projects import Project
from ..reviews import Review
from ..tasks import Media, Task
from .members import StoredMedium
from .wanted import Address, Wanted

BATCH = 500
Row = tuple[Any, ...]
Columns = Sequence[sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any]]
IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
decode = msgspec.json.Decoder(dict[str, Any]).decode


class Stamp(sa.types.TypeDecorator[str]):
    """A point in time, read as the text that Label Studio writes."""

    impl = sa.DateTime
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Write the stored naive UTC."""
        return None if value is None else f"{value.isoformat(timespec='microseconds')}Z"


def written(value: dt.datetime | None) -> str | None:
    """Write a point in time in UTC, as Label Studio does."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stamp(column: sa.orm.InstrumentedAttribute[Any]) -> sa.ColumnElement[str]:
    """Read a column of times as texts."""
    return sa.type_coerce(column, Stamp())


@dataclass(frozen=True)
class Reading:
    """What is to be read; the session must see one moment only: open it with `Database.moment`.

    `address` names stored media.
    """

    session: Session
    project: Project
    wanted: Wanted
    address: Address

    def rows(self, query: sa.Executable, **values: Any) -> list[Row]:
        """Return plain rows; `ids` are those of `IDS`."""
        return cast(list[Row], self.session.connection().execute(query, values).all())

    def batches(self, columns: Columns) -> Iterator[list[Row]]:
        """Give the tasks; the first column must be their id.

        Raises:
            errors.Invalid: the query cannot be used.
        """
        condition = self.wanted.tasks(self.session, self.project)
        after = sa.bindparam("after", type_=sa.BigInteger())
        query = sa.select(*columns).where(condition, Task.id > after).order_by(Task.id)
        query = query.limit(BATCH)
        rows = self.rows(query, after=0)
        while rows:
            yield rows
            rows = self.rows(query, after=rows[-1][0])

    def annotations(self, columns: Columns, ids: Sequence[int]) -> list[Row]:
        """Return the wanted annotations of these tasks, oldest first."""
        condition = self.wanted.annotations()
        query = sa.select(*columns).where(Annotation.task_id.in_(IDS), condition)
        return self.rows(query.order_by(Annotation.id), ids=ids)

    def fixes(self, accepted: Sequence[int]) -> dict[int, str]:
        """Return annotation → the result as its last reviewer fixed it, of those accepted."""
        if not accepted:
            return {}
        query = sa.select(Review.annotation_id, Review.result)
        query = query.where(Review.annotation_id.in_(IDS)).order_by(Review.id)
        last: dict[int, str | None] = {row[0]: row[1] for row in self.rows(query, ids=accepted)}
        return {number: result for number, result in last.items() if result is not None}


class StoredMedia:
    """The stored media of a batch: what is known of them, and the data that names them."""

    def __init__(self, reading: Reading, rows: Iterable[Row]) -> None:
        """Look at rows that begin with task id, data and media names."""
        self._reading = reading
        self._tasks = {
            number: (decode(data), decode(names))
            for number, data, names, *_rest in rows
            if tasks.MEDIA_PREFIX in data
        }
        wanted = {
            digest
            for values, _names in self._tasks.values()
            for value in values.values()
            if (digest := tasks.media_digest(value)) is not None
        }
        self._known = self._facts(sorted(wanted)) if wanted else {}

    def of(self, task_id: int) -> dict[str, StoredMedium]:
        """Return data key → medium of a task."""
        if task_id not in self._tasks:
            return {}
        values, names = self._tasks[task_id]
        found = {}
        for key, value in values.items():
            row = self._known.get(tasks.media_digest(value) or "")
            if row is not None:
                found[key] = _shown(row, names.get(key) or key)
        return found

    def __contains__(self, task_id: int) -> bool:
        """Tell whether a task's data name media."""
        return task_id in self._tasks

    def data(self, task_id: int) -> dict[str, Any]:
        """Return the data of a task that names media, with addresses for them."""
        values, names = self._tasks[task_id]
        return {key: self._address(key, value, names) for key, value in values.items()}

    def _address(self, key: str, value: Any, names: Mapping[str, str]) -> Any:
        digest = tasks.media_digest(value)
        if digest is None:
            return value
        return self._reading.address(self._reading.project.id, digest, names.get(key) or key)

    def _facts(self, digests: Sequence[str]) -> dict[str, Row]:
        sides = (Media.size, Media.width, Media.height, Media.display_digest, Media.display_size)
        query = sa.select(Media.digest, *sides).where(Media.digest.in_(IDS))
        return {row[0]: row for row in self._reading.rows(query, ids=digests)}


def _shown(row: Row, name: str) -> StoredMedium:
    digest, size, width, height, display_digest, display_size = row
    if display_digest:
        digest, size = display_digest, display_size or 0
    return StoredMedium(digest, name.replace("\\", "/").rpartition("/")[2], size, width, height)


def best(answers: Iterable[tuple[bool, bool, int]]) -> int | None:
    """Return which answer counts where only one can: true, accepted, newest.

    An answer is (ground truth, accepted, id); skips are none.
    """
    return max(answers, default=(False, False, None))[2]

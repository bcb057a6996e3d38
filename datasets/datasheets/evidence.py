"""Lay a release's own files out as tables, so that every number is a query anybody can run.

The tables live in a temporary SQLite database of their own, whatever database the platform
has; docs/catalogue.md lists their columns. Memory stays small however large the release is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .. import labels
from ..exports import WrittenFile
from ..scratch import ScratchTables
from ..versions import RecordMedia, RecordOrigin, RecordPrediction, RecordReview

BATCH = 1000
# Files above all folders lie in this one.
TOP = "."
_TABLES = """
CREATE TABLE records (position INTEGER PRIMARY KEY, key TEXT, split TEXT, grouped INTEGER,
    annotator TEXT, model TEXT, weights TEXT, reviewer TEXT, verdict TEXT, guideline INTEGER,
    regions INTEGER, media INTEGER);
CREATE TABLE labels (position INTEGER, label TEXT, count INTEGER);
CREATE TABLE label_names (place INTEGER PRIMARY KEY, label TEXT, title TEXT);
CREATE TABLE media (position INTEGER, field TEXT, content_type TEXT, size INTEGER, width INTEGER,
    height INTEGER);
CREATE TABLE files (path TEXT PRIMARY KEY, folder TEXT, sha256 TEXT, size INTEGER);
CREATE TABLE process (position INTEGER PRIMARY KEY, answers INTEGER, pairs INTEGER,
    score_sum REAL, first_review TEXT);
CREATE TABLE origins (position INTEGER PRIMARY KEY, asset TEXT, cleaning TEXT, recipe TEXT,
    recipe_version INTEGER, recipe_digest TEXT);
"""


class _Record(msgspec.Struct):
    """What the tables hold of a record's line."""

    key: str
    split: str
    group: str
    media: dict[str, RecordMedia]
    result: list[dict[str, Any]]
    annotator: str
    prediction: RecordPrediction | None
    review: RecordReview | None
    guideline: int | None = None
    origin: RecordOrigin | None = None


class Evidence(ScratchTables):
    """The tables of one release."""

    def __init__(self) -> None:
        """Begin with empty tables."""
        super().__init__(_TABLES)

    def add_records(self, lines: Iterable[str | bytes], config: labels.LabelConfig) -> None:
        """Add the lines of the manifest after its first, in order."""
        self._add_names(config)
        decode = msgspec.json.Decoder(_Record).decode
        numbered = enumerate(lines)
        while batch := [(place, decode(line)) for place, line in itertools.islice(numbered, BATCH)]:
            self._insert("records", 12, (_row(place, record) for place, record in batch))
            counts = (
                (place, label, number)
                for place, record in batch
                for label, number in labels.label_counts(config, record.result).items()
                if number
            )
            self._insert("labels", 3, counts)
            media = (
                (place, field, each.content_type, each.size, each.width, each.height)
                for place, record in batch
                for field, each in record.media.items()
            )
            self._insert("media", 6, media)
            origins = (_origin(place, record.origin) for place, record in batch if record.origin)
            self._insert("origins", 6, origins)

    def add_files(self, files: Iterable[WrittenFile]) -> None:
        """Add the files of the release tree."""
        rows = (
            (each.path, each.path.partition("/")[0] if "/" in each.path else TOP)
            + (each.digest, each.size)
            for each in files
        )
        self._insert("files", 4, rows)

    def add_process(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what the process file says of each record."""
        names = ("position", "answers", "pairs", "score_sum", "first_review")
        self._insert("process", 5, (tuple(row[name] for name in names) for row in rows))

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return what a query says; lists among the parameters are given as JSON texts."""
        given = {
            name: msgspec.json.encode(value).decode() if isinstance(value, list) else value
            for name, value in parameters.items()
        }
        return self.tables.execute(sql, given).fetchall()

    def _add_names(self, config: labels.LabelConfig) -> None:
        titles = {
            label: title for control in config.controls for label, title in control.titles.items()
        }
        self._insert(
            "label_names",
            3,
            (
                (place, label, titles.get(label, label))
                for place, label in enumerate(dict.fromkeys(config.all_labels))
            ),
        )

    def _insert(self, table: str, columns: int, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ",".join("?" * columns)
        self.tables.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _row(place: int, record: _Record) -> tuple[Any, ...]:
    prediction, review = record.prediction, record.review
    return (
        place,
        record.key,
        record.split,
        bool(record.group),
        record.annotator,
        prediction and prediction.model_version,
        prediction and prediction.weights,
        review and review.reviewer,
        review and review.verdict,
        record.guideline,
        len(record.result),
        len(record.media),
    )


def _origin(place: int, origin: RecordOrigin) -> tuple[Any, ...]:
    run = origin.cleaning
    told = (None,) * 4 if run is None else (run.uid, run.recipe, run.version, run.digest)
    return (place, origin.keyed_asset or origin.asset or None, *told)

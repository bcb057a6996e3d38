"""Read the lines of a snapshot: once or as often as a format needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from ...datasets.labels import LabelConfig
from ...datasets.snapshots import StoredMedium
from ...datasets.storage import ObjectStore


class Answer(msgspec.Struct):
    """One annotation of a task."""

    id: int
    completed_by: int
    result: list[dict[str, Any]]
    was_cancelled: bool
    created_at: str
    updated_at: str
    lead_time: float | None


class Task(msgspec.Struct):
    """A task as converters read it."""

    id: int
    data: dict[str, Any]
    annotations: list[Answer]

    @property
    def answers(self) -> list[Answer]:
        """Return the annotations that are no skips."""
        return [each for each in self.annotations if not each.was_cancelled]


class Line(msgspec.Struct):
    """A task with what stands beside it."""

    task: Task
    media: dict[str, StoredMedium]
    best: int | None

    @property
    def answer(self) -> Answer | None:
        """Return the annotation that counts where only one can."""
        return next((each for each in self.task.annotations if each.id == self.best), None)


class _RawLine(msgspec.Struct):
    task: msgspec.Raw


@dataclass
class Lines:
    """The lines of a snapshot in a file, and what is needed to understand them."""

    file: BinaryIO
    config: LabelConfig
    store: ObjectStore
    with_media: bool = False

    def tasks(self) -> Iterator[Line]:
        """Give the lines from the first on."""
        decode = msgspec.json.Decoder(Line).decode
        for line in self._lines():
            yield decode(line)

    def raw(self) -> Iterator[bytes]:
        """Give each task as the JSON that was read."""
        decode = msgspec.json.Decoder(_RawLine).decode
        for line in self._lines():
            yield bytes(decode(line).task)

    def _lines(self) -> Iterator[bytes]:
        self.file.seek(0)
        return (line for line in self.file if line.strip())

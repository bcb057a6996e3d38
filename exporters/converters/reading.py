"""Give converters the tasks of a project, now or as a snapshot kept them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from ...datasets import snapshots
from ...datasets.labels import LabelConfig
from ...datasets.snapshots import Line, Reading
from ...datasets.storage import ObjectStore


@dataclass
class Lines(ABC):
    """The tasks, and what is needed to understand them."""

    config: LabelConfig
    store: ObjectStore
    with_media: bool

    @abstractmethod
    def tasks(self) -> Iterator[Line]:
        """Give the tasks from the first on; a second reading gives the same."""

    @abstractmethod
    def texts(self) -> Iterator[bytes]:
        """Give each task as JSON."""


@dataclass
class LinesNow(Lines):
    """What a project holds at the moment of the reading's session."""

    reading: Reading

    def tasks(self) -> Iterator[Line]:
        """Give the tasks from the first on."""
        return snapshots.lines(self.reading)

    def texts(self) -> Iterator[bytes]:
        """Give each task as JSON."""
        return snapshots.task_texts(self.reading)


class _TaskText(msgspec.Struct):
    task: msgspec.Raw


@dataclass
class KeptLines(Lines):
    """The lines of a snapshot in a file."""

    file: BinaryIO

    def tasks(self) -> Iterator[Line]:
        """Give the tasks from the first on."""
        return map(snapshots.read_line, self._lines())

    def texts(self) -> Iterator[bytes]:
        """Give each task as the JSON that was kept."""
        decode = msgspec.json.Decoder(_TaskText).decode
        return (bytes(decode(line).task) for line in self._lines())

    def _lines(self) -> Iterator[bytes]:
        self.file.seek(0)
        return (line for line in self.file if line.strip())

"""Give people's work to models as examples, read when they are asked for."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import overload

import msgspec

from ...datasets import errors, reviews, tasks
from ...datasets.installation import Installation
from ...datasets.tasks import Media, Task
from ..items import read_item
from ..marks import from_result
from ..models.interface import Example, Item, Mark
from .chosen import Chosen

log = logging.getLogger("jinbiao.prelabel")

# The newest of people's work that a model learns from; pictures make training slow.
MOST_EXAMPLES = {"picture": 400, "sound": 200, "text": 20_000}
# Unlabelled tasks shown to models that learn from them too.
MOST_UNLABELLED = {"picture": 0, "sound": 0, "text": 5_000}


class Examples(Sequence[Example]):
    """Labelled tasks; pictures and sounds are decoded each time that one is looked at."""

    def __init__(
        self,
        installation: Installation,
        chosen: Chosen,
        rows: Sequence[tuple[Task, Sequence[Mark]]],
        media: dict[str, Media],
        digest: str = "",
    ) -> None:
        self._installation = installation
        self._chosen = chosen
        self._rows = rows
        self._media = media
        # Of all that people said in the tasks that were asked for, readable or not.
        self.digest = digest

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Example: ...

    @overload
    def __getitem__(self, place: slice) -> Examples: ...

    def __getitem__(self, place: int | slice) -> Example | Examples:
        if isinstance(place, slice):
            return self._with(self._rows[place])
        task, marks = self._rows[place]
        return Example(self._item(task), marks)

    @property
    def task_ids(self) -> list[int]:
        """List the tasks, in order."""
        return [task.id for task, _marks in self._rows]

    def only(self, task_ids: set[int]) -> Examples:
        """Return those of the tasks."""
        return self._with([row for row in self._rows if row[0].id in task_ids])

    def readable(self) -> Examples:
        """Return those whose data can be read."""
        kept = []
        for task, marks in self._rows:
            try:
                self._item(task)
            except errors.JinbiaoError as problem:
                log.warning("task %s is no example: %s", task.id, problem)
                continue
            kept.append((task, marks))
        return self._with(kept)

    def _with(self, rows: Sequence[tuple[Task, Sequence[Mark]]]) -> Examples:
        return Examples(self._installation, self._chosen, rows, self._media, self.digest)

    def _item(self, task: Task) -> Item:
        key = self._chosen.binding.target.key
        return read_item(self._installation, self._chosen.serves, key, task, self._media)


def labelled(installation: Installation, chosen: Chosen, most: int | None = None) -> Examples:
    """Return the newest of people's work, fixes of reviewers in place, oldest first.

    At most `most` of it, or as much as a model of that kind learns from.
    """
    project, binding = chosen.project, chosen.binding
    with installation.database.read() as session:
        limit = most or MOST_EXAMPLES[chosen.serves.reads]
        rows = reviews.labelled(session, project, limit)
        media = tasks.media_of(session, [task for task, _result in rows])
    marked = [
        (task, from_result(binding, project.config, msgspec.json.decode(result)))
        for task, result in rows
    ]
    said = hashlib.sha256(msgspec.json.encode((chosen.project.label_config, chosen.row.options)))
    for task, result in rows:
        said.update(f"{task.id} {result}\n".encode())
    return Examples(installation, chosen, marked, media, said.hexdigest()).readable()


def unlabelled(installation: Installation, chosen: Chosen) -> Iterator[Item]:
    """Give what waits for people, for models that learn from it too; it may be empty."""
    left = MOST_UNLABELLED[chosen.serves.reads]
    after = 0
    while left > 0:
        with installation.database.read() as session:
            rows = tasks.page(
                session, chosen.project, state="waiting", after=after, limit=min(left, 1000)
            )
        if not rows:
            return
        for task in rows:
            try:
                yield read_item(installation, chosen.serves, chosen.binding.target.key, task, {})
            except errors.JinbiaoError:
                continue
        left, after = left - len(rows), rows[-1].id

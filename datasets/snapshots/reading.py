"""Read tasks as converters need them: data, media, and answers whose results stay text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from ..annotations import Annotation, AnnotationState
from ..tasks import Task
from .batches import Reading, StoredMedia, best, decode, stamp
from .members import Answer, Line, StoredMedium

_TASK = (Task.id, Task.data, Task.media_names)
_ANSWER = (
    Annotation.task_id,
    Annotation.id,
    Annotation.completed_by,
    Annotation.state,
    Annotation.ground_truth,
    stamp(Annotation.created_at),
    stamp(Annotation.updated_at),
    Annotation.lead_time,
    Annotation.result,
)
_SKIPPED, _ACCEPTED = str(AnnotationState.SKIPPED), str(AnnotationState.ACCEPTED)


class _KeptTask(msgspec.Struct):
    id: int
    data: msgspec.Raw
    annotations: list[Answer]


class _KeptLine(msgspec.Struct):
    task: _KeptTask
    media: dict[str, StoredMedium]
    best: int | None


# Answers, and what decides which of them counts.
_Answers = tuple[list[Answer], list[tuple[bool, bool, int]]]
_NOTHING: _Answers = ([], [])
_KEPT = msgspec.json.Decoder(_KeptLine)


def lines(reading: Reading) -> Iterator[Line]:
    """Give each task by id, as the project is at that moment; a second call gives the same.

    Raises:
        errors.Invalid: the query cannot be used.
    """
    for rows in reading.batches(_TASK):
        stored = StoredMedia(reading, rows)
        answers = _answers(reading, [row[0] for row in rows])
        for number, data, _names in rows:
            found, counting = answers.get(number, _NOTHING)
            read = partial(stored.data, number) if number in stored else partial(decode, data)
            yield Line(number, found, stored.of(number), best(counting), read)


def read_line(text: bytes) -> Line:
    """Read a line that was kept."""
    kept = _KEPT.decode(text)
    read = partial(decode, kept.task.data)
    return Line(kept.task.id, kept.task.annotations, kept.media, kept.best, read)


def _answers(reading: Reading, ids: Sequence[int]) -> dict[int, _Answers]:
    """Return task id → its answers, oldest first, and which of them could count."""
    rows = reading.annotations(_ANSWER, ids)
    fixes = reading.fixes([row[1] for row in rows if row[3] == _ACCEPTED])
    found: dict[int, _Answers] = {}
    for task, number, person, state, is_true, created, updated, seconds, result in rows:
        answers, counting = found.setdefault(task, ([], []))
        text = msgspec.Raw(fixes.get(number) or result)
        is_skip = state == _SKIPPED
        answers.append(Answer(number, person, is_skip, created, updated, seconds, text))
        if not is_skip:
            counting.append((is_true, state == _ACCEPTED, number))
    return found

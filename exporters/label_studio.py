"""Write tasks with their annotations as Label Studio exports them, and its config.

`completed_by` is left out: Label Studio refuses to import tasks that name people it does
not know. The annotator's pseudonym stands in the task's `meta`.
"""

from __future__ import annotations

import msgspec

from ..datasets.versions import FrozenVersion
from .layout import Layout, RawRecord
from .output import Output


class _Annotation(msgspec.Struct):
    id: int
    result: list[msgspec.Raw]
    was_cancelled: bool = False
    ground_truth: bool = False


class _Task(msgspec.Struct):
    id: int
    data: dict[str, str | msgspec.Raw]
    annotations: list[_Annotation]
    predictions: list[msgspec.Raw]
    meta: dict[str, str]


def write(version: FrozenVersion, output: Output) -> None:
    """Write `label_studio/tasks.json`; media are named by their path in the release tree."""
    layout = Layout(version.config)
    decode = msgspec.json.Decoder(RawRecord).decode
    encode = msgspec.json.Encoder().encode
    output.write("label_studio/config.xml", version.label_config.encode())
    with output.file("label_studio/tasks.json") as file:
        for number, line in enumerate(version.lines(), 1):
            record = decode(line)
            file.write((b",\n" if number > 1 else b"[\n") + encode(_task(layout, record, number)))
            layout.link(record, output)
            output.count(1, len(record.result))
        file.write(b"\n]\n")


def _task(layout: Layout, record: RawRecord, number: int) -> _Task:
    data: dict[str, str | msgspec.Raw] = {
        key: layout.path(record, key) for key in sorted(record.media)
    }
    data.update(sorted(record.data.items()))
    meta = {
        "key": record.key,
        "name": record.name,
        "group": record.group,
        "split": record.split,
        "annotator": record.annotator,
    }
    return _Task(number, data, [_Annotation(number, record.result)], [], meta)

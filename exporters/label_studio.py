"""Write tasks with their annotations as Label Studio exports them, and its config.

`completed_by` is left out: Label Studio refuses to import tasks that name people it does
not know. The annotator's pseudonym stands in the task's `meta`.
"""

from __future__ import annotations

import msgspec

from ..datasets.versions import FrozenVersion
from .layout import Layout, RawRecord
from .output import Output


class _Annotation(msgspec.Struct, gc=False):
    id: int
    result: list[msgspec.Raw]
    was_cancelled: bool = False
    ground_truth: bool = False


class _Meta(msgspec.Struct, gc=False):
    key: str
    name: str
    group: str
    split: str
    annotator: str


class _Task(msgspec.Struct, gc=False):
    id: int
    data: dict[str, str | msgspec.Raw]
    annotations: tuple[_Annotation]
    predictions: tuple[()]
    meta: _Meta


def write(version: FrozenVersion, output: Output) -> None:
    """Write `label_studio/tasks.json`; media are named by their path in the release tree."""
    layout = Layout(version.config)
    decode = msgspec.json.Decoder(RawRecord).decode
    encode = msgspec.json.Encoder().encode_lines
    output.write("label_studio/config.xml", version.label_config.encode())
    with output.file("label_studio/tasks.json") as file:
        number, before = 1, b"[\n"
        for lines in version.batches():
            records = list(map(decode, lines))
            tasks = [_task(layout, record, place) for place, record in enumerate(records, number)]
            # A line's end stands between tasks only: in texts it is escaped.
            file.write(before + encode(tasks)[:-1].replace(b"\n", b",\n"))
            layout.link_all(records, output)
            output.count(len(lines), sum([len(record.result) for record in records]))
            number, before = number + len(lines), b",\n"
        file.write(b"\n]\n")


def _task(layout: Layout, record: RawRecord, number: int) -> _Task:
    data: dict[str, str | msgspec.Raw] = {
        key: layout.path(record, key) for key in sorted(record.media)
    }
    if record.data:
        data.update(sorted(record.data.items()))
    meta = _Meta(record.key, record.name, record.group, record.split, record.annotator)
    return _Task(number, data, (_Annotation(number, record.result),), (), meta)

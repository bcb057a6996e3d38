"""Write Parquet as Hugging Face's readers take it: pictures inside, features declared.

Media that are no pictures stay beside it, as paths. Settings are fixed, so one version and
one pyarrow give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..datasets.versions import FrozenVersion, Record
from .columns import Column, columns
from .layout import Layout
from .output import Output
from .survey import SHARD_BYTES, look_through, row_bytes

GROUP_BYTES = 32 << 20  # content of a row group, which is held in memory
GROUP_ROWS = 5000
_REPEATING = ["group", "annotator"]


def write(version: FrozenVersion, output: Output, *, shard_bytes: int = SHARD_BYTES) -> None:
    """Write `data/<split>-00000-of-0000N.parquet` files of about `shard_bytes`."""
    survey = look_through(version, shard_bytes)
    declared = columns(version, survey)
    schema = _schema(declared)
    layout = Layout(version.config)
    for split, shards in survey.shards.items():
        rows = _rows(version, split)
        for number, length in enumerate(shards):
            path = f"data/{split}-{number:05d}-of-{len(shards):05d}.parquet"
            with output.file(path) as file, _writer(file, schema) as writer:
                for group in _groups(rows, length, survey.images):
                    writer.write_table(_table(group, declared, schema))
                    for record, _line in group:
                        _link_others(layout, record, survey.other_media, output)
                    output.count(len(group), sum(len(record.result) for record, _ in group))


def _schema(declared: list[Column]) -> pa.Schema:
    features = {column.name: column.feature for column in declared}
    metadata = {"huggingface": msgspec.json.encode({"info": {"features": features}})}
    return pa.schema([(column.name, column.type) for column in declared], metadata)


def _writer(file: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        file,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=3,
        # A dictionary of pictures or whole records would only cost memory.
        use_dictionary=_REPEATING,
        write_statistics=_REPEATING,
    )


def _rows(version: FrozenVersion, split: str) -> Iterator[tuple[Record, str]]:
    decode = msgspec.json.Decoder(Record).decode
    for line in version.lines(split):
        yield decode(line), line


def _groups(
    rows: Iterator[tuple[Record, str]], length: int, images: dict[str, None]
) -> Iterator[list[tuple[Record, str]]]:
    """Divide the next `length` rows into groups that fit in memory."""
    group: list[tuple[Record, str]] = []
    filled = 0
    for _number in range(length):
        record, line = next(rows)
        size = len(line) + row_bytes(record, images)
        if group and (filled + size > GROUP_BYTES or len(group) == GROUP_ROWS):
            yield group
            group, filled = [], 0
        group.append((record, line))
        filled += size
    if group:
        yield group


def _table(group: list[tuple[Record, str]], declared: list[Column], schema: pa.Schema) -> pa.Table:
    arrays: list[Any] = [
        pa.array([column.read(record, line) for record, line in group], column.type)
        for column in declared
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _link_others(
    layout: Layout, record: Record, other_media: dict[str, None], output: Output
) -> None:
    for key, media in record.media.items():
        if key in other_media:
            output.link(layout.path(record, key), media.sha256, media.size)

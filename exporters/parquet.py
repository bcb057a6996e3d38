"""Write Parquet as Hugging Face's readers take it: pictures inside, features declared.

Media that are no pictures stay beside it, as paths. Settings are fixed, so one version and
one pyarrow give the same bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..datasets.versions import FrozenVersion, Record
from .columns import columns
from .features import Column
from .layout import Layout
from .output import Output
from .survey import SHARD_BYTES, characters, look_through, row_bytes

GROUP_BYTES = 32 << 20  # content of a row group, which is held in memory
GROUP_ROWS = 10_000
BATCH_BYTES = 8 << 20
BATCH_ROWS = 250
_REPEATING = ["group", "annotator"]
Row = tuple[Record, bytes]


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
                group = _Group(writer, schema)
                for batch in _batches(rows, length, survey.images):
                    group.add(_filled(batch, declared, schema))
                    for record, _line in batch:
                        _link_others(layout, record, survey.other_media, output)
                    output.count(len(batch), sum(len(record.result) for record, _ in batch))
                group.close()


class _Group:
    """Gather batches until a row group is full."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._batches: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        rows = sum(held.num_rows for held in self._batches)
        size = sum(held.nbytes for held in self._batches)
        if size >= GROUP_BYTES or rows >= GROUP_ROWS:
            self.close()

    def close(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches, self._schema)
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._batches = []


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


def _rows(version: FrozenVersion, split: str) -> Iterator[Row]:
    decode = msgspec.json.Decoder(Record).decode
    for lines in version.batches(split):
        yield from zip(map(decode, lines), lines, strict=True)


def _batches(rows: Iterator[Row], length: int, images: dict[str, None]) -> Iterator[list[Row]]:
    """Divide the next `length` rows into batches small enough to be Python objects."""
    batch: list[Row] = []
    filled = 0
    for record, line in itertools.islice(rows, length):
        size = characters(line) + row_bytes(record, images)
        if batch and (filled + size > BATCH_BYTES or len(batch) == BATCH_ROWS):
            yield batch
            batch, filled = [], 0
        batch.append((record, line))
        filled += size
    if batch:
        yield batch


def _filled(batch: list[Row], declared: list[Column], schema: pa.Schema) -> pa.RecordBatch:
    records, lines = [record for record, _line in batch], [line for _record, line in batch]
    arrays = [column.array(records, lines) for column in declared]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _link_others(
    layout: Layout, record: Record, other_media: dict[str, None], output: Output
) -> None:
    for key, media in record.media.items():
        if key in other_media:
            output.link(layout.path(record, key), media.sha256, media.size)

"""Keep what became of the records of a part, column by column, as the database takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...datasets.cleaning import RecordState
from ...datasets.cleaning.stepping import FAILED, Passing, Step, numbered

# Of a compared record: nothing like it was there before, or it could not be read.
ALONE, UNREADABLE = -1, -2


class Ended(msgspec.Struct, array_like=True, gc=False):
    """The records of a part after the last step, a list for each column of CleanedRecord.

    The processes that take the steps make them, so that whoever writes to the database has
    nothing left to do for each record. `kind` is the one column that the table has not.
    """

    kind: list[str]
    asset_id: list[int]
    part: list[int]
    state: list[str]
    text: list[str | None]
    digest: list[str | None]
    size: list[int | None]
    content_type: list[str | None]
    changed_steps: list[str]
    dropped_step: list[int | None]
    reason: list[str | None]
    duplicate_of: list[int | None]
    facts: list[str]

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of CleanedRecord by their names, without its cleaning."""
        return {name: getattr(self, name) for name in _COLUMNS}

    def leave_out(self, step: Step, verdicts: NDArray[np.int64]) -> None:
        """Drop what a compare step found, as `stepping.leave_out` does of records on their way."""
        reason = next(iter(step.operator.reasons), "duplicate")
        kind = step.operator.kind
        at = [
            place
            for place, (own, dropped) in enumerate(zip(self.kind, self.dropped_step, strict=True))
            if dropped is None and own == kind
        ]
        if len(at) != len(verdicts):
            raise RuntimeError(f"{len(verdicts)} verdicts for {len(at)} records")
        for number in np.flatnonzero(verdicts != ALONE).tolist():
            place, asset = at[number], int(verdicts[number])
            self.state[place] = str(RecordState.DROPPED)
            self.dropped_step[place] = step.place
            self.reason[place] = FAILED if asset == UNREADABLE else reason
            self.duplicate_of[place] = None if asset == UNREADABLE else asset


_COLUMNS = tuple(name for name in Ended.__struct_fields__ if name != "kind")
_decoder = msgspec.msgpack.Decoder(Ended)
_encoder = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder(order="sorted")


def ended_of(passing: Sequence[Passing]) -> Ended:
    """Return the columns of these records; all parts of an asset are among them."""
    return Ended(
        kind=[each.record.kind for each in passing],
        asset_id=[each.record.id for each in passing],
        part=[part for part, _each in numbered(passing)],
        state=[str(each.state) for each in passing],
        text=[each.record.text if each.rewritten else None for each in passing],
        digest=[each.digest for each in passing],
        size=[each.size for each in passing],
        content_type=[
            None if each.digest is None else each.record.content_type or None for each in passing
        ],
        changed_steps=[_text(each.changed_steps, "[]") for each in passing],
        dropped_step=[each.dropped_step for each in passing],
        reason=[each.reason for each in passing],
        duplicate_of=[each.duplicate_of for each in passing],
        facts=[_text(each.facts, "{}") for each in passing],
    )


def _text(value: Sequence[int] | Mapping[str, Any], empty: str) -> str:
    return _json.encode(value).decode() if value else empty


def write_ended(path: Path, ended: Ended) -> None:
    """Write the columns of a part, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(_encoder.encode(ended))
    draft.replace(path)


def read_ended(path: Path) -> Ended:
    """Return the columns of a part."""
    return _decoder.decode(path.read_bytes())

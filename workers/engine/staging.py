"""Take one part of a run through one stage of its recipe; runs in any process, on any host."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...datasets.cleaning.stepping import (
    Passing,
    Stage,
    StepCount,
    concerned,
    leave_out,
    signatures,
    stages_of,
    steps_of,
    take_through,
)
from ...datasets.cycles import rarely_collected
from ...datasets.storage import ObjectStore
from ..model_operators import with_models
from .ended import UNREADABLE, ended_of, write_ended
from .parts import read_part, write_part
from .spooled import write_signatures


@dataclass(frozen=True)
class Places:
    """Where the files of a run are, in one folder."""

    folder: Path

    @property
    def stop(self) -> Path:
        """Return what says that no further part is to be begun."""
        return self.folder / "stop"

    @property
    def away(self) -> Path:
        """Return what says which part of the platform was away, as `errors.to_json` does."""
        return self.folder / "away"

    def records(self, stage: int, part: int) -> Path:
        """Return the records of a part after so many stages: 0 the input, after all `Ended`."""
        return self.folder / f"{stage:02}-{part:06}.records"

    def counts(self, stage: int, part: int) -> Path:
        """Return what the steps counted; written last, so it says that the part is done."""
        return self.folder / f"{stage:02}-{part:06}.json"

    def signatures(self, step: int, part: int) -> Path:
        """Return what a step holds against others."""
        return self.folder / f"step-{step:02}-{part:06}.signatures"

    def verdicts(self, step: int, part: int) -> Path:
        """Return what that step found: for each record it looked at an asset or see above."""
        return self.folder / f"step-{step:02}-{part:06}.verdicts.npy"


# Otherwise a seventh of the time goes to looking among records that live until the part is done.
@rarely_collected()
def do_part(
    places: Places,
    steps: Sequence[Mapping[str, Any]],
    store: ObjectStore | None,
    stage: int,
    part: int,
) -> int:
    """Do stage `stage` (from 1) of a part, unless it is done; return its number of records."""
    told = places.counts(stage, part)
    if told.exists():
        return int(msgspec.json.decode(told.read_bytes())["records"])
    stages = stages_of(steps_of(steps))
    counts = fresh_counts(stages)
    present = after_stage(places, stages, store, stage - 1, part, counts)
    own = stages[stage - 1]
    # Some steps need networks, which the domain only names: without this they refuse.
    alone = with_models(own.alone)
    present = take_through(present, alone, counts, lambda content: _kept(store, content))
    for step in own.compares:
        at = concerned(present, step)
        found = signatures(present, step, counts[step.place])
        path = places.signatures(step.place, part)
        write_signatures(path, at, [present[place].record.id for place in at], found)
    if stage == len(stages):
        write_ended(places.records(stage, part), ended_of(present))
    else:
        write_part(places.records(stage, part), present)
    plain = {
        str(place): count.plain() for place, count in counts.items() if count.seen or count.seconds
    }
    _write(told, msgspec.json.encode({"records": len(present), "counts": plain}))
    return len(present)


def fresh_counts(stages: Sequence[Stage]) -> dict[int, StepCount]:
    """Return a count of nothing for every step."""
    steps = (step for stage in stages for step in (*stage.alone, *stage.compares))
    return {step.place: StepCount() for step in steps}


def after_stage(
    places: Places,
    stages: Sequence[Stage],
    store: ObjectStore | None,
    stage: int,
    part: int,
    counts: Mapping[int, StepCount],
) -> list[Passing]:
    """Return the records of a part after so many stages, duplicates left out."""
    present = read_part(places.records(stage, part), store)
    for step in stages[stage - 1].compares if stage else ():
        found = np.load(places.verdicts(step.place, part)).tolist()
        same_as = [(None if one < 0 else one, one != UNREADABLE) for one in found]
        leave_out(present, step, same_as, counts[step.place])
    return present


def _kept(store: ObjectStore | None, content: bytes) -> str:
    if store is None:
        raise RuntimeError("there is nowhere to keep changed bytes")
    return store.put_bytes(content).digest


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)

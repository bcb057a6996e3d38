"""Take all parts of a run through all stages of its recipe, and go on where a run was killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...datasets.cleaning import AssetRow
from ...datasets.cleaning.stepping import FAILED, Step, StepCount, stages_of, steps_of
from ...datasets.settings import Settings
from .ended import ALONE, UNREADABLE, Ended, read_ended
from .parts import write_assets
from .spooled import Signatures
from .spreading import spread
from .staging import Places, fresh_counts

# Called with how many parts of how many are done, each stage counting anew.
Progress = Callable[[int, int], None]
# Gives the assets above one id and up to another, as `cleaning.assets_between` does.
Give = Callable[[int, int], Iterable[AssetRow]]


class Plan(msgspec.Struct):
    """How the input of a run is divided: the last id of each part, and how many records it has."""

    ends: list[int]
    records: int


class Run:
    """One run of steps over records, with its files in a folder of its own."""

    def __init__(
        self, folder: Path, steps: Sequence[Mapping[str, Any]], settings: Settings
    ) -> None:
        """Go on with what is in the folder; it is made where it is not there.

        Raises:
            errors.Refused: a step names an operator that is not there or has changed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.steps, self.settings = steps, settings
        self.places = Places(folder)
        self.stages = stages_of(steps_of(steps))
        told = self._told
        # None: nothing of an earlier attempt is there.
        self.plan = msgspec.json.decode(told.read_bytes(), type=Plan) if told.exists() else None

    @property
    def parts(self) -> int:
        """Return how many parts the input has."""
        return 0 if self.plan is None else len(self.plan.ends)

    @property
    def _told(self) -> Path:
        return self.places.folder / "plan"

    def begin(self, plan: Plan) -> None:
        """Begin anew with an input that is so divided: parts must fit into memory."""
        for path in self.places.folder.iterdir():
            path.unlink(missing_ok=True)
        draft = self._told.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(plan))
        draft.replace(self._told)
        self.plan = plan

    def fill(self, give: Give) -> Iterator[int]:
        """Write the parts of the input that are missing; give the number of each."""
        assert self.plan is not None
        last = 0
        for number, end in enumerate(self.plan.ends):
            path = self.places.records(0, number)
            if not path.exists() and not self.places.counts(1, number).exists():
                write_assets(path, give(last, end))
                yield number
            last = end

    def do(self, show: Progress, filling: Iterator[object]) -> None:
        """Take all parts through all stages; `filling` is what `fill` gives.

        On this host the parts that are there already are worked on while it goes on.
        """
        numbers = range(self.parts)
        for stage in range(1, len(self.stages) + 1):
            waiting = [n for n in numbers if not self.places.counts(stage, n).exists()]
            done = self.parts - len(waiting)
            show((stage - 1) * self.parts + done, self.parts * len(self.stages))
            begun = spread(self.places, self.steps, self.settings, stage, waiting, filling)
            # Where `show` breaks off, the work is told to stop.
            with closing(begun):
                for _part in begun:
                    done += 1
                    show((stage - 1) * self.parts + done, self.parts * len(self.stages))
                    if done == self.parts:
                        break
                # Daft's processes take their time to end: it is not waited for.
                self._compare(stage)
            for number in numbers:
                self.places.records(stage - 1, number).unlink(missing_ok=True)

    def _compare(self, stage: int) -> None:
        """Hold the records of all parts against each other, where the stage ends with that."""
        compares = self.stages[stage - 1].compares
        done = self.places.folder / f"{stage:02}-compared"
        if not compares or done.exists():
            return
        gone: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64) for _part in range(self.parts)]
        for step in compares:
            gone = self._compare_by(step, gone)
        done.touch()
        for path in self.places.folder.glob("step-*.signatures*"):
            path.unlink()

    def _compare_by(self, step: Step, gone: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        """Write down the verdicts of one step; return the places that are gone after it."""
        numbers = range(self.parts)
        paths = [self.places.signatures(step.place, number) for number in numbers]
        joined = self.places.folder / f"step-{step.place:02}.signatures"
        found = Signatures(joined, paths, gone)
        assert step.operator.groups is not None
        try:
            groups = step.operator.groups(range(len(found)), found, step.options)
        finally:
            found.close()
        readable = np.flatnonzero(found.readable)
        verdicts = np.full(len(found.readable), UNREADABLE, dtype=np.int64)
        verdicts[readable] = ALONE
        if groups:
            others = np.fromiter(groups.keys(), np.int64, len(groups))
            firsts = np.fromiter(groups.values(), np.int64, len(groups))
            verdicts[readable[others]] = found.assets[firsts]
        begin, left = 0, []
        for number, count in zip(numbers, found.counts, strict=True):
            own = verdicts[begin : begin + count]
            np.save(self.places.verdicts(step.place, number), own)
            left.append(np.concatenate([gone[number], found.places[number][own != ALONE]]))
            begin += count
        return left

    def results(self, start: int = 0) -> Iterator[tuple[int, Ended]]:
        """Give what became of the records of each part from `start` on."""
        last = len(self.stages)
        for part in range(start, self.parts):
            ended = read_ended(self.places.records(last, part))
            for step in self.stages[-1].compares:
                ended.leave_out(step, np.load(self.places.verdicts(step.place, part)))
            yield part, ended

    def counts(self) -> list[dict[str, Any]]:
        """Return what each step saw and did, over all parts."""
        counts = fresh_counts(self.stages)
        for part in range(self.parts):
            for stage in range(1, len(self.stages) + 1):
                told = msgspec.json.decode(self.places.counts(stage, part).read_bytes())
                for place, plain in told["counts"].items():
                    counts[int(place)].add(StepCount(**plain))
            # The last comparisons take effect where the results are read.
            for step in self.stages[-1].compares:
                verdicts = np.load(self.places.verdicts(step.place, part))
                reason = next(iter(step.operator.reasons), "duplicate")
                counts[step.place].add(_judged(verdicts, reason))
        return [counts[place].plain() for place in sorted(counts)]


def _judged(verdicts: NDArray[np.int64], reason: str) -> StepCount:
    """Return what a comparison counts: its verdicts are as `leave_out` would take them."""
    by_reason = {
        reason: int((verdicts >= 0).sum()),
        FAILED: int((verdicts == UNREADABLE).sum()),
    }
    reasons = {name: number for name, number in by_reason.items() if number}
    return StepCount(seen=len(verdicts), dropped=sum(reasons.values()), reasons=reasons)

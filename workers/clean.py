"""Clean a library by a recipe: the clean job; and show beforehand what it would do."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..datasets import cleaning, collection, errors, libraries, tasks
from ..datasets.cleaning import Cleaning
from ..datasets.cleaning.stepping import (
    Passing,
    Step,
    StepCount,
    concerned,
    leave_out,
    numbered,
    signatures,
    stages_of,
    steps_of,
    take_through,
)
from ..datasets.cycles import rarely_collected
from ..datasets.installation import Installation
from ..datasets.libraries import Library
from .engine import MOST_BYTES, MOST_RECORDS, Ended, Plan, Run, of_asset
from .keyed_steps import keyed
from .model_operators import with_models
from .work import Work

log = logging.getLogger("jinbiao.clean")

_LOOK = 20_000  # sizes of assets that are looked at together


def run(work: Work) -> dict[str, Any]:
    """Do the cleaning that the request names; its records count when all of them are there.

    After a fault it goes on with the parts that are done, or begins anew where they are gone:
    both give the same records.
    """
    with work.installation.database.read() as session:
        present, library, version = cleaning.begin(session, int(work.request["cleaning"]))
    folder = _folder(work.installation, present)
    _sweep(work.installation, folder)
    try:
        settings = work.installation.settings
        steps = keyed(settings, library.organisation_id, version.step_values)
        engine = Run(folder, steps, settings)
        return _run(work, present, engine)
    except errors.Cancelled:
        with work.installation.database.read() as session:
            is_cancelled = work.is_cancelled(session)
        if is_cancelled:
            _take_back(work, present, asks=False)
            shutil.rmtree(folder, ignore_errors=True)
        raise


@rarely_collected()
def _run(work: Work, present: Cleaning, engine: Run) -> dict[str, Any]:
    database = work.installation.database
    written = int(work.checkpoint.get("written", 0))
    plan = engine.plan
    if plan is None:
        # Another host, or the very first time: nothing of an earlier attempt can be used.
        _take_back(work, present)
        written, plan = 0, _divided(work, present)
        engine.begin(plan)
    total, shown = plan.records, _Shown(work, plan.records)
    with work.step(None, "cleaning"):
        engine.do(shown.advance, engine.fill(partial(_assets, work, present, shown)))
    parts = max(engine.parts, 1)
    for part, ended in engine.results(start=written):
        media = _media(work.installation, ended)
        done = int(total * (0.8 + 0.2 * (part + 1) / parts))
        with database.write() as session:
            work.advance(session, done, total, checkpoint={"written": part + 1})
            tasks.keep_media(session, media)
            cleaning.advance(session, present, ended.columns())
    counts = engine.counts()
    with database.write() as session:
        work.advance(session, total, total)
        again, _library, _version = cleaning.begin(session, present.id)
        result = cleaning.finish(session, work.actor, again, counts)
    shutil.rmtree(engine.places.folder, ignore_errors=True)
    return {"cleaning": present.id, "library": present.library_id, **result}


def _divided(work: Work, present: Cleaning) -> Plan:
    """Divide the assets into parts that are small enough to be held in memory."""
    ends: list[int] = []
    last, records, taken, held = 0, 0, 0, 0
    while True:
        with work.installation.database.read() as session:
            sizes = cleaning.sizes_after(session, present, last, _LOOK)
        for asset, size in sizes:
            if taken and (taken == MOST_RECORDS or held + size > MOST_BYTES):
                ends.append(last)
                taken, held = 0, 0
            last, taken, held = asset, taken + 1, held + size
        records += len(sizes)
        if len(sizes) < _LOOK:
            return Plan([*ends, last] if taken else ends, records)
        with work.installation.database.write() as session:
            work.advance(session, 0)


@dataclass
class _Shown:
    """Show how far the steps are."""

    work: Work
    total: int
    done: int = 0

    def advance(self, done: int, of: int) -> None:
        """Write down how many parts of how many are done."""
        # The last fifth of the way is writing down what came out.
        self.done = int(0.8 * self.total * done / max(of, 1))
        self.again()

    def again(self) -> None:
        """Write down that the work goes on."""
        with self.work.installation.database.write() as session:
            self.work.advance(session, self.done, self.total)


def _assets(
    work: Work, present: Cleaning, shown: _Shown, last: int, end: int
) -> list[cleaning.AssetRow]:
    """Return the assets of a part; what was withdrawn after the division is not there."""
    shown.again()
    with work.installation.database.read() as session:
        return cleaning.assets_between(session, present, last, end)


def _media(installation: Installation, ended: Ended) -> list[dict[str, Any]]:
    """Describe the bytes that were made, so that projects can show them."""
    limits = collection.media_limits(installation.settings)
    found: dict[str, dict[str, Any]] = {}
    stored = zip(
        ended.kind, ended.digest, ended.size, ended.content_type, ended.dropped_step, strict=True
    )
    for kind, digest, size, content_type, dropped_step in stored:
        if digest is None or digest in found or dropped_step is not None:
            continue
        with suppress(errors.Invalid):
            found[digest] = libraries.described(
                installation.store, kind, digest, size or 0, content_type or "", limits
            )
    return list(found.values())


def _take_back(work: Work, present: Cleaning, *, asks: bool = True) -> None:
    """Delete what an earlier attempt wrote, a portion a transaction."""
    while True:
        with work.installation.database.write() as session:
            if asks:
                work.advance(session, 0, checkpoint={"written": 0})
            if not cleaning.take_back(session, present):
                return


def _folder(installation: Installation, present: Cleaning) -> Path:
    return installation.settings.home / "cleanings" / present.uid


def _sweep(installation: Installation, own: Path) -> None:
    """Delete what is left of cleanings that are over, or were given up."""
    others = [path for path in own.parent.glob("*") if path != own]
    if not others:
        return
    with installation.database.read() as session:
        open_ones = cleaning.under_way(session, [path.name for path in others])
    for path in others:
        if path.name not in open_ones:
            shutil.rmtree(path, ignore_errors=True)


# Looking beforehand.

MOST_SAMPLE = 500
PREVIEW_SECONDS = 10.0
PREVIEW_BYTES = 4 * 1024**2  # of one record
_PORTION = 25


@dataclass(frozen=True)
class PreviewRow:
    """What the steps would make of one record; texts are whole.

    `before` and `after` are None of anything but text; then `content` holds the changed bytes.
    `steps` are the places of those that changed it, `dropped_step` of the one that left it out.
    """

    asset_id: int
    part: int
    name: str
    kind: str
    before: str | None
    after: str | None
    state: str
    steps: tuple[int, ...]
    dropped_step: int | None
    reason: str | None
    duplicate_of: int | None
    facts: Mapping[str, Any]
    content: bytes | None = None


def preview(
    installation: Installation,
    library: Library,
    steps: Sequence[Mapping[str, Any]],
    sample: int = 50,
    seed: int | None = None,
) -> list[PreviewRow]:
    """Return what the steps would make of some records of the kinds that they look at.

    Those lie evenly over the library, or where a seed chooses.

    Nothing is written. Records above PREVIEW_BYTES are passed over; after PREVIEW_SECONDS what
    has not been looked at is left out of the answer. Duplicates are looked for in the sample.

    Raises:
        errors.Refused: a step names an operator that is not there or has changed.
    """
    chosen = steps_of(keyed(installation.settings, library.organisation_id, steps))
    with installation.database.read() as session:
        number = max(1, min(sample, MOST_SAMPLE))
        kinds = {step.operator.kind for step in chosen}
        rows = cleaning.sample(session, library, number, seed, largest=PREVIEW_BYTES, kinds=kinds)
    passing = [of_asset(row, installation.store) for row in rows]
    before = {row.id: row.text for row in rows}
    contents: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        digest = f"preview-{len(contents)}"
        contents[digest] = content
        return digest

    counts = {step.place: StepCount() for step in chosen}
    until = time.monotonic() + PREVIEW_SECONDS
    for stage in stages_of(chosen):
        looked: list[Passing] = []
        for start in range(0, len(passing), _PORTION):
            if time.monotonic() > until:
                break
            some = passing[start : start + _PORTION]
            looked += take_through(some, with_models(stage.alone), counts, keep)
        passing = looked
        for step in stage.compares:
            _compare(passing, step, counts[step.place])
    return [_preview_row(part, each, before, contents) for part, each in numbered(passing)]


def _compare(passing: Sequence[Passing], step: Step, count: StepCount) -> None:
    """Hold the records of a sample against each other."""
    found = signatures(passing, step, count)
    readable = [place for place, signature in enumerate(found) if signature is not None]
    assert step.operator.groups is not None
    groups = step.operator.groups(
        range(len(readable)), [found[place] for place in readable], step.options
    )
    assets = [passing[place].record.id for place in concerned(passing, step)]
    same_as: list[tuple[int | None, bool]] = [(None, False)] * len(found)
    for number, place in enumerate(readable):
        kept = groups.get(number)
        same_as[place] = (None if kept is None else assets[readable[kept]], True)
    leave_out(passing, step, same_as, count)


def _preview_row(
    part: int, each: Passing, before: Mapping[int, str | None], contents: Mapping[str, bytes]
) -> PreviewRow:
    return PreviewRow(
        asset_id=each.record.id,
        part=part,
        name=each.record.name,
        kind=each.record.kind,
        before=before[each.record.id],
        after=each.record.text,
        state=str(each.state),
        steps=each.changed_steps,
        dropped_step=each.dropped_step,
        reason=each.reason,
        duplicate_of=each.duplicate_of,
        facts=each.facts,
        content=contents.get(each.digest or ""),
    )

"""Do the parts of a stage on Daft: its native runner on this host, or a Ray cluster."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache
from typing import Any

from ...datasets import errors
from ...datasets.installation import store_of
from ...datasets.settings import Settings
from ...datasets.storage import ObjectStore
from .staging import Places, do_part

log = logging.getLogger("jinbiao.engine")

_FILLED = object()

# Below that, starting other processes takes longer than the work.
FEW_PARTS = 5
LOOK_SECONDS = 0.1
ARRIVAL_SECONDS = 0.005


class Staging:
    """Do parts of one stage in a process of its own, with the store opened once."""

    def __init__(
        self,
        places: Places,
        steps: Sequence[Mapping[str, Any]],
        settings: Settings,
        stage: int,
        filler: int | None = None,
    ) -> None:
        """Remember what is to be done; the store is opened when the first part comes.

        `filler` is the process that still writes the input, the parent of the one that calls
        `do`; None where all of it is there.
        """
        self.places, self.steps, self.stage = places, list(steps), stage
        self.settings, self.filler = settings, filler
        self.store: ObjectStore | None = None

    def do(self, parts: Any) -> list[int]:
        """Return how many records each of these parts has after the stage."""
        if self.store is None:
            self.store = store_of(self.settings)
        return [self._one(int(part)) for part in parts.to_pylist()]

    def _one(self, part: int) -> int:
        if not self._has_arrived(part):
            return 0
        try:
            return do_part(self.places, self.steps, self.store, self.stage, part)
        except errors.Unavailable as problem:
            # Daft would tell of it in words of its own.
            self.places.away.write_text(errors.to_json(problem), encoding="utf-8")
            raise

    def _has_arrived(self, part: int) -> bool:
        """Wait until the input of a part is there; answer no where the work is to stop."""
        here = self.places.records(self.stage - 1, part), self.places.counts(self.stage, part)
        while self.places.folder.exists() and not self.places.stop.exists():
            if self.filler is None or any(path.exists() for path in here):
                return True
            if os.getppid() != self.filler:
                # It was killed: nobody will ever write what is waited for, nor ask to stop.
                return False
            time.sleep(ARRIVAL_SECONDS)
        return False


def spread(
    places: Places,
    steps: Sequence[Mapping[str, Any]],
    settings: Settings,
    stage: int,
    parts: Sequence[int],
    filling: Iterator[object],
) -> Generator[int, None, None]:
    """Do a stage of these parts; give the number of each as it is done.

    `filling` writes another part of the input each time it is asked; this host works on what
    is there meanwhile. Whoever stops asking for more stops the work: parts that are begun are
    still done.
    """
    is_few = not settings.ray_address and len(parts) < FEW_PARTS
    if is_few or settings.ray_address:
        # A cluster's processes have no parent here to see whether the filling goes on.
        for _part in filling:
            pass
    if is_few:
        store = store_of(settings)
        for part in parts:
            do_part(places, steps, store, stage, part)
            yield part
        return
    # Daft tells of parts when many are done, and cannot be asked to stop: what is done shows
    # in the folder, and whoever finds the sign to stop there does no more.
    places.stop.unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as threads:
        query = threads.submit(_query, places, steps, settings, stage, parts)
        try:
            yield from _done(places, stage, parts, query, filling)
        except BaseException:
            # Where the whole folder was taken away, that says it too.
            with suppress(FileNotFoundError):
                places.stop.touch()
            raise
    try:
        query.result()
    except Exception as problem:
        if not places.away.exists():
            raise
        away = errors.from_json(places.away.read_text(encoding="utf-8"))
        places.away.unlink()
        raise errors.Unavailable(away.message, **away.values) from problem


def _done(
    places: Places,
    stage: int,
    parts: Sequence[int],
    query: Future[None],
    filling: Iterator[object],
) -> Iterator[int]:
    """Give parts as they are done, until the query has ended; fill in more where that goes on."""
    waiting = list(parts)
    while waiting:
        has_ended = query.done()
        done = [part for part in waiting if places.counts(stage, part).exists()]
        yield from done
        if has_ended:
            return
        waiting = sorted(set(waiting).difference(done))
        if next(filling, _FILLED) is _FILLED:
            wait([query], timeout=LOOK_SECONDS)


def _query(
    places: Places,
    steps: Sequence[Mapping[str, Any]],
    settings: Settings,
    stage: int,
    parts: Sequence[int],
) -> None:
    """Do the parts as one query of a dataframe."""
    address = settings.ray_address
    daft = _daft(address)
    processes = _processes(address, len(parts))
    log.info("stage %s: %s parts, %s processes", stage, len(parts), processes)
    staging = daft.cls(_with_batches(daft), use_process=True, max_concurrency=processes)
    wrapped = staging(places, steps, settings, stage, None if address else os.getpid())
    frame = daft.from_pydict({"part": list(parts)})
    if address:
        # A task each, for whichever host is free; the native runner takes row by row anyway.
        frame = frame.into_partitions(len(parts))
    for _row in frame.select(wrapped.do(frame["part"]).alias("records")).iter_rows():
        pass


def _with_batches(daft: Any) -> type[Staging]:
    """Return Staging with its method said to be one that takes a batch of rows."""

    class Batches(Staging):
        """The same, as Daft wants it said."""

        do = daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)(Staging.do)

    return Batches


@cache
def _daft(address: str) -> Any:
    """Return Daft, set once for this process to where the work is done."""
    # Nothing is told to anybody about what runs here.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import daft

    if address:
        daft.set_runner_ray(address, noop_if_initialized=True)
    else:
        daft.set_runner_native()
        _close_pipes()
    return daft


def _close_pipes() -> None:
    """Let Daft close what it reads of its processes as they end; it leaves that to chance."""
    from daft.execution import udf

    class Handle(udf.UdfHandle):
        """A process of Daft's that leaves nothing open."""

        def teardown(self, timeout: float = 5.0) -> None:
            """End the process."""
            try:
                super().teardown(timeout)
            finally:
                if self.process.stdout is not None:
                    self.process.stdout.close()

    udf.UdfHandle = Handle  # type: ignore[misc]


def _processes(address: str, parts: int) -> int:
    if not address:
        return max(1, min(len(os.sched_getaffinity(0)), parts))
    import ray

    return max(1, min(int(ray.cluster_resources().get("CPU", 1)), parts))

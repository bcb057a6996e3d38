"""Fill the spool while its parts are worked on: whoever stops or dies takes all along."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, jobs
from jinbiao.datasets.cleaning import AssetRow, CleanedRecord, Cleaning, recipes
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.settings import Settings
from jinbiao.tests.bench import cleaning as bench
from jinbiao.workers import clean, run
from jinbiao.workers.engine import Plan, Run

TEXT = "今天上午，市里的工程师们在新的厂房里检查了所有的设备，他们说这里的空气比以前好多了。"


def wait_until(is_time: Callable[[], bool]) -> None:
    """Wait for at most a minute."""
    until = time.monotonic() + 60
    while not is_time():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_a_cleaning_that_is_cancelled_while_it_fills_leaves_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installation.database.is_sqlite:
        pytest.skip("the database does not matter to Daft")
    monkeypatch.setattr(clean, "MOST_RECORDS", 1)
    actor, library, _truth = bench.fill(installation, 600)
    with installation.database.write() as session:
        cleaning_id, job_id = bench.asked(session, actor, library)
        folder = clean._folder(installation, session.get_one(Cleaning, cleaning_id))
    with installation.database.write() as session:
        job = jobs.begin(session, job_id, "here")
        assert job is not None
        work = run.work_of(installation, job, actor)

    def cancel() -> None:
        wait_until(lambda: (folder / "00-000003.records").exists())
        with installation.database.write() as session:
            jobs.cancel(session, actor, jobs.get(session, job_id))

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(errors.Cancelled):
        clean.run(work)
    canceller.join()
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(CleanedRecord)) == 0
    assert not folder.exists()


# Its fourth part never comes.
FILLER = """\
import sys, time
from pathlib import Path
from jinbiao.datasets.settings import Settings
from jinbiao.tests.workers import test_cleaning_engine as here

def give(last, end):
    time.sleep(600 if last == 3 else 0)
    return [here.row(number) for number in range(last + 1, end + 1)]

if __name__ == "__main__":
    run = here.made(Path(sys.argv[1]), [1, 2, 3, 4, 5, 6])
    run.do(lambda done, of: None, run.fill(give))
"""


def made(folder: Path, ends: list[int]) -> Run:
    """Begin a run over parts that end at these ids."""
    steps = recipes.checked_steps([{"operator": "text.near_duplicates"}])
    engine = Run(folder, steps, Settings(folder))
    engine.begin(Plan(ends, ends[-1]))
    return engine


def row(number: int) -> AssetRow:
    """Return a text of a library."""
    return bench.row_of(number, f"{TEXT}{number}")


def test_who_waits_for_input_ends_with_the_one_who_was_to_write_it(tmp_path: Path) -> None:
    given = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    filler = subprocess.Popen([sys.executable, "-c", FILLER, str(tmp_path)], env=given)
    try:
        wait_until(lambda: len(list(tmp_path.glob("01-*.json"))) == 3)
        waiting = bench.family(filler.pid)[1:]
        assert len(waiting) >= 2
    finally:
        filler.send_signal(signal.SIGKILL)
        filler.wait()
    wait_until(lambda: not any(Path(f"/proc/{process}/maps").exists() for process in waiting))
    # What is there is taken on from, whoever filled it in.
    again = Run(tmp_path, made(tmp_path / "other", [1]).steps, Settings(tmp_path))
    assert again.plan == Plan([1, 2, 3, 4, 5, 6], 6)
    filled = list(again.fill(lambda last, end: [row(n) for n in range(last + 1, end + 1)]))
    assert filled == [3, 4, 5]


def test_a_folder_that_is_taken_away_ends_the_work(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    engine = made(folder, [1, 2, 3, 4, 5, 6])

    def give(last: int, end: int) -> list[AssetRow]:
        if last == 3:
            # As the next cleaning does with what was given up.
            while folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
        return [row(number) for number in range(last + 1, end + 1)]

    with pytest.raises(FileNotFoundError):
        engine.do(lambda _done, _of: None, engine.fill(give))


def test_a_part_whose_assets_were_all_withdrawn_is_empty(tmp_path: Path) -> None:
    engine = made(tmp_path, [2, 4, 6])
    kept = (1, 2, 6)
    filling = engine.fill(lambda last, end: [row(n) for n in kept if last < n <= end])
    engine.do(lambda _done, _of: None, filling)
    found = [(part, ended.asset_id, ended.duplicate_of) for part, ended in engine.results()]
    assert found == [(0, [1, 2], [None, 1]), (1, [], []), (2, [6], [1])]
    assert engine.counts()[0]["seen"] == 3

"""Writers of one SQLite file: each gets its turn, none waits for ever, none is needed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets.db import Database, WriteTurn

WRITER = """
import sys, time
import sqlalchemy as sa
from jinbiao.datasets.db import Database
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
longest, end = 0.0, time.monotonic() + 1.5
while time.monotonic() < end:
    start = time.monotonic()
    with database.write() as session:
        session.execute(sa.text("UPDATE numbers SET n = n + 1"))
        longest = max(longest, time.monotonic() - start)
        time.sleep(0.002)
print(longest)
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with opened.write() as session:
        session.execute(sa.text("CREATE TABLE numbers (n INTEGER)"))
        session.execute(sa.text("INSERT INTO numbers VALUES (0)"))
    yield opened
    opened.close()


def add_one(database: Database) -> None:
    with database.write() as session:
        found = session.scalar(sa.text("SELECT n FROM numbers"))
        session.execute(sa.text("UPDATE numbers SET n = :n"), {"n": found + 1})


def number(database: Database) -> int:
    with database.read() as session:
        return int(session.scalar(sa.text("SELECT n FROM numbers")) or 0)


def test_threads_lose_no_write(database: Database) -> None:
    threads = [
        threading.Thread(target=lambda: [add_one(database) for _ in range(25)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number(database) == 200


def test_no_process_starves(database: Database) -> None:
    command = [sys.executable, "-P", "-c", WRITER, str(database.url)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    waits = [float(writer.communicate("go\n", timeout=30)[0]) for writer in writers]
    # SQLite's own pauses alone grow to a tenth of a second, again and again.
    assert max(waits) < 1.0, waits


def test_a_failed_write_gives_its_turn_back(database: Database) -> None:
    with pytest.raises(sa.exc.OperationalError), database.write() as session:
        session.execute(sa.text("no SQL"))
    add_one(database)
    assert number(database) == 1


def test_a_killed_process_takes_its_turn_with_it(database: Database) -> None:
    holder = "import time; database.write().__enter__().execute(sa.text('SELECT 1'));"
    program = WRITER.split("print")[0] + holder + "print('in', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(database.url)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    process.kill()
    process.communicate()
    start = time.monotonic()
    add_one(database)
    assert time.monotonic() - start < 5


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WriteTurn, "PATIENCE", 0.2)
    turn = WriteTurn(tmp_path / "turn")
    turn.enter()
    start = time.monotonic()
    other = threading.Thread(target=turn.enter)
    other.start()
    other.join()
    assert 0.1 < time.monotonic() - start < 5
    turn.leave()
    turn.close()


def test_readers_and_other_databases_take_no_turn(tmp_path: Path) -> None:
    assert Database("postgresql://nobody@localhost/nothing").turn is None
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    with database.read() as session:
        session.execute(sa.text("SELECT 1"))
    assert not (tmp_path / "a.sqlite3-turn").exists()
    database.close()

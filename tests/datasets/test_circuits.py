"""A service that keeps failing is left alone, and tried again by one caller at a time."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from jinbiao.datasets import circuits
from jinbiao.datasets.circuits import LONGEST, MOST_FAILURES, SHORTEST, Circuit
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Refused

NAME = "backend/3"


def admitted(database: Database, name: str = NAME) -> bool:
    """Tell whether somebody may ask the service now."""
    try:
        with database.write() as session:
            circuits.check(session, name)
    except Refused:
        return False
    return True


def fail(database: Database, times: int = 1, reason: str = "it is gone") -> None:
    for _time in range(times):
        with database.write() as session:
            circuits.failed(session, NAME, reason)


def wait_over(database: Database) -> None:
    """Let the time pass until the circuit lets somebody try."""
    with database.write() as session:
        session.get_one(Circuit, NAME).open_until = now() - dt.timedelta(seconds=1)


def seconds_left(database: Database) -> float:
    with database.read() as session:
        until = session.get_one(Circuit, NAME).open_until
    assert until is not None
    return (until - now()).total_seconds()


def test_it_opens_after_failures_in_a_row_and_says_why(database: Database) -> None:
    assert admitted(database)
    fail(database, MOST_FAILURES - 1)
    assert admitted(database)
    fail(database, reason="x" * 10_000)
    with (
        pytest.raises(Refused, match=r"5 failures in a row, last: x{500}$") as caught,
        database.write() as s,
    ):
        circuits.check(s, NAME)
    until = dt.datetime.fromisoformat(caught.value.values["until"] + "+00:00")
    assert dt.timedelta(seconds=20) < until - now() <= SHORTEST
    assert admitted(database, "backend/4")


def test_an_answer_between_failures_keeps_it_closed(database: Database) -> None:
    for _round in range(3):
        fail(database, MOST_FAILURES - 1)
        with database.write() as session:
            circuits.succeeded(session, NAME)
    assert admitted(database)
    with database.read() as session:
        assert not circuits.has_failed(session, NAME)


def test_after_its_time_one_may_try_and_success_closes_it(database: Database) -> None:
    fail(database, MOST_FAILURES)
    wait_over(database)
    assert [admitted(database) for _caller in range(3)] == [True, False, False]
    with database.write() as session:
        circuits.succeeded(session, NAME)
    assert [admitted(database) for _caller in range(3)] == [True] * 3
    fail(database)
    assert admitted(database), "the count begins anew"


def test_each_failed_try_doubles_the_time_up_to_a_limit(database: Database) -> None:
    fail(database, MOST_FAILURES)
    waited = [seconds_left(database)]
    for _round in range(7):
        wait_over(database)
        assert admitted(database)
        fail(database)
        assert not admitted(database)
        waited.append(seconds_left(database))
    expected = [30, 60, 120, 240, 480, 900, 900, 900]
    assert waited == [pytest.approx(seconds, abs=10) for seconds in expected]
    assert circuits.pause(10**6) == LONGEST


def test_failures_of_questions_that_were_on_the_way_do_not_make_it_longer(
    database: Database,
) -> None:
    fail(database, MOST_FAILURES + 4)
    assert seconds_left(database) <= SHORTEST.total_seconds()


def test_who_was_let_through_may_die_of_it(database: Database) -> None:
    fail(database, MOST_FAILURES)
    wait_over(database)
    assert admitted(database) and not admitted(database)
    wait_over(database)
    assert admitted(database)


def test_two_workers_count_every_failure_and_one_of_them_tries(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _n: fail(database), range(MOST_FAILURES)))
        assert not admitted(database)
        wait_over(database)
        assert sum(pool.map(lambda _n: admitted(database), range(8))) == 1

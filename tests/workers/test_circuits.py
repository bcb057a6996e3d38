"""Whoever asks a service outside does so through its circuit, which hears how it went."""

from __future__ import annotations

import datetime as dt

import pytest

from jinbiao.datasets.circuits import MOST_FAILURES, Circuit, LeftAlone
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Invalid, JinbiaoError, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.workers import circuits

NAME = "model/7"


def ask(installation: Installation, problem: JinbiaoError | None = None) -> None:
    """Ask a service that answers, or does not."""
    with circuits.asking(installation, NAME):
        if problem is not None:
            raise problem


def kept(installation: Installation) -> Circuit | None:
    with installation.database.read() as session:
        return session.get(Circuit, NAME)


def open_it(installation: Installation) -> None:
    for _time in range(MOST_FAILURES):
        with pytest.raises(Refused, match="gone"):
            ask(installation, Refused("it is gone"))


def wait_over(installation: Installation) -> None:
    with installation.database.write() as session:
        session.get_one(Circuit, NAME).open_until = now() - dt.timedelta(seconds=1)


def test_a_service_that_answers_leaves_no_trace(installation: Installation) -> None:
    ask(installation)
    assert kept(installation) is None
    with pytest.raises(Refused):
        ask(installation, Refused("it is gone"))
    row = kept(installation)
    assert row is not None and (row.failures, row.reason) == (1, "it is gone")
    ask(installation)
    assert kept(installation) is None


def test_an_open_circuit_keeps_everybody_out_and_is_no_failure_itself(
    installation: Installation,
) -> None:
    open_it(installation)
    for _time in range(3):
        with pytest.raises(LeftAlone, match="gone"):
            ask(installation)
    row = kept(installation)
    assert row is not None and row.failures == MOST_FAILURES


def test_an_answer_of_no_use_shows_that_it_is_there(installation: Installation) -> None:
    open_it(installation)
    wait_over(installation)
    with pytest.raises(Invalid):
        ask(installation, Invalid("not what was asked"))
    assert kept(installation) is None

"""Give back what has lapsed."""

from __future__ import annotations

from ..datasets import assignments, catalogue, opening, repeats
from ..datasets.catalogue import Dataset
from ..datasets.installation import Installation
from . import taking


def run(installation: Installation) -> int:
    """Give back the tasks whose reservations have lapsed; return how many.

    What was answered under keys is forgotten after a day, uploads that lapsed as well, and
    datasets that are in no index yet are put there.
    """
    total = 0
    _forget(installation)
    _index(installation)
    _remind(installation)
    taking.sweep(installation)
    while _any_lapsed(installation):
        with installation.database.write() as session:
            number = assignments.expire(session)
        total += number
        if number == 0:
            # Another worker is giving them back.
            break
    return total


def _forget(installation: Installation) -> None:
    with installation.database.read() as session:
        if not repeats.any_old(session):
            return
    with installation.database.write() as session:
        repeats.forget(session)


def _remind(installation: Installation) -> None:
    """Tell people of applications that are overdue and of terms that end."""
    with installation.database.read() as session:
        if not opening.any_to_remind(session):
            return
    with installation.database.write() as session:
        opening.remind(session)


def _index(installation: Installation) -> None:
    with installation.database.read() as session:
        if not catalogue.unindexed(session, 1):
            return
    with installation.database.read() as session:
        found = catalogue.unindexed(session)
    for dataset in found:
        # One at a time: whoever publishes has a dataset before the stamp of the catalogue, too.
        with installation.database.write() as session:
            catalogue.index(session, session.get_one(Dataset, dataset.id))


def _any_lapsed(installation: Installation) -> bool:
    """Look without writing: most rounds of a sweeper find nothing."""
    with installation.database.read() as session:
        return assignments.any_lapsed(session)

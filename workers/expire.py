"""Give back what has lapsed."""

from __future__ import annotations

from ..datasets import assignments
from ..datasets.installation import Installation


def run(installation: Installation) -> int:
    """Give back the tasks whose reservations have lapsed; return how many."""
    total = 0
    while True:
        with installation.database.write() as session:
            number = assignments.expire(session)
        total += number
        if number == 0:
            return total

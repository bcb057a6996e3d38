"""Ask services outside through their circuit: not while it is open, and it hears how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..datasets import circuits, errors
from ..datasets.installation import Installation


@contextmanager
def asking(installation: Installation, name: str) -> Iterator[None]:
    """Ask a service inside; `errors.Refused` from there counts as its failure.

    What the service answers otherwise, good or bad, shows that it is there. A session that
    writes must not be open around this.

    Raises:
        circuits.LeftAlone: its circuit is open.
    """
    admit(installation, name)
    try:
        yield
    except errors.Refused as problem:
        failed(installation, name, problem)
        raise
    except errors.Invalid:
        succeeded(installation, name)
        raise
    succeeded(installation, name)


def admit(installation: Installation, name: str) -> None:
    """Raise circuits.LeftAlone while a service's circuit is open."""
    if _has_failed(installation, name):
        with installation.database.write() as session:
            circuits.check(session, name)


def failed(installation: Installation, name: str, problem: errors.JinbiaoError) -> None:
    """Write down that a service did not answer."""
    with installation.database.write() as session:
        circuits.failed(session, name, str(problem))


def succeeded(installation: Installation, name: str) -> None:
    """Write down that a service has answered."""
    if _has_failed(installation, name):
        with installation.database.write() as session:
            circuits.succeeded(session, name)


def _has_failed(installation: Installation, name: str) -> bool:
    # Nearly always nothing is to write: reading spares the turn of those who write.
    with installation.database.read() as session:
        return circuits.has_failed(session, name)

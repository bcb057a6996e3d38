"""Give what a job is to bring in as a path of this host, however it came here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..datasets import errors, transfers
from ..datasets.errors import _
from . import spool
from .work import Work


@contextmanager
def source(work: Work) -> Iterator[Path]:
    """Give the `path` of the request, its stored `object`, or the folder of what was `gathered`.

    What is stored far away is fetched to a private place that goes with the block.

    Raises:
        errors.Invalid: there is nothing at the path.
    """
    if "gathered" in work.request:
        with work.installation.database.read() as session:
            files = transfers.of_job(session, work.id)
        with spool.gathered(work.installation, files) as path:
            yield path
        return
    given = work.request.get("path")
    if given is None:
        with spool.fetched(work.installation, str(work.request["object"])) as path:
            yield path
        return
    path = Path(given)
    if not path.exists():
        raise errors.Invalid(_("there is no file or folder %(path)s"), path=str(path))
    yield path

"""Take the rows of a removed library away: the job."""

from __future__ import annotations

from typing import Any

from ..datasets import audit, emptying
from .work import Work


def run(work: Work) -> dict[str, Any]:
    """Delete the assets of the removed `library`, batch after batch; safe to run again."""
    library_id = int(work.request["library"])
    removed = int(work.checkpoint.get("removed", 0))
    while True:
        with work.installation.database.write() as session:
            number = emptying.empty(session, library_id)
            removed += number
            work.advance(session, removed, checkpoint={"removed": removed})
            if number == 0:
                audit.record(
                    session, work.actor, "library.empty", f"library/{library_id}", assets=removed
                )
                return {"removed": removed}

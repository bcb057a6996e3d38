"""Make tasks of a library's assets: the sending job."""

from __future__ import annotations

import tempfile
from typing import Any

from ..datasets import audit, collection, libraries, projects, sending
from .work import Work

BATCH = 500


def run(work: Work) -> dict[str, Any]:
    """Send the held assets of `library`, or the records that `cleaning` kept, to the project.

    Goes on after the last committed batch when the job begins again; what the project has tasks
    of already is left out. The result counts `tasks`, `rejected` and `there`.
    """
    database, project_id = work.installation.database, int(work.project_id or 0)
    cleaning_id = work.request["cleaning"]
    state: dict[str, Any] = {"after": 0, "seen": 0, "tasks": 0, **work.checkpoint}
    while state["after"] is not None:
        with database.write() as session:
            library = libraries.get(
                session, work.actor, int(work.request["library"]), "library.read"
            )
            # Somebody may have deleted it meanwhile: then nothing more comes in.
            project = projects.get(session, work.actor, project_id, "task.import")
            sending.check(session, library, project, cleaning_id)
            found, seen, after = sending.batch(
                session, library, project, cleaning_id, state["after"], BATCH
            )
            state = {
                "after": after,
                "seen": state["seen"] + seen,
                "tasks": state["tasks"]
                + sending.keep(session, work.actor, project, work.id, found, cleaning_id),
            }
            work.advance(session, state["seen"], checkpoint=state)
    return _finish(work, project_id, state)


def _finish(work: Work, project_id: int, state: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out:
        with work.installation.database.read() as session:
            rejected = collection.write_reject_file(session, work.id, out)
        out.seek(0)
        reject_file = work.installation.store.put(out).digest if rejected else None
    result = {
        "tasks": state["tasks"],
        "rejected": rejected,
        "there": state["seen"] - state["tasks"] - rejected,
        "reject_file": reject_file,
    }
    with work.installation.database.write() as session:
        work.advance(session, state["seen"], state["seen"])
        audit.record(
            session, work.actor, "library.send", f"project/{project_id}", job=work.id, **result
        )
    return result

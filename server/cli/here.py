"""Do a job in the process of the command that asks for it, as a worker would."""

from __future__ import annotations

from typing import Any

from ...datasets.installation import Installation
from ...datasets.jobs import Job
from ...datasets.libraries import Library
from ...datasets.people import User
from ...datasets.projects import Project
from .loading import load
from .printing import progress


def run_here(
    installation: Installation,
    actor: User,
    owned: Project | Library,
    kind: str,
    request: dict[str, Any],
    title: str,
) -> Job:
    """Do a job in this process with a progress bar, the same one a worker would do.

    Raises:
        errors.JinbiaoError: as the job ended.
    """
    run = load("...workers.run")
    with progress(title) as show:
        ended: Job = run.do_here(installation, actor, owned, kind, request, show)
    return ended

"""Do one job in a process of its own and tell what it took.

    python -m jinbiao.tests.bench.job KIND PROJECT REQUEST

REQUEST is JSON. The last line is JSON: `seconds` and `cpu` of the job alone, without the
start of Python; `peak_mb` of the process, `start_mb`
before the job; the job's `result`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from jinbiao.datasets import jobs, people, settings
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.workers import ingest, release
from jinbiao.workers.heart import Heartbeat
from jinbiao.workers.work import Work

# As in `workers.run`, which also loads the models: their memory is not what is measured.
KINDS = {"import": ingest.run, "freeze": release.freeze, "export": release.export}


def do(
    installation: Installation, kind: str, project_id: int, request: dict[str, object]
) -> dict[str, object]:
    """Write a job down, begin it and do it as the administrator; return its result."""
    with installation.database.write() as session:
        actor = people.get_user(session, "admin")
        job = jobs.add(session, actor, kind, request, project_id=project_id)
        begun = jobs.begin(session, job.id, "bench")
    assert begun is not None
    work = Work(installation, begun.id, begun.attempt, actor, project_id, begun.request_values, {})
    with Heartbeat(work):
        result = KINDS[kind](work)
    with installation.database.write() as session:
        jobs.end(session, work.id, work.attempt, jobs.JobState.DONE, result=result)
    return result


def peak_mb() -> float | None:
    """Return the peak of this process's resident memory, None where the system tells none."""
    status = Path("/proc/self/status")
    # getrusage would count the peak of the process that this one was forked from.
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return None if found is None else int(found[1]) / 1024


def main() -> None:
    """Do what the arguments name."""
    kind, project_id, request = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    installation = open_installation(settings.load())
    before = peak_mb()
    start, cpu = time.perf_counter(), time.process_time()
    result = do(installation, kind, project_id, request)
    told = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak_mb(),
        "start_mb": before,
        "result": result,
    }
    installation.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()

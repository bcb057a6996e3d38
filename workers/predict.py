"""Ask a model backend about tasks and keep what it says: the prediction job."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ..datasets import addresses, audit, errors, labels, models, predictions, projects, totals
from ..datasets import annotations as answers
from ..datasets.circuits import LeftAlone
from ..datasets.connections import backends
from ..datasets.connections.backends import Backend
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.jobs import Job
from ..datasets.people import User
from ..datasets.projects import Project
from ..datasets.tasks import Task
from . import backends as talk
from . import calls, circuits, queues
from .work import Work

log = logging.getLogger("jinbiao.predict")

BATCH = 20  # tasks in one question
AT_ONCE = 20  # tasks that somebody may wait for
AT_ONCE_SECONDS = 25.0
PAUSES = (1.0, 4.0)  # after the first and second try of a question
MOST_UNANSWERED = 3  # tasks in a row, each asked about by itself
MOST_IN_A_ROW = 100  # tasks that may fail one after the other
MOST_FAILURES = 100  # that a job lists
# Somebody between us and the backend says that it is away, or it has too much to do.
AWAY = (429, 502, 503, 504)


@dataclass
class Outcome:
    """What came of some tasks: rows to keep, and why others have none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[int, errors.JinbiaoError] = field(default_factory=dict)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """List what failed as a job's result has it."""
        return [{"task": task, "reason": _reason(why)} for task, why in self.problems.items()]

    def keep(self, session: Session, project: Project, backend: Backend) -> int:
        """Store the predictions, and beside the other tasks why they have none; return how
        many predictions are new."""
        created = predictions.add_in_bulk(session, self.rows) if self.rows else 0
        models.clear(session, circuit(backend), [int(row["task_id"]) for row in self.rows])
        models.fail(session, project, circuit(backend), self.problems)
        return created


@dataclass(frozen=True)
class Retrieved:
    """What somebody who asked gets: how many tasks were done, or the job that does them."""

    processed: int
    created: int
    failures: Sequence[dict[str, Any]] = ()
    job: Job | None = None


def retrieve(
    installation: Installation,
    actor: User,
    project: Project,
    task_ids: Sequence[int] | None,
    backend: Backend | None = None,
) -> Retrieved:
    """Ask a project's backend about tasks: a few at once, more (or None: all) by a job.

    Raises:
        errors.Refused: the project has no backend, or it does not answer.
        errors.Forbidden: the actor may not start predictions.
    """
    if task_ids is not None and len(task_ids) <= AT_ONCE:
        return _at_once(installation, actor, project, task_ids, backend)
    with installation.database.write() as session:
        job = backends.request_predictions(session, actor, project, task_ids, backend)
    queues.announce(installation, [job.id])
    return Retrieved(0, 0, (), job)


def run(work: Work) -> dict[str, Any]:
    """Ask the requested `backend` about the tasks of `runs`, or about all of the project.

    Goes on after the last committed batch when the job begins again. A result that the config
    does not allow is counted and named, not kept; a task that has one of this model version
    keeps it. The result counts `predicted`, `created` and `failed`.
    """
    database = work.installation.database
    wanted = work.request.get("runs")
    with database.read() as session:
        project = projects.get(session, work.actor, int(work.project_id or 0), "prelabel.run")
        backend, _project = backends.get(
            session, work.actor, int(work.request["backend"]), "prelabel.run"
        )
        tasks = totals.tasks_of(session, project)
    total = tasks if wanted is None else min(sum(b - a + 1 for a, b in wanted), tasks)
    has_answered = bool(work.checkpoint.get("after"))
    with _waiting(has_answered):
        _connect(work.installation, backend, project)
    state: dict[str, Any] = {"after": 0, "predicted": 0, "created": 0, "failed": 0, "failures": []}
    state |= work.checkpoint
    in_a_row = 0
    while True:
        with database.read() as session:
            batch = backends.batch(session, project, wanted, after=state["after"], limit=BATCH)
        if not batch:
            break
        with _waiting(state["after"] > 0):
            found = _outcome(work, backend, project, batch)
        in_a_row = in_a_row + len(batch) if not found.rows else 0
        if in_a_row >= MOST_IN_A_ROW:
            raise errors.Refused(
                _("the backend failed %(number)s tasks in a row: %(reason)s"),
                number=in_a_row,
                reason=found.failures[-1]["reason"],
            )
        with database.write() as session:
            state["after"] = batch[-1].id
            state["predicted"] += len(found.rows)
            state["failed"] += len(found.failures)
            state["failures"] = [*state["failures"], *found.failures][:MOST_FAILURES]
            state["created"] += found.keep(session, project, backend)
            work.advance(session, state["predicted"] + state["failed"], total, state)
    result = {name: value for name, value in state.items() if name != "after"}
    with database.write() as session:
        _record(session, work.actor, project, backend, state["created"])
    return {"backend": backend.id, **result}


@contextmanager
def _waiting(has_answered: bool) -> Iterator[None]:
    """Let the job wait for a backend that has answered it before and is away now."""
    try:
        yield
    except errors.Refused as problem:
        if not has_answered:
            raise
        raise errors.Unavailable(problem.message, **problem.values) from problem


def question(
    installation: Installation, session: Session, project: Project, rows: Sequence[Task]
) -> dict[str, Any]:
    """Return what a backend is asked about tasks."""
    return backends.predict_message(session, project, rows, addresses.of(installation.settings))


def trial(
    installation: Installation, backend: Backend, message: dict[str, Any]
) -> tuple[int | None, Any, errors.JinbiaoError | None]:
    """Ask a backend and return its status, what it answers as it is, and what is wrong with it."""
    try:
        reply = talk.predict(installation, backend, message, min(backend.timeout, AT_ONCE_SECONDS))
    except (errors.Refused, errors.Invalid) as problem:
        return None, None, problem
    if reply.is_good:
        # A person tried whether it is well again: nobody needs to wait any longer.
        circuits.succeeded(installation, circuit(backend))
    try:
        return reply.status, talk.results(reply, len(message["tasks"])), None
    except errors.Refused as problem:
        return reply.status, None, problem


def interactive(
    installation: Installation,
    asker: User,
    backend: Backend,
    project: Project,
    task: Task,
    context: Any,
) -> dict[str, Any]:
    """Return what a backend says of a task that somebody is labelling; nothing is kept.

    It is told of those annotations that the asker may see.

    Raises:
        errors.Refused: it does not answer, or not as the config allows.
    """
    with installation.database.read() as session:
        made = answers.of_tasks(session, [task.id])
        seen = {number: answers.visible_to(asker, rows) for number, rows in made.items()}
        message = backends.predict_message(
            session,
            project,
            [task],
            addresses.of(installation.settings),
            context=context,
            answers=seen,
        )
    seconds = min(backend.timeout, AT_ONCE_SECONDS)
    (given,) = talk.results(_answer(installation, backend, message, seconds), 1)
    try:
        row = _row(project, backend, task, given)
    except errors.Invalid as problem:
        raise errors.Refused(
            _("its result is not what the config allows: %(reason)s"), reason=_reason(problem)
        ) from problem
    return {
        "model_version": row["model_version"],
        "score": row["score"],
        "result": msgspec.Raw(row["result"].encode()),
    }


def _at_once(
    installation: Installation,
    actor: User,
    project: Project,
    task_ids: Sequence[int],
    backend: Backend | None,
) -> Retrieved:
    with installation.database.read() as session:
        row = backend or backends.chosen(session, project)
        runs = backends.runs(task_ids)
        batch = backends.batch(session, project, runs, after=0, limit=AT_ONCE)
    if not batch:
        return Retrieved(0, 0)
    _connect(installation, row, project)
    found = Outcome()
    _ask(installation, row, project, batch, min(row.timeout, AT_ONCE_SECONDS), found)
    with installation.database.write() as session:
        created = found.keep(session, project, row)
        _record(session, actor, project, row, created)
    return Retrieved(len(batch), created, found.failures)


def _connect(installation: Installation, backend: Backend, project: Project) -> None:
    """Set the backend up for the project, and write down whether it is there."""
    version, problem = None, None
    try:
        version = talk.connect(installation, backend, project)
    except (errors.Refused, errors.Invalid) as found:
        problem = found
    with installation.database.write() as session:
        row = session.get(Backend, backend.id)
        if row is not None:
            backends.note(
                session, row, version=version, error=None if problem is None else str(problem)
            )
            backend.model_version = row.model_version
    if problem is not None:
        raise errors.Refused(problem.message, **problem.values) from problem


def _outcome(work: Work, backend: Backend, project: Project, batch: Sequence[Task]) -> Outcome:
    """Ask about a batch, again where there is no answer; a backend that is away ends the job."""
    for pause in PAUSES:
        found = Outcome()
        try:
            _ask(work.installation, backend, project, batch, backend.timeout, found)
            return found
        except LeftAlone:
            raise
        except errors.Refused as problem:
            log.info("backend %s does not answer: %s", backend.id, problem)
            work.check()
            time.sleep(pause)
    # It may be one task that it dies of, or all of them together are too much for it.
    talk.connect(work.installation, backend, project)
    return _singly(work, backend, project, batch)


def _singly(work: Work, backend: Backend, project: Project, batch: Sequence[Task]) -> Outcome:
    """Ask about each task by itself; several in a row without an answer end the job."""
    found = Outcome()
    unanswered = 0
    for task in batch:
        try:
            _ask(work.installation, backend, project, [task], backend.timeout, found)
            unanswered = 0
        except errors.Refused as problem:
            unanswered += 1
            if unanswered >= MOST_UNANSWERED or isinstance(problem, LeftAlone):
                raise
            found.problems[task.id] = problem
            work.check()
    return found


def _ask(
    installation: Installation,
    backend: Backend,
    project: Project,
    batch: Sequence[Task],
    seconds: float,
    found: Outcome,
) -> None:
    """Ask about tasks together; where that answer is no good, about each by itself.

    Raises:
        errors.Refused: there is no answer at all.
    """
    with installation.database.read() as session:
        message = question(installation, session, project, batch)
    limit = min(seconds, installation.settings.backend_seconds)
    reply = _answer(installation, backend, message, limit)
    try:
        given = talk.results(reply, len(batch))
    except errors.Refused as problem:
        if len(batch) == 1:
            found.problems[batch[0].id] = problem
            return
        for task in batch:
            _ask(installation, backend, project, [task], seconds, found)
        return
    for task, one in zip(batch, given, strict=True):
        try:
            found.rows.append(_row(project, backend, task, one))
        except errors.Invalid as problem:
            found.problems[task.id] = problem


def circuit(backend: Backend) -> str:
    """Return the name of a backend's circuit."""
    return f"backend/{backend.id}"


def _answer(
    installation: Installation, backend: Backend, message: dict[str, Any], seconds: float
) -> calls.Reply:
    """Return what a backend answers, through its circuit.

    Raises:
        errors.Refused: it is away, or was so often that it is left alone.
    """
    with circuits.asking(installation, circuit(backend)):
        reply = talk.predict(installation, backend, message, seconds)
        if reply.status in AWAY:
            raise errors.Refused(_("its prediction answers %(status)s"), status=reply.status)
        if reply.content.lstrip()[:1] == b"<":
            raise errors.Refused(_("it answers with a web page instead of predictions"))
        return reply


def _row(project: Project, backend: Backend, task: Task, given: dict[str, Any]) -> dict[str, Any]:
    """Return the prediction row of one task.

    Raises:
        errors.Invalid: the config does not allow the result.
    """
    result = given.get("result")
    if isinstance(result, list):
        # The editor needs ids.
        result = [
            {"id": f"model_{place}", **region} if isinstance(region, dict) else region
            for place, region in enumerate(result, 1)
        ]
    problems = labels.check_result(project.config, result, data=task.data_values)
    if problems:
        raise errors.Invalid(
            _("the labelling config does not allow this result"), problems=problems
        )
    version = given.get("model_version") or backend.model_version or backend.title
    return {
        "project_id": project.id,
        "task_id": task.id,
        "trained_model_id": None,
        "model_version": str(version).replace("\0", "")[:140],
        "score": _score(given.get("score")),
        "result": msgspec.json.encode(result).decode(),
    }


def _score(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # False for a NaN as well; and whole numbers may be larger than any float.
    return float(value) if usable and abs(value) < 1e9 else None


def _reason(problem: errors.JinbiaoError) -> str:
    return str(problem.problems[0]) if problem.problems else str(problem)


def _record(session: Session, actor: User, project: Project, backend: Backend, number: int) -> None:
    audit.record(
        session,
        actor,
        "prediction.retrieve",
        f"project/{project.id}",
        backend=backend.id,
        number=number,
    )

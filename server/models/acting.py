"""Do to a project's models what a request asks, from the API and from the pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import errors, jobs, models, projects
from ...datasets.connections import backends
from ...datasets.errors import _
from ...datasets.jobs import Job
from ...datasets.models import ProjectModel
from ...datasets.projects import Project
from ...workers import queues
from ...workers.models import MODELS
from .. import payloads
from ..auth import installation, user
from . import given, kinds
from .kinds import Kind

CHUNK = 1000  # failures read at once
SETTABLE = (
    "title",
    "options",
    "secret",
    "is_on",
    "gate_overridden",
    "labels_off",
    "train_after",
)


def add(project_id: int, values: Mapping[str, Any]) -> ProjectModel:
    """Let a project use a model of a kind, once its labelling config and what is given suit.

    Raises:
        errors.Invalid: something given is not usable; names it.
        errors.Refused: the labelling config does not suit the model.
    """
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
    kind = _kind(payloads.choice(values, "kind", "", MODELS), project)
    if kind.problem is not None:
        raise kind.problem
    secret = given.secret(kind, values)
    after = payloads.number(values, "train_after", 0, highest=given.MOST_EXAMPLES)
    title = payloads.optional_text(values, "title")
    file = given.file() or ("", "")
    options = given.checked(kind, given.options(kind, values) or {}, file[0])
    _must_suit(kind, project, options)
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
        return models.add(
            session,
            installation().settings,
            user(),
            project,
            kind=kind.name,
            title=title or "",
            options=options,
            secret=secret or "",
            file_digest=file[0],
            file_name=file[1],
            train_after=after,
        )


def change(model_id: int, values: Mapping[str, Any], *, whole: bool = False) -> None:
    """Change what is given of a model; `whole` says that the options given are all there are.

    Otherwise they are put over the old ones, and null takes one away.
    """
    with installation().database.read() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
    kind = _kind(row.kind, project)
    file, secret, options = given.file(), given.secret(kind, values), given.options(kind, values)
    if options is not None and not whole:
        merged = {**row.option_values, **options}
        options = {name: value for name, value in merged.items() if value is not None}
    if file is not None or options is not None:
        digest = file[0] if file else row.file_digest
        options = given.checked(kind, row.option_values if options is None else options, digest)
        given.keep_secret(row, options, secret)
        _must_suit(kind, project, options)
    labels_off = _labels(values, project)
    with installation().database.write() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
        models.change(
            session,
            installation().settings,
            user(),
            row,
            project,
            title=payloads.given_text(values, "title"),
            options=options,
            secret=secret,
            file=file,
            is_on=payloads.given_flag(values, "is_on"),
            gate_overridden=payloads.given_flag(values, "gate_overridden"),
            labels_off=labels_off,
            train_after=None
            if values.get("train_after") in (None, "")
            else payloads.number(values, "train_after", highest=given.MOST_EXAMPLES),
        )


def replace_file(model_id: int, file: tuple[str, str]) -> None:
    """Give a model another file, once the model has looked at it.

    Options that do not fit the new file go back to what it says itself.

    Raises:
        errors.Invalid: it is no file for this model; says what is wrong with it.
    """
    with installation().database.read() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
    kind = _kind(row.kind, project)
    options = given.fitted(kind, row.option_values, file[0])
    _must_suit(kind, project, options)
    with installation().database.write() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
        models.change(
            session, installation().settings, user(), row, project, options=options, file=file
        )


def remove(model_id: int) -> Project:
    """Let a project no longer use a model; return the project."""
    with installation().database.write() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
        models.remove(session, user(), row, project)
        return project


def ask(model_id: int, *, train: bool, predict: bool) -> Job:
    """Start a job that trains a model, or lets it predict, or both.

    Raises:
        errors.Refused: it is switched off, or is to be trained and never is.
    """
    with installation().database.write() as session:
        row, project = models.get(session, user(), model_id, "prelabel.run")
        kind = _kind(row.kind, project)
        if not row.is_on:
            raise errors.Refused(_("this model is switched off"))
        if train and not predict and not kind.learns:
            raise errors.Refused(_("this model is not trained here"))
        job = jobs.add(
            session,
            user(),
            "prelabel",
            {"project_model": row.id, "train": train and kind.learns, "predict": predict},
            project_id=project.id,
            organisation_id=project.organisation_id,
            vendor_id=project.vendor_id,
            queue=kind.model.queue,
        )
    queues.announce(installation(), [job.id])
    return job


def ask_again(project_id: int, values: Mapping[str, Any]) -> Job:
    """Start a job that asks a model, or a backend, again about the tasks where it failed.

    Raises:
        errors.Invalid: neither is named, or it has failed nowhere.
    """
    with installation().database.read() as session:
        projects.get(session, user(), project_id, "prelabel.run")
    payloads.refuse_unknown(values, ("project_model", "backend"))
    if values.get("backend"):
        return _ask_backend_again(project_id, payloads.number(values, "backend"))
    number = payloads.number(values, "project_model")
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
        row, owner = models.get(session, user(), number, "prelabel.run")
        trained = models.of_model(session, row)
        if owner.id != project.id:
            raise errors.NotFound(_("there is no model %(id)s"), id=number)
        if not row.is_on:
            raise errors.Refused(_("this model is switched off"))
        _forget(session, project, trained.model_version if trained else "")
    return ask(number, train=False, predict=True)


def _ask_backend_again(project_id: int, number: int) -> Job:
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
        row, owner = backends.get(session, user(), number, "prelabel.run")
        if owner.id != project.id:
            raise errors.NotFound(_("there is no model backend %(id)s"), id=number)
        failed = _forget(session, project, f"backend/{row.id}")
        job = backends.request_predictions(session, user(), project, failed, row)
    queues.announce(installation(), [job.id])
    return job


def _forget(session: Session, project: Project, model: str) -> list[int]:
    """Forget where a model failed; return the tasks."""
    found: list[int] = []
    while True:
        after = found[-1] if found else 0
        rows = models.failures(session, project, model=model, after=after, limit=CHUNK)
        found += [row.task_id for row in rows]
        if len(rows) < CHUNK:
            break
    if not found:
        raise errors.Refused(_("this model has failed at no task"))
    models.clear(session, model, found)
    return found


def running(session: Session, project: Project) -> list[Job]:
    """List the jobs of a project that pre-label and have not ended, newest first."""
    recent = jobs.recent(session, project_id=project.id, limit=60)
    kinds_of_job = ("prelabel", "predict")
    return [job for job in recent if job.kind in kinds_of_job and job.state not in jobs.ENDED]


def _kind(name: str, project: Project) -> Kind:
    found = kinds.get(name, project.config)
    if found is None:
        raise errors.Refused(_("this program has no model “%(kind)s”"), kind=name)
    return found


def _must_suit(kind: Kind, project: Project, options: Mapping[str, Any]) -> None:
    """Raise errors.Refused where a model with these options has no place in the project."""
    found = kinds.get(kind.name, project.config, options)
    if found is not None and found.problem is not None:
        raise found.problem


def _labels(values: Mapping[str, Any], project: Project) -> list[str] | None:
    """Return the labels to switch off, None where nothing is said of them."""
    if values.get("labels_off") is None:
        return None
    wanted = payloads.words(values, "labels_off", most=1000)
    known = {label for control in project.config.controls for label in control.label_set}
    strange = [label for label in wanted if label not in known]
    if strange:
        raise errors.Invalid(
            _("label %(label)s is not in the config"), place="labels_off", label=strange[0][:200]
        )
    return wanted

"""Keep model backends: programs outside that predict for a project.

What is said to them is Label Studio's protocol. They get no access to this installation: the
token is empty, and media stand as addresses that live for an hour or two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, jobs, outside, permissions, predictions, seals, tasks, webhooks
from ..addresses import Addresses
from ..annotations import Annotation
from ..db import Base, Id, now
from ..errors import _
from ..jobs import Job
from ..people import User
from ..projects import Project
from ..settings import Settings
from ..tasks import Task
from . import messages, ownership

MOST_BACKENDS = 20  # of one project
STATES = {
    "CO": "Connected",
    "DI": "Disconnected",
    "ER": "Error",
    "TR": "Training",
    "PR": "Predicting",
}
METHODS = ("NONE", "BASIC_AUTH")
LONGEST_EXTRA = 20_000  # bytes


class Backend(Base):
    """A program outside that predicts for a project."""

    __tablename__ = "model_backends"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), index=True)
    url: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(sa.String(2), default="DI")
    error_message: Mapped[str | None]
    is_interactive: Mapped[bool] = mapped_column(default=False)
    auth_method: Mapped[str] = mapped_column(sa.String(20), default="NONE")
    basic_auth_user: Mapped[str] = mapped_column(default="")
    # Sealed.
    basic_auth_pass: Mapped[str] = mapped_column(default="")
    # JSON: what is told to the backend at its set-up.
    extra_params: Mapped[str] = mapped_column(default="null")
    model_version: Mapped[str] = mapped_column(sa.String(140), default="")
    timeout: Mapped[float] = mapped_column(default=100.0)
    auto_update: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


@dataclass(frozen=True)
class Chosen:
    """What somebody says of a backend; None where they say nothing."""

    url: str | None = None
    title: str | None = None
    description: str | None = None
    is_interactive: bool | None = None
    auth_method: str | None = None
    basic_auth_user: str | None = None
    basic_auth_pass: str | None = None
    extra_params: Any = None
    model_version: str | None = None
    timeout: float | None = None
    auto_update: bool | None = None


def add(
    session: Session, settings: Settings, actor: User, project: Project, chosen: Chosen
) -> Backend:
    """Add a backend with a webhook that tells it what happens in the project.

    Raises:
        errors.Invalid: a value is not usable, or there are MOST_BACKENDS already.
    """
    row = draft(settings, actor, project, chosen)
    there = sa.select(sa.func.count()).where(Backend.project_id == project.id)
    if (session.scalar(there) or 0) >= MOST_BACKENDS:
        raise errors.Invalid(_("a project has at most %(most)s backends"), most=MOST_BACKENDS)
    session.add(row)
    session.flush()
    webhooks.add(session, settings, actor, project, url=hook_url(row.url), backend_id=row.id)
    _record(session, actor, "backend.create", row)
    return row


def draft(settings: Settings, actor: User, project: Project, chosen: Chosen) -> Backend:
    """Return a backend that is not kept yet, to be tried first.

    Raises:
        errors.Invalid: a value is not usable.
    """
    ownership.require(actor, project)
    row = Backend(
        project_id=project.id,
        url=outside.parse(chosen.url).url,
        created_by=actor.id,
        title="",
        auth_method="NONE",
        basic_auth_user="",
        basic_auth_pass="",
        extra_params="null",
        model_version="",
        timeout=min(100.0, settings.backend_seconds),
    )
    apply(settings, row, chosen)
    return row


def get(
    session: Session, user: User | None, backend_id: int, right: str = ownership.RIGHT
) -> tuple[Backend, Project]:
    """Return a backend with its project for somebody who manages it, or has another `right`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Backend, Project)
        .join(Project, Project.id == Backend.project_id)
        .where(Backend.id == backend_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None:
        raise errors.NotFound(_("there is no model backend %(id)s"), id=backend_id)
    if right == ownership.RIGHT:
        ownership.require(user, found[1])
    else:
        permissions.require(user, right, found[1])
    return found[0], found[1]


def listing(session: Session, user: User, project: Project | None = None) -> list[Backend]:
    """List the backends of a project, or of all that somebody manages, oldest first."""
    query = (
        sa.select(Backend)
        .join(Project, Project.id == Backend.project_id)
        .where(Project.deleted_at.is_(None))
        .order_by(Backend.id)
    )
    if project is not None:
        ownership.require(user, project)
        query = query.where(Backend.project_id == project.id)
    else:
        query = ownership.limited(query, user)
    return list(session.scalars(query))


def of_project(session: Session, project: Project) -> list[Backend]:
    """List the backends of a project for whoever sees it, newest first."""
    query = sa.select(Backend).where(Backend.project_id == project.id)
    return list(session.scalars(query.order_by(Backend.id.desc())))


def change(session: Session, settings: Settings, actor: User, row: Backend, chosen: Chosen) -> None:
    """Change what is given of a backend.

    Raises:
        errors.Invalid: a value is not usable, or a new host would be sent the old password.
    """
    apply(settings, row, chosen)
    hook = webhooks.of_backend(session, row.id)
    if hook is not None and hook.url != hook_url(row.url):
        webhooks.change(session, settings, actor, hook, url=hook_url(row.url))
    _record(session, actor, "backend.change", row)


def delete(session: Session, actor: User, row: Backend) -> None:
    """Delete a backend with its webhook; its predictions stay."""
    hook = webhooks.of_backend(session, row.id)
    if hook is not None:
        webhooks.delete(session, actor, hook)
    _record(session, actor, "backend.delete", row)
    session.delete(row)
    session.flush()


def note(session: Session, row: Backend, *, version: str | None, error: str | None) -> None:
    """Write down what a backend answered: its version, or why it did not."""
    row.state, row.error_message = ("CO", None) if error is None else ("DI", error[:500])
    if version is not None and row.auto_update:
        row.model_version = version[:140]
    row.updated_at = now()
    session.flush()


def password(settings: Settings, row: Backend) -> tuple[str, str] | None:
    """Return the name and password that a backend wants, or None."""
    if row.auth_method != "BASIC_AUTH":
        return None
    return row.basic_auth_user, seals.unseal(settings, row.basic_auth_pass)


def hook_url(url: str) -> str:
    """Return where a backend hears what happens in the project."""
    return f"{url.rstrip('/')}/webhook"


def chosen(session: Session, project: Project) -> Backend:
    """Return the backend that predicts for a project: of its model version, or the newest.

    Raises:
        errors.Refused: it has none.
    """
    rows = of_project(session, project)
    wanted = project.option("model_version")
    named = [row for row in rows if wanted and wanted in (row.model_version, row.title)]
    if not rows:
        raise errors.Refused(_("the project has no model backend"))
    return (named or rows)[0]


def interactive(session: Session, project: Project) -> Backend | None:
    """Return the backend that helps while people label a project; None where none does."""
    return next((row for row in of_project(session, project) if row.is_interactive), None)


def request_predictions(
    session: Session,
    actor: User,
    project: Project,
    task_ids: Iterable[int] | None = None,
    backend: Backend | None = None,
) -> Job:
    """Write down a job that asks a backend about tasks, or about all; announce it afterwards.

    Raises:
        errors.Refused: the project has no backend.
        errors.Forbidden: the actor may not start predictions.
    """
    permissions.require(actor, "prelabel.run", project)
    row = backend or chosen(session, project)
    asked: dict[str, Any] = {"backend": row.id}
    if task_ids is not None:
        asked["runs"] = runs(task_ids)
    return jobs.add(
        session,
        actor,
        "predict",
        asked,
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def runs(ids: Iterable[int]) -> list[list[int]]:
    """Return numbers as runs of neighbours, first and last of each: `1 2 3 7` → `1–3 7–7`."""
    found: list[list[int]] = []
    for number in sorted(set(ids)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def batch(
    session: Session,
    project: Project,
    wanted: Sequence[Sequence[int]] | None,
    *,
    after: int,
    limit: int,
) -> list[Task]:
    """List the next of the wanted tasks of a project, by id, from after `after`."""
    if wanted is None:
        return tasks.page(session, project, after=after, limit=limit)
    found: list[Task] = []
    for first, last in wanted:
        if last <= after or len(found) == limit:
            continue
        query = sa.select(Task).where(
            Task.project_id == project.id, Task.id.between(max(first, after + 1), last)
        )
        found += session.scalars(query.order_by(Task.id).limit(limit - len(found)))
    return found


def setup_message(row: Backend, project: Project, addresses: Addresses) -> dict[str, Any]:
    """Return what a backend is told before it is asked anything."""
    return {
        "project": mark(project),
        "schema": project.label_config,
        "hostname": addresses.origin,
        # Nobody's: a backend needs none, the addresses of media carry the right to see them.
        "access_token": "",
        "extra_params": msgspec.Raw(row.extra_params.encode()),
    }


def mark(project: Project) -> str:
    """Return the name of a project to backends: number and time of its making."""
    return f"{project.id}.{int(project.created_at.timestamp())}"


def predict_message(
    session: Session,
    project: Project,
    rows: Sequence[Task],
    addresses: Addresses,
    *,
    context: Any = None,
    answers: Mapping[int, Sequence[Annotation]] | None = None,
) -> dict[str, Any]:
    """Return the question about tasks, with the predictions that are there.

    `answers` are the annotations that the backend may know of, by task.
    """
    shown = messages.open_address(addresses, tasks.media_of(session, rows))
    known = predictions.of_tasks(session, [row.id for row in rows])
    listed = []
    for row in rows:
        told = messages.task(row, project, messages.data_of(row, shown))
        for name in ("allow_skip", "precomputed_agreement"):
            del told[name]
        told["annotations"] = [messages.annotation(a) for a in (answers or {}).get(row.id, ())]
        told["predictions"] = [messages.prediction(p) for p in known.get(row.id, ())]
        listed.append(told)
    return {
        "tasks": listed,
        "project": mark(project),
        "label_config": project.label_config,
        "params": {"login": None, "password": None, "context": context},
    }


def apply(settings: Settings, row: Backend, given: Chosen) -> None:
    """Put what is given into a backend that may not be kept yet.

    Raises:
        errors.Invalid: a value is not usable, or a new host would be sent the old password.
    """
    if given.url is not None:
        moves = outside.parse(given.url).origin != outside.parse(row.url).origin
        keeps = given.basic_auth_pass is None and given.auth_method != "NONE"
        if moves and keeps and row.basic_auth_pass:
            raise errors.Invalid(
                _("give the password again for another host"), place="basic_auth_pass"
            )
        row.url = outside.parse(given.url).url
    for name in ("title", "description", "basic_auth_user", "model_version"):
        value = getattr(given, name)
        if value is not None:
            setattr(row, name, value)
    for name in ("is_interactive", "auto_update"):
        value = getattr(given, name)
        if value is not None:
            setattr(row, name, value)
    if given.auth_method is not None:
        row.auth_method = given.auth_method
    if given.basic_auth_pass is not None:
        row.basic_auth_pass = seals.seal(settings, given.basic_auth_pass)
    if row.auth_method == "NONE":
        row.basic_auth_pass = ""
    elif not row.basic_auth_user or not row.basic_auth_pass:
        raise errors.Invalid(_("give a name and a password"), place="basic_auth_user")
    if given.extra_params is not None:
        text = msgspec.json.encode(given.extra_params).decode()
        if len(text) > LONGEST_EXTRA:
            raise errors.Invalid(
                _("must have at most %(longest)s bytes"),
                place="extra_params",
                longest=LONGEST_EXTRA,
            )
        row.extra_params = text
    if given.timeout is not None:
        if not 0 < given.timeout <= settings.backend_seconds:
            raise errors.Invalid(
                _("must be more than 0 and at most %(most)s seconds"),
                place="timeout",
                most=settings.backend_seconds,
            )
        row.timeout = given.timeout
    row.updated_at = now()


def _record(session: Session, actor: User, action: str, row: Backend) -> None:
    origin = outside.parse(row.url).origin
    audit.record(session, actor, action, f"backend/{row.id}", project=row.project_id, origin=origin)

"""Choose the models of a project, change and remove them; open and close their gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions, projects, seals
from ..db import now
from ..errors import _
from ..people import User, clean_line
from ..projects import Project
from ..settings import Settings
from .rows import Gate, ProjectModel

MOST_MODELS = 20  # of one project
CONTROL_PERCENT = 5  # of the tasks, where the project has not said otherwise
LONGEST_SECRET = 2000  # characters


def add(
    session: Session,
    settings: Settings,
    actor: User,
    project: Project,
    *,
    kind: str,
    title: str = "",
    options: Mapping[str, Any] | None = None,
    secret: str = "",
    file_digest: str = "",
    file_name: str = "",
    train_after: int = 0,
) -> ProjectModel:
    """Let a project use a model; `options` have passed the model's own check.

    With the first one, a part of the tasks drawn by lot gets no pre-labels, so that what
    models save can be measured, unless the project has said how many.

    Raises:
        errors.Forbidden: the actor may not run models.
        errors.Invalid: there are MOST_MODELS already, or a value is not usable.
    """
    permissions.require(actor, "prelabel.run", project)
    number = session.scalar(sa.select(sa.func.count()).where(ProjectModel.project_id == project.id))
    if (number or 0) >= MOST_MODELS:
        raise errors.Invalid(_("a project has at most %(most)s models"), most=MOST_MODELS)
    if len(secret) > LONGEST_SECRET:
        raise errors.Invalid(
            _("must have at most %(longest)s characters"), place="secret", longest=LONGEST_SECRET
        )
    row = ProjectModel(
        project_id=project.id,
        kind=kind,
        title=clean_line(title, "title", 200) if title else "",
        options=_encoded(options or {}),
        secret=seals.seal(settings, secret) if secret else "",
        file_digest=file_digest,
        file_name=file_name[:200],
        train_after=train_after,
        created_by=actor.id,
    )
    session.add(row)
    if project.option("prelabel_control_percent") is None:
        projects.set_option(project, "prelabel_control_percent", CONTROL_PERCENT)
    session.flush()
    _record(session, actor, "model.add", row, kind=kind)
    return row


def get(
    session: Session, user: User | None, model_id: int, action: str
) -> tuple[ProjectModel, Project]:
    """Return a model of a project for somebody who wants to do `action` there.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    found = session.execute(
        sa.select(ProjectModel, Project)
        .join(Project, Project.id == ProjectModel.project_id)
        .where(ProjectModel.id == model_id, Project.deleted_at.is_(None))
    ).first()
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no model %(id)s"), id=model_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def of_project(session: Session, project: Project) -> list[ProjectModel]:
    """List the models of a project, oldest first."""
    query = sa.select(ProjectModel).where(ProjectModel.project_id == project.id)
    return list(session.scalars(query.order_by(ProjectModel.id)))


def of_kind(session: Session, project: Project, kind: str) -> ProjectModel | None:
    """Return the project's first model of a kind."""
    query = sa.select(ProjectModel).where(
        ProjectModel.project_id == project.id, ProjectModel.kind == kind
    )
    return session.scalar(query.order_by(ProjectModel.id).limit(1))


def change(
    session: Session,
    settings: Settings,
    actor: User,
    row: ProjectModel,
    project: Project,
    *,
    title: str | None = None,
    options: Mapping[str, Any] | None = None,
    secret: str | None = None,
    file: tuple[str, str] | None = None,
    is_on: bool | None = None,
    gate_overridden: bool | None = None,
    labels_off: Sequence[str] | None = None,
    train_after: int | None = None,
) -> None:
    """Change what is given of a model; `file` is (digest, name).

    Raises:
        errors.Forbidden: the actor may not run models.
    """
    permissions.require(actor, "prelabel.run", project)
    if title is not None:
        row.title = clean_line(title, "title", 200) if title else ""
    if options is not None:
        row.options = _encoded(options)
    if secret is not None:
        row.secret = seals.seal(settings, secret) if secret else ""
    if file is not None:
        row.file_digest, row.file_name = file[0], file[1][:200]
    if is_on is not None:
        row.is_on = is_on
    if gate_overridden is not None:
        row.gate_overridden = gate_overridden
    if labels_off is not None:
        row.labels_off = msgspec.json.encode(sorted(set(labels_off))).decode()
    if train_after is not None:
        row.train_after = train_after
    row.updated_at = now()
    told = {"is_on": is_on, "gate_overridden": gate_overridden, "labels_off": labels_off}
    _record(session, actor, "model.change", row, **{k: v for k, v in told.items() if v is not None})
    session.flush()


def remove(session: Session, actor: User, row: ProjectModel, project: Project) -> None:
    """Let a project no longer use a model; its predictions and training stay on record."""
    permissions.require(actor, "prelabel.run", project)
    _record(session, actor, "model.remove", row, kind=row.kind)
    session.delete(row)
    session.flush()


def set_gate(
    session: Session, row: ProjectModel, gate: Gate, report: dict[str, Any], by: User | str
) -> bool:
    """Open or close what a model says to people, with the report that decides; tell whether
    that changed anything."""
    changed = row.gate != gate
    row.gate, row.gate_report = gate, msgspec.json.encode(report).decode()
    row.updated_at = now()
    if changed:
        _record(session, by, "model.gate", row, gate=str(gate))
    session.flush()
    return changed


def switch_off_labels(
    session: Session, row: ProjectModel, labels: Sequence[str], by: User | str
) -> bool:
    """Leave labels out of what a model shows from now on; tell whether any is new."""
    present = row.labels_off_values
    new = [label for label in labels if label not in present]
    if new:
        row.labels_off = msgspec.json.encode(sorted({*present, *new})).decode()
        row.updated_at = now()
        _record(session, by, "model.labels_off", row, labels=new)
        session.flush()
    return bool(new)


def secret_of(settings: Settings, row: ProjectModel) -> str:
    """Return the secret that somebody gave for a model; "" where there is none."""
    return seals.unseal(settings, row.secret) if row.secret else ""


def spend(session: Session, row: ProjectModel, tokens_in: int, tokens_out: int) -> None:
    """Add to what a paid service has counted for a model."""
    session.execute(
        sa.update(ProjectModel)
        .where(ProjectModel.id == row.id)
        .values(
            tokens_in=ProjectModel.tokens_in + tokens_in,
            tokens_out=ProjectModel.tokens_out + tokens_out,
        )
        .execution_options(synchronize_session=False)
    )


def _encoded(options: Mapping[str, Any]) -> str:
    return msgspec.json.encode(options, order="sorted").decode()


def _record(
    session: Session, actor: User | str, action: str, row: ProjectModel, **more: Any
) -> None:
    audit.record(session, actor, action, f"model/{row.id}", project=row.project_id, **more)

"""Bring together what a pre-labelling job works with: project, model, config, weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from ...datasets import errors, models, projects
from ...datasets.errors import _
from ...datasets.installation import Installation
from ...datasets.models import ProjectModel, TrainedModel
from ...datasets.people import User
from ...datasets.projects import Project
from .. import calls, loaded
from ..binding import Binding, bind
from ..models import MODELS
from ..models.interface import Call, Given, Model, Predictor, Serves

# A question to a service; less than a task may take, so that a service that hangs is not
# taken for a process that does.
SERVICE_SECONDS = 50.0


@dataclass(frozen=True)
class Chosen:
    """A project's model with all that it needs, but for its weights."""

    project: Project
    row: ProjectModel
    model: Model
    binding: Binding
    given: Given

    @property
    def serves(self) -> Serves:
        """Say what the model reads and makes with its options."""
        return self.model.serving(self.row.option_values)

    @property
    def circuit(self) -> str | None:
        """Name the circuit of the service that it asks; None where it asks nobody."""
        return f"model/{self.row.id}" if self.model.queue == "io" else None


def row_of(
    session: Session,
    installation: Installation,
    actor: User,
    project: Project,
    asked: Mapping[str, object],
) -> ProjectModel:
    """Return the project's model that a job was asked for; one of a kind is made on first use.

    Raises:
        errors.Invalid: there is no such kind.
        errors.NotFound: the project has no such model.
    """
    if asked.get("project_model") is not None:
        row, owner = models.get(session, actor, int(str(asked["project_model"])), "prelabel.run")
        if owner.id != project.id:
            raise errors.NotFound(_("there is no model %(id)s"), id=row.id)
        return row
    kind = str(asked.get("model"))
    if kind not in MODELS:
        raise errors.Invalid(_("must be one of %(names)s"), place="model", names=", ".join(MODELS))
    found = models.of_kind(session, project, kind)
    if found is not None:
        return found
    options = MODELS[kind].check({}, None)
    # Only what suits the project becomes one of its models.
    bind(project.config, MODELS[kind].serving(options))
    return models.add(session, installation.settings, actor, project, kind=kind, options=options)


def choose(installation: Installation, actor: User, project_id: int, model_id: int) -> Chosen:
    """Return a project's model, ready to be trained or loaded.

    Raises:
        errors.Refused: it is switched off, or the labelling config does not suit it.
    """
    with installation.database.read() as session:
        project = projects.get(session, actor, project_id, "prelabel.run")
        row, _project = models.get(session, actor, model_id, "prelabel.run")
    if not row.is_on:
        raise errors.Refused(_("this model is switched off"))
    if row.kind not in MODELS:
        raise errors.Refused(_("this program has no model “%(kind)s”"), kind=row.kind)
    model = MODELS[row.kind]
    binding = bind(project.config, model.serving(row.option_values), project.instruction)
    return Chosen(project, row, model, binding, given_of(installation, row))


def given_of(installation: Installation, row: ProjectModel) -> Given:
    """Return what somebody registered a model with."""
    return Given(
        options=row.option_values,
        file=installation.store.read(row.file_digest) if row.file_digest else None,
        secret=models.secret_of(installation.settings, row),
        call=_call(installation),
    )


def weights_digest(chosen: Chosen) -> str:
    """Return what stands for the weights of a model that is never trained."""
    told = (chosen.row.kind, chosen.row.options, chosen.row.file_digest)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def predictor_of(installation: Installation, chosen: Chosen, trained: TrainedModel) -> Predictor:
    """Return the model with its weights, loaded once in this process."""
    target, row = chosen.binding.target, chosen.row
    key = msgspec.json.encode(
        (
            row.id,
            row.kind,
            row.options,
            row.secret,
            row.file_digest,
            trained.model_version,
            repr(target),
        )
    ).decode()

    def load() -> Predictor:
        is_fitted = trained.weights_digest and chosen.model.least_examples is not None
        weights = installation.store.read(trained.weights_digest) if is_fitted else None
        return chosen.model.load(weights, target, chosen.given)

    return loaded.predictor(key, trained.model_version, load)


def _call(installation: Installation) -> Call:
    settings = installation.settings
    return calls.way_out(settings, min(settings.backend_seconds, SERVICE_SECONDS))

"""Tell which kinds of models there are, and which of them suit a labelling configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...datasets import errors
from ...datasets.labels import LabelConfig
from ...workers import binding
from ...workers.models import MODELS
from ...workers.models.interface import Model
from ..errors import words


@dataclass(frozen=True)
class Kind:
    """One kind of model with its card.

    `problem` says why it does not suit a configuration, `labels` are those that it chooses
    from in one that it suits.
    """

    model: Model
    card: Mapping[str, Any]
    problem: errors.JinbiaoError | None = None
    labels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name the kind."""
        return self.model.name

    @property
    def fields(self) -> list[dict[str, Any]]:
        """List what somebody gives to register one; the secret and the file among them."""
        return list(self.card.get("options", ()))

    @property
    def takes_file(self) -> bool:
        """Tell whether one is registered with a file."""
        return any(field["kind"] == "file" for field in self.fields)

    @property
    def is_ready(self) -> bool:
        """Tell whether one can be used at once: it suits, and nothing has to be given."""
        needs = any(field.get("required") for field in self.fields)
        return self.problem is None and not needs

    @property
    def learns(self) -> bool:
        """Tell whether it is trained on what people label."""
        return self.model.least_examples is not None


def all_kinds(config: LabelConfig | None = None) -> list[Kind]:
    """List the kinds there are, those that suit the configuration first."""
    found = [_kind(model, config) for model in MODELS.values()]
    return sorted(found, key=lambda kind: kind.problem is not None)


def get(
    name: str, config: LabelConfig | None = None, options: Mapping[str, Any] | None = None
) -> Kind | None:
    """Return a kind by its name; None where this program has none of that name.

    With `options` it is one model of the kind, which may make less than the kind does.
    """
    model = MODELS.get(name)
    return None if model is None else _kind(model, config, options)


def only_ready(config: LabelConfig) -> Kind | None:
    """Return the kind that suits a configuration with nothing to be given; None unless it is
    the only one."""
    found = [kind for kind in all_kinds(config) if kind.is_ready]
    return found[0] if len(found) == 1 else None


def payload(kind: Kind, asked: bool) -> dict[str, Any]:
    """Return a kind as the API tells it; whether it suits only where that was `asked`."""
    serves = kind.model.serves
    return {
        "name": kind.name,
        "version": kind.model.version,
        "suits": kind.problem is None if asked else None,
        "reason": None if kind.problem is None else words(kind.problem),
        "reads": serves.reads,
        "makes": [each.__name__.lower() for each in serves.makes],
        "keys": list(serves.keys),
        "queue": kind.model.queue,
        "least_examples": kind.model.least_examples,
        "card": dict(kind.card),
    }


def _kind(
    model: Model, config: LabelConfig | None, options: Mapping[str, Any] | None = None
) -> Kind:
    if config is None:
        return Kind(model, model.card())
    try:
        serves = model.serves if options is None else model.serving(options)
        bound = binding.bind(config, serves)
    except errors.JinbiaoError as problem:
        return Kind(model, model.card(), problem)
    return Kind(model, model.card(), labels=bound.target.labels)

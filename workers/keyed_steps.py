"""Give the steps of a recipe the key that they need when they run; no recipe ever holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets import findings
from ..datasets.cleaning.operators import OPERATORS
from ..datasets.settings import Settings


def keyed(
    settings: Settings, organisation_id: int, steps: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the steps, with the organisation's key as option `secret` where one needs it."""
    made = []
    for step in steps:
        operator = OPERATORS.get(str(step["operator"]))
        options = dict(step.get("options") or {})
        if operator is not None and operator.needs_secret:
            options["secret"] = findings.key_of(settings, organisation_id).hex()
        made.append({**step, "options": options})
    return made

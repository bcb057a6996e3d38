"""Models that pre-label, one file each: fit, predict, card."""

from __future__ import annotations

from .golden_difference import GoldenDifference
from .interface import Model

MODELS: dict[str, Model] = {model.name: model for model in (GoldenDifference(),)}

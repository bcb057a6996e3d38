"""Say what a project is, in Label Studio's shape."""

from __future__ import annotations

from typing import Any

from ...datasets.labels import LabelConfig
from ...datasets.people import User
from ...datasets.projects import OPTIONS, Project
from ...datasets.totals import NOTHING, Totals
from .people import creator
from .reading import time

# The numbers that `include` may ask for, as Label Studio calls them.
COUNTS = (
    "task_number",
    "finished_task_number",
    "total_predictions_number",
    "total_annotations_number",
    "num_tasks_with_annotations",
    "useful_annotation_number",
    "ground_truth_number",
    "skipped_annotations_number",
)


# What an answer holds: a script may send a project back as it got it.
PROJECT_KEYS = frozenset(
    {
        *COUNTS,
        *OPTIONS,
        "id",
        "title",
        "description",
        "label_config",
        "expert_instruction",
        "organization",
        "maximum_annotations",
        "created_by",
        "created_at",
        "parsed_label_config",
        "config_has_control_tags",
        "queue_total",
        "queue_done",
        "config_suitable_for_bulk_annotation",
        "state",
    }
)


def counts(totals: Totals) -> dict[str, int]:
    """Return the numbers of a project."""
    return {
        "task_number": totals.tasks,
        "finished_task_number": totals.finished_tasks,
        "total_predictions_number": totals.predictions,
        "total_annotations_number": totals.annotations,
        "num_tasks_with_annotations": totals.tasks_with_annotations,
        "useful_annotation_number": totals.annotations - totals.ground_truths,
        "ground_truth_number": totals.ground_truths,
        "skipped_annotations_number": totals.skips,
    }


def project(row: Project, totals: Totals = NOTHING, made_by: User | None = None) -> dict[str, Any]:
    """Return a project with its numbers; `made_by` is who created it."""
    options = row.option_values
    config = row.config
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "label_config": row.label_config,
        "expert_instruction": row.instruction,
        "organization": row.organisation_id,
        "maximum_annotations": row.maximum_annotations,
        "created_by": creator(made_by, row.created_by),
        "created_at": time(row.created_at),
        **options,
        **counts(totals),
        "control_weights": _weights(config) | (options["control_weights"] or {}),
        "parsed_label_config": config.to_parsed(),
        "config_has_control_tags": bool(config.controls),
        "queue_total": totals.tasks,
        "queue_done": totals.done_by_asker,
        "config_suitable_for_bulk_annotation": _suits_bulk(config),
        "state": None,
    }


def _weights(config: LabelConfig) -> dict[str, Any]:
    """Return what each control counts by default: all the same."""
    return {
        control.name: {
            "overall": 1.0,
            "type": control.tag,
            "labels": {label: 1.0 for label in control.labels},
        }
        for control in config.controls
    }


def _suits_bulk(config: LabelConfig) -> bool:
    """Tell whether one answer can be given to many tasks at once: no region is drawn."""
    return all(control.tag in ("Choices", "Rating", "Taxonomy") for control in config.controls)

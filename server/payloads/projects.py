"""Say what a project is, in Label Studio's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...datasets.projects import Project
from .reading import time


def project(row: Project, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return a project."""
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "expert_instruction": row.instruction,
        "label_config": row.label_config,
        "parsed_label_config": row.config.to_parsed(),
        "maximum_annotations": row.maximum_annotations,
        "organization": row.organisation_id,
        "vendor": row.vendor_id,
        "created_by": {"id": row.created_by},
        "created_at": time(row.created_at),
        "task_number": sum(counts.values()),
        "finished_task_number": counts.get("accepted", 0),
        "task_states": dict(counts),
    }

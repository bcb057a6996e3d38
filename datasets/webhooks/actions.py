"""List what a webhook can be told of, under Label Studio's names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """One thing that happens; `key` is the member of the message that holds it."""

    name: str
    key: str
    # Several things are told in one message.
    many: bool = False
    # Nobody who listens to one project alone can hear it.
    organisation_only: bool = False


ACTIONS: dict[str, Action] = {
    "PROJECT_CREATED": Action("Project created", "project", organisation_only=True),
    "PROJECT_UPDATED": Action("Project updated", "project"),
    "PROJECT_DELETED": Action("Project deleted", "project", organisation_only=True),
    "TASKS_CREATED": Action("Task created", "tasks", many=True),
    "TASKS_DELETED": Action("Task deleted", "tasks", many=True),
    "ANNOTATION_CREATED": Action("Annotation created", "annotation"),
    "ANNOTATIONS_CREATED": Action("Annotations created", "annotation", many=True),
    "ANNOTATION_UPDATED": Action("Annotation updated", "annotation"),
    "ANNOTATIONS_DELETED": Action("Annotation deleted", "annotations", many=True),
    "LABEL_LINK_CREATED": Action("Label link created", "label_link"),
    "LABEL_LINK_UPDATED": Action("Label link updated", "label_link"),
    "LABEL_LINK_DELETED": Action("Label link deleted", "label_link"),
}

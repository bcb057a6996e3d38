"""Name the pages of a project, so that each leads to the others that somebody may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flask

from ..datasets import permissions
from ..datasets.people import User
from ..datasets.projects import Project


def _(message: str) -> str:
    return message


@dataclass(frozen=True)
class Section:
    """One page of a project, by the route that shows it."""

    endpoint: str
    words: str


# In the order of the work.
SECTIONS = (
    Section("projects.show", _("Overview")),
    Section("tasks.index", _("Tasks")),
    Section("guidelines.show", _("Guideline")),
    Section("access.index", _("People and assignment")),
    Section("exams.show", _("Examination")),
    Section("models.index", _("Models")),
    Section("review_stages.show", _("Stages of review")),
    Section("quality.show", _("Quality")),
    Section("curation.show", _("Decide disagreements")),
    Section("gold.show", _("Gold tasks")),
    Section("findings.show", _("Personal information")),
    Section("suspicions.show", _("Probably wrong labels")),
    Section("integrity.show", _("What stands out")),
    Section("flags.index", _("Flags")),
    Section("config_changes.index", _("Change labels")),
)


def of_project(user: User | None, project: Project) -> list[Section]:
    """List the pages of a project that somebody may see, by the right that each route names."""
    views: dict[str, Any] = flask.current_app.view_functions
    return [
        section
        for section in SECTIONS
        if user is not None
        and section.endpoint in views
        and permissions.would(user, views[section.endpoint].jinbiao_action, project)
    ]

"""Say what a dataset is in the national terms: before it is published, and afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, permissions
from ..db import now
from ..errors import Invalid, Problem, _
from ..people import Organisation, User
from ..projects import Project
from .entry import Dataset, facts_of, put_facts
from .facts import DataLevel, Facts, Openness, check, checked_facts, complete_facts
from .levels import is_lowered, lost, too_low
from .releases import Release


def facts_for(session: Session, project: Project, name: str, given: Mapping[str, Any]) -> Facts:
    """Return the facts with which a project would be published as `name`.

    What is not given is what the dataset of that name says; of a new one, the provider is the
    project's organisation.

    Raises:
        errors.Invalid: with all reasons against publishing at once.
    """
    there = _named(session, project, name)
    # A row without a release was never shown to anybody: it has said nothing yet.
    known = facts_of(there) if there is not None and there.data_level else None
    return complete_facts(given, known, session.get_one(Organisation, project.organisation_id))


def level_faults(
    session: Session, project: Project, name: str, given: Mapping[str, Any], version_id: int
) -> list[Problem]:
    """Say where the level that a version would be published with is lower than its sources' is.

    The earlier releases of the dataset count too: they would be of that level with it.
    """
    there = _named(session, project, name)
    known = None if there is None else there.data_level
    stated = (given["data_level"] or None) if "data_level" in given else known
    if stated not in tuple(DataLevel):
        return []  # `facts_for` says that it is missing or cannot be used
    earlier = [] if there is None else _released(session, there)
    looked = [version_id, *(earlier if is_lowered(known, stated) else [])]
    found = too_low(session, stated, [version_id, *earlier])
    return found or lost(session, stated, project.organisation_id, looked)


def describe(session: Session, actor: User, dataset: Dataset, given: Mapping[str, Any]) -> Dataset:
    """Change the facts of a dataset; closing it takes effect at once.

    What is missing keeps nobody from closing a dataset, only from leaving it open.

    The level is held against the sources' unless the dataset is closed as it is.

    Raises:
        errors.NotFound, errors.Forbidden: the actor does not publish for its owner.
        errors.Invalid: with all that is wrong with the new facts.
    """
    permissions.require(actor, "dataset.publish", session.get_one(Project, dataset.project_id))
    session.refresh(dataset, with_for_update={"key_share": True, "of": Dataset})
    facts = checked_facts(given, facts_of(dataset))
    check(facts, whole=facts.openness != Openness.CLOSED)
    _check_level(session, dataset, facts)
    openness = dataset.openness
    level = dataset.data_level
    changed = put_facts(dataset, facts)
    if changed:
        dataset.modified_at = now()
        audit.record(
            session,
            actor,
            "dataset.describe",
            f"dataset/{dataset.full_name}",
            changed=changed,
            openness=[openness, dataset.openness],
            level=[level, dataset.data_level],
        )
    session.flush()
    return dataset


def _check_level(session: Session, dataset: Dataset, facts: Facts) -> None:
    is_lower = is_lowered(dataset.data_level, facts.data_level)
    if facts.openness == Openness.CLOSED and not is_lower:
        return
    versions = _released(session, dataset)
    problems = too_low(session, facts.data_level, versions)
    if is_lower and not problems:
        problems = lost(session, facts.data_level, dataset.organisation_id, versions)
    if problems:
        raise Invalid(_("the facts of the dataset do not suffice to publish it"), problems=problems)


def _named(session: Session, project: Project, name: str) -> Dataset | None:
    query = sa.select(Dataset).where(
        Dataset.organisation_id == project.organisation_id, Dataset.name == name
    )
    return session.scalar(query)


def _released(session: Session, dataset: Dataset) -> list[int]:
    """Return the versions that a dataset has releases of."""
    return list(
        session.scalars(sa.select(Release.version_id).where(Release.dataset_id == dataset.id))
    )

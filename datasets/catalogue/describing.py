"""Say what a dataset is in the national terms: before it is published, and afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, permissions
from ..db import now
from ..people import Organisation, User
from ..projects import Project
from .entry import Dataset, facts_of, put_facts
from .facts import Facts, Openness, check, checked_facts, complete_facts


def facts_for(session: Session, project: Project, name: str, given: Mapping[str, Any]) -> Facts:
    """Return the facts with which a project would be published as `name`.

    What is not given is what the dataset of that name says; of a new one, the provider is the
    project's organisation.

    Raises:
        errors.Invalid: with all reasons against publishing at once.
    """
    there = session.scalar(
        sa.select(Dataset).where(
            Dataset.organisation_id == project.organisation_id, Dataset.name == name
        )
    )
    # A row without a release was never shown to anybody: it has said nothing yet.
    known = facts_of(there) if there is not None and there.data_level else None
    return complete_facts(given, known, session.get_one(Organisation, project.organisation_id))


def describe(session: Session, actor: User, dataset: Dataset, given: Mapping[str, Any]) -> Dataset:
    """Change the facts of a dataset; closing it takes effect at once.

    What is missing keeps nobody from closing a dataset, only from leaving it open.

    Raises:
        errors.NotFound, errors.Forbidden: the actor does not publish for its owner.
        errors.Invalid: with all that is wrong with the new facts.
    """
    permissions.require(actor, "dataset.publish", session.get_one(Project, dataset.project_id))
    session.refresh(dataset, with_for_update={"key_share": True, "of": Dataset})
    facts = checked_facts(given, facts_of(dataset))
    check(facts, whole=facts.openness != Openness.CLOSED)
    openness = dataset.openness
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
        )
    session.flush()
    return dataset

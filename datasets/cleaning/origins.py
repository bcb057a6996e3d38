"""Tell what raw material tasks were made of, and which run of which recipe cleaned it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..libraries import Asset, Library, TaskOrigin
from .rows import Cleaning, Recipe, RecipeVersion


@dataclass(frozen=True)
class Origin:
    """The asset of a task as it came, and what cleaned it; `uid` is None where nothing did.

    `owner_id` is the organisation whose asset it is.
    """

    asset_digest: str
    owner_id: int
    uid: str | None
    recipe: str = ""
    version: int = 0
    recipe_digest: str = ""


def origins(session: Session, task_ids: Sequence[int]) -> dict[int, Origin]:
    """Return task id → origin, of those tasks that were made of assets."""
    if not task_ids:
        return {}
    query = (
        sa.select(
            TaskOrigin.task_id,
            Asset.digest,
            Library.organisation_id,
            Cleaning.uid,
            Recipe.name,
            RecipeVersion.number,
            RecipeVersion.digest,
        )
        .join(Asset, Asset.id == TaskOrigin.asset_id)
        .join(Library, Library.id == Asset.library_id)
        .outerjoin(Cleaning, Cleaning.id == TaskOrigin.cleaning_id)
        .outerjoin(RecipeVersion, RecipeVersion.id == Cleaning.recipe_version_id)
        .outerjoin(Recipe, Recipe.id == RecipeVersion.recipe_id)
        .where(TaskOrigin.task_id.in_(task_ids))
    )
    return {
        task: Origin(asset, owner, uid, name or "", number or 0, digest or "")
        for task, asset, owner, uid, name, number, digest in session.execute(query)
    }

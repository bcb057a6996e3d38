"""Make raw material in few lines: a library of texts, a recipe, a cleaning of one by the other."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from jinbiao.datasets import collection, libraries, people
from jinbiao.datasets.libraries import AssetDraft, PreparedAsset
from jinbiao.datasets.sources import BytesMedia
from jinbiao.tests.server.world import World

STEPS: list[dict[str, Any]] = [
    {"operator": "text.strip_html"},
    {"operator": "text.normalise_width"},
    {"operator": "text.filter_length", "options": {"least": 4}},
    {"operator": "text.exact_duplicates"},
]


def library(
    world: World,
    texts: Sequence[str] = (),
    pictures: Sequence[bytes] = (),
    who: str = "requester",
    title: str = "原料",
) -> int:
    """Make a library of these texts and pictures; return its number."""
    installation = world.installation
    limits = collection.media_limits(installation.settings)
    with installation.database.write() as session:
        actor = people.get_user(session, who)
        made = libraries.create(session, actor, title=title)
        drafts = [
            AssetDraft(number, f"line {number}", "text", f"文{number}", text=text)
            for number, text in enumerate(texts, 1)
        ]
        drafts += [
            AssetDraft(
                len(texts) + number,
                f"{number}.png",
                "image",
                f"{number}.png",
                opener=BytesMedia(f"{number}.png", content),
            )
            for number, content in enumerate(pictures, 1)
        ]
        known: dict[str, Any] = {}
        prepared = [libraries.prepare(installation.store, each, limits, known) for each in drafts]
        good = [each for each in prepared if isinstance(each, PreparedAsset)]
        assert len(good) == len(drafts), prepared
        libraries.write(session, actor, made, str(uuid.uuid4()), good)
        return made.id


def recipe(
    world: World,
    steps: Sequence[dict[str, Any]] = STEPS,
    who: str = "requester",
    name: str = "通用清洗",
) -> dict[str, Any]:
    """Make a recipe through the API; return what it answers."""
    sent = {"name": name, "steps": list(steps)}
    told: dict[str, Any] = world.good(world.post(who, "/api/recipes/", sent), 201)
    return told


def started(
    world: World, library_id: int, recipe_id: int, who: str = "requester"
) -> dict[str, Any]:
    """Ask for a cleaning that nobody runs yet; return what the answer says."""
    path = f"/api/libraries/{library_id}/cleanings/"
    told: dict[str, Any] = world.good(world.post(who, path, {"recipe": recipe_id}), 202)
    return told


def cleaned(world: World, library_id: int, recipe_id: int) -> dict[str, Any]:
    """Clean a library by a recipe to the end; return the cleaning."""
    begun = started(world, library_id, recipe_id)
    job = world.finished(begun["job"])
    assert job["state"] == "done", job
    path = f"/api/cleanings/{begun['id']}/"
    told: dict[str, Any] = world.good(world.get("requester", path))
    return told

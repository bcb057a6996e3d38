"""Suggestions leave room for everybody else, and a project's own backend goes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jinbiao.server import suggestions
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.world import World
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.tests.workers.test_suggest import CLICKS, Asked, point


@contextmanager
def all_at_work() -> Iterator[None]:
    """Hold every place of this process, as others who wait for an outline do."""
    held = 0
    while suggestions.OUR_OWN.acquire(blocking=False):
        held += 1
    try:
        yield
    finally:
        suggestions.OUR_OWN.release(held)


def test_too_many_at_once_are_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "PATIENCE", 0.05)
    asked = Asked(world, CLICKS)
    with all_at_work():
        answer = asked.suggest(point(100, 80))
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        # Whoever asks for something else does not wait.
        assert world.get("annotator", f"/api/projects/{asked.project}/").status_code == 200
    assert world.good(asked.suggest(point(100, 80)))["data"]["result"]
    told = world.good(world.get("annotator", f"/api/projects/{asked.project}/suggest/statistics"))
    assert told["number"] == 1


def test_a_project_that_nobody_was_helped_in_has_no_times(world: World) -> None:
    project = world.project()
    told = world.good(world.get("requester", f"/api/projects/{project}/suggest/statistics"))
    assert told == {
        "number": 0,
        "median_milliseconds": None,
        "p95_milliseconds": None,
        "newest_at": None,
    }


def test_an_interactive_backend_of_the_project_is_asked_instead(
    populated: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    place = connected(populated, tmp_path / "home")
    asked = Asked(place, CLICKS)
    box = {
        "from_name": "frame",
        "to_name": "image",
        "type": "rectanglelabels",
        "value": {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["rust"]},
    }
    with ModelBackend(result=lambda _task: [box]) as model:
        sent = {"project": asked.project, "url": model.url, "is_interactive": True}
        backend = place.good(place.post("requester", "/api/ml/", sent), 201)
        drawn = point(100, 80)
        (region,) = asked.result(drawn)
        assert region["value"]["rectanglelabels"] == ["rust"]
        question = next(each for each in model.heard if each.path == "/predict")
        assert question.body["params"]["context"] == {"result": [drawn]}
        # One that fails is told of as Label Studio does, and the editor goes on.
        model.instead["/predict"] = (500, {})
        assert "500" in place.good(asked.suggest(drawn))["errors"][0]
        place.patch("requester", f"/api/ml/{backend['id']}", {"is_interactive": False})
    assert asked.result(point(100, 80))[0]["type"] == "brushlabels"
    place.installation.close()

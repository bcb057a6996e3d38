"""Pre-label drawn boards: untrained without classes, trained with, never twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinbiao.datasets import boards, jobs, labels
from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.models import TrainedModel
from jinbiao.tests.server.world import BOXES, World, zipped
from jinbiao.workers import run
from jinbiao.workers.prelabel import predicting

CONFIG = labels.TEMPLATES["board_pair"].config
PAIRS = 6


def without_draw(world: World, project: int) -> None:
    """Let every task of a project get its pre-label."""
    wanted = {"prelabel_control_percent": 0}
    world.good(world.patch("requester", f"/api/projects/{project}/", wanted))


def imported(world: World, labelled: int) -> int:
    """Make a project of drawn boards; the first ones come with their true boxes."""
    control = labels.parse(CONFIG).controls[0]
    files: dict[str, bytes] = {}
    lines = []
    for number in range(PAIRS):
        pair = boards.draw_pair(5, number)
        files[f"{number}.jpg"], files[f"{number}_t.jpg"] = pair.image, pair.template
        task: dict[str, Any] = {"data": {"image": f"{number}.jpg", "template": f"{number}_t.jpg"}}
        if number < labelled:
            regions = [
                labels.make_box_region(
                    control, "image", label, x, y, w, h, 640, 640, region_id=f"r{place}"
                )
                for place, (label, x, y, w, h) in enumerate(pair.boxes)
            ]
            task["annotations"] = [{"result": regions}]
        lines.append(json.dumps(task))
    project = world.project(config=CONFIG)
    without_draw(world, project)
    content = zipped({"tasks.jsonl": "\n".join(lines).encode(), **files})
    (job,) = world.upload(project, ("boards.zip", content))
    assert job["result"]["tasks"] == PAIRS, job
    return project


def prelabelled(world: World, project: int) -> dict[str, Any]:
    """Pre-label a project; return the job's result."""
    asked = {"model": "golden_difference"}
    return world.done(world.post("requester", f"/api/projects/{project}/prelabel", asked))


def check_predictions(world: World, project: int, waiting: int) -> list[dict[str, Any]]:
    """Look at each prediction as the editor's config does; return all regions."""
    config = labels.parse(CONFIG)
    regions = []
    for task, state in zip(world.tasks(project), world.states(project), strict=True):
        assert len(task["predictions"]) == (state == "waiting")
        for row in task["predictions"]:
            unlabelled = [r for r in row["result"] if r["value"].get("rectanglelabels")]
            assert labels.check_result(config, unlabelled, data=task["data"]) == []
            regions += row["result"]
            waiting -= 1
    assert waiting == 0
    return regions


def test_trained_on_peoples_boxes_it_names_classes(world: World) -> None:
    project = imported(world, 4)
    result = prelabelled(world, project)
    assert (result["examples"], result["predicted"], result["failed"]) == (4, PAIRS - 4, 0)
    assert result["weights"] and world.installation.store.size(result["weights"])
    regions = check_predictions(world, project, PAIRS - 4)
    assert regions
    for region in regions:
        assert region["value"]["rectanglelabels"][0] in labels.parse(CONFIG).controls[0].label_set
        assert 0 <= region["score"] <= 1
    again = prelabelled(world, project)
    assert (again["predicted"], again["weights"]) == (0, result["weights"])


def test_untrained_it_gives_boxes_without_a_class(world: World) -> None:
    project = imported(world, 0)
    result = prelabelled(world, project)
    assert (result["examples"], result["weights"]) == (0, "")
    assert "untrained" in result["model_version"]
    regions = check_predictions(world, project, PAIRS)
    assert regions
    assert all(not region["value"].get("rectanglelabels") for region in regions)


def test_killed_it_goes_on_with_the_same_weights(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for SIGKILL."""

    monkeypatch.setitem(predicting.BATCH, "picture", 1)
    project = imported(world, 3)
    path = f"/api/projects/{project}/prelabel"
    job = world.good(world.post("requester", path, {"model": "golden_difference"}), 202)["id"]
    original, calls = predicting.Run._row, [0]

    def dies(*given: Any) -> dict[str, Any]:
        calls[0] += 1
        if calls[0] in (2, 3):
            raise Killed
        return original(*given)

    monkeypatch.setattr(predicting.Run, "_row", dies)
    for _ in range(2):
        with pytest.raises(Killed):
            run.perform(world.installation, job)
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
    assert run.perform(world.installation, job) == JobState.DONE
    found = world.good(world.get("requester", f"/api/jobs/{job}/"))
    assert (found["result"]["predicted"], found["done"], found["total"]) == (3, 3, 3)
    check_predictions(world, project, 3)
    with world.installation.database.read() as session:
        assert session.query(TrainedModel).count() == 1


def test_a_config_without_what_the_model_needs_is_refused(world: World) -> None:
    project = world.project(config=BOXES)
    answer = world.post("requester", f"/api/projects/{project}/prelabel", {})
    job = world.finished(world.good(answer, 202)["id"])
    assert (job["state"], "template" in job["error"]) == ("failed", True)

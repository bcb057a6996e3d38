"""What somebody points at becomes a mask in the project's own form; pictures are decoded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import errors, labels, tasks
from jinbiao.datasets.labels import LabelConfig
from jinbiao.tests.server.world import World, zipped
from jinbiao.workers import suggest
from jinbiao.workers.models.interface import Picture
from jinbiao.workers.suggest import Pictures, read_context

CLICKS = labels.TEMPLATES["defect_clicks"].config
POLYGONS = """<View><Image name="image" value="$image"/>
<KeyPointLabels name="click" toName="image" smart="true"><Label value="a"/><Label value="b"/>
</KeyPointLabels><PolygonLabels name="outline" toName="image"><Label value="a"/></PolygonLabels>
</View>"""
WIDTH, HEIGHT = 300, 200
SPOT = (100, 80, 40, 25)  # middle and half axes


def spotted() -> bytes:
    """Draw a dark spot on grey."""
    chance = np.random.default_rng(2)
    picture = np.full((HEIGHT, WIDTH), 180.0)
    cv2.ellipse(picture, SPOT[:2], SPOT[2:], 0, 0, 360, 60.0, -1)
    picture += chance.normal(0, 4, picture.shape)
    done, content = cv2.imencode(".png", np.clip(picture, 0, 255).astype(np.uint8))
    assert done
    return content.tobytes()


def point(x: float, y: float, label: str = "rust", **more: Any) -> dict[str, Any]:
    """Return a smart point as the editor writes it, at a pixel."""
    value = {"x": x / WIDTH * 100, "y": y / HEIGHT * 100, "width": 0.3, "keypointlabels": [label]}
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    names = {"from_name": "click", "to_name": "image", "type": "keypointlabels"}
    return {"id": "p", "value": value, "origin": "manual", **size, **names, **more}


def frame(x: float, y: float, wide: float, high: float) -> dict[str, Any]:
    value = {
        "x": x / WIDTH * 100,
        "y": y / HEIGHT * 100,
        "width": wide / WIDTH * 100,
        "height": high / HEIGHT * 100,
        "rotation": 0,
        "rectanglelabels": ["dent"],
    }
    names = {"from_name": "frame", "to_name": "image", "type": "rectanglelabels"}
    return {**point(0, 0), **names, "value": value}


class Asked:
    """A project with the picture, and what is suggested for it."""

    def __init__(self, world: World, config: str) -> None:
        self.world = world
        self.project = world.project(config=config)
        world.upload(self.project, ("spot.zip", zipped({"spot.png": spotted()})))
        (row,) = world.tasks(self.project)
        self.task = int(row["id"])

    def suggest(self, *drawn: dict[str, Any], who: str = "annotator") -> Any:
        asked = {"task": self.task, "context": {"result": list(drawn)}}
        return self.world.post(who, f"/api/projects/{self.project}/suggest", asked)

    def result(self, *drawn: dict[str, Any]) -> list[dict[str, Any]]:
        told = self.world.good(self.suggest(*drawn))
        result: list[dict[str, Any]] = told["data"]["result"]
        return result


def covered(region: dict[str, Any]) -> np.ndarray[Any, Any]:
    return labels.unpacked_mask(bytes(region["value"]["rle"]), WIDTH, HEIGHT) > 0


def overlap(pixels: np.ndarray[Any, Any]) -> float:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, SPOT[:2], SPOT[2:], 0, 0, 360, 1, -1)
    return float((pixels & (drawn > 0)).sum() / (pixels | (drawn > 0)).sum())


def test_a_click_becomes_a_brush_region_of_the_label_that_was_chosen(world: World) -> None:
    asked = Asked(world, CLICKS)
    (region,) = asked.result(point(100, 80))
    assert (region["from_name"], region["to_name"], region["type"]) == (
        "label",
        "image",
        "brushlabels",
    )
    assert region["value"]["brushlabels"] == ["rust"]
    assert overlap(covered(region)) > 0.9
    assert labels.check_result(labels.parse(CLICKS), [region], data={"image": "x"}) == []
    # Nothing was kept but how long it took.
    told = world.good(world.get("requester", f"/api/projects/{asked.project}/suggest/statistics"))
    assert told["number"] == 1 and 0 < told["median_milliseconds"] == told["p95_milliseconds"]
    assert world.tasks(asked.project)[0]["predictions"] == []


def test_what_is_left_out_is_not_covered(world: World) -> None:
    asked = Asked(world, CLICKS)
    (whole,) = asked.result(point(100, 80))
    (less,) = asked.result(point(100, 80), point(65, 80, is_positive=False))
    assert covered(whole)[80, 65] and not covered(less)[80, 65]
    assert covered(less)[80, 100]


def test_a_box_becomes_a_mask_too_and_each_box_its_own(world: World) -> None:
    asked = Asked(world, CLICKS.replace('alias="rust"', 'alias="dent"'))
    first, second = asked.result(frame(55, 50, 90, 60), frame(220, 120, 40, 40))
    assert overlap(covered(first)) > 0.9
    assert first["id"] != second["id"]


def test_without_a_brush_a_polygon_takes_the_outline(world: World) -> None:
    asked = Asked(world, POLYGONS)
    (region,) = asked.result(point(100, 80, "a"))
    assert (region["type"], region["value"]["polygonlabels"]) == ("polygonlabels", ["a"])
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    points = np.array(region["value"]["points"]) * (WIDTH / 100, HEIGHT / 100)
    cv2.fillPoly(pixels, [points.astype(np.int32)], (1,))
    assert overlap(pixels > 0) > 0.9


def test_a_label_that_no_mask_takes_is_told_of(world: World) -> None:
    asked = Asked(world, POLYGONS)
    told = world.good(asked.suggest(point(100, 80, "b")))
    assert "“b”" in told["errors"][0]


@pytest.mark.parametrize(
    ("drawn", "place"),
    [
        ([], "context"),
        ([{"type": "choices", "value": {}}], "context"),
        ([point(10, 10, to_name="other")], "context"),
        ([{**point(1, 1), "value": {"x": "a", "y": 1}}], "context.result.value.x"),
        ([{**point(1, 1), "value": None}], "context.result.value.x"),
        ([point(1, 1)] * 51, "context"),
    ],
)
def test_what_says_nothing_is_refused(
    shared_world: World, drawn: list[dict[str, Any]], place: str
) -> None:
    told = shared_world.good(Asked(shared_world, CLICKS).suggest(*drawn), 400)
    assert list(told["validation_errors"]) == [place]


def test_only_what_is_left_out_says_nothing_yet(world: World) -> None:
    assert Asked(world, CLICKS).result(point(1, 1, is_positive=False)) == []


def test_a_task_of_another_project_is_not_there(world: World) -> None:
    asked, other = Asked(world, CLICKS), Asked(world, CLICKS)
    asked.task = other.task
    assert asked.suggest(point(1, 1)).status_code == 404
    assert other.suggest(point(1, 1), who="other_annotator").status_code == 404


numbers = st.floats(-1e6, 1e6) | st.none() | st.text(max_size=3)


@given(
    st.recursive(
        st.none() | st.booleans() | numbers,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["result", "value", "x", "y", "to_name", "type", "width"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_context_is_read_or_refused(context: Any) -> None:
    config: LabelConfig = labels.parse(CLICKS)
    try:
        read_context(config, context)
    except errors.Invalid:
        pass


def test_pictures_are_kept_up_to_a_size_and_decoded_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Pictures(most_bytes=1000)
    small: Picture = np.zeros((10, 40), np.uint8)
    for name in ("a", "b"):
        kept.keep(name, small)
    assert kept.get("a") is small
    kept.keep("c", small)  # "b" was used the longest ago
    assert kept.get("b") is None and kept.get("a") is small and kept.bytes == 800
    kept.keep("large", np.zeros((40, 40), np.uint8))
    assert kept.get("large") is None and kept.get("c") is small

    own = Pictures()
    monkeypatch.setattr(suggest, "pictures", own)
    asked = Asked(world, CLICKS)
    asked.result(point(100, 80))
    # The object itself goes: the second answer comes from what was kept.
    with world.installation.database.read() as session:
        task = session.get_one(tasks.Task, asked.task)
        (media,) = tasks.media_of(session, [task]).values()
    world.installation.store.delete(media.display_digest or media.digest)
    assert overlap(covered(asked.result(point(100, 80))[0])) > 0.9
    assert 0 < own.bytes <= own.most_bytes


def test_real_pits_are_outlined_quickly_enough_to_wait_for(samples: Path, world: World) -> None:
    """A real picture, as the annotators of a factory would click it."""
    picture = next((samples / "images" / "bsdata" / "data").glob("*.jpg")).read_bytes()
    project = world.project(config=CLICKS)
    world.upload(project, ("pit.zip", zipped({"pit.jpg": picture})))
    (row,) = world.tasks(project)
    drawn = {**point(0, 0), "value": {"x": 50, "y": 50, "keypointlabels": ["pitting"]}}
    for _time in range(5):
        asked = {"task": row["id"], "context": {"result": [drawn]}}
        world.good(world.post("annotator", f"/api/projects/{project}/suggest", asked))
    told = world.good(world.get("requester", f"/api/projects/{project}/suggest/statistics"))
    assert told["number"] == 5 and told["median_milliseconds"] < 1000

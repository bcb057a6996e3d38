"""Export a version over HTTP and download it."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from jinbiao.exporters.formats import FORMATS
from jinbiao.tests.server.world import BOXES, World, box, picture, zipped


@pytest.fixture(scope="module")
def frozen(shared_world: World) -> int:
    """Freeze pictures with boxes, once."""
    world = shared_world
    project = world.project(config=BOXES)
    world.upload(project, ("a.zip", zipped({f"{n}.png": picture(n) for n in range(3)})))
    for task in world.tasks(project):
        sent = {"result": [box(number=1), box("crack", 2, x=50.0)]}
        row = world.good(
            world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201
        )
        path = f"/api/annotations/{row['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    return int(result["version"])


# CoNLL holds spans of text, and these are pictures.
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "conll"])
def test_the_zip_holds_the_listed_files(shared_world: World, frozen: int, name: str) -> None:
    world, path = shared_world, f"/api/versions/{frozen}/exports/"
    started = world.good(world.post("requester", path, {"format": name}), 202)
    job = world.finished(started["id"])
    assert job["state"] == "done", job
    assert (job["result"]["records"], job["result"]["regions"]) == (3, 6)
    export = job["result"]["export"]
    listed = world.good(world.get("requester", f"/api/exports/{export}/files"))
    sent = world.get("requester", f"/api/exports/{export}/download")
    assert sent.status_code == 200
    assert sent.content_length == len(sent.data)
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(file["path"] for file in listed)
        for file in listed:
            content = archive.read(file["path"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (
                file["size"],
                file["sha256"],
            )
    assert world.get("requester", f"/exports/{export}.zip").data == sent.data
    again = world.good(world.post("requester", path, {"format": name}), 202)
    assert world.finished(again["id"])["result"]["export"] == export


@pytest.mark.parametrize("value", ["word", "", 3, None, "x" * 1_000_000, ["coco"]])
def test_a_bad_format_is_named(shared_world: World, frozen: int, value: object) -> None:
    path = f"/api/versions/{frozen}/exports/"
    answer = shared_world.post("requester", path, {"format": value})
    assert answer.status_code in (400, 413)
    assert answer.json["validation_errors"].keys() == {"format"}


def test_a_head_request_sends_no_bytes(shared_world: World, frozen: int) -> None:
    path = f"/api/versions/{frozen}/exports/"
    result = shared_world.done(shared_world.post("requester", path, {"format": "jsonl"}))
    path = f"/api/exports/{result['export']}/download"
    head = shared_world.ask("HEAD", path, "requester")
    assert (head.status_code, head.data) == (200, b"")
    full = shared_world.get("requester", path)
    assert head.headers["Content-Length"] == full.headers["Content-Length"]

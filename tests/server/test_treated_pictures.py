"""A face comes in with a picture, is found, confirmed and covered, and is nowhere shown again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from jinbiao.datasets import tasks
from jinbiao.datasets.tasks import Media, Task
from jinbiao.tests.server.test_findings import decided, found, scanned, treated
from jinbiao.tests.server.test_material import assets, bring, library
from jinbiao.tests.server.test_media_cleaning import cleaned, stored
from jinbiao.tests.server.world import BOXES, World
from jinbiao.workers import picture_findings


@pytest.fixture(scope="module")
def face(samples: Path) -> bytes:
    """Give a real face, with the place and the camera of the picture written beside it."""
    folder = samples / "hostile/images"
    content = (folder / "deid_gps_owner_exif_thumbnail_face.jpg").read_bytes()
    assert b"Exif" in content and faces(content) == 1
    return content


def faces(content: bytes) -> int:
    return len(picture_findings.look(content, ["face"]))


def sent(world: World, number: int, cleaning: int | None = None) -> int:
    """Send a library to a new project of pictures; return its number."""
    project = world.project(config=BOXES)
    asked: dict[str, Any] = {"project": project}
    if cleaning is not None:
        asked["cleaning"] = cleaning
    world.done(world.post("requester", f"/api/libraries/{number}/send", asked))
    return project


def digest_of(world: World, task: int) -> str:
    with world.installation.database.read() as session:
        found = tasks.media_digest(session.get_one(Task, task).data_values["image"])
    assert found
    return found


def test_a_face_is_covered_and_its_picture_shown_no_more(world: World, face: bytes) -> None:
    number = library(world, kind="image")
    bring(world, number, "人.jpg", face)
    project = sent(world, number)
    (task,) = world.tasks(project)
    before = digest_of(world, task["id"])
    seen = world.done(world.post("requester", f"/api/libraries/{number}/scans/", {}))
    assert (seen["found"], seen["unseen"]) == (1, 0)
    address = task["data"]["image"]
    given = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    assert given["id"] == task["id"]
    for who in ("requester", "annotator"):
        assert world.get(who, address).data == face
    told = scanned(world, project, pictures=True)
    assert (told["records"], told["unseen"]) == (1, 0)
    (row,) = found(world, project, kind="face")
    assert row["state"] == "open"
    assert decided(world, project, "confirmed", kind="face") == 1
    refused = treated(world, project, "mask", kind="face")
    assert refused["treated"] == 0 and "blur" in refused["refused"][0]["reason"]
    done = treated(world, project, "blur", kind="face")
    assert (done["treated"], done["refused"]) == (1, [])
    after = digest_of(world, task["id"])
    assert after != before
    content = world.installation.store.read(after)
    assert faces(content) == 0
    picture = Image.open(io.BytesIO(content))
    assert picture.size == Image.open(io.BytesIO(face)).size
    assert b"Exif" not in content and content.count(b"\xff\xd8\xff") == 1
    assert not picture.getexif() and "exif" not in picture.info
    (task,) = world.tasks(project)
    for who in ("requester", "annotator"):
        assert world.get(who, task["data"]["image"]).data == content
        assert world.get(who, address).status_code == 404
    # Nothing is left to find, and the library has the original.
    assert scanned(world, project, pictures=True)["found"] == 0
    assert [each["state"] for each in found(world, project)] == ["treated"]
    (asset,) = assets(world, number)
    assert asset["digest"] == before
    # Who brings it into the project again sees it again; then it is to be looked at again.
    world.upload_now(project, ("人.jpg", face))
    assert world.get("requester", address).data == face
    with world.installation.database.read() as session:
        assert session.get(Media, before) is not None


def test_a_cleaning_covers_faces_and_projects_get_what_it_made(world: World, face: bytes) -> None:
    number = library(world, kind="image")
    bring(world, number, "人.jpg", face)
    step = {
        "operator": "image.personal_information",
        "options": {"kinds": ["face"], "action": "blur"},
    }
    (record,) = cleaned(world, number, step).values()
    content = stored(world, record)
    assert record.state == "changed" and record.fact_values["personal_information"] == {"face": 1}
    assert faces(content) == 0 and b"Exif" not in content
    (asset,) = assets(world, number)
    assert world.installation.store.read(asset["digest"]) == face
    project = sent(world, number, record.cleaning_id)
    (task,) = world.tasks(project)
    assert digest_of(world, task["id"]) == record.digest
    assert world.get("requester", task["data"]["image"]).data == content
    with world.installation.database.read() as session:
        medium = session.get_one(Media, record.digest)
        assert (medium.width, medium.height) == Image.open(io.BytesIO(content)).size


@pytest.mark.parametrize(("name", "form"), [("号.tif", "TIFF"), ("号.gif", "GIF")])
def test_a_number_in_a_picture_is_covered_in_what_is_shown(
    world: World, name: str, form: str
) -> None:
    """A drawn one, so that this is looked at wherever the samples are not."""
    sheet = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(sheet).text((40, 70), "Tel 13800138000", "black", ImageFont.load_default(36))
    out = io.BytesIO()
    sheet.save(out, form)
    number = library(world, kind="mixed")
    bring(world, number, name, out.getvalue())
    project = sent(world, number)
    assert scanned(world, project, pictures=True)["found"] == 1
    (row,) = found(world, project)
    assert (row["kind"], row["masked"]) == ("mobile", "138****8000")
    assert treated(world, project, "blur", ids=[row["id"]])["treated"] == 1
    (task,) = world.tasks(project)
    shown = world.get("annotator", task["data"]["image"])
    assert shown.status_code == 200 and shown.content_type.startswith("image/")
    assert Image.open(io.BytesIO(shown.data)).size == (900, 200)
    assert not picture_findings.look(shown.data)

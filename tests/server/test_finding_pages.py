"""What the pages of findings offer: only what can be done, with the picture to decide by."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from PIL import Image

from jinbiao.datasets import findings, libraries, people
from jinbiao.datasets import projects as projects_
from jinbiao.datasets.findings import Finding, Owned, Seen
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.test_findings import (
    MOBILE,
    brought,
    decided,
    found,
    frozen,
    scanned,
    treated,
)
from jinbiao.tests.server.world import BOXES, FACTS, World

RED = (200, 30, 30)
REGION = {"x": 300, "y": 100, "width": 40, "height": 40}


def photograph() -> bytes:
    """Draw a green picture of 400 by 200 pixels with a red square."""
    drawn = Image.new("RGB", (400, 200), (20, 160, 60))
    drawn.paste(RED, (300, 100, 340, 140))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()


def marked(world: World, owned: Owned, record: int, place: str) -> int:
    """Write down that a face was found where the red square is; return the finding."""
    seen = Seen(place, "face", "", 0.9, "picture-1", region=json.dumps(REGION))
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        begun = findings.begin(session, actor, owned, str(uuid.uuid4()), "text-1")
        findings.keep(session, begun, {record: [seen]})
        session.flush()
        row = session.scalars(sa.select(Finding).order_by(Finding.id.desc()).limit(1)).one()
        return row.id


def of_project(world: World) -> tuple[str, int]:
    """Bring the picture into a project, with its finding; return the page's address and it."""
    project = world.project(config=BOXES)
    world.upload(project, ("foto.png", photograph()))
    (task,) = world.tasks(project)
    with world.installation.database.read() as session:
        actor = people.get_user(session, "requester")
        row = projects_.get(session, actor, project, "finding.read")
    (place,) = task["data"]
    return f"/projects/{project}/findings", marked(world, row, task["id"], place)


def of_library(world: World) -> tuple[str, int]:
    """Do the same with a library."""
    number = cleaned.library(world, pictures=[photograph()])
    (asset,) = world.good(world.get("requester", f"/api/libraries/{number}/assets/"))["results"]
    with world.installation.database.read() as session:
        actor = people.get_user(session, "requester")
        row = libraries.get(session, actor, number, "finding.read")
    return f"/libraries/{number}/findings", marked(world, row, asset["id"], "")


@pytest.mark.parametrize("brought_in", [of_project, of_library])
def test_a_finding_in_a_picture_is_shown_where_it_is_and_from_close_by(
    world: World, brought_in: Callable[[World], tuple[str, int]]
) -> None:
    address, number = brought_in(world)
    page = world.get("requester", address).text
    near = f"/findings/{number}/picture"
    assert near in page and "/thumbnails/" in page
    assert '"x": 75.0' in page and '"width": 10.0' in page
    answer = world.get("requester", near)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    part = Image.open(io.BytesIO(answer.data)).convert("RGB")
    assert part.size == (80, 80), "half as much again on each side"
    middle, corner = part.getpixel((40, 40)), part.getpixel((3, 3))
    assert isinstance(middle, tuple) and isinstance(corner, tuple)
    assert middle[0] > 150 and corner[0] < 80
    assert world.get("other_requester", near).status_code == 404
    for who in ("annotator", "vendor", "auditor"):
        assert world.get(who, near).status_code == 403
    assert world.get(None, near).status_code in (302, 401)


def test_a_finding_in_a_text_has_no_picture(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    number = found(world, project)[0]["id"]
    assert world.get("requester", f"/findings/{number}/picture").status_code == 404


def test_the_value_of_what_was_treated_is_not_offered(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    page = f"/projects/{project}/findings"
    assert "/reveal" in world.get("requester", page).text
    assert treated(world, project, "mask", kind="mobile")["treated"] == 3
    after = world.get("requester", f"{page}?state=treated").text
    assert "138****8000" in after and "/reveal" not in after


def test_what_is_confirmed_in_a_library_leads_to_cleaning(world: World) -> None:
    number = cleaned.library(world, [f"手机{MOBILE}"])
    world.done(world.post("requester", f"/api/libraries/{number}/scans/", {}))
    path = f"/api/libraries/{number}/findings/decide"
    asked = {"decision": "confirmed", "kind": "mobile"}
    world.good(world.post("requester", path, asked))
    page = world.get("requester", f"/libraries/{number}/findings?state=confirmed").text
    assert 'href="/recipes"' in page.split('id="content"')[1]
    assert "All of these at once" not in page and "一并处理以上全部" not in page


def test_a_job_that_findings_stopped_says_so_in_words_with_a_way_there(world: World) -> None:
    project, version = frozen(world, [f"天津大学，{MOBILE}", "天津大学乙"])
    asked = {**FACTS, "name": "held"}
    path = f"/api/versions/{version}/publish"
    job = world.finished(world.good(world.post("requester", path, asked), 202)["id"])
    link = f'<a href="/projects/{project}/findings">'
    for address in (f"/jobs/{job['id']}", "/workers"):
        page = world.get("requester", address).text
        assert link in page and "personal_information:" not in page, address
        assert "个人信息: " in page, address
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    world.done(world.post("requester", path, asked))

"""Raw material is seen by its own organisation only, shown safely, and sent to projects once."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from jinbiao.datasets import libraries, people, projects, sending
from jinbiao.datasets.cleaning import CleanedRecord, Cleaning, Recipe, RecipeVersion, reading
from jinbiao.datasets.db import now
from jinbiao.datasets.libraries import Asset, PreparedAsset, TaskOrigin
from jinbiao.datasets.tasks import Task
from jinbiao.server.cleanings import traces
from jinbiao.tests.server.world import BOXES, TEXTS, World, multipart, picture, zipped

STRANGERS = ("other_requester", "other_vendor", "company", "builder")


def library(world: World, who: str = "requester", **values: Any) -> int:
    """Make a library and return its number."""
    asked = {"title": "来料", **values}
    return int(world.good(world.post(who, "/api/libraries/", asked), 201)["id"])


def bring(world: World, number: int, name: str, content: bytes, query: str = "") -> dict[str, Any]:
    """Bring a file and do its job; return the result."""
    data, content_type = multipart((name, content))
    path = f"/api/libraries/{number}/intake{query}"
    answer = world.ask("POST", path, "requester", data=data, content_type=content_type)
    (job,) = world.good(answer, 202)
    ended = world.finished(job["id"])
    assert ended["state"] == "done", ended
    result: dict[str, Any] = ended["result"]
    return result


def assets(world: World, number: int, query: str = "") -> list[dict[str, Any]]:
    """List a library's assets."""
    path = f"/api/libraries/{number}/assets/{query}"
    rows: list[dict[str, Any]] = world.good(world.get("requester", path))["results"]
    return rows


def test_a_library_is_made_changed_and_counted(world: World) -> None:
    number = library(world, text_key="正文", retention_days=30, level="general")
    bring(world, number, "a.csv", "正文,号\n一,1\n二,2\n,3\n".encode())
    found = world.good(world.get("requester", f"/api/libraries/{number}/"))
    assert (found["assets"], found["size"], found["kinds"]) == (2, 6, {"text": 2})
    path = f"/api/libraries/{number}/"
    changed = world.good(world.patch("requester", path, {"title": "新名", "level": None}))
    assert (changed["title"], changed["level"], changed["retention_days"]) == ("新名", None, 30)
    assert world.patch("requester", path, {"kind": "text"}).status_code == 400
    assert world.patch("manager", path, {"title": "x"}).status_code == 403


@pytest.mark.parametrize("who", STRANGERS)
def test_a_second_organisation_sees_nothing(world: World, who: str) -> None:
    number = library(world)
    bring(world, number, "a.zip", zipped({"a.png": picture(), "a.txt": "密".encode()}))
    (picture_id, text_id) = [row["id"] for row in assets(world, number)]
    paths = [
        f"/api/libraries/{number}/",
        f"/api/libraries/{number}/assets/",
        *(f"/api/assets/{each}/" for each in (picture_id, text_id)),
        *(f"/assets/{each}" for each in (picture_id, text_id)),
        *(f"/assets/{each}/file" for each in (picture_id, text_id)),
        f"/libraries/{number}",
        f"/libraries/{number}/assets",
        f"/libraries/{number}/bring",
    ]
    refused = {404} if who == "other_requester" else {403, 404}
    for path in paths:
        answer = world.get(who, path)
        assert answer.status_code in refused, path
        assert "来料" not in answer.text and "密" not in answer.text
    if who == "other_requester":
        assert world.good(world.get(who, "/api/libraries/")) == []
        sent = {"project": world.project(who)}
        assert world.post(who, f"/api/libraries/{number}/send", sent).status_code == 404


@pytest.mark.parametrize("who", ["annotator", "reviewer", "vendor", "system", "auditor"])
def test_who_has_no_right_to_material_sees_none(world: World, who: str) -> None:
    number = library(world)
    assert world.get(who, f"/api/libraries/{number}/").status_code == 403
    assert world.get(who, "/libraries").status_code == 403


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"<script>alert(1)</script>"),
        ("a.txt", b"<html><body onload=alert(1)>"),
        ("<img src=x onerror=alert(1)>.txt", b"x"),
        ("a.csv", b"text\n<script>alert(1)</script>\n"),
    ],
)
def test_what_came_is_never_active_content(world: World, name: str, content: bytes) -> None:
    number = library(world)
    bring(world, number, name, content)
    (row,) = assets(world, number)
    for path in (f"/libraries/{number}", f"/libraries/{number}/assets", f"/assets/{row['id']}"):
        page = world.get("requester", path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img src=x" not in page.text
    sent = world.get("requester", f"/assets/{row['id']}/file")
    assert sent.mimetype == "text/plain" and sent.headers["X-Content-Type-Options"] == "nosniff"
    assert sent.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.html", b"<script>alert(1)</script>"),
        ("a.png", picture()[:30]),
    ],
)
def test_what_is_no_material_is_left_out_with_its_reason(
    world: World, name: str, content: bytes
) -> None:
    number = library(world)
    result = bring(world, number, "a.zip", zipped({name: content, "b.txt": b"good"}))
    assert result["assets"] == 1
    assert result["rejected"] + sum(result["skipped"].values()) == 1


def test_a_file_that_a_browser_does_not_show_is_saved(world: World) -> None:
    number = library(world, kind="table")
    bring(world, number, "a.csv", b"a,b\n1,2\n")
    (row,) = assets(world, number)
    sent = world.get("requester", f"/assets/{row['id']}/file")
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert sent.data == b"a,b\n1,2\n"


def test_what_browsers_cannot_show_is_shown_as_a_copy_and_kept_as_it_came(world: World) -> None:
    out = io.BytesIO()
    Image.new("RGB", (9, 7), (1, 2, 3)).save(out, "TIFF")
    number = library(world)
    bring(world, number, "a.tif", out.getvalue())
    (row,) = assets(world, number)
    shown = world.get("requester", f"/assets/{row['id']}/file")
    assert shown.mimetype in ("image/png", "image/jpeg", "image/webp")
    kept = world.get("requester", f"/assets/{row['id']}/file?original=true")
    assert kept.data == out.getvalue()
    assert kept.headers["Content-Disposition"].startswith("attachment")


def test_filters_find_and_pages_go_on(world: World) -> None:
    number = library(world)
    files = {f"图/{n}.png": picture(n % 3) for n in range(5)}
    bring(world, number, "a.zip", zipped({**files, "说明.txt": "说明".encode()}))
    assert len(assets(world, number, "?kind=image")) == 5
    assert [row["name"] for row in assets(world, number, "?name=说")] == ["说明.txt"]
    assert len(assets(world, number, "?duplicates=true")) == 4
    assert len(assets(world, number, "?largest=10")) == 1
    path = f"/api/libraries/{number}/assets/?page_size=4"
    first = world.good(world.get("requester", path))
    second = world.good(world.get("requester", f"{path}&after={first['next']}"))
    assert len(first["results"]) == 4 and len(second["results"]) == 2 and second["next"] is None
    part = world.get(
        "requester", f"/libraries/{number}/assets?after=1", headers={"HX-Request": "true"}
    )
    assert "<html" not in part.text and "<a href" in part.text
    page = world.get("requester", f"/assets/{assets(world, number, '?duplicates=true')[0]['id']}")
    assert page.status_code == 200


def send(world: World, number: int, project: int, **values: Any) -> dict[str, Any]:
    """Send a library to a project and return the job's result."""
    asked = {"project": project, **values}
    return world.done(world.post("requester", f"/api/libraries/{number}/send", asked))


def test_assets_become_tasks_once_and_remember_what_they_were(world: World) -> None:
    number, project = library(world), world.project(config=TEXTS)
    bring(world, number, "a.jsonl", b'{"text":"a","id":7}\n{"text":"b"}\n')
    bring(world, number, "b.png", picture())
    assert send(world, number, project) | {"reject_file": ""} == {
        "tasks": 2,
        "rejected": 1,
        "there": 0,
        "reject_file": "",
    }
    bring(world, number, "c.txt", b"c")
    assert send(world, number, project)["tasks"] == 1
    assert sorted(task["data"]["text"] for task in world.tasks(project)) == ["a", "b", "c"]
    (row,) = assets(world, number, "?name=c.txt")
    told = world.good(world.get("requester", f"/api/assets/{row['id']}/"))
    assert len(told["tasks"]) == 1


def test_pictures_become_tasks_with_their_media(world: World) -> None:
    number, project = library(world, kind="image"), world.project(config=BOXES)
    bring(world, number, "a.zip", zipped({"甲/a.png": picture(1), "乙/a.png": picture(2)}))
    assert send(world, number, project)["tasks"] == 2
    with world.installation.database.read() as session:
        groups = session.scalars(sa.select(Task.group).where(Task.project_id == project)).all()
    assert sorted(groups) == ["乙", "甲"]
    address = world.tasks(project)[0]["data"]["image"]
    assert world.get("annotator", address).status_code == 200


def test_a_text_cannot_claim_a_stored_picture(world: World) -> None:
    number, project = library(world), world.project(config=BOXES)
    texts = library(world)
    bring(world, number, "a.png", picture())
    (row,) = assets(world, number)
    bring(world, texts, "a.txt", f"media:{row['digest']}".encode())
    onto_texts = world.project(config=TEXTS)
    assert send(world, texts, onto_texts)["rejected"] == 1
    assert send(world, number, project)["tasks"] == 1


def test_what_a_cleaning_kept_goes_with_its_changes(world: World) -> None:
    number, project = library(world), world.project(config=TEXTS)
    bring(world, number, "a.jsonl", b'{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n')
    ids = [row["id"] for row in assets(world, number)]
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        cleaning = cleaned(session, actor, number, ids)
    result = send(world, number, project, cleaning=cleaning)
    assert result["tasks"] == 3
    found = sorted(task["data"]["text"] for task in world.tasks(project))
    assert found == ["a", "b 1", "b 2"]
    assert send(world, number, project, cleaning=cleaning)["tasks"] == 0
    # As they came they are there already, but for the one that was left out.
    assert send(world, number, project)["tasks"] == 1
    with world.installation.database.read() as session:
        assert len(session.scalars(sa.select(TaskOrigin)).all()) == 4


def cleaned(session: Any, actor: people.User, library_id: int, ids: list[int]) -> int:
    """Write down an ended cleaning: the first kept, the second split in two, the third dropped."""
    recipe = Recipe(organisation_id=actor.organisation_id, name="洗", created_by=actor.id)
    session.add(recipe)
    session.flush()
    version = RecipeVersion(
        recipe_id=recipe.id, number=1, steps="[]", digest="0" * 64, created_by=actor.id
    )
    session.add(version)
    session.flush()
    row = Cleaning(
        uid="u",
        library_id=library_id,
        recipe_version_id=version.id,
        job_id="j",
        created_by=actor.id,
        ended_at=now(),
    )
    session.add(row)
    session.flush()
    states = [(0, 0, "kept", None), (1, 0, "changed", "b 1"), (1, 1, "changed", "b 2")]
    states.append((2, 0, "dropped", None))
    session.add_all(
        CleanedRecord(cleaning_id=row.id, asset_id=ids[n], part=part, state=state, text=text)
        for n, part, state, text in states
    )
    session.flush()
    return row.id


@pytest.mark.parametrize("who", ["requester", "admin"])
def test_material_stays_with_its_organisation(world: World, who: str) -> None:
    number, foreign = library(world), world.project("other_requester")
    answer = world.post(who, f"/api/libraries/{number}/send", {"project": foreign})
    assert answer.status_code == (404 if who == "requester" else 400)


def test_a_project_that_shows_nothing_of_it_is_named(world: World) -> None:
    number = library(world, kind="audio")
    sent = {"project": world.project(config=TEXTS)}
    assert world.post("requester", f"/api/libraries/{number}/send", sent).status_code == 400


def test_a_library_goes_with_its_rows_and_its_tasks_stay(world: World) -> None:
    number, project = library(world), world.project(config=TEXTS)
    bring(world, number, "a.jsonl", b'{"text":"a"}\n{"text":"b"}\n')
    send(world, number, project)
    path = f"/api/libraries/{number}/"
    assert world.ask("DELETE", path, "requester").status_code == 422
    assert world.done(world.ask("DELETE", f"{path}?confirmed=true", "requester"))["removed"] == 2
    assert world.get("requester", path).status_code == 404
    assert len(world.tasks(project)) == 2
    with world.installation.database.read() as session:
        assert session.scalars(sa.select(Asset)).all() == []
        assert session.scalars(sa.select(TaskOrigin)).all() == []


def test_a_large_library_is_sent_in_batches(postgres_world: World) -> None:
    world = postgres_world
    number, project = library(world), world.project(config=TEXTS)
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = libraries.get(session, actor, number, "library.change")
        batch = [
            PreparedAsset(n, "text", f"{n}", f"文 {n}", f"{n:064}", 6, None, "{}")
            for n in range(1, 1203)
        ]
        libraries.write(session, actor, row, "import", batch)
    assert send(world, number, project)["tasks"] == 1202
    assert send(world, number, project) == {
        "tasks": 0,
        "rejected": 0,
        "there": 1202,
        "reject_file": None,
    }
    path = f"/api/libraries/{number}/?confirmed=true"
    assert world.done(world.ask("DELETE", path, "requester"))["removed"] == 1202


def test_long_texts_are_never_held_together(either_world: World) -> None:
    """Texts of any number and length go on their way a few megabytes at a time."""
    world = either_world
    number, project = library(world), world.project(config=TEXTS)
    text, most = "x" * 900_000, libraries.HELD_BYTES
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = libraries.get(session, actor, number, "library.change")
        batch = [
            PreparedAsset(n, "text", f"{n}", f"{n} {text}", f"{n:064}", len(text) + 3, None, "{}")
            for n in range(10, 22)
        ]
        ids = libraries.write(session, actor, row, "import", batch)
        run_id = cleaned(session, actor, number, ids)
        session.add_all(
            CleanedRecord(cleaning_id=run_id, asset_id=each, state="changed", text=text)
            for each in ids[3:]
        )
        target = projects.get(session, actor, project, "task.import")
        for cleaning_id, wanted in ((None, 12), (run_id, 12)):
            seen, after, sizes = 0, 0, list[int]()
            while after is not None:
                found, count, after = sending.batch(session, row, target, cleaning_id, after, 500)
                seen += count
                sizes.append(
                    sum(len(e.asset.text or "") for e in found)
                    + sum(len(e.record.text or "") for e in found if e.record is not None)
                )
            assert seen == wanted and len(sizes) >= 3 and max(sizes) <= most
    with world.installation.database.read() as session:
        run = reading.get(session, actor, run_id)
    for form in traces.FORMATS:
        pages = list(traces.lines(world.installation.database, run, reading.Chosen(), form))
        # Before and after, of what no step changed the same; some bytes for the rest.
        assert len(pages) > 3 and max(map(len, pages)) < 2 * most + 100_000
        assert sum(map(len, pages)) > 20 * len(text)
    assert send(world, number, project)["tasks"] == 12


def test_pages_of_libraries_open(world: World) -> None:
    number = library(world)
    bring(world, number, "a.zip", zipped({"a.png": picture(), "a.txt": "天津".encode()}))
    for path in ("/libraries", f"/libraries/{number}", f"/libraries/{number}/bring"):
        page = world.get("requester", path)
        assert page.status_code == 200 and "来料" in page.text
    seen = world.get("inspector", f"/libraries/{number}")
    assert seen.status_code == 200 and "/bring" not in seen.text

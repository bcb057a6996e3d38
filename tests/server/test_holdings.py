"""Storage for people: what is used, quotas that refuse in time, deletions that are told."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os

import sqlalchemy as sa

from jinbiao.datasets import holdings, people
from jinbiao.datasets.db import now
from jinbiao.datasets.holdings import UnusedObject
from jinbiao.tests import factories
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.world import World, multipart, picture


def quota(world: World, size: int | None, slug: str = "alpha") -> None:
    """Give an organisation a quota."""
    with world.installation.database.read() as session:
        number = people.get_organisation(session, slug).id
    path = f"/api/storage/organisations/{number}/"
    world.good(world.patch("system", path, {"quota": size}))


def test_a_full_quota_refuses_before_anything_is_stored(world: World) -> None:
    quota(world, 1000)
    library = cleaned.library(world)
    content = os.urandom(2000)
    data, content_type = multipart(("a.txt", content))
    path = f"/api/libraries/{library}/intake"
    answer = world.post("requester", path, data=data, content_type=content_type)
    assert answer.status_code in (400, 413), answer.text
    told = answer.text
    assert "1.0 kB" in told and "2.2 kB" in told and "quota" in answer.json["validation_errors"]
    assert list(world.installation.store.digests()) == []
    project = world.project()
    data, content_type = multipart(("a.png", picture() + content))
    path = f"/api/projects/{project}/import"
    answer = world.post("requester", path, data=data, content_type=content_type)
    assert answer.status_code in (400, 413)
    assert list(world.installation.store.digests()) == []
    quota(world, None)
    data, content_type = multipart(("a.txt", b"x" * 2000))
    path = f"/api/libraries/{library}/intake"
    (job,) = world.good(world.post("requester", path, data=data, content_type=content_type), 202)
    assert world.finished(job["id"])["state"] == "done"
    standing = world.good(world.get("requester", "/api/storage/"))
    assert standing["used"] == 2000 and standing["limit"] is None


def test_an_import_stops_where_the_quota_ends_and_says_so(world: World) -> None:
    library = cleaned.library(world)
    data, content_type = multipart(("a.txt", b"y" * 3000))
    path = f"/api/libraries/{library}/intake"
    (job,) = world.good(world.post("requester", path, data=data, content_type=content_type), 202)
    quota(world, 500)
    ended = world.finished(job["id"])
    assert ended["state"] == "failed" and "500 B" in ended["error"], ended
    assert world.good(world.get("requester", f"/api/libraries/{library}/"))["assets"] == 0


def test_the_administrator_looks_deletes_and_has_a_list(world: World) -> None:
    store = world.installation.store
    digest = store.put_bytes(b"left over").digest
    path = store.path(digest)
    assert path is not None
    long_ago = (now() - dt.timedelta(days=9)).timestamp()
    os.utime(path, (long_ago, long_ago))
    cleaned.library(world, ["天津大学"], [picture()])

    def look(dry: bool) -> dict[str, int]:
        asked = world.good(world.post("system", "/api/storage/reports/", {"dry": dry}), 202)
        again = world.post("system", "/api/storage/reports/", {"dry": dry})
        assert again.status_code == 422, "one at a time"
        assert world.finished(asked["job"])["state"] == "done"
        told: dict[str, int] = world.good(world.get("system", "/api/storage/reports/"))[0]
        return told

    assert look(False)["objects"] == 0
    with world.installation.database.write() as session:
        session.execute(sa.update(UnusedObject).values(since=now() - dt.timedelta(days=8)))
    assert look(True)["objects"] == 1
    report = look(False)
    assert (report["objects"], report["size"]) == (1, 9)
    assert store.size(digest) is None
    table = world.get("system", f"/storage/reports/{report['id']}.csv").data.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["sha256"], row["bytes"], row["reason"]) == (digest, "9", "unused")
    assert "left over" not in table
    page = world.get("system", "/storage/all").text
    assert f"/storage/reports/{report['id']}.csv" in page

    told = world.good(world.get("requester", "/api/storage/"))
    assert told["kinds"]["originals"] == len(picture()) + len("天津大学".encode())
    assert told["largest"][0]["title"] == "原料"
    shown = world.get("requester", "/storage").text
    assert "原料" in shown
    assert "原料" not in page, "administrators see no names of data"


def test_organisations_are_listed_by_pages_and_none_is_asked_about_alone(
    either_world: World,
) -> None:
    world = either_world
    with world.installation.database.write() as session:
        for number in range(130):
            home = factories.organisation(session, f"home-{number}")
            if number % 3:
                # Many stand at the same.
                holdings.add(session, home.id, 1000 * (number % 7))
            if number == 129:
                holdings.change(session, people.get_user(session, "system"), home, 5)
                last = home.id
        wanted = {row.id for row in session.scalars(sa.select(people.Organisation))}
    told: list[dict[str, int]] = []
    for _page in range(4):
        after = f"&after={told[-1]['organisation']}" if told else ""
        path = f"/api/storage/organisations/?page_size=50{after}"
        told += world.good(world.get("system", path))
    assert len(told) == len(wanted) and {each["organisation"] for each in told} == wanted
    assert [each["used"] for each in told] == sorted((each["used"] for each in told), reverse=True)
    (own,) = (each for each in told if each["organisation"] == last)
    assert (own["own_quota"], own["limit"]) == (5, 5)
    assert world.get("system", "/api/storage/organisations/?after=999999999").status_code == 404

    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    engine = world.installation.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    shown = world.get("system", "/storage/all").text
    sa.event.remove(engine, "before_cursor_execute", note)
    assert shown.count('name="organisation"') == 100
    assert f"/storage/all?after={told[99]['organisation']}" in shown
    assert len(statements) < 30
    rest = world.get("system", f"/storage/all?after={told[99]['organisation']}").text
    assert rest.count('name="organisation"') == len(wanted) - 100 and 'rel="next"' not in rest


def test_health_says_that_nobody_listens(world: World) -> None:
    library = cleaned.library(world, ["天津大学甲乙丙"])
    page = world.get("system", "/system").text
    assert 'data-kind="bad"' in page
    cleaned.started(world, library, cleaned.recipe(world)["id"])
    waiting = world.get("system", "/system").text
    assert waiting.count("jinbiao work --queues cpu") == 1


def test_the_self_test_gives_links_that_work(world: World) -> None:
    told = world.good(world.post("requester", "/system/link"))
    assert told["direct"] is None, "a folder has no links past the server"
    answer = world.get(None, told["own"])
    assert answer.status_code == 200 and len(answer.data) == told["size"]

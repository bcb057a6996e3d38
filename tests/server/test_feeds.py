"""Feeds by API, page and command: a killed run goes on, and nothing inside is read."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import feeds, holdings, libraries, people
from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.db import now
from jinbiao.datasets.feeds import Feed
from jinbiao.datasets.jobs import Job
from jinbiao.tests.datasets.test_outside import INSIDE, NO_ADDRESS
from jinbiao.tests.server.command import PROGRAM, Command
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World
from jinbiao.tests.services_files import FileServer

SECRET = "never-shown-again"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that the operator allows, with two texts."""
    made = tmp_path / "allowed"
    made.mkdir()
    (made / "a.txt").write_text("第一份", encoding="utf-8")
    (made / "b.txt").write_text("第二份", encoding="utf-8")
    return made


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path, folder: Path) -> Iterator[World]:
    """Open a world that may call loopback and read one folder."""
    made = connected(populated, tmp_path / "home", local_files=(folder,))
    yield made
    made.installation.close()


def library_of(world: World) -> int:
    """Make a library of the requester's."""
    told = {"title": "原料"}
    return int(world.good(world.post("requester", "/api/libraries/", told), 201)["id"])


def added(world: World, **values: Any) -> dict[str, Any]:
    """Add a feed."""
    made: dict[str, Any] = world.good(world.post("requester", "/api/feeds/", values), 201)
    return made


def test_a_feed_is_tried_added_run_changed_and_deleted(place: World, folder: Path) -> None:
    told = {"library": library_of(place), "kind": "folder", "path": str(folder), "title": "车间"}
    assert place.post("requester", "/api/feeds/check", told).status_code == 204
    made = added(place, **told, every_hours=6, follows_deletions=True)
    path = f"/api/feeds/{made['id']}/"
    assert (made["title"], made["every_hours"], made["last_run"]) == ("车间", 6, None)
    result = place.done(place.post("requester", f"{path}run", {}))
    assert (result["new"], result["brought"], result["rejected"]) == (2, 2, 0)
    place.done(place.post("requester", f"{path}run", {}))
    runs = place.good(place.get("requester", f"{path}runs"))
    assert [(run["state"], run["new"], run["same"]) for run in runs] == [
        ("done", 0, 2),
        ("done", 2, 0),
    ]
    (listed,) = place.good(place.get("requester", f"/api/feeds/?library={told['library']}"))
    assert listed["last_run"] == runs[0]
    for name in ("a.txt", "b.txt"):
        (folder / name).unlink()
    result = place.done(place.post("requester", f"{path}run", {}))
    assert (result["held"], result["withdrawn"]) == (2, 0)
    assert place.good(place.get("requester", path))["last_run"]["state"] == "held"
    result = place.done(place.post("requester", f"{path}run", {"confirm": True}))
    assert (result["gone"], result["withdrawn"]) == (2, 2)
    changed = place.good(place.patch("requester", path, {"title": "新名", "every_hours": None}))
    assert (changed["title"], changed["next_at"]) == ("新名", None)
    wrong = place.patch("requester", path, {"path": "/etc"})
    assert wrong.status_code == 400 and "JINBIAO_LOCAL_FILES" in wrong.text
    assert place.ask("DELETE", path, "requester").status_code == 204
    assert place.get("requester", path).status_code == 404


BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"kind": "ftp"}, "kind"),
    ({"kind": "folder"}, "path"),
    ({"kind": "folder", "path": "/etc", "bucket": "x"}, "bucket"),
    ({"kind": "folder", "path": 7}, "path"),
    ({"kind": "addresses", "addresses": ["http://1.2.3.4/", "ftp://x"]}, "addresses[1]"),
    ({"kind": "addresses", "addresses": []}, "addresses"),
    ({"kind": "database", "url": "sqlite:////x", "key_column": "id"}, "query"),
    ({"kind": "ckan", "url": "https://u:p@ckan.example"}, "url"),
    ({"kind": "folder", "path": "/x", "every_hours": -1}, "every_hours"),
    (
        {"kind": "s3", "bucket": "b", "pattern": "(?=x)", "endpoint": "http://127.0.0.1:1"},
        "pattern",
    ),
]


def test_bad_values_are_answered_with_their_field(place: World) -> None:
    library = library_of(place)
    for values, field in BAD_VALUES:
        answer = place.post("requester", "/api/feeds/", {"library": library, **values})
        assert answer.status_code == 400, (values, answer.text)
        assert field.partition("[")[0] in answer.text, values


def test_keys_are_never_shown_or_written_down(place: World) -> None:
    with FileServer() as server:
        told = {"success": True, "result": {"count": 0, "results": []}}
        for rows in (1, 100):
            listed = f"/api/3/action/package_search?start=0&rows={rows}&sort=name+asc"
            server.files[listed] = json.dumps(told).encode()
        made = added(place, library=library_of(place), kind="ckan", url=server.url, token=SECRET)
        assert made["secrets"] == ["token"] and server.headers[0]["Authorization"] == SECRET
        place.done(place.post("requester", f"/api/feeds/{made['id']}/run", {}))
        for path in (
            f"/api/feeds/{made['id']}/",
            "/api/feeds/",
            f"/feeds/{made['id']}",
            f"/feeds?library={made['library']}",
            f"/libraries/{made['library']}",
        ):
            answer = place.get("requester", path)
            assert answer.status_code == 200 and SECRET not in answer.text, path
        moved = {"url": "https://192.0.43.10"}
        answer = place.patch("requester", f"/api/feeds/{made['id']}/", moved)
        assert answer.status_code == 400 and "token" in answer.text
    with place.installation.database.read() as session:
        row = session.scalars(sa.select(Feed)).one()
        kept = [row.options, row.secrets or "", *session.scalars(sa.select(AuditEvent.detail))]
        kept += [*session.scalars(sa.select(Job.request)), *session.scalars(sa.select(Job.result))]
    assert row.secrets and not any(SECRET in each for each in kept)


def test_another_organisation_sees_no_feed_and_fills_no_library(place: World, folder: Path) -> None:
    told = {"library": library_of(place), "kind": "folder", "path": str(folder)}
    made = added(place, **told)
    for method, path in (
        ("GET", f"/api/feeds/{made['id']}/"),
        ("POST", f"/api/feeds/{made['id']}/run"),
        ("GET", f"/feeds/{made['id']}"),
    ):
        assert place.ask(method, path, "other_requester").status_code == 404
    assert place.good(place.get("other_requester", "/api/feeds/")) == []
    assert place.post("other_requester", "/api/feeds/", told).status_code == 404
    assert place.post("annotator", "/api/feeds/", told).status_code == 403


def browsing(place: World) -> Browser:
    """Sign the requester in."""
    browser = Browser(place)
    browser.sign_in("requester")
    return browser


def test_the_pages_add_run_show_and_ask_before_much_goes(place: World, folder: Path) -> None:
    library, browser = library_of(place), browsing(place)
    for kind in ("s3", "folder", "addresses", "database", "ckan", "dcat"):
        page = browser.client.get(f"/feeds?library={library}&kind={kind}")
        assert page.status_code == 200 and f'value="{kind}"' in page.text
    form = f"/feeds?library={library}&kind=folder"
    sent = {"kind": "folder", "library": library, "path": str(folder), "pattern": ".*txt"}
    sent |= {"ticks": "follows_deletions recursive", "every_hours": "24"}
    sent |= {"follows_deletions": "true", "csrf_token": browser.csrf(form)}
    answer = browser.client.post("/feeds", data=sent)
    assert answer.status_code == 303
    where = answer.location
    (made,) = place.good(place.get("requester", "/api/feeds/"))
    assert made["follows_deletions"] and not made["options"]["recursive"]
    assert (made["every_hours"], made["title"]) == (24, str(folder))
    assert browser.post(where, where, act="check").location == f"{where}?answered=1"
    assert "note" in browser.client.get(f"{where}?answered=1").text
    assert browser.post(where, where, act="run").status_code == 303
    (job,) = place.waiting()
    refreshes = f'id="runs" hx-get="{where}" hx-trigger="every 2s"'
    assert refreshes in browser.client.get(where).text
    place.finished(job)
    assert "hx-get" not in browser.client.get(where).text
    for name in ("a.txt", "b.txt"):
        (folder / name).unlink()
    browser.post(where, where, act="run")
    place.finished(place.waiting()[0])
    assert 'value="confirm"' in browser.client.get(where).text
    assert browser.client.get(f"/libraries/{library}").text.count(where) >= 1
    browser.post(where, where, act="confirm")
    place.finished(place.waiting()[0])
    assert 'value="confirm"' not in browser.client.get(where).text
    answer = browser.post(
        where, where, act="change", every_hours="0", pattern="", ticks="recursive"
    )
    assert answer.status_code == 303
    (made,) = place.good(place.get("requester", "/api/feeds/"))
    assert made["every_hours"] is None and made["options"]["pattern"] is None
    answer = browser.post(where, where, act="delete")
    assert answer.location.startswith(f"/feeds?library={library}")
    assert place.good(place.get("requester", "/api/feeds/")) == []


def test_titles_and_keys_are_escaped(place: World, folder: Path) -> None:
    evil = "<script>alert(1)</script>"
    (folder / f"{evil.replace('/', '_')}.png").write_bytes(b"no picture")
    library = library_of(place)
    told = {"library": library, "kind": "folder", "path": str(folder), "title": evil}
    made = added(place, **told)
    place.done(place.post("requester", f"/api/feeds/{made['id']}/run", {}))
    for path in (f"/feeds/{made['id']}", "/feeds", f"/libraries/{library}"):
        page = place.get("requester", path)
        assert page.status_code == 200 and evil not in page.text


def run_of(world: World, feed: int) -> tuple[dict[str, Any], str]:
    """Do a run; return its result and its reject file."""
    job = world.finished(
        world.good(world.post("requester", f"/api/feeds/{feed}/run", {}), 202)["id"]
    )
    rejects = world.get("requester", f"/jobs/{job['id']}/rejects").text
    return job["result"], rejects


def test_no_address_inside_is_taken(world: World) -> None:
    library = library_of(world)
    for url in INSIDE:
        for values in (
            {"kind": "addresses", "addresses": [url]},
            {"kind": "ckan", "url": url},
            {"kind": "dcat", "url": url},
            {"kind": "s3", "bucket": "b", "endpoint": url.partition("/latest")[0]},
        ):
            answer = world.post("requester", "/api/feeds/", {"library": library, **values})
            assert answer.status_code == 400, (url, values)
            assert "JINBIAO_OUTSIDE_ALLOWED" in answer.text, (url, values)


def test_what_is_no_address_is_refused(world: World) -> None:
    told = {"library": library_of(world), "kind": "addresses"}
    for url in [each for each in NO_ADDRESS if each]:
        answer = world.post("requester", "/api/feeds/", {**told, "addresses": [url]})
        assert answer.status_code in (400, 413), url


def test_a_redirect_leads_nowhere_inside_and_never_for_ever(place: World) -> None:
    with FileServer() as server:
        server.moved = {f"/{number}": url for number, url in enumerate(INSIDE[12:])}
        server.moved |= {
            "/round": "/round",
            "/file": "file:///etc/passwd",
            "/user": "http://u@1.2.3.4/",
        }
        # Five are followed, six are not.
        server.moved |= {f"/hop{number}": f"/hop{number + 1}" for number in range(6)}
        server.files, server.types = {"/hop6": b"the end"}, {"/hop6": "text/plain"}
        names = [*server.moved]
        told = {"library": library_of(place), "kind": "addresses"}
        made = added(place, **told, addresses=[f"{server.url}{name}" for name in names])
        result, rejects = run_of(place, made["id"])
    # Loopback is allowed here, and nothing else.
    lines = {json.loads(line)["place"]: line for line in rejects.splitlines()}
    assert result["brought"] == 5 and result["rejected"] == len(names) - 5
    for number in range(len(INSIDE[12:])):
        assert "JINBIAO_OUTSIDE_ALLOWED" in lines[f"{server.url}/{number}"]
    assert "leads on more than 5 times" in lines[f"{server.url}/round"]
    assert "leads on more than 5 times" in lines[f"{server.url}/hop0"]
    assert f"{server.url}/hop1" not in lines


def test_the_hostile_list_of_addresses_reaches_nothing(world: World, samples: Path) -> None:
    (path,) = samples.glob("hostile/**/tasks_ssrf_and_paths.json")
    listed = [each["data"]["image"] for each in json.loads(path.read_bytes())]
    library = library_of(world)
    for url in listed:
        told = {"library": library, "kind": "addresses", "addresses": [url]}
        assert world.post("requester", "/api/feeds/", told).status_code == 400, url
    # The same list as a file of rows: addresses stay words that nobody here fetches.
    with world.installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(libraries.Asset)) == 0


def test_a_name_that_means_loopback_a_moment_later_gains_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileServer() as server:
        server.files = {"/secret.txt": b"inside"}
        asked: list[str] = []

        def changing(host: str, port: int, **_values: Any) -> list[Any]:
            asked.append(host)
            address = "192.0.43.10" if len(asked) == 1 else "127.0.0.1"
            return [(None, None, None, "", (address, port))]

        monkeypatch.setattr("socket.getaddrinfo", changing)
        url = f"http://rebinding.example:{server.port}/secret.txt"
        made = added(world, library=library_of(world), kind="addresses", addresses=[url])
        result, rejects = run_of(world, made["id"])
        assert result["brought"] == 0 and "JINBIAO_OUTSIDE_ALLOWED" in rejects
        assert len(asked) >= 2 and server.sent == []


def test_the_command_adds_runs_and_lists(populated: Any, tmp_path: Path, folder: Path) -> None:
    command, library = commanding(populated, tmp_path, folder)
    add = ("feed", "add", "folder", "--library", str(library), "--as", "requester")
    number = command.good(*add, "--set", f"path={folder}", "--follow-deletions").last
    told = command.good("feed", "run", number, "--as", "requester").out
    assert "done: 2 new, 0 changed" in told
    (folder / "b.txt").unlink()
    (folder / "c.png").write_bytes(b"no picture")
    told = command.good("feed", "run", number, "--as", "requester", cwd=tmp_path).out
    assert "1 gone" in told and "1 withdrawn" in told and "reject file: feed-" in told
    assert f"{number}\tfolder\t{folder}\tdone" in command.good("feed", "list").out
    bad = command.fork(*add, "--set", "path=/etc")
    assert bad.code == 1 and "JINBIAO_LOCAL_FILES" in bad.err
    secret = tmp_path / "password"
    secret.write_text(SECRET)
    told = ("--set", "url=postgresql://u@192.0.43.10:1/d", "--set", "query=SELECT 1 AS id")
    told += ("--set", "key_column=id", "--secret", f"password={secret}")
    bad = command.fork("feed", "add", "database", *add[3:], "--set", "seconds=1", *told)
    assert bad.code == 1 and SECRET not in bad.err + bad.out


def commanding(populated: Any, tmp_path: Path, folder: Path) -> tuple[Command, int]:
    """Give a home for commands with a library of the requester's; return both."""
    world = connected(populated, tmp_path / "home", local_files=(folder,))
    with world.installation.database.write() as session:
        library = libraries.create(session, people.get_user(session, "requester"), title="原料")
    world.installation.close()
    allowed = {"JINBIAO_LOCAL_FILES": str(folder), "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8"}
    return Command(tmp_path / "home", {**allowed, "JINBIAO_LANGUAGE": "en"}), library.id


def test_a_run_that_is_killed_goes_on_and_brings_nothing_twice(
    populated: Any, tmp_path: Path, folder: Path
) -> None:
    lines = "".join(f'{{"text": "第 {number} 行，一些内容"}}\n' for number in range(20_000))
    (folder / "c.jsonl").write_text(lines, encoding="utf-8")
    command, library = commanding(populated, tmp_path, folder)
    add = ("feed", "add", "folder", "--library", str(library), "--as", "requester")
    number = command.good(*add, "--set", f"path={folder}").last
    started = subprocess.Popen(
        [*PROGRAM, "feed", "run", number, "--as", "requester"],
        env=command.environment,
        cwd=command.home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    file = command.home / "jinbiao.sqlite3"
    end = time.monotonic() + 60
    while assets(file, "SELECT count(*) FROM assets")[0][0] < 2000:
        assert time.monotonic() < end and started.poll() is None
        time.sleep(0.01)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    before = assets(file, "SELECT count(*) FROM assets")[0][0]
    assert before < 20_002
    # The sweeper of any worker would find that the one that held it is silent.
    changed = "UPDATE jobs SET state = 'waiting', worker = NULL WHERE kind = 'feed'"
    assets(file, changed)
    world = connected(populated, tmp_path / "other")
    world.installation.close()
    resumed = command.good("feed", "run", number, "--as", "requester").out
    assert "done: 3 new" in resumed and "20002 brought" in resumed
    found = assets(file, "SELECT count(*), count(DISTINCT text), max(state) FROM assets")
    assert found == [(20_002, 20_002, "held")]


def assets(file: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask, or change, the database of another process."""
    connection = sqlite3.connect(file, timeout=30)
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def test_a_feed_stops_when_what_it_fills_is_removed(place: World, folder: Path) -> None:
    library, project = library_of(place), place.project()
    told = {"kind": "folder", "path": str(folder), "every_hours": 1}
    of_library = added(place, **told, library=library, title="库的来源")
    of_project = added(place, **told, project=project, title="项目的来源")
    browser = browsing(place)
    assert f"/feeds?project={project}" in browser.client.get(f"/projects/{project}/import").text
    listed = browser.client.get(f"/feeds?project={project}").text
    assert "项目的来源" in listed and "库的来源" not in listed
    assert not of_library["stopped"] and of_library["next_at"]
    database = place.installation.database
    with database.write() as session:
        session.execute(sa.update(Feed).values(next_at=now() - dt.timedelta(hours=1)))
    with database.read() as session:
        assert feeds.due(session) == [of_library["id"], of_project["id"]]
    place.good(place.ask("DELETE", f"/api/libraries/{library}/", "requester"), 202)
    with database.read() as session:
        assert feeds.due(session) == [of_project["id"]]
    # One that was found due just before: nothing is scheduled either.
    with database.write() as session:
        assert feeds.begin_due(session, of_library["id"]) is None
    path = f"/api/feeds/{of_library['id']}/"
    answer = place.post("requester", f"{path}run", {})
    assert answer.status_code == 422, answer.text
    shown = place.good(place.get("requester", path))
    assert (shown["stopped"], shown["next_at"]) == (True, None)
    rows = place.good(place.get("requester", "/api/feeds/"))
    assert [(row["id"], row["stopped"]) for row in rows] == [
        (of_library["id"], True),
        (of_project["id"], False),
    ]
    page = browser.client.get("/feeds")
    assert page.status_code == 200
    assert re.findall('data-stopped="([0-9]+)"', page.text) == [str(of_library["id"])]
    one = browser.client.get(f"/feeds/{of_library['id']}")
    assert one.status_code == 200 and 'value="run"' not in one.text
    assert 'value="run"' in browser.client.get(f"/feeds/{of_project['id']}").text
    assert place.ask("DELETE", f"/api/projects/{project}/", "requester").status_code in (202, 204)
    with database.read() as session:
        assert feeds.due(session) == []


def test_a_feed_brings_nothing_beyond_the_quota(place: World, folder: Path) -> None:
    library = library_of(place)
    made = added(place, library=library, kind="folder", path=str(folder))
    with place.installation.database.write() as session:
        admin = people.get_user(session, "admin")
        home = people.get_user(session, "requester").organisation
        holdings.change(session, admin, home, 17)
    asked = place.good(place.post("requester", f"/api/feeds/{made['id']}/run", {}), 202)
    job = place.finished(asked["id"])
    # Each text has nine bytes: both together are one too many.
    assert job["state"] == "failed" and "17" in json.dumps(job["error"], ensure_ascii=False)
    shown = place.good(place.get("requester", f"/api/feeds/{made['id']}/"))
    assert shown["last_run"]["state"] == "failed"
    with place.installation.database.write() as session:
        assert session.scalars(sa.select(libraries.Asset)).all() == []
        holdings.change(session, people.get_user(session, "admin"), home, 18)
    result = place.done(place.post("requester", f"/api/feeds/{made['id']}/run", {}))
    assert result["brought"] == 2

"""Give everybody their rights and nobody more: rights.csv says it route by route."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from jinbiao.datasets import models, people, permissions, webhooks
from jinbiao.datasets.connections import backends, stores
from jinbiao.datasets.projects import Project
from jinbiao.server import links, storages
from jinbiao.server.auth import PUBLIC, allows
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import BOXES, PASSWORD, World, copied, entity, opened, picture

TABLE = Path(__file__).with_name("rights.csv")
ROLES = (
    "anonymous",
    "admin",
    "requester",
    "vendor",
    "annotator",
    "reviewer",
    "other_requester",
    "other_vendor",
    "other_annotator",
    "other_reviewer",
)


def rows() -> list[dict[str, str]]:
    """Read the table: a method and route, and the status that each role gets."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(world: World) -> dict[str, str]:
    """Make one of everything in the organisation alpha; return the values of route parts."""
    project, version = world.frozen(2)
    export = world.done(
        world.post("requester", f"/api/versions/{version}/exports/", {"format": "jsonl"})
    )
    world.done(world.post("requester", f"/api/versions/{version}/publish", {"name": "texts"}))
    rows = [{"text": "天津大学甲"}, {"none": 1}, {"text": "乙"}]
    rejecting = world.import_later(project, rows)
    path = f"/api/projects/{project}/import?async=true"
    number = world.good(world.post("requester", path, [{"text": "丙"}]), 201)["import"]
    waiting = world.good(world.get("requester", f"/api/projects/{project}/imports/{number}/"))
    uploaded = world.upload_now(project, ("a.csv", b"text\nabc\n"))
    labelled, free = [task["id"] for task in world.tasks(project)][2:4]
    path = f"/api/tasks/{labelled}/annotations/"
    annotation = world.good(world.post("annotator", path, {"result": entity()}), 201)
    path = f"/api/tasks/{free}/drafts"
    draft = world.good(world.post("annotator", path, {"result": []}), 201)
    path = f"/api/projects/{project}/exports/"
    snapshot = world.good(world.post("requester", path, {}), 201)
    path = f"/api/annotations/{annotation['id']}/reviews"
    review = world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    told = {"annotation": annotation["id"], "text": "看这里"}
    comment = world.good(world.post("reviewer", "/api/comments/", told), 201)
    told = {"task": free, "result": entity(end=1), "model_version": "m"}
    prediction = world.good(world.post("requester", "/api/predictions/", told), 201)
    view = world.good(
        world.post("requester", "/api/dm/views/", {"project": project, "data": {}}), 201
    )
    told = {"project": project, "from_name": "label", "title": "NEW", "value": "NEW"}
    (label,) = world.good(world.post("annotator", "/api/labels/", [told]), 201)
    (link,) = world.good(world.get("annotator", "/api/label_links/"))["results"]
    connections = connect(world, project)
    with world.installation.database.write() as session:
        token, _secret = people.add_token(session, people.get_user(session, "annotator"))
        token_number, person, home = token.id, token.user_id, token.user.organisation_id
    return {
        "project_id": str(project),
        "version_id": str(version),
        "export_id": str(export["export"]),
        "task_id": str(free),
        "annotation_id": str(annotation["id"]),
        "draft_id": str(draft["id"]),
        "token_id": str(token_number),
        "job_id": waiting["job"],
        "import_id": str(number),
        "upload_id": str(uploaded["file_upload_ids"][0]),
        "snapshot_id": str(snapshot["id"]),
        "review_id": str(review["id"]),
        "comment_id": str(comment["id"]),
        "prediction_id": str(prediction["id"]),
        "model_version": "m",
        "label_id": str(label["id"]),
        "link_id": str(link["id"]),
        "view_id": str(view["id"]),
        "user_id": str(person),
        "organisation_id": str(home),
        "signature": "0" * 16,
        "rejecting_job": rejecting["id"],
        **connections,
        "organisation": "alpha",
        "owner": "alpha",
        "name": "texts",
        "revision": "main",
        "place": "main",
        "anything": "x",
        "tag": "v1.0.0",
        "digest": "0" * 64,
        "extension": "png",
    }


def connect(world: World, project_id: int) -> dict[str, str]:
    """Connect a project to a backend, a model and buckets that nobody asks."""
    bucket = {"bucket": "anything", "s3_endpoint": "http://127.0.0.1:1"}
    settings = world.installation.settings
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        project = session.get_one(Project, project_id)
        chosen = backends.Chosen(url="http://127.0.0.1:1", is_interactive=True)
        backend = backends.add(session, settings, actor, project, chosen)
        hook = webhooks.of_backend(session, backend.id)
        imports, exports = (
            stores.add(session, settings, actor, project, "s3", direction, bucket)
            for direction in (stores.IMPORT, stores.EXPORT)
        )
        model = models.add(session, settings, actor, project, kind="golden_difference")
    return {
        "model_id": str(model.id),
        "model_kind": "golden_difference",
        "backend_id": str(backend.id),
        "webhook_id": str(hook.id if hook else 0),
        "kind": "s3",
        "storage_id": str(imports.id),
        "export_storage_id": str(exports.id),
    }


class Copies:
    """A filled world, copied anew after a request that may have changed it."""

    def __init__(self, template: Path, tokens: dict[str, str], values: dict[str, str]) -> None:
        self.template, self.tokens, self.values = template, tokens, values
        self.number = 0
        self.world = self._fresh()

    def _fresh(self) -> World:
        self.number += 1
        home = self.template.parent.parent / f"copy{self.number}"
        settings = copied(self.template, home)
        shutil.copytree(self.template.parent / "objects", home / "objects", copy_function=link)
        return opened(settings, self.tokens)

    def ask(self, method: str, route: str, role: str) -> TestResponse:
        """Send an empty request as somebody."""
        who = None if role == "anonymous" else role
        # In the form that every route knows, also those of the hub.
        headers = {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}
        path = address(route, self.values)
        answer = self.world.ask(method, path, headers=headers, **body(method))
        if method != "GET" and answer.status_code < 400:
            self.world.installation.close()
            self.world = self._fresh()
        return answer


def link(source: str, target: str) -> str:
    """Link a stored object into a copy: objects never change."""
    Path(target).hardlink_to(source)
    return target


def body(method: str) -> dict[str, object]:
    """Return an empty body for methods that have one."""
    return {} if method in ("GET", "DELETE") else {"json": {}}


def address(route: str, values: dict[str, str]) -> str:
    """Return the address of a route for the things in the world."""
    special = {"/jobs/<job_id>/rejects": {"job_id": values["rejecting_job"]}}
    special["/scripts/<path:name>"] = {"name": "workbench.js"}
    special["/static/<path:name>"] = {"name": "style.css"}
    special["/datasets/<owner>/<name>/resolve/<path:place>"] = {"place": "main/README.md"}
    given = {**values, **special.get(route, {})}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: given[part[1]], route)


@pytest.fixture(scope="module")
def copies(
    populated: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copies]:
    """Fill a world once, and copy it whenever it was changed."""
    template, tokens = populated
    home = tmp_path_factory.mktemp("rights") / "filled"
    world = opened(copied(template, home), tokens)
    values = fill(world)
    with world.installation.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.installation.close()
    made = Copies(home / "jinbiao.sqlite3", tokens, values)
    with pytest.MonkeyPatch.context() as patch:
        # No worker is there to wait for.
        patch.setattr(storages, "PATIENCE_SECONDS", 0.0)
        yield made
    made.world.installation.close()


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['method']} {row['route']}")
def test_everybody_gets_what_the_table_says(copies: Copies, row: dict[str, str]) -> None:
    found = {}
    for role in ROLES:
        answer = copies.ask(row["method"], row["route"], role)
        found[role] = str(answer.status_code)
        if role == "anonymous" and answer.status_code == 302 and row["route"] != "/sign-in":
            assert answer.location.startswith("/sign-in?next=/")
        if answer.status_code == 404 and row["route"].startswith("/api/p"):
            assert answer.headers["Jinbiao-Error"] == "not_found"
    assert found == {role: row[role] for role in ROLES}


def rules(app: flask.Flask) -> Iterator[tuple[str, Rule]]:
    """List (method, rule) of every route."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


def test_every_route_has_a_row_and_every_row_a_route(shared_world: World) -> None:
    there = {(method, rule.rule) for method, rule in rules(shared_world.app)}
    assert there == {(row["method"], row["route"]) for row in rows()}


def test_every_route_names_its_action(shared_world: World) -> None:
    app = shared_world.app
    for _method, rule in rules(app):
        if rule.endpoint == "static":
            continue
        action = getattr(app.view_functions[rule.endpoint], "jinbiao_action", None)
        assert action == PUBLIC or action in permissions.ACTIONS, rule


def test_a_route_without_an_action_is_shut(world: World) -> None:
    world.app.add_url_rule("/unnamed", "unnamed", lambda: "open")
    assert world.get("admin", "/unnamed").status_code == 403
    with pytest.raises(KeyError):
        allows("everything")


def test_the_table_keeps_strangers_out() -> None:
    for row in rows():
        public = row["anonymous"] not in ("401", "302") or row["route"] == "/sign-in"
        for role in ROLES[1:]:
            if not public:
                assert row[role] != "401", row
            if role.startswith("other") and "_id>" in row["route"] and not public:
                # Another organisation's things are not there; what a role may never do is
                # refused before anybody looks. Throwing away a draft that is not there is done.
                assert row[role] in ("403", "404") or "drafts" in row["route"], row


def test_a_session_does_what_a_token_does_but_for_forms(world: World) -> None:
    project = world.project()
    browser = Browser(world)
    browser.sign_in("requester")
    assert browser.client.get(f"/api/projects/{project}/").status_code == 200
    path = f"/api/projects/{project}/"
    assert browser.client.delete(path).status_code == 400
    assert browser.client.patch(path, json={"title": "x"}).status_code == 400
    assert world.patch("requester", path, {"title": "x"}).status_code == 200


def test_a_bad_token_is_no_session(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("requester")
    for headers in (
        {"Authorization": "Token 0000"},
        {"X-API-Key": "é"},
        {"Authorization": "Bearer " + "x" * 10_000},
    ):
        answer = browser.client.get("/api/current-user/whoami", headers=headers)
        assert answer.status_code == 401
    basic = browser.client.get("/api/current-user/whoami", headers={"Authorization": "Basic eDp5"})
    assert basic.status_code == 200


def test_markup_is_never_sent_as_markup(world: World) -> None:
    project = world.project(config=BOXES)
    evil = b"<html><script>alert(1)</script></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    jobs = world.upload(
        project,
        ("a.html", evil),
        ("a.png", evil),
        ("a.svg", svg),
        ("b.png", svg),
        ("c.png", picture()),
    )
    assert [job["result"].get("tasks", 0) for job in jobs] == [0, 0, 0, 0, 1]
    shown = world.get("requester", world.tasks(project)[0]["data"]["image"])
    assert shown.mimetype == "image/png"
    # Even bytes that are markup, were they stored, would not be run.
    stored = world.installation.store.put_bytes(evil)
    page = world.get(None, signed(world, stored.digest, "html"))
    assert page.status_code == 200
    assert page.mimetype not in ("text/html", "image/svg+xml", "application/xhtml+xml")
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def signed(world: World, digest: str, extension: str) -> str:
    """Return a signed address of stored bytes."""
    with world.app.test_request_context():
        return links.address(digest, extension)


def test_secure_cookies_can_be_asked_for(world: World) -> None:
    world.app.config["SESSION_COOKIE_SECURE"] = True
    client = world.app.test_client()
    found = re.search(
        r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"',
        client.get("/sign-in", base_url="https://localhost").text,
    )
    assert found
    answer = client.post(
        "/sign-in",
        base_url="https://localhost",
        headers={"Referer": "https://localhost/sign-in"},
        data={"csrf_token": found[1], "username": "annotator", "password": PASSWORD},
    )
    assert "Secure" in answer.headers["Set-Cookie"]

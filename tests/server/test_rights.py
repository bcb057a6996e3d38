"""Give everybody their rights and nobody more: rights.csv says it route by route."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from jinbiao.datasets import (
    exams,
    feeds,
    findings,
    gold,
    libraries,
    models,
    people,
    permissions,
    pushes,
    qualifications,
    transfers,
    webhooks,
)
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.cleaning import CleanedRecord
from jinbiao.datasets.connections import backends, stores
from jinbiao.datasets.db import now
from jinbiao.datasets.holdings import DeletionReport
from jinbiao.datasets.integrity import Finding, FindingState
from jinbiao.datasets.libraries import Asset
from jinbiao.datasets.projects import Project
from jinbiao.datasets.suspicions import Suspicion
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import VersionRecord
from jinbiao.server import links, storages
from jinbiao.server.auth import PUBLIC, allows
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import (
    APPLICATION,
    BOXES,
    FACTS,
    PASSWORD,
    World,
    copied,
    entity,
    opened,
    picture,
)

TABLE = Path(__file__).with_name("rights.csv")
# What is told in a form that the Accept header chooses.
LINKED_DATA = ("/catalog", "/dataset/")
ROLES = (
    "anonymous",
    "admin",
    "requester",
    "vendor",
    "annotator",
    "reviewer",
    "inspector",
    "manager",
    "leader",
    "arbitrator",
    "speed_tester",
    "system",
    "security",
    "auditor",
    "builder",
    "regulator",
    "industry",
    "company",
    "company_manager",
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
    with world.installation.database.write() as session:
        company = people.get_organisation(session, "gamma")
        session.get_one(Project, project).vendor_id = company.id
    export = world.done(
        world.post("requester", f"/api/versions/{version}/exports/", {"format": "jsonl"})
    )
    asked = {**FACTS, "name": "texts"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    with world.installation.database.read() as session:
        record_key = session.scalars(sa.select(VersionRecord.key)).first()
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
    told = {"kind": "bad_data"}
    flag = world.good(world.post("annotator", f"/api/tasks/{labelled}/flags", told), 201)
    connections = connect(world, project)
    asked = {"steps": [{"act": "add", "control": "label", "into": ["新"]}]}
    path = f"/api/projects/{world.project()}/config-changes"
    changed = world.good(world.post("requester", path, asked), 202)
    with world.installation.database.write() as session:
        token, _secret = people.add_token(session, people.get_user(session, "annotator"))
        token_number, person, home = token.id, token.user_id, token.user.organisation_id
        leader = people.get_user(session, "leader")
        team = people.add_team(session, leader.organisation, "甲班", leader)
        people.put_in_team(session, token.user, team)
    path = f"/api/projects/{project}/access"
    let_in = world.good(world.post("requester", path, {"users": [person]}), 201)
    attempt, qualification = examine(world, project)
    return {
        "attempt_id": str(attempt),
        "qualification_id": str(qualification),
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
        "team_id": str(team.id),
        "flag_id": str(flag["id"]),
        "entry_id": str(let_in["entries"][0]["id"]),
        **suspect(world, project, annotation["id"]),
        "application_id": apply(world, version),
        "change_id": str(changed["change"]["id"]),
        "signature": "0" * 16,
        "rejecting_job": rejecting["id"],
        **connections,
        "mark": "0" * 16,
        "identity_id": "1",
        "organisation": "alpha",
        "owner": "alpha",
        "key": str(record_key),
        **talk(world),
        "pair": "v1.0.0...v1.0.0",
        "name": "texts",
        "revision": "main",
        "place": "main",
        "anything": "x",
        "tag": "v1.0.0",
        "ckan_name": "alpha-texts",
        "action": "site_read",
        "ending": "ttl",
        "digest": "0" * 64,
        "extension": "png",
        **clean(world),
        **carry(world),
        "hit_id": tell(world, free),
    }


def tell(world: World, task_id: int) -> str:
    """Say that a task holds a telephone number which is no longer there."""
    with world.installation.database.write() as session:
        task = session.get_one(Task, task_id)
        project = session.get_one(Project, task.project_id)
        row = findings.Finding(
            organisation_id=project.organisation_id,
            project_id=project.id,
            task_id=task.id,
            kind="mobile",
            place="text",
            start=0,
            end=4,
            masked="138****8000",
            fingerprint="0" * 64,
            confidence=0.9,
            detector="text-1",
        )
        session.add(row)
        session.flush()
        return str(row.id)


def carry(world: World) -> dict[str, str]:
    """Begin an upload of the requester's into the library; return its key and the asset's id."""
    with world.installation.database.write() as session:
        asset = session.scalars(sa.select(Asset)).first()
        assert asset is not None
        requester = people.get_user(session, "requester")
        library = libraries.get(session, requester, asset.library_id, "library.change")
        settings = world.installation.settings
        begun = transfers.begin(session, settings, requester, library, name="a.txt", length=9)
        return {"asset_id": str(asset.id), "transfer_key": begun.key, "batch": "0000-0000"}


def clean(world: World) -> dict[str, str]:
    """Make a library and a recipe, and ask for a cleaning that nobody runs."""
    library = cleaned.library(world, ["天津大学甲乙丙"])
    recipe = cleaned.recipe(world)
    begun = cleaned.started(world, library, recipe["id"])
    with world.installation.database.write() as session:
        asset = session.scalars(sa.select(Asset.id).where(Asset.library_id == library)).one()
        session.add(CleanedRecord(cleaning_id=begun["id"], asset_id=asset, state="kept"))
        actor = people.get_user(session, "system")
        report = DeletionReport(job_id="x", is_dry=True, actor_id=actor.id)
        session.add(report)
        session.flush()
    return {
        "library_id": str(library),
        "recipe_id": str(recipe["id"]),
        "number": "1",
        "cleaning_id": str(begun["id"]),
        "report_id": str(report.id),
    }


def examine(world: World, project_id: int) -> tuple[int, int]:
    """Give the project a guideline and an examination that the annotator sits for and passed."""
    path = f"/api/projects/{project_id}/guideline/"
    world.good(world.post("requester", path, {"text": "# 目标", "note": "新"}), 201)
    with world.installation.database.write() as session:
        person = people.get_user(session, "annotator")
        project = session.get_one(Project, project_id)
        rules = dataclasses.asdict(exams.Rules(questions=1))
        exam = exams.Exam(project_id=project.id, title="考", created_by=person.id, **rules)
        session.add(exam)
        session.flush()
        attempt = exams.ExamAttempt(
            exam_id=exam.id,
            project_id=project.id,
            user_id=person.id,
            number=1,
            ends_at=now() + dt.timedelta(hours=1),
            questions=1,
        )
        session.add(attempt)
        passed = qualifications.grant(session, person.id, project, days=10)
        return attempt.id, passed.id


def suspect(world: World, project_id: int, annotation_id: int) -> dict[str, str]:
    """Make an answer a gold task and a suspicion, and uphold a finding about its maker."""
    ratio = {"value": 0.1, "low": 0.05, "high": 0.2, "number": 30, "method": "bootstrap"}
    facts = {"answers": 30, "median_seconds": 2.0, "ratio": ratio, "claimed_more": 0, "tests": 3}
    with world.installation.database.write() as session:
        requester = people.get_user(session, "requester")
        project = session.get_one(Project, project_id)
        answer = session.get_one(Annotation, annotation_id)
        finding = Finding(
            project_id=project.id,
            kind="speed",
            user_id=answer.completed_by,
            chance=0.001,
            adjusted=0.01,
            facts=json.dumps(facts),
            state=FindingState.UPHELD,
            is_open=True,
            decided_by=requester.id,
            decided_at=now(),
        )
        suspicion = Suspicion(
            project_id=project.id,
            task_id=answer.task_id,
            annotation_id=answer.id,
            score=0.1,
            method="m",
            rank=1,
            job_id="x",
        )
        session.add_all([finding, suspicion])
        session.flush()
        checked = gold.add(session, requester, project, answer.id)
        return {
            "finding_id": str(finding.id),
            "suspicion_id": str(suspicion.id),
            "gold_id": str(checked.id),
        }


def talk(world: World) -> dict[str, str]:
    """Begin a discussion of the dataset; return its number and the dataset's lasting id."""
    told = {"title": "一问", "text": "为何"}
    made = world.good(world.post("builder", "/api/catalogue/alpha/texts/discussions/", told), 201)
    with world.installation.database.read() as session:
        uid = session.scalars(sa.select(Dataset.uid).where(Dataset.name == "texts")).one()
    return {"discussion_id": str(made["id"]), "uid": uid}


def apply(world: World, version: int) -> str:
    """Publish under conditions, and let somebody of the company apply."""
    asked = {**FACTS, "name": "gated", "openness": "conditional", "open_condition": "仅限研究"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    sent = {**APPLICATION, "dataset": "alpha/gated"}
    made = world.good(world.post("company", "/api/datasets-applications/", sent), 201)
    return str(made["id"])


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
        told = {"name": "hub", "kind": "hugging_face", "url": "http://127.0.0.1:1"}
        target = pushes.add(session, settings, actor, **told, owner="city", token="t")
        listed = {"addresses": ["http://127.0.0.1:1/"]}
        feed = feeds.add(session, settings, actor, project, "addresses", listed)
        file = world.installation.store.put_bytes(b"{}").digest
        ended = feeds.FeedRun(feed_id=feed.id, job_id="ended", state="done", reject_file=file)
        session.add(ended)
        session.flush()
    return {
        "feed_id": str(feed.id),
        "run_id": str(ended.id),
        "target_id": str(target.id),
        "model_id": str(model.id),
        "model_kind": "golden_difference",
        "backend_id": str(backend.id),
        "webhook_id": str(hook.id if hook else 0),
        "kind": "s3",
        "storage_id": str(imports.id),
        "export_storage_id": str(exports.id),
    }


class Copies:
    """A filled world whose database is put back after a request that may have changed it."""

    def __init__(self, template: Path, world: World, values: dict[str, str]) -> None:
        self.template, self.world, self.values = template, world, values

    def _put_back(self) -> None:
        # What is beside the file belongs to the old one; connections open themselves again.
        self.world.installation.database.engine.dispose()
        home = self.world.installation.settings.home
        for rest in home.glob("jinbiao.sqlite3-*"):
            rest.unlink()
        shutil.copy(self.template, home / "jinbiao.sqlite3")

    def ask(self, method: str, route: str, role: str) -> TestResponse:
        """Send an empty request as somebody."""
        who = None if role == "anonymous" else role
        # In the form that every route knows, also those of the hub.
        headers = {} if who is None else {"Authorization": f"Bearer {self.world.tokens[who]}"}
        if who is None and not route.startswith(LINKED_DATA):
            # A stranger at a browser: a program would be told 401 instead of 302.
            headers["Accept"] = "text/html"
        path = address(route, self.values)
        answer = self.world.ask(method, path, headers=headers, **body(method))
        if method != "GET" and answer.status_code < 400:
            self._put_back()
        return answer


def body(method: str) -> dict[str, object]:
    """Return an empty body for methods that have one."""
    return {} if method in ("GET", "DELETE") else {"json": {}}


def address(route: str, values: dict[str, str]) -> str:
    """Return the address of a route for the things in the world."""
    special = {"/jobs/<job_id>/rejects": {"job_id": values["rejecting_job"]}}
    special["/scripts/<path:name>"] = {"name": "workbench.js"}
    special["/static/<path:name>"] = {"name": "style.css"}
    for part in ("/dashboards/<name>", "/dashboards/<name>/panels", "/api/dashboards/<name>"):
        special[part] = {"name": "orders"}
    special["/dashboards/<name>/<panel>.csv"] = {"name": "orders", "panel": "progress"}
    special["/datasets/<owner>/<name>/resolve/<path:place>"] = {"place": "main/README.md"}
    for route_of_dcat in ("/dataset/<name>", "/dataset/<name>/<tag>"):
        special[route_of_dcat] = {"name": "alpha-texts"}
    requests = "/api/datasets/<owner>/<name>/user-access-request/<status>"
    special[requests] = {"status": "pending"}
    special["/api/v1/datasets/<int:dataset_id>/repo/tree"] = {
        "dataset_id": values.get("dataset_id", "1")
    }
    special["/api/v1/datasets/<owner>/<name>/repo"] = {"name": "texts/repo?FilePath=README.md#"}
    increase = "/api/v1/datasets/<owner>/<name>/download/uv/<channel>"
    special[increase] = {"channel": "local"}
    given = {**values, **special.get(route, {})}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: given[part[1]], route)


@pytest.fixture(scope="module")
def copies(
    populated: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copies]:
    """Fill a world once, and copy it whenever it was changed."""
    template, tokens = populated
    home = tmp_path_factory.mktemp("rights")
    world = opened(copied(template, home / "filled"), tokens)
    values = fill(world)
    world.installation.database.engine.dispose()
    filled = home / "filled.sqlite3"
    shutil.copy(home / "filled" / "jinbiao.sqlite3", filled)
    with pytest.MonkeyPatch.context() as patch:
        # No worker is there to wait for.
        patch.setattr(storages, "PATIENCE_SECONDS", 0.0)
        yield Copies(filled, world, values)
    world.installation.close()


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['method']} {row['route']}")
def test_everybody_gets_what_the_table_says(copies: Copies, row: dict[str, str]) -> None:
    found = {}
    for role in ROLES:
        answer = copies.ask(row["method"], row["route"], role)
        found[role] = str(answer.status_code)
        if (
            role == "anonymous"
            and answer.status_code == 302
            and not row["route"].startswith("/sign-in")
        ):
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


# Who has no part in the project of the filled world, and of what they see all the same: the
# jobs of everybody without their data, and everybody's accounts.
STRANGERS = {
    "other_requester": (),
    "other_vendor": (),
    "other_annotator": (),
    "other_reviewer": (),
    "builder": (),
    "regulator": (),
    "industry": (),
    "auditor": (),
    "system": ("<job_id>", "storage"),
    "security": ("<int:organisation_id>", "<int:user_id>", "<int:team_id>"),
}


def test_the_table_keeps_strangers_out() -> None:
    for row in rows():
        public = row["anonymous"] not in ("401", "302") or row["route"].startswith("/sign-in")
        for role in ROLES[1:]:
            if not public:
                assert row[role] != "401", row
        if public or "_id>" not in row["route"]:
            continue
        for role, seen in STRANGERS.items():
            # Another organisation's things are not there; what a role may never do is
            # refused before anybody looks. Throwing away a draft that is not there is done.
            own = any(part in row["route"] for part in seen) and "project_id" not in row["route"]
            # What is published is talked about by everybody who has a name.
            open_to_all = "drafts" in row["route"] or "discussions" in row["route"]
            assert row[role] in ("403", "404") or own or open_to_all, (role, row)


def test_no_administrator_of_the_three_does_anothers_part() -> None:
    parts = {
        "system": ("jobs", "workers", "queues", "storage", "system"),
        "security": ("people", "users", "organi"),
    }
    parts["auditor"] = ("audit",)
    mine = (
        "account",
        "current-user",
        "token",
        "notices",
        "jwt",
        "whoami",
        "users/me",
        "sign-",
        "organi",
        "hotkeys",
        "dashboards",
    )
    for row in rows():
        for role, words in parts.items():
            reached = row[role] not in ("401", "403", "404")
            public = row["anonymous"] == row[role] or row["route"] == "/"
            theirs = any(word in row["route"] for word in (*words, *mine, "team"))
            assert not reached or public or theirs, (role, row)


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

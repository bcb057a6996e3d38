"""Crawl every route that takes a dataset, as everybody: nobody learns what is not for them.

The routes come from the application's own map, so that a new one is crawled as well; one with
a part in its address that is not known here fails until somebody says what stands for it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from jinbiao.datasets import catalogue, opening, people, tombstones
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.notices import Notice
from jinbiao.server.auth import PUBLIC
from jinbiao.server.ckan.protocol import ACTIONS
from jinbiao.server.open_files import MOST_WANTED, Shelf
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import APPLICATION, FACTS, World, entity

OPEN, UNDER_CONDITIONS, CLOSED, ABSENT = "openly", "guarded", "secret", "nobody"
# Words that stand in the records of a dataset, and in nothing else of it.
CONTENT = {OPEN: "海河大桥", UNDER_CONDITIONS: "滨海新区", CLOSED: "五大道街"}
# Words that stand in what is said of a dataset, and in nothing else.
TITLES = {OPEN: "公开之物", UNDER_CONDITIONS: "审批之物", CLOSED: "机密之物"}
WITHDRAWN = "撤回之人"
PENDING, ADMITTED, REVOKED = "builder", "other_annotator", "other_vendor"
OUTSIDER, SESSION = "other_requester", "other_requester in a browser"
REASON = "含有个人信息"
# Parts of addresses that say which dataset is meant.
PLACES = ({"organisation", "name"}, {"owner", "name"}, {"ckan_name"}, {"uid"}, {"dataset_id"})


@dataclass
class Published:
    """A dataset as its owner sees it."""

    name: str
    uid: str
    ckan_name: str
    number: int
    commit: str
    release_uid: str
    keys: list[str]
    gone: str
    discussion: int
    # Of all files, and of those that hold what was withdrawn.
    digests: set[str] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)

    @property
    def own_words(self) -> set[str]:
        """Return what tells that there is such a dataset."""
        return {f"alpha/{self.name}", self.uid, self.ckan_name, self.release_uid, self.commit}


class Town:
    """A world with three datasets, and those who want to see into them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known = {name: self._made(name) for name in (OPEN, UNDER_CONDITIONS, CLOSED)}
        self._open(UNDER_CONDITIONS, "conditional")
        self._open(CLOSED, "conditional")
        self._apply(UNDER_CONDITIONS)
        # What is closed was under conditions before: those who had it have it no more.
        self._apply(CLOSED)
        self._open(CLOSED, "closed")
        browser = Browser(world)
        browser.sign_in(OUTSIDER)
        self.browser = browser.client

    def _made(self, name: str) -> Published:
        """Publish two versions, have an outsider talk of it, withdraw a record."""
        world = self.world
        project = world.project(title="源")
        texts = [f"{CONTENT[name]}第{n}段" for n in range(3)] + [f"{CONTENT[name]}{WITHDRAWN}"]
        for number, text in enumerate([*texts, f"{CONTENT[name]}后来"]):
            world.import_list(project, [{"text": text}])
            task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
            sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
            path = f"/api/tasks/{task['id']}/annotations/"
            world.good(world.post("annotator", path, sent), 201)
            task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
            path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
            world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
            if number >= 3:
                done = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
                asked = {**FACTS, "name": name, "title": TITLES[name], "keywords": [TITLES[name]]}
                path = f"/api/versions/{done['version']}/publish"
                world.done(world.post("requester", path, asked))
        base = f"/api/catalogue/alpha/{name}"
        rows = world.good(world.get("requester", f"{base}/records?revision=v1.0.0"))["results"]
        gone = next(row["key"] for row in rows if WITHDRAWN in row["data"]["text"])
        said = {"title": f"{TITLES[name]}有问题", "text": "第一段不对", "key": rows[0]["key"]}
        talk = world.good(world.post(OUTSIDER, f"{base}/discussions/", said), 201)["id"]
        sent = {"key": gone, "reason": REASON}
        job = world.good(world.post("requester", f"{base}/withdrawn", sent), 202)["job"]
        assert world.finished(job["id"])["state"] == "done"
        with world.installation.database.read() as session:
            dataset = session.scalars(sa.select(Dataset).filter_by(name=name)).one()
            releases = catalogue.releases(session, dataset)
            made = Published(
                name,
                dataset.uid,
                dataset.ckan_name,
                dataset.id,
                releases[0].commit_id,
                releases[0].uid,
                [row["key"] for row in rows if row["key"] != gone],
                gone,
                talk,
            )
            for release in reversed(releases):
                files = catalogue.files(session, release)
                made.digests |= {file.digest for file in files}
                made.paths = {file.path: file.digest for file in files}
                paths = [file.path for file in files]
                made.withheld |= {*tombstones.withheld(session, release.id, paths)}
        return made

    def _open(self, name: str, openness: str) -> None:
        more = {"open_condition": "说明用途"} if openness == "conditional" else {}
        path = f"/api/catalogue/alpha/{name}/facts/"
        answer = self.world.patch("requester", path, {"openness": openness, **more})
        assert answer.status_code == 200, answer.text

    def _apply(self, name: str) -> None:
        world, database = self.world, self.world.installation.database
        asked = {**APPLICATION, "dataset": f"alpha/{name}", "signature": "李小明"}
        for who in (PENDING, ADMITTED, REVOKED):
            world.good(world.post(who, "/api/datasets-applications/", asked), 201)
        with database.write() as session:
            dataset = session.scalars(sa.select(Dataset).filter_by(name=name)).one()
            requester = people.get_user(session, "requester")
            for who in (ADMITTED, REVOKED):
                found = opening.find(session, dataset, people.get_user(session, who))
                assert found is not None
                opening.decide(session, requester, found, True)
            opening.revoke(session, requester, found, "用途不符")

    def ask(self, who: str | None, method: str, path: str, **given: Any) -> TestResponse:
        """Send a request as somebody: by token, by session, or as a stranger."""
        client: FlaskClient = self.browser if who == SESSION else self.world.plain
        headers = {"X-Request-ID": "0" * 32, **given.pop("headers", {})}
        if who is not None and who != SESSION:
            headers["Authorization"] = f"Token {self.world.tokens[who]}"
        return client.open(path, method=method, headers=headers, buffered=True, **given)

    def rules(self) -> list[Rule]:
        """List the routes that take a dataset."""
        every = sorted(self.world.app.url_map.iter_rules(), key=lambda rule: rule.rule)
        found = []
        for rule in every:
            names = rule.arguments
            is_hub = rule.rule.startswith("/dataset/")
            if any(place <= names for place in PLACES) or is_hub or "discussion_id" in names:
                found.append(rule)
        return found

    def addresses(self, of: Published, *, reading: bool) -> list[tuple[str, str]]:
        """List (method, address) of every way to ask for a dataset."""
        found = []
        for rule in self.rules():
            methods = {"GET"} if reading else rule.methods - {"GET", "HEAD", "OPTIONS"}
            for method in sorted(methods & rule.methods):
                found += [(method, address) for address in self._filled(rule, of)]
        return list(dict.fromkeys(found))

    def _filled(self, rule: Rule, of: Published) -> list[str]:
        """Fill the parts of an address in, with each revision, file and record that matters."""
        is_linked = rule.rule.startswith("/dataset/")
        values: dict[str, list[Any]] = {
            "organisation": ["alpha"],
            "owner": ["alpha"],
            "name": [of.ckan_name if is_linked else of.name],
            "ckan_name": [of.ckan_name],
            "uid": [of.uid, of.release_uid],
            "dataset_id": [of.number],
            "discussion_id": [of.discussion],
            "key": [of.keys[0], of.gone],
            "pair": ["v1.0.0...v1.1.0"],
            "tag": ["v1.0.0", *(["v1.0.0.ttl"] if is_linked else [])],
            "revision": ["main", of.commit],
            "status": ["pending", "accepted"],
            "channel": ["sdk"],
            "place": ["main"],
        }
        if rule.endpoint == "hub.send_file":
            values["place"] = [f"main/{path}" for path in of.paths][::3]
            values["place"] += [f"{of.commit}/manifest.jsonl", "v1.0.0/README.md"]
        unknown = rule.arguments - {*values}
        assert not unknown, f"say what stands for {unknown} of {rule.rule}"
        assert rule.endpoint in self.world.app.view_functions
        filled = [{}]
        for name in rule.arguments:
            filled = [{**each, name: value} for each in filled for value in values[name]]
        adapter = self.world.app.url_map.bind("localhost")
        made = [adapter.build(rule.endpoint, each, method=None) for each in filled]
        if rule.endpoint == "modelscope.send_file":
            return [f"{made[0]}?FilePath={quote(path)}" for path in ("README.md", "manifest.jsonl")]
        if rule.endpoint == "receipts.show":
            return [*made, *(f"{made[0]}?key={key}" for key in (of.keys[0], of.gone))]
        if rule.endpoint == "comparisons.api_show":
            return [*made, f"{made[0]}?kind=added"]
        return made


@pytest.fixture(scope="module")
def town(shared_world: World) -> Iterator[Town]:
    """Publish what all tests here look at; none of them changes it."""
    yield Town(shared_world)


def absent(of: Published) -> Published:
    """Return what stands for a dataset that is not there."""
    return Published(
        ABSENT,
        "00000000-0000-4000-8000-000000000000",
        f"alpha-{ABSENT}",
        10**9,
        "f" * 40,
        "00000000-0000-4000-8000-000000000001",
        ["e" * 64],
        "d" * 64,
        10**9,
        paths=of.paths,
    )


def told(answer: TestResponse, of: Published) -> tuple[int, str, dict[str, str]]:
    """Return an answer without what differs from one request to the next, and the names."""
    text = answer.get_data(as_text=True)
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("Date", "Server-Timing", "Content-Length", "Set-Cookie")
    }
    every = json.dumps([text, headers], ensure_ascii=False)
    for word in sorted({*of.own_words, *of.keys, of.gone, of.name}, key=len, reverse=True):
        every = every.replace(word, "…")
    every = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…", every)
    # The token of a form.
    every = re.sub(r"\bI[mj][\w-]{30,}\.[\w-]+\.[\w-]+", "…", every)
    every = re.sub(r"[0-9]+", "#", every)
    return answer.status_code, *json.loads(every)


STRANGERS = (None, OUTSIDER, SESSION, PENDING, ADMITTED, REVOKED)


@pytest.mark.parametrize("who", STRANGERS)
def test_what_is_closed_is_not_there(town: Town, who: str | None) -> None:
    secret, nothing = town.known[CLOSED], absent(town.known[CLOSED])
    there = town.addresses(secret, reading=True)
    missing = town.addresses(nothing, reading=True)
    assert len(there) > 60
    pairs = {}
    for (method, path), (_method, other) in zip(there, missing, strict=True):
        found = town.ask(who, method, path)
        if found.status_code in (200, 206, 304):
            raise AssertionError(f"{who}: {path} → {found.status_code}: {found.text[:300]}")
        pairs[path] = told(found, secret), told(town.ask(who, method, other), nothing)
        for word in (TITLES[CLOSED], CONTENT[CLOSED], REASON, *({secret.uid} - {path[4:]})):
            assert word not in found.text, (who, path)
    for path, (found, expected) in pairs.items():
        assert found == expected, (who, path)


@pytest.mark.parametrize("who", [None, OUTSIDER, PENDING, REVOKED])
def test_of_what_is_under_conditions_only_the_metadata_is_told(town: Town, who: str | None) -> None:
    guarded = town.known[UNDER_CONDITIONS]
    page = town.ask(who, "GET", f"/datasets/alpha/{guarded.name}")
    assert page.status_code == 200 and TITLES[UNDER_CONDITIONS] in page.text
    marks = ", ".join(f'"{digest}"' for digest in sorted(guarded.digests))
    for _method, path in town.addresses(guarded, reading=True):
        found = town.ask(who, "GET", path)
        check_no_content(guarded, path, found)
        guess = town.ask(who, "GET", path, headers={"If-None-Match": marks})
        assert guess.status_code == found.status_code, path
        part = town.ask(who, "GET", path, headers={"Range": "bytes=0-9"})
        assert part.status_code not in (206, 416), path
        head = town.ask(who, "HEAD", path)
        assert head.status_code == found.status_code and not head.data, path
        assert not any(digest in str(head.headers) for digest in guarded.digests), path


def check_no_content(of: Published, path: str, found: TestResponse) -> None:
    """Check that an answer holds no record, no file and no way to either."""
    assert found.status_code < 500, path
    text = found.get_data(as_text=True)
    words = (CONTENT[of.name], json.dumps(CONTENT[of.name])[1:-1], WITHDRAWN, "/media/")
    for word in words:
        assert word not in text, (path, word)
    assert hashlib.sha256(found.data).hexdigest() not in of.digests, path
    asked_or_said = {of.keys[0], of.gone}
    for key in {*of.keys} - asked_or_said:
        assert key not in text, (path, "a key of a record")


@pytest.mark.parametrize("who", [None, SESSION, ADMITTED, "annotator", "requester", "admin"])
def test_what_was_withdrawn_is_nowhere(town: Town, who: str | None) -> None:
    openly = town.known[OPEN]
    assert "manifest.jsonl" in openly.withheld and len(openly.withheld) > 4
    word = json.dumps(WITHDRAWN)[1:-1]
    for method, path in town.addresses(openly, reading=True):
        found = town.ask(who, method, path)
        assert found.status_code < 500, path
        text = found.get_data().decode(errors="replace")
        if found.mimetype == "application/zip":
            with zipfile.ZipFile(io.BytesIO(found.data)) as archive:
                names = {name.removeprefix("data/") for name in archive.namelist()}
                text = "".join(
                    archive.read(each).decode(errors="replace") for each in archive.namelist()
                )
            assert "manifest.jsonl" not in names and "README.md" in str(names), path
        assert WITHDRAWN not in text and word not in text, (who, path)
        if openly.gone in path and ("/records/" in path or "/receipts/" in path):
            assert found.status_code == 451, path
    for path in sorted(openly.withheld):
        for revision in ("v1.0.0", "refs/tags/v1.0.0", "refs%2Fheads%2Fmain", openly.commit):
            for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}):
                address = f"/datasets/alpha/{OPEN}/resolve/{revision}/{quote(path)}"
                found = town.ask(who, "GET", address, headers=headers)
                assert WITHDRAWN.encode() not in found.data, address
                if path == "manifest.jsonl" and revision == "v1.0.0":
                    assert found.status_code == 451, address
    receipt = f"/api/catalogue/alpha/{OPEN}/receipts/"
    assert town.ask(who, "GET", receipt + openly.keys[0]).status_code == 200
    gone = town.ask(who, "GET", receipt + openly.gone)
    assert gone.status_code == 451 and REASON in gone.text
    page = town.ask(who, "GET", f"/datasets/alpha/{OPEN}/verify?key={openly.gone}").text
    assert REASON in page and "Merkle" not in page


LISTS = (
    "/datasets",
    "/datasets?openness=closed",
    "/datasets?q=%E6%9C%BA%E5%AF%86",
    "/datasets?organisation=alpha",
    "/api/catalogue/",
    "/api/catalogue/?openness=closed",
    "/api/catalogue/?q=%E6%9C%BA%E5%AF%86%E4%B9%8B%E7%89%A9",
    "/api/catalogue/?q=secret",
    "/api/catalogue/?sort=downloads&limit=1",
    "/api/datasets",
    "/api/datasets?full=1",
    "/api/datasets?author=alpha&limit=1&gated=false",
    "/api/datasets?search=secret",
    "/api/v1/datasets?owner=alpha",
    "/openapi/v1/datasets?search=secret",
    "/catalog",
    "/catalog.ttl",
    "/catalog.rdf?q=title:%E6%9C%BA%E5%AF%86",
    "/catalog?fq=private:true",
    "/api/whoami-v2",
    "/openapi/v1/users/me",
    "/notices",
    "/api/notices/",
    "/push-targets",
    "/applications/queue",
)
QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"id": "alpha", "include_datasets": True},
    {"id": "alpha-secret"},
    {"include_private": True, "q": "private:true", "facet.field": ["tags", "organization"]},
    {"include_private": True, "fq": "capacity:private", "rows": 1000},
    {"q": "*:*", "facet.field": ["tags", "groups", "license_id", "organization"]},
    {"q": "id:[* TO *] OR name:alpha-secret"},
    {"id": TITLES[CLOSED], "include_datasets": True},
    {"all_fields": True, "include_extras": True},
)


@pytest.mark.parametrize("who", [None, OUTSIDER, SESSION, REVOKED])
def test_no_list_and_no_count_knows_what_is_closed(town: Town, who: str | None) -> None:
    secret = town.known[CLOSED]
    answers = {(path, path): town.ask(who, "GET", path) for path in LISTS}
    for name in ACTIONS:
        for number, query in enumerate(QUERIES):
            path = f"/api/3/action/{name}"
            asked = json.dumps(query, ensure_ascii=False)
            answers[f"{path} {number}", asked] = town.ask(who, "POST", path, json=query)
    for (path, asked), found in answers.items():
        assert found.status_code < 500, path
        text = found.text
        if path in ("/notices", "/api/notices/"):
            # Who applied is told how it ended; no more.
            assert TITLES[CLOSED] not in text
            continue
        for word in {TITLES[CLOSED], *secret.own_words}:
            if word not in unquote(asked):
                assert word not in text and json.dumps(word)[1:-1] not in text, (path, word)
    facets = town.ask(who, "GET", "/api/catalogue/").json["facets"]
    assert dict(facets["openness"]) == {"open": 1, "conditional": 1}
    assert dict(facets["organisation"]) == {"alpha": 2}
    found = town.ask(who, "POST", "/api/3/action/package_search", json={}).json["result"]
    assert found["count"] == 2
    shown = town.ask(who, "POST", "/api/3/action/organization_show", json={"id": "alpha"}).json
    assert shown["result"]["package_count"] == 2
    total = town.ask(who, "GET", "/api/v1/datasets?owner=alpha").json["TotalCount"]
    assert total == 2
    asked = {"include_private": True, "q": TITLES[CLOSED], "rows": 0}
    found = town.ask(who, "POST", "/api/3/action/package_search", json=asked).json["result"]
    assert found["count"] == 0


def test_a_cookie_alone_changes_nothing(town: Town) -> None:
    browser = Browser(town.world)
    browser.sign_in("requester")
    client = browser.client
    client.set_cookie("m_session_id", town.world.tokens["requester"])
    before = snapshot(town)
    said = {
        "user": "builder",
        "status": "accepted",
        "gated": False,
        "private": False,
        "openness": "open",
        "decision": "approve",
        "text": "跨站",
        "title": "跨站",
        "key": town.known[OPEN].keys[0],
        "reason": "跨站",
        "dataset": "alpha/guarded",
        **APPLICATION,
    }
    shapes: tuple[dict[str, Any], ...] = (
        {"data": {key: str(value) for key, value in said.items()}},
        {"data": json.dumps(said), "content_type": "text/plain"},
        {"json": said, "headers": {"Authorization": "Basic Og=="}},
    )
    for rule in town.world.app.url_map.iter_rules():
        action = getattr(town.world.app.view_functions[rule.endpoint], "jinbiao_action", None)
        methods = rule.methods - {"GET", "HEAD", "OPTIONS"}
        takes = rule in town.rules() or rule.rule.startswith(("/api/datasets", "/applications"))
        if not takes or not methods or (action == PUBLIC and "modelscope" in rule.endpoint):
            continue
        for name in (OPEN, UNDER_CONDITIONS):
            values = {each: 1 for each in rule.arguments} | {
                "organisation": "alpha",
                "owner": "alpha",
                "name": name,
                "key": town.known[name].keys[0],
                "discussion_id": town.known[name].discussion,
                "revision": "main",
            }
            address = town.world.app.url_map.bind("localhost").build(rule.endpoint, values)
            for shape in shapes:
                for method in methods:
                    found = client.open(address, method=method, **shape)
                    is_read = rule.endpoint == "hub.list_paths"
                    assert is_read or found.status_code >= 400, (method, address, found.text[:200])
    assert snapshot(town) == before


def snapshot(town: Town) -> dict[str, int]:
    """Count the rows of every table that a catalogue's route may change."""
    names = ("applications", "discussions", "discussion_posts", "tombstones", "jobs", "audit")
    with town.world.installation.database.read() as session:
        there = sa.inspect(session.get_bind()).get_table_names()
        rows = {
            name: int(session.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0)
            for name in there
            if name.startswith(names)
        }
        return rows | dict(session.execute(sa.select(Dataset.name, Dataset.openness)).all())


def test_people_are_known_by_what_they_said_of_themselves(town: Town) -> None:
    world = town.world
    base = f"/api/datasets/alpha/{UNDER_CONDITIONS}/user-access-request"
    with world.installation.database.write() as session:
        person = people.get_user(session, "regulator")
        person.name, person.email = "真名实姓", "private@example.org"
        annotator = people.get_user(session, "annotator")
        annotator.name = "标注者本名"
        pseudonym, username = annotator.pseudonym, annotator.username
    granted = town.ask("requester", "POST", f"{base}/grant", json={"user": "regulator"})
    assert granted.status_code == 200
    listed = town.ask("requester", "GET", f"{base}/accepted")
    assert "regulator" in listed.text
    assert "真名实姓" not in listed.text and "private@example.org" not in listed.text
    # Who has no account and who has not applied are the same to whoever decides.
    told_of = [
        town.ask("requester", "POST", f"{base}/handle", json={"user": name, "status": "accepted"})
        for name in ("nobody-at-all", "industry")
    ]
    assert told_of[0].status_code == 404 and told_of[0].data == told_of[1].data
    # Nobody but the provider's people reads who applied, or decides.
    for who in (None, OUTSIDER, ADMITTED, "annotator"):
        assert town.ask(who, "GET", f"{base}/pending").status_code in (401, 403)
    # Who speaks under a name is not recognised by the pseudonym that stands on records.
    api = f"/api/catalogue/alpha/{OPEN}/discussions/"
    said = {"title": "自己的记录", "text": "我标的"}
    number = world.good(town.ask("annotator", "POST", api, json=said), 201)["id"]
    for path in (f"{api}{number}/", api, f"/datasets/alpha/{OPEN}/discussions/{number}"):
        seen = town.ask(None, "GET", path).text
        assert pseudonym not in seen and "标注者本名" not in seen and username not in seen
        assert pseudonym not in town.ask(OUTSIDER, "GET", path).text
    receipt = town.ask(
        None, "GET", f"/api/catalogue/alpha/{OPEN}/receipts/{town.known[OPEN].keys[0]}"
    )
    assert pseudonym in receipt.text


def test_nobody_guesses_records_or_hears_of_what_was_closed(town: Town) -> None:
    guarded, secret = town.known[UNDER_CONDITIONS], town.known[CLOSED]
    path = f"/api/catalogue/alpha/{UNDER_CONDITIONS}/discussions/"
    answers = [
        town.ask(OUTSIDER, "POST", path, json={"title": "猜", "text": "猜", "key": key})
        for key in (guarded.keys[0], "0" * 64)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    counted = town.ask(
        None, "GET", f"/api/catalogue/alpha/{UNDER_CONDITIONS}/compare/v1.0.0...v1.1.0?kind=added"
    ).json
    assert (counted["added"], counted["results"]) == (1, None)

    def heard() -> int:
        with town.world.installation.database.read() as session:
            outsider = people.get_user(session, OUTSIDER)
            return len(session.scalars(sa.select(Notice).filter_by(user_id=outsider.id)).all())

    before = heard()
    api = f"/api/catalogue/alpha/{CLOSED}/discussions/{secret.discussion}/"
    assert town.ask("requester", "POST", api, json={"text": "内部答复"}).status_code == 200
    assert heard() == before


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"{{7*7}}${7*7}=1+1"


def test_what_people_write_is_text_everywhere(world: World) -> None:
    _project, version = world.frozen(2)
    facts = {**FACTS, "provider": f"局{HOSTILE}"[:150], "contact_name": HOSTILE[:90]}
    asked = {
        **facts,
        "openness": "conditional",
        "open_condition": HOSTILE,
        "name": "texts",
        "title": f"题{HOSTILE}",
        "title_en": HOSTILE,
        "description": f"{HOSTILE}\n\n[x](javascript:alert(1)) \u2028",
        "keywords": [HOSTILE[:60]],
        "notes": HOSTILE,
    }
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    base = "/api/catalogue/alpha/texts"
    talk = {"title": HOSTILE, "text": HOSTILE}
    number = world.good(world.post("builder", f"{base}/discussions/", talk), 201)["id"]
    application = {
        **APPLICATION,
        "dataset": "alpha/texts",
        **{name: HOSTILE for name in ("purpose", "scenario", "requested_items")},
        "security_statement": HOSTILE,
    }
    asking = world.good(world.post("builder", "/api/datasets-applications/", application), 201)
    pages = [
        "/datasets",
        *(f"/datasets/alpha/texts{rest}" for rest in ("", "/files", "/records", "/verify")),
        *(f"/datasets/alpha/texts/{rest}" for rest in ("scores", "datasheet", "discussions")),
        f"/datasets/alpha/texts/discussions/{number}",
        *("/datasets/alpha/texts/sheet", "/datasets/alpha/texts/facts", "/notices"),
        "/datasets/alpha/texts/apply",
        f"/applications/{asking['id']}",
        *("/applications/queue", "/applications"),
        "/datasets/alpha/texts/compare/v1.0.0...v1.0.0",
        "/datasets/alpha/texts/withdrawn",
        f"/datasets?q={quote(HOSTILE)}",
        f"/datasets/alpha/texts/verify?key={quote(HOSTILE)}",
    ]
    for who in ("requester", "builder"):
        for path in pages:
            found = world.get(who, path)
            assert found.status_code < 500, path
            if found.mimetype == "text/html":
                for wrong in ("<script>alert", "<img src=x", '="javascript:', ">49<"):
                    assert wrong not in found.text, (who, path)
                inside = re.findall(r"<script([^>]*)>(.*?)</script>", found.text, re.DOTALL)
                assert all("src=" in about or "json" in about for about, _body in inside), path
                for about, body in inside:
                    if "json" in about:
                        json.loads(body)
    for path in ("/dataset/alpha-texts.ttl", "/dataset/alpha-texts.rdf", "/dataset/alpha-texts.nt"):
        found = world.get(None, path)
        assert found.status_code == 200 and found.mimetype != "text/html", path
        assert "<script>" not in found.text or path.endswith(("ttl", "nt")), path
    for path in ("/api/datasets/alpha/texts", f"{base}/", "/api/datasets/alpha/texts/croissant"):
        answer = world.get(None, path)
        assert answer.is_json and answer.headers["X-Content-Type-Options"] == "nosniff"
    called = world.get(None, "/api/3/action/package_show?id=alpha-texts&callback=f")
    assert called.mimetype == "application/javascript" and "<script>" in called.text
    own = {"Cookie": f"m_session_id={world.tokens['requester']}"}
    private = "/api/3/action/package_search?include_private=1&q=private:true&callback=f"
    world.patch("requester", f"{base}/facts/", {"openness": "closed"})
    assert '"count":0' in world.get(None, private, headers=own).text


DEEP = "[" * 50_000
HARD: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/3/action/package_search", {"fq": " OR ".join(["tags:a"] * 10_000)}),
    ("POST", "/api/3/action/package_search", {"q": '"' + "a " * 1990 + '"'}),
    ("POST", "/api/3/action/package_search", {"q": 'title:"' + "a " * 1990 + '"'}),
    ("POST", "/api/3/action/package_search", {"fq_list": ["a " * 790] * 100}),
    ("POST", "/api/3/action/package_search", {"q": "(" * 3000 + "a" + ")" * 900}),
    ("POST", "/api/3/action/package_search", {"q": "[ " + " " * 3990 + "TO"}),
    ("POST", "/api/3/action/package_search", {"q": "metadata_modified:[" + '"" ' * 1300}),
    ("POST", "/api/3/action/package_search", {"q": "\\" * 3999}),
    ("POST", "/api/3/action/package_search", {"rows": 10**9, "start": 10**9}),
    ("POST", "/api/3/action/package_search", {"facet.field": DEEP}),
    ("POST", "/api/3/action/package_search", {"sort": "a" * 200_000}),
    ("POST", "/api/3/action/package_search", DEEP),
    ("GET", "/catalog?q=" + quote('"' + "a " * 1990 + '"'), None),
    ("GET", "/api/datasets?cursor=" + "W1tb" * 20_000, None),
    ("GET", "/api/datasets?" + "&".join(f"filter=k{n}" for n in range(3000)), None),
    ("GET", "/api/datasets?" + "&".join(f"filter=language:k{n}" for n in range(3000)), None),
    ("GET", "/api/datasets?search=" + "a+" * 5000, None),
    ("POST", "/datasets/alpha/openly/ask-access", '{"a":' + DEEP),
    ("POST", "/api/datasets/alpha/openly/user-access-request/handle", '{"a":' + DEEP),
    ("PUT", "/api/datasets/alpha/openly/settings", '{"gated":' + DEEP),
    ("POST", "/api/v1/login", '{"AccessToken":' + "[" * 4000),
    ("GET", "/api/v1/datasets/alpha/openly/repo?FilePath=" + "../" * 2000, None),
    ("GET", "/api/v1/datasets?PageNumber=3000&PageSize=3000", None),
    ("GET", "/datasets?q=" + "%25_" * 5000 + "&before=x,1", None),
)


@pytest.mark.parametrize("number", range(len(HARD)))
def test_what_is_hard_to_answer_is_refused_soon(town: Town, number: int) -> None:
    method, path, body = HARD[number]
    given: dict[str, Any] = {"json": body} if isinstance(body, dict) else {}
    if isinstance(body, str):
        given = {"data": body, "content_type": "application/json"}
    began = time.process_time()
    found = town.ask("requester", method, path, **given)
    assert found.status_code < 500, found.text[:500]
    assert time.process_time() - began < 1.0
    assert len(found.data) < 50_000


@pytest.mark.parametrize("pattern", ["%", "_", "%%", "\\%", "*", "' OR 1=1 --"])
def test_no_sign_of_a_search_stands_for_everything(town: Town, pattern: str) -> None:
    for path in ("/api/datasets?search=", "/api/datasets?author=", "/openapi/v1/datasets?search="):
        found = town.ask(None, "GET", path + quote(pattern)).json
        rows = found["data"]["datasets"] if isinstance(found, dict) else found
        assert rows == [], (path, pattern)
    for name in ("package_show", "organization_show", "resource_show", "tag_show"):
        found = town.ask(None, "POST", f"/api/3/action/{name}", json={"id": pattern})
        assert found.status_code == 404


def test_the_fast_way_knows_only_what_is_open(town: Town) -> None:
    shelf = Shelf(town.world.installation)
    openly, file = town.known[OPEN], "README.md"
    revisions = ("main", "v1.0.0", openly.commit, "MAIN", "main.", "v1.0.0.", "", "..", "refs")
    owners = ("alpha", "Alpha", "alpha.", "ALPHA", "%", "")
    names = (OPEN, UNDER_CONDITIONS, CLOSED, f"{CLOSED}.", CLOSED.upper(), f"{OPEN}.", "%")
    keys = [(owner, name, each) for owner in owners for name in names for each in revisions]
    for _round in range(len(keys) // MOST_WANTED + 1):
        assert all(shelf.find(key, file) is None for key in keys if key[:2] != ("alpha", OPEN))
        shelf.refresh()
        keys = [key for key in keys if shelf.find(key, file) is None]
    for owner, name, _revision in keys:
        assert (owner, name) != ("alpha", OPEN) or _revision not in revisions[:3]
    good = ("alpha", OPEN, "v1.0.0")
    assert shelf.find(good, file) is not None
    for path in openly.withheld - {*openly.paths} | {"manifest.jsonl", "records/../README.md"}:
        assert shelf.find(good, path) is None, path
    for number in range(5000):
        assert shelf.find(("alpha", f"flood-{number}", "main"), file) is None
    shelf.refresh()
    assert shelf.find(good, file) is not None


def test_who_has_to_choose_a_password_first_sees_what_strangers_see(town: Town) -> None:
    browser = Browser(town.world)
    browser.sign_in("reviewer2")
    addresses = (f"/datasets/alpha/{CLOSED}", f"/api/datasets/alpha/{CLOSED}")
    assert [browser.client.get(path).status_code for path in addresses] == [200, 200]
    with town.world.installation.database.write() as session:
        people.get_user(session, "reviewer2").password_is_temporary = True
    assert [browser.client.get(path).status_code for path in addresses] == [404, 401]


@pytest.mark.parametrize("who", [None, OUTSIDER, ADMITTED])
def test_no_change_tells_what_is_closed(town: Town, who: str | None) -> None:
    secret, nothing = town.known[CLOSED], absent(town.known[CLOSED])
    before = snapshot(town)
    there = town.addresses(secret, reading=False)
    missing = town.addresses(nothing, reading=False)
    assert len(there) > 12
    said = {"text": "试", "title": "试", "paths": ["README.md"], "status": "accepted"}
    said |= {"user": "builder", "gated": "manual", "target": "x", "reason": "试"}
    for body in ({}, said):
        for (method, path), (_method, other) in zip(there, missing, strict=True):
            found = told(town.ask(who, method, path, json=body), secret)
            assert found == told(town.ask(who, method, other, json=body), nothing), (who, path)
            assert found[0] >= 400 or found[0] == 302, path
    for name in ("alpha/secret", "alpha/nobody"):
        asked = {**APPLICATION, "dataset": name}
        found_here = town.ask(who, "POST", "/api/datasets-applications/", json=asked)
        assert found_here.status_code == (401 if who is None else 404)
    assert snapshot(town) == before


@pytest.mark.parametrize("who", [OUTSIDER, ADMITTED, "annotator"])
def test_what_its_owner_alone_does_is_not_for_others(town: Town, who: str) -> None:
    base, page = f"/api/catalogue/alpha/{OPEN}", f"/datasets/alpha/{OPEN}"
    for method, path in (
        ("GET", f"{page}/facts"),
        ("GET", f"{base}/facts/"),
        ("GET", f"{page}/sheet"),
        ("GET", f"{base}/pushes"),
        ("PATCH", f"{base}/facts/"),
        ("POST", f"{page}/facts"),
        ("POST", f"{page}/sheet"),
        ("POST", f"{base}/pushes"),
        ("POST", f"{base}/withdrawn"),
        ("PUT", f"/api/datasets/alpha/{OPEN}/settings"),
    ):
        body = {"openness": "closed", "gated": "manual", "key": town.known[OPEN].keys[0]}
        given = {} if method == "GET" else {"json": {**body, "reason": "试", "target": "x"}}
        found = town.ask(who, method, path, **given)
        assert found.status_code in (400, 403, 404), (path, found.status_code)
        assert town.known[OPEN].keys[0] not in found.text
    assert town.ask(None, "GET", base + "/").status_code == 200


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (ADMITTED, UNDER_CONDITIONS),
        ("annotator", UNDER_CONDITIONS),
        *((who, CLOSED) for who in ("annotator", "requester", "admin")),
    ],
)
def test_who_may_have_it_has_it(town: Town, who: str, name: str) -> None:
    rows = town.ask(who, "GET", f"/api/catalogue/alpha/{name}/records").json["results"]
    assert CONTENT[name] in rows[0]["data"]["text"]
    for path, status in (("README.md", 200), ("manifest.jsonl", 200)):
        address = f"/datasets/alpha/{name}/resolve/main/{path}"
        withheld = path in town.known[name].withheld
        assert town.ask(who, "GET", address).status_code == (451 if withheld else status)

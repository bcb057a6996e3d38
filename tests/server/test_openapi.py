"""The document of the API holds every route, is a valid one, and can be read."""

from __future__ import annotations

import json
import re

import pytest

from jinbiao.server import openapi
from jinbiao.server.openapi.chain import OTHER_PROTOCOLS
from jinbiao.server.openapi.document import described, operation_of
from jinbiao.server.openapi.nouns import NOUNS
from jinbiao.server.openapi.reading import brief
from jinbiao.server.openapi.schemas import (
    INTEGER,
    TEXT,
    listed,
    mapping,
    maybe,
    one_of,
    record,
    ref,
)
from jinbiao.tests.clients.test_label_studio import RECORDINGS, needs_recordings
from jinbiao.tests.server.world import World

UNTOLD = ("openapi.show",)


def test_every_route_is_in_the_document_and_nothing_else(shared_world: World) -> None:
    there = [
        (rule, method)
        for rule, method in described(shared_world.app)
        if not rule.endpoint.startswith(OTHER_PROTOCOLS) and rule.endpoint not in UNTOLD
    ]
    missing = [f"{m} {r}" for r, m in there if operation_of(openapi.OPERATIONS, r, m) is None]
    assert missing == []
    endpoints = {rule.endpoint for rule, _method in there}
    assert set(openapi.OPERATIONS) - endpoints == set()


def test_the_document_is_openapi_and_refers_to_what_it_has(shared_world: World) -> None:
    told = shared_world.good(shared_world.get(None, "/api/openapi.json"))
    assert told["openapi"] == "3.1.0"
    text = json.dumps(told)
    for part in text.split('"$ref": "')[1:]:
        place = part.partition('"')[0]
        found = told
        for name in place.removeprefix("#/").split("/"):
            found = found[name]
    names = [each["operationId"] for path in told["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))
    assert all(each["summary"] for path in told["paths"].values() for each in path.values())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_can_read_it(shared_world: World, language: str) -> None:
    page = shared_world.get(None, f"/docs/api?language={language}").text
    assert "/api/projects/{project_id}/import" in page and "validation_errors" in page
    assert len(page.encode()) < 150_000
    other = shared_world.get(None, f"/docs/api/catalogue?language={language}").text
    assert "/api/versions/{version_id}/publish" in other
    assert len(other.encode()) < 150_000
    other = shared_world.get(None, f"/docs/api/material?language={language}").text
    assert "/api/libraries/{library_id}/" in other
    assert len(other.encode()) < 150_000


def test_each_route_says_in_chinese_what_it_does_under_a_noun(shared_world: World) -> None:
    told = shared_world.good(shared_world.get(None, "/api/openapi.json?language=zh"))
    each = [operation for path in told["paths"].values() for operation in path.values()]
    assert {operation["tags"][0] for operation in each} == set(NOUNS)
    words = [operation["summary"] for operation in each]
    words += [tag["description"] for tag in told["tags"]]
    assert [text for text in words if not re.search("[\u4e00-\u9fff]", text)] == []


def test_every_link_of_the_page_leads_somewhere(shared_world: World) -> None:
    there = {}
    for path in ("/docs/api", "/docs/api/catalogue", "/docs/api/material", "/docs/api/things"):
        page = shared_world.get(None, path).text
        places = re.findall(r' id="([^"]+)"', page)
        assert len(places) == len(set(places))
        there[path] = set(places)
        found = re.findall(r'href="(/docs/api/things)?#([^"]+)"', page)
        assert all(place in there.get(other or path, {place}) for other, place in found)
        named = {place for other, place in found if other}
    assert {place for place in named} <= there["/docs/api/things"]


def test_a_schema_reads_at_a_glance() -> None:
    person = record(("nick",), id=INTEGER, nick=TEXT)
    assert brief(person) == "{\n  id: integer\n  nick?: string\n}"
    link = '<a href="/docs/api/things#schema-Task">Task</a>'
    assert brief(listed(maybe(ref("Task")))) == f"[{link} | null]"
    assert brief(mapping(one_of("<a>", 1))) == "{\n  …: &#34;&lt;a&gt;&#34; | 1\n}"
    assert brief({"type": ["string", "null"]}) == "string | null"
    assert brief({}) == "any"


@needs_recordings
def test_every_recorded_call_of_the_open_edition_has_an_address(shared_world: World) -> None:
    adapter = shared_world.app.url_map.bind("localhost")
    unknown = []
    for file in sorted(RECORDINGS.glob("[0-9][0-9][0-9]_*.json")):
        for exchange in json.loads(file.read_text(encoding="utf-8"))["exchanges"]:
            asked, told = exchange["request"], exchange["response"]
            is_enterprise = told["status"] == 404 and isinstance(told["body"], str)
            path = asked["path"]
            if (
                not is_enterprise
                and path.startswith("/api/")
                and not adapter.test(path, asked["method"])
            ):
                unknown.append(f"{file.name} {asked['method']} {path}")
    assert unknown == []

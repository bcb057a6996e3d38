"""Answer CKAN's clients in the forms that they know, and nobody else's data to anybody."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from jinbiao.datasets import catalogue
from jinbiao.datasets.catalogue import Dataset
from jinbiao.exporters.distributions import MOST, dataset_part, distribution_uid
from jinbiao.tests.server.world import FACTS, PASSWORD, World

CALL = "/api/3/action/"
# What real CKAN takes: its validators of names, tags and times.
NAME = re.compile(r"[a-z0-9_-]{2,100}")
TAG = re.compile(r"[\w \-.]{2,100}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
KEYWORDS = ["road", "n<1K", "license:mit", "车", "道路 病害", "a;b"]


@pytest.fixture(scope="module")
def world(shared_world: World) -> Iterator[World]:
    """Publish an open dataset, one under conditions, and a closed one."""
    _project, version = shared_world.frozen(2)
    for name, openness in (("open", "open"), ("asked", "conditional"), ("shut", "closed")):
        asked = {**FACTS, "name": name, "title": f"数据 {name}", "openness": openness}
        asked |= {"keywords": KEYWORDS, "formats": ["jsonl"], "description": "说明"}
        if openness == "conditional":
            asked["open_condition"] = "仅用于研究"
        path = f"/api/versions/{version}/publish"
        shared_world.done(shared_world.post("requester", path, asked))
    yield shared_world


def call(world: World, action: str, who: str | None = None, **given: Any) -> Any:
    """Post to an action, which must go well, and return its result."""
    headers = {} if who is None else {"Authorization": world.tokens[who]}
    told = world.good(world.post(None, CALL + action, given, headers=headers))
    assert told["success"] is True and told["help"].endswith(f"help_show?name={action}")
    return told["result"]


def refused(world: World, action: str, status: int, kind: str, **given: Any) -> dict[str, Any]:
    """Post to an action, which must be refused so; return the error."""
    headers = given.pop("headers", {})
    answer = world.post(None, CALL + action, given, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json is not None and answer.json["success"] is False
    error: dict[str, Any] = answer.json["error"]
    assert error["__type"] == kind
    return error


def test_a_package_passes_ckans_own_validators(world: World) -> None:
    package = call(world, "package_show", id="alpha-open")
    assert NAME.fullmatch(package["name"]) and str(uuid.UUID(package["id"])) == package["id"]
    assert [tag["name"] for tag in package["tags"]] == ["road", "道路 病害"]
    for tag in package["tags"]:
        assert TAG.fullmatch(tag["name"]) and uuid.UUID(tag["id"])
    keys = [extra["key"] for extra in package["extras"]]
    assert len(keys) == len(set(keys)) and {"concept_id", "version_id"} <= set(keys)
    assert all(isinstance(extra["value"], str) for extra in package["extras"])
    assert package["owner_org"] == package["organization"]["id"]
    assert NAME.fullmatch(package["organization"]["name"])
    assert package["groups"][0]["name"] == FACTS["domain"]
    assert package["isopen"] is True and package["private"] is False
    assert package["version"] == "v1.0.0" and package["license_id"] == "CC-BY-4.0"
    for part in (package, *package["resources"]):
        times = {key: part[key] for key in part if key.endswith(("_modified", "created"))}
        assert times and all(TIME.fullmatch(value) for value in times.values()), times


def test_resources_are_the_bytes_that_they_say(world: World) -> None:
    package = call(world, "package_show", id="alpha-open")
    archive, *files = package["resources"]
    assert archive["format"] == "ZIP" and archive["hash"] == "" and archive["size"] is None
    assert [each["position"] for each in package["resources"]] == list(range(len(files) + 1))
    names = [each["name"] for each in files]
    assert "README.md" in names and any(name.startswith("records/") for name in names)
    for each in package["resources"]:
        assert each["format"] and each["package_id"] == package["id"]
        assert uuid.UUID(each["id"]) and dataset_part(each["id"]) == package["id"][:13]
        place = urlsplit(each["url"])
        answer = world.get(None, place.path)
        assert answer.status_code == 200, each["url"]
        assert call(world, "resource_show", id=each["id"]) == each
    readme = next(each for each in files if each["name"] == "README.md")
    sent = world.get(None, urlsplit(readme["url"]).path)
    assert sent.headers["ETag"] == f'"{readme["hash"]}"' and len(sent.data) == readme["size"]
    assert readme["resource_type"] == "documentation"


def test_a_large_release_is_told_by_its_formats(world: World) -> None:
    listed = call(world, "package_show", id="alpha-open")["resources"]
    assert 3 < len(listed) <= MOST
    assert not any(each["name"].startswith(("images/", "labels/")) for each in listed)


def test_conditions_lead_to_the_page_until_they_are_met(world: World) -> None:
    shown = call(world, "package_show", id="alpha-asked")
    assert {each["url"] for each in shown["resources"]} == {shown["url"]}
    assert shown["isopen"] is False
    assert world.get(None, urlsplit(shown["url"]).path).status_code == 200
    own = call(world, "package_show", "annotator", id="alpha-asked")
    assert len({each["url"] for each in own["resources"]}) == len(own["resources"])
    searched = call(world, "package_search", "annotator", fq="name:alpha-asked")
    assert searched["results"][0]["resources"][0]["url"] == shown["url"]


def test_closed_datasets_are_not_there_for_others(world: World) -> None:
    for who in (None, "other_requester", "builder"):
        headers = {} if who is None else {"Authorization": world.tokens[who]}
        refused(world, "package_show", 404, "Not Found Error", id="alpha-shut", headers=headers)
        found = call(world, "package_search", who, include_private=True)
        assert [each["name"] for each in found["results"]] == ["alpha-asked", "alpha-open"]
    assert call(world, "package_list", "requester") == ["alpha-asked", "alpha-open"]
    assert call(world, "package_search", "requester")["count"] == 2
    own = call(world, "package_search", "requester", include_private="true", fq="private:true")
    assert [each["name"] for each in own["results"]] == ["alpha-shut"]
    assert call(world, "package_show", "requester", id="alpha-shut")["private"] is True


@pytest.mark.parametrize("form", ["Authorization", "Bearer", "X-CKAN-API-Key", "Basic"])
def test_a_token_is_taken_in_each_form(world: World, form: str) -> None:
    token = world.tokens["requester"]
    headers = {form: token} if form in ("Authorization", "X-CKAN-API-Key") else {}
    given: dict[str, Any] = {"auth": ("any", token)} if form == "Basic" else {}
    if form == "Bearer":
        headers = {"Authorization": f"Bearer {token}"}
    answer = world.get(None, f"{CALL}package_show?id=alpha-shut", headers=headers, **given)
    assert world.good(answer)["result"]["private"] is True
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_bad_token_is_an_error_of_authorization(world: World) -> None:
    headers = {"Authorization": "nobody"}
    refused(world, "package_show", 403, "Authorization Error", id="alpha-open", headers=headers)


def test_a_page_cannot_read_through_a_script_what_its_reader_may_see(world: World) -> None:
    browser = world.app.test_client()
    page = browser.get("/sign-in").text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    form = {"username": "requester", "password": PASSWORD, "csrf_token": found[1]}
    assert browser.post("/sign-in", data=form).status_code == 302
    path = f"{CALL}package_show?id=alpha-shut"
    assert browser.get(path).status_code == 200
    assert browser.get(f"{path}&callback=take").status_code == 404
    everything = f"{CALL}package_search?include_private=true&callback=take"
    told = browser.get(everything)
    assert told.mimetype == "application/javascript" and "alpha-shut" not in told.text
    body = json.loads(told.text.removeprefix("/**/take(").removesuffix(");"))
    assert body["result"]["count"] == 2


@pytest.mark.parametrize("name", ["alert(1)", "a;b", "a.", "<b>", "1a", "a-b", "", "a" * 300])
def test_only_plain_names_are_called_back(world: World, name: str) -> None:
    answer = world.get(None, f"{CALL}site_read?callback={quote(name)}")
    if not name:
        assert world.good(answer)["result"] is True
        return
    assert answer.status_code == 400 and isinstance(answer.json, str)
    assert answer.mimetype == "application/json"


def test_searching_is_the_same_in_both_ways(world: World) -> None:
    asked = {"q": "数据", "fq": "organization:alpha", "sort": "name desc", "rows": "1"}
    posted = call(world, "package_search", **asked)
    query = "&".join(f"{key}={quote(value)}" for key, value in asked.items())
    got = world.good(world.get(None, f"/api/action/package_search?{query}"))["result"]
    assert posted == got and got["count"] == 2
    assert [each["name"] for each in got["results"]] == ["alpha-open"]
    assert got["sort"] == "name desc"
    many = f"{CALL}package_search?fq_list=name:alpha-open&fq_list=tags:road"
    assert world.good(world.get(None, many))["result"]["count"] == 1


def test_chinese_words_need_no_space_between_them(world: World) -> None:
    for query, count in (
        ("道路病害数据", 2),
        ("-道路病害数据", 0),
        ("数据病害 open", 1),
        ("路病数据", 0),
        ("tags:道路病害", 0),
    ):
        assert call(world, "package_search", q=query)["count"] == count, query


def test_paging_ends_with_an_empty_page(world: World) -> None:
    seen: list[str] = []
    while True:
        page = call(world, "package_search", rows=1, start=len(seen), sort="id asc")
        assert page["count"] == 2
        if not page["results"]:
            break
        seen.append(page["results"][0]["id"])
    assert len(seen) == 2 and seen == sorted(seen)
    assert len(call(world, "package_search", rows=100_000_000)["results"]) == 2


def test_facets_are_counted(world: World) -> None:
    fields = ["organization", "tags", "groups", "license_id", "res_format"]
    told = call(world, "package_search", rows=0, **{"facet.field": json.dumps(fields)})
    assert told["results"] == []
    assert told["facets"]["organization"] == {"alpha": 2}
    assert told["facets"]["tags"] == {"road": 2, "道路 病害": 2}
    assert told["facets"]["license_id"] == {"CC-BY-4.0": 2}
    assert told["search_facets"]["groups"]["items"][0]["display_name"] == "工业"
    few = call(world, "package_search", **{"facet.field": ["tags"], "facet.limit": 1})
    assert few["facets"]["tags"] == {"road": 2}


def test_lists_name_what_there_is(world: World) -> None:
    assert call(world, "organization_list") == ["alpha"]
    (told,) = call(world, "organization_list", all_fields=True)
    assert told["package_count"] == 2 and told["is_organization"] is True
    shown = call(world, "organization_show", id=told["id"], include_datasets=True)
    assert len(shown["packages"]) == 2
    # Who has published nothing public is not told.
    refused(world, "organization_show", 404, "Not Found Error", id="beta")
    assert call(world, "group_list") == [FACTS["domain"]]
    assert call(world, "group_show", id=FACTS["domain"])["package_count"] == 2
    assert call(world, "tag_list", query="roa") == ["road"]
    assert call(world, "tag_show", id="road", include_datasets=True)["packages"]
    licences = [each["id"] for each in call(world, "license_list")]
    assert set(licences) == set(catalogue.LICENCES)
    assert call(world, "status_show")["site_url"] == "http://localhost"
    assert "dataset" in call(world, "help_show", name="package_show")
    assert len(call(world, "current_package_list_with_resources", limit=1, page=2)) == 1
    assert world.good(world.get(None, "/api/3")) == {"version": 3}


@pytest.mark.parametrize(
    ("action", "given", "field"),
    [
        ("package_search", {"rows": -1}, "rows"),
        ("package_search", {"rows": "ten"}, "rows"),
        ("package_search", {"start": 10**20}, "start"),
        ("package_search", {"start": True}, "start"),
        ("package_search", {"sort": "price asc"}, "sort"),
        ("package_search", {"sort": "name; drop"}, "sort"),
        ("package_search", {"q": ["a"]}, "q"),
        ("package_search", {"q": "title:(a"}, "q"),
        ("package_search", {"fq": "vocab_x:y"}, "fq"),
        ("package_search", {"fq_list": [1]}, "fq_list"),
        ("package_search", {"fq_list": "[" * 5000}, "fq_list"),
        ("package_search", {"facet.field": "[broken"}, "facet.field"),
        ("package_search", {"facet.field": ["price"]}, "facet.field"),
        ("package_search", {"facet.limit": "all"}, "facet.limit"),
        ("package_search", {"q": "a\0b"}, "message"),
        ("package_show", {}, "id"),
        ("package_show", {"id": {"a": 1}}, "id"),
        ("resource_show", {"id": None}, "id"),
        ("package_list", {"limit": "x"}, "limit"),
    ],
)
def test_a_wrong_argument_is_named(
    world: World, action: str, given: dict[str, Any], field: str
) -> None:
    error = refused(world, action, 409, "Validation Error", **given)
    assert error[field] and all(isinstance(line, str) for line in error[field])


def test_what_is_no_call_is_answered_with_a_text(world: World) -> None:
    for method, path, body in (
        ("GET", "nothing", None),
        ("POST", "nothing", b"{}"),
        ("GET", "package_create", None),
        ("POST", "package_list", b"{broken"),
        ("POST", "package_list", b"[1]"),
        ("POST", "package_list", b"[" * 100_000),
        ("POST", "package_list", b"\xff\xfe"),
    ):
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        answer = world.ask(method, CALL + path, **given)
        assert answer.status_code == 400, (path, answer.text)
        assert isinstance(answer.json, str)
    large = world.ask("POST", CALL + "package_list", data=b" " * 1_000_001)
    assert large.status_code == 413
    headers = {"Authorization": world.tokens["requester"]}
    refused(world, "package_create", 403, "Authorization Error", name="x", headers=headers)


def test_a_list_costs_the_same_queries_however_long_it_is(world: World) -> None:
    def asked(rows: int) -> int:
        told: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            told.append(statement)

        engine = world.installation.database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            call(world, "package_search", rows=rows)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(told)

    assert asked(1) == asked(2) <= 8


def test_ids_of_files_stay_from_version_to_version(world: World) -> None:
    with world.installation.database.read() as session:
        dataset = session.scalars(sa.select(Dataset).where(Dataset.name == "open")).one()
    shown = call(world, "package_show", id="alpha-open")["resources"]
    told = {each["name"]: each["id"] for each in shown}
    assert told["README.md"] == distribution_uid(dataset, "README.md")
    # A file that does not exist has an id as well, and is not there.
    missing = distribution_uid(dataset, "nothing.md")
    refused(world, "resource_show", 404, "Not Found Error", id=missing)
    refused(world, "resource_show", 404, "Not Found Error", id="\u2028" * 36)

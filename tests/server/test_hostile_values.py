"""Put hostile values anywhere into good bodies: never a 5xx, and what was taken can be read."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jinbiao.datasets.db import Database
from jinbiao.datasets.views.columns import COLUMNS
from jinbiao.tests.conftest import postgres_copy
from jinbiao.tests.server.test_rights import address, fill
from jinbiao.tests.server.world import TEXTS, World, entity, opened, populate, settings_of


def deep(number: int, inner: Any = 1) -> Any:
    """Return an array in an array in an array …"""
    for _ in range(number):
        inner = [inner]
    return inner


def nested(number: int) -> Any:
    """Return an object in an object in an object …"""
    found: Any = 1
    for _ in range(number):
        found = {"a": found}
    return found


HOSTILE: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "31 bits": 2**31,
    "63 bits": 2**63,
    "64 bits": 2**64,
    "less than 64 bits": -(2**63) - 1,
    "forty digits": 10**40,
    "more than a float": 10**400,
    "a fraction": 1.5,
    "the largest": 1e308,
    "minus nothing": -0.0,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "no text": "",
    "a space": " ",
    "NUL": "\0",
    "NUL within": "a\0b",
    "half a character": "\ud800",
    "two halves": "\udc00\ud800",
    "turned around": "\u202e\ufeff\u2028",
    "another one": "١",
    "a number as text": "1e3",
    "the first moment": "0001-01-01T00:00:00+14:00",
    "the last moment": "9999-12-31T23:59:59-14:00",
    "not a number": "nan",
    "a template": "%s%(x)s{0}{{1}}",
    "300 characters": "a" * 300,
    "200,000 characters": "长" * 200_000,
    "nothing in it": [],
    "a list in a list": [[]],
    "null in a list": [None],
    "NUL in a list": ["\0"],
    "NaN in a list": [float("nan")],
    "an empty object": {},
    "a member without name": {"": ""},
    "a member named NUL": {"\0": 1},
    "a member named by half a character": {"\ud800": 1},
    "an id of 65 bits": {"id": 2**64},
    "deep": deep(150),
    "too deep": deep(900),
    "objects too deep": nested(900),
}


def view(name: str, kind: str, operator: str, value: Any) -> dict[str, Any]:
    """Return a view with one filter."""
    item = {"filter": f"filter:tasks:{name}", "operator": operator, "type": kind, "value": value}
    filters = {"conjunction": "and", "items": [item]}
    data = {"title": "x", "ordering": [f"-tasks:{name}"], "filters": filters}
    return {"project": "{project_id}", "order": 1, "data": data}


# (method, route, a body that is taken); `{name}` in a body is the number of what is there.
BODIES: list[tuple[str, str, Any]] = [
    ("POST", "/api/projects/", {"title": "甲", "label_config": TEXTS, "maximum_annotations": 2}),
    ("PATCH", "/api/projects/<project_id>/", {"title": "乙", "color": "#ffffff", "sampling": None}),
    ("POST", "/api/projects/validate/", {"label_config": TEXTS}),
    (
        "POST",
        "/api/projects/<project_id>/import",
        [
            {
                "data": {"text": "天津大学", "more": {"a": [1]}},
                "meta": {"source": "x"},
                "annotations": [
                    {"result": entity(), "lead_time": 1.5, "completed_by": 1, "ground_truth": True}
                ],
                "predictions": [{"result": entity(), "model_version": "m", "score": 0.5}],
            }
        ],
    ),
    ("POST", "/api/projects/<project_id>/import/predictions", [{"task": "{task_id}", "score": 1}]),
    ("POST", "/api/tasks/", {"project": "{project_id}", "data": {"text": "天"}, "meta": {"a": 1}}),
    ("PATCH", "/api/tasks/<task_id>/", {"data": {"text": "天津大学"}, "meta": {"a": [1]}}),
    (
        "POST",
        "/api/tasks/<task_id>/annotations/",
        {
            "result": entity(),
            "lead_time": 1.5,
            "was_cancelled": False,
            "ground_truth": False,
            "unique_id": "a",
            "parent_prediction": None,
        },
    ),
    ("PATCH", "/api/annotations/<annotation_id>/", {"result": entity(), "lead_time": 2}),
    ("POST", "/api/annotations/bulk/", {"tasks": ["{task_id}"], "result": entity()}),
    ("POST", "/api/annotations/bulk-delete/", {"project": "{project_id}", "ids": [0]}),
    ("POST", "/api/tasks/<task_id>/drafts", {"result": entity(), "lead_time": 1.5}),
    ("POST", "/api/predictions/", {"task": "{task_id}", "result": entity(), "score": 0.5}),
    ("PATCH", "/api/predictions/<prediction_id>/", {"result": entity(), "model_version": "m"}),
    ("POST", "/api/annotations/<annotation_id>/reviews", {"verdict": "reject", "reason": "x"}),
    ("POST", "/api/annotation-reviews/", {"annotation": "{annotation_id}", "comment": "x"}),
    ("POST", "/api/comments/", {"annotation": "{annotation_id}", "text": "x", "region_ref": {}}),
    ("PATCH", "/api/comments/<comment_id>/", {"text": "x", "is_resolved": True}),
    ("POST", "/api/dm/views/", view("data.text", "String", "contains", "天")),
    ("POST", "/api/dm/views/", view("id", "Number", "in", {"min": 1, "max": 9.5})),
    ("POST", "/api/dm/views/", view("data.more", "Number", "greater", 3)),
    ("POST", "/api/dm/views/", view("created_at", "Datetime", "less", "2026-01-01T00:00:00Z")),
    ("POST", "/api/dm/views/", view("annotators", "List", "contains", 1)),
    ("PATCH", "/api/dm/views/<view_id>/", {"data": {"title": "x", "gridWidth": 4}, "order": 2}),
    (
        "POST",
        "/api/dm/actions/?id=delete_tasks_predictions&project={project_id}",
        {"selectedItems": {"all": False, "included": [1]}, "ordering": ["-tasks:id"]},
    ),
    (
        "POST",
        "/api/projects/<project_id>/exports/",
        {"title": "x", "task_filter_options": {"view": 1}, "annotation_filter_options": {}},
    ),
    ("POST", "/api/projects/<project_id>/versions/", {"tag": "v9", "fractions": {"train": 1.0}}),
    ("POST", "/api/versions/<version_id>/publish", {"name": "x", "keywords": ["a"], "notes": "n"}),
    ("POST", "/api/projects/<project_id>/tasks/<task_id>/assignees", {"users": ["{user_id}"]}),
    ("POST", "/api/users/", {"username": "x", "email": "x@example.org", "role": "annotator"}),
    ("PATCH", "/api/users/<user_id>/", {"first_name": "x", "phone": "1"}),
    (
        "PATCH",
        "/api/current-user/hotkeys/",
        {"custom_hotkeys": {"annotation:skip": {"key": "alt+k"}}},
    ),
    ("POST", "/api/token/", {"name": "x", "days": 3, "scopes": ["read"]}),
    ("POST", "/api/token/refresh/", {"refresh": "x.y.z"}),
    (
        "POST",
        "/api/webhooks/",
        {"url": "http://9.9.9.9/", "headers": {"a": "b"}, "actions": ["TASKS_CREATED"]},
    ),
    ("POST", "/api/storages/localfiles/", {"project": "{project_id}", "path": "/x", "title": "x"}),
    ("POST", "/api/ml/", {"project": "{project_id}", "url": "http://127.0.0.1:1/", "title": "x"}),
    ("POST", "/api/ml/<backend_id>/interactive-annotating", {"task": "{task_id}", "context": {}}),
    (
        "POST",
        "/api/projects/<project_id>/access",
        {"users": ["{user_id}"], "teams": ["{team_id}"], "organisations": ["{organisation_id}"]},
    ),
    (
        "PATCH",
        "/api/projects/<project_id>/access",
        {"access": "named", "is_paused": False, "pause_reason": "x", "most_tasks_each": 5},
    ),
    ("POST", "/api/projects/<project_id>/holds/return", {"holds": [1], "group_tasks": [1]}),
    (
        "POST",
        "/api/projects/<project_id>/give",
        {"tasks": ["{task_id}"], "users": ["{user_id}"], "due_at": "2030-01-01T00:00:00Z"},
    ),
    ("POST", "/api/projects/<project_id>/give", {"number": 1, "team": "{team_id}"}),
    (
        "POST",
        "/api/projects/<project_id>/tasks/assignees",
        {"type": "AN", "users": ["{user_id}"], "selectedItems": {"all": False, "included": [1]}},
    ),
    (
        "POST",
        "/api/projects/<project_id>/config-changes/dry-run",
        {"steps": [{"control": "label", "act": "rename", "labels": ["ORG"], "into": ["X"]}]},
    ),
    (
        "POST",
        "/api/projects/<project_id>/config-changes",
        {"steps": [{"control": "label", "act": "add", "into": ["Y"]}], "note": "x"},
    ),
    ("POST", "/api/projects/<project_id>/curation/<task_id>", {"result": entity(), "reason": "x"}),
    ("POST", "/api/projects/<project_id>/exam/", {"title": "x", "questions": 1, "pass_mark": 80}),
    ("POST", "/api/exam-attempts/<attempt_id>/answers", {"task": 1, "result": entity()}),
    ("POST", "/api/tasks/<task_id>/flags", {"kind": "bad_data", "text": "x", "skip": False}),
    ("POST", "/api/projects/<project_id>/flags/<flag_id>", {"outcome": "answered", "answer": "x"}),
    (
        "POST",
        "/api/projects/<project_id>/guideline/",
        {"text": "# x", "note": "n", "kind": "functional"},
    ),
    ("POST", "/api/projects/<project_id>/guideline/acknowledge", {"version": 1}),
    ("POST", "/api/labels/hotkeys", {"label_config": TEXTS}),
    ("POST", "/api/projects/<project_id>/quality/measure", {}),
    ("POST", "/api/annotations/<annotation_id>/objections", {"reason": "x"}),
    ("POST", "/api/annotations/<annotation_id>/roll-back", {"revision": 1, "reason": "x"}),
    ("POST", "/api/annotations/<annotation_id>/reopen", {"reason": "x"}),
    ("POST", "/api/teams/", {"name": "x", "leader": None, "organization": "alpha"}),
    ("PATCH", "/api/teams/<team_id>/", {"name": "x", "leader": None}),
    (
        "PATCH",
        "/api/projects/<project_id>/",
        {
            "gold_every": 3,
            "review_first": "sample",
            "review_first_percent": 20,
            "review_reasons": [],
        },
    ),
    ("POST", "/projects/<project_id>/gold", {"number": 1}),
    ("POST", "/projects/<project_id>/gold/options", {"gold_every": 1, "gold_pass_percent": 80}),
    ("POST", "/projects/<project_id>/gold/<gold_id>", {"state": "retired", "reason": "x"}),
    ("POST", "/projects/<project_id>/suspicions", {"model_version": "m"}),
    (
        "POST",
        "/projects/<project_id>/suspicions/<suspicion_id>",
        {"verdict": "right", "reason": "x"},
    ),
    ("POST", "/projects/<project_id>/integrity/<finding_id>", {"act": "open", "reason": "x"}),
    ("POST", "/account/integrity/<finding_id>", {"text": "x"}),
    (
        "POST",
        "/projects/<project_id>/review-stages",
        {"review_first": "all", "review_second": "none", "review_reasons": "a b\nc d"},
    ),
    ("POST", "/qualifications/<qualification_id>/suspend", {"reason": "x"}),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, dict[str, str]]]:
    """Open a world with one of everything, on either database."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    if request.param == "sqlite":
        made = _opened(home, f"sqlite:///{home / 'jinbiao.sqlite3'}")
        yield made, fill(made)
        made.installation.close()
        return
    with postgres_copy(request.getfixturevalue("postgres_url")) as url:
        made = _opened(home, url)
        yield made, fill(made)
        made.installation.close()


def _opened(home: Path, url: str) -> World:
    settings = settings_of(home, url)
    database = Database(url)
    tokens = populate(database)
    database.close()
    return opened(settings, tokens)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every value in a body, the body itself first."""
    yield path
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, each in inner:
        yield from places(each, (*path, name))


def replaced(body: Any, path: tuple[Any, ...], value: Any, beside: bool) -> Any:
    """Return the body with another value at a place, or with one more member beside it."""
    if not path:
        return value
    found = copy.deepcopy(body)
    place = found
    for name in path[:-1]:
        place = place[name]
    if beside and isinstance(place, dict):
        place[value if isinstance(value, str) else "another"] = value
    else:
        place[path[-1]] = value
    return found


def known(body: Any, values: dict[str, str]) -> Any:
    """Return a body with the numbers of what is there."""
    if isinstance(body, dict):
        return {name: known(each, values) for name, each in body.items()}
    if isinstance(body, list):
        return [known(each, values) for each in body]
    if isinstance(body, str) and body[:1] == "{" and body[1:-1] in values:
        return int(values[body[1:-1]])
    return body


@hypothesis_settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_hostile_value_anywhere_is_refused_or_kept_readable(
    filled: tuple[World, dict[str, str]], data: st.DataObject
) -> None:
    world, values = filled
    method, route, good = BODIES[data.draw(st.integers(0, len(BODIES) - 1))]
    body = known(good, values)
    place = data.draw(st.sampled_from(list(places(body))))
    name = data.draw(st.sampled_from(sorted(HOSTILE)))
    beside, who = data.draw(st.booleans()), data.draw(st.sampled_from(["admin", "requester"]))
    path = address(route, values).format(**values)
    sent = json.dumps(replaced(body, place, HOSTILE[name], beside)).encode()
    answer = world.ask(method, path, who, data=sent, content_type="application/json")
    assert answer.status_code < 500, (method, path, place, name, answer.text[:500])
    if answer.status_code < 300:
        check_readable(world, values, path, answer.json)


def check_readable(world: World, values: dict[str, str], path: str, told: Any) -> None:
    """What was taken can be read back, one by one, listed, filtered and exported."""
    project, task = values["project_id"], values["task_id"]
    reads = [
        f"/api/projects/{project}/",
        f"/api/tasks/?project={project}&fields=all&page_size=20",
        f"/api/tasks/{task}/",
    ]
    if "dm/views" in path:
        reads.append(f"/api/tasks/?view={told['id']}&fields=all")
    if "import" in path or "annotation" in path or "tasks" in path:
        reads.append(f"/api/projects/{project}/export?export_type=JSON")
        reads.append(f"/api/projects/{project}/export?export_type=CSV")
    for each in reads:
        answer = world.get("admin", each)
        assert answer.status_code < 500, (path, each, answer.text[:500])


OPERATORS = ("equal", "not_equal", "less", "in", "contains", "in_list", "starts_with", "empty")
FILTERED: dict[str, Any] = {
    "31 bits": 2**31,
    "63 bits": 2**63,
    "more than a float": 10**400,
    "small and large": [1, 2**40, 2.5],
    "not a number": "nan",
    "the first moment": "0001-01-01T00:00:00+14:00",
    "no range": {"min": "a", "max": 2**70},
    "a range": {"min": -(2**70), "max": 1e308},
    "a path": '$.*["%_\\',
    "null": None,
}


@pytest.mark.parametrize("name", FILTERED)
def test_a_hostile_value_in_any_filter_is_refused_or_finds_what_there_is(
    filled: tuple[World, dict[str, str]], name: str
) -> None:
    world, values = filled
    project = values["project_id"]
    keys = {"data.n": "Number", "data.text": "String", "data.'%\\": "Number", "data.[0]": "String"}
    world.import_list(int(project), [{"text": "x", "n": 10**400}, {"text": "x", "n": "a"}])
    for column, kind in {**dict.fromkeys(COLUMNS, "Number"), **keys}.items():
        for operator in OPERATORS:
            asked = view(column, kind, operator, FILTERED[name])["data"]
            query = {"project": project, "query": json.dumps(asked), "page_size": "2"}
            answer = world.get("admin", "/api/tasks/", query_string=query)
            assert answer.status_code in (200, 400), (column, operator, answer.text[:500])

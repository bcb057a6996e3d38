"""Find tasks by filters, orders, pages and saved views, alike on both databases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from jinbiao.tests.server.world import World, entity


@dataclass(frozen=True)
class Shelf:
    """A project of seven texts of which each knows another fate."""

    world: World
    project: int
    ids: list[int]

    def found(self, item: dict[str, Any] | list[dict[str, Any]], joined: str = "and") -> list[int]:
        """List the places, from 0, of the tasks that conditions find."""
        items = item if isinstance(item, list) else [item]
        return self.ordered([], {"conjunction": joined, "items": items})

    def ordered(self, ordering: list[str], filters: Any = None) -> list[int]:
        """List the places of the tasks that filters find, in an order."""
        query = {"filters": filters or {}, "ordering": ordering}
        return self.listed(query=json.dumps(query))

    def listed(self, who: str = "requester", **asked: Any) -> list[int]:
        """List the places of the tasks of one page."""
        given = {"project": self.project, **asked}
        told = self.world.good(self.world.get(who, "/api/tasks/", query_string=given))
        return [self.ids.index(row["id"]) for row in told["tasks"]]


@pytest.fixture
def shelf(either_world: World) -> Shelf:
    """Give texts 0 to 6: plain, answered, skipped, predicted, commented on, true, drafted."""
    world = either_world
    project = world.project()
    rows: list[dict[str, Any]] = [
        {"text": f"天津大学 {n}", "k": n, "note": "A%b_c" if n == 2 else f"Note {n}"}
        for n in range(7)
    ]
    rows[0].pop("note")
    rows[6]["k"] = "six"
    ids = world.import_list(project, rows)["task_ids"]

    def answer(task: int, **values: Any) -> int:
        sent = {"result": entity(), **values}
        path = f"/api/tasks/{ids[task]}/annotations/"
        return int(world.good(world.post("requester", path, sent), 201)["id"])

    answer(1, lead_time=10)
    answer(1, lead_time=30)
    answer(2, result=[], was_cancelled=True)
    for version, score in (("v1", 0.25), ("v2", 0.75)):
        sent = {"task": ids[3], "result": entity(), "score": score, "model_version": version}
        world.good(world.post("requester", "/api/predictions/", sent), 201)
    said = answer(4)
    world.good(world.post("requester", "/api/comments/", {"annotation": said, "text": "看"}), 201)
    answer(5, ground_truth=True)
    draft = {"result": entity()}
    world.good(world.post("requester", f"/api/tasks/{ids[6]}/drafts", draft), 201)
    return Shelf(world, project, ids)


def item(name: str, operator: str, value: Any, kind: str = "Number") -> dict[str, Any]:
    """Return a condition as the Data Manager sends it."""
    return {"filter": f"filter:tasks:{name}", "operator": operator, "type": kind, "value": value}


NUMBERS = [
    (item("inner_id", "equal", 3), [2]),
    (item("inner_id", "not_equal", 3), [0, 1, 3, 4, 5, 6]),
    (item("inner_id", "less", 3), [0, 1]),
    (item("inner_id", "greater_or_equal", 6), [5, 6]),
    (item("inner_id", "in", {"min": 2, "max": 4}), [1, 2, 3]),
    (item("inner_id", "not_in", {"min": 2, "max": 6}), [0, 6]),
    (item("inner_id", "in_list", [1, 7]), [0, 6]),
    (item("total_annotations", "greater", 0), [1, 4, 5]),
    (item("total_annotations", "equal", 2), [1]),
    (item("cancelled_annotations", "equal", 1), [2]),
    (item("total_predictions", "equal", 2), [3]),
    (item("predictions_score", "equal", 0.5), [3]),
    (item("predictions_score", "empty", True), [0, 1, 2, 4, 5, 6]),
    (item("avg_lead_time", "equal", 20), [1]),
    (item("comment_count", "equal", 1), [4]),
    (item("unresolved_comment_count", "greater", 0), [4]),
    (item("data.k", "greater", 3), [4, 5]),
    (item("data.k", "empty", True), [6]),
    (item("completed_at", "empty", False, "Datetime"), [1, 4, 5]),
    (item("created_at", "greater", "2020-01-01T00:00:00Z", "Datetime"), [0, 1, 2, 3, 4, 5, 6]),
    (item("created_at", "less", "2020-01-01T00:00:00Z", "Datetime"), []),
    (item("ground_truth", "equal", True, "Boolean"), [5]),
    (item("draft_exists", "equal", "true", "Boolean"), [6]),
    (item("draft_exists", "not_equal", True, "Boolean"), [0, 1, 2, 3, 4, 5]),
]
TEXTS = [
    (item("data.note", "equal", "Note 3", "String"), [3]),
    (item("data.note", "contains", "note", "String"), [1, 3, 4, 5, 6]),
    # What SQL would take for a wildcard is a letter.
    (item("data.note", "contains", "%b_", "String"), [2]),
    (item("data.note", "contains", "A_", "String"), []),
    (item("data.note", "not_contains", "note", "String"), [0, 2]),
    (item("data.note", "empty", True, "String"), [0]),
    (item("data.note", "starts_with", "a%", "String"), [2]),
    (item("data.note", "ends_with", "5", "String"), [5]),
    (item("data.text", "contains", "大学 4", "String"), [4]),
    (item("data.text", "in_list", ["天津大学 1", "天津大学 2"], "String"), [1, 2]),
    (item("data.missing", "empty", True, "String"), [0, 1, 2, 3, 4, 5, 6]),
    (item("predictions_model_versions", "contains", "v2", "List"), [3]),
    (item("predictions_model_versions", "not_contains", "v2", "List"), [0, 1, 2, 4, 5, 6]),
    (item("annotations_results", "contains", "ORG", "String"), [1, 4, 5]),
    (item("annotators", "empty", True, "List"), [0, 3, 6]),
    (item("state", "equal", "skipped", "String"), []),
]


def test_each_filter_finds_what_it_names(shelf: Shelf) -> None:
    wrong = [
        (asked, found, expected)
        for asked, expected in NUMBERS + TEXTS
        if (found := shelf.found(asked)) != expected
    ]
    assert wrong == []


def test_conditions_are_joined_by_and_or_by_or(shelf: Shelf) -> None:
    low, noted = item("inner_id", "less", 4), item("data.note", "contains", "note", "String")
    assert shelf.found([low, noted]) == [1]
    assert shelf.found([low, noted], "or") == [0, 1, 2, 3, 4, 5, 6]


def test_an_order_is_kept_on_every_page(shelf: Shelf) -> None:
    assert shelf.ordered(["-tasks:id"]) == [6, 5, 4, 3, 2, 1, 0]
    # Missing values last, whichever way; equal ones by id.
    assert shelf.ordered(["tasks:predictions_score"])[0] == 3
    assert shelf.ordered(["-tasks:predictions_score"])[0] == 3
    assert shelf.ordered(["-tasks:total_annotations"]) == [1, 4, 5, 0, 2, 3, 6]
    assert shelf.ordered(["-tasks:data.text"])[0] == 6
    pages = [
        shelf.listed(query='{"ordering": ["-tasks:inner_id"]}', page=page, page_size=3)
        for page in (1, 2, 3)
    ]
    assert pages == [[6, 5, 4], [3, 2, 1], [0]]


def test_a_page_beyond_the_last_is_not_found(shelf: Shelf) -> None:
    asked = {"project": shelf.project, "page": 3, "page_size": 5}
    answer = shelf.world.get("requester", "/api/tasks/", query_string=asked)
    assert (answer.status_code, answer.json["detail"]) == (404, "没有这一页。")


def test_a_list_may_be_cut_to_the_answered_and_to_some_members(shelf: Shelf) -> None:
    assert shelf.listed(only_annotated="true") == [1, 4, 5]
    asked = {"project": shelf.project, "include": "id,data", "fields": "all"}
    told = shelf.world.good(shelf.world.get("requester", "/api/tasks/", query_string=asked))
    assert {tuple(sorted(row)) for row in told["tasks"]} == {("data", "id")}
    assert (told["total"], told["total_annotations"], told["total_predictions"]) == (7, 4, 2)


def test_annotators_see_only_their_own_answers_in_lists(shelf: Shelf) -> None:
    asked = {"project": shelf.project, "fields": "all"}
    told = shelf.world.good(shelf.world.get("annotator", "/api/tasks/", query_string=asked))
    assert [row["annotations"] for row in told["tasks"]] == [[]] * 7
    assert [row["drafts"] for row in told["tasks"]] == [[]] * 7


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("{", "query"),
        ('{"filters": 3}', "filters"),
        ('{"filters": {"conjunction": "xor"}}', "conjunction"),
        (json.dumps({"filters": {"items": [item("nothing", "equal", 1)]}}), "items[0]"),
        (json.dumps({"filters": {"items": [item("id", "like", 1)]}}), "items[0]"),
        (json.dumps({"filters": {"items": [item("id", "equal", "x")]}}), "items[0]"),
        (json.dumps({"filters": {"items": [item("annotators", "contains", "nan")]}}), "items[0]"),
        (json.dumps({"filters": {"items": [item("created_at", "less", "soon")]}}), "items[0]"),
        ('{"ordering": ["tasks:nothing"]}', "ordering[0]"),
    ],
)
def test_a_wrong_query_is_refused_with_its_place(
    shared_world: World, query: str, place: str
) -> None:
    project = shared_world.project()
    asked = {"project": project, "query": query}
    answer = shared_world.get("requester", "/api/tasks/", query_string=asked)
    assert answer.status_code == 400
    assert list(answer.json["validation_errors"]) == [place]


def test_a_view_is_saved_changed_followed_and_deleted(shelf: Shelf) -> None:
    world = shelf.world
    data = {
        "title": "未标注",
        "filters": {"conjunction": "and", "items": [item("total_annotations", "equal", 0)]},
        "ordering": ["-tasks:id"],
    }
    sent = {"project": shelf.project, "data": data}
    view = world.good(world.post("requester", "/api/dm/views/", sent), 201)
    assert view["data"]["title"] == "未标注"
    assert shelf.listed(view=view["id"]) == [6, 3, 2, 0]
    path = f"/api/dm/views/{view['id']}/"
    changed = {"data": {"ordering": ["tasks:id"]}}
    world.good(world.patch("requester", path, changed))
    assert shelf.listed(view=view["id"]) == [0, 2, 3, 6]
    assert world.get("other_requester", path).status_code == 404
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert world.get("requester", path).status_code == 404


def test_views_stand_in_the_order_that_was_chosen(either_world: World) -> None:
    world = either_world
    project = world.project()
    ids = [
        world.good(
            world.post("requester", "/api/dm/views/", {"project": project, "data": {"title": t}}),
            201,
        )["id"]
        for t in "abc"
    ]
    sent = {"project": project, "ids": ids[::-1]}
    assert world.post("requester", "/api/dm/views/order/", sent).status_code == 200
    path = f"/api/dm/views/?project={project}"
    assert [row["id"] for row in world.good(world.get("requester", path))] == ids[::-1]
    gone = world.ask("DELETE", "/api/dm/views/reset/", "requester", json={"project": project})
    assert gone.status_code == 204
    assert world.good(world.get("requester", path)) == []


def test_columns_name_the_data_and_who_and_what_can_be_filtered_by(shelf: Shelf) -> None:
    path = f"/api/dm/columns/?project={shelf.project}"
    told = shelf.world.good(shelf.world.get("requester", path))["columns"]
    columns = {column["id"]: column for column in told}
    assert {"text", "k", "note"} <= set(columns)
    assert columns["predictions_model_versions"]["schema"]["items"] == ["v2", "v1"]
    assert columns["total_annotations"]["title"] == "标注数"

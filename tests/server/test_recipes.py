"""Recipes through the API and the editor: made, versioned, brought, compared, previewed."""

from __future__ import annotations

import html
import re
from typing import Any

import sqlalchemy as sa
import yaml

from jinbiao.datasets.audit import AuditEvent
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World


def editor(world: World, who: str = "requester") -> Browser:
    """Sign somebody in who will use the editor."""
    browser = Browser(world)
    browser.sign_in(who)
    return browser


def fields(page: str) -> dict[str, Any]:
    """Return what the editor's form would send, buttons apart."""
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" not in told or (told.get("type") == "checkbox" and " checked" not in tag):
            continue
        found[told["name"]] = html.unescape(told.get("value", ""))
    for name, inside in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>([^<]*)<', page):
        found[name] = html.unescape(inside)
    for name, inside in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page):
        chosen = re.search(r'value="([^"]*)" selected', inside)
        first = re.search(r'value="([^"]*)"', inside)
        found[name] = chosen[1] if chosen else first[1] if first else ""
    return found


def test_a_version_never_changes_and_the_same_steps_are_no_new_one(either_world: World) -> None:
    world = either_world
    made = cleaned.recipe(world)
    path = f"/api/recipes/{made['id']}/"
    first = made["newest"]
    assert first["number"] == 1 and len(first["digest"]) == 64
    assert first["steps"][2]["options"]["least"] == 4
    assert first["steps"][2]["options"]["most"] == 100000, "complete with defaults"

    again = world.post("requester", f"{path}versions/", {"steps": cleaned.STEPS})
    assert again.status_code == 422, again.text
    told = world.post("requester", f"{path}versions/", {"steps": cleaned.STEPS[:2], "note": "少"})
    second = world.good(told, 201)
    assert second["number"] == 2 and second["digest"] != first["digest"]
    stale = world.post("requester", f"{path}versions/", {"steps": cleaned.STEPS, "after": 1})
    assert stale.status_code == 412
    assert world.good(world.get("requester", f"{path}versions/1/")) == first
    for odd in (3, 2**31, 2**53 + 1, 10**17 - 1):
        for asked in (f"{path}versions/{odd}/", f"{path}versions/{odd}/file"):
            assert world.get("requester", asked).status_code == 404
    back = world.post("requester", f"{path}versions/", {"steps": first["steps"], "after": 2})
    assert world.good(back, 201)["digest"] == first["digest"], "the same steps, the same digest"
    numbers = [row["number"] for row in world.good(world.get("manager", f"{path}versions/"))]
    assert numbers == [3, 2, 1]

    with world.installation.database.read() as session:
        acts = sa.select(AuditEvent.action).where(AuditEvent.subject == f"recipe/{made['id']}")
        assert sorted(session.scalars(acts)) == ["recipe.create"] + ["recipe.version"] * 2


def test_an_operator_that_is_not_here_is_refused_with_its_name(shared_world: World) -> None:
    steps = [{"operator": "text.strip_html"}, {"operator": "text.of_tomorrow"}]
    answer = shared_world.post("requester", "/api/recipes/", {"name": "明日", "steps": steps})
    assert answer.status_code == 400
    assert "text.of_tomorrow" in str(answer.json["validation_errors"]["steps[1].operator"])
    newer = [{"operator": "text.strip_html", "version": 7}]
    answer = shared_world.post("requester", "/api/recipes/", {"name": "明日", "steps": newer})
    assert "text.strip_html" in str(answer.json["validation_errors"]["steps[0].version"])
    assert "7" in str(answer.json["validation_errors"]["steps[0].version"])


def test_names_are_taken_once_and_archived_ones_leave_the_list(world: World) -> None:
    made = cleaned.recipe(world)
    sent = {"name": " 通用清洗 ", "steps": cleaned.STEPS}
    taken = world.post("requester", "/api/recipes/", sent)
    assert taken.status_code == 400 and "name" in taken.json["validation_errors"]
    cleaned.recipe(world, who="other_requester")  # another organisation's may be called so
    path = f"/api/recipes/{made['id']}/"
    world.good(world.patch("requester", path, {"archived": True}))
    assert world.good(world.get("requester", "/api/recipes/")) == []
    listed = world.good(world.get("requester", "/api/recipes/?archived=true"))
    assert [row["id"] for row in listed] == [made["id"]]
    refused = world.post("requester", f"{path}versions/", {"steps": cleaned.STEPS[:1]})
    assert refused.status_code == 422
    told = {"archived": False, "name": "网页清洗", "description": "说明"}
    world.good(world.patch("requester", path, told))
    (row,) = world.good(world.get("requester", "/api/recipes/"))
    assert (row["name"], row["description"], row["archived_at"]) == ("网页清洗", "说明", None)


def test_a_recipe_travels_as_a_file(world: World) -> None:
    made = cleaned.recipe(world)
    for form in ("yaml", "json"):
        path = f"/api/recipes/{made['id']}/versions/1/file?format={form}"
        answer = world.get("requester", path)
        assert "attachment" in answer.headers["Content-Disposition"]
        told = yaml.safe_load(answer.data)
        assert told["digest"] == f"sha256:{made['newest']['digest']}"
        path = f"/api/recipes/files/?name=带来的{form}"
        there = world.good(world.post("other_requester", path, data=answer.data), 201)
        assert there["newest"]["digest"] == made["newest"]["digest"]
        assert there["newest"]["steps"] == made["newest"]["steps"]
    changed = answer.data.replace(b'"least": 4', b'"least": 5')
    assert changed != answer.data
    refused = world.post("requester", "/api/recipes/files/?name=x", data=changed)
    assert refused.status_code == 400 and "digest" in refused.json["validation_errors"]


def test_the_editor_works_by_forms_alone(world: World) -> None:
    browser = editor(world)
    library = cleaned.library(world, ["<p>天津　大学</p>", "短"])
    token = browser.csrf("/recipes/new")
    sent: dict[str, Any] = {"csrf_token": token}

    def press(act: str, path: str = "/recipes/new", **more: Any) -> Any:
        return browser.client.post(path, data={**sent, **more, "act": act})

    for name in ("text.strip_html", "text.filter_length"):
        answer = press(f"add:{name}")
        assert answer.status_code == 200
        sent = fields(answer.text)
    assert (sent["step-0-operator"], sent["step-1-operator"]) == (
        "text.strip_html",
        "text.filter_length",
    )
    sent = fields(press("up:1").text)
    assert sent["step-0-operator"] == "text.filter_length"
    sent = fields(press("down:0").text)
    assert sent["step-0-operator"] == "text.strip_html"

    wrong = press("save", **{"step-1-least": "很多", "name": "编辑器"})
    assert wrong.status_code == 400
    assert 'value="很多"' in wrong.text, "what was written is still there"
    assert wrong.text.count('class="fault"') == 1
    # What is said above the steps leads to the step; a name that is missing is told as one.
    assert re.search(r'role="alert">.*<a href="#step-1">步骤 2</a>: \S', wrong.text)
    nameless = press("save", **{"step-1-least": "3", "name": ""})
    assert nameless.status_code == 400
    above = re.search(r'role="alert">(.*)</div><form', nameless.text)
    assert above and above[1].startswith('<div><a href="#name">') and above[1].count("<div>") == 1

    sent["step-1-least"] = "3"
    shown = press("preview", library=str(library), name="编辑器")
    assert shown.status_code == 200
    assert "<del>&lt;p&gt;</del>天津" in shown.text
    assert 'data-state="dropped"' in shown.text

    saved = press("save", name="编辑器", note="第一版")
    assert saved.status_code == 303, saved.text
    page = browser.client.get(saved.location).text
    assert "编辑器" in page and "第一版" in page
    recipe = saved.location.rsplit("/", 1)[1]
    told = world.good(world.get("requester", f"/api/recipes/{recipe}/"))["newest"]
    assert [step["operator"] for step in told["steps"]] == ["text.strip_html", "text.filter_length"]
    assert told["steps"][1]["options"]["least"] == 3

    path = f"/recipes/{recipe}/edit"
    sent = fields(browser.client.get(path).text)
    same = press("save", path)
    assert same.status_code == 400 and 'data-kind="bad"' in same.text
    sent = fields(press("remove:0", path).text)
    assert press("save", path, note="少一步").status_code == 303
    compared = browser.client.get(f"/recipes/{recipe}/changes").text
    assert "text.strip_html" in compared and "text.filter_length" in compared


def test_a_preview_says_what_would_become_of_each(world: World) -> None:
    library = cleaned.library(world, ["<b>天津大学</b>", "短", "天津大学"])
    sent = {"library": library, "steps": cleaned.STEPS}
    rows = world.good(world.post("requester", "/api/recipes/preview/", sent))
    assert [row["state"] for row in rows] == ["changed", "dropped", "dropped"]
    assert rows[0]["after"] == "天津大学" and rows[0]["steps"] == ["text.strip_html"]
    assert all(row["reason"] for row in rows[1:])
    assert world.post("other_requester", "/api/recipes/preview/", sent).status_code == 404
    assert world.good(world.get("requester", f"/api/libraries/{library}/cleanings/")) == []


def test_the_operators_are_told_in_chinese_with_their_limits(shared_world: World) -> None:
    told = shared_world.good(shared_world.get("manager", "/api/recipes/operators/"))
    by_name = {each["name"]: each for each in told}
    least = {each["name"]: each for each in by_name["text.filter_length"]["options"]}["least"]
    assert (least["kind"], least["default"], least["least"]) == ("whole", 10, 0)
    assert set(by_name["text.filter_length"]["reasons"]) == {"too_short", "too_long"}

"""Each role sees its dashboard: figures with intervals, tables as CSV, nothing of others."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import dashboards, models, people
from jinbiao.datasets.dashboards.forecasts import forecast
from jinbiao.datasets.dashboards.suppression import suppressed
from jinbiao.datasets.db import now
from jinbiao.datasets.people import Role
from jinbiao.datasets.projects import Project
from jinbiao.datasets.quality.rows import QualityReport
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.test_quality import compared
from jinbiao.tests.server.world import FACTS, World, entity


def worked(world: World) -> int:
    """Make a project: six answers, of which three are accepted, one returned, one fixed."""
    project = world.project()
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(8)])
    for _ in range(6):
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
        path = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("annotator", path, {"result": entity()}), 201)
    verdicts: list[dict[str, Any]] = [{"verdict": "accept"}] * 3
    verdicts += [{"verdict": "reject", "reason": "边界不对"}, {"verdict": "fix", "result": []}]
    for verdict in verdicts:
        task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
        path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
        world.good(world.post("reviewer", path, verdict), 201)
    return project


def panels(world: World, who: str, name: str, **asked: Any) -> dict[str, dict[str, Any]]:
    """Return key → panel of a dashboard."""
    told = world.good(world.get(who, f"/api/dashboards/{name}", query_string=asked))
    return {panel["key"]: panel for panel in told["panels"]}


def person(world: World, role: str, home: str = "alpha") -> str:
    """Add somebody of a role; return the name to ask as."""
    name = f"{role}-of-{home}"
    with world.installation.database.write() as session:
        added, _none = people.add_user(
            session,
            name,
            role=role,
            organisation=people.get_organisation(session, home),
            password="correct horse 7",
        )
        world.tokens[name] = people.add_token(session, added)[1]
    return name


def test_annotators_see_what_became_of_their_work(world: World) -> None:
    worked(world)
    told = panels(world, "annotator", "work")
    (done,) = told["done"]["rows"]
    assert (done["submitted"], done["accepted"], done["returned"], done["waiting"]) == (6, 4, 1, 1)
    assert done["yield"]["number"] == 5
    assert done["yield"]["value"] == pytest.approx(3 / 5)
    # Wilson's interval of three in five.
    assert done["yield"]["low"] == pytest.approx(0.2307, abs=5e-4)
    assert done["yield"]["high"] == pytest.approx(0.8824, abs=5e-4)
    (queue,) = told["queue"]["rows"]
    assert queue["returned"] == 1
    assert told["reasons"]["rows"][0]["number"] == 1
    assert sum(row["submitted"] for row in told["days"]["rows"]) == 6
    assert panels(world, "annotator2", "work")["done"]["rows"] == []


def test_a_leader_sees_what_waits_and_who_needs_help(world: World) -> None:
    project = worked(world)
    manager = person(world, Role.ANNOTATION_MANAGER)
    told = panels(world, manager, "team")
    (stage,) = [row for row in told["reviews"]["rows"] if row["project"] == "样例"]
    assert stage["waiting"] == 1 and stage["oldest"] >= 0
    (coached,) = told["coaching"]["rows"]
    assert coached["yield"]["number"] == 5 and coached["needs"] is None
    assert told["stages"]["rows"][0]["waiting"] == 2
    leader = person(world, Role.TEAM_LEADER)
    # Somebody who leads no team sees nobody's figures.
    assert panels(world, leader, "team")["coaching"]["rows"] == []
    flag = {"kind": "bad_data", "text": "图是黑的"}
    task = world.tasks(project)[7]["id"]
    world.good(world.post("annotator", f"/api/tasks/{task}/flags", flag), 201)
    assert panels(world, manager, "team")["flags"]["rows"][0]["number"] == 1


def test_a_company_sees_its_own_people_only(world: World) -> None:
    worked(world)
    told = panels(world, "vendor", "company")
    assert told["people"]["rows"][0]["yield"]["number"] == 5
    (row,) = told["forecast"]["rows"]
    # Six of eight are answered, one came back; a day of work is no base for a forecast.
    assert (row["left"], row["days"]) == (3, None)
    other = panels(world, "other_vendor", "company")
    assert all(panel["rows"] == [] for panel in other.values())


def test_an_agency_sees_progress_and_personal_information(world: World) -> None:
    project = worked(world)
    told = panels(world, "requester", "orders")
    (row,) = told["progress"]["rows"]
    assert (row["tasks"], row["accepted"]) == (8, 4)
    assert told["personal"]["rows"] == []
    task = world.tasks(project)[7]["id"]
    flag = {"kind": "personal_information"}
    world.good(world.post("annotator", f"/api/tasks/{task}/flags", flag), 201)
    (row,) = panels(world, "requester", "orders")["personal"]["rows"]
    assert (row["open"], row["gate"]) == (1, "failed")
    assert panels(world, "other_requester", "orders")["progress"]["rows"] == []


def test_labels_and_gates_are_told_in_words_and_not_in_codes(world: World) -> None:
    project = compared(world, (entity(), entity()), (entity(), entity(1, 4)))
    gate = {"gate_agreement_percent": "99"}
    browser = Browser(world)
    browser.sign_in("requester")
    path = f"/projects/{project}/quality"
    assert browser.post(path, path, **gate).status_code == 302
    page = browser.client.get("/dashboards/orders")
    sheet = browser.client.get("/dashboards/orders/classes.csv")
    in_chinese = world.get("requester", "/api/dashboards/orders?language=zh").json
    in_english = world.get("requester", "/api/dashboards/orders?language=en").json
    for told, word in ((in_chinese, "机构"), (in_english, "ORG")):
        (panel,) = [each for each in told["panels"] if each["key"] == "classes"]
        assert [row["label"] for row in panel["rows"]] == [word]
        assert f"“{word}”" in panel["finding"]
    assert "机构" in page.text and "ORG" not in page.text
    assert "机构" in sheet.text and "ORG" not in sheet.text
    assert "not_yet" not in page.text.replace('data-state="not_yet"', "")


def test_the_bureau_sees_sums_and_no_small_groups(world: World) -> None:
    worked(world)
    bureau = person(world, Role.REGULATOR, "platform")
    told = panels(world, bureau, "district")
    values = {row["indicator"]: row for row in told["indicators"]["rows"]}
    assert len(values) == 16
    # One annotator is too few to be told of.
    assert [row["people"] for row in told["company"]["rows"]] == [None]
    assert world.get(bureau, "/api/projects/").status_code == 403


def test_the_bureau_counts_what_was_published_by_rules_that_are_told(world: World) -> None:
    bureau = person(world, Role.REGULATOR, "platform")

    def told() -> dict[str, dict[str, Any]]:
        rows = panels(world, bureau, "district", language="en")["indicators"]["rows"]
        return {row["indicator"]: row for row in rows}

    names = ("high-quality datasets", "models served", "registrations")
    before = told()
    assert [before[name]["value"] for name in names] == ["0", "0", "0"]
    # What nothing here can tell is not made up.
    unknown = {name for name, row in before.items() if row["how"] == "not kept here yet"}
    assert unknown == {
        "output value",
        "certified annotators",
        "demands published and matched",
        "share of synthetic records",
    }
    project, version = world.frozen()
    with world.installation.database.write() as session:
        trained = models.TrainedModel(
            project_id=project, name="few", version="1", weights_digest="0" * 64, examples=4
        )
        session.add(trained)
        session.flush()
        boss = people.get_user(session, "requester")
        row = models.add(
            session,
            world.installation.settings,
            boss,
            session.get_one(Project, project),
            kind="golden_difference",
        )
        row.trained_model_id = trained.id
    # Neither a model nor good work counts before anything of it is published.
    report(world, project, agreement=0.93, first_pass=0.91)
    assert [told()[name]["value"] for name in names] == ["0", "0", "0"]
    world.done(
        world.post("requester", f"/api/versions/{version}/publish", {**FACTS, "name": "texts"})
    )
    assert [told()[name]["value"] for name in names] == ["1", "1", "1"]
    report(world, project, agreement=0.93, first_pass=0.89)
    assert told()["high-quality datasets"]["value"] == "0"
    report(world, project, agreement=None, first_pass=0.99)
    assert told()["high-quality datasets"]["value"] == "0"


def report(world: World, project: int, **lows: float | None) -> None:
    """Keep a report of quality whose figures have these lower ends."""
    figures = {
        name: {
            "value": None if low is None else (low + 1) / 2,
            "low": low,
            "high": None if low is None else 1.0,
            "number": 100,
            "method": "wilson",
        }
        for name, low in lows.items()
    }
    with world.installation.database.write() as session:
        session.execute(sa.delete(QualityReport).where(QualityReport.project_id == project))
        session.add(
            QualityReport(
                project_id=project,
                worked_out_at=now(),
                seen_until=now(),
                config_digest="",
                seconds=0.0,
                report=json.dumps(figures),
            )
        )


def test_the_operator_sees_the_machine_and_not_the_work(world: World) -> None:
    project = worked(world)
    operator = person(world, Role.SYSTEM_ADMIN, "platform")
    told = panels(world, operator, "operation")
    assert [row["queue"] for row in told["queues"]["rows"]] == ["cpu", "gpu", "io"]
    assert told["backups"]["state"] == "bad"
    assert world.get(operator, f"/api/projects/{project}/").status_code in (403, 404)


def test_dashboards_are_for_their_roles(world: World) -> None:
    assert world.get("annotator", "/api/dashboards/orders").status_code == 403
    assert world.get("requester", "/api/dashboards/operation").status_code == 403
    assert world.get("requester", "/api/dashboards/none").status_code == 404
    assert world.get(None, "/api/dashboards/work").status_code == 401
    assert world.get("requester", "/api/dashboards/orders?days=0").status_code == 400
    assert world.get("requester", "/api/dashboards/orders?days=367").status_code == 400


def test_every_table_can_be_taken_as_csv(world: World) -> None:
    worked(world)
    for name in dashboards.DASHBOARDS:
        for key, panel in panels(world, "admin", name).items():
            answer = world.get("admin", f"/dashboards/{name}/{key}.csv")
            assert answer.status_code == 200 and answer.mimetype == "text/csv"
            rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
            assert len(rows) == len(panel["rows"]) + 1
            assert len({len(row) for row in rows}) == 1
    assert world.get("admin", "/dashboards/work/none.csv").status_code == 404


def test_what_looks_like_a_formula_is_a_text(world: World) -> None:
    world.project(title="=HYPERLINK(1)")
    answer = world.get("requester", "/dashboards/orders/progress.csv")
    assert "'=HYPERLINK(1)" in answer.get_data(as_text=True)


def test_pages_show_what_the_api_tells(world: World) -> None:
    worked(world)
    browser = Browser(world)
    browser.sign_in("requester")
    page = browser.client.get("/dashboards", follow_redirects=True)
    assert page.status_code == 200 and "n = 5" in page.text
    assert "data-plot" in page.text and "/dashboards/orders/progress.csv" in page.text
    assert browser.client.get("/dashboards/orders/panels?days=7").status_code == 200


def test_a_forecast_is_the_days_that_were() -> None:
    told = forecast([10] * 30, 95)
    assert (told.days, told.low, told.high) == (10, 10, 10)
    assert forecast([10] * 30, 0).days == 0
    assert forecast([0] * 26 + [10] * 4, 95).days is None
    uneven = forecast([0, 20] * 15, 100, seed=1)
    assert uneven.low is not None and uneven.high is not None
    assert 5 <= uneven.low < 10 < uneven.high <= 25


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 30), max_size=8))
def test_small_groups_are_hidden_and_cannot_be_worked_out(sizes: dict[str, int]) -> None:
    hidden = suppressed(sizes, 5)
    there = {name: size for name, size in sizes.items() if size}
    assert {name for name, size in there.items() if size < 5} <= hidden <= set(there)
    if hidden and hidden != set(there):
        # The total less what is shown says nothing of fewer than five, nor of one group.
        assert len(hidden) >= 2 and sum(there[name] for name in hidden) >= 5

"""Nobody learns what others made of a task, or which task is a check, by whatever they ask."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from jinbiao.datasets import gold, permissions, reviews
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.gold import GoldTask
from jinbiao.datasets.integrity import Finding
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.suspicions import Suspicion
from jinbiao.tests.server.test_gold import project_with_gold
from jinbiao.tests.server.world import World, entity

# What stands in others' work and in what is said of it; none of it is for an annotator.
HIDDEN = (
    "甲的姓名",
    "甲的答案",
    "丙的理由",
    "只给审核员",
    "线索甲",
    "疑点甲",
    "甲的旗",
    "真值答案",
)
MARKS = ('"purpose"', "gold_every", '"ground_truth": true', '"ground_truth":true', '"is_gold"')


@dataclass
class Scene:
    """A project with everything that an annotator must not see, and the numbers of it."""

    world: World
    project: int
    values: dict[str, list[int]]


def person(world: World, name: str) -> int:
    """Return somebody's number."""
    return int(world.good(world.get(name, "/api/current-user/whoami"))["id"])


def marked(name: str) -> list[dict[str, Any]]:
    """Return a result whose region has a name that can be found again."""
    (region,) = entity()
    return [{**region, "id": name}]


@pytest.fixture(scope="module")
def scene(shared_world: World) -> Scene:
    """Let one annotator work, be reviewed, talked about, suspected and checked."""
    world = shared_world
    lead = "requester"
    world.good(
        world.patch(
            "vendor", f"/api/users/{person(world, 'annotator')}/", {"first_name": HIDDEN[0]}
        )
    )
    project = world.project(maximum_annotations=2)
    truth = {"result": marked("真值答案"), "ground_truth": True}
    rows = [{"data": {"text": f"天津大学第{n}号"}, "annotations": [truth, truth]} for n in range(4)]
    world.import_list(project, rows)
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(4, 24)])
    path = f"/api/projects/{project}"
    world.good(world.patch(lead, path, {"gold_every": 3, "review_blind": True}))
    made = []
    for _ in range(6):
        task = world.good(world.get("annotator", f"{path}/next"))
        sent = {"result": marked("甲的答案")}
        made.append(
            world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
        )
    for each in made[:2]:
        told = {"verdict": "reject", "reason": HIDDEN[2]}
        world.good(world.post("reviewer", f"/api/annotations/{each['id']}/reviews", told), 201)
        told = {"annotation": each["id"], "text": HIDDEN[3]}
        comment = world.good(world.post("reviewer", "/api/comments/", told), 201)
        told = {"kind": "bad_data", "text": HIDDEN[6]}
        flag = world.good(world.post("annotator", f"/api/tasks/{each['task']}/flags", told), 201)
    draft = world.good(
        world.post(
            "annotator", f"/api/tasks/{made[5]['task']}/drafts", {"result": marked("甲的答案")}
        ),
        201,
    )
    about = person(world, "annotator")
    with world.installation.database.write() as session:
        boss = session.scalars(sa.select(User).where(User.username == lead)).one()
        row = session.get_one(Project, project)
        chosen = gold.choose(session, boss, row, 4)
        answer = session.get_one(Annotation, made[2]["id"])
        reviews.ask_blind(session, boss, row, answer, HIDDEN[4])
        finding = Finding(
            project_id=project,
            kind="copy",
            user_id=about,
            chance=0.0,
            adjusted=0.0,
            facts=json.dumps({"线索甲": 1}),
            reason=HIDDEN[4],
        )
        suspicion = Suspicion(
            project_id=project,
            task_id=answer.task_id,
            annotation_id=answer.id,
            label="ORG",
            suggested="疑点甲",
            score=0.1,
            method="m",
            rank=1,
            job_id="x",
            reason=HIDDEN[5],
        )
        session.add_all([finding, suspicion])
        session.flush()
        values = {
            "finding_id": [finding.id],
            "suspicion_id": [suspicion.id],
            "gold_id": [each.id for each in chosen],
            "task_id": [each["task"] for each in made] + [each.task_id for each in chosen],
        }
    # The second annotator has some work of their own, half of it in the same tasks.
    for _ in range(4):
        task = world.good(world.get("annotator2", f"{path}/next"))
        sent = {"result": entity()}
        world.good(world.post("annotator2", f"/api/tasks/{task['id']}/annotations/", sent), 201)
        values["task_id"].append(task["id"])
    values |= {
        "project_id": [project],
        "annotation_id": [each["id"] for each in made],
        "comment_id": [comment["id"]],
        "flag_id": [flag["id"]],
        "draft_id": [draft["id"]],
        "user_id": [about],
        "organisation_id": [1],
    }
    return Scene(world, project, values)


def asked(scene: Scene, role: Role) -> Iterator[str]:
    """Give every address to GET that a role reaches, with the numbers of the scene."""
    adapter = scene.world.app.url_map.bind("localhost")
    for rule in scene.world.app.url_map.iter_rules():
        action = getattr(scene.world.app.view_functions[rule.endpoint], "jinbiao_action", "public")
        if "GET" not in (rule.methods or ()) or action not in permissions.ALLOWED[role]:
            continue
        names = sorted(rule.arguments)
        if any(name not in scene.values for name in names):
            continue
        places = scene.values.get(names[0], [0]) if names else [0]
        for number in dict.fromkeys(places):
            given = {name: scene.values[name][0] for name in names} | dict.fromkeys(
                names[:1], number
            )
            yield adapter.build(rule.endpoint, given if names else {})
    project = scene.project
    yield from (
        f"/api/tasks/?project={project}&fields=all&page_size=100",
        f"/api/dm/columns/?project={project}",
        f"/api/dm/project/?project={project}",
        f"/api/dm/views/?project={project}",
        f"/api/dm/actions/?project={project}",
        f"/api/comments/?projects={project}&expand_created_by=true",
        *(f"/api/comments/?task={task}" for task in scene.values["task_id"]),
        *(f"/api/comments/?annotation={row}" for row in scene.values["annotation_id"]),
        *(f"/api/comments/people/?annotation={row}" for row in scene.values["annotation_id"]),
        *(f"/api/annotation-history/?annotation={row}" for row in scene.values["annotation_id"]),
    )


@pytest.mark.parametrize("who", [Role.ANNOTATOR, Role.SPEED_TESTER])
def test_an_annotator_reads_nothing_of_others(scene: Scene, who: Role) -> None:
    name = {Role.ANNOTATOR: "annotator2", Role.SPEED_TESTER: "speed_tester"}[who]
    # A tester of speed may see how good people's work is, so their names too.
    hidden = HIDDEN if who == Role.ANNOTATOR else HIDDEN[1:]
    number = 0
    for path in asked(scene, who):
        answer = scene.world.get(name, path)
        assert answer.status_code < 500, (path, answer.text[:500])
        if answer.status_code != 200 or path.startswith(("/static", "/scripts", "/api/openapi")):
            continue
        number += 1
        text = answer.text
        if answer.is_json:
            text += json.dumps(answer.json, ensure_ascii=False)
            found = [mark for mark in MARKS if mark in text]
            assert not found, (path, found)
        assert not [each for each in hidden if each in text], (
            path,
            [e for e in hidden if e in text],
        )
    assert number > 60


def test_neither_totals_nor_pages_change_otherwise_for_a_check(world: World) -> None:
    project = project_with_gold(world, overlap=2, reservation_minutes=333)
    moves: dict[str | None, set[str]] = {None: set(), "gold": set()}

    def numbers() -> list[Any]:
        told = world.good(world.get("annotator2", f"/api/projects/{project}/"))
        listed = world.good(world.get("annotator2", "/api/projects/counts/"))["results"]
        manager = world.good(world.get("annotator2", f"/api/dm/project/?project={project}"))
        pages = [
            world.get("annotator2", each).text for each in (f"/projects/{project}", "/projects")
        ]
        names = [
            name for name in told if "number" in name or "annotations" in name or "queue" in name
        ]
        return [
            *(told[name] for name in names if isinstance(told[name], int)),
            *listed[0].values(),
            manager["annotation_count"],
            *(sum(int(digits) for digits in re.findall(r">\s*(\d+)", page)) for page in pages),
        ]

    before = numbers()
    for _ in range(12):
        task = world.good(world.get("annotator2", f"/api/projects/{project}/workbench/next"))
        path = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("annotator2", path, {"result": entity()}), 201)
        after = numbers()
        changed = [here - there for here, there in zip(after, before, strict=True)]
        until = task["assignment"]["reserved_until"]
        with world.installation.database.read() as session:
            row = session.scalars(
                sa.select(Assignment).where(Assignment.id == task["assignment"]["id"])
            ).one()
            held = (dt.datetime.fromisoformat(until) - row.created_at) // dt.timedelta(minutes=1)
            moves[row.purpose].add(json.dumps([changed, held]))
        before = after
    assert moves["gold"] == moves[None] and len(moves[None]) == 1


@pytest.mark.parametrize("way", ["take", "answer", "delete"])
def test_a_check_can_be_had_before_its_turn_and_given_back_like_work(
    world: World, way: str
) -> None:
    project = project_with_gold(world)
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for _ in range(8):
        path = f"/api/projects/{project}/workbench/"
        coming = world.good(world.get("annotator2", f"{path}ahead?number=5"))
        for each in coming[2:4] if way != "delete" else coming[:1]:
            with world.installation.database.read() as session:
                query = sa.select(GoldTask.id).where(GoldTask.task_id == each["id"])
                is_gold = session.scalar(query) is not None
            if way == "take":
                status = world.post("annotator2", f"/api/tasks/{each['id']}/workbench").status_code
            else:
                told = {"result": entity()}
                answer = world.post("annotator2", f"/api/tasks/{each['id']}/annotations/", told)
                status = answer.status_code
                if way == "delete":
                    number = world.good(answer, 201)["id"]
                    gone = world.ask("DELETE", f"/api/annotations/{number}/", "annotator2")
                    status = gone.status_code
                    left = world.get("annotator2", f"/api/tasks/{each['id']}/").json
                    status += len(left["annotations"]) + 10 * left["total_annotations"]
            found[is_gold].add(status)
        task = world.good(world.get("annotator2", f"{path}next"))
        answer = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("annotator2", answer, {"result": entity()}), 201)
    assert found[True] == found[False] and len(found[True]) == 1, found


def test_others_answers_cannot_be_guessed_by_filters(scene: Scene) -> None:
    for name, kind, value in (
        ("annotations_results", "String", "甲"),
        ("annotators", "List", scene.values["user_id"][0]),
        ("ground_truth", "Boolean", True),
    ):
        item = {
            "filter": f"filter:tasks:{name}",
            "operator": "contains",
            "type": kind,
            "value": value,
        }
        query = json.dumps({"filters": {"conjunction": "and", "items": [item]}})
        plain = scene.world.project(maximum_annotations=2)
        for project in (scene.project, plain):
            path = f"/api/tasks/?project={project}&query={quote(query)}"
            assert scene.world.get("annotator2", path).status_code == 403, (name, project)


def test_without_checks_too_a_task_does_not_say_who_else_was_at_it(world: World) -> None:
    project = world.project(maximum_annotations=2)
    world.import_list(project, [{"text": "天津大学"}])
    (task,) = world.tasks(project)
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post("annotator", path, {"result": entity()}), 201)
    told = {"annotation": made["id"], "text": "看这里"}
    world.good(world.post("reviewer", "/api/comments/", told), 201)
    seen = world.good(world.get("annotator2", f"/api/tasks/{task['id']}/"))
    assert (seen["updated_by"], seen["comment_authors"], seen["comment_count"]) == ([], [], 0)
    seen = world.good(world.get("annotator", f"/api/tasks/{task['id']}/"))
    assert (len(seen["updated_by"]), seen["comment_count"]) == (1, 1)
    page = world.get("annotator2", f"/tasks/{task['id']}").text
    assert "annotation." not in page and ">annotator<" not in page


def test_nobody_judges_what_they_wrote_though_another_changed_it_since(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": "天津大学"}])
    (task,) = world.tasks(project)
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post("annotator", path, {"result": entity()}), 201)["id"]
    for who, end in (("requester", 2), ("annotator", 3)):
        world.good(world.patch(who, f"/api/annotations/{made}/", {"result": entity(end=end)}))
    said = {"verdict": "accept"}
    assert world.get("requester", f"/api/projects/{project}/next_review").status_code == 404
    assert world.post("requester", f"/api/annotations/{made}/reviews", said).status_code == 403
    told = {"annotation": made, "accepted": True}
    assert world.post("requester", "/api/annotation-reviews/", told).status_code == 403
    assert world.post("reviewer", f"/api/annotations/{made}/reviews", said).status_code == 201


ABSENT = 10**9
# (method, address, body): {own_…} is ours, {x_…} the other organisation's, or nobody's.
FOREIGN: list[tuple[str, str, Any]] = [
    ("POST", "/api/projects/{own_project}/access", {"users": ["{x_user}"]}),
    ("POST", "/api/projects/{own_project}/access", {"teams": ["{x_team}"]}),
    ("POST", "/api/projects/{own_project}/access", {"organisations": ["{x_organisation}"]}),
    ("POST", "/api/projects/{own_project}/give", {"tasks": ["{own_task}"], "users": ["{x_user}"]}),
    ("POST", "/api/projects/{own_project}/give", {"tasks": ["{own_task}"], "team": "{x_team}"}),
    ("POST", "/api/projects/{own_project}/give", {"number": 1, "organisation": "{x_organisation}"}),
    ("POST", "/api/projects/{own_project}/give", {"tasks": ["{x_task}"], "users": ["{own_user}"]}),
    ("POST", "/api/projects/{own_project}/holds/return", {"holds": ["{x_hold}"]}),
    (
        "POST",
        "/api/projects/{own_project}/tasks/{own_task}/assignees",
        {"type": "AN", "users": ["{x_user}"]},
    ),
    ("POST", "/api/projects/{own_project}/tasks/{x_task}/assignees", {"users": ["{own_user}"]}),
    ("POST", "/api/projects/{x_project}/tasks/assignees", {"users": ["{own_user}"]}),
    ("POST", "/api/projects/{own_project}/curation/{x_task}", {"result": entity()}),
    ("POST", "/projects/{own_project}/gold", {"annotation": "{x_annotation}"}),
    ("POST", "/api/projects/{own_project}/flags/{x_flag}", {"outcome": "answered"}),
    ("POST", "/api/tasks/{x_task}/flags", {"kind": "bad_data"}),
    ("POST", "/api/comments/", {"annotation": "{x_annotation}", "text": "x"}),
    (
        "POST",
        "/api/comments/",
        {"annotation": "{own_annotation}", "text": "x", "parent": "{x_comment}"},
    ),
    ("GET", "/api/comments/people/?annotation={x_annotation}", None),
    ("GET", "/api/config-changes/{x_change}", None),
    ("GET", "/api/projects/{x_project}/review-stages", None),
    ("GET", "/api/tasks/{x_task}/history", None),
    ("GET", "/api/annotations/{x_annotation}/review_sheet", None),
    ("GET", "/api/teams/{x_team}/", None),
    ("PATCH", "/api/teams/{own_team}/", {"leader": "{x_user}"}),
    ("PUT", "/api/teams/{own_team}/members/{x_user}/", {}),
    ("PUT", "/api/teams/{x_team}/members/{own_user}/", {}),
    ("POST", "/api/teams/", {"name": "乙班", "leader": "{x_user}"}),
    ("POST", "/api/annotations/{x_annotation}/roll-back", {"revision": 1, "reason": "x"}),
    ("POST", "/api/annotations/{x_annotation}/reviews", {"verdict": "accept"}),
    ("POST", "/api/annotation-reviews/", {"annotation": "{x_annotation}", "accepted": True}),
    ("POST", "/api/exam-attempts/{x_attempt}/answers", {"task": 1, "result": entity()}),
    ("POST", "/projects/{own_project}/suspicions/{x_suspicion}", {"verdict": "right"}),
    ("POST", "/projects/{own_project}/integrity/{x_finding}", {"act": "dismiss", "reason": "x"}),
    ("POST", "/account/integrity/{x_finding}", {"text": "x"}),
    ("POST", "/qualifications/{x_qualification}/suspend", {"reason": "x"}),
]


@pytest.fixture(scope="module")
def sides(shared_world: World) -> dict[str, int]:
    """Make the same things in our organisation and in another one."""
    world = shared_world
    found: dict[str, int] = {}
    for side, other in (("own", ""), ("x", "other_")):
        lead, worker = f"{other}requester", f"{other}annotator"
        project = world.project(lead)
        truth = [{"result": entity(), "ground_truth": True}]
        rows = [
            {"data": {"text": "天津大学"}},
            {"data": {"text": "天津大学二"}, "annotations": truth},
        ]
        world.import_list(project, rows, lead)
        task = world.good(world.get(worker, f"/api/projects/{project}/next"))
        path = f"/api/tasks/{task['id']}"
        made = world.good(world.post(worker, f"{path}/annotations/", {"result": entity()}), 201)
        flag = world.good(world.post(worker, f"{path}/flags", {"kind": "bad_data"}), 201)
        told = {"annotation": made["id"], "text": "x"}
        comment = world.good(world.post(worker, "/api/comments/", told), 201)
        team = world.good(world.post(f"{other}vendor", "/api/teams/", {"name": "甲班"}), 201)
        told = {"title": "x", "questions": 1, "required": True, "wait_hours": 0}
        world.good(world.post(lead, f"/api/projects/{project}/exam/", told), 201)
        attempt = world.good(world.post(worker, f"/api/projects/{project}/exam/start", {}), 201)
        step = {"control": "label", "act": "add", "into": ["NEW"]}
        path = f"/api/projects/{project}/config-changes"
        change = world.good(world.post(lead, path, {"steps": [step]}), 202)["change"]
        with world.installation.database.write() as session:
            who = session.scalars(sa.select(User).where(User.username == worker)).one()
            finding = Finding(
                project_id=project,
                kind="copy",
                user_id=who.id,
                chance=0.0,
                adjusted=0.0,
                facts="{}",
            )
            suspicion = Suspicion(
                project_id=project,
                task_id=task["id"],
                annotation_id=made["id"],
                score=0.1,
                method="m",
                rank=1,
                job_id="x",
            )
            session.add_all([finding, suspicion])
            session.flush()
            held = sa.select(sa.func.max(Assignment.id)).where(Assignment.project_id == project)
            told = {
                "project": project,
                "task": task["id"],
                "annotation": made["id"],
                "flag": flag["id"],
                "comment": comment["id"],
                "team": team["id"],
                "user": who.id,
                "organisation": who.organisation_id,
                "attempt": attempt["id"],
                "qualification": ABSENT,
                "change": change["id"],
                "finding": finding.id,
                "suspicion": suspicion.id,
                "hold": session.scalar(held) or 0,
            }
        found |= {f"{side}_{name}": number for name, number in told.items()}
    return found


def said(answer: TestResponse) -> str:
    """Return what an answer tells, without numbers: of a page its words."""
    if answer.is_json:
        told = answer.json if isinstance(answer.json, dict) else {}
        found = json.dumps([told.get("detail"), told.get("validation_errors")], ensure_ascii=False)
    else:
        found = re.sub(r"<[^>]*>", "", answer.text)
    return re.sub(r"\d+", "0", found)


def filled(value: Any, numbers: dict[str, int]) -> Any:
    """Return a body with the numbers in place."""
    if isinstance(value, dict):
        return {name: filled(each, numbers) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, numbers) for each in value]
    if isinstance(value, str) and value[:1] == "{" and value[1:-1] in numbers:
        return numbers[value[1:-1]]
    return value


@pytest.mark.parametrize("place", range(len(FOREIGN)))
def test_what_is_anothers_is_answered_like_what_is_not_there(
    shared_world: World, sides: dict[str, int], place: int
) -> None:
    method, path, body = FOREIGN[place]
    nobody = sides | {name: ABSENT for name in sides if name.startswith("x_")}
    for who in ("vendor", "requester"):
        told = []
        for numbers in (sides, nobody):
            given = {} if body is None else {"json": filled(body, numbers)}
            answer = shared_world.ask(method, path.format(**numbers), who, **given)
            told.append((answer.status_code, said(answer)))
        assert told[0] == told[1], (who, told)
        if told[0][0] == 200:
            # Nothing was there to be given back.
            assert "holds/return" in path and answer.json == {"returned": 0}
        else:
            assert told[0][0] in (400, 403, 404, 409, 422), told

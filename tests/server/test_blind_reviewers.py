"""Who is to judge without knowing whose work it is learns it by nothing that they may ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people, permissions
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.world import PASSWORD, World, entity

# The makers: their names and numbers stand nowhere else in the world.
MAKERS = {"maker.lin": ("林秋风", 86_420_013), "maker.shi": ("石晚晴", 86_420_027)}
REMARK = "这里是否应含“大学”二字？"
# What lists people as such: who they are, and not what they made.
OF_PEOPLE = (
    "/people",
    "/teams",
    "/api/users/",
    "/api/teams/",
    "/api/organizations/",
    "/projects/{project}/quality",
    "/api/projects/{project}/quality",
    "/api/projects/{project}/annotators/",
    "/api/projects/{project}/members/",
    "/projects/{project}/gold",
    "/dashboards",
    "/api/dashboards",
)


@dataclass
class Scene:
    """A project whose answers are to be judged by people who do not know their makers."""

    world: World
    project: int
    values: dict[str, list[int]]


def add(world: World, name: str, role: Role, home: str, number: int | None = None) -> None:
    """Add somebody, with a number of our choice."""
    with world.installation.database.write() as session:
        organisation = people.get_organisation(session, home)
        row, _none = people.add_user(
            session, name, role=role, organisation=organisation, password=PASSWORD
        )
        session.flush()
        if number is not None:
            told = {"id": number, "first_name": MAKERS[name][0]}
            session.execute(sa.update(User).where(User.id == row.id).values(**told))
            session.expire_all()
            row = session.get_one(User, number)
        world.tokens[name] = people.add_token(session, row)[1]


def scene_of(world: World, **options: object) -> Scene:
    """Let two people answer, talk, raise a flag and be judged once; others are to judge more."""
    if "maker.lin" not in world.tokens:
        for name, (_called, number) in MAKERS.items():
            add(world, name, Role.ANNOTATOR, "alpha", number)
        add(world, "guest", Role.REQUESTER, "gamma")
    project = world.project(maximum_annotations=2)
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(3)])
    path = f"/api/projects/{project}"
    world.good(world.patch("requester", f"{path}/", options))
    with world.installation.database.write() as session:
        company = people.get_organisation(session, "gamma")
        session.get_one(Project, project).vendor_id = company.id
    tasks = [task["id"] for task in world.tasks(project)]
    made, comments = [], []
    for task in tasks:
        for end, name in enumerate(MAKERS, 3):
            sent = {"result": entity(end=end)}
            answer = f"/api/tasks/{task}/annotations/"
            made.append(world.good(world.post(name, answer, sent), 201)["id"])
    changed = {"result": entity(end=2)}
    world.good(world.patch("maker.lin", f"/api/annotations/{made[0]}/", changed))
    flag = {"kind": "unclear", "text": "看不清"}
    world.post("maker.lin", f"/api/tasks/{tasks[0]}/flags", flag)
    for who, number in (("reviewer2", made[0]), ("maker.lin", made[0]), ("maker.shi", made[1])):
        told = {"annotation": number, "text": f"{REMARK} @reviewer @arbitrator"}
        comments.append(world.good(world.post(who, "/api/comments/", told), 201)["id"])
    judged = f"/api/annotations/{made[0]}/reviews"
    world.good(world.post("reviewer2", judged, {"verdict": "accept"}), 201)
    world.done(world.post("requester", f"{path}/quality/measure", {}))
    values = {
        "project_id": [project],
        "task_id": tasks,
        "annotation_id": made,
        "comment_id": comments,
        "user_id": [number for _name, number in MAKERS.values()],
    }
    return Scene(world, project, values)


def asked(scene: Scene, role: Role) -> Iterator[str]:
    """Give every address to GET that a role reaches, with the numbers of the scene."""
    adapter = scene.world.app.url_map.bind("localhost")
    for rule in scene.world.app.url_map.iter_rules():
        action = getattr(scene.world.app.view_functions[rule.endpoint], "jinbiao_action", "public")
        names = sorted(rule.arguments)
        if "GET" not in (rule.methods or ()) or action not in permissions.ALLOWED[role]:
            continue
        # Who asks of somebody by their number asks not who made an answer.
        if "user_id" in names or any(name not in scene.values for name in names):
            continue
        for number in scene.values[names[0]] if names else [0]:
            given = {name: scene.values[name][0] for name in names}
            yield adapter.build(rule.endpoint, given | dict.fromkeys(names[:1], number))
    project, tasks = scene.project, scene.values["task_id"]
    yield from (
        f"/api/tasks/?project={project}",
        f"/api/tasks/?project={project}&fields=all",
        f"/api/projects/{project}/stats/IAA?task={tasks[0]}&std=true",
        f"/api/projects/{project}/tasks/{tasks[0]}/agreement-matrix?selection[annotators][all]=true",
        f"/api/comments/?projects={project}&expand_created_by=true",
        f"/api/annotation-reviews/?annotation__task__project={project}",
        f"/projects/{project}/tasks?state=labelled",
        f"/api/projects/{project}/export?export_type=JSON",
        f"/api/projects/{project}/export?export_type=CSV",
        "/api/notices/",
    )
    for number in scene.values["annotation_id"]:
        yield from (
            f"/api/annotation-history/?annotation={number}",
            f"/api/annotation-reviews/?annotation={number}",
            f"/api/comments/?annotation={number}&expand_created_by=true",
            f"/api/comments/people/?annotation={number}",
        )


def told_by(scene: Scene, who: str, role: Role, *names: str) -> tuple[int, list[tuple[str, str]]]:
    """Return how many addresses answered, and which of them name these makers."""
    number, found = 0, []
    words = [word for name in names for word in (name, MAKERS[name][0], str(MAKERS[name][1]))]
    listed = tuple(each.format(project=scene.project) for each in OF_PEOPLE)
    for path in dict.fromkeys(asked(scene, role)):
        answer = scene.world.get(who, path)
        assert answer.status_code < 500, (path, answer.text[:500])
        if answer.status_code != 200 or path.startswith(("/static", "/scripts", "/api/openapi")):
            continue
        number += 1
        text = answer.text + (json.dumps(answer.json, ensure_ascii=False) if answer.is_json else "")
        if not path.startswith(listed):
            found += [(path, word) for word in words if word in text]
    return number, found


@pytest.fixture(scope="module")
def blind(shared_world: World) -> Scene:
    """Make the project one whose reviewers are told no names, in two stages."""
    return scene_of(shared_world, review_blind=True, review_second="all")


@pytest.mark.parametrize(
    ("who", "role"),
    [("reviewer", Role.REVIEWER), ("arbitrator", Role.ARBITRATOR), ("guest", Role.REQUESTER)],
)
def test_no_route_tells_a_blind_reviewer_whose_work_it_is(
    blind: Scene, who: str, role: Role
) -> None:
    number, found = told_by(blind, who, role, *MAKERS)
    assert not found, sorted({path for path, _word in found})
    assert number > 60
    # The crawl sees what it looks for: to who leads the project the same addresses tell it.
    _number, found = told_by(blind, "requester", Role.REVIEWER, *MAKERS)
    assert len({path for path, _word in found}) > 25


def test_what_a_blind_reviewer_reads_still_says_which_answers_are_of_one_person(
    blind: Scene,
) -> None:
    world = blind.world
    seen = world.good(world.get("reviewer", f"/api/tasks/{blind.values['task_id'][1]}/"))
    assert [each["completed_by"] for each in seen["annotations"]] == [None, None]
    names = [each["created_username"].strip() for each in seen["annotations"]]
    assert len(set(names)) == 2 and all(re.fullmatch(r"person-\w+", name) for name in names)
    remarks = world.good(world.get("reviewer", f"/api/comments/?projects={blind.project}"))
    assert {each["created_by"] for each in remarks} == {None}
    own = world.good(world.get("maker.lin", f"/api/tasks/{blind.values['task_id'][1]}/"))
    assert [each["completed_by"]["id"] for each in own["annotations"]] == [MAKERS["maker.lin"][1]]


def test_whose_work_it_is_cannot_be_found_by_asking_for_a_persons_work(blind: Scene) -> None:
    world, number = blind.world, MAKERS["maker.lin"][1]
    for name, kind in (("annotators", "List"), ("updated_by", "Number")):
        item = {
            "filter": f"filter:tasks:{name}",
            "operator": "contains" if kind == "List" else "equal",
            "type": kind,
            "value": number,
        }
        filters = json.dumps({"filters": {"conjunction": "and", "items": [item]}})
        order = json.dumps({"ordering": [f"-tasks:{name}"]})
        for query in (filters, order):
            path = f"/api/tasks/?project={blind.project}&query={quote(query)}"
            assert world.get("reviewer", path).status_code == 403, query
            assert world.get("requester", path).status_code == 200, query
    path = f"/api/projects/{blind.project}/tasks/{blind.values['task_id'][0]}/agreement-matrix"
    chosen = f"{path}?selection[annotators][ids]={number}"
    assert world.get("reviewer", chosen).status_code == 403
    assert world.get("requester", chosen).status_code == 200


def test_a_review_of_ones_own_is_known_to_oneself(blind: Scene) -> None:
    world = blind.world
    path = f"/api/annotation-reviews/?annotation={blind.values['annotation_id'][0]}"
    (mine,) = world.good(world.get("reviewer2", path))
    (theirs,) = world.good(world.get("reviewer", path))
    assert mine["created_by"] is not None and theirs["created_by"] is None


def test_names_are_told_where_nobody_judges_blind(shared_world: World) -> None:
    scene = scene_of(shared_world, review_blind=False)
    _number, found = told_by(scene, "reviewer", Role.REVIEWER, "maker.shi")
    assert len({path for path, _word in found}) > 15


def test_an_arbitrator_does_not_learn_whose_case_it_is(shared_world: World) -> None:
    scene = scene_of(shared_world, review_blind=False, review_objections=True)
    world, mine = shared_world, scene.values["annotation_id"][1]
    said = {"verdict": "reject", "reason": "边界不对"}
    world.good(world.post("reviewer2", f"/api/annotations/{mine}/reviews", said), 201)
    objection = {"reason": "边界是对的"}
    world.good(world.post("maker.shi", f"/api/annotations/{mine}/objections", objection), 201)
    task = scene.values["task_id"][0]
    scene.values |= {"annotation_id": [mine], "task_id": [task]}
    _number, found = told_by(scene, "arbitrator", Role.ARBITRATOR, "maker.shi")
    # Lists of the whole project hold other answers of the same person, which are no case.
    of_case = (f"/tasks/{task}", f"/annotations/{mine}", f"annotation={mine}", f"task={task}")
    told = {path for path, _word in found if any(part in path for part in of_case)}
    assert not told, told
    listed = world.good(world.get("arbitrator", f"/api/tasks/?project={scene.project}&fields=all"))
    (row,) = [each for each in listed["tasks"] if each["id"] == task]
    assert [each["completed_by"] for each in row["annotations"]] == [
        MAKERS["maker.lin"][1],
        None,
    ]
    # Once it is decided there is nothing to be hidden any more.
    path = f"/api/annotations/{mine}"
    world.good(world.post("arbitrator", f"{path}/reviews", {"verdict": "accept"}), 201)
    assert world.get("arbitrator", f"{path}/").json["completed_by"] == MAKERS["maker.shi"][1]

"""Run the whole chain on demo boards: import, pre-label, correct, review, freeze, publish.

Every step asks what is there already, so that an interrupted demo goes on where it stopped.
The people of the demo get random passwords that nobody knows; an administrator can set them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets import annotations as annotation_rows
from ..datasets import (
    assignments,
    boards,
    catalogue,
    errors,
    labels,
    people,
    predictions,
    projects,
    reviews,
    tasks,
)
from ..datasets.boards import LabelledBox
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.people import Role, User
from ..datasets.projects import Project
from ..datasets.tasks import Task
from . import run as runner
from . import spool

SEED = 20260101
LABELLED = 10
# Left waiting with the model's boxes, so that a newcomer has something to label.
TO_TRY = 8
# Of no real organisation; its check character is right (GB 32100).
CREDIT_CODE = "12120000MB0DEM000J"
FACTS = {
    "provider": "演示机构",
    "provider_code": CREDIT_CODE,
    "domain": "industry",
    "update_cycle": "irregular",
    "openness": "open",
    "data_level": "general",
    "rights_basis": "self_produced",
    "dataset_class": "industry_general",
    "region": "120000",
}


@dataclass(frozen=True)
class Board:
    """One pair of the demo: where its pictures are, and its true boxes in pixels."""

    name: str
    group: str
    image: str
    template: str
    boxes: list[LabelledBox]
    side: tuple[int, int]


@dataclass(frozen=True)
class Step:
    """What a step of the demo did: a template for gettext, and its values."""

    message: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What one demo consists of."""

    slug: str
    title: str
    title_en: str
    description: str
    labelled: int


DRAWN = Plan(
    slug="pcb-defects",
    title="电路板缺陷检测（演示）",
    title_en="Circuit-board defects (demo)",
    description=(
        "津标自绘的电路板图像对：每块板有一张待检图像和一张无缺陷模板，标注六类缺陷。"
        "先由人工标注少量样本，差分模型预标注其余图像，再由人工修正并审核。\n\n"
        "Board pairs drawn by Jinbiao itself: an image to inspect and a defect-free template "
        "each, six classes of defects. People labelled a few, the difference model "
        "pre-labelled the rest, people corrected and reviewed them."
    ),
    labelled=LABELLED,
)
PHOTOGRAPHED = Plan(
    slug="deeppcb-defects",
    title="DeepPCB 电路板缺陷（研究用）",
    title_en="DeepPCB circuit-board defects (research use)",
    description=(
        "DeepPCB 公开样本（MIT 许可，README 注明仅限研究用途）经津标整条链路重新标注发布。\n\n"
        "The public DeepPCB sample (MIT; its README adds: research purpose only), through "
        "Jinbiao's whole chain."
    ),
    labelled=20,
)


def run(
    installation: Installation, *, images: Path | None = None, pairs: int = 40
) -> Iterator[Step]:
    """Run the chain and yield each step as it is done; the last names the published dataset.

    Raises:
        errors.JinbiaoError: a step failed.
    """
    plan = DRAWN if images is None else PHOTOGRAPHED
    with installation.database.read() as session:
        published = catalogue.find(session, f"demo/{plan.slug}")
    if published is not None:
        yield Step(_("%(dataset)s: already published"), {"dataset": f"demo/{plan.slug}"})
        return
    team = _people(installation)
    project = _project(installation, team, plan)
    with spool.folder(installation.settings) as folder:
        found = _drawn(folder, pairs + TO_TRY) if images is None else _read(images)
        chain = found if images is not None else found[:pairs]
        yield _import(installation, team, project, folder, plan, chain)
        yield _review(installation, team, project)
        message = _("prelabel: %(pairs)s pairs by %(model)s, trained on %(examples)s")
        yield Step(message, _prelabel(installation, team, project))
        truth = {board.name: board for board in chain}
        corrected = _correct(installation, team, project, truth)
        yield Step(_("correct: %(number)s submitted"), {"number": corrected})
        yield _review(installation, team, project)
        frozen = _job(installation, team.requester, project, "freeze", {"seed": 7})
        yield Step(
            _("freeze: %(tag)s %(commit)s, %(records)s records"),
            {"tag": frozen["tag"], "commit": frozen["commit_id"], "records": frozen["records"]},
        )
        if images is None:
            rest = found[pairs:]
            _import(installation, team, project, folder, plan, rest, "to_try")
            message = _("to try yourself: %(pairs)s pairs by %(model)s, trained on %(examples)s")
            yield Step(message, _prelabel(installation, team, project))
    result = _publish(installation, team, project, plan, int(frozen["version"]))
    yield Step(
        _("published: %(dataset)s %(tag)s"), {"dataset": result["dataset"], "tag": result["tag"]}
    )


@dataclass(frozen=True)
class Team:
    """The people of the demo."""

    requester: User
    annotator: User
    reviewer: User


def _review(installation: Installation, team: Team, project: Project) -> Step:
    number = accept_all(installation, team.reviewer, project)
    return Step(_("review: %(number)s accepted"), {"number": number})


def accept_all(installation: Installation, reviewer: User, project: Project) -> int:
    """Accept every waiting annotation that is not the reviewer's own; return how many."""
    total, after = 0, 0
    while True:
        with installation.database.write() as session:
            number, after = reviews.accept_in_bulk(
                session, reviewer, project, after=after, limit=50
            )
        if number == 0:
            return total
        total += number


def _people(installation: Installation) -> Team:
    with installation.database.write() as session:
        home = people.find_organisation(session, "demo") or people.add_organisation(
            session, "demo", "演示机构", credit_code=CREDIT_CODE
        )
        made = []
        for username, role, name in (
            ("demo-requester", Role.REQUESTER, "演示需求方"),
            ("demo-annotator", Role.ANNOTATOR, "演示标注员"),
            ("demo-reviewer", Role.REVIEWER, "演示审核员"),
        ):
            person = people.find_user(session, username)
            if person is None:
                person, _password = people.add_user(
                    session, username, role=role, organisation=home, name=name
                )
            made.append(person)
    return Team(*made)


def _project(installation: Installation, team: Team, plan: Plan) -> Project:
    with installation.database.write() as session:
        there = projects.visible(session, team.requester, title=plan.title, limit=1)
        if there:
            return there[0]
        return projects.create(
            session,
            team.requester,
            title=plan.title,
            label_config=labels.TEMPLATES["board_pair"].config,
            description=plan.description,
            instruction="框住每一处缺陷并选择类别；右侧的无缺陷模板供对照。",
        )


def _drawn(folder: Path, number: int) -> list[Board]:
    found = []
    for index in range(number):
        pair = boards.draw_pair(SEED, index)
        image, template = f"{pair.name}.jpg", f"{pair.name}_template.jpg"
        (folder / image).write_bytes(pair.image)
        (folder / template).write_bytes(pair.template)
        found.append(Board(pair.name, pair.group, image, template, pair.boxes, (640, 640)))
    return found


def _read(images: Path) -> list[Board]:
    found = [
        Board(
            pair.name,
            pair.group,
            str(pair.image.absolute()),
            str(pair.template.absolute()),
            pair.boxes,
            (640, 640),
        )
        for pair in boards.read_deeppcb(images)
    ]
    if not found:
        raise errors.Invalid(_("%(path)s holds no DeepPCB pairs"), path=str(images))
    # The labelled ones come from all groups, so that the model sees every kind of board.
    return sorted(found, key=lambda board: (board.name[-3:], board.name))


def _import(
    installation: Installation,
    team: Team,
    project: Project,
    folder: Path,
    plan: Plan,
    found: list[Board],
    name: str = "boards",
) -> Step:
    with installation.database.read() as session:
        there = tasks.names(session, project)
    missing = [board for board in found if board.name not in there]
    if not missing:
        return Step(_("import: already there"), {})
    place = folder / name
    place.mkdir(exist_ok=True)
    with (place / "tasks.jsonl").open("w", encoding="utf-8") as out:
        for number, board in enumerate(found):
            if board.name in there:
                continue
            _bring(folder / board.image, place / Path(board.image).name)
            _bring(folder / board.template, place / Path(board.template).name)
            labelled = name == "boards" and number < plan.labelled
            out.write(json.dumps(_task(board, labelled), ensure_ascii=False) + "\n")
    result = _job(installation, team.requester, project, "import", {"path": str(place)})
    if result["rejected"]:
        raise errors.Damaged(_("%(count)s demo boards were rejected"), count=result["rejected"])
    return Step(_("import: %(tasks)s tasks"), {"tasks": result["tasks"]})


def _bring(source: Path, target: Path) -> None:
    if not target.exists():
        target.hardlink_to(source) if source.stat().st_dev == target.parent.stat().st_dev else (
            target.write_bytes(source.read_bytes())
        )


def _task(board: Board, labelled: bool) -> dict[str, Any]:
    task: dict[str, Any] = {
        "data": {
            "image": Path(board.image).name,
            "template": Path(board.template).name,
        },
        "meta": {"name": board.name, "group": board.group},
    }
    if labelled:
        task["annotations"] = [{"result": _regions(board)}]
    return task


def _regions(board: Board) -> list[dict[str, Any]]:
    config = labels.parse(labels.TEMPLATES["board_pair"].config)
    control = config.controls[0]
    regions = []
    for number, (label, x, y, width, height) in enumerate(board.boxes, 1):
        region = labels.make_box_region(
            control,
            control.to_names[0],
            label,
            x,
            y,
            width,
            height,
            *board.side,
            region_id=f"box_{number}",
        )
        regions.append({**region, "origin": "manual"})
    return regions


def _prelabel(installation: Installation, team: Team, project: Project) -> dict[str, Any]:
    result = _job(installation, team.requester, project, "prelabel", {"model": "golden_difference"})
    return {
        "pairs": result["predicted"],
        "model": result["model_version"],
        "examples": result["examples"],
    }


def _correct(
    installation: Installation, team: Team, project: Project, truth: dict[str, Board]
) -> int:
    """Enter the true labels as the annotator's corrections of the model's boxes."""
    number = 0
    while True:
        with installation.database.write() as session:
            assignment = assignments.claim(session, installation.settings, team.annotator, project)
            if assignment is None:
                return number
            task = session.get_one(Task, assignment.task_id)
            made = predictions.of_tasks(session, [task.id]).get(task.id, [])
            annotation_rows.submit(
                session,
                installation.settings,
                team.annotator,
                project,
                task,
                _regions(truth[task.name]),
                parent_prediction=made[0].id if made else None,
                unique_id=f"demo-{assignment.id}",
            )
        number += 1


def _publish(
    installation: Installation, team: Team, project: Project, plan: Plan, version_id: int
) -> dict[str, Any]:
    return _job(
        installation,
        team.requester,
        project,
        "publish",
        {
            "version": version_id,
            "name": plan.slug,
            "title": plan.title,
            "title_en": plan.title_en,
            "description": plan.description,
            "licence": "CC-BY-4.0" if plan is DRAWN else "MIT",
            "keywords": ["电路板", "缺陷检测", "PCB", "制造业"],
            "task_categories": ["object-detection"],
            # What is drawn says so in every record of the national format.
            "facts": {**FACTS, "sheet": {"synthetic": True}} if plan is DRAWN else FACTS,
        },
    )


def _job(
    installation: Installation, actor: User, project: Project, kind: str, request: dict[str, Any]
) -> dict[str, Any]:
    """Do a job in this process, the same one a worker would do, and return its result."""
    return runner.do_here(installation, actor, project, kind, request).result_values

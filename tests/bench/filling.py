"""Make the rows that are measured: task lists to import, long queues, accepted work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jinbiao.datasets import labels, tasks
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.assignments import Assignment, AssignmentState, QueuePlace
from jinbiao.datasets.db import now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.projects import Project
from jinbiao.datasets.reviews import Review, Verdict
from jinbiao.datasets.tasks import Media, QueuedTask, Task, TaskState

TEXT_CONFIG = """\
<View>
  <Labels name="label" toName="text"><Label value="机构"/><Label value="人名"/></Labels>
  <Text name="text" value="$text"/>
  <Choices name="tone" toName="text"><Choice value="正常"/><Choice value="异常"/></Choices>
</View>
"""
FILE_CONFIG = """\
<View>
  <Video name="v" value="$v"/>
  <Choices name="seen" toName="v"><Choice value="是"/><Choice value="否"/></Choices>
</View>
"""
BOX_CONFIG = labels.TEMPLATES["defect_boxes"].config
ROW_BYTES, PREDICTION_BYTES = 500, 300
SENTENCE = "张三在津市数据局反映三号生产线的电路板有划痕，值班员已登记并安排复检。"
_BATCH = 5000


def text_answer() -> list[dict[str, Any]]:
    """Return a result with one span and one choice."""
    span = {"start": 3, "end": 8, "text": SENTENCE[3:8], "labels": ["机构"]}
    return [
        {"id": "a", "from_name": "label", "to_name": "text", "type": "labels", "value": span},
        {
            "id": "b",
            "from_name": "tone",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": ["异常"]},
        },
    ]


def box_answer(number: int) -> list[dict[str, Any]]:
    """Return a result with two boxes on a picture of 640 by 480 pixels."""
    return [
        {
            "id": f"box{place}",
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": 640,
            "original_height": 480,
            "image_rotation": 0,
            "value": {
                "x": 5.5 + (number + 31 * place) % 6000 / 100,
                "y": 7.25 + (number + 17 * place) % 4999 / 100,
                "width": 12.5,
                "height": 10.0,
                "rotation": 0,
                "rectanglelabels": ["scratch"],
            },
        }
        for place in range(2)
    ]


def text_data(number: int) -> str:
    """Return a task's data as JSON of ROW_BYTES bytes."""
    head = f'{{"number":{number},"text":"第{number}号。'
    room = ROW_BYTES - len(head.encode()) - 2
    text = (SENTENCE * 5).encode()[:room].decode(errors="ignore")
    return f'{head}{text}{"." * (room - len(text.encode()))}"}}'


def prediction_of(number: int) -> dict[str, Any]:
    """Return a prediction of PREDICTION_BYTES as JSON; each says something else, as models do."""
    answer, start = text_answer(), number % 5
    span = {"start": start, "end": start + 5, "text": SENTENCE[start : start + 5]}
    answer[0]["value"] = {**span, "labels": [("机构", "人名")[number % 2]]}
    answer[1]["value"] = {"choices": [("正常", "异常")[number // 2 % 2]]}
    for region in answer:
        region["id"] += f"{number % 1000:03d}"
    made = {"model_version": "bench-1", "score": (number % 9 + 1) / 10, "result": answer}
    spare = PREDICTION_BYTES - len(_compact(made).encode())
    assert spare >= 0, spare
    return {**made, "model_version": "bench-1".ljust(7 + spare, "x")}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_rows(path: Path, number: int) -> None:
    """Write a task list: a text of ROW_BYTES and a prediction of PREDICTION_BYTES each."""
    with path.open("w", encoding="utf-8") as out:
        for place in range(number):
            prediction = _compact(prediction_of(place))
            out.write(f'{{"data":{text_data(place)},"predictions":[{prediction}]}}\n')


def fill_queue(
    installation: Installation,
    project_id: int,
    number: int,
    overlap: int,
    *,
    data: str | None = None,
    ordered: bool = False,
) -> None:
    """Give a project many waiting tasks in two statements, `ordered` by priorities in any order.

    `data` is the JSON of every task, one of ROW_BYTES unless it is given.
    """
    count = sa.select(sa.literal(1).label("n")).cte("count", recursive=True)
    count = count.union_all(sa.select(count.c.n + 1).where(count.c.n < number))
    place = sa.cast(count.c.n, sa.String)
    with installation.database.write() as session:
        columns = {
            "project_id": sa.literal(project_id),
            "import_id": sa.literal(f"filled-{project_id}"),
            "row": count.c.n,
            "data": sa.literal(data or text_data(0)),
            "digest": place,
            "name": sa.literal("line ") + place,
            "media_names": sa.literal("{}"),
            "group_name": sa.literal(""),
            "state": sa.literal(TaskState.WAITING),
            "created_at": sa.literal(now(), Task.created_at.type),
        }
        table = sa.inspect(Task).local_table
        session.execute(sa.insert(table).from_select(list(columns), sa.select(*columns.values())))
        # Every place once, as long as 1999 does not divide the number.
        priority = Task.row * 1999 % number - number if ordered else sa.literal(0)
        slots = sa.select(Task.project_id, priority, Task.id, sa.literal(overlap))
        session.execute(
            sa.insert(QueuedTask).from_select(
                ["project_id", "priority", "task_id", "open_slots"],
                slots.where(Task.project_id == project_id).order_by(Task.id),
            )
        )


def fill_done(installation: Installation, project_id: int, user_id: int, number: int) -> None:
    """Let somebody have answered the first tasks of the queue, whose other places stay open."""
    first = (
        sa.select(QueuedTask.priority, QueuedTask.task_id)
        .where(QueuedTask.project_id == project_id)
        .order_by(QueuedTask.priority, QueuedTask.task_id)
        .limit(number)
    )
    with installation.database.write() as session:
        priority, task_id = session.execute(first.offset(number - 1).limit(1)).one()
        done = sa.tuple_(QueuedTask.priority, QueuedTask.task_id) <= sa.tuple_(
            sa.literal(priority), sa.literal(task_id)
        )
        rows = sa.select(
            sa.literal(project_id),
            QueuedTask.task_id,
            sa.literal(user_id),
            sa.literal(AssignmentState.SUBMITTED),
            sa.literal(now(), Task.created_at.type),
        ).where(QueuedTask.project_id == project_id, done)
        names = ["project_id", "task_id", "user_id", "state", "created_at"]
        session.execute(sa.insert(Assignment).from_select(names, rows))
        slots = sa.update(QueuedTask).where(QueuedTask.project_id == project_id, done)
        session.execute(slots.values(open_slots=QueuedTask.open_slots - 1))
        session.execute(
            sa.delete(QueuedTask).where(
                QueuedTask.project_id == project_id, done, QueuedTask.open_slots == 0
            )
        )
        place = {"priority": priority, "task_id": task_id}
        session.add(QueuePlace(project_id=project_id, user_id=user_id, **place))


def fill_accepted(
    installation: Installation,
    project_id: int,
    number: int,
    make: Callable[[int], tuple[str, str, dict[str, Any] | None]],
) -> None:
    """Give a project accepted tasks; `make` returns data, result and the media row of one."""
    for start in range(0, number, _BATCH):
        places = range(start, min(start + _BATCH, number))
        made = {place: make(place) for place in places}
        with installation.database.write() as session:
            project = session.get_one(Project, project_id)
            ids = tasks.add_in_bulk(
                session,
                project,
                f"accepted-{project_id}",
                [_task_row(place, data, media) for place, (data, _r, media) in made.items()],
            )
            pictures = [media for _data, _result, media in made.values() if media is not None]
            if pictures:
                session.execute(sa.insert(Media), pictures)
            answers = [
                {
                    "project_id": project_id,
                    "task_id": ids[place],
                    "completed_by": project.created_by,
                    "state": AnnotationState.ACCEPTED,
                    "result": result,
                }
                for place, (_data, result, _media) in made.items()
            ]
            session.execute(sa.insert(Annotation), answers)
            session.execute(_reviews(project, ids.values()))


def _task_row(place: int, data: str, media: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "row": place,
        "data": data,
        "digest": hashlib.sha256(data.encode()).hexdigest(),
        "name": f"item {place}",
        "media_names": "{}" if media is None else f'{{"image":"p{place}.jpg"}}',
        "group_name": "",
        "slots": 0,
        "state": TaskState.ACCEPTED,
    }


def _reviews(project: Project, task_ids: Iterable[int]) -> sa.Insert:
    """Accept the annotations of a run of new tasks, one review each."""
    wanted = sorted(task_ids)
    columns = {
        "project_id": Annotation.project_id,
        "annotation_id": Annotation.id,
        "revision": sa.literal(1),
        "reviewer_id": sa.literal(project.created_by),
        "verdict": sa.literal(Verdict.ACCEPT),
        "reason": sa.literal(""),
        "created_at": Annotation.created_at,
    }
    rows = sa.select(*columns.values()).where(
        Annotation.project_id == project.id, Annotation.task_id.between(wanted[0], wanted[-1])
    )
    return sa.insert(Review).from_select(list(columns), rows.order_by(Annotation.id))


def accepted_text(number: int) -> tuple[str, str, None]:
    """Make an accepted text of ROW_BYTES with a span and a choice."""
    return text_data(number), json.dumps(text_answer(), ensure_ascii=False), None


def accepted_boxes(number: int) -> tuple[str, str, dict[str, Any]]:
    """Make an accepted picture with two boxes; nobody stored its bytes, for they only link."""
    digest = hashlib.sha256(f"bench {number}".encode()).hexdigest()
    media = {
        "digest": digest,
        "size": 100_000,
        "content_type": "image/jpeg",
        "extension": ".jpg",
        "width": 640,
        "height": 480,
    }
    return f'{{"image":"media:{digest}"}}', json.dumps(box_answer(number)), media

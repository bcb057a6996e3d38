"""What comes in is stored once, written once, and waits for another person's eyes."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy import event

from jinbiao.datasets import annotations, collection, media, predictions, tasks
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.collection import ImportReject
from jinbiao.datasets.db import Database
from jinbiao.datasets.errors import Problem
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.sources import BytesMedia, Item, Reject
from jinbiao.datasets.tasks import Media, QueuedTask, Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import BOX_CONFIG, Team, claimed, tone

LIMITS = media.MediaLimits()


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def box_team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session, BOX_CONFIG)


def number_of(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that are executed."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_a_row_is_brought_once_however_often_the_batch_comes(
    installation: Installation, team: Team
) -> None:
    items = factories.texts("一", "二", "三", predictions=[{"result": tone()}])
    rejects = [Reject(4, "line 4", Problem("", "broken"))]
    prepared = [
        collection.prepare(installation.store, team.project, item, LIMITS, {}) for item in items
    ]
    for _attempt in range(2):
        with installation.database.write() as session:
            collection.write(
                session,
                team.requester,
                team.project,
                "import-1",
                prepared,  # type: ignore[arg-type]
                rejects,
            )
    assert number_of(installation.database, Task) == 3
    assert number_of(installation.database, QueuedTask) == 3
    assert number_of(installation.database, Prediction) == 3
    assert number_of(installation.database, ImportReject) == 1
    with installation.database.read() as session:
        assert collection.task_count(session, "import-1") == 3
        assert collection.reject_count(session, "import-1") == 1


def test_the_same_bytes_are_stored_once(installation: Installation, box_team: Team) -> None:
    same = [
        Item(n, f"{n}.png", f"{n}", {}, {"image": BytesMedia(f"{n}.png", factories.picture(1))})
        for n in (1, 2)
    ]
    with installation.database.write() as session:
        brought = factories.bring(
            session, installation.store, box_team.requester, box_team.project, same
        )
    assert len(list(installation.store.digests())) == number_of(installation.database, Media) == 1
    assert brought[0].digest == brought[1].digest
    assert [json.loads(task.media_names) for task in brought] == [
        {"image": "1.png"},
        {"image": "2.png"},
    ]


def test_imports_of_the_same_bytes_at_once(installation: Installation, box_team: Team) -> None:
    """Four imports bring the same 20 pictures in different orders; nobody fails."""
    items = factories.pictures(20)
    prepared = [
        collection.prepare(installation.store, box_team.project, item, LIMITS, {}) for item in items
    ]
    start = threading.Barrier(4)

    def bring(number: int) -> None:
        batch = prepared if number % 2 else prepared[::-1]
        start.wait()
        with installation.database.write() as session:
            collection.write(
                session,
                box_team.requester,
                box_team.project,
                f"import-{number}",
                batch,  # type: ignore[arg-type]
                [],
            )

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(bring, number) for number in range(4)]:
            done.result()
    assert number_of(installation.database, Media) == 20
    assert number_of(installation.database, Task) == 80


def test_media_know_their_size_and_what_readers_see(
    installation: Installation, box_team: Team
) -> None:
    out = io.BytesIO()
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    Image.new("RGB", (20, 10), "red").save(out, "JPEG", exif=turned)
    item = Item(1, "a.jpg", "a", {}, {"image": BytesMedia("a.jpg", out.getvalue())})
    with installation.database.write() as session:
        (task,) = factories.bring(
            session, installation.store, box_team.requester, box_team.project, [item]
        )
        (row,) = tasks.media_of(session, [task]).values()
    assert (row.width, row.height) == (10, 20)
    assert row.display_digest and row.display_digest != row.digest
    with Image.open(io.BytesIO(installation.store.read(row.display_digest))) as shown:
        assert shown.size == (10, 20)
    assert installation.store.read(row.digest) == out.getvalue()


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Item(1, "l", "n", {"other": 1}), "lack text"),
        (Item(1, "l", "n", {"text": "a"}, annotations=[{"result": tone("awful")}]), "annotations"),
        (Item(1, "l", "n", {"text": "a"}, annotations=[{"result": None}]), "annotations"),
        (Item(1, "l", "n", {"text": "a"}, predictions=[{"result": "?"}]), "predictions"),
    ],
)
def test_a_fault_makes_a_reject_with_its_place(
    installation: Installation, team: Team, item: Item, message: str
) -> None:
    found = collection.prepare(installation.store, team.project, item, LIMITS, {})
    assert isinstance(found, Reject) and message in str(found.reason)
    with installation.database.write() as session:
        collection.write(session, team.requester, team.project, "i", [], [found])
    out = io.BytesIO()
    with installation.database.read() as session:
        assert collection.write_reject_file(session, "i", out) == 1
    assert json.loads(out.getvalue())["number"] == 1


def test_a_picture_that_is_none_is_rejected(installation: Installation, box_team: Team) -> None:
    item = Item(1, "a.png", "a", {}, {"image": BytesMedia("a.png", b"not a picture")})
    found = collection.prepare(installation.store, box_team.project, item, LIMITS, {})
    assert isinstance(found, Reject)
    assert list(installation.store.digests()) == []


def test_imported_answers_wait_for_another_persons_review(
    installation: Installation, team: Team
) -> None:
    items = factories.texts("好", annotations=[{"result": tone()}])
    with installation.database.write() as session:
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
        (found,) = annotations.of_tasks(session, [task.id])[task.id]
    assert (found.state, found.completed_by) == (AnnotationState.SUBMITTED, team.requester.id)
    assert task.state == TaskState.LABELLED
    assert claimed(installation, team.annotator, team.project) is None


def test_imported_answers_take_the_places_they_fill(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=3)
        both = [{"result": tone()}, {"result": tone("bad")}, {"result": [], "was_cancelled": True}]
        items = factories.texts("好", annotations=both)
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
    # The skip came along, but is no answer.
    assert number_of(installation.database, Annotation) == 3
    assert (task.total_annotations, task.cancelled_annotations) == (2, 1)
    assert number_of(installation.database, Assignment) == 1
    assert claimed(installation, team.annotator, team.project)
    assert claimed(installation, team.colleague, team.project) is None


def test_predictions_come_with_their_model_and_never_as_answers(
    installation: Installation, team: Team
) -> None:
    said = [
        {"model_version": "m 1", "score": 0.5, "result": tone()},
        {"score": float("nan"), "result": tone("bad")},
        {"result": tone("bad")},
    ]
    with installation.database.write() as session:
        items = factories.texts("好", predictions=said)
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
        found = predictions.of_tasks(session, [task.id])[task.id]
    told = [(row.model_version, row.number, row.score) for row in reversed(found)]
    assert told == [("m 1", 0, 0.5), ("undefined", 0, None), ("undefined", 1, None)]
    assert task.state == TaskState.WAITING


def test_the_cost_of_a_batch_does_not_grow_with_the_project(
    installation: Installation, team: Team
) -> None:
    seen = []
    for number in range(3):
        contents = [f"{number}/{place}" for place in range(100)]
        with installation.database.write() as session, counted(installation.database) as queries:
            factories.bring(
                session,
                installation.store,
                team.requester,
                team.project,
                factories.texts(*contents, predictions=[{"result": tone()}]),
            )
        seen.append(len(queries))
    assert seen[0] == seen[1] == seen[2] <= 10

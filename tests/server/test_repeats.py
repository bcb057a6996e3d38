"""What is sent twice under one key is done once, also when the answer was lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from jinbiao.datasets import repeats
from jinbiao.datasets.db import now
from jinbiao.datasets.repeats import KeyedAct
from jinbiao.tests.server.world import World
from jinbiao.workers import expire

ROWS = [{"text": "天津"}, {"text": "滨海"}]


def sent(
    world: World, project: int, key: str, rows: Any = ROWS, who: str = "requester"
) -> TestResponse:
    """Import a list under a key."""
    path = f"/api/projects/{project}/import?return_task_ids=true"
    return world.post(who, path, rows, headers={"Idempotency-Key": key})


def test_an_import_that_is_sent_again_is_answered_as_before(either_world: World) -> None:
    project = either_world.project()
    first, second = (sent(either_world, project, "k1") for _ in range(2))
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert second.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers
    assert len(either_world.tasks(project)) == 2
    assert sent(either_world, project, "k2").status_code == 201
    assert len(either_world.tasks(project)) == 4


def test_what_was_done_is_not_done_again_when_its_answer_was_lost(
    either_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = either_world.project()
    # As if the process had been killed right after the commit.
    monkeypatch.setattr(repeats, "keep", lambda *_given: None)
    sent(either_world, project, "k1")
    again = sent(either_world, project, "k1")
    assert again.status_code == 422
    assert len(either_world.tasks(project)) == 2


def test_what_was_refused_may_be_sent_again(either_world: World) -> None:
    project = either_world.project()
    assert sent(either_world, project, "k1", [{"none": 1}]).status_code == 400
    assert sent(either_world, project, "k1").status_code == 201


def test_a_key_is_for_one_request_of_one_person(either_world: World) -> None:
    world = either_world
    project, other = world.project(), world.project()
    foreign = world.project("other_requester")
    assert sent(world, project, "k1").status_code == 201
    refused = sent(world, other, "k1")
    assert refused.status_code == 400
    assert list(refused.json["validation_errors"]) == ["Idempotency-Key"]
    assert sent(world, foreign, "k1", who="other_requester").status_code == 201
    # As long as the first, but not the same: it must not be lost in silence.
    assert sent(world, project, "k1", [{"text": "天津"}, {"text": "河东"}]).status_code == 400
    assert len(world.tasks(project)) == 2


def test_a_list_that_becomes_a_job_comes_whole(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import?async=true"
    key = {"Idempotency-Key": "k1"}
    numbers = [world.post("requester", path, ROWS, headers=key).json["import"] for _ in range(2)]
    assert numbers[0] == numbers[1]
    (job,) = world.waiting()
    assert world.finished(job)["result"]["tasks"] == 2


def test_a_later_fault_does_not_unsay_what_was_done(world: World) -> None:
    project = world.project()
    sent(world, project, "k1")
    database = world.installation.database
    with database.read() as session:
        row = session.scalars(sa.select(KeyedAct)).one()
    act = repeats.Act(row.user_id, "k2", row.asked)
    repeats.begin(act)
    with database.write() as session:
        session.execute(sa.select(KeyedAct))
    with pytest.raises(ZeroDivisionError), database.write() as session:
        raise ZeroDivisionError
    repeats.begin(None)
    assert act.is_noted


def test_two_at_once_do_it_once(either_world: World) -> None:
    world = either_world
    project = world.project()
    sent(world, project, "k1")
    with world.installation.database.write() as session:
        session.execute(sa.update(KeyedAct).values(status=None, answer=None))
        row = session.scalars(sa.select(KeyedAct)).one()
    # The second has looked before the first had noted anything.
    repeats.begin(repeats.Act(row.user_id, row.key, row.asked))
    with pytest.raises(Exception, match="just being done"):
        with world.installation.database.write() as session:
            session.execute(sa.select(KeyedAct))
    repeats.begin(None)


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(shared_world: World, key: str) -> None:
    refused = sent(shared_world, shared_world.project(), key)
    assert refused.status_code == 400


def test_keys_are_forgotten_after_a_day(either_world: World) -> None:
    project = either_world.project()
    sent(either_world, project, "k1")
    with either_world.installation.database.write() as session:
        late = now() - dt.timedelta(hours=25)
        session.execute(sa.update(KeyedAct).values(created_at=late))
    assert sent(either_world, project, "k1").headers.get("Idempotent-Replay") is None
    with either_world.installation.database.write() as session:
        session.execute(sa.update(KeyedAct).values(created_at=late))
    expire.run(either_world.installation)
    with either_world.installation.database.read() as session:
        assert session.scalars(sa.select(KeyedAct)).all() == []

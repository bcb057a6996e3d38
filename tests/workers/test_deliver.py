"""Messages reach their listeners signed, whole, in order, and without holding anybody up."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import removal, webhooks
from jinbiao.datasets.connections import backends
from jinbiao.datasets.connections.backends import Chosen
from jinbiao.datasets.db import now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.webhooks import Delivery, Webhook
from jinbiao.tests import factories
from jinbiao.tests.factories import Team
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import deliver

# What Label Studio 1.23.2 sent, but for `token`, which is a secret.
PROJECT_KEYS = set(
    "id task_number finished_task_number total_predictions_number total_annotations_number "
    "num_tasks_with_annotations useful_annotation_number ground_truth_number "
    "skipped_annotations_number title description label_config parsed_label_config "
    "label_config_hash expert_instruction show_instruction show_skip_button "
    "enable_empty_annotation reveal_preannotations_interactively show_annotation_history "
    "show_collab_predictions evaluate_predictions_automatically result_count color "
    "maximum_annotations min_annotations_to_start_training control_weights model_version "
    "data_types is_draft is_published created_at updated_at sampling skip_queue "
    "show_ground_truth_first annotator_evaluation_enabled show_overlap_first "
    "overlap_cohort_percentage task_data_login task_data_password pinned_at "
    "custom_task_lock_ttl deleted_at purge_at search_vector organization created_by "
    "deleted_by".split()
)
TASK_KEYS = set(
    "id data meta created_at updated_at is_labeled allow_skip overlap inner_id "
    "total_annotations cancelled_annotations total_predictions precomputed_agreement "
    "comment_count unresolved_comment_count last_comment_updated_at project updated_by "
    "file_upload comment_authors".split()
)
ANNOTATION_KEYS = set(
    "id result was_cancelled ground_truth created_at updated_at draft_created_at lead_time "
    "prediction result_count unique_id import_id last_action bulk_created task project "
    "completed_by updated_by parent_prediction parent_annotation last_created_by".split()
)


@pytest.fixture
def receiver() -> Iterator[ModelBackend]:
    """Serve a receiver on loopback."""
    with ModelBackend() as made:
        yield made


@pytest.fixture
def here(installation: Installation) -> Installation:
    """Give an installation that may call loopback."""
    settings = replace(installation.settings, outside_allowed=("127.0.0.0/8",))
    return replace(installation, settings=settings)


def team_of(here: Installation) -> Team:
    """Add a team."""
    with here.database.write() as session:
        return factories.team(session)


def hook(here: Installation, team: Team, url: str, **values: Any) -> Webhook:
    """Add a webhook of the team's project."""
    with here.database.write() as session:
        return webhooks.add(session, here.settings, team.requester, team.project, url=url, **values)


def emit(here: Installation, team: Team, action: str, ids: list[int]) -> None:
    """Let something have happened."""
    with here.database.write() as session:
        webhooks.emit(session, team.project, action, ids)


def states(here: Installation) -> list[tuple[str, int | None]]:
    """List (state, status) of all messages in order."""
    with here.database.read() as session:
        rows = session.scalars(sa.select(Delivery).order_by(Delivery.id))
        return [(row.state, row.code) for row in rows]


def test_messages_have_the_recorded_shapes(here: Installation, receiver: ModelBackend) -> None:
    team = team_of(here)
    hook(here, team, f"{receiver.url}/webhook")
    tasks = factories.tasks(here, team, 2)
    answer = factories.submitted(here, team.annotator, team.project, tasks[0], lead_time=1.5)
    receiver.heard.clear()
    with here.database.write() as session:
        session.execute(sa.delete(Delivery))
    emit(here, team, "TASKS_CREATED", [task.id for task in tasks])
    emit(here, team, "ANNOTATION_CREATED", [answer.id])
    emit(here, team, "PROJECT_UPDATED", [])
    emit(here, team, "ANNOTATIONS_DELETED", [answer.id])
    emit(here, team, "TASKS_DELETED", [tasks[0].id])
    assert deliver.run(here) == 5
    told = {one.body["action"]: one.body for one in receiver.heard}
    assert list(told["TASKS_CREATED"]) == ["action", "tasks", "project"]
    assert [set(task) for task in told["TASKS_CREATED"]["tasks"]] == [TASK_KEYS] * 2
    assert told["TASKS_CREATED"]["tasks"][0]["data"] == {"text": "文本 0"}
    created = told["ANNOTATION_CREATED"]
    assert set(created) == {"action", "annotation", "task", "project"}
    assert set(created["annotation"]) == ANNOTATION_KEYS and set(created["task"]) == TASK_KEYS
    assert created["annotation"]["result"] == factories.tone()
    assert created["annotation"]["completed_by"] == team.annotator.id
    assert set(told["PROJECT_UPDATED"]["project"]) == PROJECT_KEYS
    assert told["PROJECT_UPDATED"]["project"]["task_number"] == 2
    assert told["ANNOTATIONS_DELETED"]["annotations"] == [{"id": answer.id}]
    assert told["TASKS_DELETED"]["tasks"] == [{"id": tasks[0].id}]
    assert states(here) == [("delivered", 200)] * 5


def test_a_message_is_signed_and_carries_the_headers(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    made = hook(here, team, f"{receiver.url}/webhook", headers={"X-Secret": "abc"})
    emit(here, team, "PROJECT_UPDATED", [])
    deliver.run(here)
    (heard,) = receiver.heard
    key = webhooks.secret_of(here.settings, made).encode()
    signed = hmac.new(key, heard.content, hashlib.sha256).hexdigest()
    assert heard.headers["X-Jinbiao-Signature"] == f"sha256={signed}"
    assert heard.headers["X-Secret"] == "abc"
    assert heard.headers["Content-Type"] == "application/json"
    with here.database.read() as session:
        (row,) = webhooks.deliveries(session, made)
    assert heard.headers["X-Jinbiao-Delivery"] == row.key


def test_only_what_happened_is_told_where_that_was_chosen(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    hook(here, team, f"{receiver.url}/webhook", send_payload=False)
    emit(here, team, "TASKS_CREATED", [1])
    deliver.run(here)
    assert receiver.heard[0].body == {"action": "TASKS_CREATED"}


def test_what_is_gone_is_told_by_its_number(here: Installation, receiver: ModelBackend) -> None:
    team = team_of(here)
    hook(here, team, f"{receiver.url}/webhook")
    (task,) = factories.tasks(here, team, 1)
    answer = factories.submitted(here, team.annotator, team.project, task)
    with here.database.write() as session:
        session.execute(sa.delete(Delivery))
    emit(here, team, "ANNOTATION_CREATED", [answer.id])
    emit(here, team, "TASKS_CREATED", [task.id])
    with here.database.write() as session:
        removal.tasks(session, team.admin, team.project, [task.id])
    deliver.run(here)
    told = {one.body["action"]: one.body for one in receiver.heard}
    assert told["ANNOTATION_CREATED"]["annotation"] == {"id": answer.id}
    assert told["TASKS_CREATED"]["tasks"] == [{"id": task.id}]


def test_a_failure_is_tried_again_with_the_same_number(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    hook(here, team, f"{receiver.url}/webhook")
    emit(here, team, "PROJECT_UPDATED", [])
    receiver.instead["/webhook"] = (500, {"no": True})
    assert deliver.run(here) == 1
    assert states(here) == [("waiting", 500)]
    assert deliver.run(here) == 0
    receiver.instead.clear()
    with here.database.write() as session:
        session.execute(sa.update(Delivery).values(next_at=now() - dt.timedelta(seconds=1)))
        session.execute(sa.update(Webhook).values(rests_until=None))
    assert deliver.run(here) == 1
    assert states(here) == [("delivered", 200)]
    keys = {one.headers["X-Jinbiao-Delivery"] for one in receiver.heard}
    assert len(receiver.heard) == 2 and len(keys) == 1


def test_addresses_inside_are_not_called_even_when_they_were_kept(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    made = hook(here, team, f"{receiver.url}/webhook")
    emit(here, team, "PROJECT_UPDATED", [])
    shut = replace(here, settings=replace(here.settings, outside_allowed=()))
    deliver.run(shut)
    assert receiver.heard == []
    with here.database.read() as session:
        (row,) = webhooks.deliveries(session, made)
    assert row.code is None and "JINBIAO_OUTSIDE_ALLOWED" in str(row.error)


def test_one_who_hangs_does_not_hold_up_the_others(
    here: Installation, receiver: ModelBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "ANSWER_SECONDS", 1.0)
    team = team_of(here)
    hook(here, team, f"{receiver.url}/slow")
    hook(here, team, f"{receiver.url}/quick")
    receiver.slow["/slow"] = 3.0
    for number in range(5):
        emit(here, team, "ANNOTATIONS_DELETED", [number])
    begun = time.monotonic()
    deliver.run(here)
    assert time.monotonic() - begun < 2.5
    assert [one.body["annotations"][0]["id"] for one in receiver.to("/quick")] == [0, 1, 2, 3, 4]
    assert len(receiver.to("/slow")) == 1


def test_a_model_backend_hears_with_its_password(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    chosen = Chosen(
        url=receiver.url,
        auth_method="BASIC_AUTH",
        basic_auth_user="li",
        basic_auth_pass="hidden",
    )
    with here.database.write() as session:
        row = backends.add(session, here.settings, team.requester, team.project, chosen)
        assert "hidden" not in row.basic_auth_pass
    (task,) = factories.tasks(here, team, 1)
    with here.database.write() as session:
        session.execute(sa.delete(Delivery))
    emit(here, team, "TASKS_CREATED", [task.id])
    deliver.run(here)
    (heard,) = receiver.to("/webhook")
    assert heard.headers["Authorization"] == "Basic bGk6aGlkZGVu"
    with here.database.write() as session:
        kept = session.get_one(backends.Backend, row.id)
        backends.delete(session, team.requester, kept)
        assert session.scalar(sa.select(sa.func.count()).select_from(Webhook)) == 0


def test_a_worker_serves_until_it_is_told_to_stop(
    here: Installation, receiver: ModelBackend
) -> None:
    team = team_of(here)
    hook(here, team, f"{receiver.url}/webhook")
    stop = threading.Event()
    thread = threading.Thread(target=deliver.serve, args=(here, stop))
    thread.start()
    emit(here, team, "PROJECT_UPDATED", [])
    end = time.monotonic() + 10
    while not receiver.heard and time.monotonic() < end:
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert receiver.told() == ["PROJECT_UPDATED"]


def test_a_task_of_a_medium_is_told_with_an_address(
    here: Installation, receiver: ModelBackend
) -> None:
    with here.database.write() as session:
        team = factories.team(session, factories.BOX_CONFIG)
    hook(here, team, f"{receiver.url}/webhook")
    with here.database.write() as session:
        rows = factories.bring(
            session, here.store, team.requester, team.project, factories.pictures(1)
        )
        session.execute(sa.delete(Delivery))
    emit(here, team, "TASKS_CREATED", [rows[0].id])
    deliver.run(here)
    (told,) = receiver.heard[0].body["tasks"]
    assert told["data"]["image"].startswith(f"/data/upload/{team.project.id}/")
    assert told["data"]["image"].endswith("/1.png")

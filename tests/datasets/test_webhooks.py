"""What happens is written down for who listens, with the change itself, and no more than that."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, errors, people, seals, webhooks
from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.db import now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.webhooks import Delivery, DeliveryState, Webhook
from jinbiao.tests import factories
from jinbiao.tests.factories import Team

URL = "https://hooks.example/in?key=hidden"


def listening(
    installation: Installation, team: Team, *, everywhere: bool = False, **values: object
) -> Webhook:
    """Add a webhook of the team's project, or of its organisation."""
    with installation.database.write() as session:
        return webhooks.add(
            session,
            installation.settings,
            team.requester,
            None if everywhere else team.project,
            url=URL,
            **values,  # type: ignore[arg-type]
        )


def made(installation: Installation, **values: object) -> Team:
    """Add a team."""
    with installation.database.write() as session:
        return factories.team(session, **values)  # type: ignore[arg-type]


def waiting(installation: Installation) -> list[tuple[int, str, list[int]]]:
    """List (webhook, action, ids) of what is to be told, in order."""
    with installation.database.read() as session:
        rows = session.scalars(sa.select(Delivery).order_by(Delivery.id))
        return [(row.webhook_id, row.action, row.id_list) for row in rows]


def test_what_happens_is_written_for_who_listens(installation: Installation) -> None:
    team = made(installation)
    other = made(installation)
    mine = listening(installation, team, actions=["TASKS_CREATED"], send_for_all_actions=False)
    all_of_us = listening(installation, team, everywhere=True)
    listening(installation, other)
    listening(installation, team, is_active=False)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "TASKS_CREATED", [1, 2])
        webhooks.emit(session, team.project, "TASKS_CREATED", [2, 3])
        webhooks.emit(session, team.project, "ANNOTATION_CREATED", [7, 8])
        webhooks.emit(session, team.project, "PROJECT_UPDATED")
    assert sorted(waiting(installation), key=str) == sorted(
        [
            (mine.id, "TASKS_CREATED", [1, 2, 3]),
            (all_of_us.id, "TASKS_CREATED", [1, 2, 3]),
            (all_of_us.id, "ANNOTATION_CREATED", [7]),
            (all_of_us.id, "ANNOTATION_CREATED", [8]),
            (all_of_us.id, "PROJECT_UPDATED", []),
        ],
        key=str,
    )


def test_who_listens_to_one_project_hears_nothing_of_its_birth_and_end(
    installation: Installation,
) -> None:
    team = made(installation)
    listening(installation, team)
    everywhere = listening(installation, team, everywhere=True)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "PROJECT_DELETED")
    assert waiting(installation) == [(everywhere.id, "PROJECT_DELETED", [])]
    with pytest.raises(errors.Invalid, match="must be one of"):
        listening(installation, team, actions=["PROJECT_DELETED"])


def test_nothing_is_told_of_what_did_not_happen(installation: Installation) -> None:
    team = made(installation)
    listening(installation, team)
    with pytest.raises(RuntimeError), installation.database.write() as session:
        webhooks.emit(session, team.project, "TASKS_CREATED", [1])
        raise RuntimeError
    with installation.database.write() as session:
        audit.record(session, "li", "test.done", "test/1")
    assert waiting(installation) == []
    with pytest.raises(KeyError), installation.database.read() as session:
        webhooks.emit(session, team.project, "TASK_EATEN", [1])


def test_many_things_are_told_in_parts(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "TASKS_DELETED", range(1, 251))
    told = waiting(installation)
    assert [len(ids) for _hook, _action, ids in told] == [100, 100, 50]
    assert [number for _hook, _action, ids in told for number in ids] == list(range(1, 251))
    assert {one[0] for one in told} == {hook.id}


def test_a_listener_costs_one_query_and_silence_none(installation: Installation) -> None:
    team = made(installation)
    asked: list[str] = []

    @sa.event.listens_for(installation.database.engine, "before_cursor_execute")
    def _note(_c: object, _cursor: object, statement: str, *_values: object) -> None:
        asked.append(statement)

    with installation.database.write() as session:
        session.execute(sa.text("SELECT 1"))
        asked.clear()
    assert not [text for text in asked if "webhooks" in text]
    with installation.database.write() as session:
        for number in range(100):
            webhooks.emit(session, team.project, "ANNOTATION_UPDATED", [number])
    assert len([text for text in asked if "webhooks" in text]) == 1
    assert waiting(installation) == []


def test_a_message_is_taken_once_and_again_when_nobody_says_how_it_went(
    installation: Installation,
) -> None:
    team = made(installation)
    listening(installation, team)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "TASKS_CREATED", [1])
    with installation.database.write() as session:
        (taken,) = webhooks.claim(session)
        assert webhooks.claim(session) == []
    with installation.database.read() as session:
        assert not webhooks.any_due(session)
    with installation.database.write() as session:
        session.execute(sa.update(Delivery).values(next_at=now() - dt.timedelta(seconds=1)))
    with installation.database.write() as session:
        (again,) = webhooks.claim(session)
    assert [row.key for row in again.deliveries] == [row.key for row in taken.deliveries]


def test_a_message_is_tried_five_times_and_later_each_time(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "TASKS_CREATED", [1])
    pauses = []
    for _ in range(webhooks.TRIES):
        with installation.database.write() as session:
            session.execute(sa.update(Delivery).values(next_at=now()))
            session.execute(sa.update(Webhook).values(rests_until=None))
        with installation.database.write() as session:
            (taken,) = webhooks.claim(session)
        with installation.database.write() as session:
            webhooks.settle(session, taken, {taken.deliveries[0].id: (None, "nobody there")})
            row = session.scalars(sa.select(Delivery)).one()
            pauses.append(round((row.next_at - now()).total_seconds(), -1))
    assert pauses[:4] == [10, 60, 600, 3600]
    with installation.database.read() as session:
        (row,) = webhooks.deliveries(session, session.get_one(Webhook, hook.id))
        assert (row.state, row.tries, row.error) == (DeliveryState.FAILED, 5, "nobody there")
        assert session.get_one(Webhook, hook.id).failures == 5


def test_who_does_not_answer_is_left_alone_and_the_rest_waits(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "ANNOTATION_CREATED", [1, 2])
    with installation.database.write() as session:
        (taken,) = webhooks.claim(session)
    first, second = taken.deliveries
    with installation.database.write() as session:
        webhooks.settle(session, taken, {first.id: (None, "nobody there")})
    with installation.database.read() as session:
        assert not webhooks.any_due(session)
        assert session.get_one(Delivery, second.id).tries == 0
    with installation.database.write() as session:
        # Somebody looks after it: a change of it ends the rest.
        row = session.get_one(Webhook, hook.id)
        webhooks.change(session, installation.settings, team.requester, row, is_active=True)
    with installation.database.write() as session:
        (next_taken,) = webhooks.claim(session)
    assert [row.id for row in next_taken.deliveries] == [second.id]


def test_old_messages_are_forgotten_and_waiting_ones_given_up(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team)
    with installation.database.write() as session:
        webhooks.emit(session, team.project, "ANNOTATION_CREATED", [1, 2, 3])
    with installation.database.write() as session:
        (taken,) = webhooks.claim(session)
        one, two, _three = taken.deliveries
        webhooks.settle(session, taken, {one.id: (200, None)})
        for number, days in ((one.id, 8), (two.id, 4)):
            session.execute(
                sa.update(Delivery)
                .where(Delivery.id == number)
                .values(next_at=now() - dt.timedelta(days=days))
            )
    with installation.database.write() as session:
        assert webhooks.prune(session) == 1
        rows = webhooks.deliveries(session, session.get_one(Webhook, hook.id))
        assert [row.state for row in rows] == ["waiting", "failed"]
        webhooks.delete(session, team.requester, session.get_one(Webhook, hook.id))
    assert waiting(installation) == []


def test_headers_and_keys_are_sealed_and_stay_out_of_the_audit(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team, headers={"X-Secret": "hidden-too"})
    settings = installation.settings
    assert webhooks.headers_of(settings, hook) == {"X-Secret": "hidden-too"}
    secret = webhooks.secret_of(settings, hook)
    with installation.database.write() as session:
        row = session.get_one(Webhook, hook.id)
        webhooks.change(session, settings, team.requester, row, actions=["TASKS_CREATED"])
        assert webhooks.renew_secret(session, settings, team.requester, row) != secret
    with installation.database.read() as session:
        told = "".join(session.scalars(sa.select(AuditEvent.detail)))
        kept = session.execute(sa.select(Webhook.headers, Webhook.secret)).one()
    assert "hidden" not in told and "https://hooks.example:443" in told
    assert "hidden" not in kept[0] and secret not in kept[1]
    stranger = replace(settings, secret_key="another key of at least 32 characters")
    with pytest.raises(errors.Refused, match="another key"):
        seals.unseal(stranger, kept[0])


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"headers": {"Host": "x"}}, "headers"),
        ({"headers": {"content-length": "1"}}, "headers"),
        ({"headers": {"X-Jinbiao-Signature": "x"}}, "headers"),
        ({"headers": {"a b": "x"}}, "headers"),
        ({"headers": {"X-A": "x\r\nY: z"}}, "headers"),
        ({"headers": {"X-A": "密"}}, "headers"),
        ({"headers": {"X-A": 1}}, "headers"),
        ({"headers": [1]}, "headers"),
        ({"headers": {f"X-{n}": "x" for n in range(21)}}, "headers"),
        ({"actions": ["TASK_EATEN"]}, "actions"),
        ({"actions": "TASKS_CREATED"}, "actions"),
        ({"actions": [1]}, "actions"),
    ],
)
def test_what_cannot_be_used_is_refused(
    installation: Installation, values: dict[str, object], place: str
) -> None:
    team = made(installation)
    with pytest.raises(errors.Invalid) as refused:
        listening(installation, team, **values)
    assert refused.value.place == place


def test_old_headers_do_not_go_to_a_new_host(installation: Installation) -> None:
    team = made(installation)
    hook = listening(installation, team, headers={"X-Secret": "hidden"})
    settings = installation.settings
    with installation.database.write() as session:
        row = session.get_one(Webhook, hook.id)
        webhooks.change(session, settings, team.requester, row, url="https://hooks.example/other")
        with pytest.raises(errors.Invalid, match="another host"):
            webhooks.change(session, settings, team.requester, row, url="https://evil.example/")
        webhooks.change(
            session, settings, team.requester, row, url="https://evil.example/", headers={}
        )


def test_only_the_owner_manages_what_a_project_tells(installation: Installation) -> None:
    team = made(installation)
    with installation.database.write() as session:
        vendor = people.add_organisation(session, "vendor-x", "某公司")
        worker = factories.person(session, people.Role.REQUESTER, vendor)
        team.project.vendor_id = vendor.id
        session.merge(team.project)
    hook = listening(installation, team)
    with installation.database.write() as session:
        with pytest.raises(errors.NotFound):
            webhooks.add(session, installation.settings, worker, team.project, url=URL)
        with pytest.raises(errors.NotFound):
            webhooks.get(session, worker, hook.id)
        with pytest.raises(errors.Forbidden):
            webhooks.get(session, team.annotator, hook.id)
        assert webhooks.get(session, team.admin, hook.id).id == hook.id

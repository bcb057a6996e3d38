"""Who may work, how much each takes, and tasks that are meant for somebody."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import access, assignments, flags, notices, people, projects, withdrawals
from jinbiao.datasets import annotations as annotation_rows
from jinbiao.datasets.assignments import Assignment, GroupTask
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Forbidden, Invalid, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role, Team, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import QueuedTask, Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.datasets.test_assignments import a_team, lapse
from jinbiao.tests.factories import claimed, submitted, tone


def settled(installation: Installation, project: Project, **options: Any) -> Project:
    """Set options of a project and return it as it then is."""
    with installation.database.write() as session:
        row = session.get_one(Project, project.id)
        for name, value in options.items():
            projects.set_option(row, name, value)
        return row


def fresh(installation: Installation, project: Project) -> Project:
    with installation.database.read() as session:
        return session.get_one(Project, project.id)


def a_group(installation: Installation, *members: User) -> Team:
    with installation.database.write() as session:
        home = people.organisation_by_id(session, members[0].organisation_id)
        group = people.add_team(session, home, "甲组")
        for member in members:
            people.put_in_team(session, session.get_one(User, member.id), group)
        return group


def books(installation: Installation, project: Project) -> int:
    """Count holds and open slots of the queue and of groups, skips aside."""
    with installation.database.read() as session:
        held = sa.select(sa.func.count()).where(
            Assignment.project_id == project.id, Assignment.state != "skipped"
        )
        found = session.scalar(held) or 0
        for table in (QueuedTask, GroupTask):
            found += session.scalar(sa.select(sa.func.sum(table.open_slots))) or 0
    return found


def test_a_project_for_those_named_only(installation: Installation) -> None:
    team, _tasks = a_team(installation, 3)
    project = settled(installation, team.project, access="named")
    with pytest.raises(Forbidden, match="not open to you"):
        claimed(installation, team.annotator, project)
    with installation.database.write() as session:
        assert access.add(session, team.requester, project, users=[team.annotator.id]) == 1
        assert access.add(session, team.requester, project, users=[team.annotator.id]) == 0
    assert claimed(installation, team.annotator, project)
    with pytest.raises(Forbidden):
        claimed(installation, team.colleague, project)
    group = a_group(installation, team.colleague)
    with installation.database.write() as session:
        access.add(session, team.requester, project, teams=[group.id])
    assert claimed(installation, team.colleague, project)
    with installation.database.write() as session:
        home = session.get_one(User, team.annotator.id).organisation_id
        third = factories.person(session, home=team.home)
        access.add(session, team.requester, project, organisations=[home])
    assert claimed(installation, third, project)


def test_somebody_who_is_removed_gives_back_and_keeps_the_draft(
    installation: Installation,
) -> None:
    team, tasks = a_team(installation, 1)
    project = settled(installation, team.project, access="named")
    with installation.database.write() as session:
        access.add(session, team.requester, project, users=[team.annotator.id])
    assert claimed(installation, team.annotator, project)
    with installation.database.write() as session:
        (entry,) = access.of_project(session, project)
        access.remove(session, team.requester, project, [entry.id])
        assert assignments.release_strangers(session, project) == 1
    assert books(installation, project) == 1
    with pytest.raises(Forbidden, match="not open to you"):
        submitted(installation, team.annotator, project, tasks[0])
    with installation.database.write() as session:
        task = session.get_one(Task, tasks[0].id)
        kept = annotation_rows.keep_refused(session, team.annotator, project, task, tone())
    assert kept and kept.user_id == team.annotator.id


def test_a_person_who_is_shut_out_loses_what_they_hold(installation: Installation) -> None:
    team, _tasks = a_team(installation, 2)
    assert claimed(installation, team.annotator, team.project)
    with installation.database.write() as session:
        assert not assignments.any_lapsed(session)
        people.deactivate(session, session.get_one(User, team.annotator.id))
        assert assignments.any_lapsed(session)
    with installation.database.write() as session:
        assert assignments.expire(session) == 1
    with installation.database.read() as session:
        assert not assignments.any_lapsed(session)
    assert books(installation, team.project) == 2


def test_a_paused_project_gives_nothing_and_takes_what_is_held(installation: Installation) -> None:
    team, tasks = a_team(installation, 2)
    assert claimed(installation, team.annotator, team.project)
    project = settled(installation, team.project, is_paused=True, pause_reason="等新图")
    for asker in (team.annotator, team.colleague):
        with pytest.raises(Refused, match="paused: 等新图"):
            claimed(installation, asker, project)
    submitted(installation, team.annotator, project, tasks[0])
    with pytest.raises(Refused, match="paused"):
        submitted(installation, team.colleague, project, tasks[1])


def test_caps_bound_what_one_person_takes(installation: Installation) -> None:
    team, tasks = a_team(installation, 6)
    project = settled(installation, team.project, most_tasks_a_day=2, most_tasks_each=3)
    done = []
    for _number in range(2):
        assignment = claimed(installation, team.annotator, project)
        assert assignment
        done.append(assignment)
        task = next(task for task in tasks if task.id == assignment.task_id)
        submitted(installation, team.annotator, project, task)
    tomorrow = (now() + dt.timedelta(hours=8, days=1)).strftime("%Y-%m-%d 00:00")
    with pytest.raises(Refused, match=f"2 tasks of today; there are more from {tomorrow}"):
        claimed(installation, team.annotator, project)
    with installation.database.write() as session:
        assert assignments.peek(session, team.annotator, project, 5) == []
        for row in done:
            session.get_one(Assignment, row.id).created_at = now() - dt.timedelta(days=2)
    with installation.database.read() as session:
        assert len(assignments.peek(session, team.annotator, project, 5)) == 1
    third = claimed(installation, team.annotator, project)
    assert third
    submitted(
        installation,
        team.annotator,
        project,
        next(task for task in tasks if task.id == third.task_id),
    )
    with pytest.raises(Refused, match="your 3 tasks of this project"):
        claimed(installation, team.annotator, project)
    # Others are not bound by it.
    assert claimed(installation, team.colleague, project)


def test_a_cap_on_what_is_held_at_once(installation: Installation) -> None:
    team, tasks = a_team(installation, 4)
    project = settled(installation, team.project, most_tasks_held=2, reservation_minutes=5)
    with installation.database.write() as session:
        for task in tasks[:2]:
            row = session.get_one(Task, task.id)
            settings = installation.settings
            found = assignments.hold(session, settings, team.annotator, project, row)
            assert found and found.reserved_until
            assert found.reserved_until - now() < dt.timedelta(minutes=5)
        with pytest.raises(Refused, match="you hold 2 tasks"):
            row = session.get_one(Task, tasks[2].id)
            assignments.hold(session, installation.settings, team.annotator, project, row)


def test_what_is_given_by_hand_does_not_lapse_and_is_seen_when_late(
    installation: Installation,
) -> None:
    team, tasks = a_team(installation, 3)
    settings, project = installation.settings, team.project
    yesterday = now() - dt.timedelta(days=1)
    with installation.database.write() as session:
        ids = [task.id for task in tasks[1:]]
        assignments.assign(
            session, settings, team.requester, project, ids, [team.annotator], yesterday
        )
        assert assignments.expire(session) == 0
        assert len(assignments.holds(session, project, overdue=True)) == 2
        assert assignments.held_counts(session, project) == {team.annotator.id: (2, 2)}
        assert assignments.peek(session, team.annotator, project, 9) == [
            tasks[1].id,
            tasks[2].id,
            tasks[0].id,
        ]
    first = claimed(installation, team.annotator, project)
    assert first and first.task_id == tasks[1].id
    assert (first.reserved_until, first.assigned_by) == (None, team.requester.id)
    other = claimed(installation, team.colleague, project)
    assert other and other.task_id == tasks[0].id
    with installation.database.write() as session:
        held = [row.id for row in assignments.holds(session, project, overdue=True)]
        assert assignments.take_back_all(session, team.requester, project, held) == 2
    assert books(installation, project) == 3


def test_tasks_for_a_team_are_for_whoever_of_it_comes_first(installation: Installation) -> None:
    team, tasks = a_team(installation, 4)
    group = a_group(installation, team.colleague)
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        ids = [task.id for task in tasks[:2]]
        given = assignments.assign_to_team(session, team.requester, project, ids, group)
        assert given == 2
    project = fresh(installation, project)
    # Nobody else gets them, not even by asking for one.
    mine = claimed(installation, team.annotator, project)
    assert mine and mine.task_id == tasks[2].id
    with pytest.raises(Refused, match="no place left"):
        submitted(installation, team.annotator, project, tasks[0])
    theirs = claimed(installation, team.colleague, project)
    assert theirs and theirs.task_id == tasks[0].id
    assert theirs.assigned_by == team.requester.id
    # What lapses goes back to the team, not to all.
    lapse(installation.database, theirs)
    with installation.database.read() as session:
        assert tasks[0].id not in assignments.peek(session, team.annotator, project, 9)
        told = assignments.peek(session, team.colleague, project, 9)
    assert told == [tasks[0].id, tasks[1].id, tasks[3].id]
    assert books(installation, project) == 4
    with installation.database.write() as session:
        rows = [row.id for row in assignments.waiting_for_groups(session, project)]
        assert assignments.take_back_all(session, team.requester, project, (), rows) == 2
    assert books(installation, project) == 4
    with installation.database.read() as session:
        assert tasks[0].id in assignments.peek(session, team.annotator, project, 9)


def test_a_company_gets_tasks_and_leads_only_its_own(installation: Installation) -> None:
    team, tasks = a_team(installation, 3)
    with installation.database.write() as session:
        company = factories.organisation(session)
        project = session.get_one(Project, team.project.id)
        project.vendor_id = company.id
        hand = factories.person(session, home=company)
        leader = factories.person(session, Role.TEAM_LEADER, company)
        ids = [tasks[0].id]
        assert assignments.assign_to_company(session, leader, project, ids, company) == 1
        with pytest.raises(Invalid, match="not of your organisation"):
            assignments.assign_to_company(session, leader, project, ids, team.home)
        with pytest.raises(Invalid, match="not of your organisation"):
            settings = installation.settings
            assignments.assign(session, settings, leader, project, ids, [team.annotator])
        with pytest.raises(Invalid, match="do not work on this project"):
            stranger = factories.organisation(session)
            assignments.assign_to_company(session, leader, project, ids, stranger)
    project = fresh(installation, project)
    mine = claimed(installation, team.annotator, project)
    assert mine and mine.task_id == tasks[1].id
    theirs = claimed(installation, hand, project)
    assert theirs and theirs.task_id == tasks[0].id
    with installation.database.write() as session:
        # The owner's people are not the company's to take back from.
        assert assignments.take_back_all(session, leader, project, [mine.id, theirs.id]) == 1
    assert books(installation, project) == 3


@pytest.mark.parametrize("away", [dt.timedelta(hours=-9), dt.timedelta(days=4000)])
def test_a_clock_that_jumps_loses_no_slot_and_doubles_none(
    installation: Installation, away: dt.timedelta
) -> None:
    """Made while the clock was wrong, a reservation lapses once, wherever its end lies."""
    team, tasks = a_team(installation, 1)
    mine = claimed(installation, team.annotator, team.project)
    assert mine
    with installation.database.write() as session:
        session.get_one(Assignment, mine.id).reserved_until = now() + away
    with installation.database.read() as session:
        assert assignments.any_lapsed(session)
    for expected in (1, 0):
        with installation.database.write() as session:
            assert assignments.expire(session) == expected
    assert books(installation, team.project) == 1
    theirs = claimed(installation, team.colleague, team.project)
    assert theirs and theirs.task_id == tasks[0].id
    assert claimed(installation, team.annotator, team.project) is None


def test_a_flag_is_settled_and_its_maker_told(installation: Installation) -> None:
    team, tasks = a_team(installation, 2)
    settings, project = installation.settings, team.project
    assert claimed(installation, team.annotator, project)
    with installation.database.write() as session:
        task = session.get_one(Task, tasks[0].id)
        with pytest.raises(Invalid, match="what is wrong"):
            flags.add(session, team.annotator, project, task, "other", "  ")
        with pytest.raises(Invalid, match="500"):
            flags.add(session, team.annotator, project, task, "bad_data", "字" * 501)
        flag, skipped = withdrawals.raise_flag(
            session, settings, team.annotator, project, task, "bad_data", "图是黑的", skip=True
        )
        assert skipped
        again = flags.add(session, team.annotator, project, task, "bad_data", "图是黑的")
        assert again.id == flag.id
    with installation.database.write() as session:
        assert flags.open_counts(session, project) == {"bad_data": 1}
        row = flags.get(session, project, flag.id)
        with pytest.raises(Forbidden):
            withdrawals.settle_flag(session, team.annotator, project, row, "answered", "好")
        with pytest.raises(Invalid, match="write an answer"):
            withdrawals.settle_flag(session, team.requester, project, row, "answered", " ")
        withdrawals.settle_flag(session, team.requester, project, row, "answered", "换了一张")
        with pytest.raises(Refused, match="settled already"):
            withdrawals.settle_flag(session, team.requester, project, row, "withdrawn")
        (told,) = notices.listing(session, team.annotator.id)
    assert "换了一张" in str(told.said)
    assert books(installation, project) == 2


def test_a_withdrawn_task_leaves_the_work_and_comes_back(installation: Installation) -> None:
    team, tasks = a_team(installation, 2, overlap=2)
    project = team.project
    submitted(installation, team.colleague, project, tasks[0])
    assert claimed(installation, team.annotator, project)
    with installation.database.write() as session:
        task = session.get_one(Task, tasks[0].id)
        flag = flags.add(session, team.colleague, project, task, "personal_information")
        withdrawals.settle_flag(session, team.requester, project, flag, "withdrawn", "有人脸")
        assert task.state == TaskState.WITHDRAWN
        assert len(notices.listing(session, team.annotator.id)) == 1
    with pytest.raises(Refused, match="withdrawn"):
        submitted(installation, team.annotator, project, tasks[0])
    following = claimed(installation, team.annotator, project)
    assert following and following.task_id == tasks[1].id
    with installation.database.write() as session:
        # Whoever lets go of it late does not bring it back.
        assignments.reopen(session, project.id, tasks[0].id)
        annotation_rows.settle_many(session, project, [tasks[0].id])
        task = session.get_one(Task, tasks[0].id)
        session.refresh(task)
        assert task.state == TaskState.WITHDRAWN
        assert assignments.peek(session, team.annotator, project, 9) == [tasks[1].id]
        withdrawals.restore(session, team.requester, project, task)
        assert task.state == TaskState.LABELLED
        told = assignments.peek(session, team.annotator, project, 9)
        assert sorted(told) == sorted([tasks[0].id, tasks[1].id])
    assert books(installation, project) == 4

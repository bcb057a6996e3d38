"""Who may work on a project, who holds which of its tasks, and giving tasks by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import access, assignments, errors, people, permissions, projects, tasks
from ..datasets.access import Admission
from ..datasets.assignments import Assignment, GroupTask
from ..datasets.errors import _
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("access", __name__)
PAGE = 100
MOST_TASKS, MOST_PEOPLE = 10_000, 100  # that one request deals with
# What decides who works how much; set by who may change the project.
NUMBERS = ("most_tasks_each", "most_tasks_a_day", "most_tasks_held", "reservation_minutes")
WORK_OPTIONS = ("is_paused", "pause_reason", *NUMBERS)
ZONE = ZoneInfo("Asia/Shanghai")


@routes.get("/api/projects/<int:project_id>/access")
@allows("assignment.manage")
def show(project_id: int) -> Response:
    """Return whom the project is open to, and how much each may take."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        return payloads.answer(_shown(session, project))


@routes.post("/api/projects/<int:project_id>/access")
@allows("assignment.manage")
def add(project_id: int) -> Response:
    """Let people, teams and organisations in, by their numbers."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        payloads.refuse_unknown(values, {"users", "teams", "organisations"})
        let_in(session, project, values)
        return payloads.answer(_shown(session, project), 201)


@routes.patch("/api/projects/<int:project_id>/access")
@allows("project.change")
def change(project_id: int) -> Response:
    """Open the project to everybody or to those named; pause it; bound what each may take."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        payloads.refuse_unknown(values, {"access", *WORK_OPTIONS})
        settle(session, project, values)
        return payloads.answer(_shown(session, project))


@routes.delete("/api/projects/<int:project_id>/access/<int:entry_id>")
@allows("assignment.manage")
def remove(project_id: int, entry_id: int) -> Response:
    """Take somebody off the list; what they hold goes back, and their drafts stay theirs."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        shut_out(session, project, [entry_id])
    return flask.Response(status=204)


@routes.get("/api/projects/<int:project_id>/holds")
@allows("assignment.manage")
def holds(project_id: int) -> Response:
    """List what people hold and what waits for groups; `overdue` leaves what is late."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        held = assignments.holds(
            session,
            project,
            user_id=payloads.number(request.args, "user", 0) or None,
            overdue=payloads.flag(request.args, "overdue"),
            after=payloads.number(request.args, "after", 0),
            limit=PAGE,
        )
        meant = assignments.waiting_for_groups(session, project, limit=PAGE)
    return payloads.answer(
        {"holds": [_hold(row) for row in held], "group_tasks": [_meant(row) for row in meant]}
    )


@routes.post("/api/projects/<int:project_id>/holds/return")
@allows("assignment.manage")
def give_back(project_id: int) -> Response:
    """Take holds back from people, and what waits for groups back from them."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        payloads.refuse_unknown(values, {"holds", "group_tasks"})
        return payloads.answer({"returned": take_back(session, project, values)})


@routes.post("/api/projects/<int:project_id>/give")
@allows("assignment.manage")
def give(project_id: int) -> Response:
    """Give tasks to people, a team or a company: by their numbers, or the next of the queue."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"tasks", "number", "users", "team", "organisation", "due_at"})
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        return payloads.answer({"given": given(session, project, values)}, 201)


@routes.get("/projects/<int:project_id>/people")
@allows("assignment.manage")
def index(project_id: int) -> str:
    """Show who is admitted, who holds what, and the forms to change it."""
    overdue = payloads.flag(request.args, "overdue")
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        homes = [n for n in (project.organisation_id, project.vendor_id) if n]
        if not assignments.leads_all(user(), project):
            homes = [n for n in homes if n == user().organisation_id]
        everybody = people.of_organisations(session, homes)
        held = assignments.holds(session, project, overdue=overdue, after=after, limit=PAGE)
        return render_template(
            "access/index.html",
            project=project,
            entries=access.of_project(session, project),
            held=held,
            meant=assignments.waiting_for_groups(session, project, limit=PAGE),
            counts=assignments.held_counts(session, project),
            everybody=[row for row in everybody if permissions.allows(row, "task.claim")],
            people=people.by_ids(session, _mentioned(session, project, held)),
            teams={row.id: row for row in people.teams(session, homes)},
            organisations={n: people.organisation_by_id(session, n) for n in homes},
            minutes=assignments.minutes(installation().settings, project),
            now=dt.datetime.now(dt.UTC),
            overdue=overdue,
            page=PAGE,
        )


@routes.post("/projects/<int:project_id>/people")
@allows("assignment.manage")
def act(project_id: int) -> AnyResponse:
    """Do what a form of the page asks: `add`, `remove`, `settle`, `give` or `return`."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        deed = payloads.choice(request.form, "act", "", _DEEDS)
        _DEEDS[deed](session, project, _form_values())
    return flask.redirect(flask.url_for("access.index", project_id=project_id), 303)


def let_in(session: Session, project: Project, values: dict[str, Any]) -> None:
    """Let people, teams and organisations in that the asker may lead.

    Raises:
        errors.Invalid: one is not there, or not to be led here.
    """
    users, teams = _numbers(values, "users"), _numbers(values, "teams")
    organisations = _numbers(values, "organisations")
    found = people.by_ids(session, users)
    homes = [found[n].organisation_id if n in found else 0 for n in users]
    homes += [_team(session, project, n).organisation_id for n in teams]
    for home in {*homes, *organisations}:
        assignments.check_reach(user(), project, home)
    access.add(session, user(), project, users=users, teams=teams, organisations=organisations)


def settle(session: Session, project: Project, values: dict[str, Any]) -> None:
    """Set who the project is open to and how much each may take."""
    options = {name: values[name] for name in WORK_OPTIONS if name in values}
    if options:
        projects.change(session, user(), project, options=options)
    if "access" in values:
        access.set_access(session, user(), project, payloads.text(values, "access"))
        assignments.release_strangers(session, project)


def shut_out(session: Session, project: Project, ids: list[int]) -> None:
    """Take entries off the list, and back what those hold whom it is then not open to.

    Raises:
        errors.NotFound: an entry is not there.
        errors.Invalid: it is not the asker's to decide.
    """
    entries = {row.id: row for row in access.of_project(session, project)}
    for number in ids:
        if number not in entries:
            raise errors.NotFound(_("there is no entry %(id)s in this list"), id=number)
        assignments.check_reach(user(), project, _home(session, project, entries[number]))
    access.remove(session, user(), project, ids)
    assignments.release_strangers(session, project)


def take_back(session: Session, project: Project, values: dict[str, Any]) -> int:
    """Take back holds of people and tasks of groups; return how many."""
    held, meant = _numbers(values, "holds"), _numbers(values, "group_tasks")
    return assignments.take_back_all(session, user(), project, held, meant)


def given(session: Session, project: Project, values: dict[str, Any]) -> int:
    """Give chosen tasks, or the next ones that wait, to people, a team or a company.

    Raises:
        errors.Invalid: no task or nobody is named, or more than one kind of them.
    """
    due = payloads.optional_text(values, "due_at")
    due_at = None if due is None else payloads.moment("due_at", due)
    users = _numbers(values, "users")
    team = payloads.number(values, "team", 0)
    company = payloads.number(values, "organisation", 0)
    if [bool(users), bool(team), bool(company)].count(True) != 1:
        raise errors.Invalid(_("say whom the tasks are for: people, a team or a company"))
    chosen = _chosen(session, project, values)
    if team:
        row = _team(session, project, team)
        return assignments.assign_to_team(session, user(), project, chosen, row, due_at)
    if company:
        assignments.check_reach(user(), project, company)
        organisation = people.organisation_by_id(session, company)
        return assignments.assign_to_company(session, user(), project, chosen, organisation, due_at)
    found = people.by_ids(session, users)
    homes = (project.organisation_id, project.vendor_id)
    missing = [n for n in users if n not in found or found[n].organisation_id not in homes]
    if missing:
        raise errors.Invalid(
            _("there is no user %(id)s in this project"), place="users", id=missing[0]
        )
    settings, them = installation().settings, list(found.values())
    return len(assignments.assign(session, settings, user(), project, chosen, them, due_at))


def _team(session: Session, project: Project, number: int) -> people.Team:
    """Return a team of those who work on the project; of others nobody learns here."""
    found = people.get_team(session, number)
    if found.organisation_id not in (project.organisation_id, project.vendor_id):
        raise errors.NotFound(_("there is no team %(id)s"), id=number)
    return found


def _chosen(session: Session, project: Project, values: dict[str, Any]) -> list[int]:
    wanted = _numbers(values, "tasks", MOST_TASKS)
    number = payloads.number(values, "number", 0, highest=MOST_TASKS)
    if bool(wanted) == bool(number):
        raise errors.Invalid(_("say which tasks are meant"), place="tasks")
    if number:
        return assignments.next_waiting(session, project, number)
    known = {row.id for row in tasks.by_ids(session, project, wanted)}
    for task_id in wanted:
        if task_id not in known:
            raise errors.Invalid(_("there is no task %(id)s"), place="tasks", id=task_id)
    return wanted


def _removed(session: Session, project: Project, values: dict[str, Any]) -> None:
    number = payloads.number(request.form, "entry")
    shut_out(session, project, [number])


_DEEDS: dict[str, Callable[[Session, Project, dict[str, Any]], Any]] = {
    "add": let_in,
    "remove": _removed,
    "settle": settle,
    "give": given,
    "return": take_back,
}


def _mentioned(session: Session, project: Project, held: Sequence[Assignment]) -> set[int]:
    found = {row.user_id for row in access.of_project(session, project)}
    found |= set(assignments.held_counts(session, project))
    return found | {row.user_id for row in held} | {row.assigned_by or 0 for row in held}


def _numbers(values: dict[str, Any], name: str, most: int = MOST_PEOPLE) -> list[int]:
    return list(payloads.ids(values, name, most)) if values.get(name) else []


def _form_values() -> dict[str, Any]:
    """Return what a form of the page says, in the words of the API."""
    sent = request.form
    found: dict[str, Any] = {}
    for name in ("users", "teams", "organisations", "holds", "group_tasks"):
        numbers = [int(text) for text in sent.getlist(name) if text.isascii() and text.isdigit()]
        if numbers:
            found[name] = numbers
    whom, _space, number = sent.get("whom", "").partition(" ")
    if number.isascii() and number.isdigit():
        found[whom] = [int(number)] if whom == "users" else int(number)
    if sent.get("tasks", "").strip():
        found["tasks"] = payloads.numbers(sent, "tasks", MOST_TASKS)
    elif sent.get("number"):
        found["number"] = sent["number"]
    if sent.get("due_at"):
        # The time of the reader's clock, here as on every page.
        local = dt.datetime.fromisoformat(sent["due_at"]).replace(tzinfo=ZONE)
        found["due_at"] = local.isoformat()
    if sent.get("act") == "settle":
        found |= {name: int(sent[name]) if sent.get(name) else None for name in NUMBERS}
        found |= {"access": sent.get("access", ""), "is_paused": "is_paused" in sent}
        found["pause_reason"] = sent.get("pause_reason", "")
    return found


def _home(session: Session, project: Project, entry: Admission) -> int:
    """Return the organisation of who an entry lets in; one of a removed team is the owner's."""
    if entry.organisation_id:
        return entry.organisation_id
    if entry.user_id:
        return people.by_ids(session, [entry.user_id])[entry.user_id].organisation_id
    known = {team.id: team.organisation_id for team in people.teams(session)}
    return known.get(entry.team_id, project.organisation_id)


def _shown(session: Session, project: Project) -> dict[str, Any]:
    return {
        "access": project.option("access"),
        **{name: project.option(name) for name in WORK_OPTIONS},
        "entries": [
            {
                "id": row.id,
                "user": row.user_id or None,
                "team": row.team_id or None,
                "organisation": row.organisation_id or None,
                "added_by": row.added_by,
                "created_at": payloads.time(row.created_at),
            }
            for row in access.of_project(session, project)
        ],
    }


def _hold(row: Assignment) -> dict[str, Any]:
    return {
        "id": row.id,
        "task": row.task_id,
        "user": row.user_id,
        "reserved_until": payloads.time(row.reserved_until),
        "assigned_by": row.assigned_by,
        "due_at": payloads.time(row.due_at),
        "is_overdue": is_late(row.due_at),
        "created_at": payloads.time(row.created_at),
    }


def _meant(row: GroupTask) -> dict[str, Any]:
    return {
        "id": row.id,
        "task": row.task_id,
        "team": row.team_id or None,
        "organisation": row.organisation_id or None,
        "open_slots": row.open_slots,
        "given_by": row.given_by,
        "due_at": payloads.time(row.due_at),
        "is_overdue": is_late(row.due_at),
    }


def is_late(due_at: dt.datetime | None) -> bool:
    """Tell whether something should have been done by now."""
    return due_at is not None and due_at < dt.datetime.now(dt.UTC)

"""Tell the bureau how the industry does: indicators, by district, industry and company."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import models, quality
from ..annotations import Annotation, AnnotationState
from ..catalogue import Dataset, Release
from ..errors import _
from ..people import Organisation, User
from ..projects import Project
from ..quality.intervals import Figure, bootstrap
from . import counts
from .panels import Asked, Column, Kind, Panel, Said
from .suppression import suppressed

MANUFACTURING = "C"  # the section of GB/T 4754
LEAST_PEOPLE = 5  # behind a number that is shown
LEAST_QUALITY = 0.9  # that the lower ends of a high-quality dataset reach
TERABYTE = 1e12
_KINDS = {"district": Kind.DISTRICT, "industry": Kind.INDUSTRY}


class Worked(NamedTuple):
    """What the people of one organisation did."""

    organisation: Organisation
    people: int
    answers: int
    accepted: int


def panels(session: Session, _user: User, asked: Asked) -> list[Panel]:
    """Return the bureau's panels; nothing in them is about one person."""
    worked = _chosen(_worked(session, asked), asked)
    return [
        _indicators(session, worked, asked),
        _broken_down(worked, "district", _("By district"), lambda each: each.district),
        _broken_down(worked, "industry", _("By industry"), lambda each: each.industry),
        _broken_down(worked, "company", _("By company"), lambda each: each.name),
    ]


def _worked(session: Session, asked: Asked) -> list[Worked]:
    query = (
        sa.select(
            User.organisation_id,
            sa.func.count(sa.distinct(Annotation.completed_by)),
            sa.func.count(),
            sa.func.sum(sa.case((Annotation.state == AnnotationState.ACCEPTED, 1), else_=0)),
        )
        .join(User, User.id == Annotation.completed_by)
        .where(
            Annotation.created_at >= counts.since(asked),
            Annotation.is_work,
            Annotation.state != AnnotationState.SKIPPED,
        )
        .group_by(User.organisation_id)
    )
    rows = session.execute(query).all()
    homes = {
        row.id: row
        for row in session.scalars(
            sa.select(Organisation).where(Organisation.id.in_([row[0] for row in rows]))
        )
    }
    return [Worked(homes[home], people, n, int(good or 0)) for home, people, n, good in rows]


def _chosen(worked: list[Worked], asked: Asked) -> list[Worked]:
    """Keep the organisations of one district or industry, where that is asked for."""
    wanted = {
        name: asked.filters[name] for name in ("district", "industry") if name in asked.filters
    }
    return [
        each
        for each in worked
        if all(getattr(each.organisation, name) == value for name, value in wanted.items())
    ]


def _indicators(session: Session, worked: list[Worked], asked: Asked) -> Panel:
    count = sa.func.count()
    newest = sa.select(sa.func.max(Release.id)).group_by(Release.dataset_id)
    size = session.scalar(sa.select(sa.func.sum(Release.size)).where(Release.id.in_(newest))) or 0
    datasets, downloads = session.execute(
        sa.select(count, sa.func.sum(Dataset.downloads)).select_from(Dataset)
    ).one()
    scenarios = session.scalar(
        sa.select(count)
        .select_from(Project)
        .join(Organisation, Organisation.id == Project.organisation_id)
        .where(Project.deleted_at.is_(None), Organisation.industry == MANUFACTURING)
    )
    people = sum(each.people for each in worked)
    reports = _reports(session)
    rows: list[dict[str, Any]] = [
        _row(_("annotated volume"), "TB", round(size / TERABYTE, 6), _("newest releases, bytes")),
        _row(_("annotation companies"), "", len(worked), _("with answers in these days")),
        _row(
            _("annotators"),
            "",
            people if people >= LEAST_PEOPLE else None,
            _("with answers in these days"),
        ),
        _row(_("answers"), "", sum(each.answers for each in worked), _("submitted in these days")),
        _row(_("manufacturing scenarios"), "", scenarios or 0, _("projects of section C owners")),
        _row(_("datasets in the catalogue"), "", datasets, _("published")),
        _row(_("downloads"), "", int(downloads or 0), _("since publication")),
        _row(_("first-pass yield"), "", None, _("share of first reviews"), _yield(session, asked)),
        _row(_("agreement"), "", None, _("mean of the projects"), _agreement(reports)),
        *_of_published(session, reports),
    ]
    rows += [
        _row(name, "", None, _("not kept here yet"))
        for name in (
            _("output value"),
            _("certified annotators"),
            _("demands published and matched"),
            _("share of synthetic records"),
        )
    ]
    return Panel(
        "indicators",
        _("Indicators"),
        Said(
            _("%(companies)s companies worked in %(days)s days"),
            {"companies": len(worked), "days": asked.days},
        ),
        (
            Column("indicator", _("Indicator"), Kind.SAID),
            Column("value", _("Value")),
            Column("unit", _("Unit"), less=True),
            Column("figure", _("With its interval"), Kind.FIGURE),
            Column("how", _("How it is counted"), Kind.SAID, less=True),
        ),
        rows,
    )


def _row(
    indicator: str, unit: str, value: Any, how: str, figure: Figure | None = None
) -> dict[str, Any]:
    return {
        "indicator": Said(indicator),
        "unit": unit,
        "value": None if value is None else f"{value:,}",
        "how": Said(how),
        "figure": figure,
    }


def _yield(session: Session, asked: Asked) -> Figure:
    ids = list(session.scalars(sa.select(Project.id).where(Project.deleted_at.is_(None))))
    return counts.yield_of(counts.passed_first(session, ids, counts.since(asked)))


def _reports(session: Session) -> dict[int, dict[str, Any]]:
    """Return project id → its kept report of quality, of projects that have one."""
    projects = session.scalars(sa.select(Project).where(Project.deleted_at.is_(None))).all()
    kept = {project.id: quality.newest(session, project) for project in projects}
    return {number: report for number, report in kept.items() if report is not None}


def _of_published(
    session: Session, reports: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Count what rests on published datasets, each by a rule that is told beside it.

    None of the three is what an authority has assessed or registered: that is not kept here.
    """
    published = session.execute(
        sa.select(Dataset.id, Dataset.project_id).where(
            sa.exists().where(Release.dataset_id == Dataset.id)
        )
    ).all()
    good = sum(_is_good(reports.get(project_id)) for _number, project_id in published)
    served = session.scalar(
        sa.select(sa.func.count())
        .select_from(models.ProjectModel)
        .where(
            models.ProjectModel.is_on,
            models.ProjectModel.trained_model_id.is_not(None),
            models.ProjectModel.project_id.in_([project_id for _number, project_id in published]),
        )
    )
    releases = session.scalar(sa.select(sa.func.count()).select_from(Release))
    return [
        _row(
            _("high-quality datasets"),
            "",
            good,
            _(
                "published; agreement and first-pass yield at least 90 %% at the lower end of "
                "their intervals; not the standard’s own assessment"
            ),
        ),
        _row(
            _("models served"),
            "",
            served or 0,
            _("trained and switched on in projects with a published dataset"),
        ),
        _row(
            _("registrations"),
            "",
            releases or 0,
            _("versions entered in this catalogue; not those in an authority’s register"),
        ),
    ]


def _is_good(report: Mapping[str, Any] | None) -> bool:
    if report is None:
        return False
    lows = [report[name]["low"] for name in ("agreement", "first_pass")]
    return all(low is not None and low >= LEAST_QUALITY for low in lows)


def _agreement(reports: Mapping[int, Mapping[str, Any]]) -> Figure:
    """Return the mean of the projects' agreements; projects are what is drawn again."""
    values = [each["agreement"]["value"] for each in reports.values()]
    told = [value for value in values if value is not None]
    return bootstrap(told, lambda some: float(some.mean()))


def _broken_down(
    worked: list[Worked], key: str, title: str, group: Callable[[Organisation], str]
) -> Panel:
    """Add up by a property of organisations; groups of few people are named, not counted."""
    found: dict[str, list[Worked]] = {}
    for each in worked:
        found.setdefault(group(each.organisation) or "", []).append(each)
    sizes = {name: sum(each.people for each in rows) for name, rows in found.items()}
    hidden = suppressed(sizes, LEAST_PEOPLE)
    rows: list[dict[str, Any]] = []
    for name, part in sorted(found.items(), key=lambda item: (item[0] in hidden, item[0])):
        shown = name not in hidden
        answers, accepted = (
            sum(getattr(e, what) for e in part) for what in ("answers", "accepted")
        )
        rows.append(
            {
                "name": name or Said(_("not said")),
                "companies": len(part) if shown else None,
                "people": sizes[name] if shown else None,
                "answers": answers if shown else None,
                "accepted": accepted if shown else None,
            }
        )
    return Panel(
        key,
        title,
        Said(
            _("%(number)s groups; %(hidden)s are too small to be shown"),
            {"number": len(rows), "hidden": len(hidden)},
        ),
        (
            Column("name", _("Group"), _KINDS.get(key, Kind.SAID)),
            Column("companies", _("Companies"), Kind.NUMBER, less=True),
            Column("people", _("Annotators"), Kind.NUMBER),
            Column("answers", _("Answers"), Kind.NUMBER),
            Column("accepted", _("Accepted"), Kind.NUMBER),
        ),
        rows,
        note=Said(
            _(
                "Numbers behind which fewer than %(least)s people stand are left out, and one more "
                "where the total would give them away."
            ),
            {"least": LEAST_PEOPLE},
        ),
    )

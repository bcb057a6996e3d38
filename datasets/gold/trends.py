"""Tell how people do on gold: the share that passes, with its interval, and how it goes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import permissions
from ..people import User
from ..projects import Project
from ..quality.intervals import Figure, bootstrap, wilson
from .rows import GoldExposure

STEP = 10  # answers in one point of a trend
MOST = 5_000  # answers of one project that are looked at, the newest


@dataclass(frozen=True)
class Point:
    """Some answers in a row: when the last came, and the share that passed."""

    at: dt.datetime
    passed: Figure


@dataclass(frozen=True)
class Trend:
    """How one person does: the share that passes, the mean score, and points in time."""

    user_id: int
    passed: Figure
    score: Figure
    points: tuple[Point, ...]


def trend(session: Session, project: Project, user_id: int | None = None) -> list[Trend]:
    """Return how each person does on a project's gold, or one; by id, without who met none."""
    query = sa.select(
        GoldExposure.user_id, GoldExposure.is_passed, GoldExposure.score, GoldExposure.answered_at
    ).where(GoldExposure.project_id == project.id, GoldExposure.is_passed.is_not(None))
    if user_id is not None:
        query = query.where(GoldExposure.user_id == user_id)
    rows = session.execute(query.order_by(GoldExposure.id.desc()).limit(MOST)).all()
    of_people: dict[int, list[tuple[bool, float, dt.datetime]]] = {}
    for person, is_passed, score, at in reversed(rows):
        if is_passed is not None and score is not None and at is not None:
            of_people.setdefault(person, []).append((is_passed, score, at))
    return [_trend(person, said) for person, said in sorted(of_people.items())]


def passes_gate(session: Session, project: Project, user: User, least: float) -> bool:
    """Tell whether the lower bound of somebody's share reaches `least` (0 to 1).

    Who has met too few cannot pass: the interval says so.
    """
    found = trend(session, project, user.id)
    low = found[0].passed.low if found else None
    return low is not None and low >= least


def seen_by(session: Session, actor: User, project: Project) -> list[Trend]:
    """Return everybody's trend to somebody who may see the quality of people's work."""
    permissions.require(actor, "quality.read", project)
    return trend(session, project)


def _trend(person: int, said: list[tuple[bool, float, dt.datetime]]) -> Trend:
    points = []
    for start in range(0, len(said), STEP):
        part = said[start : start + STEP]
        points.append(Point(part[-1][2], _share(part)))
    scores = bootstrap([score for _passed, score, _at in said], lambda some: float(some.mean()))
    return Trend(person, _share(said), scores, tuple(points))


def _share(said: list[tuple[bool, float, dt.datetime]]) -> Figure:
    return wilson(sum(is_passed for is_passed, _score, _at in said), len(said))

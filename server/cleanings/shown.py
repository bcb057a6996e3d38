"""Gather what the pages of a cleaning show: steps with counts, the plot, both sides of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import flask
import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import Session

from ...datasets.cleaning import reading, recipes
from ...datasets.cleaning.marking import Marked, marked
from ...datasets.cleaning.reading import Group, Run, Trace
from ...datasets.libraries import Library
from ...datasets.tasks import Media
from .. import links
from ..auth import installation, user
from ..recipes import words


@dataclass(frozen=True)
class Shown:
    """A record as a page shows it; `pictures` are addresses before and after, "" for none."""

    row: Trace
    texts: Marked | None
    pictures: tuple[str, str]
    changed_by: list[str]
    dropped_by: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """Duplicates side by side: the one that was kept, and those left out beside it."""

    kept_asset_id: int
    kept: Shown | None
    number: int
    others: list[Shown]


def steps(run: Run) -> list[dict[str, Any]]:
    """Return each step with its words and what it saw and did; no counts before the end."""
    counts = run.cleaning.count_values
    found = []
    for place, step in enumerate(words.steps(run.version.step_values)):
        count = counts[place] if place < len(counts) else {}
        reasons = {
            words.reason(step["operator"], code): (code, number)
            for code, number in sorted(
                count.get("reasons", {}).items(), key=lambda each: -int(each[1])
            )
        }
        found.append({**step, "place": place, "count": count, "reasons": reasons})
    return found


def plot(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the option of a plot: for each step how many it changed, left out, let pass."""
    counted = [step for step in found if step["count"].get("seen")]
    if not counted:
        return None
    # The first step on top: such an axis begins below.
    rows = counted[::-1]

    def series(name: str, color: str, values: Iterable[int]) -> dict[str, Any]:
        data = list(values)
        return {"name": name, "type": "bar", "stack": "all", "color": color, "data": data}

    def number(step: dict[str, Any], name: str) -> int:
        return int(step["count"].get(name, 0))

    return {
        "legend": {"bottom": 0},
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 40, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {
            "type": "category",
            "data": [f"{step['place'] + 1}. {step['title']}"[:24] for step in rows],
        },
        "series": [
            series(gettext("dropped"), "#b42318", (number(step, "dropped") for step in rows)),
            series(gettext("changed"), "#1657b8", (number(step, "changed") for step in rows)),
            series(
                gettext("as it was"),
                "#c9d2de",
                (
                    number(step, "seen") - number(step, "changed") - number(step, "dropped")
                    for step in rows
                ),
            ),
        ],
    }


def records(session: Session, run: Run, rows: Sequence[Trace]) -> list[Shown]:
    """Return records with both sides marked, and addresses of their pictures."""
    media = _media(session, rows)
    return [_shown(run, row, media, None) for row in rows]


def pairs(session: Session, run: Run, groups: Sequence[Group]) -> list[Pair]:
    """Return groups of duplicates, each of the others marked against the one that was kept."""
    every = [row for group in groups for row in (group.kept, *group.others) if row is not None]
    media = _media(session, every)
    return [
        Pair(
            group.kept_asset_id,
            None if group.kept is None else _shown(run, group.kept, media, None),
            group.number,
            [_shown(run, row, media, group.kept) for row in group.others],
        )
        for group in groups
    ]


def _shown(run: Run, row: Trace, media: dict[str, Media], beside: Trace | None) -> Shown:
    """Show a record: before and after, or where `beside` is given, that one beside it."""
    names = [str(step["operator"]) for step in run.version.step_values]
    left, right = (row.before, row.after) if beside is None else (beside.after, row.after)
    texts = marked(left, right) if left is not None and right is not None else None
    is_picture = row.kind == "image"
    # What a cleaning made has no facts of its own: it is known by its digest alone.
    changed = links.small(row.digests[1]) if is_picture and row.digests[1] else ""
    dropper = dict(enumerate(names)).get(-1 if row.dropped_step is None else row.dropped_step, "")
    return Shown(
        row,
        texts,
        (_address(media.get(row.digests[0])) if is_picture else "", changed),
        [words.title(names[place]) for place in row.changed_steps if place < len(names)],
        words.title(dropper) if dropper else "",
        words.reason(dropper, row.reason),
    )


def _address(row: Media | None) -> str:
    return "" if row is None else links.thumbnail(row)


def _media(session: Session, rows: Sequence[Trace]) -> dict[str, Media]:
    digests = {row.digests[0] for row in rows if row.kind == "image"}
    if not digests:
        return {}
    query = sa.select(Media).where(Media.digest.in_(digests))
    return {row.digest: row for row in session.scalars(query)}


@dataclass(frozen=True)
class OfLibrary:
    """What the page of a library shows of its cleanings, and the recipes that can run on it."""

    runs: list[Run]
    recipes: list[recipes.Listed]


def of_library(library: Library) -> OfLibrary:
    """Return the newest cleanings of a library and its organisation's recipes."""
    with installation().database.read() as session:
        return OfLibrary(
            reading.of_library(session, library, limit=10),
            recipes.listing(session, user(), organisation_id=library.organisation_id, limit=200),
        )


def register(app: flask.Flask) -> None:
    """Make what the templates ask known to them."""
    app.jinja_env.globals.update(cleanings_of=of_library)

"""Show how a release scores, why, and what would raise it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import flask
import msgspec
from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ..datasets import catalogue, datasheets, opening, scores
from ..datasets.catalogue import Dataset, Openness, Release
from ..datasets.catalogue.main_files import main_files
from ..datasets.db import now
from ..datasets.exports import WrittenFile
from ..datasets.scores import Criterion, Described, Download, Judged, Measured, Score
from ..exporters.distributions import FOLDERS, Distribution, distributions
from . import payloads
from .auth import PUBLIC, allows, installation
from .catalogue import resolved
from .dcat.negotiation import addresses
from .visitors import visitor

routes = Blueprint("scores", __name__)

T = TypeVar("T")
MOST_READ = 500
_READ: dict[str, Any] = {}


@dataclass(frozen=True)
class Scores:
    """All scores of a release."""

    mqa: Score
    udata: Score
    dimensions: list[Judged]

    @property
    def is_high_quality(self) -> bool:
        """Tell whether all three dimensions of TC609 reach what they must."""
        return all(each.passes for each in self.dimensions)


def of(session: Session, dataset: Dataset, release: Release) -> Scores:
    """Return the scores of a release as they are now."""
    described = _described(session, dataset, release)
    there = catalogue.files_at(session, release, [scores.PATH, datasheets.SHEET])
    measured = _measured(there.get(scores.PATH))
    covered = _covered(there.get(datasheets.SHEET))
    weighing = flask.current_app.config["INDICATOR_WEIGHTS"]
    return Scores(
        mqa=scores.mqa(described),
        udata=scores.udata(described),
        dimensions=scores.judge(described, measured, covered, weighing),
    )


@routes.get("/datasets/<organisation>/<name>/scores")
@allows(PUBLIC)
def show(organisation: str, name: str) -> str:
    """Show all scores with their reasons; printable."""
    with installation().database.read() as session:
        dataset, release = resolved(
            session, organisation, name, request.args.get("revision", "main")
        )
        return render_template(
            "scores/show.html",
            dataset=dataset,
            release=release,
            scores=of(session, dataset, release),
            edition=scores.EDITION,
            owns=opening.may_decide(visitor(), dataset.organisation_id) if visitor() else False,
        )


@routes.get("/api/catalogue/<organisation>/<name>/scores")
@allows(PUBLIC)
def api_show(organisation: str, name: str) -> Response:
    """Return all scores with their reasons."""
    with installation().database.read() as session:
        dataset, release = resolved(
            session, organisation, name, request.args.get("revision", "main")
        )
        found = of(session, dataset, release)
    return payloads.answer(
        {
            "dataset": dataset.full_name,
            "tag": release.tag,
            "commit_id": release.commit_id,
            "mqa": _told(found.mqa),
            "udata": _told(found.udata),
            "tc609": {
                "edition": scores.EDITION,
                "high_quality": found.is_high_quality,
                "dimensions": [
                    {
                        "dimension": gettext(each.dimension),
                        "score": round(each.value, 2),
                        "passes": each.passes,
                        "unknown": each.unknown,
                        "indicators": [_criterion(part) for part in each.score.criteria],
                    }
                    for each in found.dimensions
                ],
            },
        }
    )


@routes.app_template_global("scores_of")
def scores_of(dataset: Dataset, release: Release) -> Scores:
    """Return the scores of a release for a page that shows them beside other things."""
    with installation().database.read() as session:
        return of(session, dataset, release)


@routes.app_template_filter("because")
def because(criterion: Criterion) -> str:
    """Return why a criterion has its points, in the reader's language."""
    return str(gettext(criterion.reason, **criterion.values)) if criterion.reason else ""


def _told(score: Score) -> dict[str, Any]:
    return {
        "edition": score.edition,
        "points": round(score.points, 2),
        "of": score.of,
        "rating": gettext(score.rating) if score.rating else None,
        "criteria": [_criterion(each) for each in score.criteria],
    }


def _criterion(each: Criterion) -> dict[str, Any]:
    return {
        "name": each.name,
        "title": gettext(each.title),
        "points": None if each.points is None else round(each.points, 4),
        "of": each.of,
        "reason": because(each),
        "advice": gettext(each.advice) if each.advice and not each.is_full else None,
    }


def _described(session: Session, dataset: Dataset, release: Release) -> Described:
    files = main_files(session, [release], FOLDERS)[release.id]
    is_open = dataset.openness == Openness.OPEN
    downloads = tuple(
        _download(each, is_open=is_open)
        for each in distributions(addresses(), dataset, release, files)
        if not each.is_document
    )
    return Described(dataset, release, downloads, now())


def _download(each: Distribution, *, is_open: bool) -> Download:
    kind = each.kind
    return Download(
        format=kind.label,
        media_type=kind.iana,
        known_format=kind.eu is not None,
        known_media_type=kind.iana is not None,
        described=bool(each.description),
        size=each.size,
        # What is open is sent to everybody; what is under conditions to those who were admitted.
        reachable=True if is_open else None,
    )


def _measured(file: WrittenFile | None) -> Measured | None:
    return None if file is None else _kept(file.digest, _as_measured)


def _covered(file: WrittenFile | None) -> dict[str, list[str]] | None:
    return None if file is None else _kept(file.digest, _as_covered)


def _as_measured(content: bytes) -> Measured:
    return msgspec.json.decode(content, type=Measured)


def _as_covered(content: bytes) -> dict[str, list[str]]:
    return datasheets.covered(msgspec.json.decode(content))


def _kept(digest: str, read: Callable[[bytes], T]) -> T:
    """Return what a file of a release says; its digest says that it says the same for ever."""
    if digest not in _READ:
        if len(_READ) >= MOST_READ:
            _READ.clear()
        _READ[digest] = read(installation().store.read(digest))
    found: T = _READ[digest]
    return found

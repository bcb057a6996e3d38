"""Score metadata as udata, the software of data.gouv.fr, does: the mean of nine yes or no."""

from __future__ import annotations

import datetime as dt

from ..catalogue import UpdateCycle
from ..errors import _
from .criteria import Criterion, Score
from .described import Described

EDITION = "udata 17"
LEAST_DESCRIPTION = 100  # characters; udata asks for more than that
# How many days may pass between two versions; one more is forgiven.
_DAYS = {
    UpdateCycle.REAL_TIME: 1,
    UpdateCycle.DAILY: 1,
    UpdateCycle.WEEKLY: 7,
    UpdateCycle.MONTHLY: 31,
    UpdateCycle.QUARTERLY: 92,
    UpdateCycle.HALF_YEARLY: 183,
    UpdateCycle.YEARLY: 366,
}
_CLOSED_FORMATS = frozenset({"PDF", "DOC", "DOCX", "WORD", "XLS", "EXCEL", "XLSX"})
_YES, _NO = _("yes"), _("no")


def udata(described: Described) -> Score:
    """Return the score of a dataset at a release, nine points."""
    dataset, downloads = described.dataset, described.downloads
    facts = _("say it on the page of the dataset's facts")
    formats = {(each.format or "").upper() for each in downloads}
    described_all = any(each.described for each in downloads)
    available = all(each.reachable is not False for each in downloads)
    return Score(
        "udata",
        EDITION,
        (
            _answer("licence", _("licence"), dataset.licence, _("choose a licence")),
            _answer(
                "temporal_coverage",
                _("period covered"),
                dataset.covers_from or dataset.covers_to,
                facts,
            ),
            _answer("spatial", _("region"), dataset.region, facts),
            _answer("update_frequency", _("update cycle"), dataset.update_cycle, facts),
            _answer(
                "update_fulfilled_in_time",
                _("brought up to date in time"),
                _in_time(described),
                _("publish a version, or say the cycle that is kept"),
            ),
            _answer(
                "description",
                _("description of more than 100 characters"),
                len(dataset.description) > LEAST_DESCRIPTION,
                _("describe what the data is, how it was made and what it is good for"),
            ),
            _answer(
                "open_format",
                _("open format"),
                bool(formats - _CLOSED_FORMATS - {""}),
                _("publish in an open format"),
            ),
            _answer("available", _("all files answer"), bool(downloads) and available, ""),
            _answer("documented", _("files are described"), described_all, ""),
        ),
    )


def _answer(name: str, title: str, holds: object, advice: str) -> Criterion:
    return Criterion(name, title, float(bool(holds)), 1.0, _YES if holds else _NO, {}, advice)


def _in_time(described: Described) -> bool:
    """Tell whether the newest version is as new as its cycle asks, with a day's grace."""
    cycle = described.dataset.update_cycle
    if cycle is None:
        return False
    days = _DAYS.get(UpdateCycle(cycle))
    if days is None:
        return True
    return described.at - described.release.published_at <= dt.timedelta(days=days + 1)

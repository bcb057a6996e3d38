"""What differs between two versions of a dataset, record by record."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import comparisons, errors, opening, tombstones, versions
from ..datasets.catalogue import Dataset, Release
from ..datasets.comparisons import KINDS, Difference
from ..datasets.errors import _
from . import links, payloads
from .auth import PUBLIC, allows, installation
from .catalogue import resolved
from .visitors import visitor

routes = Blueprint("comparisons", __name__)
PAGE = 24
# Versions do not change: what differs is counted once for each state of withdrawals.
_Pair = tuple[str, str, int]
_COUNTED: dict[_Pair, comparisons.Counts] = {}
MOST_COUNTED = 2000
# Few keys that only one version has are found once as well.
_LONELY: dict[tuple[_Pair, str], tuple[str, ...] | None] = {}
MOST_LONELY, MOST_KEYS = 200, 10_000


@routes.get("/datasets/<organisation>/<name>/compare/<pair>")
@allows(PUBLIC)
def show(organisation: str, name: str, pair: str) -> str:
    """Show how many records were added, removed and changed, and which."""
    kind, after = _asked()
    with installation().database.read() as session:
        dataset, old, new = _compared(session, organisation, name, pair)
        may_see = opening.may_download(session, visitor(), dataset)
        counts = _counted(session, dataset, old, new)
        if kind is None:
            kind = next((each for each in ("changed", "added") if getattr(counts, each)), "removed")
        found = []
        if may_see:
            found = _differences(session, dataset, old, new, kind, after=after, limit=PAGE + 1)
        parts = installation()
        frozen = [
            versions.opened(session, parts.database, parts.store, release.version_id)
            for release in (old, new)
        ]
    shown = [_shown(each) for each in found[:PAGE]]
    return render_template(
        "catalogue/compare.html",
        dataset=dataset,
        old=old,
        new=new,
        counts=counts,
        kind=kind,
        kinds=KINDS,
        differences=shown,
        may_see=may_see,
        configs=[version.config for version in frozen],
        next=found[PAGE - 1].key if len(found) > PAGE else None,
    )


@routes.get("/api/catalogue/<organisation>/<name>/compare/<pair>")
@allows(PUBLIC)
def api_show(organisation: str, name: str, pair: str) -> Response:
    """Compare two versions, `old...new`: counts, and the keys of one `kind` from after a key.

    `results` is null for whoever may not have the records.
    """
    kind, after = _asked()
    with installation().database.read() as session:
        dataset, old, new = _compared(session, organisation, name, pair)
        may_see = opening.may_download(session, visitor(), dataset)
        counts = _counted(session, dataset, old, new)
        size = payloads.page_size(100, 1000)
        found = []
        if may_see:
            found = _differences(
                session, dataset, old, new, kind or "changed", after=after, limit=size + 1
            )
    told = {
        "old": old.tag,
        "new": new.tag,
        "added": counts.added,
        "removed": counts.removed,
        "changed": counts.changed,
        "same": counts.same,
        "aspects": counts.aspects,
        "kind": kind or "changed",
        # Which records they are is told to those who may have them.
        "results": [{"key": each.key, "changed": list(each.aspects)} for each in found[:size]]
        if may_see
        else None,
        "next": found[size - 1].key if len(found) > size else None,
    }
    return payloads.answer(told)


def _counted(session: Session, dataset: Dataset, old: Release, new: Release) -> comparisons.Counts:
    """Return the counts of two releases; records are withdrawn for ever, so their number tells."""
    key = _pair(session, dataset, old, new)
    found = _COUNTED.get(key)
    if found is None:
        if len(_COUNTED) >= MOST_COUNTED:
            _COUNTED.clear()
        found = _COUNTED[key] = comparisons.count(session, old, new)
    return found


def _differences(
    session: Session,
    dataset: Dataset,
    old: Release,
    new: Release,
    kind: str,
    *,
    after: str,
    limit: int,
) -> list[Difference]:
    """Return a page of differences; what was looked through once is not looked through again."""
    keys = None
    if kind != "changed":
        place = (_pair(session, dataset, old, new), kind)
        if place not in _LONELY:
            if len(_LONELY) >= MOST_LONELY:
                _LONELY.clear()
            _LONELY[place] = comparisons.lonely_keys(session, old, new, kind, most=MOST_KEYS)
        keys = _LONELY[place]
    return comparisons.differences(session, old, new, kind, after=after, limit=limit, keys=keys)


def _pair(session: Session, dataset: Dataset, old: Release, new: Release) -> _Pair:
    return old.uid, new.uid, tombstones.how_many(session, dataset)


def _asked() -> tuple[str | None, str]:
    kind = payloads.choice(request.args, "kind", "", ("", *KINDS)) or None
    return kind, payloads.text(request.args, "after", "", longest=72)


def _compared(
    session: Session, organisation: str, name: str, pair: str
) -> tuple[Dataset, Release, Release]:
    """Return the dataset and the two releases of `old...new`.

    Raises:
        errors.NotFound: there is no such dataset or revision.
        errors.Invalid: it is not a pair.
    """
    before, dots, after = pair.partition("...")
    if not dots or not before or not after:
        raise errors.Invalid(_("must be two versions, as v1.0.0...v1.1.0"), place="pair")
    dataset, old = resolved(session, organisation, name, before)
    return dataset, old, resolved(session, organisation, name, after)[1]


def _shown(each: Difference) -> dict[str, Any]:
    """Return a difference as the page shows it, with the addresses of pictures."""
    there = each.after or each.before
    return {
        "key": each.key,
        "aspects": each.aspects,
        "before": links.preview(each.before) if each.before else None,
        "after": links.preview(each.after) if each.after else None,
        "name": each.key if there is None else there.name,
    }

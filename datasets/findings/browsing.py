"""List findings, one by one or all of one value together, and show what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, permissions, personal_information
from ..annotations import Annotation
from ..errors import _
from ..libraries import Asset, Library
from ..people import User
from ..projects import Project
from ..reviews import Review, decoded
from ..tasks import Task
from .changes import Owned
from .keeping import of
from .looking import asset_texts, readable, task_texts, written_texts
from .rows import Finding, FindingState

# What begins the places of answers, before their number.
ANSWERS = ("annotation", "review")
AROUND = 30  # code points on each side of an excerpt
_FAR = 300


@dataclass(frozen=True)
class Wanted:
    """Which findings are meant; an empty value means any."""

    state: str = ""
    kind: str = ""
    least: float = 0.0
    task_id: int | None = None
    asset_id: int | None = None
    fingerprint: str = ""
    ids: Sequence[int] | None = None


@dataclass(frozen=True)
class Group:
    """All findings of one value: how many, in how many records, and one of them to look at."""

    kind: str
    masked: str
    fingerprint: str | None
    number: int
    records: int
    confidence: float
    finding: Finding


def chosen(owned: Owned, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that say which findings are meant."""
    conditions = [of(owned)]
    if wanted.state:
        conditions.append(Finding.state == wanted.state)
    if wanted.kind:
        conditions.append(Finding.kind == wanted.kind)
    if wanted.least:
        conditions.append(Finding.confidence >= wanted.least)
    if wanted.task_id is not None:
        conditions.append(Finding.task_id == wanted.task_id)
    if wanted.asset_id is not None:
        conditions.append(Finding.asset_id == wanted.asset_id)
    if wanted.fingerprint:
        conditions.append(Finding.fingerprint == wanted.fingerprint)
    if wanted.ids is not None:
        conditions.append(Finding.id.in_(list(wanted.ids)))
    return conditions


def page(
    session: Session, owned: Owned, wanted: Wanted, *, after: int = 0, limit: int = 50
) -> list[Finding]:
    """List findings by id, from after `after`."""
    query = sa.select(Finding).where(*chosen(owned, wanted), Finding.id > after)
    return list(session.scalars(query.order_by(Finding.id).limit(limit)))


def groups(
    session: Session, owned: Owned, wanted: Wanted, *, after: int = 0, limit: int = 50
) -> list[Group]:
    """List values rather than places, in the order in which they were first found."""
    record = Finding.task_id if isinstance(owned, Project) else Finding.asset_id
    # What has no fingerprint, a face, stands for itself.
    same = sa.func.coalesce(Finding.fingerprint, sa.cast(Finding.id, sa.String(20)))
    first = sa.func.min(Finding.id)
    query = (
        sa.select(
            first.label("first"),
            sa.func.count().label("number"),
            sa.func.count(record.distinct()).label("records"),
            sa.func.max(Finding.confidence).label("confidence"),
        )
        .where(*chosen(owned, wanted))
        .group_by(Finding.kind, same)
        .having(first > after)
        .order_by(first)
        .limit(limit)
    )
    found = session.execute(query).all()
    rows = session.scalars(sa.select(Finding).where(Finding.id.in_([each.first for each in found])))
    by_id = {row.id: row for row in rows}
    return [
        Group(
            (row := by_id[each.first]).kind,
            row.masked,
            row.fingerprint,
            each.number,
            each.records,
            each.confidence,
            row,
        )
        for each in found
    ]


def counts(session: Session, owned: Owned) -> dict[str, int]:
    """Count findings by state."""
    query = sa.select(Finding.state, sa.func.count()).where(of(owned)).group_by(Finding.state)
    found = {state: int(number) for state, number in session.execute(query)}
    return {str(state): found.get(state, 0) for state in FindingState}


def kinds(session: Session, owned: Owned, state: str = "") -> dict[str, int]:
    """Count findings by kind, the most frequent first."""
    number = sa.func.count()
    query = sa.select(Finding.kind, number).where(*chosen(owned, Wanted(state=state)))
    found = session.execute(query.group_by(Finding.kind).order_by(number.desc(), Finding.kind))
    return {kind: int(many) for kind, many in found}


def get(session: Session, user: User | None, finding_id: int, action: str) -> tuple[Finding, Owned]:
    """Return a finding with its project or library, for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    row = session.get(Finding, finding_id)
    owned: Owned | None = None
    if row is not None and row.project_id is not None:
        owned = session.get(Project, row.project_id)
    elif row is not None and row.library_id is not None:
        owned = session.get(Library, row.library_id)
    if row is None or owned is None or owned.deleted_at or not permissions.sees(user, owned):
        raise errors.NotFound(_("there is no finding %(id)s"), id=finding_id)
    permissions.require(user, action, owned)
    return row, owned


def text_of(session: Session, finding: Finding) -> str | None:
    """Return the text that a finding is in, as it is now; None where it is not there any more."""
    if finding.asset_id is not None:
        asset = session.get(Asset, finding.asset_id)
        return None if asset is None else dict(asset_texts(asset)).get(finding.place)
    answer = _answer_of(session, finding.place)
    if answer is not None:
        return dict(written_texts(*answer)).get(finding.place)
    task = session.get(Task, finding.task_id)
    return None if task is None else dict(task_texts(task)).get(finding.place)


def _answer_of(session: Session, place: str) -> tuple[str, list[Any]] | None:
    """Return the answer that a place is in, with how its places begin; None: it is in the task."""
    head, bracket, _rest = place.partition("[")
    kind, _colon, number = head.partition(":")
    if not bracket or kind not in ANSWERS or not number.isdigit():
        return None
    if kind == "annotation":
        annotation = session.get(Annotation, int(number))
        return head, [] if annotation is None else annotation.result_values
    review = session.get(Review, int(number))
    return head, [] if review is None else decoded(review) or []


def excerpt(session: Session, finding: Finding) -> dict[str, Any] | None:
    """Return what stands before and after a finding in a text, itself and all others masked."""
    text = None if finding.start is None else text_of(session, finding)
    text = None if text is None else readable(finding.place, text)
    if text is None or finding.start is None or finding.end is None or finding.end > len(text):
        return None
    begin = max(0, finding.start - _FAR)
    # Looked at together: what stands on one side is often known by the words on the other.
    window = text[begin : finding.end + _FAR]
    start, end = finding.start - begin, finding.end - begin
    hits = personal_information.find(window, least=0)
    return {
        "before": _masked(window, hits, 0, start)[-AROUND:],
        "masked": finding.masked,
        "after": _masked(window, hits, end, len(window))[:AROUND],
    }


def _masked(text: str, hits: Sequence[personal_information.Hit], start: int, end: int) -> str:
    """Return a part of a text with all hits masked, also those that reach out of it."""
    parts, done = [], start
    for hit in hits:
        if hit.end > start and hit.start < end:
            is_whole = hit.start >= start and hit.end <= end
            hidden = hit.masked if is_whole else "*" * (min(hit.end, end) - max(hit.start, start))
            parts += [text[done : max(hit.start, start)], hidden]
            done = min(hit.end, end)
    # Alone the part may look like something that it is not together with the rest.
    return personal_information.mask("".join([*parts, text[done:end]]), least=0)

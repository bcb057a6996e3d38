"""Read the records of a release page by page, by split and label, without what was withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import errors, labels, tombstones
from .catalogue import Release
from .errors import _
from .versions import Record, VersionRecord

# How many records one request looks through for a label.
SPAN = 20_000


@dataclass(frozen=True)
class Page:
    """A page of records, and the place that the next one begins after (None: the last page)."""

    records: Sequence[Record]
    following: int | None
    # The places that were looked through, the last one included.
    until: int


def page(
    session: Session,
    release: Release,
    config: labels.LabelConfig,
    *,
    split: str | None = None,
    label: str | None = None,
    after: int = -1,
    limit: int = 24,
) -> Page:
    """List records of a release in their order, from after a place.

    With a label at most SPAN records are looked through: a page may hold fewer than there are
    to come, and `following` says where to go on.
    """
    query = sa.select(VersionRecord.position, VersionRecord.line).where(
        VersionRecord.version_id == release.version_id,
        VersionRecord.position > after,
        VersionRecord.line.is_not(None),
        sa.not_(VersionRecord.key.in_(tombstones.withdrawn_keys(session, release.dataset_id))),
    )
    if split is not None:
        query = query.where(VersionRecord.split == split)
    end = release.records
    if label is not None:
        end = min(after + SPAN, release.records)
        quoted = msgspec.json.encode(label).decode()
        query = query.where(
            VersionRecord.position <= end, VersionRecord.line.contains(quoted, autoescape=True)
        )
    rows = session.execute(query.order_by(VersionRecord.position).limit(limit + 1)).all()
    found = [(row.position, msgspec.json.decode(str(row.line), type=Record)) for row in rows]
    following = None
    if len(found) > limit:
        following = found[limit - 1][0]
    elif label is not None and end < release.records:
        following = end
    shown = [
        record
        for _position, record in found[:limit]
        if label is None or labels.label_counts(config, record.result).get(label)
    ]
    return Page(shown, following, end if following is None else following)


def get(session: Session, release: Release, key: str) -> Record:
    """Return one record of a release.

    Raises:
        errors.NotFound: the release has none of that key.
        errors.Withdrawn: it was withdrawn.
    """
    tombstone = tombstones.gone(session, release.dataset_id, [key]).get(key)
    if tombstone is not None:
        raise errors.Withdrawn(_("this record was withdrawn: %(reason)s"), reason=tombstone.reason)
    line = session.scalar(
        sa.select(VersionRecord.line).where(
            VersionRecord.version_id == release.version_id, VersionRecord.key == key
        )
    )
    if line is None:
        raise errors.NotFound(_("this version has no record “%(key)s”"), key=key[:80])
    return msgspec.json.decode(str(line), type=Record)

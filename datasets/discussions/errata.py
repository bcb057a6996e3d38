"""Say that a release corrects records, to those who reported them and those who have them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, comparisons, errors, notices
from ..catalogue import Dataset, Release
from ..db import now
from ..errors import _
from ..people import User
from .threads import Discussion

MOST = 500  # records of one erratum


def check_corrections(
    session: Session, dataset: Dataset | None, version_id: int, keys: Sequence[str]
) -> None:
    """Check that a version corrects records of the newest release: changed or gone.

    Raises:
        errors.Refused: nothing is published yet.
        errors.Invalid: no record is named, or one is the same as before.
    """
    if dataset is None or dataset.newest_id is None:
        raise errors.Refused(_("nothing is published that an erratum could correct"))
    if not keys or len(keys) > MOST:
        raise errors.Invalid(
            _("must name 1 to %(most)s records that are corrected"), place="corrects", most=MOST
        )
    newest = session.get_one(Release, dataset.newest_id)
    changed = comparisons.changed_keys(session, newest, version_id, list(keys))
    same = [key for key in keys if key not in changed]
    if same:
        raise errors.Invalid(
            _("record %(key)s is not another than in %(tag)s"),
            place="corrects",
            key=same[0][:80],
            tag=newest.tag,
        )


def notes_of(notes: str, keys: Sequence[str]) -> str:
    """Return the notes of an erratum: what was said, and the records that it corrects."""
    named = "\n".join(f"- {key}" for key in keys if key not in notes)
    return f"{notes.strip()}\n\n{named}".strip() if named else notes


def correct(
    session: Session,
    actor: User,
    dataset: Dataset,
    release: Release,
    keys: Sequence[str],
    having: Collection[int],
) -> None:
    """Note in the discussions of these records which release corrects them, and tell people:

    who began such a discussion, and `having`, who downloaded a file that holds one of them.
    """
    rows = session.scalars(
        sa.select(Discussion).where(
            Discussion.dataset_id == dataset.id,
            Discussion.key.in_(list(keys)),
            Discussion.corrected_by.is_(None),
        )
    ).all()
    told: set[int] = set()
    for row in rows:
        row.corrected_by, row.updated_at = release.id, now()
        if row.created_by not in told:
            told.add(row.created_by)
            message = _("%(tag)s of “%(dataset)s” corrects the record that you reported")
            values = {"tag": release.tag, "dataset": dataset.title}
            address = f"/datasets/{dataset.full_name}/discussions/{row.id}"
            notices.add(session, row.created_by, "erratum", message, values, address)
    message = _("%(tag)s of “%(dataset)s” corrects %(number)s records; you have one of them")
    values = {"tag": release.tag, "dataset": dataset.title, "number": str(len(keys))}
    address = f"/datasets/{dataset.full_name}?revision={release.tag}"
    for user_id in sorted(set(having) - told):
        notices.add(session, user_id, "erratum", message, values, address)
    subject = f"dataset/{dataset.full_name}"
    about = {"tag": release.tag, "records": len(keys), "told": len(set(having) | told)}
    audit.record(session, actor, "dataset.erratum", subject, **about)

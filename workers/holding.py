"""Copy what a version uses and only refers to: what is frozen depends on nobody's bucket."""

from __future__ import annotations

from ..datasets import errors, feeds, holdings, manifests
from ..datasets.errors import _
from ..datasets.versions import Version
from .work import Work


def hold(work: Work, version: Version, organisation_id: int) -> int:
    """Keep here the bytes of a snapshot that a feed refers to; return how many were copied.

    Each is checked by its digest and counted for the organisation; what was kept before the
    job was interrupted is not read again.

    Raises:
        errors.Away: a bucket does not hold one any more as it was; names bucket and key.
        errors.TooLarge: the quota does not hold them.
        errors.Unavailable: a bucket does not answer now.
    """
    copied = 0
    database = work.installation.database
    with database.read() as session:
        if not feeds.references.has_any(session, organisation_id):
            return 0
    for digests in manifests.shown_media(database, version):
        with database.read() as session:
            wanted = feeds.references.referred(session, digests, organisation_id)
        for digest, size in sorted(wanted.items()):
            with work.step(None, f"copying {digest[:12]}"):
                _copy(work, digest, size, organisation_id)
            with database.write() as session:
                work.advance(session, 0, version.records)
                holdings.add(session, organisation_id, size)
                feeds.references.note_held(session, digest, organisation_id)
            copied += 1
    return copied


def _copy(work: Work, digest: str, size: int, organisation_id: int) -> None:
    installation = work.installation
    with installation.database.read() as session:
        holdings.check(session, installation.settings, organisation_id, size)
    # Somebody else may have stored the same bytes: then they come from there, and are put anew.
    with installation.store.open(digest) as stream:
        stored = installation.store.put(stream, limit=size)
    if stored.digest != digest:
        raise errors.Damaged(_("the stored bytes of %(digest)s have changed"), digest=digest)

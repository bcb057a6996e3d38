"""Send a published release to another catalogue or hub, and go on where that was."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ..datasets import addresses, catalogue, errors, pushes, tombstones
from ..datasets.catalogue import Dataset, Release
from ..datasets.catalogue.main_files import main_files
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.pushes import Figures, Push, Target, TargetKind
from ..exporters import ckan_package
from ..exporters.distributions import FOLDERS, Addresses
from . import push_ckan, push_hub
from .outgoing import Remote
from .work import Work


def run(work: Work) -> dict[str, Any]:
    """Send the `release` to the `target`; safe to run again, and then only the rest is sent."""
    installation = work.installation
    try:
        with installation.database.write() as session:
            dataset, release, target = _things(session, work)
            push = pushes.begin(session, work.actor, work.id, dataset, release, target)
            token = pushes.token_of(installation.settings, target)
    except errors.JinbiaoError as problem:
        with installation.database.write() as session:
            pushes.fail_job(session, work.id, problem)
        raise
    is_ckan = target.kind == TargetKind.CKAN
    own = {"Authorization": token if is_ckan else f"Bearer {token}"}
    remote = Remote(installation.settings, target.url, own)
    try:
        # Each request has its own end; how many files there are says how long all take.
        with work.step(None, f"sending to {target.name}"):
            send = _to_ckan if is_ckan else _to_hub
            found = send(work, remote, push, dataset, release, target)
    except (errors.Unavailable, errors.Cancelled):
        raise
    except errors.JinbiaoError as problem:
        with installation.database.write() as session:
            pushes.fail(session, push.id, problem)
        raise
    finally:
        remote.close()
    with installation.database.write() as session:
        return _told(pushes.complete(session, push.id, found))


def _things(session: Session, work: Work) -> tuple[Dataset, Release, Target]:
    """Return what is sent where.

    Raises:
        errors.NotFound: it is not there any more, or not for whoever asked.
    """
    release = session.get(Release, int(work.request.get("release") or 0))
    dataset = None
    if release is not None:
        dataset = catalogue.numbered(session, release.dataset_id, work.actor)
    if release is None or dataset is None:
        raise errors.NotFound(_("there is no such thing here"))
    target = pushes.get(session, work.actor, int(work.request.get("target") or 0))
    return dataset, release, target


def _to_hub(
    work: Work, remote: Remote, push: Push, dataset: Dataset, release: Release, target: Target
) -> Figures:
    with work.installation.database.read() as session:
        files = catalogue.files(session, release)
        gone = frozenset(tombstones.withheld(session, release.id, [file.path for file in files]))
    return push_hub.send(
        work,
        remote,
        push,
        title=dataset.full_name,
        tag=release.tag,
        private=target.is_private,
        files=files,
        withheld=gone,
    )


def _to_ckan(
    work: Work, remote: Remote, push: Push, dataset: Dataset, release: Release, target: Target
) -> Figures:
    with work.installation.database.read() as session:
        found = main_files(session, [release], FOLDERS).get(release.id, [])
        gone = tombstones.withheld(session, release.id, [file.path for file in found])
    kept = [file for file in found if file.path not in gone]
    package = ckan_package.package(
        Addresses(addresses.of(work.installation.settings).origin),
        dataset,
        release,
        kept,
        owner=target.owner,
        private=target.is_private,
        licences=push_ckan.licences(remote),
        uploads=target.uploads,
    )
    files: dict[str, WrittenFile] = {}
    if target.uploads:
        named = {row["name"] for row in package["resources"] if "url" not in row}
        files = {file.path: file for file in kept if file.path in named}
    return push_ckan.send(work, remote, push, package, files, len(gone))


def _told(push: Push) -> dict[str, Any]:
    return {
        "push": push.id,
        "target": push.target_name,
        "address": push.address,
        "commit": push.remote_commit,
        "tag": push.remote_tag,
        "files": push.files,
        "sent": push.sent,
        "there": push.there,
        "removed": push.removed,
        "withheld": push.withheld,
        "size": push.size,
        "sent_bytes": push.sent_bytes,
        "changed": push.has_changed,
    }

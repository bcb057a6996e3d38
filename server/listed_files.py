"""Choose the files of releases that other catalogues are told of: no media, nothing withheld."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from ..datasets import tombstones
from ..datasets.catalogue import Release
from ..datasets.catalogue.main_files import main_files
from ..datasets.exports import WrittenFile
from ..exporters.distributions import FOLDERS


def withheld(session: Session, releases: Collection[Release]) -> dict[int, frozenset[str]]:
    """Return release id → the paths that hold withdrawn records, where there are any."""
    return tombstones.of_releases(session, [each.id for each in releases if each.has_withheld])


def listed_files(session: Session, releases: Collection[Release]) -> dict[int, list[WrittenFile]]:
    """Return release id → the files that stand for its formats, and its documents, by path.

    A file that is withheld would answer 451 to everybody who follows the list.
    """
    gone = withheld(session, releases)
    found = main_files(session, releases, FOLDERS)
    for release_id, paths in gone.items():
        found[release_id] = [file for file in found[release_id] if file.path not in paths]
    return found

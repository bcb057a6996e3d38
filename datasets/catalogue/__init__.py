"""Keep the public catalogue: datasets, their releases and files."""

from __future__ import annotations

from .entry import LICENCES, Dataset, checked_name, count_download, open_dataset
from .files import entries, file, files, files_at, first_files, folders_at
from .releases import Release, ReleaseFile, history, newest, of_version, publish, releases, resolve
from .search import find, ranked, search

__all__ = [
    "Dataset",
    "LICENCES",
    "Release",
    "ReleaseFile",
    "checked_name",
    "count_download",
    "entries",
    "file",
    "files",
    "files_at",
    "find",
    "first_files",
    "folders_at",
    "history",
    "newest",
    "of_version",
    "open_dataset",
    "publish",
    "ranked",
    "releases",
    "resolve",
    "search",
]

"""Find weights that travel inside an installed package, without running the package."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

from ...datasets import errors
from ...datasets.errors import _


def file_of(module: str, path: str, distribution: str) -> Path:
    """Return a file inside a top-level module that is installed, without importing it.

    Raises errors.Unavailable, which names the distribution, where it or the file is not there.
    """
    found = util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise errors.Unavailable(
            _("the package %(package)s is not installed on this machine"), package=distribution
        )
    for folder in found.submodule_search_locations:
        file = Path(folder) / path
        if file.is_file():
            return file
    raise errors.Unavailable(
        _("the installed package %(package)s does not hold %(file)s; another version is needed"),
        package=distribution,
        file=path,
    )


def versioned(version: str, distribution: str) -> str:
    """Return our version with that of the package whose weights decide what comes out."""
    try:
        return f"{version}-{metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return version

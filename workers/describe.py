"""Describe a release as it is put together: its datasheet, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence

from ..datasets.exports import WrittenFile
from ..datasets.installation import Installation
from ..datasets.versions import FrozenVersion
from ..exporters import datasheet
from ..exporters.card import CardFacts
from ..exporters.output import Output
from . import spool


def describe(
    installation: Installation,
    version: FrozenVersion,
    facts: CardFacts,
    notes: str,
    exports: Sequence[tuple[str, Sequence[WrittenFile]]],
    files: Sequence[WrittenFile],
) -> list[WrittenFile]:
    """Return the datasheet's files; the data lies in the folders that the exports write to."""
    folders = {file.path.partition("/")[0] for _name, written in exports for file in written}
    with spool.folder(installation.settings) as folder:
        output = Output(installation.store, folder)
        datasheet.write(version, datasheet.about(version, facts, notes), files, folders, output)
        return output.written

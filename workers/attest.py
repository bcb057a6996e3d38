"""Attest a release as it is put together: receipts of its records, and the signed statement."""

from __future__ import annotations

from collections.abc import Sequence

from ..datasets import receipts
from ..datasets.exports import WrittenFile
from ..datasets.installation import Installation
from ..datasets.versions import FrozenVersion
from ..exporters import receipts as receipt_files
from ..exporters import release
from ..exporters.output import Output
from . import spool


def attest(
    installation: Installation,
    version: FrozenVersion,
    full_name: str,
    files: Sequence[WrittenFile],
) -> list[WrittenFile]:
    """Return `receipts/`, `release.json` and its signatures; everything so far is covered.

    The platform's keys are made here where there are none yet.
    """
    with spool.folder(installation.settings) as folder:
        output = Output(installation.store, folder)
        roots = receipt_files.write(version, output)
        written = output.written
    with installation.database.write() as session:
        keys = receipts.current(session, installation.settings)
    statement = receipts.statement(
        version, full_name, [*files, *written], roots, keys, release.MANIFEST
    )
    signatures = receipts.sign(installation.settings, keys, statement)
    return [
        *written,
        release.kept(installation.store, receipts.RELEASE_FILE, statement),
        release.kept(installation.store, receipts.SIGNATURE_FILE, signatures),
    ]

"""Write reject files where a command runs: in its language, never over one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ...datasets.installation import Installation
from ..lines import each_line
from .printing import say_rejects, worded


def write(installation: Installation, digest: str | None, name: str) -> None:
    """Write a run's reject file, if it has one, as NAME.rejects.jsonl, and say where it is.

    Where another run left its own, the file becomes NAME.rejects-2.jsonl, NAME.rejects-3 …
    """
    if not digest:
        return
    with _free(name) as out, installation.store.open(digest) as stream:
        for line in each_line(stream):
            out.write(msgspec.json.encode(_told(msgspec.json.decode(line))) + b"\n")
    say_rejects(Path(out.name))


def _free(name: str) -> BinaryIO:
    """Open the first file of the name that is not there; two runs at once get two files."""
    number = 1
    while True:
        mark = "" if number == 1 else f"-{number}"
        try:
            return Path(f"{name}.rejects{mark}.jsonl").open("xb")
        except FileExistsError:
            number += 1


def _told(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line with its reason in the language of the command line."""
    reason = worded(line["message"], line["values"])
    return {**line, "reason": f"{line['part']}: {reason}" if line["part"] else reason}

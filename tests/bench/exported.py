"""Look into exported files: is everything in them that was annotated?"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

BOXES = 2  # an annotation holds so many


def fault(name: str, file: Path, tasks: int) -> str | None:
    """Say what an export of tasks with one annotation of two boxes each lacks, None if nothing."""
    if name == "JSON":
        rows = json.loads(file.read_bytes())
        found = [len(row["annotations"][0]["result"]) for row in rows if row["annotations"]]
        return _differs("boxes", sum(found), BOXES * tasks)
    with zipfile.ZipFile(file) as archive:
        if name == "COCO":
            told = json.loads(archive.read("result.json"))
            return _differs("boxes", len(told["annotations"]), BOXES * tasks)
        texts = [n for n in archive.namelist() if n.startswith("labels/") and n.endswith(".txt")]
        lines = sum(len(archive.read(text).splitlines()) for text in texts)
    return _differs("boxes", lines, BOXES * tasks)


def _differs(what: str, found: int, wanted: int) -> str | None:
    return None if found == wanted else f"{found} {what} instead of {wanted}"

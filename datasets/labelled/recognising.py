"""Recognise the format of a folder, an archive or a file by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ..errors import Invalid, _
from ..sources import SourceLimits
from . import mot, rows_of_boxes, yolo
from .context import Context
from .sniffing import CONLL_NAMES, PLAIN
from .trees import opened

# Format → how it is called; in the order in which they are tried.
FORMATS: dict[str, str] = {
    "auto": _("recognise it by its content"),
    "tasks": _("files, tables and task lists, as in Label Studio"),
    "coco": "COCO",
    "yolo": "YOLO",
    "voc": "Pascal VOC",
    "cvat": "CVAT XML",
    "labelme": "labelme",
    "datumaro": "Datumaro JSON",
    "mot": "MOT",
    "dota": "DOTA",
    "deeppcb": "DeepPCB",
    "labelu": "LabelU",
    "conll": "CoNLL / BIO",
    "doccano": "doccano (JSONL, JSON, CSV, XLSX)",
    "fasttext": "fastText",
    "series": _("sensor tables (CSV, XLSX, Parquet): each file is a task"),
}
_OF_TREES: dict[str, Callable[[Context], bool]] = {
    "mot": mot.fits,
    "deeppcb": rows_of_boxes.has_deeppcb,
    "dota": rows_of_boxes.has_dota,
    "yolo": yolo.fits,
}
TEXTS = frozenset({"conll", "doccano", "fasttext"})


def recognise(
    path: Path, name: str = "", *, limits: SourceLimits | None = None, texts: bool = True
) -> str:
    """Name the format of a folder, an archive or a file: one of FORMATS but "auto".

    What has no labels of a known kind, and what cannot be opened, is "tasks".
    """
    chosen = limits or SourceLimits()
    try:
        files = opened(path, name or path.name, chosen)
    except Invalid:
        return "tasks"
    return of_files(Context(files, chosen, Counter(), 1), texts)


def of_files(context: Context, texts: bool) -> str:
    """Name the format of opened files; formats of texts only where `texts` are wanted."""
    try:
        return _of_files(context, texts)
    except Invalid:
        return "tasks"


def _of_files(context: Context, texts: bool) -> str:
    paths = context.files.paths
    top = min((path.count("/") for path in paths), default=0)
    heads = {p.rpartition("/")[2].lower() for p in paths if p.count("/") == top}
    if heads & {"tasks.json", "tasks.jsonl"}:
        return "tasks"
    if len(paths) > 1:
        for name, fits in _OF_TREES.items():
            if fits(context):
                return name
    looked = 0
    for path in context.files.ending(".json", ".jsonl", ".ndjson", ".xml", *PLAIN, *CONLL_NAMES):
        found = context.sniff(path)
        if found in TEXTS and not (texts and _all_alike(context, path, found)):
            found = None
        if found:
            return found
        looked += 1
        if looked >= 50:
            break
    return "tasks"


def _all_alike(context: Context, path: str, found: str) -> bool:
    """Tell whether the plain texts beside one are of its format: one alone may be by chance."""
    beside = context.files.ending(*PLAIN)[:50] if path.lower().endswith(PLAIN) else []
    return all(context.sniff(other) == found for other in beside)

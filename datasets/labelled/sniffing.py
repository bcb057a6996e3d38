"""Recognise a label file by the beginning of its content."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from ..errors import Problem
from ..sources import SourceLimits, values
from . import markup
from .trees import LONGEST_DOCUMENT, Files

_HEAD = 64 * 1024
_LOOKED_AT = 40  # members, or lines
_TAGGED = re.compile(r"\S+[ \t]+(?:\S+[ \t]+)*(?:O|[BIESLMU][-_]\S+)\s*")
_FAST = re.compile(r"(?:__label__\S+\s+)+")
PLAIN = (".txt", ".train", ".dev", ".valid", ".test")
CONLL_NAMES = (".conll", ".bio", ".bioes", ".iob", ".iob2", ".ner")


def format_of(files: Files, path: str, limits: SourceLimits) -> str | None:
    """Name the format of one file, None when it is none with labels."""
    last = path.rpartition("/")[2].lower()
    suffix = "." + last.rpartition(".")[2]
    if suffix == ".json":
        return _of_document(files, path, limits)
    if suffix in (".jsonl", ".ndjson"):
        return _of_lines(files, path, limits)
    head = _head(files, path) if suffix in (".xml", *PLAIN) else b""
    if suffix == ".xml":
        return {"annotations": "cvat", "annotation": "voc"}.get(markup.root(head))
    if suffix in CONLL_NAMES:
        return "conll"
    if suffix in PLAIN:
        return _of_text(head.decode("utf-8-sig", "replace"))
    return None


def _head(files: Files, path: str) -> bytes:
    with files.opener(path).open() as stream:
        return stream.read(_HEAD)


def _of_text(text: str) -> str | None:
    lines = [line for line in text.splitlines()[:-1] or [text] if line.strip()][:_LOOKED_AT]
    if lines and sum(bool(_FAST.match(line)) for line in lines) * 2 >= len(lines):
        return "fasttext"
    if lines and all(_TAGGED.fullmatch(line) for line in lines):
        return "conll"
    return None


def _of_document(files: Files, path: str, limits: SourceLimits) -> str | None:
    seen: dict[str, Any] = {}
    with files.opener(path).open() as stream:
        first = values.first_character(stream)
        if first == "[":
            found = values.values(stream, limits.task_bytes, limits.depth)
            return _of_objects([value for value, _problem in islice(found, 3)])
        members = values.members(stream, LONGEST_DOCUMENT, limits.depth)
        for name, order, value, _problem in islice(members, 10_000):
            if not name:
                break
            if order <= 0 and (order == 0 or name not in seen):
                seen[name] = value
            if found_format := _by_members(seen, value if order == 0 else None, name):
                return found_format
    return None


def _by_members(seen: dict[str, Any], first: Any, name: str) -> str | None:
    if "shapes" in seen:
        return "labelme"
    if "items" in seen and ("categories" in seen or "dm_format_version" in seen):
        return "datumaro"
    item = first if isinstance(first, dict) else {}
    if name == "images" and "file_name" in item:
        return "coco"
    if name == "annotations" and "image_id" in item:
        return "coco"
    if "images" in seen and "annotations" in seen:
        return "coco"
    if isinstance(seen.get("sample_name"), str) and "annotations" in seen:
        return "labelu"
    return None


def _of_lines(files: Files, path: str, limits: SourceLimits) -> str | None:
    with files.opener(path).open() as stream:
        if values.first_character(stream) == "[":
            found = values.values(stream, limits.task_bytes, limits.depth)
            return _of_objects([value for value, _problem in islice(found, 3)])
        parser, objects = values.Parser(limits.depth), []
        for _number, line in islice(values.lines(stream, limits.task_bytes), 5):
            if isinstance(line, Problem):
                continue
            try:
                objects.append(parser.value(line.strip(" \t\r\n"))[0])
            except (ValueError, RecursionError):
                continue
    return _of_objects(objects)


def _of_objects(objects: list[Any]) -> str | None:
    """Tell tasks with labels of doccano's kind, or of LabelU, from plain data."""
    for value in objects:
        if not isinstance(value, dict) or isinstance(value.get("data"), dict):
            continue
        if isinstance(value.get("sample_name"), str) or "fileNames" in value:
            return "labelu"
        if not isinstance(value.get("text"), str):
            continue
        for name in ("label", "labels", "entities", "spans"):
            listed = value.get(name)
            if isinstance(listed, list) and listed and all(map(_is_span, listed)):
                return "doccano"
        if isinstance(value.get("cats"), list):
            return "doccano"
    return None


def _is_span(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) == 3 and type(value[0]) is int and type(value[1]) is int
    if not isinstance(value, dict):
        return False
    names = ("start", "start_offset"), ("end", "end_offset")
    return all(any(type(value.get(n)) is int for n in pair) for pair in names)

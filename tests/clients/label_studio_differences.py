"""Compare what was answered here with what was recorded: statuses, keys, types, paging."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What users write is theirs: below these names only the type of the value counts.
USERS_OWN = frozenset(
    {
        "data",
        "meta",
        "result",
        "results_raw",
        "parsed_label_config",
        "control_weights",
        "sample_task",
        "custom_hotkeys",
        "headers",
        "validation_errors",
        "converted_formats",
        "task_filter_options",
        "annotation_filter_options",
        "serialization_options",
        "prediction",
        "extra_params",
        "schema",
    }
)
Difference = tuple[str, str, str]


def differences(folder: Path, answers: list[dict[str, Any]]) -> list[Difference]:
    """List (recording, place, "theirs → ours") of everything that is not as recorded."""
    found: list[Difference] = []
    for answer in answers:
        (file,) = folder.glob(f"{answer['recording']}_*.json")
        recorded, last = [], None
        for exchange in json.loads(file.read_text(encoding="utf-8"))["exchanges"]:
            if exchange["request"] != last:
                recorded.append(exchange["response"])
            last = exchange["request"]
        for number, (theirs, ours) in enumerate(zip(recorded, answer["exchanges"], strict=True)):
            place = f"[{number}]" if len(recorded) > 1 else ""
            for where, what in _compared(theirs, ours):
                found.append((answer["recording"], place + where, what))
    return found


def _compared(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if theirs["status"] != ours["status"]:
        yield "status", f"{theirs['status']} → {ours['status']}"
        return
    yield from _shapes("", theirs["body"], ours["body"])


def _shapes(place: str, theirs: Any, ours: Any) -> Iterator[tuple[str, str]]:
    """Give the differences of two values: what is null there can be anything here."""
    if theirs is None:
        return
    kinds = _kind(theirs), _kind(ours)
    if kinds[0] != kinds[1]:
        yield place or "body", f"{kinds[0]} → {kinds[1]}"
    elif isinstance(theirs, dict) and theirs.get("__binary__"):
        if str(theirs.get("file", "")).endswith(".zip") and not ours.get("zip"):
            yield place or "body", "zip → something else"
    elif isinstance(theirs, dict):
        yield from _members(place, theirs, ours)
    elif isinstance(theirs, list) and theirs and ours:
        yield from _shapes(f"{place}[]", _union(theirs), _union(ours))


def _members(place: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in theirs.keys() - ours.keys():
        yield f"{place}.{name}", "there → missing"
    for name in ours.keys() - theirs.keys():
        yield f"{place}.{name}", "missing → there"
    for name in theirs.keys() & ours.keys():
        if name in USERS_OWN:
            if theirs[name] is not None and _kind(theirs[name]) != _kind(ours[name]):
                yield f"{place}.{name}", f"{_kind(theirs[name])} → {_kind(ours[name])}"
        else:
            yield from _shapes(f"{place}.{name}", theirs[name], ours[name])


def _union(values: list[Any]) -> Any:
    """Return one value that has what any of the values has; of two, what is not null."""
    if not all(isinstance(value, dict) for value in values):
        return next((value for value in values if value is not None), None)
    found: dict[str, Any] = {}
    for value in values:
        for name, member in value.items():
            there = found.get(name)
            if isinstance(there, dict) and isinstance(member, dict):
                found[name] = _union([there, member])
            elif isinstance(there, list) and isinstance(member, list):
                found[name] = there + member
            elif there is None:
                found[name] = member
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return {str: "text", dict: "object", list: "list", type(None): "null"}[type(value)]

"""Read texts with labels as doccano, spaCy and many scripts write them.

JSON lines or a JSON list of `{"text": …, "label": […]}`; tables with the columns text and
label; fastText lines. Labels are spans `[start, end, label]` or objects with start and end,
choices for the whole text, or other words for it (a translation, a summary), whichever the
config asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import lines, rows, values
from .context import Context
from .things import Answer, Fault, Found, Link, Span, Thing, Words

_TEXTS = ("text", "data", "content", "sentence")
_LABELS = ("label", "labels", "entities", "spans", "cats")
_OURS = frozenset({*_TEXTS, *_LABELS, "relations", "meta", "metadata", "Comments"})
_STARTS, _ENDS = ("start", "start_offset", "begin"), ("end", "end_offset")
_NAMES = ("label", "type", "entity", "tag", "name")
_FAST = re.compile(r"\s*__label__(\S+)")
MOST_LABELS = 20_000  # of one text


def documents(context: Context) -> list[str]:
    """List the JSON files that are read."""
    return context.documents("doccano", ".json", ".jsonl", ".ndjson")


def tables(context: Context) -> list[str]:
    """List the tables that are read."""
    return context.files.ending(".csv", ".tsv", ".xlsx")


def read(context: Context) -> Iterator[Found]:
    """Give the texts of all files."""
    for path in documents(context):
        yield from _document(context, path)
    for path in tables(context):
        with context.files.opener(path).open() as stream:
            for number, row in rows(stream, path):
                place = f"{path}, line {number}"
                if isinstance(row, Invalid):
                    yield Fault(place, Problem(row.place, row.message, row.values))
                else:
                    told = {"text" if key == "data" else key: cell for key, cell in row.items()}
                    yield _one(context, place, told)


def fast_text(context: Context) -> Iterator[Found]:
    """Give the texts of fastText files: `__label__a __label__b text`."""
    for path in context.files.ending(".txt", ".train", ".valid", ".test"):
        with context.files.opener(path).open() as stream:
            for number, line in lines(stream):
                place, labels, at = f"{path}, line {number}", [], 0
                if isinstance(line, Invalid):
                    yield Fault(place, Problem(line.place, line.message, line.values))
                    continue
                while found := _FAST.match(line, at):
                    labels.append(found[1])
                    at = found.end()
                yield _one(context, place, {"text": line[at:].strip(), "label": labels})


def _document(context: Context, path: str) -> Iterator[Found]:
    limits = context.limits
    with context.files.opener(path).open() as stream:
        if values.first_character(stream) == "[" or path.lower().endswith(".json"):
            stream.seek(0)
            found = values.values(stream, limits.task_bytes, limits.depth)
            for number, (value, problem) in enumerate(found, 1):
                place = f"{path}, item {number}"
                yield Fault(place, problem) if problem else _one(context, place, value)
            return
        parser = values.Parser(limits.depth)
        for number, line in values.lines(stream, limits.task_bytes):
            place = f"{path}, line {number}"
            yield _line(context, place, line, parser)


def _line(context: Context, place: str, line: str | Problem, parser: values.Parser) -> Found:
    if isinstance(line, Problem):
        return Fault(place, line)
    text = line.strip(" \t\r\n")
    try:
        value, end, problem = parser.value(text)
    except RecursionError:
        return Fault(place, Problem("", _("the JSON is nested too deeply")))
    except ValueError as error:
        reason = getattr(error, "msg", _("a number is too long"))
        return Fault(place, Problem("", _("this is not JSON: %(reason)s"), {"reason": reason}))
    if end < len(text):
        problem = Problem("", _("there is more than one value in the line"))
    return Fault(place, problem) if problem else _one(context, place, value)


def _one(context: Context, place: str, value: Any) -> Found:
    try:
        return _words(context, place, value)
    except Invalid as wrong:
        return Fault(place, Problem(wrong.place, wrong.message, wrong.values))


def _words(context: Context, place: str, value: Any) -> Words:
    if not isinstance(value, dict):
        raise Invalid(_("must be an object"))
    name = next((name for name in _TEXTS if isinstance(value.get(name), str)), None)
    if name is None or not value[name].strip():
        raise Invalid(_("the text is missing"), place="text")
    told = value.get("meta") or value.get("metadata")
    data = {key: each for key, each in value.items() if key not in _OURS}
    meta = told if isinstance(told, dict) else {}
    listed = [key for key in _LABELS if value.get(key) is not None]
    found = Words(value[name], place, data=data, meta=meta, said=bool(listed))
    for key in listed:
        given = value[key] if isinstance(value[key], list) else [value[key]]
        if len(given) > MOST_LABELS:
            raise Invalid(_("there are more than %(limit)s labels"), limit=MOST_LABELS)
        found.things += _things(context, place, key, [each for each in given if each != ""])
    found.things += _relations(place, value.get("relations"))
    return found


def _things(context: Context, place: str, key: str, given: list[Any]) -> Iterator[Thing | Fault]:
    plain = [each for each in given if isinstance(each, str)]
    for order, each in enumerate(given):
        if isinstance(each, str):
            continue
        here = f"{place}, {key}[{order}]"
        try:
            yield _span(each, here)
        except Invalid as wrong:
            yield Fault(here, Problem(wrong.place, wrong.message, wrong.values))
    if plain and context.writing and not context.choosing:
        for order, words in enumerate(plain):
            yield Thing("", (Answer(words=words),), f"{place}, {key}[{order}]")
    elif plain:
        yield Thing(plain[0], (Answer(tuple(dict.fromkeys(plain))),), f"{place}, {key}")


def _span(each: Any, place: str) -> Thing:
    if isinstance(each, list):
        if len(each) != 3:
            raise Invalid(_("must be [start, end, label]"))
        start, end, label = each
        key = ""
    elif isinstance(each, dict):
        start, end, label = (_first(each, names) for names in (_STARTS, _ENDS, _NAMES))
        label = label[0] if isinstance(label, list) and label else label
        key = str(each.get("id", ""))
    else:
        raise Invalid(_("must be [start, end, label]"))
    for name, offset in (("start", start), ("end", end)):
        if type(offset) is not int or offset < 0:
            raise Invalid(_("must be a whole number, at least 0"), place=name)
    if not isinstance(label, str) or not label:
        raise Invalid(_("it has no label"), place="label")
    return Thing(label, (Span(start, end),), place, key=key)


def _first(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _relations(place: str, given: Any) -> Iterator[Thing | Fault]:
    for order, each in enumerate(given if isinstance(given, list) else ()):
        here = f"{place}, relations[{order}]"
        ends = [each.get(name) for name in ("from_id", "to_id")] if isinstance(each, dict) else []
        if len(ends) != 2 or None in ends:
            yield Fault(here, Problem("", _("must name from_id and to_id")))
            continue
        label = each.get("type") or each.get("label") or ""
        yield Thing(str(label), (Link(str(ends[0]), str(ends[1])),), here)

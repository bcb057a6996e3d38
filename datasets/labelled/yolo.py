"""Read YOLO: a text file a picture, boxes or outlines in shares of its sides.

A line is `class x y width height`, with a score behind it where a model wrote it, or `class`
and the points of an outline. Names stand in data.yaml, classes.txt, obj.names or *.names;
the line of a name, blank ones counted, is its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml

from ..errors import Invalid, Problem, _
from ..media import named_kind
from .context import Context, own_lines, parsed
from .things import Box, Fault, Found, Picture, Polygon, Thing

_LISTS = ("classes.txt", "obj.names", "labels.txt", "predefined_classes.txt", "class.names")
_OTHERS = ("train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt", "notes.json")
MOST_NAMES = 100_000


def fits(context: Context) -> bool:
    """Tell whether a tree looks like YOLO: a list of names, and text files beside pictures."""
    return bool(_names_file(context)) and bool(_label_files(context))


def _names_file(context: Context) -> str | None:
    paths = sorted(context.files.paths, key=lambda path: (path.count("/"), path))
    for path in paths:
        last = path.rpartition("/")[2].lower()
        if last in ("data.yaml", "data.yml", "dataset.yaml") or last.endswith(".names"):
            return path
        if last in _LISTS:
            return path
    return next((p for p in paths if p.lower().endswith((".yaml", ".yml"))), None)


def _label_files(context: Context) -> list[str]:
    found = []
    for path in context.files.ending(".txt"):
        last = path.rpartition("/")[2].lower()
        if last in _LISTS or last in _OTHERS:
            continue
        found.append(path)
    return found


def read(context: Context) -> Iterator[Found]:
    """Give the pictures that have a label file."""
    where = _names_file(context)
    if where is None:
        raise Invalid(
            _("the names of the classes are missing: data.yaml, classes.txt or obj.names")
        )
    names = _names(context, where)
    pictures = {_stem(path): path for path in context.files.media()}
    for path in _label_files(context):
        stem = PurePosixPath(path).stem
        wanted = pictures.get(_stem(path)) or pictures.get(_stem(_beside(path)))
        picture = Picture(wanted or stem, path, shares=True)
        for number, line in enumerate(own_lines(context, path, picture.things), 1):
            place = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                picture.things.append(_thing(place, line, names))
            except Invalid as wrong:
                reason = Problem(wrong.place, wrong.message, wrong.values)
                picture.things.append(Fault(place, reason))
        yield picture


def _stem(path: str) -> str:
    return path.rpartition(".")[0] if named_kind(path) else path


def _beside(path: str) -> str:
    """Return the picture's path where labels stand in a folder `labels` beside `images`."""
    parts = path.split("/")
    for at in range(len(parts) - 2, -1, -1):
        if parts[at].lower() == "labels":
            parts[at] = "images"
            break
    return "/".join(parts)


def _names(context: Context, where: str) -> dict[int, str]:
    text = context.files.text(where)
    if where.lower().endswith((".yaml", ".yml")):
        return _from_yaml(text, where)
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
    if len(lines) > MOST_NAMES:
        raise Invalid(_("there are more than %(limit)s labels"), limit=MOST_NAMES)
    return dict(enumerate(lines))


def _from_yaml(text: str, where: str) -> dict[int, str]:
    # An alias could make a small file huge: no list of names needs one.
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise Invalid(_("aliases are not allowed in YAML"), place=where)
        told = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(_("the YAML cannot be read"), place=where) from error
    names = told.get("names") if isinstance(told, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        raise Invalid(_("the YAML has no names"), place=where)
    found = {}
    for key, name in names.items():
        if isinstance(key, str) and key.isdecimal() and len(key) < 8:
            key = int(key)
        if type(key) is int and isinstance(name, str | int | float):
            found[key] = str(name)
    return found


def _thing(place: str, line: str, names: dict[int, str]) -> Thing:
    """Read one line; raise Invalid with what is wrong in it."""
    words = line.split()
    if len(words) < 5:
        message = _("must be class x y width height, separated by spaces: %(count)s words")
        raise Invalid(message, count=len(words))
    kind = parsed(words[0], "class")
    if kind != int(kind) or kind < 0:
        raise Invalid(_("%(text)s is no class number"), place="class", text=words[0][:40])
    label = names.get(int(kind), "")
    if not label:
        raise Invalid(
            _("there is no class %(number)s: %(count)s are named"),
            place="class",
            number=int(kind),
            count=sum(map(bool, names.values())),
        )
    values = [parsed(word, "coordinates") for word in words[1:]]
    score = values[4] if len(values) == 5 else None
    if score is not None:
        del values[4]
    if any(not 0 <= value <= 1 for value in values):
        raise Invalid(_("must be shares of the picture, from 0 to 1"), place="coordinates")
    if len(values) == 4:
        x, y, width, height = values
        form: Box | Polygon = Box(x - width / 2, y - height / 2, width, height)
    elif len(values) % 2 == 0 and len(values) >= 6:
        form = Polygon((tuple(zip(values[::2], values[1::2], strict=True)),))
    else:
        message = _("must be x, y of at least 3 points, not %(count)s numbers")
        raise Invalid(message, place="coordinates", count=len(values))
    return Thing(label, (form,), place, score)

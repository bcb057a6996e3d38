"""Read COCO: instances with boxes, outlines and masks, key points, captions.

Images and annotations may stand in any order and in several files; they are joined in a
temporary database, so that memory stays constant.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..errors import Invalid, Problem, _
from ..sources import values
from .context import Context, number, numbers
from .runs import unpacked
from .things import Answer, Box, Fault, Form, Found, Marks, Mask, Picture, Polygon, Thing

MOST_CATEGORIES = 100_000
_TABLES = """
CREATE TABLE image (
    number INTEGER PRIMARY KEY, file INTEGER, id TEXT, path TEXT, place TEXT,
    width INTEGER, height INTEGER, UNIQUE (file, id)
);
CREATE INDEX image_path ON image (path);
CREATE TABLE said (
    number INTEGER PRIMARY KEY, file INTEGER, id TEXT, image TEXT, place TEXT, body TEXT,
    UNIQUE (file, id)
);
"""


class _Category:
    def __init__(self, name: str, points: list[str]) -> None:
        self.name, self.points = name, points


class _Join:
    """Hold what the files say until pictures and annotations can be brought together."""

    def __init__(self, scratch: sqlite3.Connection, context: Context) -> None:
        self._base, self._context = scratch, context
        self._categories: list[dict[str, _Category]] = []
        scratch.executescript(_TABLES)

    def load(self, path: str) -> Iterator[Fault]:
        """Take one file in; give what is wrong with it."""
        file = len(self._categories)
        self._categories.append({})
        limits = self._context.limits
        takes = {
            "images": self._image,
            "annotations": self._annotation,
            "categories": self._category,
        }
        with self._context.files.opener(path).open() as stream:
            found = values.members(stream, limits.task_bytes, limits.depth)
            for name, order, value, problem in found:
                place = f"{path}, {name} {order + 1}" if order >= 0 else path
                if problem is not None:
                    yield Fault(place, problem)
                elif order >= 0 and name in takes:
                    try:
                        takes[name](file, path, place, value)
                    except Invalid as wrong:
                        yield Fault(place, Problem(wrong.place, wrong.message, wrong.values))

    def _image(self, file: int, path: str, place: str, value: Any) -> None:
        key = _key(value, "id")
        name = value.get("file_name")
        if not isinstance(name, str) or not name:
            raise Invalid(_("must name a file"), place="file_name")
        wide, high = (_side(value.get(side)) for side in ("width", "height"))
        row = (file, key, name, f"{path}, image {key}", wide, high)
        query = "INSERT OR IGNORE INTO image (file,id,path,place,width,height) VALUES(?,?,?,?,?,?)"
        if not self._base.execute(query, row).rowcount:
            raise Invalid(_("the id %(id)s is used twice"), place="id", id=key)

    def _annotation(self, file: int, path: str, place: str, value: Any) -> None:
        image = _key(value, "image_id")
        key = _key(value, "id") if value.get("id") is not None else place
        told = f"{path}, annotation {key}" if value.get("id") is not None else place
        row = (file, key, image, told, json.dumps(value, ensure_ascii=False))
        query = "INSERT OR IGNORE INTO said (file, id, image, place, body) VALUES (?, ?, ?, ?, ?)"
        if not self._base.execute(query, row).rowcount:
            raise Invalid(_("the id %(id)s is used twice"), place="id", id=key)

    def _category(self, file: int, path: str, place: str, value: Any) -> None:
        key, name = _key(value, "id"), value.get("name")
        if not isinstance(name, str) or not name.strip():
            raise Invalid(_("must be a name"), place="name")
        known = self._categories[file]
        if key in known:
            raise Invalid(_("the id %(id)s is used twice"), place="id", id=key)
        if len(known) >= MOST_CATEGORIES:
            raise Invalid(_("there are more than %(limit)s labels"), limit=MOST_CATEGORIES)
        points = value.get("keypoints")
        named = points if isinstance(points, list) else []
        known[key] = _Category(name.strip(), [p if isinstance(p, str) else "" for p in named])

    def pictures(self) -> Iterator[Found]:
        """Give the pictures with what lies on them, then annotations of no picture."""
        self._base.execute("CREATE INDEX said_image ON said (file, image)")
        query = "SELECT path, min(number) AS first FROM image GROUP BY path ORDER BY first"
        for name, _first in self._base.execute(query):
            yield self._picture(name)
        lost = (
            "SELECT said.place, said.image FROM said LEFT JOIN image"
            " ON image.file = said.file AND image.id = said.image"
            " WHERE image.id IS NULL ORDER BY said.number"
        )
        for place, image in self._base.execute(lost):
            message = _("there is no image %(id)s")
            yield Fault(place, Problem("image_id", message, {"id": image}))

    def _picture(self, name: str) -> Picture:
        rows = list(
            self._base.execute(
                "SELECT file, id, place, width, height FROM image WHERE path = ?"
                " ORDER BY number LIMIT 100",
                (name,),
            )
        )
        _file, _id, place, wide, high = rows[0]
        picture = Picture(name, place, size=(wide, high))
        seen: set[tuple[str, str]] = set()
        for file, key, *_rest in rows:
            query = "SELECT id, place, body FROM said WHERE file = ? AND image = ? ORDER BY number"
            for said, told, body in self._base.execute(query, (file, key)):
                value = json.loads(body)
                same = said, repr(value.get("bbox"))
                try:
                    things = list(self._things(file, told, value, same in seen))
                except Invalid as wrong:
                    reason = Problem(wrong.place, wrong.message, wrong.values)
                    picture.things.append(Fault(told, reason))
                else:
                    picture.things += things
                seen.add(same)
        return picture

    def _things(self, file: int, place: str, value: dict[str, Any], again: bool) -> Iterator[Thing]:
        """Give what one annotation says; of one told by another file already, only more."""
        if "caption" in value and "bbox" not in value:
            caption = value["caption"]
            if not isinstance(caption, str) or not caption.strip():
                raise Invalid(_("must be words"), place="caption")
            yield Thing("", (Answer(words=caption),), place)
            return
        category = self._categories[file].get(_key(value, "category_id"))
        if category is None:
            raise Invalid(
                _("there is no category %(id)s"), place="category_id", id=_key(value, "category_id")
            )
        score = number(value, "score")
        forms = () if again else tuple(_forms(value, self._context.most_pixels))
        if forms:
            yield Thing(category.name, forms, place, score)
        points = _points(value, category.points)
        if points:
            yield Thing(category.name, (Marks(points),), place, score, beside=bool(forms) or again)
        elif not forms and not again:
            raise Invalid(_("it has neither a box nor an outline"))


def read(context: Context) -> Iterator[Found]:
    """Give the pictures of all COCO files of a tree."""
    with closing(sqlite3.connect("")) as scratch:
        scratch.execute("PRAGMA synchronous = OFF")
        join = _Join(scratch, context)
        for path in context.documents("coco", ".json"):
            yield from join.load(path)
        yield from join.pictures()


def _key(value: Any, name: str) -> str:
    if not isinstance(value, dict):
        raise Invalid(_("must be an object"))
    key = value.get(name)
    if isinstance(key, bool) or not isinstance(key, int | str) or key == "":
        raise Invalid(_("must be a number or a name"), place=name)
    return str(key)


def _side(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _forms(value: dict[str, Any], most_pixels: int) -> Iterator[Form]:
    outline = value.get("segmentation")
    box = _box(value)
    if isinstance(outline, dict):
        yield Mask(unpacked(outline, most_pixels))
    elif outline:
        rings = _rings(outline)
        turn = number(value, "rotation")
        if turn and len(rings) == 1 and len(rings[0]) == 4:
            (x, y), (u, v), (s, t) = rings[0][:3]
            width, height = (
                ((u - x) ** 2 + (v - y) ** 2) ** 0.5,
                ((s - u) ** 2 + (t - v) ** 2) ** 0.5,
            )
            yield Box(x, y, width, height, turn)
        yield Polygon(rings)
    if box is not None:
        yield box


def _box(value: dict[str, Any]) -> Box | None:
    if value.get("bbox") is None or value["bbox"] == []:
        return None
    left, top, width, height = numbers(value["bbox"], "bbox", 4)
    if width <= 0 or height <= 0:
        message = _("the box has no area: %(width)s × %(height)s")
        raise Invalid(message, place="bbox", width=width, height=height)
    return Box(left, top, width, height)


def _rings(outline: Any) -> tuple[tuple[tuple[float, float], ...], ...]:
    if not isinstance(outline, list):
        raise Invalid(_("must be a list of outlines"), place="segmentation")
    rings = []
    for order, flat in enumerate(outline):
        place = f"segmentation[{order}]"
        found = numbers(flat, place)
        if len(found) < 6 or len(found) % 2:
            message = _("must be x, y of at least 3 points, not %(count)s numbers")
            raise Invalid(message, place=place, count=len(found))
        rings.append(tuple(zip(found[::2], found[1::2], strict=True)))
    return tuple(rings)


def _points(value: dict[str, Any], names: list[str]) -> tuple[tuple[str, float, float], ...]:
    if not value.get("keypoints"):
        return ()
    found = numbers(value["keypoints"], "keypoints")
    if len(found) % 3:
        message = _("must be x, y and visibility of each point, not %(count)s numbers")
        raise Invalid(message, place="keypoints", count=len(found))
    return tuple(
        (names[order] if order < len(names) else "", found[at], found[at + 1])
        for order, at in enumerate(range(0, len(found), 3))
        if found[at + 2] > 0
    )

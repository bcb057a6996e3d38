"""Make items and rejects of what a reader found: look pictures up, measure them, fit labels.

A picture gets those of its things that the config has a place for; each of the others is a
reject with its place and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any

from .. import media, sources
from ..errors import Invalid, Problem, _
from ..media import MediaLimits
from ..sources import Item, Reject
from ..sources.items import Opener, shown
from . import (
    attributes,
    coco,
    conll,
    cvat,
    datumaro,
    doccano,
    labelme,
    labelu,
    mot,
    rows_of_boxes,
    series,
    voc,
    yolo,
)
from .context import Context
from .fitting import Fitting, Regions, Unfit
from .recognising import FORMATS, TEXTS
from .things import Box, Fault, Found, Link, Picture, Polygon, Thing, Words

_READERS: dict[str, Callable[[Context], Iterator[Found]]] = {
    "coco": coco.read,
    "yolo": yolo.read,
    "voc": voc.read,
    "cvat": cvat.read,
    "labelme": labelme.read,
    "datumaro": datumaro.read,
    "mot": mot.read,
    "dota": rows_of_boxes.dota,
    "deeppcb": rows_of_boxes.deeppcb,
    "labelu": labelu.read,
    "conll": conll.read,
    "doccano": doccano.read,
    "fasttext": doccano.fast_text,
}
# Folders whose pictures are labels themselves.
_MASKS = frozenset({"segmentationclass", "segmentationobject", "masks", "scribbles"})


class Making:
    """Turn what a reader finds into items and rejects."""

    def __init__(
        self,
        context: Context,
        fitting: Fitting,
        keys: tuple[str, ...],
        pixels: MediaLimits,
        format: str,
        kept_as: str,
    ) -> None:
        self.context, self.fitting, self.keys = context, fitting, keys
        self.pixels, self.format, self.kept_as = pixels, format, kept_as
        self._used: set[str] = set()
        self.notes: list[Problem] = []
        wanted = ("Text",) if format in TEXTS else ("Video",) if context.film else ("Image",)
        wanted = ("TimeSeries",) if format == "series" else wanted
        key = fitting.object(wanted)
        if key is None:
            raise Invalid(
                _("the project shows no %(tag)s, which %(format)s labels"),
                tag=wanted[0],
                format=FORMATS[format],
            )
        self.key = key

    def drafts(self) -> Iterator[Callable[[int], Item | Reject]]:
        """Give drafts of items and rejects, in the same order in every run."""
        files = self.context.files
        if files.junk:
            self.context.skipped["system files"] += files.junk
        for place, problem in files.refused:
            yield _rejected(Fault(place, problem))
        if self.format == "series":
            yield from self._series()
            return
        is_labelled = False
        for found in _READERS[self.format](self.context):
            is_labelled = True
            if isinstance(found, Fault):
                yield _rejected(found)
            elif isinstance(found, Words):
                yield from self._words(found)
            else:
                yield from self._picture(found)
        if not is_labelled:
            message = _("no labels of the format %(format)s were found")
            self.notes.append(Problem("", message, {"format": FORMATS[self.format]}))
        if self.format not in TEXTS:
            yield from self._unsaid()

    def _series(self) -> Iterator[Callable[[int], Item | Reject]]:
        table = next(i for i in self.fitting.config.objects if i.tag == "TimeSeries" and i.key)
        for found in series.read(self.context, table, self.notes):
            if isinstance(found, Fault):
                yield _rejected(found)
                continue
            folder, _slash, last = found.path.rpartition("/")
            medium = isinstance(found.value, sources.BytesMedia)
            data = {self.key: found.path if medium else found.value}
            openers: dict[str, Any] = {self.key: found.value} if medium else {}
            item = Item(0, shown(found.path), last, data, openers, folder)
            yield partial(_numbered, item)

    def _words(self, found: Words) -> Iterator[Callable[[int], Item | Reject]]:
        data = {**found.data, self.key: found.text}
        faults, result = self._result(found, None, data)
        yield from map(_rejected, faults)
        wanted = {key: data[key] for key in data if key == self.key or key in self.keys}
        meta = dict(found.meta)
        said = found.said and (bool(result) or not faults)
        yield lambda number: Item(
            number,
            shown(found.place),
            shown(found.place),
            wanted,
            {},
            "",
            meta=meta,
            **self._kept(result, said),
        )

    def _picture(self, found: Picture) -> Iterator[Callable[[int], Item | Reject]]:
        near = found.place.partition(", ")[0].rpartition("/")[0]
        path = self.context.files.find(found.path, near)
        if isinstance(path, Problem):
            yield _rejected(Fault(found.place, path))
            return
        if path in self._used:
            message = _("the picture %(name)s was named before")
            yield _rejected(Fault(found.place, Problem("", message, {"name": shown(path)})))
            return
        try:
            size = self._size(path, found)
        except Invalid as wrong:
            yield _rejected(Fault(shown(path), Problem("", wrong.message, wrong.values)))
            return
        self._used.add(path)
        faults, result = self._result(found, size, None)
        yield from map(_rejected, faults)
        said = found.said and (bool(result) or not faults)
        yield self._item(path, found.place, result, said)

    def _size(self, path: str, found: Picture) -> tuple[int, int] | None:
        """Measure a picture; labels for another size would lie in the wrong places."""
        if found.film:
            return found.size if found.size and all(found.size) else None
        with self.context.files.opener(path).open() as stream:
            size = media.size(stream, path, limits=self.pixels)
        if found.size and all(found.size) and found.size != size:
            raise Invalid(
                _("the picture has %(wide)s × %(high)s pixels, the labels are for %(w)s × %(h)s"),
                wide=size[0],
                high=size[1],
                w=found.size[0],
                h=found.size[1],
            )
        return size

    def _result(
        self, found: Picture | Words, size: tuple[int, int] | None, data: dict[str, Any] | None
    ) -> tuple[list[Fault], Regions]:
        faults: list[Fault] = []
        result: Regions = []
        ids: dict[str, str] = {}
        seen: set[str] = set()
        shares = isinstance(found, Picture) and found.shares
        for number, thing in enumerate(found.things, 1):
            if isinstance(thing, Fault):
                faults.append(thing)
                continue
            try:
                made = self._regions(thing, number, size, data, ids, shares, seen)
            except Unfit as reason:
                if thing.beside and reason.hopeless:
                    self.context.skipped["points without a control"] += 1
                else:
                    faults.append(Fault(thing.place, reason.problem))
                continue
            if thing.key and made and "id" in made[0]:
                ids[thing.key] = made[0]["id"]
            result += made
        return faults, result

    def _regions(
        self,
        thing: Thing,
        number: int,
        size: tuple[int, int] | None,
        data: dict[str, Any] | None,
        ids: dict[str, str],
        shares: bool,
        seen: set[str],
    ) -> Regions:
        if shares and size is not None:
            thing = replace(thing, forms=tuple(_scaled(form, *size) for form in thing.forms))
        if any(isinstance(form, Link) for form in thing.forms):
            thing = replace(
                thing,
                forms=tuple(
                    Link(ids.get(form.start, ""), ids.get(form.end, ""))
                    for form in thing.forms
                    if isinstance(form, Link)
                ),
            )
        made = self.fitting.regions(thing, number, size, set(ids.values()), data)
        same = repr([(each.get("from_name"), each.get("value")) for each in made])
        if made and "value" in made[0] and same in seen:
            raise Unfit(_("the same stands there already"))
        seen.add(same)
        answered, lost = attributes.answers(self.fitting.config, made, thing.attributes)
        self.context.skipped.update({"attributes": len(lost)} if lost else {})
        return made + answered

    def _kept(self, result: Regions, said: bool) -> dict[str, Any]:
        if not said:
            return {}
        if self.kept_as == "annotations":
            return {"annotations": [{"result": result}]}
        scores = [region["score"] for region in result if "score" in region]
        score = sum(scores) / len(scores) if scores else None
        name = f"import: {FORMATS[self.format]}"
        return {"predictions": [{"result": result, "model_version": name, "score": score}]}

    def _item(
        self, path: str, place: str, result: Regions, said: bool
    ) -> Callable[[int], Item | Reject]:
        openers: dict[str, Opener] = {self.key: self.context.files.opener(path)}
        data = {self.key: path}
        for key in self.keys:
            if key != self.key and (partner := self._partner(path)) is not None:
                openers[key] = self.context.files.opener(partner)
                data[key] = partner
                self._used.add(partner)
        folder, _slash, last = path.rpartition("/")
        return lambda number: Item(
            number, shown(place), last, data, openers, folder, **self._kept(result, said)
        )

    def _partner(self, path: str) -> str | None:
        """Return the reference that belongs to a picture by its name: `N_test`, `N_temp`."""
        last = PurePosixPath(path)
        stem, order = sources.names.role(last.name) or (last.stem, 0)
        return self._references.get((path.rpartition("/")[0], stem)) if order == 0 else None

    @cached_property
    def _references(self) -> dict[tuple[str, str], str]:
        found = {}
        for path in self.context.files.media():
            role = sources.names.role(PurePosixPath(path).name)
            if role is not None and role[1] == 1:
                found[path.rpartition("/")[0], role[0]] = path
        return found

    def _unsaid(self) -> Iterator[Callable[[int], Item | Reject]]:
        """Give the pictures that no label file names: tasks without an answer."""
        kind = "video" if self.context.film else "image"
        for path in self.context.files.media(kind):
            if path in self._used:
                continue
            if _MASKS & {part.lower() for part in path.split("/")[:-1]}:
                self.context.skipped["masks"] += 1
                continue
            found = sources.names.role(PurePosixPath(path).name)
            if len(self.keys) > 1 and found is not None and found[1] == 1:
                continue
            yield self._item(path, path, [], False)


def _numbered(item: Item, number: int) -> Item:
    return replace(item, number=number)


def _rejected(fault: Fault) -> Callable[[int], Reject]:
    return lambda number: Reject(number, shown(fault.place), fault.reason)


def _scaled(form: Any, wide: int, high: int) -> Any:
    if isinstance(form, Box):
        return Box(form.x * wide, form.y * high, form.width * wide, form.height * high)
    if isinstance(form, Polygon):
        return Polygon(tuple(tuple((x * wide, y * high) for x, y in ring) for ring in form.rings))
    return form

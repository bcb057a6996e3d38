"""Write changes of labels into the text of a labelling config."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from .steps import Step

_LABELS = ("label", "choice")
_CONDITIONS = ("whenlabelvalue", "whenchoicevalue")


def widened(config: str, steps: Sequence[Step]) -> str:
    """Return the config with the new labels beside the old ones: while work is moved over.

    The config is one that `labels.parse` has taken, so that no entities are in it.
    """
    return _written(config, steps, drops=False)


def changed(config: str, steps: Sequence[Step]) -> str:
    """Return the config with the new labels in place of the old ones."""
    return _written(config, steps, drops=True)


def _written(config: str, steps: Sequence[Step], *, drops: bool) -> str:
    # Comments are somebody's notes: they stay.
    builder = ElementTree.TreeBuilder(insert_comments=True)
    root = ElementTree.fromstring(config, parser=ElementTree.XMLParser(target=builder))
    parents = {child: parent for parent in root.iter() for child in parent}
    for step in steps:
        control = next(node for node in root.iter() if _read(node, "name") == step.control)
        _put(control, parents, step)
        if drops:
            for node in list(_labels(control)):
                if _stored(node) in step.moves:
                    parents[node].remove(node)
        for node in root.iter():
            _put_condition(node, step, drops)
    return ElementTree.tostring(root, encoding="unicode")


def _put(control: Element, parents: dict[Element, Element], step: Step) -> None:
    """Put the labels that are not there yet where the first of the old ones stands."""
    there = {_stored(node): node for node in _labels(control)}
    old = [there[label] for label in step.labels]
    home = parents[old[0]] if old else control
    place = list(home).index(old[0]) if old else len(home)
    tag = "Choice" if control.tag.lower() == "choices" else "Label"
    for label in step.into:
        if label in there:
            continue
        node = copy.deepcopy(old[0]) if len(old) == 1 == len(step.into) else Element(tag)
        # What is shown stays where only the stored name is another.
        _write(node, "alias" if _read(node, "alias") else "value", label)
        node.tail = old[0].tail if old else None
        home.insert(place, node)
        parents[node] = home
        place += 1


def _put_condition(node: Element, step: Step, drops: bool) -> None:
    """Let what was asked of the old labels be asked of the new ones."""
    if not isinstance(node.tag, str) or _read(node, "whentagname") not in (None, step.control):
        return
    for name in _CONDITIONS:
        told = _read(node, name)
        if not told or not step.labels:
            continue
        parts = [told] if told in step.labels else told.split(",")
        kept: list[str] = []
        for part in parts:
            touched = part in step.labels
            kept += [] if touched and drops else [part]
            kept += list(step.into) if touched else []
        _write(node, name, ",".join(dict.fromkeys(kept)))


def _labels(control: Element) -> Iterator[Element]:
    for node in control.iter():
        if isinstance(node.tag, str) and node.tag.lower() in _LABELS:
            yield node


def _stored(node: Element) -> str:
    return _read(node, "alias") or _read(node, "value") or ""


def _read(node: Element, name: str) -> str | None:
    return next((value for key, value in node.attrib.items() if key.lower() == name), None)


def _write(node: Element, name: str, value: str) -> None:
    key = next((key for key in node.attrib if key.lower() == name), name)
    node.set(key, value)

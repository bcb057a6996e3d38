"""Turn a labelling configuration in XML into a LabelConfig, or say everything wrong with it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..errors import Invalid, Problem, _
from .config import Control, DataObject, LabelConfig
from .safety import dangers
from .tags import CONTROL_TAGS, LABELLED_TAGS, OBJECT_TAGS, REGION_TAGS, WORD_TAGS
from .xml import Node, read

MAX_LABELS = 5000
MAX_NAME = 200
# `$key`, `$a.b`, `$a[0]`, and `$images[{{idx}}]` inside a Repeater.
_KEY = re.compile(r"\$[^\s,$<>\"']{1,200}")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def parse(xml: str) -> LabelConfig:
    """Read and check a labelling configuration; nothing in it is fetched, expanded or run.

    Raises TooLarge past 256 KiB and Invalid with one Problem for each thing that is wrong.
    """
    root = read(xml)
    nodes = list(root.walk())
    problems = [problem for node in nodes for problem in dangers(node)]
    named = {name: node for node in nodes if (name := node.get("name"))}
    problems += _name_problems(nodes)
    objects = [node for node in nodes if node.tag in OBJECT_TAGS]
    controls = [node for node in nodes if node.tag in CONTROL_TAGS]
    problems += [p for node in objects for p in _object_problems(node)]
    problems += [p for node in controls for p in _target_problems(node, named)]
    labels = _collect_labels(nodes, problems)
    problems += [p for node in controls for p in _label_problems(node, labels.get(id(node), []))]
    problems += _missing(controls, objects)
    if not problems:
        problems += _sdk_problems(xml)
    if problems:
        message = _("the labelling configuration cannot be used: %(first)s")
        raise Invalid(message, problems=problems, first=str(problems[0]))
    return LabelConfig(
        # A control that points nowhere is only drawn; the editor stores nothing for it.
        tuple(_control(node, labels.get(id(node), [])) for node in controls if node.get("toname")),
        tuple(_object(node) for node in objects),
        tuple(value for node in nodes if node.tag == "Relation" and (value := _stored_value(node))),
    )


def _stored_value(node: Node) -> str:
    return node.get("alias") or node.get("value") or ""


def _control(node: Node, labels: list[Node]) -> Control:
    values = {_stored_value(label): tuple(label.attributes.items()) for label in labels}
    return Control(
        name=node.get("name") or "",
        tag=node.tag,
        to_names=tuple(_to_names(node)),
        labels=tuple(values),
        labels_attributes=tuple(values.values()),
        attributes=tuple(node.attributes.items()),
        dynamic=_dynamic(node, labels),
    )


def _object(node: Node) -> DataObject:
    value = node.get("valuelist") or node.get("value") or ""
    key = value[1:] if _KEY.fullmatch(value) else ""
    return DataObject(node.get("name") or "", node.tag, key, node.get("valuetype"))


def _dynamic(node: Node, labels: list[Node]) -> bool:
    if node.get("apiurl") or (node.get("value") or "").startswith("$"):
        return True
    return any(_stored_value(label).startswith("$") for label in labels)


def _to_names(node: Node) -> list[str]:
    return [name.strip() for name in (node.get("toname") or "").split(",")]


def _name_problems(nodes: list[Node]) -> Iterator[Problem]:
    seen: set[str] = set()
    for node in nodes:
        name = node.get("name")
        if name is None:
            if node.tag in CONTROL_TAGS | OBJECT_TAGS:
                yield Problem(node.place, _("the name is missing"))
        elif not name.strip() or len(name) > MAX_NAME:
            message = _("a name has 1 to %(limit)s characters")
            yield Problem(node.place, message, {"limit": MAX_NAME})
        elif name in seen:
            yield Problem(node.place, _("the name %(name)s is used twice"), {"name": name})
        else:
            seen.add(name)


def _object_problems(node: Node) -> Iterator[Problem]:
    value = node.get("valuelist") or node.get("value")
    if not value:
        yield Problem(node.place, _('the value is missing; write value="$key"'))
    elif not _KEY.fullmatch(value) and node.tag not in WORD_TAGS:
        message = _('the value %(value)s does not name a key of the data; write value="$key"')
        yield Problem(node.place, message, {"value": value[:100]})


def _target_problems(node: Node, named: dict[str, Node]) -> Iterator[Problem]:
    if node.get("toname") is None:
        if node.tag in REGION_TAGS:
            yield Problem(node.place, _("toName is missing"))
        return
    names = _to_names(node)
    if node.tag == "Pairwise" and len(names) != 2:
        yield Problem(node.place, _("Pairwise compares exactly two objects"))
    for name in names:
        target = named.get(name)
        values = {"name": name, "tag": node.tag}
        if target is None:
            yield Problem(node.place, _("toName %(name)s is not the name of any tag"), values)
        elif target.tag not in OBJECT_TAGS:
            yield Problem(node.place, _("toName %(name)s is not a tag that shows data"), values)
        elif node.tag in REGION_TAGS and target.tag not in REGION_TAGS[node.tag]:
            message = _("%(tag)s cannot mark %(name)s, which is a %(target)s")
            yield Problem(node.place, message, {**values, "target": target.tag})
        elif target.tag in WORD_TAGS and not (target.get("value") or "").startswith("$"):
            message = _("%(name)s shows fixed words, not data, so nothing about it can be labelled")
            yield Problem(node.place, message, values)


def _collect_labels(nodes: list[Node], problems: list[Problem]) -> dict[int, list[Node]]:
    """Group label tags by the control around them; one outside of any control is a problem."""
    found: dict[int, list[Node]] = {}
    for node in nodes:
        if node.tag not in ("Label", "Choice", "Relation"):
            continue
        owner = node.parent
        while owner is not None and owner.tag not in CONTROL_TAGS | {"Relations"}:
            owner = owner.parent
        if owner is None or not _holds(owner.tag, node.tag):
            message = _("%(tag)s is not inside a control that can use it")
            problems.append(Problem(node.place, message, {"tag": node.tag}))
        else:
            found.setdefault(id(owner), []).append(node)
    return found


def _holds(owner: str, part: str) -> bool:
    if part == "Choice":
        return owner in ("Choices", "Taxonomy")
    return owner == "Relations" if part == "Relation" else owner.endswith("Labels")


def _label_problems(node: Node, labels: list[Node]) -> Iterator[Problem]:
    if node.tag in LABELLED_TAGS and not labels and not _dynamic(node, labels):
        yield Problem(node.place, _("the control has no labels"))
    if len(labels) > MAX_LABELS:
        message = _("the control has %(count)s labels; at most %(limit)s are allowed")
        yield Problem(node.place, message, {"count": len(labels), "limit": MAX_LABELS})
    seen: set[tuple[int, str]] = set()
    for label in labels:
        value = _stored_value(label)
        # The same choice may stand in two branches of a tree.
        branch = id(label.parent) if node.tag in ("Taxonomy", "Choices") else 0
        if not value.strip():
            yield Problem(label.place, _("the label is empty"))
        elif (branch, value) in seen:
            yield Problem(label.place, _("the label %(label)s is there twice"), {"label": value})
        seen.add((branch, value))


def _missing(controls: list[Node], objects: list[Node]) -> Iterator[Problem]:
    if not objects:
        yield Problem("", _("no tag shows data, such as <Image> or <Text>"))
    if not controls:
        yield Problem("", _("no tag makes labels, such as <RectangleLabels> or <Choices>"))
    elif not any(node.get("toname") for node in controls):
        yield Problem("", _("no tag that makes labels has a toName"))


@cache
def _sdk() -> Any:
    # Loading it costs 0.5 to 0.7 s and 57 MB, so only a process that reads XML pays.
    return importlib.import_module("label_studio_sdk.label_interface")


def _sdk_problems(xml: str) -> Iterator[Problem]:
    """Ask Label Studio's own reader, whose name checks would also read the comments."""
    plain = _COMMENT.sub("", _DECLARATION.sub("", xml))
    try:
        _sdk().LabelInterface(plain).validate()
    # Its own errors are plain Exceptions, and its libraries' come through too.
    except Exception as error:
        message = _("Label Studio cannot read it: %(reason)s")
        yield Problem("", message, {"reason": str(error)[:500] or type(error).__name__})

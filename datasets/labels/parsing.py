"""Turn a labelling configuration in XML into a LabelConfig, or say everything wrong with it.

What Label Studio's `LabelInterface.validate` refuses is refused here too, without loading it,
and so is what it misses: unknown tags, wrong objects, programs, dangling names in any quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Invalid, Problem, _
from .config import KEY_WITHIN, Control, DataObject, LabelConfig
from .safety import dangers
from .tags import (
    CONTROL_TAGS,
    LABELLED_TAGS,
    OBJECT_TAGS,
    OWN_CONTROLS,
    POINTING_TAGS,
    REGION_TAGS,
    WORD_TAGS,
)
from .xml import Node, read

MAX_LABELS = 5000
MAX_NAME = 200
# `$key`, `$a.b`, `$a[0]`, and `$images[{{idx}}]` inside a Repeater.
_KEY = re.compile(r"\$[^\s,$<>\"']{1,200}")
_SLOWEST, _FASTEST = 0.05, 10.0  # of a video's playback


def parse(xml: str) -> LabelConfig:
    """Read and check a labelling configuration; nothing in it is fetched, expanded or run.

    An empty View is the config of a draft project. Raises TooLarge past 256 KiB and Invalid
    with one Problem for each thing that is wrong.
    """
    root = read(xml)
    nodes = list(root.walk())
    problems = [problem for node in nodes for problem in dangers(node)]
    objects = [node for node in nodes if node.tag in OBJECT_TAGS]
    controls = [node for node in nodes if node.tag in CONTROL_TAGS]
    labels = _collect_labels(nodes, problems)
    if not _is_draft(nodes):
        problems = [*problems, *_all_problems(nodes, objects, controls, labels)]
    if problems:
        message = _("the labelling configuration cannot be used: %(first)s")
        raise Invalid(message, problems=problems, first=str(problems[0]))
    # A control that points nowhere is only drawn; the editor stores nothing for it.
    making = [n for n in controls if n.get("toname")] + [n for n in objects if _owns(n)]
    return LabelConfig(
        tuple(_control(node, labels.get(id(node), [])) for node in making),
        tuple(_object(node) for node in objects),
        tuple(value for node in nodes if node.tag == "Relation" and (value := _stored_value(node))),
        tuple(dict.fromkeys(flag for node in nodes if (flag := node.get("indexflag")))),
    )


def _is_draft(nodes: list[Node]) -> bool:
    return len(nodes) == 1 and nodes[0].tag == "View" and not nodes[0].text.strip()


def _all_problems(
    nodes: list[Node], objects: list[Node], controls: list[Node], labels: dict[int, list[Node]]
) -> Iterator[Problem]:
    named = {name: node for node in nodes if (name := node.get("name"))}
    yield from _name_problems(nodes)
    for node in objects:
        yield from _object_problems(node)
    for node in nodes:
        pointing = _target_problems if node.tag in CONTROL_TAGS else _pointer_problems
        yield from pointing(node, named)
    for node in controls:
        yield from _label_problems(node, labels.get(id(node), []))
    yield from _missing(controls, objects)


def _owns(node: Node) -> bool:
    return node.tag in OWN_CONTROLS


def _stored_value(node: Node) -> str:
    return node.get("alias") or node.get("value") or ""


def _control(node: Node, labels: list[Node]) -> Control:
    values = {_stored_value(label): tuple(label.attributes.items()) for label in labels}
    return Control(
        name=node.get("name") or "",
        tag=node.tag,
        to_names=tuple(_to_names(node)) if node.get("toname") else (node.get("name") or "",),
        labels=tuple(values),
        labels_attributes=tuple(values.values()),
        attributes=tuple(node.attributes.items()),
        dynamic=_dynamic(node, labels),
        paths=tuple(_path(label) for label in labels) if _is_tree(node, labels) else (),
    )


def _is_tree(node: Node, labels: list[Node]) -> bool:
    return node.tag == "Taxonomy" or any(
        label.parent is not None and label.parent.tag == "Choice" for label in labels
    )


def _path(label: Node) -> tuple[str, ...]:
    path: list[str] = []
    node: Node | None = label
    while node is not None and node.tag not in CONTROL_TAGS:
        if node.tag == "Choice":
            path.append(_stored_value(node))
        node = node.parent
    return tuple(reversed(path))


def _object(node: Node) -> DataObject:
    value = node.get("valuelist") or node.get("value") or ""
    return DataObject(
        name=node.get("name") or "",
        tag=node.tag,
        value=value[1:] if _KEY.fullmatch(value) else "",
        value_type=node.get("valuetype"),
        attributes=tuple(node.attributes.items()),
        columns=tuple(
            column for n in node.walk() if n.tag == "Channel" and (column := n.get("column"))
        ),
    )


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
    listed, value = node.get("valuelist"), node.get("value")
    if listed and value:
        yield Problem(node.place, _("value and valueList cannot both be there"))
    elif not (listed or value):
        if not _owns(node):
            yield Problem(node.place, _('the value is missing; write value="$key"'))
    elif node.tag not in WORD_TAGS and not _names_a_key(listed or value or ""):
        message = _('the value %(value)s does not name a key of the data; write value="$key"')
        yield Problem(node.place, message, {"value": (listed or value or "")[:100]})
    if node.tag == "Video":
        yield from _speed_problems(node)


def _names_a_key(value: str) -> bool:
    return bool(_KEY.fullmatch(value) or KEY_WITHIN.search(value))


def _speed_problems(node: Node) -> Iterator[Problem]:
    speeds: dict[str, float] = {}
    for name in ("defaultPlaybackSpeed", "minPlaybackSpeed"):
        written = (node.get(name.lower()) or "").strip()
        try:
            speeds[name] = float(written or 1)
        except ValueError:
            speeds[name] = 0
        if not _SLOWEST <= speeds[name] <= _FASTEST:
            message = _("%(name)s must be a number from %(low)s to %(high)s")
            yield Problem(node.place, message, {"name": name, "low": _SLOWEST, "high": _FASTEST})
    written_both = node.get("minplaybackspeed") and node.get("defaultplaybackspeed")
    if written_both and speeds["minPlaybackSpeed"] > speeds["defaultPlaybackSpeed"]:
        yield Problem(node.place, _("minPlaybackSpeed must not exceed defaultPlaybackSpeed"))


def _target_problems(node: Node, named: dict[str, Node]) -> Iterator[Problem]:
    written = node.get("toname")
    if not (written or "").strip():
        if written is not None or node.tag in POINTING_TAGS:
            yield Problem(node.place, _("toName is missing"))
        return
    names = _to_names(node)
    if node.tag == "Pairwise" and len(set(names)) != 2:
        yield Problem(node.place, _("Pairwise compares exactly two objects"))
    for name in names:
        target = named.get(name)
        values = {"name": name, "tag": node.tag}
        if target is None:
            yield _dangling(node, name, named)
        elif target.tag not in OBJECT_TAGS:
            yield Problem(node.place, _("toName %(name)s is not a tag that shows data"), values)
        elif node.tag in REGION_TAGS and target.tag not in REGION_TAGS[node.tag]:
            message = _("%(tag)s cannot mark %(name)s, which is a %(target)s")
            yield Problem(node.place, message, {**values, "target": target.tag})


def _pointer_problems(node: Node, named: dict[str, Node]) -> Iterator[Problem]:
    """Check the toName of what is neither control nor object, such as a Filter."""
    if node.get("toname") is not None:
        yield from (_dangling(node, name, named) for name in _to_names(node) if name not in named)


def _dangling(node: Node, name: str, named: dict[str, Node]) -> Problem:
    message = _('toName="%(name)s" not found in names: %(names)s')
    return Problem(node.place, message, {"name": name, "names": sorted(named)[:50]})


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
    seen: set[str] = set()
    for label in labels:
        value = _stored_value(label)
        if not value.strip():
            yield Problem(label.place, _("the label is empty"))
        elif node.tag in ("Labels", "Choices") and label.get("value") is None:
            yield Problem(label.place, _("the label has an alias but no value"))
        # The same choice may stand in two branches of a tree, and Label Studio's own
        # templates repeat one beside itself.
        elif value in seen and label.tag == "Label":
            yield Problem(label.place, _("the label %(label)s is there twice"), {"label": value})
        seen.add(value)


def _missing(controls: list[Node], objects: list[Node]) -> Iterator[Problem]:
    own = any(_owns(node) for node in objects)
    if not objects:
        yield Problem("", _("no tag shows data, such as <Image> or <Text>"))
    if not controls and not own:
        yield Problem("", _("no tag makes labels, such as <RectangleLabels> or <Choices>"))
    elif not any(node.get("toname") for node in controls) and not own:
        yield Problem("", _("no tag that makes labels has a toName"))

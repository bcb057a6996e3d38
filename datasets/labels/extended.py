"""Write labels that people added into a config, for an editor that knows nothing else of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

_GROWN_BY_CHOICES = ("Choices", "Taxonomy", "Choice")


def extended(config: str, added: Mapping[str, Iterable[Sequence[str]]]) -> str:
    """Return a usable config in which the controls also offer added labels: control → paths.

    What `parse` refuses, such as entities, must not come here.
    """
    root = ElementTree.fromstring(config)
    for control in root.iter():
        for path in added.get(control.get("name", ""), ()):
            _grow(control, path)
    return ElementTree.tostring(root, encoding="unicode")


def _grow(control: ElementTree.Element, path: Sequence[str]) -> None:
    """Add the labels of a path that are not there yet, each below the one before."""
    node = control
    for value in path:
        found = next((child for child in node if child.get("value") == value), None)
        if found is None:
            tag = "Choice" if node.tag in _GROWN_BY_CHOICES else "Label"
            found = ElementTree.SubElement(node, tag, value=value)
        node = found

"""Say the attributes of a shape by the questions that a config asks of each region.

An attribute belongs to the question (Choices, TextArea, Number) of its own name.
"""

from __future__ import annotations

import re
from typing import Any

from .. import labels
from ..labels import Control, LabelConfig

Attributes = tuple[tuple[str, str], ...]
_ASKING = {"Choices": "choices", "TextArea": "text", "Number": "number"}
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")


def answers(
    config: LabelConfig, made: list[dict[str, Any]], attributes: Attributes
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the answers about the regions of a shape, and the attributes without a place.

    An attribute without a value says nothing; one that has several has no place.
    """
    found: list[dict[str, Any]] = []
    lost: list[str] = []
    said: dict[str, set[str]] = {}
    for name, value in attributes:
        if value.strip():
            said.setdefault(name, set()).add(value.strip())
    for name, several in said.items():
        control = config.control(name)
        told = [_answer(control, region, *several) for region in made] if len(several) == 1 else []
        answered = [each for each in told if each is not None]
        # Held against the shapes that they are about, as every answer is.
        if answered and not labels.check_result(config, [*made, *answered]):
            found += answered
        else:
            lost.append(name)
    return found, lost


def _answer(control: Control | None, region: dict[str, Any], text: str) -> dict[str, Any] | None:
    asked = control is not None and control.per_region and control.tag in _ASKING
    if control is None or not asked or region.get("to_name") not in control.to_names:
        return None
    if region["type"] in ("choices", "textarea"):
        return None  # said of the whole picture, where no region is
    value: Any = [text]
    if control.tag == "Choices":
        by_title = {title: label for label, title in control.titles.items()}
        value = [text if text in control.label_set else by_title.get(text, text)]
    elif control.tag == "Number":
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    member = _ASKING[control.tag]
    # Where the region lies is said again, as the editor does; but not every painted pixel.
    own = {region["type"], "labels", "rle", "format"}
    shape = {name: each for name, each in region["value"].items() if name not in own}
    same = {name: each for name, each in region.items() if name not in ("score", "value")}
    about = {"from_name": control.name, "type": control.tag.lower()}
    return same | about | {"value": {**shape, member: value}}

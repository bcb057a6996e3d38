"""Configurations and regions that the tests of labels share."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets import labels
from jinbiao.datasets.errors import Invalid

BOXES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="label" toName="image">
<Label value="Car" background="blue"/><Label value="Person" background="red"/>
<Label value="Defect"/>
</RectangleLabels>
<PolygonLabels name="p" toName="image"><Label value="Defect"/></PolygonLabels></View>"""


WORDS = """<View><Labels name="ner" toName="text"><Label value="PER"/><Label value="ORG"/>
<Label value="故障"/></Labels><Text name="text" value="$text"/></View>"""


IMAGE = '<Image name="o" value="$o"/>'


def box(**changes: Any) -> dict[str, Any]:
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    value["rectanglelabels"] = ["Car"]  # type: ignore[assignment]
    region = {
        "id": "a",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": 640,
        "original_height": 480,
        "image_rotation": 0,
        "value": value,
    }
    for name, change in changes.items():
        (value if name in value else region)[name] = change
    return region


def region(kind: str, value: object, name: str = "c", to: str = "o", **more: Any) -> dict[str, Any]:
    return {"id": "r", "type": kind, "from_name": name, "to_name": to, "value": value, **more}


def problems_of(xml: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        labels.parse(xml)
    return [str(problem) for problem in caught.value.problems]


def places(config: labels.LabelConfig, result: object, **more: Any) -> list[str]:
    return [problem.place for problem in labels.check_result(config, result, **more)]


def spans_config(tag: str, control: str = "Labels", more: str = "") -> labels.LabelConfig:
    """Parse a configuration in which one control marks spans of one object."""
    item = f'<{tag} name="o" value="$o"{more}/>'
    made = f'<{control} name="c" toName="o"><Label value="a"/></{control}>'
    return labels.parse(f"<View>{item}{made}</View>")


BOX_CONFIG = labels.parse(BOXES)

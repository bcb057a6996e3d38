"""Find the part of a labelling config that a model can fill."""

from __future__ import annotations

from dataclasses import dataclass

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.labels import Control, DataObject, LabelConfig
from .models.interface import (
    Box,
    Choice,
    Interval,
    Mark,
    MarkKind,
    Mask,
    Serves,
    Span,
    Target,
    Words,
)

OBJECTS = {"picture": ("Image",), "text": ("Text",), "sound": ("Audio", "AudioPlus")}
# Which controls take a kind of mark, the best first.
CONTROLS: dict[type[Mark], tuple[str, ...]] = {
    Box: ("RectangleLabels", "Rectangle"),
    Mask: ("BrushLabels", "PolygonLabels", "Polygon"),
    Choice: ("Choices",),
    Span: ("Labels",),
    Interval: ("Labels",),
    Words: ("RectangleLabels", "Rectangle", "PolygonLabels", "Polygon", "TextArea"),
}


@dataclass(frozen=True)
class Binding:
    """Where a model's marks go: `control` on `object`; `text` takes the words of a region."""

    target: Target
    control: Control
    object: DataObject
    text: Control | None = None


def bind(config: LabelConfig, serves: Serves, instruction: str = "") -> Binding:
    """Return where a model's marks go in a labelling config.

    Raises:
        errors.Refused: the config does not show what the model reads, or offers nothing that
            the model could fill; the message says which.
    """
    missing = [key for key in serves.keys if key not in config.data_keys]
    if missing:
        raise errors.Refused(
            _("the model needs the data %(keys)s, which the labelling config does not show"),
            keys=", ".join(missing),
        )
    objects = [item for item in config.objects if _is_read(item, serves)]
    if not objects:
        raise errors.Refused(
            _("the labelling config shows nothing that the model reads: it needs %(tags)s"),
            tags=" / ".join(f"<{tag}>" for tag in OBJECTS[serves.reads]),
        )
    for kind in serves.makes:
        for tag in CONTROLS[kind]:
            for item in objects:
                found = _binding(config, item, kind, tag, instruction)
                if found is not None:
                    return found
    wanted = dict.fromkeys(tag for kind in serves.makes for tag in CONTROLS[kind])
    raise errors.Refused(
        _("the labelling config has nothing that the model could fill: it needs %(tags)s"),
        tags=" / ".join(f"<{tag}>" for tag in wanted),
    )


def suits(config: LabelConfig, serves: Serves) -> bool:
    """Tell whether a model could fill a part of the labelling config."""
    try:
        bind(config, serves)
    except errors.Refused:
        return False
    return True


def _is_read(item: DataObject, serves: Serves) -> bool:
    if item.tag not in OBJECTS[serves.reads] or not item.value or "valuelist" in item.options:
        return False
    return not serves.keys or item.key == serves.keys[0]


def _binding(
    config: LabelConfig, item: DataObject, kind: MarkKind, tag: str, instruction: str
) -> Binding | None:
    for control in config.controls:
        if control.tag != tag or item.name not in control.to_names or control.per_region:
            continue
        text = None
        if kind is Words and tag != "TextArea":
            text = _text_of_regions(config, item)
            if text is None:
                continue
        added = sorted(control.label_set - set(control.labels))
        target = Target(
            key=item.key,
            makes=kind,
            labels=(*control.labels, *added),
            titles=control.titles,
            single=control.single,
            instruction=instruction,
        )
        return Binding(target, control, item, text)
    return None


def _text_of_regions(config: LabelConfig, item: DataObject) -> Control | None:
    for control in config.controls:
        if control.tag == "TextArea" and control.per_region and item.name in control.to_names:
            return control
    return None

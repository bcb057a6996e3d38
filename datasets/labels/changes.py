"""Compare two configurations of one project."""

from __future__ import annotations

from .config import LabelConfig


def essential_change(old: LabelConfig, new: LabelConfig) -> bool:
    """Say whether answers to the old configuration may not fit the new one, or the reverse.

    Label Studio's rule: a control is new, of another tag or on other data, or lost a label.
    Beyond it: a control is gone.
    """
    before, after = old.to_parsed(), new.to_parsed()
    return before.keys() != after.keys() or any(
        before[name]["type"] != parsed["type"]
        or before[name]["inputs"] != parsed["inputs"]
        or not set(before[name]["labels"]) <= set(parsed["labels"])
        for name, parsed in after.items()
    )

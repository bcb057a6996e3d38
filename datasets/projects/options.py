"""Check what Label Studio's API lets one say of a project beside its texts and config.

The options are kept as one JSON object; only those that differ from their default stand
there. What no part of Jinbiao asks is kept and given back, so that a script finds what it set.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from .. import errors
from ..errors import _

SAMPLINGS = ("Sequential sampling", "Uniform sampling", "Uncertainty sampling")
DISPLAYS = ("shown", "on_request")
SKIP_QUEUES = ("REQUEUE_FOR_ME", "REQUEUE_FOR_OTHERS", "IGNORE_SKIPPED")

Check = Callable[[Any], Any]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise errors.Invalid(_("must be true or false"))
    return value


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> str:
        if value not in allowed:
            raise errors.Invalid(_("must be one of %(names)s"), names=", ".join(allowed))
        return str(value)

    return check


def _number(lowest: int, highest: int) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise errors.Invalid(
                _("must be a whole number from %(lowest)s to %(highest)s"),
                lowest=lowest,
                highest=highest,
            )
        return value

    return check


def _text(longest: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or "\0" in value:
            raise errors.Invalid(
                _("must be a text of at most %(longest)s characters"), longest=longest
            )
        return value

    return check


def _color(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise errors.Invalid(_("must be a colour such as #FF8800"))
    return value


def _moment(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return dt.datetime.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as problem:
        raise errors.Invalid(_("must be a time")) from problem


def _nothing(value: Any) -> None:
    # A password for the addresses of task data would travel to every annotator's browser.
    if value not in (None, ""):
        raise errors.Invalid(_("is not kept here: media belong into the store"))


def _weights(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) > 500:
        raise errors.Invalid(_("must be an object: control → weights"))
    for name, weight in value.items():
        parts = weight if isinstance(weight, dict) else {}
        numbers = [parts.get("overall"), *dict(parts.get("labels") or {}).values()]
        usable = all(isinstance(n, int | float) and 0 <= n <= 1 for n in numbers)
        if not usable or isinstance(parts.get("overall"), bool):
            raise errors.Invalid(_("the weights of %(name)s must be from 0 to 1"), name=name[:80])
    return value


# option → (default, check); the names are Label Studio's.
OPTIONS: dict[str, tuple[Any, Check]] = {
    "show_instruction": (False, _flag),
    "show_skip_button": (True, _flag),
    "enable_empty_annotation": (True, _flag),
    "show_annotation_history": (False, _flag),
    "color": ("#FFFFFF", _color),
    "is_published": (False, _flag),
    "model_version": ("", _text(140)),
    "is_draft": (False, _flag),
    "min_annotations_to_start_training": (0, _number(0, 2**31 - 1)),
    "start_training_on_annotation_update": (False, _flag),
    "show_collab_predictions": (True, _flag),
    "sampling": (SAMPLINGS[0], _one_of(*SAMPLINGS)),
    "show_ground_truth_first": (False, _flag),
    "annotator_evaluation_enabled": (False, _flag),
    "show_overlap_first": (False, _flag),
    "overlap_cohort_percentage": (100, _number(0, 100)),
    "task_data_login": (None, _nothing),
    "task_data_password": (None, _nothing),
    "control_weights": (None, _weights),
    "evaluate_predictions_automatically": (False, _flag),
    "skip_queue": (SKIP_QUEUES[1], _one_of(*SKIP_QUEUES)),
    "reveal_preannotations_interactively": (False, _flag),
    "pinned_at": (None, _moment),
    # How many of a hundred tasks get no pre-label, so that what models save can be measured
    # (None: nobody has said), and when annotators see pre-labels.
    "prelabel_control_percent": (None, _number(0, 50)),
    "prelabel_display": (DISPLAYS[0], _one_of(*DISPLAYS)),
    # How many of a hundred tasks have nothing to mark, where the owner knows (None: estimated).
    "clean_percent": (None, _number(0, 100)),
}

# Not Label Studio's: set by its calls as well, but not in its answers.
OWN = ("prelabel_control_percent", "prelabel_display", "clean_percent")


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options, checked; null stands for the default.

    Raises:
        errors.Invalid: a value is not usable; `place` names the option.
    """
    found = {}
    for name, value in given.items():
        default, check = OPTIONS[name]
        try:
            found[name] = default if value is None else check(value)
        except errors.Invalid as problem:
            problem.place = name
            raise
    return found


def merged(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be kept: the present options with the given ones, without defaults."""
    together = {**present, **checked(given)}
    return {name: value for name, value in together.items() if value != OPTIONS[name][0]}

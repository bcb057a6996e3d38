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
from .reviewing import ALL, NONE, SHARES

SAMPLINGS = ("Sequential sampling", "Uniform sampling", "Uncertainty sampling")
DISPLAYS = ("shown", "on_request")
ACCESSES = ("everybody", "named")
LONGEST_RESERVATION = 7 * 24 * 60  # minutes
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


def _maybe(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _reasons(value: Any) -> list[dict[str, str]]:
    """Check the reasons that reviewers may pick: each with a code that stays and a text."""
    if not isinstance(value, list) or len(value) > 30:
        raise errors.Invalid(_("must be a list of at most %(most)s reasons"), most=30)
    found: dict[str, str] = {}
    for each in value:
        code, text = (each.get("code"), each.get("text")) if isinstance(each, dict) else ("", "")
        if not isinstance(code, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code):
            raise errors.Invalid(
                _("a reason needs a code of small letters, digits and underscores")
            )
        if not isinstance(text, str) or not 0 < len(text.strip()) <= 200 or "\0" in text:
            raise errors.Invalid(_("the reason %(code)s needs a text"), code=code)
        if code in found:
            raise errors.Invalid(_("the reason %(code)s is there twice"), code=code)
        found[code] = text.strip()
    return [{"code": code, "text": text} for code, text in found.items()]


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
    # Who looks at what annotators submit: nobody, a sample by lot, or everything; once, and
    # once more by somebody else.
    "review_first": (ALL, _one_of(*SHARES)),
    "review_first_percent": (20, _number(1, 100)),
    "review_second": (NONE, _one_of(*SHARES)),
    "review_second_percent": (20, _number(1, 100)),
    # Where overlapping annotators agree less than this, somebody arbitrates (None: never); and
    # whether an annotator may object to a return.
    "review_agreement_percent": (None, _maybe(_number(1, 100))),
    "review_objections": (False, _flag),
    "review_blind": (False, _flag),
    "review_reasons": ([], _reasons),
    # Data that must be safe: every item is reviewed, and that cannot be lowered.
    "is_safety": (False, _flag),
    # Whether annotators must say that they have read the newest guideline before the next task,
    # and whether they must have passed the project's examination.
    "guideline_must_be_read": (False, _flag),
    "exam_required": (False, _flag),
    # Gates: which agreement and which share of answers accepted at their first review the
    # lower end of the interval must reach, of a hundred; and from which agreement on the
    # answers of all are accepted without a review (None: never).
    "gate_agreement_percent": (None, _number(1, 100)),
    "gate_first_pass_percent": (None, _number(1, 100)),
    "consensus_auto_percent": (None, _number(50, 100)),
    # Who may work: everybody of the project's organisations, or only those named; nobody while
    # it is paused, with the reason that people read.
    "access": (ACCESSES[0], _one_of(*ACCESSES)),
    "is_paused": (False, _flag),
    "pause_reason": ("", _text(500)),
    # How many tasks one person takes: at all, a day, and holds at once (None: as many as there
    # are); how long they keep one (None: as the installation says).
    "most_tasks_each": (None, _number(1, 10**9)),
    "most_tasks_a_day": (None, _number(1, 10**6)),
    "most_tasks_held": (None, _number(1, 1000)),
    "reservation_minutes": (None, _number(1, LONGEST_RESERVATION)),
    # One task in so many checks the annotator (0: none), and whether they hear at once how they
    # did. From how many per cent agreement on an answer passes; after how many meetings, or how
    # many days, a gold task retires; how many one person meets at most.
    "gold_every": (0, _number(0, 1000)),
    "gold_feedback": (False, _flag),
    "gold_pass_percent": (80, _number(1, 100)),
    "gold_retire_after": (50, _number(1, 100_000)),
    "gold_retire_days": (None, _maybe(_number(1, 3650))),
    "gold_most_per_person": (None, _maybe(_number(1, 100_000))),
}

# Not Label Studio's: set by its calls as well, but not in its answers.
OWN: tuple[str, ...] = ("prelabel_control_percent", "prelabel_display", "clean_percent")
OWN += ("review_first", "review_first_percent", "review_second", "review_second_percent")
OWN += ("review_agreement_percent", "review_objections", "review_blind", "review_reasons")
OWN += ("is_safety",)
OWN += ("guideline_must_be_read", "exam_required")
OWN += ("gate_agreement_percent", "gate_first_pass_percent", "consensus_auto_percent")
OWN += ("access", "is_paused", "pause_reason", "reservation_minutes")
OWN += ("most_tasks_each", "most_tasks_a_day", "most_tasks_held")
OWN += ("gold_every", "gold_feedback", "gold_pass_percent", "gold_retire_after")
OWN += ("gold_retire_days", "gold_most_per_person")


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
    _check_safety(present, together)
    return {name: value for name, value in together.items() if value != OPTIONS[name][0]}


def _check_safety(present: Mapping[str, Any], together: Mapping[str, Any]) -> None:
    """Let nobody lower the review of a safety project."""
    if present.get("is_safety") and not together.get("is_safety"):
        raise errors.Invalid(_("a safety project stays one"), place="is_safety")
    if together.get("is_safety") and together.get("review_first", ALL) != ALL:
        raise errors.Invalid(
            _("in a safety project every annotation is reviewed"), place="review_first"
        )

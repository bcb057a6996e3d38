"""Say how the labels of a config are to change: rename, merge, split, add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .. import errors
from ..errors import Problem, _
from ..labels import Control, LabelConfig

MOST_STEPS = 50
LONGEST_LABEL = 300  # characters


class Act(StrEnum):
    """What becomes of labels."""

    RENAME = "rename"
    MERGE = "merge"
    SPLIT = "split"
    ADD = "add"


@dataclass(frozen=True)
class Step:
    """One change of one control: `labels` give way to `into`.

    rename: one label → one new. merge: several → one, new or one of them. split: one → several
    new ones; what has the old label gets the first of them and is looked at again. add: nothing
    → one new; with `look_again` all work of the project is looked at again.
    """

    act: str
    control: str
    labels: tuple[str, ...]
    into: tuple[str, ...]
    look_again: bool = False

    @property
    def moves(self) -> dict[str, str]:
        """Return old label → the label that regions have instead."""
        return {label: self.into[0] for label in self.labels if label != self.into[0]}

    @property
    def is_undecided(self) -> bool:
        """Tell whether people must look at what it touches."""
        return self.act == Act.SPLIT


def read(given: Any, config: LabelConfig) -> tuple[Step, ...]:
    """Read steps from `[{act, control, labels, into, look_again}]` and check them.

    Raises:
        errors.Invalid: a step is malformed, names what is not there, or two steps touch one
            label; all problems are listed with their place.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STEPS:
        raise errors.Invalid(
            _("must be a list of 1 to %(most)s steps"), place="steps", most=MOST_STEPS
        )
    problems: list[Problem] = []
    steps = []
    for place, each in enumerate(given):
        try:
            steps.append(_step(each, config))
        except errors.Invalid as problem:
            problems.append(
                Problem(
                    f"steps[{place}].{problem.place}".rstrip("."), problem.message, problem.values
                )
            )
    if not problems:
        problems = _collisions(steps)
    if problems:
        raise errors.Invalid(
            _("these changes of labels cannot be made: %(first)s"),
            place="steps",
            problems=problems,
            first=str(problems[0]),
        )
    return tuple(steps)


def to_plain(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return steps as they are kept and sent."""
    return [
        {**asdict(step), "labels": list(step.labels), "into": list(step.into)} for step in steps
    ]


def from_plain(kept: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Read what `to_plain` wrote."""
    return tuple(
        Step(
            str(each["act"]),
            str(each["control"]),
            tuple(each["labels"]),
            tuple(each["into"]),
            bool(each["look_again"]),
        )
        for each in kept
    )


def _step(given: Any, config: LabelConfig) -> Step:
    if not isinstance(given, dict):
        raise errors.Invalid(_("must be an object"), place="")
    act = given.get("act")
    if act not in list(Act):
        raise errors.Invalid(_("must be one of %(names)s"), place="act", names=", ".join(Act))
    control = _control(given.get("control"), config)
    old = _labels(given.get("labels", []), "labels")
    new = _labels(given.get("into"), "into")
    strange = [label for label in old if label not in control.labels]
    if strange:
        raise errors.Invalid(
            _("the control %(control)s has no label “%(label)s”"),
            place="labels",
            control=control.name,
            label=strange[0],
        )
    _check_numbers(act, old, new)
    there = [label for label in new if label in control.labels]
    if there and not (act == Act.MERGE and there[0] in old):
        raise errors.Invalid(
            _("there is a label “%(label)s” already: merge the two instead"),
            place="into",
            label=there[0],
        )
    return Step(act, control.name, old, new, given.get("look_again") is True)


def _control(name: Any, config: LabelConfig) -> Control:
    found = config.by_name.get(name) if isinstance(name, str) else None
    if found is None or not found.labels:
        raise errors.Invalid(_("there is no control of that name that has labels"), place="control")
    if found.dynamic or found.paths:
        raise errors.Invalid(
            _("labels that form a tree or come with the task cannot be changed here"),
            place="control",
        )
    return found


def _labels(given: Any, place: str) -> tuple[str, ...]:
    usable = isinstance(given, list) and all(
        isinstance(each, str) and 0 < len(each.strip()) <= LONGEST_LABEL and each.isprintable()
        for each in given
    )
    if not usable or len(set(given)) != len(given):
        raise errors.Invalid(
            _("must be a list of different labels of 1 to %(longest)s characters"),
            place=place,
            longest=LONGEST_LABEL,
        )
    return tuple(each.strip() for each in given)


def _check_numbers(act: str, old: Sequence[str], new: Sequence[str]) -> None:
    """Check that a step has as many labels on each side as its act takes."""
    wanted = {
        Act.RENAME: (len(old) == 1 and len(new) == 1),
        Act.MERGE: (len(old) >= 2 and len(new) == 1),
        Act.SPLIT: (len(old) == 1 and len(new) >= 2),
        Act.ADD: (not old and len(new) == 1),
    }
    if not wanted[Act(act)]:
        raise errors.Invalid(
            _("rename: one → one; merge: several → one; split: one → several; add: none → one"),
            place="labels",
        )


def _collisions(steps: Sequence[Step]) -> list[Problem]:
    """List labels that more than one step would touch: the order must not matter."""
    seen: set[tuple[str, str]] = set()
    found = []
    for place, step in enumerate(steps):
        for label in dict.fromkeys((*step.labels, *step.into)):
            if (step.control, label) in seen:
                message = _("another step touches the label “%(label)s” too")
                found.append(Problem(f"steps[{place}]", message, {"label": label}))
            seen.add((step.control, label))
    return found

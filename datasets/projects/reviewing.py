"""Read from a project's options which stages of review its annotations go through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

NONE, SAMPLE, ALL = SHARES = ("none", "sample", "all")


class Optioned(Protocol):
    """Something that has options: a project."""

    def option(self, name: str) -> Any:
        """Return one option, its default where it was never set."""


@dataclass(frozen=True)
class Stages:
    """What is reviewed how often, and what goes to arbitration."""

    first: str
    second: str
    first_percent: int
    second_percent: int
    # Below this agreement of overlapping annotators their work is arbitrated; None: never.
    agreement_percent: int | None
    objections: bool
    # Reviewers see a pseudonym instead of the annotator's name.
    blind: bool
    reasons: tuple[tuple[str, str], ...]

    @property
    def are_plain(self) -> bool:
        """Tell whether each annotation is reviewed once as soon as it is there."""
        return self.first == ALL and self.second == NONE and self.agreement_percent is None

    @property
    def arrival(self) -> int:
        """Return the stage in which an annotation arrives: 1 where nothing is to be asked first.

        0 where the lot is to be drawn or other annotators are awaited.
        """
        return 1 if self.first == ALL and self.agreement_percent is None else 0


def stages_of(project: Optioned) -> Stages:
    """Return the stages of a project."""
    return Stages(
        first=project.option("review_first"),
        second=project.option("review_second"),
        first_percent=project.option("review_first_percent"),
        second_percent=project.option("review_second_percent"),
        agreement_percent=project.option("review_agreement_percent"),
        objections=project.option("review_objections"),
        blind=project.option("review_blind"),
        reasons=tuple((each["code"], each["text"]) for each in project.option("review_reasons")),
    )

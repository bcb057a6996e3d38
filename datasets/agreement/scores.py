"""Work out how much the people and models of a project agree: sums over one pass of its work.

Only tasks where there is something to compare count. With `per_label` each answer is a
mapping of labels; without it, one number, None where nothing could be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import pstdev

from sqlalchemy.orm import Session

from .. import permissions
from ..labels import LabelConfig
from ..people import User
from ..projects import Project
from ..tasks import Task
from . import reading
from .results import Comparison, Result, by_label, compare, distribution, mean

WHOLE = ""  # stands for all labels together
Score = float | None | dict[str, float]
MOST_PARTICIPANTS = 100  # of one task's matrix


@dataclass
class Tally:
    """Sums of scores by label; `WHOLE` is that of everything."""

    sums: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, scores: Mapping[str, float]) -> None:
        """Add the scores of one comparison."""
        for label, score in scores.items():
            total, number = self.sums.get(label, (0.0, 0))
            self.sums[label] = total + score, number + 1

    @property
    def means(self) -> dict[str, float]:
        """Return label → mean."""
        return {label: total / number for label, (total, number) in self.sums.items()}

    def score(self, per_label: bool) -> Score:
        """Return the means of the labels, or the one mean."""
        return self.means if per_label else self.means.get(WHOLE)


@dataclass(frozen=True)
class TaskAgreement:
    """How much the answers of one task agree; `pairs` maps two of the names to a comparison."""

    answers: int
    agreement: float | None
    controls: dict[str, float | None]
    distribution: dict[str, dict[str, object]]
    people: tuple[int, ...]
    models: tuple[str, ...]
    pairs: dict[tuple[int | str, int | str], float | None]


def of_task(session: Session, asker: User, project: Project, task: Task) -> TaskAgreement:
    """Compare everything that was said of one task: people and models, two at a time.

    The agreement is the mean over pairs of people; a control's the same of that control.

    Raises:
        errors.Forbidden: the asker may not see everybody's answers.
    """
    permissions.require(asker, "annotation.read", project)
    sheet = reading.of_task(session, task)
    people = sorted(sheet.people)[:MOST_PARTICIPANTS]
    said: dict[int | str, Result] = {person: sheet.people[person] for person in people}
    said |= {name: result for name, result in list(sheet.models.items())[:MOST_PARTICIPANTS]}
    pairs = {
        (one, other): compare(project.config, said[one], said[other])
        for one, other in combinations(said, 2)
    }
    between = [found for pair, found in pairs.items() if set(pair) <= set(people)]
    return TaskAgreement(
        answers=len(sheet.every),
        agreement=mean([each.agreement for each in between if each.agreement is not None]),
        controls=_control_means(between),
        distribution=distribution([*sheet.every, *sheet.models.values()]),
        people=tuple(people),
        models=tuple(name for name in said if isinstance(name, str)),
        pairs={pair: found.agreement for pair, found in pairs.items()},
    )


def total(session: Session, asker: User, project: Project, *, per_label: bool = False) -> Score:
    """Return the mean over tasks of the mean over their pairs of people."""
    permissions.require(asker, "annotation.read", project)
    tally = Tally()
    for sheet in reading.answered_twice(session, project):
        task = Tally()
        for one, other in combinations(sheet.people.values(), 2):
            task.add(_scores(project.config, one, other, per_label))
        tally.add(task.means)
    return tally.score(per_label)


@dataclass(frozen=True)
class Matrix:
    """How much each two people agree, and on how many tasks both have said something.

    `answered` maps a person to the tasks that they and somebody else have answered.
    """

    people: tuple[int, ...]
    cells: dict[tuple[int, int], Score]
    common_tasks: dict[tuple[int, int], int]
    answered: dict[int, int]

    def labels(self) -> list[str]:
        """List the labels of the cells, where they are told by label."""
        told = (cell for cell in self.cells.values() if isinstance(cell, dict))
        return sorted({label for cell in told for label in cell})

    def deviation(self, label: str | None = None) -> float | None:
        """Return the standard deviation of the cells of two different people."""
        cells = (cell for (one, other), cell in self.cells.items() if one != other)
        told = (cell.get(label or "") if isinstance(cell, dict) else cell for cell in cells)
        scores = [score for score in told if score is not None]
        return pstdev(scores) if scores else None


def matrix(
    session: Session,
    asker: User,
    project: Project,
    *,
    task_ids: Sequence[int] | None = None,
    per_label: bool = False,
) -> Matrix:
    """Return the agreement of each two people (the smaller id first) over their common tasks."""
    permissions.require(asker, "annotation.read", project)
    tallies: dict[tuple[int, int], Tally] = {}
    common: dict[tuple[int, int], int] = {}
    answered: dict[int, int] = {}
    for sheet in reading.answered_twice(session, project, task_ids):
        for person in sheet.people if len(sheet.people) > 1 else ():
            answered[person] = answered.get(person, 0) + 1
        for one, other in combinations(sorted(sheet.people), 2):
            scores = _scores(project.config, sheet.people[one], sheet.people[other], per_label)
            tallies.setdefault((one, other), Tally()).add(scores)
            common[one, other] = common.get((one, other), 0) + 1
    cells = {pair: found.score(per_label) for pair, found in tallies.items()}
    return Matrix(tuple(sorted(answered)), cells, common, answered)


def of_people(
    session: Session, asker: User, project: Project, people: Iterable[int]
) -> dict[int, Score]:
    """Return person → mean over all comparisons with others' answers of the same tasks."""
    permissions.require(asker, "annotation.read", project)
    tallies = {person: Tally() for person in people}
    for sheet in reading.answered_twice(session, project):
        for one, other in combinations(sheet.people, 2):
            if one in tallies or other in tallies:
                scores = _scores(project.config, sheet.people[one], sheet.people[other], False)
                for person in {one, other} & tallies.keys():
                    tallies[person].add(scores)
    return {person: tally.score(False) for person, tally in tallies.items()}


def with_truth(
    session: Session,
    asker: User,
    project: Project,
    people: Iterable[int],
    *,
    per_label: bool = False,
) -> dict[int, Score]:
    """Return person → mean agreement with the ground truth that somebody else has given."""
    permissions.require(asker, "annotation.read", project)
    tallies = {person: Tally() for person in people}
    for sheet in reading.answered_twice(session, project):
        if sheet.truth is None:
            continue
        author, truth = sheet.truth
        for person in (sheet.people.keys() & tallies.keys()) - {author}:
            scores = _scores(project.config, sheet.people[person], truth, per_label)
            tallies[person].add(scores)
    return {person: tally.score(per_label) for person, tally in tallies.items()}


def with_predictions(
    session: Session,
    asker: User,
    project: Project,
    people: Iterable[int],
    *,
    per_label: bool = False,
) -> dict[int, Score]:
    """Return person → mean agreement with what models said of the same tasks."""
    permissions.require(asker, "annotation.read", project)
    tallies = {person: Tally() for person in people}
    for sheet in reading.predicted(session, project):
        for person in sheet.people.keys() & tallies.keys():
            for said in sheet.models.values():
                scores = _scores(project.config, sheet.people[person], said, per_label)
                tallies[person].add(scores)
    return {person: tally.score(per_label) for person, tally in tallies.items()}


def of_model(session: Session, asker: User, project: Project, model_version: str) -> float | None:
    """Return a model version's mean agreement with everybody's answers."""
    permissions.require(asker, "annotation.read", project)
    tally = Tally()
    for sheet in reading.predicted(session, project, model_version):
        for said in sheet.people.values():
            tally.add(_scores(project.config, said, sheet.models[model_version], False))
    return tally.means.get(WHOLE)


def of_model_with_truth(
    session: Session,
    asker: User,
    project: Project,
    model_version: str,
    *,
    per_label: bool = False,
) -> Score:
    """Return a model version's mean agreement with the ground truth."""
    permissions.require(asker, "annotation.read", project)
    tally = Tally()
    for sheet in reading.predicted(session, project, model_version):
        if sheet.truth is not None:
            said = sheet.models[model_version]
            tally.add(_scores(project.config, said, sheet.truth[1], per_label))
    return tally.score(per_label)


def of_model_with_others(
    session: Session,
    asker: User,
    project: Project,
    model_version: str,
    *,
    per_label: bool = False,
) -> Score:
    """Return a model version's mean agreement with other versions on the same tasks."""
    permissions.require(asker, "annotation.read", project)
    tally = Tally()
    for sheet in reading.predicted_twice(session, project, model_version):
        mine = sheet.models.pop(model_version)
        for said in sheet.models.values():
            tally.add(_scores(project.config, mine, said, per_label))
    return tally.score(per_label)


def _scores(
    config: LabelConfig, first: Result, second: Result, per_label: bool
) -> dict[str, float]:
    if per_label:
        return by_label(config, first, second)
    agreement = compare(config, first, second).agreement
    return {} if agreement is None else {WHOLE: agreement}


def _control_means(pairs: Sequence[Comparison]) -> dict[str, float | None]:
    scores: dict[str, list[float]] = {}
    for found in pairs:
        for name, score in found.controls.items():
            scores.setdefault(name, []).extend([] if score is None else [score])
    return {name: mean(told) for name, told in scores.items()}

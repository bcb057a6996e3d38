"""How a version's labels came about: counted of the version only, as it was when frozen."""

from __future__ import annotations

import hashlib

import pytest

from jinbiao.datasets import guidelines, quality
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.projects import Project
from jinbiao.datasets.provenance import Answers, of_version
from jinbiao.tests import factories
from jinbiao.tests.factories import accepted, frozen


def test_answers_agreement_and_guidelines_are_those_of_the_version(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        team = factories.team(session)
        guidelines.publish(session, team.requester, team.project, "# 一")
    made = factories.tasks(installation, team, 4)
    accepted(installation, team, made[:3])
    # The scores of the pairs of each task: three of the version's, one that is not in it.
    pairs = {0: [1.0], 1: [0.5, 0.0, None], 2: [None], 3: [0.25]}
    with installation.database.write() as session:
        for place, scores in pairs.items():
            for number, score in enumerate(scores):
                told = {"project_id": team.project.id, "task_id": made[place].id, "said": "{}"}
                pair = {"one_id": number + 1, "other_id": number + 2, "score": score}
                session.add(quality.ComparedPair(**told, **pair))
    version = frozen(installation, team)
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        guidelines.publish(session, team.requester, project, "# 二", note="后来的")
    with installation.database.read() as session:
        found = of_version(session, version.id)
    assert found.answers == Answers(1, 1, 1.0, 3)
    figure = found.agreement
    assert figure is not None and figure.value == pytest.approx(1.5 / 3)
    assert (figure.number, figure.method) == (2, "cluster_bootstrap")
    assert figure.low is not None and figure.high is not None
    assert figure.low <= 0.5 <= figure.high
    (guideline,) = found.guidelines
    assert guideline.number == 1
    assert guideline.sha256 == hashlib.sha256("# 一".encode()).hexdigest()


def test_what_is_not_known_is_none(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session)
    made = factories.tasks(installation, team, 1)
    accepted(installation, team, made)
    version = frozen(installation, team)
    with installation.database.read() as session:
        found = of_version(session, version.id)
    assert (found.agreement, found.guidelines) == (None, ())

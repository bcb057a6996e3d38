"""The quality job: what people said is compared once, kept, reported, brought to one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations, consensus, errors, people, projects, quality, reviews
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.consensus import Consensus, ConsensusState
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.people import Role
from jinbiao.datasets.projects import Project
from jinbiao.datasets.quality import ComparedPair, keeping
from jinbiao.datasets.tasks import Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, submitted, tone
from jinbiao.workers import quality as quality_job
from jinbiao.workers import run


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session, overlap=2)


def answered(installation: Installation, team: Team, *pairs: str) -> list[Task]:
    """Let both annotators answer tasks: "gb" for good and bad."""
    made = factories.tasks(installation, team, len(pairs))
    names = {"g": "good", "b": "bad"}
    for task, said in zip(made, pairs, strict=True):
        submitted(installation, team.annotator, team.project, task, tone(names[said[0]]))
        submitted(installation, team.colleague, team.project, task, tone(names[said[1]]))
    return made


def measured(installation: Installation, team: Team) -> dict:
    run.do_here(installation, team.requester, team.project, quality.KIND, {})
    with installation.database.read() as session:
        project = session.get_one(Project, team.project.id)
        found = quality.newest(session, project)
        assert found is not None
        return found


def test_figures_come_with_their_interval_n_and_method(
    installation: Installation, team: Team
) -> None:
    answered(installation, team, "gg", "gg", "gb", "bb")
    found = measured(installation, team)
    assert found["tasks"] == found["pairs"] == 4 and found["waiting"] == 0
    whole = found["agreement"]
    assert whole["value"] == pytest.approx(0.75) and whole["number"] == 4
    assert whole["method"] == "cluster_bootstrap" and whole["low"] < 0.75 < whole["high"]
    labels = {row["label"]: row["value"] for row in found["labels"]}
    assert labels == pytest.approx({"good": 4 / 5, "bad": 2 / 3})
    control = found["controls"]["tone"]
    assert control["measures"]["observed"]["value"] == pytest.approx(0.75)
    # Worked out by hand: Do = 2/8, De = 2 * 5 * 3 / (8 * 7).
    assert control["measures"]["alpha"]["value"] == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert control["confusion"]["labels"] == ["good", "bad"]
    assert control["confusion"]["counts"] == [[2, 1], [1, 1]]
    [pair] = found["matrix"]
    assert pair["tasks"] == 4 and pair["kappa"]["tone"]["value"] == pytest.approx(0.5)
    assert [row["first_pass"]["value"] for row in found["people"]] == [None, None]


def test_only_what_changed_is_compared_again(
    installation: Installation, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "OVERLAP", keeping.OVERLAP * 0)
    made = answered(installation, team, "gg", "gb")
    before = measured(installation, team)
    assert before["agreement"]["value"] == pytest.approx(0.5)
    with installation.database.write() as session:
        # Kept rows that nobody touched stay: a wrong one shows that it was not made anew.
        session.execute(
            sa.update(ComparedPair).where(ComparedPair.task_id == made[0].id).values(score=0.25)
        )
        project = session.get_one(Project, team.project.id)
        task = session.get_one(Task, made[1].id)
        mine = session.scalars(
            sa.select(Annotation).where(
                Annotation.task_id == task.id, Annotation.completed_by == team.colleague.id
            )
        ).one()
        annotations.update(session, team.colleague, project, task, mine, tone("good"))
        assert quality.pending(session, project) == 1
    after = measured(installation, team)
    assert after["agreement"]["value"] == pytest.approx((0.25 + 1) / 2)
    with installation.database.read() as session:
        project = session.get_one(Project, team.project.id)
        assert quality.of_task(session, project, made[1].id).score == 1  # type: ignore[union-attr]
        first = quality.lowest(session, project)
        assert [row.score for row, _task in first] == sorted(row.score for row, _t in first)


def test_killed_between_two_batches_the_figures_are_the_same(
    installation: Installation, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BATCH", 2)
    answered(installation, team, "gg", "gb", "bb", "bg", "gg")
    with installation.database.write() as session:
        job = quality.ask(session, team.project, team.requester)
        assert quality.ask(session, team.project, team.requester).id == job.id
    left = keeping.keep
    calls = []

    def dies(*given: object) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise errors.Unavailable("away")
        left(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "keep", dies)
    assert run.perform(installation, job.id) is None
    monkeypatch.setattr(keeping, "keep", left)
    with installation.database.write() as session:
        session.execute(sa.text("update jobs set not_before = null"))
        assert session.scalar(sa.select(sa.func.count()).select_from(ComparedPair)) == 2
    assert run.perform(installation, job.id) == JobState.DONE
    with installation.database.read() as session:
        found = quality.newest(session, session.get_one(Project, team.project.id))
    assert found is not None and found["tasks"] == 5
    assert found["agreement"]["value"] == pytest.approx(3 / 5)


def test_it_begins_by_itself_and_rests_when_nothing_is_new(
    installation: Installation, team: Team, redis_url: str
) -> None:
    told = replace(installation.settings, redis_url=redis_url)
    installation = replace(installation, settings=told)
    quality_job.begin_due(installation, quality_job.Look())
    answered(installation, team, "gg")
    with installation.database.read() as session:
        assert quality.due(session) == [team.project.id]
    quality_job.begin_due(installation, quality_job.Look())
    with installation.database.read() as session:
        assert quality.due(session) == []
        [job] = session.scalars(sa.text("select id from jobs where kind = 'quality'"))
    assert run.perform(installation, job) == JobState.DONE
    with installation.database.read() as session:
        assert quality.due(session) == []


def test_gates_ask_for_the_lower_end(installation: Installation, team: Team) -> None:
    answered(installation, team, *["gg"] * 20, *["gb"] * 5)
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        assert quality.gate(session, project) == []
        limits = {"gate_agreement_percent": 60, "gate_first_pass_percent": 90}
        projects.change(session, team.requester, project, options=limits)
        told = quality.gate(session, project)
        assert [each.outcome for each in told] == ["not_yet", "not_yet"]
    measured(installation, team)
    for limit, outcome in ((60, "passed"), (80, "not_yet"), (99, "failed")):
        with installation.database.write() as session:
            project = session.get_one(Project, team.project.id)
            options = {"gate_agreement_percent": limit, "gate_first_pass_percent": None}
            projects.change(session, team.requester, project, options=options)
            assert [each.outcome for each in quality.gate(session, project)] == [outcome]


def test_what_all_agree_on_is_accepted_by_rule_and_nothing_else(
    installation: Installation, team: Team
) -> None:
    made = answered(installation, team, "gg", "gb")
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        options = {"consensus_auto_percent": 100}
        projects.change(session, team.requester, project, options=options)
    measured(installation, team)
    with installation.database.read() as session:
        states = [session.get_one(Task, task.id).state for task in made]
        assert states == [TaskState.ACCEPTED, TaskState.LABELLED]
        told = session.scalars(sa.select(reviews.Review)).all()
        assert {(row.rule, row.reviewer_id) for row in told} == {("consensus", None)}
        kept = [session.get_one(Consensus, task.id) for task in made]
        assert [row.state for row in kept] == [ConsensusState.BY_RULE, ConsensusState.PROPOSED]
        assert kept[0].certainty == 1 and kept[1].certainty == 0.5
    measured(installation, team)
    with installation.database.read() as session:
        assert len(session.scalars(sa.select(reviews.Review)).all()) == len(told) == 2


def test_data_that_must_be_safe_are_never_accepted_by_rule(
    installation: Installation, team: Team
) -> None:
    [task] = answered(installation, team, "gg")
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        options = {"consensus_auto_percent": 100, "is_safety": True}
        projects.change(session, team.requester, project, options=options)
    measured(installation, team)
    with installation.database.read() as session:
        assert session.get_one(Task, task.id).state == TaskState.LABELLED


def test_a_curator_decides_and_versions_publish_it(installation: Installation, team: Team) -> None:
    made = answered(installation, team, "gb", "gg", "bg")
    measured(installation, team)
    with installation.database.write() as session:
        curator = factories.person(session, Role.ARBITRATOR, team.home)
        project = session.get_one(Project, team.project.id)
        assert consensus.count_to_curate(session, curator, project) == 2
        found = consensus.next_to_curate(session, curator, project)
        assert found is not None and found[1].id == made[0].id
        with pytest.raises(errors.Forbidden):
            consensus.next_to_curate(session, team.annotator, project)
        task = session.get_one(Task, made[0].id)
        told = consensus.curate(session, curator, project, task, tone("bad"))
        assert sorted(row.verdict for row in told) == ["accept", "fix"]
        with pytest.raises(errors.Refused):
            consensus.curate(session, curator, project, task, tone("bad"))
        found = consensus.next_to_curate(session, curator, project)
        assert found is not None and found[1].id == made[2].id
    version = factories.frozen(installation, team)
    with installation.database.read() as session:
        kept = session.get_one(Consensus, made[0].id)
        assert (kept.state, kept.decided_by) == (ConsensusState.CURATED, curator.id)
        rows = session.scalars(
            sa.select(Annotation).where(Annotation.task_id == made[0].id).order_by(Annotation.id)
        ).all()
        assert {row.state for row in rows} == {AnnotationState.ACCEPTED}
        # What people had said stands beside it.
        assert [row.result_values[0]["value"]["choices"] for row in rows] == [["good"], ["bad"]]
        line = session.scalar(sa.text("select line from version_records").bindparams())
    assert version.records == 1 and '"choices":["bad"]' in str(line)


def test_nobody_decides_about_their_own_answer(installation: Installation, team: Team) -> None:
    [task] = factories.tasks(installation, team, 1)
    with installation.database.write() as session:
        boss = people.by_ids(session, [team.requester.id])[team.requester.id]
    submitted(installation, boss, team.project, task, tone("good"))
    submitted(installation, team.colleague, team.project, task, tone("bad"))
    measured(installation, team)
    with installation.database.write() as session:
        project, row = session.get_one(Project, team.project.id), session.get_one(Task, task.id)
        assert consensus.next_to_curate(session, boss, project) is None
        with pytest.raises(errors.OwnWork):
            consensus.curate(session, boss, project, row, tone("bad"))

"""Review in stages: by rule, by lot, twice, arbitrated; nobody decides twice; all is kept."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import annotations, audit, manifests, projects, removal, reviews, versions
from jinbiao.datasets.annotations import Annotation, AnnotationRevision, AnnotationState
from jinbiao.datasets.assignments import Assignment, AssignmentState
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, OwnWork, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.reviews import BlindReview, Review, Stage, differences, lots
from jinbiao.datasets.tasks import Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, claimed, frozen, judged, submitted, tone


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def staged(installation: Installation, team: Team, **options: Any) -> None:
    """Set options of the project."""
    with installation.database.write() as session:
        project = session.get_one(type(team.project), team.project.id)
        projects.change(session, team.requester, project, options=options)
        team.project.options = project.options


def reviewers(installation: Installation, team: Team, number: int) -> list[User]:
    with installation.database.write() as session:
        return [factories.person(session, Role.REVIEWER, team.home) for _ in range(number)]


def arbitrator(installation: Installation, team: Team) -> User:
    with installation.database.write() as session:
        return factories.person(session, Role.ARBITRATOR, team.home)


def answered(
    installation: Installation, team: Team, number: int = 1, who: User | None = None
) -> list[Annotation]:
    """Submit answers and let them in, as the server does."""
    made = []
    for task in factories.tasks(installation, team, number):
        row = submitted(installation, who or team.annotator, team.project, task)
        with installation.database.write() as session:
            reviews.let_in(session, team.project, [task.id])
        made.append(row)
    return made


def claim_review(installation: Installation, reviewer: User, team: Team) -> Annotation | None:
    with installation.database.write() as session:
        return reviews.claim(session, installation.settings, reviewer, team.project)


def at(installation: Installation, row: Annotation) -> tuple[str, int]:
    with installation.database.read() as session:
        now_row = session.get_one(Annotation, row.id)
        return now_row.state, now_row.review_stage


def said(installation: Installation, row: Annotation) -> list[tuple[int, str, str | None]]:
    """Return what is kept: stage, verdict, rule of each review."""
    with installation.database.read() as session:
        found = reviews.of_annotations(session, [row.id]).get(row.id, [])
        return [(each.stage, each.verdict, each.rule) for each in found]


def result_of(installation: Installation, row: Annotation) -> list[dict[str, Any]]:
    with installation.database.read() as session:
        fresh = session.get_one(Annotation, row.id)
        return list(msgspec.json.decode(reviews.effective(session, [fresh])[row.id]))


# --- rules and lots ------------------------------------------------------------------------------


def test_where_nothing_is_reviewed_the_rule_accepts_and_says_so(
    installation: Installation, team: Team
) -> None:
    staged(installation, team, review_first="none")
    (row,) = answered(installation, team)
    assert at(installation, row) == (AnnotationState.ACCEPTED, Stage.FIRST)
    assert said(installation, row) == [(1, "accept", "none")]
    version = frozen(installation, team)
    with installation.database.read() as session:
        assert session.get_one(Task, row.task_id).state == TaskState.ACCEPTED
        events = audit.events(session, subject=f"annotation/{row.id}")
        assert [(event.actor, event.action) for event in events][0] == ("rule", "review.by_rule")
        line = session.scalars(
            sa.select(versions.VersionRecord.line).where(
                versions.VersionRecord.version_id == version.id
            )
        ).one()
    assert msgspec.json.decode(line)["review"] is None


def test_an_import_passes_by_rule_too(installation: Installation, team: Team) -> None:
    staged(installation, team, review_first="none")
    with installation.database.write() as session:
        items = factories.texts("好", "坏", annotations=[{"result": tone()}])
        rows = factories.bring(session, installation.store, team.requester, team.project, items)
    with installation.database.read() as session:
        states = {session.get_one(Task, row.id).state for row in rows}
    assert states == {TaskState.ACCEPTED}


def test_the_lot_draws_the_share_and_never_anew(installation: Installation, team: Team) -> None:
    staged(installation, team, review_first="sample", review_first_percent=50)
    made = answered(installation, team, 40)
    waiting = {row.id for row in made if at(installation, row)[0] == AnnotationState.SUBMITTED}
    # 40 draws of one half: fewer than 6 or more than 34 come once in a million.
    assert 6 <= len(waiting) <= 34
    drawn = next(row for row in made if row.id in waiting)
    with installation.database.write() as session:
        project = session.get_one(type(team.project), team.project.id)
        removal.answers(session, team.annotator, project, [drawn.id])
        task = session.get_one(Task, drawn.task_id)
    # Deleted and given again, it is drawn again.
    again = submitted(installation, team.annotator, team.project, task)
    with installation.database.write() as session:
        reviews.let_in(session, team.project, [task.id])
    assert at(installation, again) == (AnnotationState.SUBMITTED, Stage.FIRST)


def test_a_fault_has_the_next_ones_all_reviewed(installation: Installation, team: Team) -> None:
    staged(installation, team, review_first="sample", review_first_percent=1)
    with installation.database.write() as session:
        lots.found_fault(session, team.project, team.annotator.id)
    made = answered(installation, team, lots.FULL_AFTER_FAULT)
    others = answered(installation, team, 1, team.colleague)
    states = Counter(at(installation, row)[0] for row in made)
    assert states == {AnnotationState.SUBMITTED: lots.FULL_AFTER_FAULT}
    with installation.database.read() as session:
        share = session.get_one(reviews.rows.ReviewShare, (team.project.id, team.annotator.id))
        assert share.full_left == 0
    # A return begins it again; what others did is not touched.
    judged(installation, team.reviewer, made[0], "reject", reason="漏标")
    with installation.database.read() as session:
        share = session.get_one(reviews.rows.ReviewShare, (team.project.id, team.annotator.id))
        assert share.full_left == lots.FULL_AFTER_FAULT
        assert session.get(reviews.rows.ReviewShare, (team.project.id, team.colleague.id)) is None
    assert len(others) == 1


@pytest.mark.parametrize("lowered", ["none", "sample"])
def test_safety_is_never_lowered(installation: Installation, team: Team, lowered: str) -> None:
    staged(installation, team, is_safety=True)
    with pytest.raises(Invalid, match="every annotation"):
        staged(installation, team, review_first=lowered)
    with pytest.raises(Invalid, match="stays"):
        staged(installation, team, is_safety=False, review_first=lowered)
    staged(installation, team, review_second="all")


def test_options_are_no_secret_way_into_label_studios_answers(team: Team) -> None:
    assert not [name for name in team.project.option_values if name.startswith("review_")]


# --- two reviews and arbitration -----------------------------------------------------------------


def test_two_people_review_what_is_reviewed_twice(installation: Installation, team: Team) -> None:
    staged(installation, team, review_second="all")
    (second,) = reviewers(installation, team, 1)
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row, "fix", result=tone("bad"))
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.SECOND)
    assert claim_review(installation, team.reviewer, team) is None
    with pytest.raises(OwnWork):
        judged(installation, team.reviewer, row)
    got = claim_review(installation, second, team)
    assert got and got.id == row.id
    judged(installation, second, row)
    assert at(installation, row) == (AnnotationState.ACCEPTED, Stage.SECOND)
    assert said(installation, row) == [(1, "fix", None), (2, "accept", None)]
    # The second one accepted what the first one had made of it.
    assert result_of(installation, row) == tone("bad")
    with installation.database.read() as session:
        assert session.get_one(Annotation, row.id).result_values == tone("good")
        ((_task, learnt),) = reviews.labelled(session, team.project, 9)
    assert msgspec.json.decode(learnt) == tone("bad")
    version = frozen(installation, team)
    assert version.records == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [("accept", "reject"), ("accept", "fix"), ("fix", "reject"), ("fix", "fix")],
)
def test_contradiction_goes_to_somebody_else_who_may_decide(
    installation: Installation, team: Team, first: str, second: str
) -> None:
    staged(installation, team, review_second="all")
    (other,) = reviewers(installation, team, 1)
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row, first, result=tone("bad") if first == "fix" else None)
    fix = tone("good") if first == "fix" else tone("bad")
    judged(installation, other, row, second, reason="不对", result=fix)
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.ARBITRATION)
    (third,) = reviewers(installation, team, 1)
    assert claim_review(installation, third, team) is None
    with pytest.raises(Forbidden):
        judged(installation, third, row)
    judge = arbitrator(installation, team)
    got = claim_review(installation, judge, team)
    assert got and got.id == row.id
    judged(installation, judge, row)
    assert at(installation, row) == (AnnotationState.ACCEPTED, Stage.ARBITRATION)
    # To accept in arbitration is to take it as its maker made it.
    assert result_of(installation, row) == tone("good")
    assert [each[0] for each in said(installation, row)] == [1, 2, 3]


def test_the_same_fix_twice_is_no_contradiction(installation: Installation, team: Team) -> None:
    staged(installation, team, review_second="all")
    (other,) = reviewers(installation, team, 1)
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row, "fix", result=tone("bad"))
    judged(installation, other, row, "fix", result=tone("bad"))
    assert at(installation, row) == (AnnotationState.ACCEPTED, Stage.SECOND)


def test_an_arbitrator_never_decides_about_what_they_reviewed(
    installation: Installation, team: Team
) -> None:
    staged(installation, team, review_second="all")
    judge = arbitrator(installation, team)
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row)
    judged(installation, judge, row, "reject", reason="漏标")
    assert at(installation, row)[1] == Stage.ARBITRATION
    assert claim_review(installation, judge, team) is None
    with pytest.raises(OwnWork):
        judged(installation, judge, row)


def test_a_return_by_the_second_reviewer_alone_is_a_return(
    installation: Installation, team: Team
) -> None:
    staged(installation, team, review_first="none", review_second="all")
    (row,) = answered(installation, team)
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.SECOND)
    judged(installation, team.reviewer, row, "reject", reason="重做")
    assert at(installation, row)[0] == AnnotationState.REJECTED
    back = claimed(installation, team.annotator, team.project)
    assert back and back.state == AssignmentState.RETURNED
    with installation.database.write() as session:
        fresh, task, project = annotations.get(session, team.annotator, row.id, "annotation.write")
        annotations.update(session, team.annotator, project, task, fresh, tone("bad"))
    # What was returned is looked at, although the first stage is off.
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.FIRST)


def test_bulk_acceptance_obeys_the_stages(installation: Installation, team: Team) -> None:
    staged(installation, team, review_second="all")
    (other,) = reviewers(installation, team, 1)
    made = answered(installation, team, 3)

    def bulk(who: User) -> int:
        with installation.database.write() as session:
            return reviews.accept_in_bulk(session, who, team.project, after=0, limit=9)[0]

    assert [bulk(team.reviewer), bulk(team.reviewer), bulk(other)] == [3, 0, 3]
    assert {at(installation, row) for row in made} == {(AnnotationState.ACCEPTED, Stage.SECOND)}
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row)
    judged(installation, other, row, "reject", reason="错")
    assert bulk(arbitrator(installation, team)) == 0


def test_who_changed_it_does_not_accept_it(installation: Installation, team: Team) -> None:
    (row,) = answered(installation, team)
    with installation.database.write() as session:
        fresh, task, project = annotations.get(session, team.requester, row.id, "annotation.write")
        annotations.update(session, team.requester, project, task, fresh, tone("bad"))
    with pytest.raises(OwnWork, match="changed"):
        judged(installation, team.requester, row)
    assert claim_review(installation, team.requester, team) is None
    judged(installation, team.reviewer, row)


# --- objections and disagreement -----------------------------------------------------------------


def objected(
    installation: Installation, who: User, row: Annotation, text: str = "标准如此"
) -> None:
    with installation.database.write() as session:
        fresh, task, project = annotations.get(session, who, row.id, "annotation.write")
        reviews.object_to(session, who, project, task, fresh, text)


def test_an_objection_is_arbitrated_once(installation: Installation, team: Team) -> None:
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row, "reject", reason="语气不对")
    with pytest.raises(Refused, match="takes no"):
        objected(installation, team.annotator, row)
    staged(installation, team, review_objections=True)
    with pytest.raises(NotFound):
        objected(installation, team.colleague, row)
    with pytest.raises(Invalid, match="why"):
        objected(installation, team.annotator, row, " ")
    objected(installation, team.annotator, row)
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.ARBITRATION)
    assert claimed(installation, team.annotator, team.project) is None
    judge = arbitrator(installation, team)
    judged(installation, judge, row, "reject", reason="仍不对")
    assert at(installation, row)[0] == AnnotationState.REJECTED
    with pytest.raises(Refused, match="has decided"):
        objected(installation, team.annotator, row)
    back = claimed(installation, team.annotator, team.project)
    assert back and back.task_id == row.task_id


def test_overlapping_annotators_who_disagree_are_arbitrated(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    staged(installation, team, review_first="none", review_agreement_percent=60)
    alike, apart = factories.tasks(installation, team, 2)
    made: dict[tuple[int, int], Annotation] = {}
    for who, label in ((team.annotator, "good"), (team.colleague, "bad")):
        for task in (alike, apart):
            result = tone("good") if task is alike else tone(label)
            made[task.id, who.id] = submitted(installation, who, team.project, task, result)
            with installation.database.write() as session:
                reviews.let_in(session, team.project, [task.id])
        if who is team.annotator:
            # Nothing is accepted while somebody else is still to answer.
            assert {at(installation, row)[1] for row in made.values()} == {Stage.ARRIVED}
    for (task_id, _who), row in made.items():
        expected = (AnnotationState.SUBMITTED, Stage.ARBITRATION)
        if task_id == alike.id:
            expected = (AnnotationState.ACCEPTED, Stage.FIRST)
        assert at(installation, row) == expected
    with installation.database.write() as session:
        colleague = session.get_one(User, team.colleague.id)
        colleague.role = Role.ARBITRATOR
    # One of the two sides does not arbitrate between them.
    assert claim_review(installation, colleague, team) is None
    assert claim_review(installation, arbitrator(installation, team), team) is not None


# --- many at once --------------------------------------------------------------------------------


def test_many_reviewers_at_once_never_hold_or_judge_the_same(
    installation: Installation, team: Team
) -> None:
    staged(installation, team, review_second="all")
    made = answered(installation, team, 12)
    crowd = reviewers(installation, team, 6)

    def work(reviewer: User) -> list[tuple[int, int]]:
        done = []
        while True:
            got = claim_review(installation, reviewer, team)
            if got is None:
                return done
            done.append((got.id, got.review_stage))
            judged(installation, reviewer, got)

    with ThreadPoolExecutor(6) as pool:
        done = [pair for each in pool.map(work, crowd) for pair in each]
    # Somebody may have been told that nothing was left while others still judged.
    for reviewer in crowd:
        done += work(reviewer)
    assert sorted(done) == sorted((row.id, stage) for row in made for stage in (1, 2))
    with installation.database.read() as session:
        rows = session.execute(
            sa.select(Review.annotation_id, Review.stage, Review.reviewer_id)
        ).all()
        states = session.scalars(sa.select(Annotation.state)).all()
    assert len({(row[0], row[1]) for row in rows}) == len(rows) == 2 * len(made)
    assert len({(row[0], row[2]) for row in rows}) == len(rows)
    assert set(states) == {AnnotationState.ACCEPTED}


def test_a_reviewers_hold_lapses(installation: Installation, team: Team) -> None:
    (row,) = answered(installation, team)
    (other,) = reviewers(installation, team, 1)
    assert claim_review(installation, team.reviewer, team) is not None
    assert claim_review(installation, other, team) is None
    with installation.database.write() as session:
        session.get_one(Annotation, row.id).review_until = now() - dt.timedelta(seconds=1)
    assert claim_review(installation, other, team) is not None
    with pytest.raises(Refused, match="another reviewer"):
        judged(installation, team.reviewer, row)


# --- history and roll-back -----------------------------------------------------------------------


def test_a_story_is_told_whole_and_a_version_stays(installation: Installation, team: Team) -> None:
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row, "reject", reason="错了")

    def act(function: Any, who: User, *values: Any) -> None:
        with installation.database.write() as session:
            fresh, task, project = annotations.get(session, who, row.id, "annotation.write")
            function(session, who, project, task, fresh, *values)

    act(annotations.update, team.annotator, tone("bad"))
    judged(installation, team.reviewer, row)
    before = frozen(installation, team)
    with pytest.raises(Forbidden):
        act(reviews.reopen, team.annotator, "我要改")
    with pytest.raises(Refused, match="re-opened first"):
        act(reviews.roll_back, team.requester, 1, "原来的对")
    act(reviews.reopen, team.requester, "客户有异议")
    assert at(installation, row) == (AnnotationState.SUBMITTED, Stage.FIRST)
    with pytest.raises(Invalid):
        act(reviews.roll_back, team.requester, 1, "")
    with pytest.raises(NotFound):
        act(reviews.roll_back, team.requester, 9, "没有")
    act(reviews.roll_back, team.requester, 1, "原来的对")
    with pytest.raises(OwnWork):
        judged(installation, team.requester, row)
    judged(installation, team.reviewer, row)
    with installation.database.read() as session:
        fresh = session.get_one(Annotation, row.id)
        assert (fresh.result_values, fresh.revision) == (tone("good"), 3)
        story = reviews.history(session, [fresh])
        kept = session.scalars(
            sa.select(AnnotationRevision.revision).where(AnnotationRevision.annotation_id == row.id)
        ).all()
        line = session.scalars(
            sa.select(versions.VersionRecord.line).where(
                versions.VersionRecord.version_id == before.id
            )
        ).one()
    told = [(each.kind, each.revision, each.verdict, each.actor_id) for each in story]
    assert told == [
        ("submitted", 1, None, team.annotator.id),
        ("reviewed", 1, "reject", team.reviewer.id),
        ("changed", 2, None, team.annotator.id),
        ("reviewed", 2, "accept", team.reviewer.id),
        ("reopening", 2, None, team.requester.id),
        ("roll_back", 3, None, team.requester.id),
        ("reviewed", 3, "accept", team.reviewer.id),
    ]
    assert sorted(kept) == [1, 2]
    assert [each.what for each in story[2].differences.changed] == [("choices",)]
    assert msgspec.json.decode(line)["result"] == tone("bad")
    after = frozen(installation, team)
    assert after.id != before.id


def test_what_is_taken_back_while_a_version_is_written_does_not_reach_it(
    installation: Installation, team: Team
) -> None:
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row)
    with installation.database.write() as session:
        version = manifests.choose(session, team.requester, team.project, job_id="one")
    with installation.database.write() as session:
        fresh, task, project = annotations.get(session, team.requester, row.id, "annotation.write")
        reviews.reopen(session, team.requester, project, task, fresh, "看错了")
        annotations.update(session, team.requester, project, task, fresh, tone("bad"))
    manifests.freeze(
        installation.database, installation.store, version.id, team.requester, lambda *_: None
    )
    with installation.database.read() as session:
        line = session.scalars(sa.select(versions.VersionRecord.line)).one()
    assert msgspec.json.decode(line)["result"] == tone("good")


# --- blind reviews -------------------------------------------------------------------------------


def test_a_blind_review_is_kept_and_changes_nothing(installation: Installation, team: Team) -> None:
    (row,) = answered(installation, team)
    judged(installation, team.reviewer, row)
    (other,) = reviewers(installation, team, 1)
    with installation.database.write() as session:
        fresh = session.get_one(Annotation, row.id)
        asked = reviews.ask_blind(session, team.requester, team.project, fresh, "抄袭嫌疑")
        again = reviews.ask_blind(session, team.requester, team.project, fresh, "再问一次")
        assert asked.id == again.id
        with pytest.raises(Forbidden):
            reviews.ask_blind(session, team.reviewer, team.project, fresh, "无权")
    # Neither its reviewer nor who asked gets it.
    assert claim_review(installation, team.reviewer, team) is None
    assert claim_review(installation, team.requester, team) is None
    got = claim_review(installation, other, team)
    assert got and got.id == row.id
    (third,) = reviewers(installation, team, 1)
    assert claim_review(installation, third, team) is None
    with pytest.raises(Refused):
        judged(installation, third, row)
    judged(installation, other, row, "reject", reason="与另一人相同")
    assert at(installation, row) == (AnnotationState.ACCEPTED, Stage.FIRST)
    assert said(installation, row) == [(1, "accept", None)]
    with installation.database.read() as session:
        (found,) = reviews.blind_of(session, team.project)
    assert (found.verdict, found.reviewer_id, found.asked_for) == ("reject", other.id, "抄袭嫌疑")
    assert claim_review(installation, other, team) is None


def test_blind_reviews_go_to_one_each_under_a_race(installation: Installation, team: Team) -> None:
    made = answered(installation, team, 6)
    for row in made:
        judged(installation, team.reviewer, row)
        with installation.database.write() as session:
            fresh = session.get_one(Annotation, row.id)
            reviews.ask_blind(session, team.requester, team.project, fresh, "抽查")
    crowd = reviewers(installation, team, 4)

    def work(reviewer: User) -> None:
        while (got := claim_review(installation, reviewer, team)) is not None:
            judged(installation, reviewer, got)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, crowd))
    for reviewer in crowd:
        work(reviewer)
    with installation.database.read() as session:
        found = session.scalars(sa.select(BlindReview)).all()
        assert [each.verdict for each in found] == ["accept"] * len(made)
        assert session.scalar(sa.select(sa.func.count()).select_from(Review)) == len(made)
        assert session.scalar(sa.select(sa.func.count()).select_from(Assignment)) == len(made)


# --- counts and differences ----------------------------------------------------------------------


def test_counts_say_what_waits_where(installation: Installation, team: Team) -> None:
    staged(installation, team, review_second="all")
    made = answered(installation, team, 3)
    judged(installation, team.reviewer, made[0])
    assert claim_review(installation, team.reviewer, team) is not None
    with installation.database.read() as session:
        counts = {row.stage: row for row in reviews.stage_counts(session, team.project)}
    told = {int(stage): (row.waiting, row.held) for stage, row in counts.items()}
    assert told == {0: (0, 0), 1: (2, 1), 2: (1, 0), 3: (0, 0)}
    age = counts[Stage.FIRST].age()
    assert age is not None and dt.timedelta() <= age < dt.timedelta(minutes=1)
    assert counts[Stage.ARBITRATION].oldest is None


def box(number: int, x: float, label: str = "a") -> dict[str, Any]:
    return {
        "id": f"r{number}",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "value": {"x": x, "y": 1.0, "width": 5.0, "height": 5.0, "rectanglelabels": [label]},
    }


def test_differences_name_regions_and_what_changed() -> None:
    before = [box(1, 1.0), box(2, 2.0), box(3, 3.0)]
    after = [box(1, 1.0), box(2, 2.5, "b"), box(4, 9.0)]
    found = differences(before, after)
    assert [each["id"] for each in found.added] == ["r4"]
    assert [each["id"] for each in found.removed] == ["r3"]
    assert [(each.after["id"], each.what) for each in found.changed] == [
        ("r2", ("geometry", "labels"))
    ]
    assert found.same == 1


boxes = st.lists(
    st.builds(box, st.integers(0, 9), st.sampled_from([0.0, 1.5, 7.0]), st.sampled_from("ab")),
    max_size=6,
)


@given(boxes)
def test_nothing_differs_from_itself(result: list[dict[str, Any]]) -> None:
    found = differences(result, result)
    assert not found.any and found.same == len(result)


@given(boxes, boxes)
def test_differences_count_every_region_once(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    found = differences(before, after)
    both = len(found.changed) + found.same
    assert len(found.removed) + both == len(before)
    assert len(found.added) + both == len(after)

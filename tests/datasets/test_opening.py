"""Nobody gets the files of a dataset under conditions but by all steps, and for a term."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from jinbiao.datasets import audit, catalogue, notices, opening
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import (
    Forbidden,
    Invalid,
    JinbiaoError,
    NotFound,
    OwnWork,
    Refused,
    Stale,
)
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.opening import Application, Standing, State
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.versions import Version
from jinbiao.tests import factories
from jinbiao.tests.factories import APPLICATION as FIELDS
from jinbiao.tests.factories import CREDIT_CODE, Team, accepted, frozen, published

Act = Callable[[Session, "Case"], Any]


@dataclass
class Case:
    """A dataset under conditions, who decides on it, and somebody who wants it."""

    installation: Installation
    dataset_id: int
    owner: User
    applicant: User

    def does(self, act: Act) -> Any:
        """Do something in a transaction of its own."""
        with self.installation.database.write() as session:
            return act(session, self)

    def dataset(self, session: Session) -> Dataset:
        return session.get_one(Dataset, self.dataset_id)

    def application(self, session: Session) -> Application:
        found = opening.find(session, self.dataset(session), self.applicant)
        if found is None:
            raise Refused("there is none")
        return found

    @property
    def stands(self) -> Standing:
        with self.installation.database.read() as session:
            return opening.standing(session, self.applicant, self.dataset(session))

    @property
    def state(self) -> State:
        with self.installation.database.read() as session:
            return self.application(session).current


def ask(session: Session, case: Case, **changes: Any) -> Application:
    fields = {**FIELDS, **changes}
    return opening.ask(session, case.applicant, case.dataset(session), fields)


def sign(session: Session, case: Case) -> Application:
    found = case.application(session)
    text = opening.agreement_text(found, found.dataset)
    return opening.sign(session, case.applicant, found, opening.digest(text), "李小明")


def decide(accept: bool, **told: Any) -> Act:
    def act(session: Session, case: Case) -> Application:
        found = case.application(session)
        return opening.decide(session, case.owner, found, accept, "理由", **told)

    return act


def over(session: Session, case: Case) -> None:
    """Let the term end, as time does: nothing else is touched."""
    session.execute(
        sa.update(Application)
        .where(Application.applicant_id == case.applicant.id)
        .values(expires_at=now() - dt.timedelta(seconds=1))
    )


ACTS: dict[str, Act] = {
    "draft": lambda session, case: opening.save_draft(
        session, case.applicant, case.dataset(session), FIELDS
    ),
    "ask": ask,
    "ask signed": lambda session, case: ask(session, case, signature="李小明"),
    "take back": lambda session, case: opening.take_back(
        session, case.applicant, case.application(session)
    ),
    "sign": sign,
    "approve": decide(True),
    "approve by hand": decide(True, opens_on_signing=False),
    "refuse": decide(False),
    "send back": lambda session, case: opening.send_back(
        session, case.owner, case.application(session), "缺材料"
    ),
    "revoke": lambda session, case: opening.revoke(
        session, case.owner, case.application(session), "违反协议"
    ),
    "report": lambda session, case: opening.report(
        session, case.applicant, case.application(session), "模型已上线"
    ),
    "over": over,
    "remind": lambda session, _case: opening.remind(session),
}


# The steps without which there are no files, and which acts take them.
STEPS = {"asked", "approved", "signed"}
SAYS = {
    "ask": {"asked"},
    "ask signed": {"asked", "signed"},
    "approve": {"approved"},
    "approve by hand": {"approved"},
    "sign": {"signed"},
}
ENDED = {State.DRAFT, State.RETURNED, State.REJECTED, State.REVOKED, State.EXPIRED}


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def case(installation: Installation, team: Team) -> Case:
    accepted(installation, team, factories.tasks(installation, team, 2))
    release = published(installation, team, frozen(installation, team))
    with installation.database.write() as session:
        dataset = session.get_one(Dataset, release.dataset_id)
        told = {"openness": "conditional", "open_condition": "仅限研究"}
        catalogue.describe(session, team.requester, dataset, told)
        builder = factories.person(session, Role.MODEL_BUILDER)
    return Case(installation, release.dataset_id, team.requester, builder)


def test_a_dataset_of_which_nothing_is_said_is_not_published(
    installation: Installation, team: Team
) -> None:
    accepted(installation, team, factories.tasks(installation, team, 2))
    version = frozen(installation, team)
    with pytest.raises(Invalid) as raised, installation.database.write() as session:
        dataset = catalogue.open_dataset(session, team.requester, team.project, "x", title="x")
        row = session.get_one(Version, version.id)
        files = [WrittenFile("README.md", "f" * 64, 7)]
        catalogue.publish(session, team.requester, dataset, row, files, card="{}")
    told = {problem.place for problem in raised.value.problems}
    assert told == set(catalogue.NEEDED) - {"openness"}
    with pytest.raises(Invalid), installation.database.write() as session:
        facts = factories.facts(data_level="core")
        catalogue.open_dataset(session, team.requester, team.project, "x", title="x", facts=facts)
    with installation.database.read() as session:
        assert session.scalars(sa.select(Dataset)).all() == []


def ready(case: Case) -> None:
    """Lead an application to open files by every step."""
    case.does(ask)
    case.does(decide(True))
    case.does(sign)
    assert case.stands == Standing.ADMITTED


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=14))
def test_there_is_no_way_to_the_files_but_by_all_steps(case: Case, acts: list[str]) -> None:
    with case.installation.database.write() as session:
        case.applicant = factories.person(session, Role.MODEL_BUILDER)
    # What was said on each application since it was last sent.
    said: dict[int, set[str]] = {}
    for name in acts:
        try:
            found = case.does(ACTS[name])
        except JinbiaoError:
            found = None
        if name == "over":
            # Time ends what runs, and nothing else.
            said = {number: told for number, told in said.items() if not told >= STEPS}
        elif isinstance(found, Application):
            told = said.setdefault(found.id, set())
            if name.startswith("ask") or found.state in ENDED:
                told.clear()
            told |= SAYS.get(name, set()) if found.state not in ENDED else set()
        with case.installation.database.read() as session:
            may = opening.may_download(session, case.applicant, case.dataset(session))
        assert may == (case.stands == Standing.ADMITTED)
        assert not may or any(told >= STEPS for told in said.values()), acts


def test_by_all_steps_the_files_open_for_the_term(case: Case) -> None:
    assert case.stands == Standing.STRANGER
    case.does(ACTS["draft"])
    case.does(ask)
    assert (case.stands, case.state) == (Standing.ASKING, State.SUBMITTED)
    case.does(decide(True))
    assert (case.stands, case.state) == (Standing.ASKING, State.APPROVED)
    case.does(sign)
    assert (case.stands, case.state) == (Standing.ADMITTED, State.RELEASED)
    case.does(ACTS["report"])
    assert (case.stands, case.state) == (Standing.ADMITTED, State.USAGE_REPORTED)
    with case.installation.database.read() as session:
        found = case.application(session)
        steps = [step.state for step, _who in opening.steps(session, found)]
        acts = [event.action for event in audit.events(session, limit=100)]
    assert found.expires_at is not None and found.released_at is not None
    assert found.expires_at - found.released_at == dt.timedelta(days=30)
    assert "李小明" in (found.agreement or "") and "仅限研究" in (found.agreement or "")
    chain = ["submitted", "approved", "agreement_signed", "released", "usage_reported"]
    assert steps == chain
    assert {"application.submit", "application.approve", "application.release"} <= set(acts)


def test_a_term_that_is_over_is_over_before_anybody_looks(case: Case) -> None:
    ready(case)
    case.does(over)
    assert (case.stands, case.state) == (Standing.REFUSED, State.EXPIRED)
    with case.installation.database.read() as session:
        dataset = case.dataset(session)
        states = (State.EXPIRED, State.RELEASED)
        counts = [len(opening.of_dataset(session, case.owner, dataset, one)) for one in states]
    assert counts == [1, 0]
    assert case.does(ACTS["remind"]) == 1
    assert (case.does(ACTS["remind"]), case.state) == (0, State.EXPIRED)
    case.does(ACTS["report"])
    assert case.state == State.EXPIRED


def test_a_renewal_takes_nothing_away_while_the_first_runs(case: Case) -> None:
    ready(case)
    case.does(ask)
    assert (case.stands, case.state) == (Standing.ADMITTED, State.SUBMITTED)
    case.does(decide(False))
    assert case.stands == Standing.ADMITTED
    case.does(ask)
    with pytest.raises(Refused, match="under way"):
        case.does(ask)


def test_what_is_closed_is_closed_to_those_who_were_admitted(case: Case) -> None:
    ready(case)

    def change(openness: str) -> Act:
        return lambda session, _case: catalogue.describe(
            session, case.owner, case.dataset(session), {"openness": openness}
        )

    case.does(change("closed"))
    with case.installation.database.read() as session:
        dataset = case.dataset(session)
        assert not opening.may_download(session, case.applicant, dataset)
        assert catalogue.find(session, dataset.full_name, case.applicant) is None
    case.does(change("conditional"))
    assert case.stands == Standing.ADMITTED


def test_what_is_missing_keeps_nobody_from_closing(case: Case) -> None:
    with case.installation.database.write() as session:
        # As a dataset from before there were facts.
        session.execute(sa.update(Dataset).values(data_level=None, domain=None, provider_code=None))

    def change(**told: str) -> Act:
        return lambda session, _case: catalogue.describe(
            session, case.owner, case.dataset(session), told
        )

    with pytest.raises(Invalid) as raised:
        case.does(change(region="120000"))
    told = {problem.place for problem in raised.value.problems}
    assert told == {"data_level", "domain", "provider_code"}
    assert case.does(change(openness="closed")).openness == "closed"
    with pytest.raises(Invalid, match="suffice"):
        case.does(change(openness="open"))
    with pytest.raises(Invalid):
        case.does(change(data_level="core"))


def test_an_agreement_counts_only_as_it_was_shown_and_by_its_contact(case: Case) -> None:
    case.does(ask)
    case.does(decide(True))

    def with_words(shown: str, name: str) -> Act:
        return lambda session, _case: opening.sign(
            session, case.applicant, case.application(session), shown, name
        )

    with case.installation.database.read() as session:
        found = case.application(session)
        digest = opening.digest(opening.agreement_text(found, found.dataset))
    with pytest.raises(Invalid, match="contact"):
        case.does(with_words(digest, "王五"))
    told = {"open_condition": "仅限高校研究"}
    case.does(
        lambda session, _case: catalogue.describe(session, case.owner, case.dataset(session), told)
    )
    with pytest.raises(Stale):
        case.does(with_words(digest, "李小明"))
    case.does(sign)
    assert case.stands == Standing.ADMITTED


def test_what_was_signed_before_the_conditions_changed_is_signed_again(case: Case) -> None:
    case.does(ACTS["ask signed"])
    told = {"open_condition": "仅限高校研究"}
    case.does(
        lambda session, _case: catalogue.describe(session, case.owner, case.dataset(session), told)
    )
    case.does(decide(True))
    assert (case.stands, case.state) == (Standing.ASKING, State.APPROVED)


def test_only_the_owner_decides_and_nobody_on_their_own(case: Case, team: Team) -> None:
    case.does(ask)
    with case.installation.database.write() as session:
        stranger = factories.person(session, Role.REQUESTER)
    for actor, error in (
        (stranger, NotFound),
        (case.applicant, Forbidden),
        (team.annotator, Forbidden),
    ):
        with pytest.raises((error, NotFound)):
            case.does(
                lambda session, _case, actor=actor: opening.decide(
                    session, actor, case.application(session), True
                )
            )
    with case.installation.database.read() as session:
        number = case.application(session).id
        for actor in (stranger, team.annotator, team.reviewer):
            with pytest.raises(NotFound):
                opening.get(session, actor, number)
        with pytest.raises(NotFound):
            opening.of_dataset(session, stranger, case.dataset(session))
        assert opening.waiting(session, stranger) == []
        assert [each.id for each in opening.waiting(session, case.owner)] == [number]
    # A requester who comes to the provider after having applied does not decide either.
    with case.installation.database.write() as session:
        person = session.get_one(User, case.applicant.id)
        person.organisation_id, person.role = case.owner.organisation_id, Role.REQUESTER
    with case.installation.database.read() as session:
        moved = session.get_one(User, case.applicant.id)
    with pytest.raises(OwnWork):
        case.does(
            lambda session, _case: opening.decide(session, moved, case.application(session), True)
        )


def test_those_who_have_the_files_do_not_apply(case: Case, team: Team) -> None:
    for who in (team.annotator, team.admin):
        with pytest.raises(Refused, match="without an application"):
            case.does(
                lambda session, _case, who=who: opening.ask(
                    session, who, case.dataset(session), FIELDS
                )
            )


def test_a_grant_is_the_owners_act_for_a_term(case: Case) -> None:
    def grant(session: Session, _case: Case) -> Application:
        return opening.grant(session, case.owner, case.dataset(session), case.applicant)

    found = case.does(grant)
    assert found.is_granted and case.stands == Standing.ADMITTED
    with pytest.raises(Refused, match="has the files"):
        case.does(grant)
    case.does(ACTS["revoke"])
    assert case.stands == Standing.REFUSED
    with case.installation.database.read() as session:
        acts = [event.action for event in audit.events(session, limit=10)]
    assert "application.grant" in acts and "application.revoke" in acts


def test_all_that_is_missing_is_told_at_once(case: Case) -> None:
    given = {
        "applicant_type": "legal_person",
        "organisation_code": CREDIT_CODE[:-1] + "0",
        "term_days": opening.LONGEST_TERM + 1,
        "contact_email": "nowhere",
        "purpose": "x" * 5000,
    }
    with pytest.raises(Invalid) as raised:
        case.does(
            lambda session, _case: opening.ask(
                session, case.applicant, case.dataset(session), given
            )
        )
    places = [problem.place for problem in raised.value.problems]
    assert set(places) == {*FIELDS} - {"applicant_type"} and len(places) == len(set(places))


def test_a_person_needs_no_organisation(case: Case) -> None:
    alone = {"applicant_type": "natural_person", "organisation_name": "", "organisation_code": None}
    found = case.does(lambda session, _case: ask(session, case, **alone))
    assert found.organisation_name is None


def test_each_side_is_told_and_nobody_of_more_than_they_need(case: Case, team: Team) -> None:
    ready(case)
    case.does(ACTS["revoke"])
    with case.installation.database.read() as session:
        to_owner = notices.listing(session, case.owner.id)
        to_applicant = notices.listing(session, case.applicant.id)
        to_others = notices.listing(session, team.annotator.id)
    assert len(to_owner) == 2 and len(to_applicant) == 3 and to_others == []
    words = "".join(notice.message for notice in [*to_owner, *to_applicant])
    assert not any(FIELDS[name] in words for name in ("contact_name", "contact_phone"))  # type: ignore[operator]


def test_people_are_told_once_of_what_is_overdue_and_of_what_ends(case: Case) -> None:
    case.does(ask)
    assert case.does(ACTS["remind"]) == 0

    def late(session: Session, _case: Case) -> None:
        session.execute(sa.update(Application).values(due_at=now() - dt.timedelta(minutes=1)))

    case.does(late)
    with case.installation.database.read() as session:
        assert case.application(session).is_overdue
        assert opening.counts(session, case.owner)["overdue"] == 1
    assert [case.does(ACTS["remind"]) for _time in range(2)] == [1, 0]
    case.does(decide(True))
    case.does(sign)

    def soon(session: Session, _case: Case) -> None:
        session.execute(sa.update(Application).values(expires_at=now() + dt.timedelta(days=6)))

    case.does(soon)
    before = told(case)
    assert [case.does(ACTS["remind"]) for _time in range(2)] == [1, 0]
    assert case.stands == Standing.ADMITTED
    # Both sides, each once: who decides for the owner, as of all that was before, and no others.
    assert {case.owner.id, case.applicant.id} <= set(before)
    assert told(case) == {who: number + 1 for who, number in before.items()}
    with case.installation.database.read() as session:
        last = [notices.listing(session, who.id)[0].message for who in (case.owner, case.applicant)]
    assert all("ends on" in message for message in last)
    assert last[0] != last[1]


def told(case: Case) -> dict[int, int]:
    """Count what each person was told, whoever they are."""
    with case.installation.database.read() as session:
        query = sa.select(Notice.user_id, sa.func.count()).group_by(Notice.user_id)
        return {who: number for who, number in session.execute(query)}


@pytest.mark.parametrize(
    ("sent", "days", "due"),
    [
        # Shanghai is eight hours ahead; the due day ends at 16:00 UTC.
        ("2026-11-23T02:00", 2, "2026-11-25T16:00"),  # Monday → Wednesday
        ("2026-11-19T15:59", 2, "2026-11-23T16:00"),  # Thursday → Monday
        ("2026-11-19T16:00", 2, "2026-11-24T16:00"),  # Friday there already → Tuesday
        ("2026-11-21T04:00", 2, "2026-11-24T16:00"),  # Saturday → Tuesday
        ("2026-11-20T04:00", 1, "2026-11-23T16:00"),  # Friday → Monday
        ("2026-11-20T04:00", 10, "2026-12-04T16:00"),
    ],
)
def test_weekends_are_no_working_days(sent: str, days: int, due: str) -> None:
    start = dt.datetime.fromisoformat(f"{sent}+00:00")
    assert opening.due_at(start, days) == dt.datetime.fromisoformat(f"{due}+00:00")


def test_names_and_numbers_are_masked() -> None:
    assert opening.masked_name("李小明") == "李**"
    assert opening.masked_phone("13800001234") == "138****34"
    assert opening.masked_phone("1234567") == "****"
    assert opening.masked_email("li@example.org") == "l***@example.org"

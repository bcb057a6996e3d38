"""A project says what is labelled and how; it cannot lose what people already used."""

from __future__ import annotations

import pytest

from jinbiao.datasets import labels, projects
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, NotSignedIn, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role
from jinbiao.tests import factories
from jinbiao.tests.factories import TEXT_CONFIG, Team


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.mark.parametrize("name", sorted(labels.TEMPLATES))
def test_every_template_makes_a_project(installation: Installation, team: Team, name: str) -> None:
    with installation.database.write() as session:
        made = projects.create(
            session, team.requester, title=name, label_config=labels.TEMPLATES[name].config
        )
        number = made.id
    with installation.database.read() as session:
        found = projects.get(session, team.annotator, number, "project.read")
        assert found.config == labels.parse(labels.TEMPLATES[name].config)
        assert set(found.data_keys) <= labels.TEMPLATES[name].data.keys()


def test_a_config_with_faults_lists_them_all(installation: Installation, team: Team) -> None:
    config = '<View><Choices name="a" toName="b"/><Choices name="a" toName="c"/></View>'
    with installation.database.write() as session, pytest.raises(Invalid) as refused:
        projects.create(session, team.requester, title="t", label_config=config)
    assert len(refused.value.problems) > 1


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "x" * 201])
def test_a_title_is_one_line(installation: Installation, team: Team, title: str) -> None:
    with installation.database.write() as session, pytest.raises(Invalid, match="title"):
        projects.create(session, team.requester, title=title, label_config=TEXT_CONFIG)


@pytest.mark.parametrize("overlap", [0, 101, 1.5])
def test_the_overlap_is_small(installation: Installation, team: Team, overlap: int) -> None:
    with installation.database.write() as session, pytest.raises(Invalid, match="maximum_ann"):
        projects.create(
            session,
            team.requester,
            title="t",
            label_config=TEXT_CONFIG,
            maximum_annotations=overlap,
        )


def test_who_creates_for_whom(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        other = factories.organisation(session)
        for actor in (team.annotator, team.reviewer):
            with pytest.raises(Forbidden):
                projects.create(session, actor, title="t", label_config=TEXT_CONFIG)
        with pytest.raises(Forbidden, match="administrator"):
            projects.create(
                session, team.requester, title="t", label_config=TEXT_CONFIG, organisation=other
            )
        made = projects.create(
            session, team.admin, title="t", label_config=TEXT_CONFIG, organisation=other
        )
        assert made.organisation_id == other.id


def test_other_organisations_do_not_learn_that_it_exists(
    installation: Installation, team: Team
) -> None:
    with installation.database.write() as session:
        stranger = factories.person(session, Role.ANNOTATOR)
        with pytest.raises(NotFound):
            # Their role would not allow it either: "not found" comes first.
            projects.get(session, stranger, team.project.id, "project.change")
        with pytest.raises(NotFound):
            projects.get(session, team.requester, team.project.id + 1, "project.read")
        with pytest.raises(NotSignedIn):
            projects.get(session, None, team.project.id, "project.read")
        assert projects.visible(session, stranger) == []


def test_the_vendors_people_see_it_too(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        company = factories.organisation(session)
        annotator = factories.person(session, Role.ANNOTATOR, company)
        project = session.get_one(projects.Project, team.project.id)
        projects.change(session, team.requester, project, vendor=company)
        assert projects.get(session, annotator, project.id, "task.claim").id == project.id
        assert [found.id for found in projects.visible(session, annotator)] == [project.id]


def test_by_number_or_title(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        number = str(team.project.id)
        assert projects.find(session, team.requester, number).id == team.project.id
        assert projects.find(session, team.requester, "样例").id == team.project.id
        with pytest.raises(NotFound):
            projects.find(session, team.requester, "没有")
        projects.create(session, team.requester, title="样例", label_config=TEXT_CONFIG)
        with pytest.raises(Invalid, match=number):
            projects.find(session, team.requester, "样例")


def test_a_used_label_stays(installation: Installation, team: Team) -> None:
    without = TEXT_CONFIG.replace('<Choice value="坏" alias="bad"/>', "")
    renamed = TEXT_CONFIG.replace('value="坏"', 'value="差"')
    other_kind = TEXT_CONFIG.replace("Choices", "Labels").replace("<Choice ", "<Label ")
    other_kind = other_kind.replace(' choice="single"', "")
    with installation.database.write() as session:
        project = session.get_one(projects.Project, team.project.id)
        for lossy in (without, other_kind):
            with pytest.raises(Refused, match="tone"):
                projects.change(session, team.requester, project, label_config=lossy, has_work=True)
        # What the page shows may change, since the alias is what is stored.
        projects.change(session, team.requester, project, label_config=renamed, has_work=True)
        projects.change(session, team.requester, project, label_config=without)
        assert [control.labels for control in project.config.controls] == [("good",)]


def test_changes_by_others_are_refused(installation: Installation, team: Team) -> None:
    with installation.database.write() as session, pytest.raises(Forbidden):
        projects.change(session, team.annotator, team.project, title="mine")


def test_deleted_projects_disappear(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        project = session.get_one(projects.Project, team.project.id)
        projects.delete(session, team.requester, project)
    with installation.database.read() as session:
        assert projects.visible(session, team.admin) == []
        with pytest.raises(NotFound):
            projects.get(session, team.admin, team.project.id, "project.read")


def test_pages_newest_first(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        made = [team.project.id] + [
            projects.create(session, team.requester, title=f"{n}", label_config=TEXT_CONFIG).id
            for n in range(4)
        ]
        first = projects.visible(session, team.requester, limit=2)
        rest = projects.visible(session, team.requester, before=first[-1].id)
    assert [found.id for found in first + rest] == made[::-1]

"""People by team, one person, organisations: pages and API of those who manage them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jinbiao.datasets import audit, people
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import PEOPLE, World, copied, opened


def number_of(world: World, username: str) -> int:
    """Return somebody's number."""
    with world.installation.database.read() as session:
        return people.get_user(session, username).id


def acts(world: World, action: str) -> list[dict[str, str]]:
    """List what was done of one kind, newest first."""
    with world.installation.database.read() as session:
        return [
            {"actor": event.actor, "subject": event.subject, "detail": event.detail}
            for event in audit.events(session, limit=200)
            if event.action == action
        ]


def browser_of(world: World, who: str) -> Browser:
    """Return a browser in which somebody is signed in."""
    browser = Browser(world)
    assert browser.sign_in(who).status_code == 302
    return browser


def test_a_new_role_ends_the_sessions_and_is_in_the_trail(world: World) -> None:
    annotator = browser_of(world, "annotator")
    path = f"/api/users/{number_of(world, 'annotator')}/"
    assert world.patch("vendor", path, {"role": "reviewer"}).status_code == 200
    assert annotator.client.get("/account").status_code == 302
    (told,) = acts(world, "person.role")
    assert told["actor"] == "vendor" and told["subject"] == "user/annotator"
    assert told["detail"] == '{"before":"annotator","role":"reviewer"}'
    # The token stays, with the rights of the new role.
    project = world.project()
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 403
    assert world.get("annotator", f"/api/projects/{project}/next_review").status_code == 404


@pytest.mark.parametrize("who", ["admin", "vendor", "security"])
def test_nobody_changes_their_own_role(shared_world: World, who: str) -> None:
    path = f"/api/users/{number_of(shared_world, who)}/"
    answer = shared_world.patch(who, path, {"role": "annotator"})
    # The security administrator does not even manage people of that role.
    assert answer.status_code == (403 if who == "security" else 422), answer.text


@pytest.mark.parametrize(
    ("who", "whom", "role", "status"),
    [
        ("vendor", "annotator", "team_leader", 200),
        ("vendor", "annotator", "arbitrator", 403),
        ("vendor", "annotator", "security_admin", 403),
        ("vendor", "requester", "annotator", 403),
        ("vendor", "other_annotator", "reviewer", 404),
        ("security", "other_annotator", "reviewer", 200),
        ("security", "annotator2", "audit_admin", 403),
        ("security", "annotator2", "platform_admin", 403),
        ("security", "auditor", "annotator", 403),
        ("admin", "reviewer2", "system_admin", 403),
        ("admin", "system", "annotator", 403),
        ("admin", "reviewer2", "king", 400),
        ("requester", "annotator", "reviewer", 403),
        ("leader", "annotator", "reviewer", 403),
    ],
)
def test_a_role_is_given_by_who_may(
    shared_world: World, who: str, whom: str, role: str, status: int
) -> None:
    path = f"/api/users/{number_of(shared_world, whom)}/"
    answer = shared_world.patch(who, path, {"role": role})
    assert answer.status_code == status, answer.text


def test_who_manages_a_company_does_not_touch_the_accounts_of_others_there(world: World) -> None:
    path = f"/api/users/{number_of(world, 'requester')}/"
    # With the e-mail address of another one could come in as them.
    assert world.patch("vendor", path, {"email": "mine@example.cn"}).status_code == 403
    assert world.ask("DELETE", path, "vendor").status_code == 403


def test_who_is_shut_out_is_out_at_once_and_may_come_back(world: World) -> None:
    annotator = browser_of(world, "annotator")
    page = f"/people/{number_of(world, 'annotator')}"
    vendor = browser_of(world, "vendor")
    assert vendor.post(page, page, act="shut_out").status_code == 302
    assert annotator.client.get("/account").status_code == 302
    assert world.get("annotator", "/api/projects/").status_code == 401
    assert vendor.post(page, page, act="let_in").status_code == 302
    assert world.get("annotator", "/api/projects/").status_code == 200
    assert [len(acts(world, f"person.{act}")) for act in ("deactivate", "let_in")] == [1, 1]


def test_who_is_locked_out_is_found_and_let_in(world: World) -> None:
    for _ in range(world.installation.settings.lockout_attempts):
        Browser(world).sign_in("annotator", "wrong password 1")
    assert Browser(world).sign_in("annotator").status_code == 429
    security = browser_of(world, "security")
    found = security.client.get("/people?locked=1").text
    assert ">annotator<" in found and ">annotator2<" not in found
    page = f"/people/{number_of(world, 'annotator')}"
    assert security.post(page, page, act="let_in").status_code == 302
    assert Browser(world).sign_in("annotator").status_code == 302


def test_a_company_forms_teams_and_a_leader_sees_their_own(world: World) -> None:
    leader, one, two = (number_of(world, name) for name in ("leader", "annotator", "annotator2"))
    first = world.good(world.post("vendor", "/api/teams/", {"name": "甲班", "leader": leader}), 201)
    second = world.good(world.post("vendor", "/api/teams/", {"name": "乙班"}), 201)
    for team, person in ((first, one), (second, two)):
        path = f"/api/teams/{team['id']}/members/{person}/"
        assert world.good(world.ask("PUT", path, "vendor", json={}))["members"] == [person]
    assert [row["name"] for row in world.good(world.get("leader", "/api/teams/"))] == ["甲班"]
    assert world.get("leader", f"/api/teams/{second['id']}/").status_code == 404
    assert world.get("other_vendor", f"/api/teams/{first['id']}/").status_code == 404
    page = browser_of(world, "leader").client.get("/people").text
    assert "annotator" in page and "annotator2" not in page and "reviewer" not in page
    # Somebody is in one team at a time.
    path = f"/api/teams/{first['id']}/members/{two}/"
    assert world.good(world.ask("PUT", path, "vendor", json={}))["members"] == [one, two]
    assert world.good(world.get("vendor", f"/api/teams/{second['id']}/"))["members"] == []
    # Who leads no more leaves the team without a leader.
    changed = world.patch("vendor", f"/api/users/{leader}/", {"role": "annotator"})
    assert changed.status_code == 200
    assert world.good(world.get("vendor", f"/api/teams/{first['id']}/"))["leader"] is None
    assert world.ask("DELETE", f"/api/teams/{first['id']}/", "vendor").status_code == 204
    assert world.get("annotator", "/api/projects/").status_code == 200


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "丙班", "leader": "reviewer"}, "leader"),
        ({"name": "丙班", "leader": "other_vendor"}, None),
        ({"name": "丙班", "organization": "beta"}, None),
    ],
)
def test_a_team_that_cannot_be(
    shared_world: World, sent: dict[str, object], place: str | None
) -> None:
    if "leader" in sent:
        sent = {**sent, "leader": number_of(shared_world, str(sent["leader"]))}
    answer = shared_world.post("vendor", "/api/teams/", sent)
    if place is None:
        assert answer.status_code in (403, 404)
    else:
        assert answer.status_code == 400 and set(answer.json["validation_errors"]) == {place}


def test_the_pages_form_teams_and_move_people(world: World) -> None:
    vendor = browser_of(world, "vendor")
    leader = number_of(world, "leader")
    made = vendor.post("/people/teams", "/people", name="甲班", leader=leader)
    assert made.status_code == 302
    again = vendor.post("/people/teams", "/people", name="甲班")
    assert again.status_code == 400 and 'role="alert"' in again.text
    team = re.search(r"team=(\d+)", made.location)
    assert team
    page = f"/people/{number_of(world, 'annotator')}"
    assert vendor.post(page, page, act="team", team=team[1]).status_code == 302
    shown = vendor.client.get(f"/people?team={team[1]}").text
    assert ">annotator<" in shown and ">annotator2<" not in shown
    assert ">annotator2<" in vendor.client.get("/people?team=0").text
    assert vendor.post(page, page, act="role", role="arbitrator").status_code == 403
    path = f"/people/teams/{team[1]}"
    assert vendor.post(path, "/people", name="甲一班", leader="").status_code == 302
    assert "甲一班" in vendor.client.get("/people").text
    assert vendor.post(path, "/people", act="remove").status_code == 302
    assert "甲一班" not in vendor.client.get("/people").text


def test_what_an_organisation_is_decides_which_roles_it_holds(world: World) -> None:
    security = browser_of(world, "security")
    asked = {"slug": "delta", "name": "德尔塔标注", "kind": "vendor", "district": "120116"}
    form = "/organisations"
    code = "91350100M000100Y43"
    made = security.post(form, form, **asked, industry="I", credit_code=code.lower())
    assert made.status_code == 302
    shown = security.client.get(form).text
    assert code in shown and "delta" in shown
    twice = security.post(form, form, **{**asked, "slug": "delta2"}, credit_code=code)
    wrong = security.post(form, form, **{**asked, "slug": "delta2"}, credit_code=code[:-1] + "4")
    unsaid = security.post(form, form, **{**asked, "slug": "delta2", "kind": ""})
    assert [answer.status_code for answer in (twice, wrong, unsaid)] == [400, 400, 400]
    person = {"username": "d1", "organization": "delta"}
    for role, status in (("acceptance_inspector", 400), ("regulator", 400), ("annotator", 201)):
        answer = world.post("security", "/api/users/", {**person, "role": role})
        assert answer.status_code == status, answer.text
    # What it is there for cannot become something that its people do not fit.
    page = f"/organisations/{number_of_home(world, 'delta')}"
    fits = security.post(page, page, name="德尔塔", kind="requester")
    unfit = security.post(page, page, name="德尔塔", kind="bureau")
    assert [fits.status_code, unfit.status_code] == [302, 400]


def number_of_home(world: World, slug: str) -> int:
    """Return the number of an organisation."""
    with world.installation.database.read() as session:
        return people.get_organisation(session, slug).id


@pytest.mark.parametrize("who", [*PEOPLE])
def test_everybody_has_a_home_and_at_most_seven_ways_from_it(shared_world: World, who: str) -> None:
    client = shared_world.app.test_client(use_cookies=False)
    headers = {"Authorization": f"Token {shared_world.tokens[who]}"}
    page = client.get("/", headers=headers)
    assert page.status_code == 200
    menu = re.search(r"<nav[^>]*>(.*?)</nav>", page.text, re.DOTALL)
    assert menu
    ways = re.findall(r'href="([^"]+)"', menu[1])
    assert 2 <= len(ways) <= 7, ways
    for way in ways:
        assert client.get(way, headers=headers, follow_redirects=True).status_code == 200, way


def test_reading_the_trail_is_in_the_trail(world: World) -> None:
    auditor = browser_of(world, "auditor")
    assert auditor.client.get("/audit").status_code == 200
    assert auditor.client.get("/audit?before=5").status_code == 200
    told = acts(world, "audit.read")
    assert [each["actor"] for each in told] == ["auditor", "auditor"]
    assert told[0]["detail"] == '{"before":5}'


@pytest.fixture
def separate(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world whose administrators are separate."""
    template, tokens = populated
    settings = copied(template, tmp_path / "home")
    made = opened(dataclasses.replace(settings, separate_administrators=True), tokens)
    yield made
    made.installation.close()


def test_where_administrators_are_separate_nobody_is_all_three(separate: World) -> None:
    assert Browser(separate).sign_in("admin").status_code == 400
    assert separate.get("admin", "/api/projects/").status_code == 401
    assert separate.get("security", "/api/users/").status_code == 200
    asked = {"username": "second", "role": "platform_admin", "organization": "platform"}
    assert separate.post("security", "/api/users/", asked).status_code == 403


def test_a_session_of_one_who_was_everything_ends_with_the_setting(
    populated: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    template, tokens = populated
    settings = copied(template, tmp_path / "home")
    before = opened(settings, tokens)
    browser = browser_of(before, "admin")
    cookie = browser.client.get_cookie("jinbiao")
    before.installation.close()
    after = opened(dataclasses.replace(settings, separate_administrators=True), tokens)
    client = after.app.test_client()
    assert cookie is not None
    client.set_cookie("jinbiao", cookie.value)
    assert client.get("/account").status_code == 302
    assert client.get("/api/projects/").status_code == 401
    after.installation.close()

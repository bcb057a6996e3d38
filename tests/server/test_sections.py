"""The pages of a project lead only where somebody may go, and so do homes without projects."""

from __future__ import annotations

import re

import pytest

from jinbiao.tests.server.world import World


@pytest.mark.parametrize("who", ["requester", "company_manager", "reviewer", "leader", "annotator"])
def test_every_section_opens(world: World, who: str) -> None:
    project = world.project(vendor="gamma")
    page = world.get(who, f"/projects/{project}").text
    row = page.partition('class="tabs sections"')[2].partition("</nav>")[0]
    found = re.findall(r'href="([^"]+)"', row)
    assert len(found) >= 3
    assert [path for path in found if world.get(who, path).status_code != 200] == []


def test_owners_see_the_pages_of_quality(world: World) -> None:
    project = world.project(vendor="gamma")
    page = world.get("requester", f"/projects/{project}").text
    for part in ("gold", "suspicions", "integrity"):
        assert f"/projects/{project}/{part}" in page


def test_a_company_is_not_offered_what_only_owners_do(world: World) -> None:
    project = world.project(vendor="gamma")
    path = f"/projects/{project}/guideline"
    assert f"{path}/edit" in world.get("requester", path).text
    assert f"{path}/edit" not in world.get("company_manager", path).text
    assert world.get("company_manager", f"{path}/edit").status_code == 403


@pytest.mark.parametrize("who", ["system", "security", "auditor", "regulator", "builder"])
def test_a_home_without_projects_leads_on(world: World, who: str) -> None:
    content = world.get(who, "/").text.partition('id="content"')[2]
    found = re.findall(r'<a href="(/[^"]*)"><div', content)
    assert found
    # Some lead on to the page that is theirs.
    assert [path for path in found if world.get(who, path).status_code not in (200, 302)] == []

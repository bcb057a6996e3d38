"""Every command asks the permission table, or says why it need not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jinbiao.datasets import permissions
from jinbiao.server.cli import jinbiao
from jinbiao.tests.server.command import Command

# What each command asks for; those without are run by whoever holds the machine.
ASKED = {
    "audit verify": None,
    "administrators": None,
    "backup": None,
    "clean": "cleaning.run",
    "datasheet check": "dataset.read",
    "demo": None,
    "export": "version.export",
    "feed add": "feed.manage",
    "feed list": "feed.manage",
    "feed run": "feed.manage",
    "freeze": "version.freeze",
    "health": None,
    "import": "task.import",
    "keys rotate": None,
    "library bring": "library.bring",
    "library create": "library.change",
    "library list": "library.read",
    "library send": "library.read",
    "migrate": None,
    "prelabel": "prelabel.run",
    "project create": "project.create",
    "project list": "project.read",
    "publish": "dataset.publish",
    "push": "release.push",
    "scan": "finding.scan",
    "recipe import": "recipe.write",
    "recipe list": "library.read",
    "recipe operators": None,
    "recipe show": "library.read",
    "restore": None,
    "review": "annotation.review",
    "serve": None,
    "token": "people.manage",
    "up": None,
    "user add": "people.manage",
    "user forget-factor": "people.manage",
    "user list": "people.manage",
    "user password": "people.manage",
    "work": None,
}


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """List every command below a group with its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


def test_every_command_names_its_right_or_its_reason() -> None:
    found = {}
    for name, command in commands(jinbiao):
        action = getattr(command.callback, "jinbiao_action", None)
        reason = getattr(command.callback, "jinbiao_reason", None)
        assert (action is None) != (reason is None), f"{name} names no right and no reason"
        assert action is None or action in permissions.ACTIONS
        found[name] = action
    assert found == ASKED


@pytest.fixture
def separate(tmp_path: Path) -> Command:
    """Give an installation whose administrators are separate from the beginning."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, {"JINBIAO_LANGUAGE": "en", "JINBIAO_SEPARATE_ADMINISTRATORS": "1"})


def test_an_installation_of_three_has_no_other_administrator(separate: Command) -> None:
    first = separate.fork("migrate")
    assert first.code == 0, first.err
    made = [line.split("\t") for line in first.out.splitlines() if "\t" in line]
    assert [row[:2] for row in made] == [
        ["system_admin", "system"],
        ["security_admin", "security"],
        ["audit_admin", "audit"],
    ]
    again = separate.fork("administrators")
    assert again.code == 0 and "\t" not in again.out
    asked = ("user", "add", "somebody", "--organisation", "platform", "--role")
    for role in ("platform_admin", "system_admin", "audit_admin"):
        refused = separate.fork(*asked, role)
        assert refused.code == 1 and role in refused.err, refused.err
    listed = separate.fork("user", "list")
    assert listed.code == 0 and len(listed.out.splitlines()) == 3
    company = ("--organisation", "beta", "--organisation-kind", "vendor")
    added = separate.fork("user", "add", "boss", "--role", "vendor_admin", *company)
    assert added.code == 0, added.err
    unfit = separate.fork("user", "add", "x", "--role", "requester", "--organisation", "beta")
    assert unfit.code == 1 and "vendor" in unfit.err
    # No command acts as one of the three where work is asked for.
    for who in ("system", "security", "audit"):
        assert separate.fork("project", "list", "--as", who).code == 1


def test_who_was_everything_before_acts_no_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    before = Command(home, {"JINBIAO_LANGUAGE": "en"})
    assert before.fork("migrate").code == 0
    assert before.fork("administrators").code == 0
    after = Command(home, {**before.settings, "JINBIAO_SEPARATE_ADMINISTRATORS": "1"})
    refused = after.fork("project", "list", "--as", "admin")
    assert refused.code == 1 and "separate" in refused.err
    assert after.fork("user", "list").code == 0

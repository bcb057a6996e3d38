"""The command that looks for personal information."""

from __future__ import annotations

from typing import Any

import click

from ...datasets import findings, libraries, projects
from ...datasets.errors import _
from ...datasets.findings import Owned
from .asking import ACTING, asks
from .here import run_here
from .opened import acting_as, opened
from .printing import say


@click.command("scan")
@click.argument("reference", metavar="PROJECT")
@click.option("--library", is_flag=True, help="编号是素材库的 · The number is that of a library")
@click.option("--again", is_flag=True, help="全部重新扫描 · Look at everything anew")
@click.option("--no-pictures", is_flag=True, help="不看图片 · Leave pictures out")
@ACTING
@asks("finding.scan")
def scan(reference: str, library: bool, again: bool, no_pictures: bool, username: str) -> None:
    """扫描个人信息 · Look for personal information in PROJECT, or in a library by its number.

    Only what came or changed since the last scan is looked at. No value is printed.
    """
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "finding.scan")
            owned: Owned
            if library:
                number = int(reference) if reference.isdecimal() else 0
                owned = libraries.get(session, actor, number, "finding.scan")
            else:
                owned = projects.find(session, actor, reference)
        request: dict[str, Any] = {"again": again, "pictures": not no_pictures}
        if library:
            request["library"] = owned.id
        job = run_here(
            installation, actor, owned, "scan", request, _("Look for personal information")
        )
        told = job.result_values
        say(
            _("records %(records)s, found %(found)s, not looked at %(unseen)s"),
            err=True,
            records=told["records"],
            found=told["found"],
            unseen=told["unseen"],
        )
        with installation.database.read() as session:
            for kind, many in findings.kinds(session, owned, "open").items():
                click.echo(f"{kind} {many}")


COMMANDS = (scan,)

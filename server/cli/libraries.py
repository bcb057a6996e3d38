"""Commands of raw material: make a library, list, bring files into it, send it to a project."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from ...datasets import errors, libraries, people, projects, sending
from ...datasets.errors import _
from ...datasets.libraries import Library
from ...datasets.people import User
from . import reject_files
from .asking import ACTING, asks
from .here import run_here
from .opened import acting_as, opened
from .printing import say, say_skipped


@click.group()
def library() -> None:
    """素材库 · Libraries of raw material: create, list, bring, send."""


@library.command("create")
@click.argument("title")
@click.option("--kind", type=click.Choice(libraries.KINDS), default=libraries.MIXED)
@click.option("--text-key", help="正文所在的列 · The column that holds the text of a row")
@click.option("--level", type=click.Choice(libraries.LEVELS), help="数据级别 · The data level")
@click.option("--organisation", help="所属单位代号 · The owner's slug; else one's own")
@ACTING
@asks("library.change")
def create(
    title: str,
    kind: str,
    text_key: str | None,
    level: str | None,
    organisation: str | None,
    username: str,
) -> None:
    """新建素材库，打印编号 · Make a library and print its number."""
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, username, "library.change")
        made = libraries.create(
            session,
            actor,
            title=title,
            kind=kind,
            text_key=text_key,
            level=level,
            organisation=None
            if organisation is None
            else people.get_organisation(session, organisation),
        )
    click.echo(made.id)


@library.command("list")
@ACTING
@asks("library.read")
def index(username: str) -> None:
    """列出素材库 · List libraries: number, title, kind, assets, bytes."""
    with opened() as installation, installation.database.read() as session:
        actor = acting_as(session, username, "library.read")
        for row in libraries.listing(session, actor, limit=1000):
            click.echo(f"{row.id}\t{row.title}\t{row.kind}\t{row.assets}\t{row.size}")


@library.command("bring")
@click.argument("reference", metavar="LIBRARY")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--each-line", is_flag=True, help="文本每行一条 · A text of each line of a text file")
@ACTING
@asks("library.bring")
def bring(reference: str, paths: tuple[Path, ...], each_line: bool, username: str) -> None:
    """把文件、文件夹或 ZIP 收进素材库 · Bring files, folders or ZIPs into a library.

    What fails goes to a reject file with the reason; the rest is kept as it came.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise errors.Invalid(_("there is no file or folder %(path)s"), path=missing[0])
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "library.bring")
            target = _find(session, actor, reference, "library.bring")
        for path in paths:
            request = {
                "library": target.id,
                "path": str(path.absolute()),
                "name": path.name,
                "each_line": each_line,
            }
            job = run_here(installation, actor, target, "intake", request, path.name)
            result = job.result_values
            say(
                _("%(name)s: %(assets)s assets, %(rejected)s rejected"),
                name=path,
                assets=result["assets"],
                rejected=result["rejected"],
            )
            for reason, number in result["skipped"].items():
                say_skipped(reason, number)
            reject_files.write(installation, result["reject_file"], path.name)


@library.command("send")
@click.argument("reference", metavar="LIBRARY")
@click.argument("project_reference", metavar="PROJECT")
@click.option("--cleaning", type=int, help="某次清洗留下的 · Only what this cleaning kept")
@ACTING
@asks("library.read")
def send(reference: str, project_reference: str, cleaning: int | None, username: str) -> None:
    """把素材变成项目的任务 · Make tasks of a library's assets in a project."""
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "library.read")
            source = _find(session, actor, reference, "library.read")
            target = projects.find(session, actor, project_reference)
            sending.check(session, source, target, cleaning)
        request = {"library": source.id, "cleaning": cleaning}
        job = run_here(installation, actor, target, sending.KIND, request, source.title)
        result = job.result_values
        say(
            _("%(tasks)s tasks, %(rejected)s rejected, there already: %(there)s"),
            tasks=result["tasks"],
            rejected=result["rejected"],
            there=result["there"],
        )
        reject_files.write(installation, result["reject_file"], f"library-{source.id}")


def _find(session: Session, actor: User, reference: str, action: str) -> Library:
    """Return a library by its number, or by its title where only one has it."""
    if reference.isascii() and reference.isdigit():
        return libraries.get(session, actor, int(reference), action)
    found = [
        row
        for row in libraries.listing(session, actor, title=reference, limit=1000)
        if row.title == reference
    ]
    if len(found) != 1:
        raise errors.NotFound(_("there is no library %(id)s"), id=reference[:80])
    return libraries.get(session, actor, found[0].id, action)


COMMANDS = (library,)

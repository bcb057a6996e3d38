"""Commands of feeds: list, add, run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from ...datasets import errors, feeds, libraries, projects
from ...datasets.errors import _
from ...datasets.feeds import Feed, FeedKind, FeedRun, RunState
from ...datasets.installation import Installation
from ...datasets.jobs import Job
from ...datasets.libraries import Library
from ...datasets.people import User
from ...datasets.projects import Project
from . import reject_files
from .asking import ACTING, asks
from .loading import load
from .opened import acting_as, opened
from .printing import progress, worded

_FLAGS = {"true": True, "false": False}
_STATES = {
    RunState.WAITING: _("waiting"),
    RunState.RUNNING: _("running"),
    RunState.DONE: _("done"),
    RunState.HELD: _("held"),
    RunState.FAILED: _("it failed"),
}


@click.group()
def feed() -> None:
    """数据源 · Feeds: places that fill a library or a project again and again."""


@feed.command("list")
@ACTING
@asks("feed.manage")
def feed_list(username: str) -> None:
    """列出数据源 · List feeds: number, kind, title, newest run."""
    with opened() as installation, installation.database.read() as session:
        actor = acting_as(session, username, "feed.manage")
        found = feeds.listing(session, actor)
        runs = feeds.newest_runs(session, [row.id for row in found])
        stopped = feeds.stopped(session, found)
        referred = feeds.references.standing(session, [row.id for row in found])
        for row in found:
            told = _line(runs[row.id]) if row.id in runs else worded(_("not run yet"), {})
            if row.id in referred:
                there = {"held": referred[row.id].held, "lost": referred[row.id].lost}
                told += worded(_("; refers to %(held)s, %(lost)s lost"), there)
            if row.id in stopped:
                told = worded(_("stopped: what it fills was removed"), {})
            click.echo(f"{row.id}\t{row.kind}\t{row.title}\t{told}")


@feed.command("add")
@click.argument("kind", type=click.Choice([str(kind) for kind in FeedKind]))
@click.option("--library", "library_id", type=int, help="素材库编号 · The library to fill")
@click.option("--project", "project_id", type=int, help="项目编号 · Or the project to fill")
@click.option("--title", help="名称 · What it is called")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="选项，如 bucket=raw · An option, such as bucket=raw; may be given several times",
)
@click.option(
    "--secret",
    "secret_files",
    multiple=True,
    metavar="NAME=FILE",
    help="密钥所在文件 · A key, read from a file (- asks for it)",
)
@click.option("--follow-deletions", is_flag=True, help="跟随删除 · Withdraw what has gone there")
@click.option("--every-hours", type=click.IntRange(1), help="每隔几小时 · Hours between runs")
@ACTING
@asks("feed.manage")
def feed_add(
    kind: str,
    library_id: int | None,
    project_id: int | None,
    title: str | None,
    given: tuple[str, ...],
    secret_files: tuple[str, ...],
    follow_deletions: bool,
    every_hours: int | None,
    username: str,
) -> None:
    """添加数据源，先测试再保存，打印编号 · Try a feed, keep it, and print its number."""
    if (library_id is None) == (project_id is None):
        raise errors.Invalid(_("give either --library or --project"))
    values: dict[str, Any] = {"title": title, "every_hours": every_hours}
    values |= {"follows_deletions": follow_deletions, **_options(kind, given)}
    values |= {name: _secret(name, file) for name, file in map(_pair, secret_files)}
    with opened() as installation:
        settings = installation.settings
        with installation.database.read() as session:
            actor = acting_as(session, username, "feed.manage")
            target = _target(session, actor, library_id, project_id)
            draft = feeds.draft(settings, actor, target, kind, values)
        load("...workers.feeds.ways").way_of(settings, draft).check()
        with installation.database.write() as session:
            target = _target(session, actor, library_id, project_id)
            row = feeds.add(session, settings, actor, target, kind, values)
    click.echo(row.id)


@feed.command("run")
@click.argument("feed_id", metavar="FEED", type=int)
@click.option("--confirm", is_flag=True, help="确认大量删除 · Much may go that has gone there")
@ACTING
@asks("feed.manage")
def feed_run(feed_id: int, confirm: bool, username: str) -> None:
    """立即运行，打印结果 · Bring what is new now; print what came."""
    with opened() as installation:
        with installation.database.write() as session:
            actor = acting_as(session, username, "feed.manage")
            row = feeds.get(session, actor, feed_id)
            begun, job = feeds.ask(session, actor, row, confirm=confirm)
        _do(installation, job, row)
        with installation.database.read() as session:
            ended = session.get_one(FeedRun, begun.id)
        click.echo(_line(ended))
        reject_files.write(installation, ended.reject_file, f"feed-{feed_id}")


def _do(installation: Installation, job: Job, row: Feed) -> None:
    """Do a run in this process, unless a worker took it meanwhile.

    Raises:
        errors.JinbiaoError: as the run ended.
    """
    run = load("...workers.run")
    with progress(row.title) as show:
        run.perform(installation, job.id, show)
    with installation.database.read() as session:
        ended = session.get_one(Job, job.id)
        problem = None if ended.state == "done" else ended.error
    if problem is not None:
        raise errors.from_json(problem)


def _line(run: FeedRun) -> str:
    state = worded(_STATES[RunState(run.state)], {})
    names = ("new", "changed", "same", "gone", "brought", "withdrawn", "rejected")
    told = worded(
        _(
            "%(state)s: %(new)s new, %(changed)s changed, %(same)s as before, %(gone)s gone,"
            " %(brought)s brought, %(withdrawn)s withdrawn, %(rejected)s rejected"
        ),
        {"state": state, **{name: getattr(run, name) for name in names}},
    )
    if not run.held:
        return told
    return told + worded(_("; %(held)s held back: run it with --confirm"), {"held": run.held})


def _target(
    session: Session, actor: User, library_id: int | None, project_id: int | None
) -> Library | Project:
    if library_id is not None:
        return libraries.get(session, actor, library_id, "library.change")
    return projects.get(session, actor, int(project_id or 0), "task.import")


def _options(kind: str, given: tuple[str, ...]) -> dict[str, Any]:
    """Return the options that were given; those that are lists may be given several times."""
    known = feeds.OPTIONS[kind]
    found: dict[str, Any] = {}
    for name, value in map(_pair, given):
        if name not in known:
            raise errors.Invalid(
                _("must be one of %(names)s"), place="--set", names=", ".join(known)
            )
        if isinstance(known[name], list):
            found.setdefault(name, []).extend(value.split())
        else:
            found[name] = _FLAGS.get(value, value) if name == "recursive" else value
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise errors.Invalid(_("must be NAME=VALUE, not “%(given)s”"), given=name[:40])
    return name, value


def _secret(name: str, file: str) -> str:
    """Return a key from a file or from who is asked: never from the command line itself."""
    if file == "-":
        return str(click.prompt(name, hide_input=True))
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise errors.Invalid(_("there is no file or folder %(path)s"), path=file) from problem


COMMANDS = (feed,)

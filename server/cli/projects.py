"""Commands of projects: create, list."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from ...datasets import errors, labels, people, projects, tasks
from ...datasets.errors import _
from ...datasets.tasks import TaskState
from .asking import ACTING, asks
from .opened import acting_as, opened
from .printing import worded


@click.group()
def project() -> None:
    """项目 · Projects: create, list."""


@project.command("create")
@click.argument("title")
@click.option("--template", type=click.Choice(list(labels.TEMPLATES)), help="模板 · A template")
@click.option(
    "--config", type=click.Path(path_type=Path), help="标注配置文件 · A labelling config (XML)"
)
@click.option("--organisation", help="所属单位代号 · The owner's slug; else one's own")
@click.option("--vendor", help="标注公司代号 · The annotation company's slug")
@ACTING
@asks("project.create")
def project_create(
    title: str,
    template: str | None,
    config: Path | None,
    organisation: str | None,
    vendor: str | None,
    username: str,
) -> None:
    """新建项目，打印编号 · Create a project and print its number."""
    if (template is None) == (config is None):
        raise errors.Invalid(_("give either --template or --config"))
    xml = labels.TEMPLATES[template].config if template else _text(config)
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, username, "project.create")
        created = projects.create(
            session,
            actor,
            title=title,
            label_config=xml,
            organisation=_organisation(session, organisation),
            vendor=_organisation(session, vendor),
        )
    click.echo(created.id)


@project.command("list")
@ACTING
@asks("project.read")
def project_list(username: str) -> None:
    """列出项目 · List projects: number, title, tasks by state."""
    with opened() as installation, installation.database.read() as session:
        actor = acting_as(session, username, "project.read")
        found = projects.visible(session, actor, limit=1000)
        counts = tasks.counts(session, [each.id for each in found])
        for each in found:
            states = counts.get(each.id, {})
            counted = [
                f"{worded(_STATES[TaskState(state)], {})} {number}"
                for state, number in sorted(states.items())
            ]
            told = ", ".join(counted) or worded(_("empty"), {})
            click.echo(f"{each.id}\t{each.title}\t{told}")


def _organisation(session: Session, slug: str | None) -> people.Organisation | None:
    return None if slug is None else people.get_organisation(session, slug)


def _text(path: Path | None) -> str:
    try:
        return Path(path or "").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise errors.Invalid(
            _("%(path)s cannot be read: %(reason)s"), path=str(path), reason=str(problem)
        ) from problem


_STATES = {
    TaskState.WAITING: _("waiting"),
    TaskState.LABELLED: _("labelled"),
    TaskState.RETURNED: _("returned"),
    TaskState.SKIPPED: _("skipped"),
    TaskState.ACCEPTED: _("accepted"),
    TaskState.WITHDRAWN: _("withdrawn"),
}
COMMANDS = (project,)

"""Commands of an operator: migrate, health, backup, restore."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...datasets import audit, backups, migrations, settings
from ...datasets.errors import _
from ...datasets.installation import open_installation
from .. import parts
from .first_people import first_people
from .machine import at_the_machine
from .opened import opened
from .printing import progress, say


@click.command()
@at_the_machine("it changes the schema, which no person has a right to")
def migrate() -> None:
    """升级数据库结构 · Bring the database to the schema that this program needs."""
    installation = open_installation(settings.load())
    installation.database.check()
    revision = migrations.upgrade(installation.database)
    first_people(installation)
    installation.close()
    say(_("revision %(revision)s"), revision=revision)


@click.command()
@at_the_machine("it only asks whether the parts answer")
def health() -> None:
    """检查各部分 · Ask every part; exit 1 when one does not answer."""
    installation = open_installation(settings.load())
    found = parts.faults(installation)
    for name, fault in found.items():
        click.echo(f"{name}\t{fault or 'ok'}")
    if any(found.values()):
        sys.exit(1)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@at_the_machine("it reads the database and the files that whoever runs it holds")
def backup(target: Path) -> None:
    """备份到一个文件 · Back everything up into one file."""
    with opened() as installation, progress(_("Back up")) as show:
        counts = backups.backup(installation, target, show)
        with installation.database.write() as session:
            audit.record(session, "operator", "platform.backup", "backup", **counts)
    _say_counts(target, counts)


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@at_the_machine("it fills an installation in which there is nobody yet")
def restore(source: Path) -> None:
    """从备份恢复到空的安装 · Fill an empty installation from a backup."""
    installation = open_installation(settings.load())
    with progress(_("Restore")) as show:
        counts = backups.restore(installation, source, show)
    installation.close()
    _say_counts(source, counts)


def _say_counts(file: Path, counts: dict[str, int]) -> None:
    message = _("%(name)s: %(tasks)s tasks, %(objects)s objects")
    say(message, name=file, tasks=counts["tasks"], objects=counts["objects"])


COMMANDS = (migrate, health, backup, restore)

"""The command that sends a published version to another catalogue or hub."""

from __future__ import annotations

import click

from ...datasets import catalogue, errors, projects, pushes
from ...datasets.errors import _
from .asking import ACTING, asks
from .here import run_here
from .opened import acting_as, opened
from .printing import say


@click.command("push")
@click.argument("dataset_name", metavar="DATASET")
@click.argument("target_name", metavar="TARGET")
@click.option("--tag", help="如 v1.0.0，默认最新 · Such as v1.0.0; else the newest")
@ACTING
@asks("release.push")
def push(dataset_name: str, target_name: str, tag: str | None, username: str) -> None:
    """推送到其他目录 · Send a version of DATASET (organisation/name) to TARGET, by its name.

    Run again after it broke off, it sends only what is not there yet.
    """
    with opened() as installation:
        with installation.database.read() as session:
            actor = acting_as(session, username, "release.push")
            dataset = catalogue.find(session, dataset_name, actor)
            if dataset is None:
                raise errors.NotFound(_("there is no dataset %(name)s"), name=dataset_name[:120])
            release = catalogue.resolve(session, dataset, tag or "main")
            if release is None:
                raise errors.NotFound(
                    _("the dataset has no revision “%(revision)s”"), revision=str(tag)[:60]
                )
            target = pushes.find(session, actor, dataset.organisation_id, target_name)
            project = projects.get(session, actor, dataset.project_id, "release.push")
        request = {"release": release.id, "target": target.id, "name": dataset.full_name}
        job = run_here(installation, actor, project, "push_release", request, target.name)
        told = job.result_values
        click.echo(str(told["address"]))
        if not told["changed"]:
            say(_("nothing changed: all %(files)s files were there already"), files=told["files"])
        else:
            say(
                _(
                    "sent %(sent)s of %(files)s files, %(sent_bytes)s; there already: %(there)s;"
                    " taken away: %(removed)s"
                ),
                sent=told["sent"],
                files=told["files"],
                sent_bytes=told["sent_bytes"],
                there=told["there"],
                removed=told["removed"],
            )
        if told["commit"]:
            click.echo(f"{told['tag']} {told['commit']}")


COMMANDS = (push,)

"""Commands of cleaning: recipes (list, show, export, import, operators), and clean."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...datasets import jobs, libraries
from ...datasets.cleaning import ask, ready, recipe_files, recipes
from ...datasets.cleaning.operators import OPERATORS
from ...datasets.errors import _
from ...datasets.jobs import JobState
from ...workers.heart import worker_name
from .asking import ACTING, asks
from .loading import load
from .machine import at_the_machine
from .opened import acting_as, opened
from .printing import progress, say, worded


@click.group()
def recipe() -> None:
    """清洗配方 · Cleaning recipes: list, show, import, export, operators."""


@recipe.command("list")
@click.option("--archived", is_flag=True, help="已归档的 · Those put away")
@ACTING
@asks("library.read")
def recipe_list(archived: bool, username: str) -> None:
    """列出清洗配方 · List recipes: number, name, newest version, digest."""
    with opened() as installation, installation.database.read() as session:
        actor = acting_as(session, username, "library.read")
        for each in recipes.listing(session, actor, is_archived=archived, limit=1000):
            newest = each.newest
            click.echo(f"{each.recipe.id}\t{each.recipe.name}\t{newest.number}\t{newest.digest}")


@recipe.command("show")
@click.argument("reference", metavar="RECIPE")
@click.option("--version", "number", type=int, default=0, help="版本号，默认最新 · Else the newest")
@click.option("--format", "form", type=click.Choice(recipe_files.FORMATS), default="yaml")
@ACTING
@asks("library.read")
def recipe_show(reference: str, number: int, form: str, username: str) -> None:
    """以文件形式打印清洗配方 · Print a recipe (by number or name) as a file to keep or carry on."""
    with opened() as installation, installation.database.read() as session:
        actor = acting_as(session, username, "library.read")
        found = recipes.find(session, actor, reference)
        version = recipes.version(session, found, number)
        sys.stdout.buffer.write(recipe_files.written(found, version, form))


@recipe.command("import")
@click.argument(
    "path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", default="", help="名称，默认用文件中的 · Else the one in the file")
@click.option("--into", "reference", default="", help="作为此配方的新版本 · As its next version")
@ACTING
@asks("recipe.write")
def recipe_import(path: Path, name: str, reference: str, username: str) -> None:
    """导入配方文件，打印编号 · Bring a recipe file (YAML or JSON); print its number and version."""
    with path.open("rb") as file:
        told = recipe_files.read(file.read(recipe_files.MOST_BYTES + 1))
    with opened() as installation, installation.database.write() as session:
        actor = acting_as(session, username, "recipe.write")
        if reference:
            found = recipes.find(session, actor, reference, "recipe.write")
            added = recipes.add_version(session, actor, found, told.steps, note=told.note)
        else:
            found, added = recipes.create(
                session,
                actor,
                name=name or told.name,
                steps=told.steps,
                description=told.description,
                note=told.note,
            )
        click.echo(f"{found.id}\t{found.name}\t{added.number}\t{added.digest}")


@recipe.command("operators")
@at_the_machine("它只说本程序有什么 · it only tells what this program has")
def recipe_operators() -> None:
    """列出算子和现成的配方 · List the operators with their options, and the ready-made recipes."""
    for name in sorted(OPERATORS):
        operator = OPERATORS[name]
        click.echo(f"{name}\t{operator.version}\t{operator.does}\t{worded(operator.title, {})}")
        for option in operator.options:
            limits = "" if option.least is None else f" [{option.least:g} … {option.most or 0:g}]"
            click.echo(f"  {option.name} = {option.default!r}{limits}\t{worded(option.title, {})}")
    for each in ready.offered():
        steps = " → ".join(str(step["operator"]) for step in each.steps)
        click.echo(f"{each.name}\t{worded(each.title, {})}: {steps}")


@click.command()
@click.argument("library_id", metavar="LIBRARY", type=int)
@click.argument("reference", metavar="RECIPE")
@click.option("--version", "number", type=int, default=0, help="版本号，默认最新 · Else the newest")
@ACTING
@asks("cleaning.run")
def clean(library_id: int, reference: str, number: int, username: str) -> None:
    """按配方清洗素材库 · Clean a library by a recipe, here and now; the originals stay."""
    with opened() as installation:
        with installation.database.write() as session:
            actor = acting_as(session, username, "cleaning.run")
            library = libraries.get(session, actor, library_id, "cleaning.run")
            found = recipes.find(session, actor, reference)
            version = recipes.version(session, found, number)
            cleaning, job = ask(session, actor, library, version)
            # Begun in the same transaction: no worker can take it.
            begun = jobs.begin(session, job.id, worker_name())
        run = load("...workers.run")
        with progress(_("Clean material")) as show:
            if begun is not None:
                run.carry_out(run.work_of(installation, begun, actor, show), begun.kind)
        with installation.database.read() as session:
            ended = jobs.get(session, job.id)
        if ended.state != JobState.DONE:
            raise jobs.failure(ended)
        result = ended.result_values
        say(
            _(
                "%(id)s: %(records)s records, %(kept)s kept, %(changed)s changed,"
                " %(dropped)s dropped"
            ),
            id=cleaning.id,
            **{name: result[name] for name in ("records", "kept", "changed", "dropped")},
        )


COMMANDS = (recipe, clean)

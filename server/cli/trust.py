"""Commands of trust: the keys that sign what is published, the datasheet checked again."""

from __future__ import annotations

import sys

import click

from ...datasets import catalogue, errors, receipts
from ...datasets.errors import _
from ...datasets.receipts import SigningKey
from ...exporters import datasheet as datasheet_files
from .asking import ACTING, asks
from .machine import at_the_machine
from .opened import acting_as, opened
from .printing import say, worded


@click.group(invoke_without_command=True)
@click.pass_context
@at_the_machine("public keys are public; the secrets are never shown")
def keys(context: click.Context) -> None:
    """签名密钥 · The keys that sign releases: list them; “rotate” replaces them."""
    if context.invoked_subcommand is not None:
        return
    with opened() as installation, installation.database.write() as session:
        receipts.current(session, installation.settings)
        _say(receipts.listed(session))


@keys.command("rotate")
@at_the_machine("whoever runs it holds the database and the key that seals")
def rotate() -> None:
    """换用新密钥，旧公钥保留在名单中 · Sign with new keys; the old ones stay listed."""
    with opened() as installation, installation.database.write() as session:
        receipts.rotate(session, installation.settings, "operator")
        _say(receipts.listed(session))


@click.group()
def datasheet() -> None:
    """说明书 · The datasheets of published datasets."""


@datasheet.command("check")
@click.argument("dataset")
@click.argument("tag", default="main")
@ACTING
@asks("dataset.read")
def check(dataset: str, tag: str, username: str) -> None:
    """重新计算说明书的每个数字 · Recompute a datasheet; exit 1 and name each difference.

    DATASET is organisation/name, TAG a version such as v1.0.0; without it the newest.
    """
    with opened() as installation, installation.database.read() as session:
        found = catalogue.find(session, dataset, acting_as(session, username, "dataset.read"))
        release = None if found is None else catalogue.resolve(session, found, tag)
        if release is None:
            raise errors.NotFound(_("there is no dataset %(name)s"), name=f"{dataset} {tag}"[:160])
        differing = datasheet_files.differences(session, installation.store, release)
    for line in differing:
        click.echo(line)
    say(
        _("%(dataset)s %(tag)s: %(number)s differences"),
        err=bool(differing),
        dataset=dataset,
        tag=release.tag,
        number=len(differing),
    )
    if differing:
        sys.exit(1)


def _say(found: list[SigningKey]) -> None:
    for key in found:
        retired = "" if key.retired_at is None else f"{key.retired_at:%Y-%m-%d}"
        state = worded(_("retired %(date)s") if retired else _("in use"), {"date": retired})
        click.echo(f"{key.algorithm}\t{key.name}\t{key.made_at:%Y-%m-%d}\t{state}\t{key.public}")


COMMANDS = (keys, datasheet)

"""Print for a terminal: errors in the reader's language, and progress bars."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from babel.support import NullTranslations, Translations
from tqdm import tqdm

from ...datasets import errors
from ...datasets.errors import _
from .. import sentences

if TYPE_CHECKING:
    from ...datasets.people import User
    from ...workers.work import Progress

# What counts as skipped → what it is called.
_SKIPPED = {
    "system files": _("system files"),
    "archives inside": _("archives that stayed closed"),
    "other files": _("files of other kinds"),
    "masks": _("masks, which this config does not show"),
    "points without a control": _("points, which this config does not show"),
    "attributes": _("attributes of shapes, which this config has no place for"),
}
WORDS = Path(__file__).parent.parent.parent / "ui" / "words"


def say(message: str, *, err: bool = False, **values: object) -> None:
    """Print a message of ours, filled in, in the language of the command line."""
    click.echo(worded(message, values), err=err)


def worded(message: str, values: Mapping[str, Any]) -> str:
    """Return a message, filled in, in the language of the command line."""
    return sentences.sentence(message, dict(values), _translate)


def say_error(problem: errors.JinbiaoError) -> None:
    """Print an error on one line, and its problems on a line each."""
    click.echo(f"jinbiao: {_line(problem.message, problem.values, problem.place)}", err=True)
    for each in problem.problems[:50]:
        click.echo(f"  {_line(each.message, each.values, each.place)}", err=True)


def say_skipped(what: str, number: int) -> None:
    """Print how many things of a kind were left unread."""
    named = worded(_SKIPPED.get(what, what), {})
    told = worded(_("skipped: %(number)s × %(what)s"), {"number": number, "what": named})
    click.echo(f"  {told}")


def say_rejects(file: Path) -> None:
    """Print where what was left out is listed."""
    told = worded(_("reject file: %(name)s"), {"name": file})
    click.echo(f"  {told}")


def say_passwords(made: list[tuple[User, str]]) -> None:
    """Print the one-time passwords of people who were just added, one on a line."""
    for person, password in made:
        click.echo(f"{person.role}\t{person.username}\t{password}")


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Give a function that shows progress on a bar; silent where there is no terminal.

    `title` is a message of ours, or a name, which is shown as it is.
    """
    named = _translate(title)
    with tqdm(
        desc=named, unit="", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total if total is not None else bar.total
            bar.n = done
            bar.refresh()

        yield show


def _line(message: str, values: Mapping[str, Any], place: str) -> str:
    text = worded(message, values)
    return f"{place}: {text}" if place else text


def _translate(message: str) -> str:
    return str(_translations(os.environ.get("JINBIAO_LANGUAGE") or "zh").gettext(message))


@cache
def _translations(language: str) -> NullTranslations:
    return Translations.load(str(WORDS), [language])

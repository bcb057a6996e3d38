"""Print for a terminal: errors in the reader's language, and progress bars."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import click
from babel.support import NullTranslations, Translations
from tqdm import tqdm

from ...datasets import errors
from ...datasets.people import User
from ...workers.work import Progress

WORDS = Path(__file__).parent.parent.parent / "ui" / "words"


def say_error(problem: errors.JinbiaoError) -> None:
    """Print an error on one line, and its problems on a line each."""
    click.echo(f"jinbiao: {_worded(problem.message, problem.values, problem.place)}", err=True)
    for each in problem.problems[:50]:
        click.echo(f"  {_worded(each.message, each.values, each.place)}", err=True)


def say_passwords(made: list[tuple[User, str]]) -> None:
    """Print the one-time passwords of people who were just added, one on a line."""
    for person, password in made:
        click.echo(f"{person.role}\t{person.username}\t{password}")


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Give a function that shows progress on a bar; silent where there is no terminal."""
    with tqdm(
        desc=title, unit="", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total if total is not None else bar.total
            bar.n = done
            bar.refresh()

        yield show


def _worded(message: str, values: dict[str, object], place: str) -> str:
    translated = str(_translations().gettext(message))
    text = translated % values if values else translated
    return f"{place}: {text}" if place else text


@cache
def _translations() -> NullTranslations:
    language = os.environ.get("JINBIAO_LANGUAGE", "zh")
    return Translations.load(str(WORDS), [language])

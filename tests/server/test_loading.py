"""A command loads what it needs, and the list of commands next to nothing."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jinbiao.server import cli
from jinbiao.server.cli import PLACES, jinbiao

COMMANDS_FOLDER = Path(cli.__file__).parent


def text_of(module: str) -> str:
    return (COMMANDS_FOLDER / f"{module[1:]}.py").read_text(encoding="utf-8")


def modules(program: str, argument: str) -> list[str]:
    """Run a program that ends by printing what it loaded, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, argument],
        capture_output=True,
        text=True,
        timeout=120,
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("loaded ")]
    return line.split()[1:]


def test_the_list_of_commands_says_what_they_say() -> None:
    for name, place in PLACES.items():
        module = importlib.import_module(place.module, "jinbiao.server.cli")
        (command,) = [each for each in module.COMMANDS if each.name == name]
        assert jinbiao.commands[name] is command
        assert command.get_short_help_str(10_000) == place.words
        for limit in (20, 45, 70):
            listed = click.Command(name, help=place.words).get_short_help_str(limit)
            assert listed == command.get_short_help_str(limit)
    named = {place.module for place in PLACES.values()}
    files = {f".{path.stem}" for path in COMMANDS_FOLDER.glob("*.py")}
    told = {name for name in files if "\nCOMMANDS = (" in text_of(name)}
    assert named == told, "a module of commands that the table does not name"
    written = sum(
        len(importlib.import_module(name, "jinbiao.server.cli").COMMANDS) for name in named
    )
    assert written == len(PLACES), "a command that the table does not name"


@pytest.mark.parametrize("asked", ["--help", "--version", "no-such-command"])
def test_telling_of_the_commands_needs_nearly_nothing(asked: str) -> None:
    program = "import atexit, sys; from jinbiao.server.cli import main; sys.argv[0] = 'jinbiao';"
    program += " atexit.register(lambda: print('loaded', *sys.modules)); main()"
    loaded = modules(program, asked)
    assert "jinbiao.server.cli" in loaded
    assert not [name for name in loaded if name.startswith(("jinbiao.datasets", "sqlalchemy"))]


# What the start of a command must not load: it takes time and memory in every process.
SPARED = {
    "serve": ("jinbiao.workers.run", "jinbiao.workers.demo", "alembic", "authlib", "minio"),
    "work": ("sqlalchemy", "numpy", "flask", "granian", "redis"),
    "up": ("sqlalchemy", "numpy", "flask", "granian", "redis"),
    "user": ("flask", "authlib", "granian", "jinbiao.workers", "jinbiao.exporters", "minio"),
    "migrate": ("flask", "authlib", "granian", "jinbiao.workers.run", "minio"),
    "project": ("flask", "jinbiao.workers", "jinbiao.exporters", "minio", "alembic"),
}


@pytest.mark.parametrize("name", SPARED)
def test_a_command_loads_only_what_it_needs(name: str) -> None:
    program = "import sys; from jinbiao.server.cli import jinbiao;"
    program += " jinbiao.commands[sys.argv[1]]; print('loaded', *sys.modules)"
    loaded = modules(program, name)
    assert f"jinbiao.server.cli{PLACES[name].module}" in loaded
    assert not spared(loaded, SPARED[name])


def test_a_worker_loads_no_web_server() -> None:
    loaded = modules("import sys, jinbiao.workers.serve; print('loaded', *sys.modules)", "")
    assert "jinbiao.workers.run" in loaded
    assert not spared(loaded, ("flask", "authlib", "granian", "jinbiao.server", "alembic", "minio"))


def spared(loaded: list[str], names: tuple[str, ...]) -> list[str]:
    """Return the modules of those names, and below them."""
    return [each for each in loaded if f"{each}.".startswith(tuple(f"{name}." for name in names))]

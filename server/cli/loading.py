"""Load modules only when a command comes to need them: most commands need few."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    words: str


def load(module: str) -> Any:
    """Return a module, named as seen from here, such as `...workers.run`."""
    return importlib.import_module(module, __package__)


class Loaded(MutableMapping[str, click.Command]):
    """Commands by name; each one's module is loaded when the command is asked for."""

    def __init__(self, places: dict[str, Place]) -> None:
        self.places = places
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            for command in load(self.places[name].module).COMMANDS:
                self._loaded[command.name] = command
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __setitem__(self, name: str, command: click.Command) -> None:
        raise TypeError("name a command and its module in the table")

    def __delitem__(self, name: str) -> None:
        raise TypeError("take a command and its module out of the table")


class Commands(click.Group):
    """A group whose list of commands needs none of their modules."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands as click would, from the table."""
        places = {} if not isinstance(self.commands, Loaded) else self.commands.places
        listed = [click.Command(name, help=places[name].words) for name in self.list_commands(ctx)]
        click.Group("listed", commands=listed).format_commands(ctx, formatter)

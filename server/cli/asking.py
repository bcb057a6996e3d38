"""Let each command say which right it asks for, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ...datasets import permissions

Function = TypeVar("Function", bound=Callable[..., Any])

ACTING = click.option(
    "--as", "username", default="admin", show_default=True, help="以谁的身份 · Act as this person"
)


def asks(action: str) -> Callable[[Function], Function]:
    """Name the right of a command: one of permissions.ACTIONS. A test finds commands without.

    The person that the command acts as is asked for it by `opened.acting_as`.
    """
    if action not in permissions.ACTIONS:
        raise KeyError(action)

    def mark(function: Function) -> Function:
        function.jinbiao_action = action  # type: ignore[attr-defined]
        return function

    return mark


def check_named(action: str) -> None:
    """Raise KeyError when the running command asks for a right that it did not name."""
    context = click.get_current_context(silent=True)
    callback = None if context is None else context.command.callback
    if callback is not None and getattr(callback, "jinbiao_action", None) != action:
        raise KeyError(action)

"""Let a command that asks for no right say why: it is for whoever holds the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def at_the_machine(reason: str) -> Callable[[Function], Function]:
    """Say why a command asks nobody: whoever runs it holds the database and its files anyway."""

    def mark(function: Function) -> Function:
        function.jinbiao_reason = reason  # type: ignore[attr-defined]
        return function

    return mark

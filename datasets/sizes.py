"""Write a number of bytes as people read it: on pages, in messages and on the command line."""

from __future__ import annotations


def size(value: int | None) -> str:
    """Write a number of bytes in B, kB, MB, GB."""
    amount = float(value or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""

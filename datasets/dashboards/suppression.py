"""Leave small numbers out of statistics, so that nobody can be made out in them."""

from __future__ import annotations

from collections.abc import Mapping


def suppressed(sizes: Mapping[str, int], least: int) -> set[str]:
    """Return the groups whose numbers must not be shown: group → how many stand behind it.

    Those of fewer than `least`, and, where only they are hidden and the total would give them
    away, the next larger ones until at least two groups are hidden that together have `least`.
    """
    order = sorted((size, name) for name, size in sizes.items() if size > 0)
    hidden = [name for size, name in order if size < least]
    if not hidden:
        return set()
    rest = [name for size, name in order if size >= least]
    while rest and (len(hidden) < 2 or sum(sizes[name] for name in hidden) < least):
        hidden.append(rest.pop(0))
    return set(hidden)

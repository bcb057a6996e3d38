"""Give regions that came without an id one, as the editor needs it."""

from __future__ import annotations

from typing import Any


def named(result: Any) -> Any:
    """Return a result whose regions all have an id; anything else is returned as it is.

    Scripts and models often send none. An id says nothing outside of its result.
    """
    if not isinstance(result, list) or all(_has_id(region) for region in result):
        return result
    taken = {region["id"] for region in result if _has_id(region) and isinstance(region["id"], str)}
    found = []
    for number, region in enumerate(result, 1):
        if isinstance(region, dict) and not _has_id(region) and region.get("type") != "relation":
            name = f"region_{number}"
            while name in taken:
                name += "_"
            region = {"id": name, **region}
        found.append(region)
    return found


def _has_id(region: Any) -> bool:
    return not isinstance(region, dict) or "id" in region

"""Say who somebody is."""

from __future__ import annotations

from typing import Any

from ...datasets.people import User


def user(row: User) -> dict[str, Any]:
    """Return a person as their colleagues see them."""
    return {
        "id": row.id,
        "username": row.username,
        "name": row.name,
        "role": row.role,
        "organization": row.organisation.slug,
        "is_active": row.is_active,
    }

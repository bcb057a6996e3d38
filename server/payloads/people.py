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


def creator(row: User | None, number: int) -> dict[str, Any]:
    """Return who made something; only the number where the person is not known any more."""
    return {
        "id": number,
        "first_name": "" if row is None else row.name,
        "last_name": "",
        "email": "",
        "avatar": None,
    }

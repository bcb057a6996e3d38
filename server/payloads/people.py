"""Say who somebody is, in Label Studio's shapes."""

from __future__ import annotations

from typing import Any

import msgspec

from ...datasets import permissions
from ...datasets.people import Organisation, User
from .reading import time


def user(row: User) -> dict[str, Any]:
    """Return a person as their colleagues see them."""
    return {
        "id": row.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "username": row.username,
        "email": row.email or "",
        "last_activity": time(row.last_activity or row.created_at),
        "custom_hotkeys": msgspec.json.decode(row.custom_hotkeys),
        "avatar": None,
        "initials": row.initials,
        "phone": row.phone,
        "active_organization": row.organisation_id,
        "active_organization_meta": {"title": row.organisation.name, "email": ""},
        "allow_newsletters": None,
        "date_joined": time(row.created_at),
    }


def asker(row: User) -> dict[str, Any]:
    """Return who is asking, with what they may do."""
    return {**user(row), "permissions": _permissions(row)}


def creator(row: User | None, number: int) -> dict[str, Any]:
    """Return who made something; only the number where the person is not known any more."""
    return {
        "id": number,
        "first_name": "" if row is None else row.first_name,
        "last_name": "" if row is None else row.last_name,
        "email": "" if row is None else row.email or row.username,
        "avatar": None,
    }


def person(row: User | None, number: int) -> dict[str, Any]:
    """Return who did something, with the two letters of their badge."""
    return {**creator(row, number), "initials": "" if row is None else row.initials}


def signature(row: User | None, number: int) -> str:
    """Return a person's name, address and number in one line."""
    if row is None:
        return str(number)
    name = f"{row.first_name} {row.last_name}".strip()
    return f"{name} {row.email or row.username}, {number}".strip()


def pseudonym(row: User | None) -> str:
    """Return what a person is called to those who are not to know who it is."""
    return "" if row is None else row.pseudonym


def stranger(row: User | None) -> dict[str, Any]:
    """Return a person to somebody who is not to know who it is: by their pseudonym alone."""
    told = {"id": None, "first_name": pseudonym(row), "last_name": "", "email": ""}
    return {**told, "avatar": None, "initials": ""}


def organisation(row: Organisation) -> dict[str, Any]:
    """Return an organisation."""
    return {
        "id": row.id,
        "title": row.name,
        "contact_info": None,
        "created_at": time(row.created_at),
    }


# Label Studio's names for what our actions allow.
_NAMES: dict[str, tuple[str, ...]] = {
    "organisation.manage": (
        "organizations.create",
        "organizations.change",
        "organizations.delete",
    ),
    "people.manage": ("organizations.invite",),
    "account.use": ("organizations.view", "users.token.any", "avatar.any"),
    "project.create": ("projects.create",),
    "project.read": ("projects.view", "labels.view", "views.view"),
    "project.change": (
        "projects.change",
        "projects.delete",
        "projects.reset_cache",
        "labels.change",
        "labels.delete",
        "views.reset",
    ),
    "task.import": ("tasks.create",),
    "task.read": ("tasks.view", "views.create", "views.change", "views.delete"),
    "task.change": ("tasks.change", "tasks.delete", "actions.perform"),
    "annotation.write": ("annotations.create", "labels.create"),
    "annotation.read": ("annotations.view",),
    "annotation.change": ("annotations.change", "annotations.delete"),
    "prediction.write": ("predictions.any",),
    "connection.manage": (
        "models.create",
        "models.view",
        "models.change",
        "models.delete",
        "webhooks.view",
        "webhooks.change",
        "storages.view",
        "storages.change",
        "storages.sync",
    ),
}


def _permissions(row: User) -> list[str]:
    return [
        name
        for action, names in _NAMES.items()
        if permissions.allows(row, action)
        for name in names
    ]

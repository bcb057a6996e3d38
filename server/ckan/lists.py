"""List names, organisations, groups and tags, and say what the actions do."""

from __future__ import annotations

import inspect
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import errors
from ...datasets.catalogue import selection
from ...datasets.catalogue.queries import Term
from ...datasets.errors import _
from ...exporters import dcat, dcat_terms
from .packages import group, organisation, packages, tag
from .protocol import ACTIONS, Arguments, action, flag, line, listed, whole

MOST = 1000  # datasets that one answer describes
FAR = 10**9


@action
def site_read(_session: Session, _given: Arguments) -> bool:
    """Say that this site may be read."""
    return True


@action
def package_list(session: Session, given: Arguments) -> list[str]:
    """List the names of all public datasets."""
    limit = whole(given, "limit", FAR, FAR)
    return selection.names(session, None, start=whole(given, "offset", 0, FAR), limit=limit)


@action
def current_package_list_with_resources(session: Session, given: Arguments) -> list[Any]:
    """List public datasets with their files, last changed first; `limit` is 1000 at most."""
    limit = whole(given, "limit", MOST, MOST, is_capped=True)
    start = whole(given, "offset", 0, FAR)
    if "page" in given and "offset" not in given:
        start = max(0, whole(given, "page", 1, FAR) - 1) * limit
    found = selection.select(session, None, start=start, limit=limit)
    return packages(session, found.datasets)


@action
def organization_list(session: Session, given: Arguments) -> list[Any]:
    """List the organisations that have public datasets: names, or `all_fields`."""
    wanted = set(listed(given, "organizations"))
    found = [
        (each, count)
        for each, count in selection.organisations(session, None)
        if not wanted or each.slug in wanted
    ]
    page = _page(given, found)
    if not flag(given, "all_fields"):
        return [each.slug for each, _count in page]
    return [organisation(each, count) for each, count in page]


@action
def organization_show(session: Session, given: Arguments) -> dict[str, Any]:
    """Return an organisation by name or id; `include_datasets` adds up to 1000 of its datasets."""
    wanted = line(given, "id")
    for each, count in selection.organisations(session, None):
        if wanted in (each.slug, selection.organisation_uid(each)):
            told = organisation(each, count)
            return _with_packages(session, given, told, Term("organization", each.slug))
    raise errors.NotFound(_("there is no organisation %(name)s"), name=wanted[:120])


@action
def group_list(session: Session, given: Arguments) -> list[Any]:
    """List the domains that have public datasets: names, or `all_fields`."""
    wanted = set(listed(given, "groups"))
    counted = selection.counts(session, None, "groups")
    found = [
        (name, counted[name])
        for name in dcat_terms.DOMAINS
        if name in counted and (not wanted or name in wanted)
    ]
    page = _page(given, found)
    if not flag(given, "all_fields"):
        return [name for name, _count in page]
    return [group(name, count) for name, count in page]


@action
def group_show(session: Session, given: Arguments) -> dict[str, Any]:
    """Return a domain by name or id; `include_datasets` adds up to 1000 of its datasets."""
    wanted = line(given, "id")
    for name in dcat_terms.DOMAINS:
        if wanted in (name, selection.domain_uid(name)):
            count = selection.counts(session, None, "groups").get(name, 0)
            return _with_packages(session, given, group(name, count), Term("groups", name))
    raise errors.NotFound(_("there is no group %(name)s"), name=wanted[:120])


@action
def tag_list(session: Session, given: Arguments) -> list[Any]:
    """List the tags of public datasets: names, or `all_fields`; `query` is a part of the name."""
    part = line(given, "query", otherwise="").lower()
    found = sorted(
        name for name in selection.counts(session, None, "tags") if dcat.TAG.fullmatch(name)
    )
    page = _page(given, [(name, 0) for name in found if part in name.lower()])
    return [tag(name) if flag(given, "all_fields") else name for name, _count in page]


@action
def tag_show(session: Session, given: Arguments) -> dict[str, Any]:
    """Return a tag by name or id; `include_datasets` adds up to 1000 of its datasets."""
    wanted = line(given, "id")
    for name in selection.counts(session, None, "tags"):
        if dcat.TAG.fullmatch(name) and wanted in (name, tag(name)["id"]):
            told = tag(name)
            return _with_packages(session, given, told, Term("tags", name))
    raise errors.NotFound(_("there is no tag %(name)s"), name=wanted[:120])


@action
def help_show(_session: Session, given: Arguments) -> str:
    """Say what the action `name` does."""
    name = line(given, "name")
    if name not in ACTIONS:
        raise errors.NotFound(_("there is no action %(name)s"), name=name[:120])
    return inspect.getdoc(ACTIONS[name]) or ""


def _page(given: Arguments, found: list[Any]) -> list[Any]:
    start = whole(given, "offset", 0, FAR)
    return found[start : start + whole(given, "limit", FAR, FAR)]


def _with_packages(
    session: Session, given: Arguments, told: dict[str, Any], query: Term
) -> dict[str, Any]:
    if flag(given, "include_datasets"):
        found = selection.select(session, None, [query], limit=MOST)
        told["packages"] = packages(session, found.datasets)
    return told

"""Search datasets as CKAN does, page by page until one is empty."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import errors
from ...datasets.catalogue import selection
from ...datasets.catalogue.queries import LONGEST, Query, parse
from ...datasets.errors import _
from ...datasets.people import User
from ...exporters import dcat, dcat_terms
from .packages import LICENCES, packages
from .protocol import Arguments, action, asker, flag, line, listed, whole

MOST = 1000  # rows of a page
FAR = 10**9
# What CKAN's own pages ask to be counted, and has no values here.
_UNCOUNTED = ("res_format", "capacity", "vocab_")
_SORT = re.compile(r"(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)


@action
def package_search(session: Session, given: Arguments) -> dict[str, Any]:
    """Search by `q` and `fq` in Solr's words, with `sort`, `rows`, `start` and `facet.field`.

    With `include_private` the closed datasets of the asker's own organisation are among them.
    """
    viewer = asker() if flag(given, "include_private") else None
    queries = [parse(line(given, "q", otherwise=""), "q")]
    queries.append(parse(line(given, "fq", otherwise=""), "fq"))
    texts = listed(given, "fq_list")
    if sum(map(len, texts)) > LONGEST:
        raise errors.Invalid(_("is longer than %(most)s characters"), place="fq_list", most=LONGEST)
    queries += [parse(text, "fq_list") for text in texts]
    sort = line(given, "sort", otherwise="") or "score desc, metadata_modified desc"
    found = selection.select(
        session,
        viewer,
        queries,
        order=order(sort),
        start=whole(given, "start", 0, FAR),
        limit=whole(given, "rows", 10, MOST, is_capped=True),
    )
    facets, items = _facets(session, viewer, queries, given)
    return {
        "count": found.count,
        "facets": facets,
        "results": packages(session, found.datasets),
        "sort": sort,
        "search_facets": items,
    }


def order(sort: str) -> list[tuple[str, bool]]:
    """Return the fields of a `sort` with whether they go downward.

    Raises:
        errors.Invalid: it is not made of fields with asc or desc.
    """
    wanted = []
    for part in sort.split(","):
        found = _SORT.fullmatch(part.strip())
        if found is None:
            raise errors.Invalid(_("must be fields with asc or desc"), place="sort")
        field = found[1].removesuffix("_string")
        # Nothing here is scored: what is found is found, and the next field decides.
        if field != "score":
            wanted.append((field, (found[2] or "asc").lower() == "desc"))
    return wanted[:10]


def _facets(
    session: Session, viewer: User | None, queries: list[Query], given: Arguments
) -> tuple[dict[str, Any], dict[str, Any]]:
    facets: dict[str, Any] = {}
    items: dict[str, Any] = {}
    if not flag(given, "facet", True):
        return facets, items
    limit = str(given.get("facet.limit", "50")).strip()
    if not re.fullmatch(r"-?[0-9]{1,9}", limit, re.ASCII):
        raise errors.Invalid(_("must be a whole number"), place="facet.limit")
    lowest = whole(given, "facet.mincount", 1, FAR)
    for field in dict.fromkeys(listed(given, "facet.field")):
        counted = {}
        if not field.startswith(_UNCOUNTED):
            counted = selection.counts(session, viewer, field, queries)
        if field == "tags":
            counted = {name: counted[name] for name in counted if dcat.TAG.fullmatch(name)}
        kept = [(name, number) for name, number in counted.items() if number >= lowest]
        kept = kept if int(limit) < 0 else kept[: int(limit)]
        titles = _titles(session, viewer, field)
        facets[field] = dict(kept)
        items[field] = {
            "title": field,
            "items": [
                {"name": name, "display_name": titles.get(name, name), "count": number}
                for name, number in kept
            ],
        }
    return facets, items


def _titles(session: Session, viewer: User | None, field: str) -> dict[str, str]:
    if field == "organization":
        return {org.slug: org.name for org, _count in selection.organisations(session, viewer)}
    if field == "groups":
        return {name: word.chinese for name, word in dcat_terms.DOMAINS.items()}
    return (
        {name: title for name, (title, _open) in LICENCES.items()} if field == "license_id" else {}
    )

"""Serve the catalogue, its datasets and their versions as linked data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import flask
from sqlalchemy.orm import Session

from ...datasets import catalogue, errors
from ...datasets.catalogue import Dataset, Openness, Release, selection
from ...datasets.catalogue.moments import moment
from ...datasets.catalogue.queries import Query, Range, parse
from ...datasets.errors import _
from ...exporters.dcat import Description, Page
from ...exporters.linked_data import FORMS, Graph
from ..auth import PUBLIC, allows, installation
from ..listed_files import listed_files, withheld
from ..visitors import visitor
from .negotiation import HTML, accepted, addresses, answer, by_ending, redirect

routes = flask.Blueprint("dcat", __name__)

PAGE = 100  # datasets
FAR = 100_000  # pages
# What changes without the dataset being another one.
_UNTOLD = frozenset({"downloads", "search_text"})


@routes.before_request
def check_token() -> None:
    """Refuse a token that is sent but not valid; no token at all is fine."""
    visitor()


@routes.get("/catalog")
@allows(PUBLIC)
def show_catalogue() -> flask.Response:
    """Tell the catalogue in the form that the Accept header asks for."""
    ending = accepted()
    if ending == HTML:
        return redirect(flask.url_for("catalogue.index"))
    return _catalogue(ending, "/catalog")


@routes.get("/catalog.<ending>")
@allows(PUBLIC)
def show_catalogue_as(ending: str) -> flask.Response:
    """Tell the catalogue in the form of the address: ttl, rdf, xml, jsonld, nt or n3."""
    if ending not in FORMS:
        raise errors.NotFound(_("there is nothing at this address"))
    return _catalogue(ending, f"/catalog.{ending}")


@routes.get("/dataset/<name>")
@allows(PUBLIC)
def show_dataset(name: str) -> flask.Response:
    """Tell a dataset, all versions together; readers of pages are led to its page."""
    name, ending = by_ending(name)
    ending = ending or accepted()
    with installation().database.read() as session:
        dataset = _found(session, name)
        if ending == HTML:
            return redirect(_page_of(dataset))
        releases = catalogue.releases(session, dataset)

        def build() -> Graph:
            description = Description(addresses())
            files = listed_files(session, releases[:1])[releases[0].id]
            description.dataset(dataset, releases[0], files, releases)
            return description.graph

        return answer(
            ending,
            [_told(dataset), _releases(session, releases)],
            dataset.modified_at.timestamp(),
            build,
            is_public=dataset.openness != Openness.CLOSED,
        )


@routes.get("/dataset/<name>/<tag>")
@allows(PUBLIC)
def show_version(name: str, tag: str) -> flask.Response:
    """Tell one version of a dataset; readers of pages are led to its page."""
    tag, ending = by_ending(tag)
    ending = ending or accepted()
    with installation().database.read() as session:
        dataset = _found(session, name)
        releases = catalogue.releases(session, dataset)
        release = next((each for each in releases if each.tag == tag), None)
        if release is None:
            raise errors.NotFound(
                _("the dataset has no revision “%(revision)s”"), revision=tag[:60]
            )
        if ending == HTML:
            return redirect(_page_of(dataset, revision=tag))

        def build() -> Graph:
            description = Description(addresses())
            files = listed_files(session, [release])[release.id]
            description.version(dataset, release, files, releases)
            return description.graph

        return answer(
            ending,
            [_told(dataset), _releases(session, releases), tag],
            release.published_at.timestamp(),
            build,
            is_public=dataset.openness != Openness.CLOSED,
        )


def _catalogue(ending: str, path: str) -> flask.Response:
    """Answer with a page of the public catalogue: who asks makes no difference."""
    asked = {key: value for key, value in flask.request.args.items() if key in _ASKED and value}
    number = _page_number(asked.pop("page", "1"))
    queries = _queries(asked)
    with installation().database.read() as session:
        found = selection.select(
            session,
            None,
            queries,
            order=[("metadata_modified", True)],
            start=(number - 1) * PAGE,
            limit=PAGE,
        )
        last = max(1, -(-found.count // PAGE))
        if number > last:
            raise errors.NotFound(_("there are %(last)s pages"), last=last)
        newest = catalogue.newest(session, found.datasets)
        listed = [each for each in found.datasets if each.id in newest]
        page = Page(number, last, found.count, addresses().base + path, asked)

        def build() -> Graph:
            return _graph(session, page, listed, newest)

        facts = [[_told(each) for each in listed]]
        facts.append(_releases(session, [newest[each.id] for each in listed]))
        changed = max((each.modified_at for each in listed), default=None)
        return answer(
            ending,
            [page.at(number), page.last, page.count, facts],
            None if changed is None else changed.timestamp(),
            build,
        )


_ASKED = ("page", "modified_since", "q", "fq")


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 6 and 1 <= int(text) <= FAR):
        raise errors.Invalid(
            _("must be a whole number from 1 to %(limit)s"), place="page", limit=FAR
        )
    return int(text)


def _queries(asked: dict[str, str]) -> list[Query]:
    """Return what is asked for by `q`, `fq` and `modified_since`."""
    queries = [parse(asked[name], name) for name in ("q", "fq") if name in asked]
    if "modified_since" in asked:
        moment(asked["modified_since"], "modified_since")
        queries.append(Range("metadata_modified", asked["modified_since"], None))
    return queries


def _graph(
    session: Session, page: Page, datasets: Sequence[Dataset], newest: dict[int, Release]
) -> Graph:
    description = Description(addresses())
    description.catalogue(page, datasets)
    files = listed_files(session, [*newest.values()])
    for dataset in datasets:
        release = newest[dataset.id]
        description.dataset(dataset, release, files[release.id])
    return description.graph


def _found(session: Session, name: str) -> Dataset:
    found = selection.named(session, visitor(), name[:200])
    if found is None:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=name[:120])
    return found


def _page_of(dataset: Dataset, revision: str | None = None) -> str:
    slug = dataset.organisation.slug
    return flask.url_for("catalogue.show", organisation=slug, name=dataset.name, revision=revision)


def _told(dataset: Dataset) -> list[Any]:
    """Return everything of a dataset's row that is told, and whose it is."""
    columns = (each.key for each in Dataset.__table__.columns if each.key not in _UNTOLD)
    owner = dataset.organisation
    return [*(_plain(getattr(dataset, key)) for key in columns), owner.name, owner.credit_code]


def _releases(session: Session, releases: Sequence[Release]) -> list[Any]:
    """Return what is told of releases, and which of their files are not."""
    gone = withheld(session, releases)
    return [
        [
            each.uid,
            each.tag,
            each.notes,
            each.published_at.isoformat(),
            *sorted(gone.get(each.id, ())),
        ]
        for each in releases
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value

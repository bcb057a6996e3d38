"""The public catalogue: list, search, dataset pages, files."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import flask
import msgspec
import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from flask_babel import get_locale
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import (
    catalogue,
    checksums,
    discussions,
    downloads,
    errors,
    opening,
    people,
    records,
    tombstones,
    versions,
)
from ..datasets.catalogue import Dataset, Question, Release
from ..datasets.db import Database
from ..datasets.errors import _
from . import (
    archives,
    citations,
    distribution_plots,
    facets,
    links,
    payloads,
    release_files,
    snippets,
)
from .auth import PUBLIC, allows, installation
from .visitors import visitor

routes = Blueprint("catalogue", __name__)
log = logging.getLogger("jinbiao.server")
routes.app_template_filter("facet")(facets.facet)
routes.app_template_filter("facet_value")(facets.value)
routes.app_template_filter("client")(facets.client)
PAGE = 20
PREVIEW = 12
SHOWN_RELEASES = 30
WORTH_KEEPING = 500  # datasets that take a while to count


@routes.get("/datasets")
@allows(PUBLIC)
def index() -> str:
    """Show the catalogue: search first, then what it can be narrowed by."""
    question = _question()
    page, following = _browsed(question, PAGE)
    counts = _counts(question)
    slugs = {slug for slug, _number in counts["organisation"]}
    with installation().database.read() as session:
        releases = catalogue.newest(session, page)
        names = people.names_by_slug(session, slugs | {question.chosen.get("organisation", "")})
    return render_template(
        "catalogue/index.html",
        datasets=page,
        releases=releases,
        words=question.words,
        question=question,
        sorts=catalogue.SORTS,
        counts=counts,
        names=names,
        next=following,
    )


@routes.get("/datasets/<organisation>/<name>")
@allows(PUBLIC)
def show(organisation: str, name: str) -> str:
    """Show a dataset: what it is, preview, statistics, licence, files, how to load it."""
    wanted = request.args.get("revision", "main")
    base = flask.request.host_url.rstrip("/")
    with installation().database.read() as session:
        dataset, release = resolved(session, organisation, name, wanted)
        frozen = versions.opened(
            session, installation().database, installation().store, release.version_id
        )
        may_see = opening.may_download(session, visitor(), dataset)
        first = records.page(session, release, frozen.config, limit=PREVIEW) if may_see else None
        files = catalogue.files(session, release, limit=200)
        shards = [
            file.path
            for folder in snippets.FOLDERS
            for file in catalogue.files(session, release, folder=folder, limit=snippets.MOST_SHARDS)
        ]
        place: dict[str, Any] = {"organisation": organisation, "name": name}
        # What is cited is this version, for ever.
        address = base + flask.url_for("catalogue.by_id", uid=release.uid)
        zipped = base + flask.url_for("catalogue.download", **place, tag=release.tag)
        until = session.get_one(Release, dataset.newest_id)
        return render_template(
            "catalogue/show.html",
            dataset=dataset,
            release=release,
            releases=catalogue.history(session, until, limit=SHOWN_RELEASES + 1),
            front_matter=msgspec.json.decode(release.card),
            files=files,
            version=frozen,
            may_see=may_see,
            preview=[links.preview(record) for record in first.records] if first else [],
            plots=distribution_plots.of(
                frozen.statistics, msgspec.json.decode(release.figures or "{}"), _titles(frozen)
            ),
            snippets=snippets.of(base, dataset, release, shards, zipped),
            citation=citations.gb_t_7714(dataset, release, address, english=_is_english()),
            bibtex=citations.bibtex(dataset, release, address),
            counted=downloads.counts(session, dataset.id),
            withdrawn=tombstones.how_many(session, dataset),
            talks=discussions.of_dataset(session, dataset, limit=5),
            talk_counts=discussions.how_many(session, dataset),
            owns=discussions.is_owner(session, visitor(), dataset),
            base=base,
        )


@routes.get("/id/<uid>")
@allows(PUBLIC)
def by_id(uid: str) -> AnyResponse:
    """Lead from a lasting id to its page: of a dataset (all versions), or of one version."""
    with installation().database.read() as session:
        found = catalogue.of_uid(session, uid, visitor()) if _is_uid(uid) else None
        if found is None:
            raise errors.NotFound(_("there is nothing of the id %(id)s"), id=uid[:40])
        dataset, release = found
        place: dict[str, Any] = {
            "organisation": dataset.organisation.slug,
            "name": dataset.name,
        }
        if release is not None:
            place["revision"] = release.tag
    return flask.redirect(flask.url_for("catalogue.show", **place), 303)


@routes.get("/datasets/<organisation>/<name>/files")
@allows(PUBLIC)
def tree(organisation: str, name: str) -> str:
    """Show all files of a release with their digests; keyset paging."""
    after = request.args.get("after", "")
    with installation().database.read() as session:
        dataset, release = resolved(
            session, organisation, name, request.args.get("revision", "main")
        )
        found = catalogue.files(session, release, after=after, limit=501)
        gone = tombstones.withheld(session, release.id, [file.path for file in found])
        sums = checksums.known(session, [file.digest for file in found])
    return render_template(
        "catalogue/files.html",
        dataset=dataset,
        release=release,
        files=found[:500],
        gone=gone,
        sm3=sums,
        next_after=found[499].path if len(found) > 500 else None,
    )


@routes.get("/datasets/<organisation>/<name>/archive/<tag>.zip")
@allows(PUBLIC)
def download(organisation: str, name: str, tag: str) -> Response:
    """Send all files of a release as one ZIP, the same bytes every time, or a range of them."""
    with installation().database.read() as session:
        dataset, release = resolved(session, organisation, name, tag)
        release_files.check(session, visitor(), dataset, release, "")
        found = catalogue.files(session, release)
        gone = tombstones.withheld(session, release.id, [file.path for file in found])
        found = [file for file in found if file.path not in gone]
    return archives.send(
        installation().store,
        found,
        dataset=dataset,
        release=release,
        visitor=visitor(),
        ending=".zip",
        client="archive",
    )


@routes.get("/api/catalogue/")
@allows(PUBLIC)
def api_index() -> Response:
    """List published datasets: `q` searches, facets narrow, `sort` orders, `before` goes on."""
    question = _question()
    found, following = _browsed(question, payloads.page_size(100, 100))
    with installation().database.read() as session:
        releases = catalogue.releases_of(session, found)
        rows = [payloads.dataset(row, releases[row.id]) for row in found]
    return payloads.answer({"results": rows, "next": following, "facets": _counts(question)})


@routes.get("/api/catalogue/<organisation>/<name>/")
@allows(PUBLIC)
def api_show(organisation: str, name: str) -> Response:
    """Return a published dataset with its releases."""
    with installation().database.read() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        return payloads.answer(payloads.dataset(dataset, catalogue.releases(session, dataset)))


@routes.get("/api/catalogue/<organisation>/<name>/downloads")
@allows(PUBLIC)
def api_downloads(organisation: str, name: str) -> Response:
    """Count a dataset's downloads and visitors, of all time and of the last 30 days.

    A download is a file or an archive whose first byte was sent. A visitor is an account or
    an address on one day of Beijing time.
    """
    with installation().database.read() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        found = downloads.counts(session, dataset.id)
    told = {
        "downloads": found.downloads,
        "visitors": found.visitors,
        "recent_downloads": found.recent_downloads,
        "recent_visitors": found.recent_visitors,
        "recent_days": downloads.RECENT,
        "by_client": dict(found.by_client),
    }
    return payloads.answer(told)


def resolved(
    session: Session, organisation: str, name: str, revision: str
) -> tuple[Dataset, Release]:
    """Return a dataset that the asker may know of, and the release of a revision.

    Raises:
        errors.NotFound: there is none.
    """
    dataset = catalogue.find(session, f"{organisation}/{name}", visitor())
    if dataset is None:
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    release = catalogue.resolve(session, dataset, revision)
    if release is None:
        raise errors.NotFound(
            _("the dataset has no revision “%(revision)s”"), revision=revision[:60]
        )
    return dataset, release


def _question() -> Question:
    given = request.args
    chosen = {name: given[name][:100] for name in catalogue.FACETS if given.get(name)}
    words = given.get("q", "")[:200]
    usual = "relevance" if words.strip() else "modified"
    sort = payloads.choice(given, "sort", usual, catalogue.SORTS)
    return Question(words, chosen, sort)


def _browsed(question: Question, limit: int) -> tuple[list[Dataset], str | None]:
    """Return a page of datasets and the mark of the next one."""
    with installation().database.read() as session:
        page = catalogue.browse(
            session, question, viewer=visitor(), after=_mark(question), limit=limit
        )
    if page.following is None:
        return page.datasets, None
    value, number = page.following
    at = value.isoformat() if isinstance(value, dt.datetime) else str(value)
    return page.datasets, f"{at},{number}"


def _mark(question: Question) -> tuple[dt.datetime | int, int] | None:
    """Return where the page begins that the address asks for."""
    mark = request.args.get("before", "")
    if not mark:
        return None
    place, _comma, number = mark.partition(",")
    dataset_id = payloads.number({"before": number}, "before")
    if question.by_time:
        return payloads.moment("before", place), dataset_id
    return payloads.number({"before": place}, "before"), dataset_id


def _counts(question: Question) -> dict[str, list[tuple[str, int]]]:
    """Return the counts of each facet; those that many ask for are kept for the next one."""
    database, who = installation().database, visitor()
    with database.read() as session:
        key, stamp, kept = catalogue.kept_counts(session, who, question.keys, question.chosen)
        if kept is not None:
            return kept
        found = catalogue.counts(session, question, who)
    if sum(number for _value, number in found["openness"]) >= WORTH_KEEPING or not question.keys:
        _afterwards(partial(_keep_counts, database, key, stamp, found))
    return found


def _afterwards(work: Callable[[], None]) -> None:
    """Do something when the answer has been sent: nobody waits for it."""

    def add(response: Response) -> Response:
        response.call_on_close(work)
        return response

    flask.after_this_request(add)


def _keep_counts(
    database: Database, key: str, stamp: int, found: dict[str, list[tuple[str, int]]]
) -> None:
    try:
        with database.write() as session:
            catalogue.keep_counts(session, key, stamp, found)
    except sa.exc.SQLAlchemyError:
        log.warning("counts of the catalogue were not kept", exc_info=True)


def _titles(version: versions.FrozenVersion) -> dict[str, str]:
    if _is_english():
        return {}
    return {
        label: title
        for control in version.config.controls
        for label, title in control.titles.items()
    }


def _is_english() -> bool:
    return str(get_locale()) == "en"


def _is_uid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None

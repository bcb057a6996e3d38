"""Datasheets: the dataset in print, and the form for what only people can say."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import catalogue, datasheets, errors, opening
from ..datasets.catalogue import Dataset
from ..datasets.errors import _
from ..exporters import datasheet_texts as texts
from . import payloads, reasons
from .auth import PUBLIC, allows, installation, user
from .visitors import visitor

routes = Blueprint("datasheets", __name__)
_SINGLE = frozenset({"records.first"})


@routes.get("/datasets/<organisation>/<name>/datasheet")
@allows(PUBLIC)
def show(organisation: str, name: str) -> str:
    """Show the datasheet of a release, to be read and printed."""
    revision = request.args.get("revision", "main")
    with installation().database.read() as session:
        dataset = _found(session, organisation, name)
        release = catalogue.resolve(session, dataset, revision)
        if release is None:
            raise errors.NotFound(
                _("the dataset has no revision “%(revision)s”"), revision=revision[:60]
            )
        sheet = datasheets.kept(session, installation().store, release)
        if sheet and not opening.may_download(session, visitor(), dataset):
            sheet = _without_records(sheet)
        return render_template(
            "catalogue/datasheet.html",
            dataset=dataset,
            release=release,
            sheet=sheet,
            later=_later(sheet, dataset) if sheet else {},
            queries={(row["name"], row["version"]): row for row in sheet["queries"]}
            if sheet
            else {},
            texts=texts,
            may_say=_may_say(session, dataset),
        )


@routes.get("/datasets/<organisation>/<name>/sheet")
@allows("dataset.publish")
def edit(organisation: str, name: str) -> str:
    """Show the form for what people say of a dataset."""
    with installation().database.read() as session:
        dataset = _found(session, organisation, name)
        datasheets.owned(session, user(), dataset)
        return render_template(
            "catalogue/sheet.html", **_form(dataset), values=dataset.sheet_values
        )


@routes.post("/datasets/<organisation>/<name>/sheet")
@allows("dataset.publish")
def say(organisation: str, name: str) -> Response:
    """Keep what was said; the next release's datasheet holds it."""
    values = payloads.body()
    given = {key: value for key, value in values.items() if isinstance(value, str)}
    try:
        with installation().database.write() as session:
            dataset = _found(session, organisation, name)
            datasheets.say(session, user(), dataset, given)
    except errors.Invalid as problem:
        with installation().database.read() as session:
            dataset = _found(session, organisation, name)
        faults = {
            each.place: reasons.sentence(each.message, each.values) for each in problem.problems
        }
        page = render_template(
            "catalogue/sheet.html", **_form(dataset), values=given, faults=faults
        )
        return flask.make_response(page, 400)
    address = flask.url_for("datasheets.show", organisation=organisation, name=name)
    return flask.redirect(address, 303)  # type: ignore[return-value]


def _form(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "topics": [
            (topic, questions)
            for topic in datasheets.TOPICS
            if (questions := [q for q in datasheets.QUESTIONS if q.topic == topic.name])
        ],
        "longest": datasheets.LONGEST,
    }


def _later(sheet: dict[str, Any], dataset: Dataset) -> dict[str, dict[str, str]]:
    """Return what has been said, or said anew, since the datasheet was published."""
    found = {}
    for topic in sheet["topics"]:
        for item in topic["items"]:
            now = datasheets.answer(dataset.sheet_values, item.get("name", ""))
            before = {key: item[key] for key in ("zh", "en") if key in item}
            if now and now != before:
                found[item["name"]] = now
    return found


def _without_records(sheet: dict[str, Any]) -> dict[str, Any]:
    """Return a datasheet without what names single records: by its key a guess is confirmed."""
    topics = [
        {**topic, "items": [item for item in topic["items"] if item.get("query") not in _SINGLE]}
        for topic in sheet["topics"]
    ]
    return {**sheet, "topics": topics}


def _may_say(session: Session, dataset: Dataset) -> bool:
    try:
        datasheets.owned(session, visitor(), dataset)
    except errors.JinbiaoError:
        return False
    return True


def _found(session: Session, organisation: str, name: str) -> Dataset:
    dataset = catalogue.find(session, f"{organisation}/{name}", visitor())
    if dataset is None:
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    return dataset

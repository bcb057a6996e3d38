"""Recipes as pages: the list, one with its versions, the editor, what differs."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ...datasets import errors, libraries, people
from ...datasets.cleaning import Recipe, RecipeVersion, reading, ready, recipes
from ...datasets.cleaning.recipe_files import MOST_BYTES
from ...datasets.cleaning.steps import MOST_STEPS
from ...datasets.errors import _
from .. import errors as server_errors
from .. import payloads
from ..auth import allows, installation, user
from . import api, forms, previewing, words

routes = Blueprint("recipes", __name__)
PAGE = 50
MOST_CHOICES = 200


@routes.get("/recipes")
@allows("library.read")
def index() -> str:
    """Show the recipes of one's organisation, and ready-made ones to begin with."""
    is_archived = payloads.flag(request.args, "archived")
    with installation().database.read() as session:
        found = recipes.listing(
            session, user(), is_archived=is_archived, before=payloads.before(), limit=PAGE + 1
        )
    return render_template(
        "recipes/index.html",
        rows=found[:PAGE],
        next_before=found[PAGE - 1].recipe.id if len(found) > PAGE else None,
        is_archived=is_archived,
        ready=ready.offered(),
        words=words,
    )


@routes.get("/recipes/new")
@allows("recipe.write")
def new() -> str:
    """Show the editor for a recipe that is not there yet; `ready` names one to begin with."""
    asked = payloads.text(request.args, "ready", "")
    chosen = ready.find(asked) if asked else None
    steps = recipes.checked_steps(chosen.steps) if chosen else []
    values = {"name": "", "note": "", "description": ""}
    return _editor(None, steps, values)


@routes.post("/recipes/new")
@allows("recipe.write")
def new_here() -> AnyResponse:
    """Do what a button of the editor says; the last one saves the recipe."""
    return _pressed(None)


@routes.get("/recipes/<int:recipe_id>")
@allows("library.read")
def show(recipe_id: int) -> str:
    """Show a recipe: its steps, its versions, what it cleaned, and where to run it."""
    asked = payloads.number(request.args, "version", 0, highest=2**31 - 1)
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        version = recipes.version(session, recipe, asked)
        rows = recipes.versions(session, recipe, before=payloads.before(), limit=PAGE + 1)
        authors = people.by_ids(session, {row.created_by for row in rows})
        return render_template(
            "recipes/show.html",
            recipe=recipe,
            version=version,
            steps=words.steps(version.step_values),
            versions=rows[:PAGE],
            newest=recipes.newest(session, recipe),
            next_before=rows[PAGE - 1].number if len(rows) > PAGE else None,
            names={row.id: row.name for row in authors.values()},
            runs=reading.of_recipe(session, recipe),
            libraries=libraries.listing(session, user(), limit=MOST_CHOICES),
            words=words,
        )


@routes.post("/recipes/<int:recipe_id>")
@allows("recipe.write")
def change(recipe_id: int) -> AnyResponse:
    """Rename a recipe, describe it, put it away or bring it back, from its page."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("name", "description", "archived"))
    with installation().database.write() as session:
        recipe = recipes.get(session, user(), recipe_id, "recipe.write")
        api.applied(session, recipe, values)
    return flask.redirect(flask.url_for("recipes.show", recipe_id=recipe_id), 303)


@routes.post("/recipes/file")
@allows("recipe.write")
def bring() -> AnyResponse:
    """Make a recipe of a file, from the page."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise errors.Invalid(_("choose a file"), place="file")
    content = sent.stream.read(MOST_BYTES + 1)
    name = payloads.text(request.form, "name", "", longest=recipes.LONGEST_NAME)
    recipe, _version = api.brought(content, name=name)
    return flask.redirect(flask.url_for("recipes.show", recipe_id=recipe.id), 303)


@routes.get("/recipes/<int:recipe_id>/edit")
@allows("recipe.write")
def edit(recipe_id: int) -> str:
    """Show the editor, filled with the newest version or the one that is asked for."""
    asked = payloads.number(request.args, "version", 0, highest=2**31 - 1)
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id, "recipe.write")
        version = recipes.version(session, recipe, asked)
        newest = recipes.newest(session, recipe)
    return _editor(recipe, version.step_values, {"note": "", "after": newest.number})


@routes.post("/recipes/<int:recipe_id>/edit")
@allows("recipe.write")
def edit_here(recipe_id: int) -> AnyResponse:
    """Do what a button of the editor says; the last one saves the next version."""
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id, "recipe.write")
    return _pressed(recipe)


@routes.get("/recipes/<int:recipe_id>/changes")
@allows("library.read")
def changes(recipe_id: int) -> str:
    """Show what differs between two versions, step by step."""
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        newest = recipes.newest(session, recipe)
        last = payloads.number(request.args, "to", newest.number, lowest=1, highest=2**31 - 1)
        after = recipes.version(session, recipe, last)
        first = payloads.number(
            request.args, "from", max(1, after.number - 1), lowest=1, highest=2**31 - 1
        )
        before = recipes.version(session, recipe, first)
        listed = recipes.versions(session, recipe, limit=MOST_CHOICES)
    return render_template(
        "recipes/changes.html",
        recipe=recipe,
        before=before,
        after=after,
        versions=listed,
        changes=recipes.changes(before.step_values, after.step_values),
        words=words,
    )


def _pressed(recipe: Recipe | None) -> AnyResponse:
    """Answer a button of the editor with the editor as it is then, or with what was saved."""
    values = payloads.body()
    steps = forms.read_steps(request.form)
    act = payloads.text(values, "act", "save")
    if act in ("save", "preview"):
        try:
            checked = recipes.checked_steps(steps)
            if act == "save":
                saved = _save(recipe, checked, values)
                return flask.redirect(flask.url_for("recipes.show", recipe_id=saved.recipe_id), 303)
            asked = payloads.number(values, "library")
            rows = previewing.rows(asked, checked)
        except errors.JinbiaoError as problem:
            if not isinstance(problem, errors.Invalid | errors.Refused | errors.Unavailable):
                raise
            return Response(_editor(recipe, steps, values, problem=problem), 400)
        return Response(_editor(recipe, checked, values, rows=rows))
    if act != "refresh":
        steps = forms.acted(steps, act)
    return Response(_editor(recipe, steps, values))


def _save(
    recipe: Recipe | None, steps: list[dict[str, Any]], values: dict[str, Any]
) -> RecipeVersion:
    note = payloads.text(values, "note", "", longest=recipes.LONGEST_NOTE)
    with installation().database.write() as session:
        if recipe is None:
            return recipes.create(
                session,
                user(),
                name=payloads.text(values, "name", "", longest=recipes.LONGEST_NAME),
                steps=steps,
                description=payloads.text(
                    values, "description", "", longest=recipes.LONGEST_DESCRIPTION
                ),
                note=note,
            )[1]
        mine = recipes.get(session, user(), recipe.id, "recipe.write")
        after = payloads.number(values, "after", 0, highest=2**31 - 1)
        return recipes.add_version(session, user(), mine, steps, note=note, after=after)


def _editor(
    recipe: Recipe | None,
    steps: list[dict[str, Any]],
    values: dict[str, Any],
    *,
    problem: errors.JinbiaoError | None = None,
    rows: list[previewing.Row] | None = None,
) -> str:
    with installation().database.read() as session:
        choices = libraries.listing(session, user(), limit=MOST_CHOICES)
    return render_template(
        "recipes/edit.html",
        recipe=recipe,
        steps=steps,
        values=values,
        operators=words.by_kind(),
        known={each["name"]: each for group in words.by_kind().values() for each in group},
        libraries=choices,
        most=MOST_STEPS,
        rows=rows,
        problem=None if problem is None else server_errors.words(problem),
        faults={} if problem is None else server_errors.faults(problem),
        words=words,
    )

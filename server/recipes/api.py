"""Recipes, their versions and files, and what operators there are, as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ...datasets.cleaning import Recipe, RecipeVersion, recipe_files, recipes
from ...datasets.cleaning.operators import OPERATORS
from .. import payloads
from ..auth import allows, installation, user
from ..files import disposition
from . import previewing, words

routes = Blueprint("recipes_api", __name__)
PAGE = 50
FIELDS = ("name", "description", "note", "steps")


@routes.get("/api/recipes/operators/")
@allows("library.read")
def operators() -> Response:
    """List the operators that steps can name, with their options, limits and reasons."""
    found = [words.described(OPERATORS[name]) for name in sorted(OPERATORS)]
    return payloads.answer(found)


@routes.get("/api/recipes/")
@allows("library.read")
def index() -> Response:
    """List the recipes of one's organisation, newest first; `archived` lists those put away."""
    is_archived = payloads.flag(request.args, "archived")
    size = payloads.page_size(PAGE, 200)
    with installation().database.read() as session:
        found = recipes.listing(
            session, user(), is_archived=is_archived, before=payloads.before(), limit=size
        )
        return payloads.answer([shown(each.recipe, each.newest) for each in found])


@routes.post("/api/recipes/")
@allows("recipe.write")
def create() -> Response:
    """Add a recipe: `name`, `steps`, and a `description` and `note` if wanted."""
    values = payloads.body()
    payloads.refuse_unknown(values, FIELDS)
    with installation().database.write() as session:
        recipe, version = recipes.create(
            session,
            user(),
            name=payloads.text(values, "name", longest=recipes.LONGEST_NAME),
            steps=values.get("steps"),
            description=payloads.text(
                values, "description", "", longest=recipes.LONGEST_DESCRIPTION
            ),
            note=payloads.text(values, "note", "", longest=recipes.LONGEST_NOTE),
        )
        return payloads.answer(shown(recipe, version), 201)


@routes.get("/api/recipes/<int:recipe_id>/")
@allows("library.read")
def show(recipe_id: int) -> Response:
    """Return a recipe with its newest version."""
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        return payloads.answer(shown(recipe, recipes.newest(session, recipe)))


@routes.patch("/api/recipes/<int:recipe_id>/")
@allows("recipe.write")
def change(recipe_id: int) -> Response:
    """Change `name` or `description`, or put the recipe away and bring it back: `archived`."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("name", "description", "archived"))
    with installation().database.write() as session:
        recipe = recipes.get(session, user(), recipe_id, "recipe.write")
        applied(session, recipe, values)
        return payloads.answer(shown(recipe, recipes.newest(session, recipe)))


@routes.get("/api/recipes/<int:recipe_id>/versions/")
@allows("library.read")
def versions(recipe_id: int) -> Response:
    """List the versions of a recipe, newest first; `before` a number gives the next page."""
    size = payloads.page_size(PAGE, 200)
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        found = recipes.versions(session, recipe, before=payloads.before(), limit=size)
        return payloads.answer([shown_version(each) for each in found])


@routes.post("/api/recipes/<int:recipe_id>/versions/")
@allows("recipe.write")
def add_version(recipe_id: int) -> Response:
    """Add the next version: `steps`, a `note`, and `after`, the newest that one has seen."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("steps", "note", "after"))
    with installation().database.write() as session:
        recipe = recipes.get(session, user(), recipe_id, "recipe.write")
        added = recipes.add_version(
            session,
            user(),
            recipe,
            values.get("steps"),
            note=payloads.text(values, "note", "", longest=recipes.LONGEST_NOTE),
            after=payloads.number(values, "after", 0, highest=2**31 - 1),
        )
        return payloads.answer(shown_version(added), 201)


@routes.get("/api/recipes/<int:recipe_id>/versions/<int:number>/")
@allows("library.read")
def version(recipe_id: int, number: int) -> Response:
    """Return one version with its complete steps and their digest."""
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        return payloads.answer(shown_version(recipes.version(session, recipe, number)))


@routes.get("/api/recipes/<int:recipe_id>/versions/<int:number>/file")
@allows("library.read")
def file(recipe_id: int, number: int) -> Response:
    """Send one version as a file, `format` yaml or json, that another installation can read."""
    form = payloads.choice(request.args, "format", "yaml", recipe_files.FORMATS)
    with installation().database.read() as session:
        recipe = recipes.get(session, user(), recipe_id)
        found = recipes.version(session, recipe, number)
        content = recipe_files.written(recipe, found, form)
        name = f"{recipe.name}.v{found.number}.{form}"
    response = Response(content, mimetype=f"application/{form}")
    response.headers["Content-Disposition"] = disposition(name, as_attachment=True)
    return response


@routes.post("/api/recipes/files/")
@allows("recipe.write")
def bring() -> Response:
    """Make a recipe of a recipe file (YAML or JSON), which is the body; `name` gives another name.

    With `recipe`, the number of one that is there, it becomes its next version.
    """
    content = payloads.content(recipe_files.MOST_BYTES)
    recipe, added = brought(
        content,
        name=payloads.text(request.args, "name", "", longest=recipes.LONGEST_NAME),
        recipe_id=payloads.number(request.args, "recipe", 0),
    )
    return payloads.answer(shown(recipe, added), 201)


@routes.post("/api/recipes/preview/")
@allows("recipe.write")
def preview() -> Response:
    """Show what `steps` would do to a `sample` of at most 50 assets of a `library`; keep nothing.

    Texts have at most 4,000 characters.
    """
    values = payloads.body()
    payloads.refuse_unknown(values, ("library", "steps", "sample"))
    library = payloads.number(values, "library")
    sample = payloads.number(values, "sample", 20, lowest=1, highest=50)
    steps = recipes.checked_steps(values.get("steps"))
    return payloads.answer([each.told for each in previewing.rows(library, steps, sample)])


def brought(content: bytes, *, name: str = "", recipe_id: int = 0) -> tuple[Recipe, RecipeVersion]:
    """Write down what a recipe file says: a new recipe, or the next version of one."""
    told = recipe_files.read(content)
    with installation().database.write() as session:
        if recipe_id:
            recipe = recipes.get(session, user(), recipe_id, "recipe.write")
            return recipe, recipes.add_version(session, user(), recipe, told.steps, note=told.note)
        return recipes.create(
            session,
            user(),
            name=name or told.name,
            steps=told.steps,
            description=told.description,
            note=told.note,
        )


def applied(session: Any, recipe: Recipe, values: dict[str, Any]) -> None:
    """Change a recipe's name, description, and whether it is archived, as they are given."""
    name = payloads.given_text(values, "name", longest=recipes.LONGEST_NAME)
    description = payloads.given_text(values, "description", longest=recipes.LONGEST_DESCRIPTION)
    if name is not None or description is not None:
        recipes.change(session, user(), recipe, name=name, description=description)
    archived = payloads.given_flag(values, "archived")
    if archived is not None:
        (recipes.archive if archived else recipes.restore)(session, user(), recipe)


def shown(recipe: Recipe, newest: RecipeVersion) -> dict[str, Any]:
    """Return a recipe as the API tells of it."""
    return {
        "id": recipe.id,
        "name": recipe.name,
        "description": recipe.description,
        "archived_at": payloads.time(recipe.archived_at),
        "created_at": payloads.time(recipe.created_at),
        "created_by": recipe.created_by,
        "newest": shown_version(newest),
    }


def shown_version(row: RecipeVersion) -> dict[str, Any]:
    """Return a version as the API tells of it."""
    return {
        "id": row.id,
        "number": row.number,
        "digest": row.digest,
        "note": row.note,
        "steps": row.step_values,
        "created_at": payloads.time(row.created_at),
        "created_by": row.created_by,
    }

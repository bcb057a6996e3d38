"""Write the schemas of the API as short text that a person reads at a glance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from .schemas import Schema

# Where the page of all schemas is.
THINGS = "/docs/api/things"
_LINK = Markup('<a href="' + THINGS + '#schema-{0}">{0}</a>')
_OR = Markup(" | ")
_STEP = "  "


def brief(schema: Schema, inside: str = "") -> Markup:
    """Return a schema in the manner of TypeScript, with links to the things it names.

    `name?` may be missing; `inside` is the white space before its lines.
    """
    if "$ref" in schema:
        return _LINK.format(str(schema["$ref"]).rpartition("/")[2])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _OR.join(brief(each, inside) for each in choices)
    if "enum" in schema:
        return _OR.join(json.dumps(each, ensure_ascii=False) for each in schema["enum"])
    kind = schema.get("type", "any")
    if not isinstance(kind, str):
        return _OR.join(kind)
    if kind == "array":
        return Markup("[{}]").format(brief(schema.get("items", {}), inside))
    if kind == "object":
        return _members(schema, inside)
    return Markup.escape(kind)


def _members(schema: Mapping[str, Any], inside: str) -> Markup:
    deeper = inside + _STEP
    known: Mapping[str, Schema] = schema.get("properties", {})
    needed = schema.get("required", ())
    lines = [
        Markup("{}{}{}: {}").format(
            deeper, name, "" if name in needed else "?", brief(member, deeper)
        )
        for name, member in known.items()
    ]
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        lines.append(Markup("{}…: {}").format(deeper, brief(others, deeper)))
    if not lines:
        return Markup("object")
    return Markup("{{\n{}\n{}}}").format(Markup("\n").join(lines), inside)

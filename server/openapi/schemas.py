"""Build JSON Schemas (2020-12) in few words: `record(id=INTEGER, title=TEXT)`.

A record lists every member an answer has, and no other: what is documented is all there is.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

INTEGER: Schema = {"type": "integer"}
POSITIVE: Schema = {"type": "integer", "minimum": 1}
NUMBER: Schema = {"type": "number"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}
OBJECT: Schema = {"type": "object"}


def record(optional: tuple[str, ...] = (), /, **members: Schema) -> Schema:
    """Return an object with exactly these members; those named in `optional` may be missing."""
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def form(required: tuple[str, ...] = (), /, **members: Schema) -> Schema:
    """Return what a request may send: all of it optional but what `required` names."""
    schema: Schema = {"type": "object", "properties": members}
    return schema | ({"required": list(required)} if required else {})


def listed(item: Schema) -> Schema:
    """Return an array of items."""
    return {"type": "array", "items": item}


def maybe(schema: Schema) -> Schema:
    """Return the schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: Any) -> Schema:
    """Return a choice of values."""
    return {"enum": list(values)}


def mapping(value: Schema) -> Schema:
    """Return an object whose names are free and whose values follow a schema."""
    return {"type": "object", "additionalProperties": value}


def ref(name: str) -> Schema:
    """Refer to a schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def paged(item: Schema) -> Schema:
    """Return a page of items as Label Studio has it."""
    return record(count=INTEGER, next=maybe(TEXT), previous=maybe(TEXT), results=listed(item))

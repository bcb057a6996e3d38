"""Write a recipe version as a file that people can read, and read such a file back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from .. import errors
from ..errors import _
from .rows import Recipe, RecipeVersion
from .steps import Step, checked_steps, digest

MOST_BYTES = 512 * 1024
FORMATS = ("yaml", "json")
_KIND = "recipe"
_FIELDS = ("jinbiao", "name", "description", "version", "note", "digest", "steps")


@dataclass(frozen=True)
class RecipeFile:
    """What a file says: checked steps, and the words beside them."""

    name: str
    description: str
    note: str
    steps: list[Step]


def written(recipe: Recipe, version: RecipeVersion, form: str) -> bytes:
    """Return a version as YAML or JSON, with its digest; `read` takes either."""
    told = {
        "jinbiao": _KIND,
        "name": recipe.name,
        "description": recipe.description or "",
        "version": version.number,
        "note": version.note or "",
        "digest": f"sha256:{version.digest}",
        "steps": version.step_values,
    }
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
    return yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=100).encode()


def read(content: bytes) -> RecipeFile:
    """Return what a recipe file says, its steps checked and complete.

    Raises:
        errors.TooLarge: it has more than MOST_BYTES.
        errors.Invalid: it is neither YAML nor JSON, names what is not known here, or its digest
            is not that of its steps.
    """
    if len(content) > MOST_BYTES:
        raise errors.TooLarge(
            _("the file has more than %(limit_bytes)s"), place="file", limit_bytes=MOST_BYTES
        )
    values = _decoded(content)
    if not isinstance(values, dict):
        raise errors.Invalid(_("the file is not a recipe: it holds no object"), place="file")
    strange = [str(name)[:60] for name in values if name not in _FIELDS]
    if strange:
        problems = [
            errors.Problem(name, _("this field is not known here")) for name in strange[:20]
        ]
        raise errors.Invalid(_("there are fields that are not known here"), problems=problems)
    steps = checked_steps(values.get("steps"))
    said, found = _text(values, "digest"), f"sha256:{digest(steps)}"
    if said and said != found:
        raise errors.Invalid(
            _("the file says %(said)s, but its steps are %(found)s: somebody changed them"),
            place="digest",
            said=said[:80],
            found=found,
        )
    return RecipeFile(
        _text(values, "name"), _text(values, "description"), _text(values, "note"), steps
    )


class _NoAliases(yaml.SafeLoader):
    """Read plain YAML; a node that is named and used again could grow without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node; refuse an alias."""
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        return super().compose_node(parent, index)


def _decoded(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            return msgspec.json.decode(text)
        return yaml.load(text, Loader=_NoAliases)  # noqa: S506 - a safe loader
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise errors.Invalid(
            _("the file is neither YAML nor JSON in UTF-8: %(reason)s"), place="file", reason=reason
        ) from problem
    except (RecursionError, ValueError) as problem:
        # Too deep, or a date or number that cannot be.
        raise errors.Invalid(_("the file is not a recipe: it holds no object"), place="file") from (
            problem
        )


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise errors.Invalid(_("must be a text"), place=name)
    try:
        value.encode()
    except UnicodeEncodeError as problem:
        raise errors.Invalid(_("must be a text"), place=name) from problem
    return value

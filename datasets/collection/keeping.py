"""Store the media of tasks, and say what was learnt of them."""

from __future__ import annotations

import hashlib
import tempfile
from typing import Any

from .. import errors, media, sources
from ..errors import _
from ..storage import ObjectStore

# Pictures are kept in memory up to this size while they are looked at, larger ones on disk.
SPOOL_BYTES = 32 * 1024**2
# Beside the columns of a remembered medium: what they do not say.
_NOTED = "noted"
_EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


def keep(
    store: ObjectStore,
    opener: sources.Opener,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Store one medium, and its display copy where it needs one; return its media row.

    `known` remembers media rows by digest, so that bytes that come again are not looked at
    again; the caller bounds it.

    Raises:
        errors.TooLarge: it is larger than the limits allow.
        errors.Invalid: it is not what its name says, or damaged.
    """
    return look(store, opener, limits, known)[0]


def look(
    store: ObjectStore,
    opener: sources.Opener,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do what `keep` does; return the media row, and what no column of it says.

    The second has `kind`, `seconds`, `frames` and `warnings`. The same `known` serves both.
    """
    with opener.open() as source, tempfile.SpooledTemporaryFile(SPOOL_BYTES) as copy:
        digest = hashlib.sha256()
        size = 0
        while chunk := source.read(1024 * 1024):
            size += len(chunk)
            if size > limits.other_bytes:
                raise errors.TooLarge(
                    _("the file has more than %(limit_bytes)s"), limit_bytes=limits.other_bytes
                )
            digest.update(chunk)
            copy.write(chunk)
        name = digest.hexdigest()
        if name in known:
            return _without(known[name]), known[name][_NOTED]
        copy.seek(0)
        facts = media.inspect(copy, opener.name, limits=limits)  # type: ignore[arg-type]
        row: dict[str, Any] = {
            "digest": name,
            "size": size,
            "content_type": facts.content_type,
            "extension": facts.extension,
            "width": facts.width,
            "height": facts.height,
            "display_digest": None,
            "display_size": None,
            "display_content_type": None,
            "display_extension": None,
        }
        if facts.needs_display_copy:
            copy.seek(0)
            shown, content_type = media.display_copy(copy, facts)  # type: ignore[arg-type]
            stored = store.put_bytes(shown)
            row |= {
                "display_digest": stored.digest,
                "display_size": stored.size,
                "display_content_type": content_type,
                "display_extension": _EXTENSIONS.get(content_type, facts.extension),
            }
        copy.seek(0)
        store.put(copy)  # type: ignore[arg-type]
    noted = {
        "kind": facts.kind,
        "seconds": facts.seconds,
        "frames": facts.frames if facts.frames > 1 else None,
        "warnings": facts.warnings,
    }
    known[name] = {**row, _NOTED: noted}
    return row, noted


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != _NOTED}

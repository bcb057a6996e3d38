"""Check an asset and store its bytes, before anything is written down of it."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import msgspec

from .. import errors, media, sources
from ..collection import keeping
from ..errors import Problem, _
from ..media import texts
from ..storage import ObjectStore
from .drafts import AssetDraft, PreparedAsset
from .rows import AssetKind

LONGEST_NAME = 500  # characters
MOST_FACTS = 64 * 1024  # bytes of JSON
PLAIN_TEXT = "text/plain; charset=utf-8"
_TABLES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}
# What a medium must turn out to be for each kind of asset.
_KINDS = {
    AssetKind.IMAGE: "image",
    AssetKind.AUDIO: "audio",
    AssetKind.VIDEO: "video",
    AssetKind.DOCUMENT: "pdf",
}


def prepare(
    store: ObjectStore,
    draft: AssetDraft,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> PreparedAsset | sources.Reject:
    """Store an asset's bytes and check it; a fault makes a reject, never an error.

    Touches the object store only. `known` remembers what was learnt of bytes by their digest,
    so that those that come again are not looked at again; the caller bounds it.

    Raises:
        errors.Unavailable: the object store cannot be reached.
    """
    try:
        if draft.text is not None:
            return _text(draft, draft.text, limits, draft.facts)
        if draft.opener is None:
            raise errors.Invalid(_("there is nothing in it"))
        if draft.kind == AssetKind.TEXT:
            return _text_file(draft, draft.opener, limits)
        if draft.kind == AssetKind.TABLE:
            return _table(store, draft, draft.opener, limits)
        return _medium(store, draft, draft.opener, limits, known)
    except errors.Unavailable:
        raise
    except errors.JinbiaoError as problem:
        reason = Problem(problem.place, problem.message, problem.values)
        row = sources.row_of(draft.origin)
        return sources.Reject(draft.number, draft.place, reason, row=row)


def described(
    store: ObjectStore,
    kind: str,
    digest: str,
    size: int,
    content_type: str,
    limits: media.MediaLimits,
) -> dict[str, Any]:
    """Return the media row of stored bytes that a cleaning made of an asset.

    Pictures that browsers cannot show get their display copy, as those that are brought do.

    Raises:
        errors.Invalid: the bytes are not what assets of this kind may be.
        errors.Unavailable: the object store cannot be reached.
    """
    if kind == AssetKind.TABLE:
        by_type = {known: suffix for suffix, known in _TABLES.items()}
        return _table_row(digest, size, content_type, by_type.get(content_type, ".csv"))
    return keeping.keep(store, _Stored(store, digest), limits, {})


@dataclass(frozen=True)
class _Stored:
    """Open an object of the store as if somebody brought it."""

    store: ObjectStore
    digest: str
    name: str = ""

    def open(self) -> BinaryIO:
        """Return the opened bytes."""
        return self.store.open(self.digest)


def _text(
    draft: AssetDraft, text: str, limits: media.MediaLimits, facts: Mapping[str, Any]
) -> PreparedAsset:
    if not text.strip():
        raise errors.Invalid(_("the text is empty"))
    if "\x00" in text:
        raise errors.Invalid(_("the text holds NUL characters"))
    try:
        content = text.encode()
    except UnicodeEncodeError as problem:
        message = _("a text holds half a character (a lone surrogate)")
        raise errors.Invalid(message) from problem
    if len(content) > limits.text_bytes:
        raise errors.TooLarge(
            _("the file has %(size)s MB; the limit is %(limit)s MB"),
            size=round(len(content) / 1024**2, 1),
            limit=round(limits.text_bytes / 1024**2, 1),
        )
    return PreparedAsset(
        draft.number,
        AssetKind.TEXT,
        draft.name[:LONGEST_NAME],
        text,
        hashlib.sha256(content).hexdigest(),
        len(content),
        None,
        _facts(facts),
        draft.source_key,
    )


def _text_file(
    draft: AssetDraft, opener: sources.Opener, limits: media.MediaLimits
) -> PreparedAsset:
    with opener.open() as stream:
        size = stream.seek(0, io.SEEK_END)
        if size > limits.text_bytes:
            raise errors.TooLarge(
                _("the file has %(size)s MB; the limit is %(limit)s MB"),
                size=round(size / 1024**2, 1),
                limit=round(limits.text_bytes / 1024**2, 1),
            )
        encoding = texts.encoding(stream)
        stream.seek(0)
        text = stream.read().decode(encoding)
    facts = dict(draft.facts)
    if not encoding.startswith("utf-8"):
        facts["encoding"] = encoding
    return _text(draft, text, limits, facts)


def _medium(
    store: ObjectStore,
    draft: AssetDraft,
    opener: sources.Opener,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> PreparedAsset:
    row, noted = keeping.look(store, opener, limits, known)
    wanted = _KINDS.get(AssetKind(draft.kind))
    if noted["kind"] != wanted:
        raise errors.Invalid(
            _("the name says %(kind)s, but the content is %(found)s"),
            kind=wanted,
            found=row["content_type"],
        )
    facts = {name: row[name] for name in ("width", "height") if row[name] is not None}
    facts |= {name: noted[name] for name in ("seconds", "frames", "warnings") if noted.get(name)}
    return PreparedAsset(
        draft.number,
        draft.kind,
        draft.name[:LONGEST_NAME],
        None,
        row["digest"],
        row["size"],
        row["content_type"],
        _facts({**facts, **draft.facts}),
        draft.source_key,
        row,
    )


def _table(
    store: ObjectStore, draft: AssetDraft, opener: sources.Opener, limits: media.MediaLimits
) -> PreparedAsset:
    suffix = PurePosixPath(opener.name.lower()).suffix
    with opener.open() as stream:
        facts = (
            _parquet_facts(stream) if suffix == ".parquet" else _table_facts(stream, opener.name)
        )
        stream.seek(0)
        stored = store.put(stream, limit=limits.other_bytes)
    content_type = _TABLES.get(suffix, "text/csv")
    row = _table_row(stored.digest, stored.size, content_type, suffix)
    return PreparedAsset(
        draft.number,
        AssetKind.TABLE,
        draft.name[:LONGEST_NAME],
        None,
        stored.digest,
        stored.size,
        content_type,
        _facts({**facts, **draft.facts}),
        draft.source_key,
        row,
    )


def _table_row(digest: str, size: int, content_type: str, extension: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "size": size,
        "content_type": content_type,
        "extension": extension,
        "width": None,
        "height": None,
        "display_digest": None,
        "display_size": None,
        "display_content_type": None,
        "display_extension": None,
    }


def _table_facts(stream: BinaryIO, name: str) -> dict[str, Any]:
    """Read a table to its end at constant memory: its columns, its rows, and the bad ones."""
    columns: list[str] = []
    good = bad = 0
    # The reader closes what it reads.
    with tempfile.SpooledTemporaryFile(keeping.SPOOL_BYTES) as copy:
        while block := stream.read(1 << 20):
            copy.write(block)
        copy.seek(0)
        for _line, row in sources.rows(copy, name):  # type: ignore[arg-type]
            if isinstance(row, errors.Invalid):
                bad += 1
                continue
            good += 1
            columns = columns or list(row)
    facts: dict[str, Any] = {"columns": columns[:200], "rows": good}
    if bad:
        facts["bad_rows"] = bad
    return facts


def _parquet_facts(stream: BinaryIO) -> dict[str, Any]:
    import pyarrow
    import pyarrow.parquet

    try:
        found = pyarrow.parquet.ParquetFile(stream)
        return {
            "columns": [str(name)[:200] for name in found.schema_arrow.names[:200]],
            "rows": found.metadata.num_rows,
        }
    except (pyarrow.ArrowException, OSError, ValueError) as problem:
        raise errors.Invalid(_("the Parquet file is damaged")) from problem


def _facts(facts: Mapping[str, Any]) -> str:
    if not facts:
        return "{}"
    try:
        content = msgspec.json.encode(facts)
        text = content.decode()
    except (UnicodeError, TypeError) as problem:
        raise errors.Invalid(_("the row's other values are not plain values")) from problem
    if len(content) > MOST_FACTS:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"), place="facts", longest=MOST_FACTS
        )
    return text

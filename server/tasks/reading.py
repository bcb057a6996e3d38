"""Read one uploaded file into tasks, by what its name says it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from ...datasets import collection, errors, sources
from ...datasets.collection import MOST_TASKS, ListReader, Prepared
from ...datasets.errors import Problem, _
from ...datasets.installation import Installation
from ...datasets.projects import Project
from ...workers import spool

_MOST_LIST_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Upload:
    """An uploaded file: its plain name, and the object that holds its bytes."""

    name: str
    digest: str
    size: int


def read_upload(
    installation: Installation, project: Project, tasks: ListReader, upload: Upload
) -> list[Prepared]:
    """Return the tasks of an uploaded file: a list, a table, lines of text, media, an archive.

    Raises:
        errors.Invalid: an item is not usable; the first are named.
        errors.TooLarge: there are too many.
    """
    suffix = PurePosixPath(upload.name.lower()).suffix
    with _local(installation, upload) as path:
        if suffix in (".json", ".jsonl", ".ndjson"):
            return _list(tasks, path, by_line=suffix != ".json")
        if sources.is_table(upload.name):
            with path.open("rb") as stream:
                rows = [row for _line, row in sources.rows(stream, upload.name)]
            wrong = next((row for row in rows if isinstance(row, errors.Invalid)), None)
            if wrong is not None:
                raise wrong
            return tasks.prepared(rows)
        if suffix == ".txt" and (key := _text_key(project)) is not None:
            with path.open("rb") as stream:
                return tasks.prepared([{key: _good(line)} for _at, line in sources.lines(stream)])
        return _media(installation, project, path, upload.name)


def _good(line: str | errors.Invalid) -> str:
    """Return a line; raise what is wrong with it."""
    if isinstance(line, errors.Invalid):
        raise line
    return line


def columns(tasks: list[Prepared]) -> list[str]:
    """Return the data keys that all tasks have."""
    keys: set[str] | None = None
    for prepared in tasks[:1000]:
        found = set(msgspec.json.decode(prepared.data))
        keys = found if keys is None else keys & found
    return sorted(keys or ())


def _list(tasks: ListReader, path: Path, *, by_line: bool) -> list[Prepared]:
    if path.stat().st_size > _MOST_LIST_BYTES:
        raise errors.TooLarge(
            _("the list has more than %(limit)s bytes; import it as a job (async=true)"),
            limit=_MOST_LIST_BYTES,
        )
    content = path.read_bytes()
    if by_line and content.lstrip()[:1] != b"[":
        lines = [line for line in content.split(b"\n") if line.strip()]
        content = b"[" + b",".join(lines) + b"]"
    return tasks.read(content.removeprefix(b"\xef\xbb\xbf"))


def _text_key(project: Project) -> str | None:
    """Return the data key whose value is words of the task itself."""
    media = collection.media_keys(project)
    found: list[Any] = [
        item.key
        for item in project.config.objects
        if item.key and item.key not in media and item.value_type != "url"
    ]
    return found[0] if found else None


def _media(installation: Installation, project: Project, path: Path, name: str) -> list[Prepared]:
    settings = installation.settings
    limits = collection.media_limits(settings)
    known: dict[str, dict[str, Any]] = {}
    found: list[Prepared] = []
    problems: list[Problem] = []
    for item in sources.read(
        path,
        keys=project.data_keys,
        media_keys=collection.media_keys(project),
        word_keys=collection.word_keys(project),
        limits=collection.source_limits(settings, project),
        name=name,
    ):
        made = (
            item
            if isinstance(item, sources.Reject)
            else collection.prepare(installation.store, project, item, limits, known)
        )
        if isinstance(made, Prepared):
            found.append(made)
        else:
            problems.append(Problem(made.place, made.reason.message, made.reason.values))
        if len(found) > MOST_TASKS:
            raise errors.TooLarge(
                _("more than %(most)s tasks; import them as a job (async=true)"), most=MOST_TASKS
            )
        if len(problems) >= 20:
            break
    if problems:
        raise errors.Invalid(_("nothing was imported"), problems=problems)
    if not found:
        raise errors.Invalid(_("there is no task in it"))
    return found


@contextmanager
def _local(installation: Installation, upload: Upload) -> Iterator[Path]:
    """Give the bytes as a file on this host."""
    local = installation.store.path(upload.digest)
    if local is not None:
        yield local
        return
    with spool.folder(installation.settings) as folder:
        target = folder / "upload"
        with installation.store.open(upload.digest) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, 1024 * 1024)
        yield target

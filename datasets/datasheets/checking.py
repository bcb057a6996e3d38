"""Recompute a datasheet from the release's own files, and name every difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from .. import catalogue, errors, labels
from ..catalogue import Release
from ..errors import _
from ..exports import WrittenFile
from ..storage import ObjectStore
from . import process
from .evidence import Evidence
from .queries import QUERIES, figure
from .sheet import FIGURES

SHEET, MANIFEST = "datasheet.json", "manifest.jsonl"


def kept(session: Session, store: ObjectStore, release: Release) -> dict[str, Any] | None:
    """Return the datasheet of a release as it was published; None where it has none."""
    found = catalogue.file(session, release, SHEET)
    return None if found is None else dict(msgspec.json.decode(store.read(found.digest)))


def evidence_of(session: Session, store: ObjectStore, release: Release) -> Evidence:
    """Return the tables of a release, filled from its own files.

    Raises:
        errors.Refused: it lacks a file that is needed.
        errors.Damaged: the bytes of such a file have changed.
    """
    files = {file.path: file for file in catalogue.files(session, release)}
    missing = [path for path in (MANIFEST, process.PATH) if path not in files]
    if missing:
        raise errors.Refused(_("the release has no %(paths)s"), paths=", ".join(missing))
    evidence = Evidence()
    lines = _lines(store, files[MANIFEST])
    config = labels.parse(msgspec.json.decode(next(lines))["label_config"])
    evidence.add_records(lines, config)
    evidence.add_files(files.values())
    evidence.add_process(msgspec.json.decode(line) for line in _lines(store, files[process.PATH]))
    return evidence


def differences(evidence: Evidence, release: Release, sheet: dict[str, Any]) -> list[str]:
    """Say in English how a datasheet differs from what its queries say now; nothing: []."""
    found = []
    if (sheet["release"]["tag"], sheet["release"]["commit"]) != (release.tag, release.commit_id):
        found.append(f"release: {sheet['release']} is not {release.tag} {release.commit_id}")
    for told in sheet["queries"]:
        query = QUERIES.get((told["name"], told["version"]))
        if query is None or query.sql != told["sql"]:
            found.append(f"query {told['name']} version {told['version']}: another text")
    for topic in sheet["topics"]:
        stated = [item for item in topic["items"] if item["kind"] == "figure"]
        lacking = set(FIGURES.get(topic["name"], ())) - {item["query"] for item in stated}
        found += [f"{topic['name']}: {name} is not stated" for name in sorted(lacking)]
        for item in stated:
            found += _differs(evidence, topic["name"], item)
    return found


def _differs(evidence: Evidence, topic: str, item: dict[str, Any]) -> list[str]:
    query = QUERIES.get((item["query"], item["version"]))
    if query is None:
        return [f"{topic}: there is no query {item['query']} version {item['version']}"]
    # As JSON has it, so that both sides went the same way.
    now = msgspec.json.decode(msgspec.json.encode(figure(evidence, query, item["parameters"])))
    return [
        f"{topic}: {query.name}: {name} is stated as {item.get(name)!r}, found {now.get(name)!r}"
        for name in sorted(set(item) | set(now))
        if item.get(name) != now.get(name)
    ]


def _lines(store: ObjectStore, file: WrittenFile) -> Iterator[bytes]:
    """Stream the lines of a file; its digest must hold at the end."""
    digest = hashlib.sha256()
    with store.open(file.digest) as stream:
        for line in stream:
            digest.update(line)
            yield line
    if digest.hexdigest() != file.digest:
        raise errors.Damaged(_("the stored bytes of %(digest)s have changed"), digest=file.digest)

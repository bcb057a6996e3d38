"""Write the datasheet of a release: JSON with every query, and Chinese and English to read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ..datasets import catalogue, datasheets, errors
from ..datasets.catalogue import Release
from ..datasets.datasheets import About, Evidence
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from ..datasets.versions import FrozenVersion
from . import datasheet_texts as texts
from .card import CardFacts
from .output import Output

MARKDOWN = {"zh": "datasheet.zh.md", "en": "datasheet.en.md"}


def write(
    version: FrozenVersion,
    about: About,
    files: Iterable[WrittenFile],
    folders: Iterable[str],
    output: Output,
) -> None:
    """Write the datasheet and the evidence that the platform's rows gave; constant memory.

    `files` are those of the release so far, `folders` those that hold its data.
    """
    with Evidence() as evidence:
        evidence.add_records(version.lines(), version.config)
        evidence.add_files(files)
        with output.file(datasheets.PROCESS) as out:
            rows = datasheets.process_of(version.database, version.id)
            evidence.add_process(_written(rows, out))
        sheet = datasheets.make(evidence, about, folders)
    output.write(datasheets.SHEET, as_json(sheet))
    for language, path in MARKDOWN.items():
        output.write(path, markdown(sheet, language).encode())


def about(version: FrozenVersion, facts: CardFacts, notes: str) -> About:
    """Return what a datasheet says besides what is counted."""
    shares = ", ".join(f"{name} {share:g}" for name, share in version.fractions.items())
    return About(
        dataset=facts.full_name,
        title=facts.title,
        title_en=facts.title_en,
        licence=facts.licence,
        facts=facts.facts,
        notes=notes,
        release={
            "dataset": facts.full_name,
            "tag": version.tag,
            "commit": version.commit_id,
            "address": f"/datasets/{facts.full_name}",
            "manifest": version.manifest_digest,
            "config": hashlib.sha256(version.label_config.encode()).hexdigest(),
            "seed": version.seed,
            "fractions": shares,
        },
    )


def as_json(sheet: dict[str, Any]) -> bytes:
    """Return a datasheet as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(sheet), indent=1) + b"\n"


def markdown(sheet: dict[str, Any], language: str) -> str:
    """Return a datasheet in a language; the same values give the same bytes."""
    queries = {(query["name"], query["version"]): query for query in sheet["queries"]}
    release = sheet["release"]
    lines = [
        f"# {_line(sheet['title'][language])}：{texts.pick(texts.TITLE, language)}"
        if language == "zh"
        else f"# {_line(sheet['title'][language])}: {texts.pick(texts.TITLE, language)}",
        "",
        f"`{release['dataset']}` {release['tag']} `{release['commit']}`",
        "",
        texts.pick(texts.NOTE, language),
    ]
    code = ""
    for topic in sheet["topics"]:
        if topic["code"] != code:
            code = topic["code"]
            lines += ["", f"## {code} {texts.dimension_title(code, language)}"]
        lines += ["", f"### {texts.topic_title(topic['name'], language)}", ""]
        for item in topic["items"]:
            lines += _item(item, queries, language)
    lines += ["", f"## {texts.pick(texts.QUERIES, language)}", ""]
    for query in sheet["queries"]:
        lines += [f"- `{query['name']}` v{query['version']}: {query[language]}", ""]
        lines += [f"  `{query['sql']}`"]
    return "\n".join(lines) + "\n"


def differences(session: Session, store: ObjectStore, release: Release) -> list[str]:
    """Recompute a release's datasheet from the release's own files; name every difference.

    Raises:
        errors.NotFound: the release has no datasheet.
        errors.Refused: it lacks a file that is needed to compute it.
        errors.Damaged: the bytes of such a file have changed.
    """
    sheet = datasheets.kept(session, store, release)
    if sheet is None:
        raise errors.NotFound(_("this release has no datasheet"))
    with datasheets.evidence_of(session, store, release) as evidence:
        found = datasheets.differences(evidence, release, sheet)
    there = catalogue.files_at(session, release, list(MARKDOWN.values()))
    for language, path in MARKDOWN.items():
        digest = hashlib.sha256(markdown(sheet, language).encode()).hexdigest()
        if path not in there or there[path].digest != digest:
            found.append(f"{path}: does not say what {datasheets.SHEET} says")
    return found


def _item(
    item: dict[str, Any], queries: dict[tuple[str, int], dict[str, Any]], language: str
) -> list[str]:
    if item["kind"] == "figure":
        query = queries[item["query"], item["version"]]
        source = f"`{item['query']}` v{item['version']}{_given(item['parameters'])}"
        title = texts.query_title(query, item["parameters"], language)
        if "rows" in item:
            return [*_table(title, source, query, item["rows"], language), ""]
        value = texts.figure_value(item, query["unit"], language)
        return [f"- **{title}** {value} {source}"]
    name = texts.item_name(item["name"], language)
    if item["kind"] == "unknown":
        return [f"- **{name}** {texts.pick(texts.UNKNOWN, language)}"]
    value = _block(texts.item_value(item, language))
    if item["kind"] == "fact":
        return [f"- **{name}** {value}"]
    by = texts.pick(texts.SAID, language) + (f" · {_line(item['by'])}" if item["by"] else "")
    return [f"- **{name}** {value} *[{by}]*"]


def _table(
    title: str, source: str, query: dict[str, Any], rows: Sequence[Sequence[Any]], language: str
) -> list[str]:
    lines = [f"- **{title}** {source}"]
    if not rows:
        return [f"- **{title}** {texts.pick(texts.NONE, language)} {source}"]
    heads = [column[language] for column in query["columns"]]
    lines += ["", f"  | {' | '.join(heads)} |", f"  |{' --- |' * len(heads)}"]
    for row in rows:
        cells = [_line(texts.cell(value, language)).replace("|", "\\|") for value in row]
        lines.append(f"  | {' | '.join(cells)} |")
    return lines


def _given(parameters: dict[str, Any]) -> str:
    told = [
        f"{name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in sorted(parameters.items())
    ]
    return f" ({'; '.join(told)})" if told else ""


def _line(text: str) -> str:
    """Return words as one line without markup."""
    return " ".join(text.split()).replace("<", "&lt;")


def _block(text: str) -> str:
    """Return the words of people as one item of a list: no markup, heading or list of theirs."""
    lines = (line.strip().lstrip("#>-*+ ") for line in text.replace("<", "&lt;").splitlines())
    return "  \n  ".join(line for line in lines if line)


def _written(rows: Iterable[dict[str, Any]], out: Any) -> Iterable[dict[str, Any]]:
    for row in rows:
        out.write(msgspec.json.encode(row) + b"\n")
        yield row

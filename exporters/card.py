"""Write the README of a release: YAML that hubs read, then Chinese and English for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import yaml

from ..datasets.catalogue import Dataset, Facts, facts_of
from ..datasets.exports import WrittenFile
from ..datasets.versions import FrozenVersion, RecordPrediction, RecordReview
from .card_texts import TEXTS, Texts
from .formats import FORMATS
from .layout import IMAGES

Exports = Sequence[tuple[str, Sequence[WrittenFile]]]

# Hugging Face's names where they are not the SPDX name in lower case.
_LICENCES = {"ODbL-1.0": "odbl", "PDDL-1.0": "pddl", "other": "other"}
_OTHER_LICENCES = {"MulanPSL-2.0"}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


@dataclass(frozen=True)
class CardFacts:
    """What the catalogue says of a dataset; `licence` is an SPDX identifier."""

    full_name: str
    title: str
    title_en: str = ""
    description: str = ""
    licence: str = "CC-BY-4.0"
    keywords: tuple[str, ...] = ()
    task_categories: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    publisher: str = ""


def card_facts(dataset: Dataset) -> CardFacts:
    """Return what the catalogue says of a dataset now."""
    return CardFacts(
        full_name=dataset.full_name,
        title=dataset.title,
        title_en=dataset.title_en,
        description=dataset.description,
        licence=dataset.licence,
        keywords=tuple(dataset.keyword_list),
        task_categories=tuple(dataset.task_category_list),
        facts=facts_of(dataset),
        publisher=dataset.organisation.name,
    )


@dataclass
class Making:
    """How the records of a version came about; people are pseudonyms."""

    annotators: set[str] = field(default_factory=set)
    reviewers: set[str] = field(default_factory=set)
    reviewed: int = 0
    prelabelled: int = 0
    models: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Contents:
    """The formats of a release, and whether pictures lie beside them."""

    formats: list[str]
    with_pictures: bool


class _Provenance(msgspec.Struct):
    annotator: str
    prediction: RecordPrediction | None
    review: RecordReview | None


def write_card(
    version: FrozenVersion, facts: CardFacts, exports: Exports, making: Making | None = None
) -> tuple[bytes, dict[str, Any]]:
    """Return README.md and its front matter; the same arguments give the same bytes.

    `making` is what `how_made` says, where it has been asked already.
    """
    front_matter = _front_matter(version, facts, exports)
    head = yaml.safe_dump(front_matter, allow_unicode=True, sort_keys=False, width=1000)
    making = making or how_made(version)
    contents = _Contents(
        [name for name in FORMATS if name in dict(exports)],
        any(file.path.startswith(f"{IMAGES}/") for _name, files in exports for file in files),
    )
    body = "\n".join(_body(texts, version, facts, contents, making) for texts in TEXTS)
    return f"---\n{head}---\n\n{body}".encode(), front_matter


def how_made(version: FrozenVersion) -> Making:
    """Count who and what the records of a version owe their labels to."""
    making = Making()
    decode = msgspec.json.Decoder(_Provenance).decode
    for line in version.lines():
        record = decode(line)
        making.annotators.add(record.annotator)
        if record.review is not None:
            making.reviewed += 1
            making.reviewers.add(record.review.reviewer)
        if record.prediction is not None:
            making.prelabelled += 1
            making.models.add(record.prediction.model_version)
    return making


def _front_matter(version: FrozenVersion, facts: CardFacts, exports: Exports) -> dict[str, Any]:
    count = version.record_count
    values: dict[str, Any] = {
        "pretty_name": facts.title,
        "language": ["zh"],
        **_licence(facts.licence),
        "task_categories": list(facts.task_categories),
        "size_categories": [next((name for top, name in _SIZES if count < top), "n>1M")],
        "tags": list(facts.keywords),
    }
    shards = [
        file
        for name, files in exports
        if name == "parquet"
        for file in files
        if fnmatchcase(file.path, "data/*.parquet")
    ]
    if shards:
        values["configs"] = [
            {
                "config_name": "default",
                "default": True,
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"} for split in version.splits
                ],
            }
        ]
        values["dataset_info"] = {
            "features": _stored_features(version, shards[0]),
            "splits": [
                {
                    "name": split,
                    # Pictures are embedded: what is unpacked is as large as the shards.
                    "num_bytes": sum(
                        shard.size for shard in shards if shard.path.startswith(f"data/{split}-")
                    ),
                    "num_examples": version.statistics["splits"][split],
                }
                for split in version.splits
            ],
        }
    return {key: value for key, value in values.items() if value}


def _licence(spdx: str) -> dict[str, str]:
    if spdx in _OTHER_LICENCES:
        return {"license": "other", "license_name": spdx.lower()}
    return {"license": _LICENCES.get(spdx, spdx.lower())}


def _stored_features(version: FrozenVersion, shard: WrittenFile) -> list[dict[str, Any]]:
    """Read the features that a Parquet file declares, in the form of YAML."""
    import pyarrow.parquet as pq

    with version.store.open(shard.digest) as stream:
        metadata = pq.read_schema(stream).metadata
    declared = msgspec.json.decode(metadata[b"huggingface"])["info"]["features"]
    return [{"name": name, **yaml_feature(feature)} for name, feature in declared.items()]


def yaml_feature(feature: dict[str, Any]) -> dict[str, Any]:
    """Turn a feature from the JSON of `datasets` into that of its YAML."""
    match feature.get("_type"):
        case "Value":
            return {"dtype": feature["dtype"]}
        case "Image":
            return {"dtype": "image"}
        case "ClassLabel":
            names = {str(number): name for number, name in enumerate(feature["names"])}
            return {"dtype": {"class_label": {"names": names}}}
        case "Sequence":
            inner = yaml_feature(feature["feature"])
            return {"sequence": inner["dtype"] if set(inner) == {"dtype"} else inner}
        case _:
            return {"struct": [{"name": n, **yaml_feature(f)} for n, f in feature.items()]}


def _body(
    texts: Texts, version: FrozenVersion, facts: CardFacts, contents: _Contents, making: Making
) -> str:
    title = facts.title if texts.language == "zh" else facts.title_en or facts.title
    parts = [f"# {title}", ""]
    if facts.description and texts.language == "zh":
        parts += [facts.description.strip(), ""]
    parts += [
        texts.version % {"tag": version.tag, "commit": version.commit_id},
        "",
        f"## {texts.contents}",
        "",
        *_split_table(texts, version),
        "",
        *_class_table(texts, version),
        f"## {texts.files}",
        "",
        *_format_list(texts, contents),
        "",
        f"## {texts.making}",
        "",
        *_making(texts, making),
    ]
    parts += ["", texts.split_how % {"seed": version.seed}, "", f"## {texts.licence}", ""]
    parts += [facts.licence, ""]
    if "parquet" in contents.formats:
        parts += [f"## {texts.loading}", "", _loading(texts, version, facts), ""]
    return "\n".join(parts)


def _making(texts: Texts, making: Making) -> list[str]:
    lines = [texts.made % {"annotators": len(making.annotators)}]
    if making.reviewed:
        counts = {"reviewed": making.reviewed, "reviewers": len(making.reviewers)}
        lines += ["", texts.reviewed % counts]
    if making.models:
        models = texts.comma.join(sorted(making.models))
        lines += ["", texts.prelabelled % {"count": making.prelabelled, "models": models}]
    return lines


def _split_table(texts: Texts, version: FrozenVersion) -> list[str]:
    counts = version.statistics["splits"]
    return [
        f"| {texts.split} | {texts.records} |",
        "| --- | ---: |",
        *(f"| {split} | {counts[split]} |" for split in version.splits),
        f"| {texts.total} | {version.record_count} |",
    ]


def _class_table(texts: Texts, version: FrozenVersion) -> list[str]:
    total, by_split = version.statistics["labels"], version.statistics.get("labels_by_split", {})
    if not total:
        return []
    titles = {
        label: title
        for control in version.config.controls
        for label, title in control.titles.items()
    }
    order = [label for label in version.config.all_labels if label in total]
    order += sorted(set(total) - set(order))
    lines = [
        f"| {texts.label} | {texts.name} | {' | '.join(version.splits)} | {texts.total} |",
        f"| --- | --- | {'---: | ' * (len(version.splits) + 1)}".rstrip(),
    ]
    for label in order:
        counts = [str(by_split.get(split, {}).get(label, 0)) for split in version.splits]
        cells = [_cell(label), _cell(titles.get(label, label)), *counts, str(total[label])]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _format_list(texts: Texts, contents: _Contents) -> list[str]:
    lines = []
    for name in contents.formats:
        entry = FORMATS[name]
        chinese = texts.language == "zh"
        title = entry.title_zh if chinese else entry.title_en
        description = entry.description_zh if chinese else entry.description_en
        places = texts.comma.join(f"`{place}`" for place in entry.places)
        lines.append(f"- **{title}**{texts.colon}{places}{texts.stop}{description}")
    lines += texts.common_files
    return [*lines, "", texts.pictures] if contents.with_pictures else lines


def _loading(texts: Texts, version: FrozenVersion, facts: CardFacts) -> str:
    return (
        f"```python\n{texts.endpoint}\n"
        "from datasets import load_dataset\n\n"
        f'dataset = load_dataset("{facts.full_name}", revision="{version.tag}")\n'
        f'print(dataset["{version.splits[0]}"][0])\n```'
    )

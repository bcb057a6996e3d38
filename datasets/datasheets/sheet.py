"""Put a datasheet together: figures with queries, facts, what people said, what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue import Facts
from .evidence import Evidence
from .queries import QUERIES, figure, newest
from .topics import QUESTIONS, TOPICS, Topic

FORMAT = "jinbiao-datasheet/1"
RARE = 20  # uses below which a label is called rare

# What the figures of each topic are; `folders` stands for those with the data's own files.
FIGURES: dict[str, tuple[str, ...]] = {
    "scale": ("records.count", "records.by_split", "regions.count"),
    "formats": ("files.by_ending",),
    "structure": ("files.by_folder",),
    "modality": ("media.types", "records.without_media"),
    "distribution": ("media.sizes", "records.grouped"),
    "labels": ("labels.by_name", "labels.by_split"),
    "samples": ("records.first",),
    "limitations": ("labels.rare", "records.empty"),
    "processing": ("records.cleaned", "records.prelabelled"),
    "annotation": (
        "people.annotators",
        "people.reviewers",
        "process.answers",
        "process.agreement",
        "records.reviewed",
        "process.first_pass",
        "records.by_guideline",
    ),
}
# Facts that the provider told in fields of their own.
TOLD: dict[str, tuple[str, ...]] = {
    "access": ("openness", "open_condition"),
    "support": ("contact_name", "contact_email"),
    "distribution": ("region", "covers_from", "covers_to"),
    "source": ("provider", "provider_code", "rights_basis"),
    "versions": ("update_cycle", "notes"),
    "licence": ("licence", "data_level"),
    "use_cases": ("domain", "dataset_class"),
}
# Facts of the release itself.
FACTS: dict[str, tuple[str, ...]] = {
    "access": ("address",),
    "annotation": ("config",),
    "versions": ("tag", "commit", "manifest"),
    "evaluation": ("seed", "fractions"),
}


@dataclass(frozen=True)
class About:
    """What is known of a release besides what can be counted; `facts` are the provider's."""

    dataset: str
    title: str
    title_en: str
    licence: str
    facts: Facts
    notes: str
    release: Mapping[str, Any]


def make(evidence: Evidence, about: About, folders: Iterable[str]) -> dict[str, Any]:
    """Return the datasheet of a release as plain values.

    Each item of a topic is a "figure" with its query, a "fact" of the release, something
    "said" by the provider, or "unknown": what nobody has said, or what cannot be told.
    """
    parameters: dict[str, Mapping[str, Any]] = {
        "files.by_ending": {"folders": sorted(folders)},
        "files.by_folder": {"folders": sorted(folders)},
        "labels.rare": {"below": RARE},
    }
    topics, used = [], set()
    for topic in TOPICS:
        items: list[dict[str, Any]] = []
        for name in FIGURES.get(topic.name, ()):
            query = newest(name)
            used.add((query.name, query.version))
            items.append(figure(evidence, query, parameters.get(name)))
        items += [
            {"kind": "fact", "name": name, "value": about.release[name]}
            for name in FACTS.get(topic.name, ())
        ]
        items += told(topic, about)
        topics.append({"name": topic.name, "code": topic.code, "items": items})
    return {
        "format": FORMAT,
        "release": {name: about.release[name] for name in ("dataset", "tag", "commit")},
        "title": {"zh": about.title, "en": about.title_en or about.title},
        "queries": [_described(*key) for key in sorted(used)],
        "topics": topics,
    }


def told(topic: Topic, about: About) -> list[dict[str, Any]]:
    """Return what the provider said of a topic, and what was asked and not said."""
    items: list[dict[str, Any]] = []
    by = about.facts.provider
    for name in TOLD.get(topic.name, ()):
        value = _value(about, name)
        if value is not None:
            items.append({"kind": "said", "name": name, "value": value, "by": by})
        elif name in ("contact_email", "update_cycle", "rights_basis"):
            items.append({"kind": "unknown", "name": name})
    for question in (each for each in QUESTIONS if each.topic == topic.name):
        words = answer(about.facts.sheet, question.name)
        if words:
            items.append({"kind": "said", "name": question.name, **words, "by": by})
        else:
            items.append({"kind": "unknown", "name": question.name})
    return items


def answer(sheet: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return what was said to a question as `zh` and, where there is one, `en`."""
    found = {}
    for language, key in (("zh", name), ("en", f"{name}_en")):
        said = sheet.get(key)
        if isinstance(said, str) and said.strip():
            found[language] = said.strip()
    return found


def covered(sheet: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the topics that a datasheet covers, by the code of their indicator (0101–0104).

    A topic is covered by what it needs: a figure that could be told, a fact, or words of people.
    """
    needs = {topic.name: topic.needs for topic in TOPICS}
    found: dict[str, list[str]] = {topic.code: [] for topic in TOPICS}
    questions = {question.name for question in QUESTIONS}
    for topic in sheet["topics"]:
        needed = needs.get(topic["name"])
        for item in topic["items"]:
            kind = item["kind"]
            good = (
                (needed == "figure" and kind == "figure" and _is_told(item))
                or (needed == "fact" and kind in ("fact", "said"))
                or (needed == "said" and kind == "said" and item["name"] in questions)
            )
            if good:
                found[topic["code"]].append(topic["name"])
                break
    return found


def _is_told(item: Mapping[str, Any]) -> bool:
    return bool(item["rows"]) if "rows" in item else item["value"] is not None


def _value(about: About, name: str) -> Any:
    if name == "licence":
        return about.licence
    if name == "notes":
        return about.notes.strip() or None
    value = getattr(about.facts, name)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _described(name: str, version: int) -> dict[str, Any]:
    query = QUERIES[name, version]
    return {
        "name": query.name,
        "version": query.version,
        "kind": query.kind,
        "zh": query.zh,
        "en": query.en,
        "sql": query.sql,
        "unit": query.unit,
        "columns": [{"zh": chinese, "en": english} for chinese, english in query.columns],
    }

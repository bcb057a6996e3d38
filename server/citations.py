"""Write how a dataset is cited and loaded."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from ..datasets.catalogue import Dataset, Release

ZONE = ZoneInfo("Asia/Shanghai")
# As every style of BibTeX has them, whatever the locale here.
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def gb_t_7714(dataset: Dataset, release: Release, address: str, *, english: bool) -> str:
    """Return the entry of a reference list after GB/T 7714-2015, a dataset online ([DS/OL])."""
    published = release.published_at.astimezone(ZONE).strftime("%Y-%m-%d")
    owner = dataset.provider or dataset.organisation.name
    title = (dataset.title_en or dataset.title) if english else dataset.title
    version = f"version {release.tag}" if english else f"版本 {release.tag}"
    platform = "Jinbiao" if english else "津标"
    return f"{owner}. {title}: {version}[DS/OL]. {platform}, {published}. {address}."


def bibtex(dataset: Dataset, release: Release, address: str) -> str:
    """Return a BibTeX entry (`@misc`, which every style knows)."""
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{dataset.full_name}-{release.tag}").strip("-").lower()
    fields = {
        "title": "{" + _plain(dataset.title) + "}",
        "author": "{" + _plain(dataset.provider or dataset.organisation.name) + "}",
        "year": release.published_at.astimezone(ZONE).strftime("%Y"),
        "month": MONTHS[release.published_at.astimezone(ZONE).month - 1],
        "version": release.tag,
        "publisher": "Jinbiao",
        "howpublished": f"\\url{{{address}}}",
        "note": f"content id {release.commit_id}",
    }
    width = max(map(len, fields))
    lines = [
        f"  {name:<{width}} = {text if name == 'month' else '{' + text + '}'}"
        for name, text in fields.items()
    ]
    return "@misc{" + key + ",\n" + ",\n".join(lines) + "\n}"


def _plain(text: str) -> str:
    """Keep braces and backslashes of a title from being read as commands."""
    return re.sub(r"([\\{}%$#&_])", "", text)

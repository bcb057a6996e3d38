"""Score metadata as data.europa.eu does: MQA, 405 points in five dimensions.

The weights are those of the methodology as quoted by others (contracts/catalogue §9). What is
averaged over the downloads and what is taken from the best one is our reading: the best
download counts for interoperability, the share of downloads for the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from ..catalogue import LICENCES, Openness
from ..errors import _
from .criteria import Criterion, Score
from .described import Described, Download

EDITION = "MQA"
# From how many of 405 points on.
RATINGS = (
    (351, _("excellent")),
    (221, _("good")),
    (121, _("sufficient")),
    (0, _("bad")),
)
# Formats that one program alone can read, and those that no program reads well.
_PROPRIETARY = frozenset({"DOC", "DOCX", "XLS", "XLSX", "PPT", "PPTX"})
_FOR_EYES = frozenset({"PDF", "DOC", "DOCX", "PPT", "PPTX", "Markdown", "HTML", "TXT"})
_THERE = _("it is there")
_MISSING = _("it is missing")


def mqa(described: Described) -> Score:
    """Return the score of a dataset at a release."""
    parts = (
        *_findability(described),
        *_accessibility(described),
        *_interoperability(described),
        *_reusability(described),
        *_context(described),
    )
    points = sum(each.points or 0.0 for each in parts)
    rating = next(word for least, word in RATINGS if points >= least)
    return Score("mqa", EDITION, parts, rating)


def _has(name: str, title: str, of: float, there: object, advice: str) -> Criterion:
    return Criterion(
        name, title, of if there else 0.0, of, _THERE if there else _MISSING, {}, advice
    )


def _findability(described: Described) -> tuple[Criterion, ...]:
    dataset = described.dataset
    said = _("say it on the page of the dataset's facts")
    return (
        _has("keyword", _("keywords"), 30, dataset.keyword_list, _("add keywords")),
        _has("theme", _("domain"), 30, dataset.domain, said),
        _has("spatial", _("region"), 20, dataset.region, said),
        _has("temporal", _("period covered"), 20, dataset.covers_from or dataset.covers_to, said),
    )


def _accessibility(described: Described) -> tuple[Criterion, ...]:
    downloads = described.downloads
    answering = _share(downloads, lambda each: each.reachable is not False)
    direct = _share(downloads, lambda each: each.reachable is not None)
    fetched = _share(downloads, lambda each: each.reachable is True)
    conditional = described.dataset.openness == Openness.CONDITIONAL
    why = _("%(share)s of the downloads")
    hidden = _("the data is under conditions: addresses lead to the page where one applies")
    reason = hidden if conditional else why
    advice = _("make the files open to everybody, where that is lawful")
    return (
        _part("access_url", _("address answers"), 50, answering, why, advice=advice),
        _part("download_url", _("direct address of the files"), 20, direct, reason, advice=advice),
        _part("download_answers", _("direct address answers"), 30, fetched, reason, advice=advice),
    )


def _interoperability(described: Described) -> tuple[Criterion, ...]:
    best = _best(described.downloads)
    readable = best is not None and (best.format or "") not in _FOR_EYES
    open_format = best is not None and (best.format or "") not in _PROPRIETARY
    advice = _("publish the version in an open format that programs read, such as Parquet or CSV")
    return (
        _has("format", _("format is told"), 20, best and best.format, advice),
        _has("media_type", _("media type is told"), 10, best and best.media_type, advice),
        _has(
            "vocabulary",
            _("format and media type are from the lists"),
            10,
            best and best.known_format and best.known_media_type,
            advice,
        ),
        _has("open_format", _("format is open"), 20, open_format, advice),
        _has("machine_readable", _("programs can read it"), 20, readable, advice),
        _has(
            "dcat_ap",
            _("follows DCAT-AP"),
            30,
            described.dataset.title and described.dataset.description,
            _("describe the dataset: DCAT-AP asks for a title and a description"),
        ),
    )


def _reusability(described: Described) -> tuple[Criterion, ...]:
    dataset = described.dataset
    named = dataset.licence in LICENCES and dataset.licence != "other"
    contact = dataset.contact_name or dataset.contact_email
    licence = _("choose a licence from the list")
    return (
        _has("licence", _("licence"), 20, dataset.licence, licence),
        _has("licence_vocabulary", _("licence is from the list"), 10, named, licence),
        _has("access_rights", _("openness"), 10, dataset.openness, ""),
        _has("access_rights_vocabulary", _("openness is from the list"), 5, dataset.openness, ""),
        _has(
            "contact",
            _("contact"),
            20,
            contact,
            _("say on the page of the dataset's facts who answers questions"),
        ),
        _has("publisher", _("publisher"), 10, dataset.organisation_id, ""),
    )


def _context(described: Described) -> tuple[Criterion, ...]:
    dataset, release = described.dataset, described.release
    why = _("%(share)s of the downloads")
    sized = _share(described.downloads, lambda each: each.size is not None)
    return (
        _has("rights", _("rights basis"), 5, dataset.rights_basis, _("say the rights basis")),
        _part("byte_size", _("size is told"), 5, sized, why, advice=""),
        _has("issued", _("day of publication"), 5, release.published_at, ""),
        _has("modified", _("day of the last change"), 5, dataset.modified_at, ""),
    )


def _part(name: str, title: str, of: float, share: float, reason: str, *, advice: str) -> Criterion:
    return Criterion(name, title, of * share, of, reason, {"share": f"{share:.0%}"}, advice)


def _share(downloads: tuple[Download, ...], holds: Callable[[Download], bool]) -> float:
    return sum(map(holds, downloads)) / len(downloads) if downloads else 0.0


def _best(downloads: tuple[Download, ...]) -> Download | None:
    """Return the download that scores most for interoperability."""

    def worth(each: Download) -> tuple[bool, ...]:
        return (
            each.format is not None and each.format not in _FOR_EYES | _PROPRIETARY,
            each.known_format and each.known_media_type,
            each.media_type is not None,
        )

    return max(downloads, key=worth, default=None)

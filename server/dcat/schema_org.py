"""Tell search engines what a page shows, as schema.org's JSON-LD inside the page."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from ...datasets.catalogue import Dataset, Openness, Release
from ...exporters import dcat_terms
from ...exporters.distributions import Distribution, distributions
from ...exporters.linked_data import FORMS
from ..auth import installation
from ..listed_files import listed_files
from .negotiation import addresses
from .pages import routes


@routes.app_template_global("dataset_linked_data")
def dataset_linked_data(dataset: Dataset, release: Release) -> Markup:
    """Return the JSON of a dataset at a release, safe inside a script element."""
    where = addresses()
    with installation().database.read() as session:
        files = listed_files(session, [release])[release.id]
    licence = dataset.licence
    told: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": where.version(dataset, release.tag),
        "url": where.landing(dataset),
        "name": dataset.title,
        "alternateName": dataset.title_en or None,
        "description": dataset.description or dataset.title,
        "identifier": [dataset.uid, release.uid],
        "version": release.tag,
        "license": None if licence == "other" else f"https://spdx.org/licenses/{licence}.html",
        "keywords": dataset.keyword_list or None,
        "inLanguage": "zh",
        "isAccessibleForFree": dataset.openness == Openness.OPEN,
        "conditionsOfAccess": dcat_terms.OPENNESS[Openness(dataset.openness)].chinese,
        "publisher": _organisation(dataset.organisation.name, dataset.organisation.credit_code),
        "creator": _organisation(
            dataset.provider or dataset.organisation.name, dataset.provider_code
        ),
        "dateCreated": dataset.created_at.date().isoformat(),
        "datePublished": release.published_at.date().isoformat(),
        "dateModified": dataset.modified_at.date().isoformat(),
        "temporalCoverage": _period(dataset),
        "spatialCoverage": _place(dataset),
        "sameAs": where.concept(dataset),
        "includedInDataCatalog": {"@type": "DataCatalog", "url": f"{where.base}/datasets"},
        "distribution": [_download(each) for each in distributions(where, dataset, release, files)],
    }
    return _script(told)


@routes.app_template_global("catalogue_linked_data")
def catalogue_linked_data() -> Markup:
    """Return the JSON of the catalogue as a whole, safe inside a script element."""
    base = addresses().base
    return _script(
        {
            "@context": "https://schema.org/",
            "@type": "DataCatalog",
            "@id": f"{base}/catalog",
            "url": f"{base}/datasets",
            "name": "津标开放数据目录",
            "alternateName": "The open-data catalogue of Jinbiao",
            "inLanguage": ["zh", "en"],
            "isAccessibleForFree": True,
        }
    )


@routes.app_template_global("linked_data_forms")
def linked_data_forms(dataset: Dataset | None = None) -> list[tuple[str, str]]:
    """List (content type, address) of the forms in which a page's things are told."""
    base = addresses().base
    where = f"{base}/catalog" if dataset is None else addresses().concept(dataset)
    kinds = {form.content_type: f"{where}.{ending}" for ending, form in reversed(FORMS.items())}
    return sorted(kinds.items())


def _script(told: dict[str, Any]) -> Markup:
    said = {key: value for key, value in told.items() if value is not None}
    body = msgspec.json.encode(said).decode()
    # An element ends at its end tag wherever that stands, also inside a text.
    for sign in "<>&\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(body)


def _organisation(name: str, code: str | None) -> dict[str, str]:
    told = {"@type": "Organization", "name": name}
    return {**told, "identifier": code} if code else told


def _period(dataset: Dataset) -> str | None:
    first, last = dataset.covers_from, dataset.covers_to
    if first is None and last is None:
        return None
    return f"{first or '..'}/{last or '..'}"


def _place(dataset: Dataset) -> dict[str, Any] | None:
    if not dataset.region:
        return None
    return {"@type": "Place", "identifier": dataset.region, "address": {"addressCountry": "CN"}}


def _download(each: Distribution) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@type": "DataDownload",
        "name": each.title,
        "encodingFormat": each.kind.iana or each.kind.label,
        "contentUrl": each.access,
    }
    if each.size is not None:
        told["contentSize"] = f"{each.size} B"
    if each.sha256:
        told["sha256"] = each.sha256
    return told

"""Give a release's Croissant document its addresses, dates and citation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ...datasets.catalogue import Dataset, Release

# Path in the release → its address.
Address = Callable[[str], str]


def addressed(
    document: Mapping[str, Any],
    dataset: Dataset,
    release: Release,
    *,
    page: str,
    citation: str,
    address: Address,
    withheld: Collection[str] = (),
) -> dict[str, Any]:
    """Return the document for readers far away; files that are withheld are not in it.

    `page` is the address of the dataset's page, `citation` says how to cite the release in
    BibTeX, `address` gives the address of a file.
    """
    published = release.published_at.date().isoformat()
    there = [file for file in document["distribution"] if file["contentUrl"] not in withheld]
    gone = {file["@id"] for file in document["distribution"] if file not in there}
    head = {key: document[key] for key in document if key not in ("distribution", "recordSet")}
    return {
        **head,
        "@id": f"{page}?revision={release.tag}",
        "url": page,
        "identifier": f"urn:uuid:{release.uid}",
        "dct:isVersionOf": f"urn:uuid:{dataset.uid}",
        "datePublished": published,
        "dateModified": published,
        "citeAs": citation,
        "isAccessibleForFree": True,
        "distribution": [{**file, "contentUrl": address(file["contentUrl"])} for file in there],
        "recordSet": [each for each in document["recordSet"] if not _reads(each, gone)],
    }


def _reads(record_set: Mapping[str, Any], files: Collection[str]) -> bool:
    """Tell whether a record set is read from one of these files."""
    for field in record_set["field"]:
        for each in field.get("subField", [field]):
            if each.get("source", {}).get("fileObject", {}).get("@id") in files:
                return True
    return False

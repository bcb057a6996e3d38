"""Describe a release as a package for the Action API of somebody else's CKAN."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from ..datasets.catalogue import Dataset, Release
from ..datasets.exports import WrittenFile
from . import dcat
from .distributions import ARCHIVE, Addresses, distributions

CONCEPT, DIGEST = "concept_id", "jinbiao_digest"
# What other catalogues call the licences; the first that they list is taken.
LICENCES: dict[str, tuple[str, ...]] = {
    "CC-BY-4.0": ("CC-BY-4.0", "cc-by-4.0", "cc-by"),
    "CC-BY-SA-4.0": ("CC-BY-SA-4.0", "cc-by-sa-4.0", "cc-by-sa"),
    "CC0-1.0": ("CC0-1.0", "cc0-1.0", "cc-zero"),
    "CC-BY-NC-4.0": ("CC-BY-NC-4.0", "cc-nc"),
    "CC-BY-NC-SA-4.0": ("CC-BY-NC-SA-4.0",),
    "MulanPSL-2.0": ("MulanPSL-2.0", "other-open"),
    "Apache-2.0": ("Apache-2.0", "other-open"),
    "MIT": ("MIT", "other-open"),
    "ODbL-1.0": ("ODbL-1.0", "odbl-1.0", "odc-odbl"),
    "PDDL-1.0": ("PDDL-1.0", "odc-pddl"),
    "other": (),
}
_UNKNOWN = "notspecified"


def package(
    addresses: Addresses,
    dataset: Dataset,
    release: Release,
    files: Sequence[WrittenFile],
    *,
    owner: str,
    private: bool,
    licences: Collection[str],
    uploads: bool = False,
) -> dict[str, Any]:
    """Return what `package_create` is given; resources link here unless the files are sent.

    `licences` are the ids of the other catalogue's list. Of the tags it gets those that every
    CKAN takes. Among the extras is a digest of all this, by which a later push knows whether
    anything has changed.
    """
    licence = next((each for each in LICENCES[dataset.licence] if each in licences), None)
    if licence is None and _UNKNOWN in licences:
        licence = _UNKNOWN
    told: dict[str, Any] = {
        "name": dataset.ckan_name,
        "title": dataset.title,
        "notes": dataset.description,
        "author": dataset.provider or dataset.organisation.name,
        "maintainer": dataset.contact_name or "",
        "maintainer_email": dataset.contact_email or "",
        "owner_org": owner,
        "private": private,
        "version": release.tag,
        "url": addresses.landing(dataset),
        "tags": [{"name": name} for name in dcat.tags(dataset)],
        "resources": resources(addresses, dataset, release, files, uploads=uploads),
    }
    if licence is not None:
        told["license_id"] = licence
    extras = _extras(addresses, dataset, release)
    told["extras"] = [{"key": key, "value": value} for key, value in extras.items()]
    encoded = msgspec.json.encode([told, uploads], order="deterministic")
    told["extras"].append({"key": DIGEST, "value": hashlib.sha256(encoded).hexdigest()})
    return told


def resources(
    addresses: Addresses,
    dataset: Dataset,
    release: Release,
    files: Sequence[WrittenFile],
    *,
    uploads: bool = False,
) -> list[dict[str, Any]]:
    """Describe the downloads of a release; those that are sent as files have no address here."""
    found = []
    for each in distributions(addresses, dataset, release, files):
        is_sent = uploads and each.path != ARCHIVE
        one: dict[str, Any] = {
            "name": each.title,
            "description": each.description,
            "format": each.kind.label,
            "hash": each.sha256,
        }
        if not is_sent:
            one["url"] = each.access
        if each.kind.iana:
            one["mimetype"] = each.kind.iana
        if each.size is not None:
            one["size"] = each.size
        found.append(one)
    return found


def extra(package: Mapping[str, Any], key: str) -> str | None:
    """Return an extra of a package that another CKAN answered with."""
    rows = package.get("extras")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("key") == key:
            return str(row.get("value"))
    return None


def _extras(addresses: Addresses, dataset: Dataset, release: Release) -> dict[str, str]:
    """Return what CKAN has no key for; as a dictionary, for a key given twice is refused."""
    told = {
        CONCEPT: dataset.uid,
        "version_id": release.uid,
        "commit_id": release.commit_id,
        "uri": addresses.concept(dataset),
        "licence": dataset.licence,
        "publisher": dataset.organisation.name,
        "provider": dataset.provider,
        "provider_code": dataset.provider_code,
        "records": str(release.records),
        "access_rights": dataset.openness,
        "data_level": dataset.data_level,
        "rights_basis": dataset.rights_basis,
        "domain": dataset.domain,
        "frequency": dataset.update_cycle,
        "region": dataset.region,
        "resource_code": dataset.resource_code,
        "title_en": dataset.title_en,
        "version_notes": release.notes,
    }
    return {key: str(value) for key, value in told.items() if value}

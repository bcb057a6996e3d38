"""Describe datasets, files, organisations and groups as CKAN does, key for key."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import catalogue, errors, opening
from ...datasets.catalogue import Dataset, Openness, Release, selection
from ...datasets.errors import _
from ...datasets.exports import WrittenFile
from ...datasets.people import Organisation
from ...exporters import dcat, dcat_terms
from ...exporters.distributions import (
    Distribution,
    dataset_part,
    distributions,
)
from ..auth import installation
from ..listed_files import listed_files
from .protocol import Arguments, action, addresses, asker, line

_TAGS = uuid.UUID("3c5a3a58-0d67-4a0c-9a58-9a1f6b1c8f7e")

# Titles and addresses of the licences that are open by the Open Definition, and the others.
LICENCES = {
    "CC-BY-4.0": ("Creative Commons Attribution 4.0", True),
    "CC-BY-SA-4.0": ("Creative Commons Attribution Share-Alike 4.0", True),
    "CC0-1.0": ("Creative Commons CCZero 1.0", True),
    "CC-BY-NC-4.0": ("Creative Commons Attribution Non-Commercial 4.0", False),
    "CC-BY-NC-SA-4.0": ("Creative Commons Attribution Non-Commercial Share-Alike 4.0", False),
    "MulanPSL-2.0": ("Mulan Permissive Software License 2.0", True),
    "Apache-2.0": ("Apache License 2.0", True),
    "MIT": ("MIT License", True),
    "ODbL-1.0": ("Open Data Commons Open Database License 1.0", True),
    "PDDL-1.0": ("Open Data Commons Public Domain Dedication and Licence 1.0", True),
    "other": ("其他（见数据集页面）Other (see the dataset's page)", False),
}


@lru_cache(maxsize=4096)
def moment(at: dt.datetime) -> str:
    """Write a time as CKAN does: UTC, without saying so."""
    # All files of a release have the same ones.
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def licence_address(licence: str) -> str:
    """Return where a licence can be read; "" where nobody has said which it is."""
    return "" if licence == "other" else f"https://spdx.org/licenses/{licence}.html"


def tag(name: str) -> dict[str, Any]:
    """Describe a keyword."""
    return {
        "id": str(uuid.uuid5(_TAGS, name)),
        "name": name,
        "display_name": name,
        "state": "active",
        "vocabulary_id": None,
    }


def organisation(of: Organisation, count: int | None = None) -> dict[str, Any]:
    """Describe an organisation; `count` is how many of its datasets the asker may know of."""
    told = {
        "id": selection.organisation_uid(of),
        "name": of.slug,
        "title": of.name,
        "type": "organization",
        "description": "",
        "image_url": "",
        "created": moment(of.created_at),
        "is_organization": True,
        "approval_status": "approved",
        "state": "active",
    }
    if count is not None:
        told |= {"display_name": of.name, "image_display_url": "", "package_count": count}
        told |= {"num_followers": 0, "users": [], "extras": [], "tags": [], "groups": []}
    return told


def group(domain: str, count: int | None = None) -> dict[str, Any]:
    """Describe a domain as a group."""
    word = dcat_terms.DOMAINS[domain]
    told: dict[str, Any] = {
        "id": selection.domain_uid(domain),
        "name": domain,
        "title": word.chinese,
        "display_name": word.chinese,
        "description": word.english,
        "image_display_url": "",
    }
    if count is not None:
        told |= {"type": "group", "image_url": "", "is_organization": False, "state": "active"}
        told |= {"approval_status": "approved", "package_count": count, "num_followers": 0}
        told |= {"users": [], "extras": [], "tags": [], "groups": []}
    return told


def packages(
    session: Session, datasets: Sequence[Dataset], *, granted: bool = False
) -> list[dict[str, Any]]:
    """Describe datasets with the files of their newest releases, in five queries for any number.

    `granted`: the asker may have their files, so conditional ones are linked to directly.
    """
    newest = catalogue.newest(session, datasets)
    files = listed_files(session, [*newest.values()])
    return [
        package(each, newest[each.id], files.get(newest[each.id].id, []), granted=granted)
        for each in datasets
        if each.id in newest
    ]


def package(
    dataset: Dataset, release: Release, files: Sequence[WrittenFile], *, granted: bool = False
) -> dict[str, Any]:
    """Describe a dataset with the files of a release."""
    where = addresses()
    tags = [tag(name) for name in sorted(dcat.tags(dataset))]
    title, is_open = LICENCES[dataset.licence]
    listed = [
        resource(dataset, release, each, number, granted=granted)
        for number, each in enumerate(distributions(where, dataset, release, files))
    ]
    owner = organisation(dataset.organisation)
    domain = dataset.domain if dataset.domain in dcat_terms.DOMAINS else None
    return {
        "author": dataset.provider or dataset.organisation.name,
        "author_email": None,
        "creator_user_id": None,
        "extras": extras(dataset, release),
        "groups": [group(domain)] if domain else [],
        "id": dataset.uid,
        "isopen": is_open and dataset.openness == Openness.OPEN,
        "license_id": dataset.licence,
        "license_title": title,
        "license_url": licence_address(dataset.licence),
        "maintainer": dataset.contact_name,
        "maintainer_email": dataset.contact_email,
        "metadata_created": moment(dataset.created_at),
        "metadata_modified": moment(dataset.modified_at),
        "name": dataset.ckan_name,
        "notes": dataset.description,
        "num_resources": len(listed),
        "num_tags": len(tags),
        "organization": owner,
        "owner_org": owner["id"],
        "private": dataset.openness == Openness.CLOSED,
        "relationships_as_object": [],
        "relationships_as_subject": [],
        "resources": listed,
        "state": "active",
        "tags": tags,
        "title": dataset.title,
        "type": "dataset",
        "url": where.landing(dataset),
        "version": release.tag,
    }


def resource(
    dataset: Dataset, release: Release, of: Distribution, position: int, *, granted: bool
) -> dict[str, Any]:
    """Describe a file of a release."""
    return {
        "id": of.uid,
        "package_id": dataset.uid,
        "name": of.title,
        "description": of.description,
        "url": of.download if granted else of.access,
        "url_type": None,
        "format": of.kind.label,
        "mimetype": of.kind.iana,
        "mimetype_inner": None,
        "size": of.size,
        "hash": of.sha256,
        "hash_algorithm": "sha256" if of.sha256 else None,
        "created": moment(dataset.created_at),
        "last_modified": moment(release.published_at),
        "metadata_modified": moment(release.published_at),
        "position": position,
        "resource_type": "documentation" if of.is_document else "file",
        "state": "active",
        "cache_url": None,
        "cache_last_updated": None,
        "license": dataset.licence,
        "rights": None,
    }


def extras(dataset: Dataset, release: Release) -> list[dict[str, str]]:
    """List what CKAN has no key for: the ids, and the facts in the national terms."""
    where = addresses()
    told = {
        "concept_id": dataset.uid,
        "version_id": release.uid,
        "commit_id": release.commit_id,
        "records": str(release.records),
        "release_kind": release.kind,
        "version_notes": release.notes,
        # The keys that other catalogues' harvesters of CKAN read.
        "uri": where.concept(dataset),
        "identifier": dataset.uid,
        "issued": moment(dataset.created_at),
        "modified": moment(dataset.modified_at),
        "language": "zh",
        "frequency": dataset.update_cycle,
        "access_rights": dataset.openness,
        "temporal_start": dataset.covers_from and dataset.covers_from.isoformat(),
        "temporal_end": dataset.covers_to and dataset.covers_to.isoformat(),
        "title_en": dataset.title_en,
        "data_level": dataset.data_level,
        "rights_basis": dataset.rights_basis,
        "provider": dataset.provider,
        "provider_code": dataset.provider_code,
        "dataset_class": dataset.dataset_class,
        "open_condition": dataset.open_condition,
        "region": dataset.region,
        "resource_code": dataset.resource_code,
    }
    return [{"key": key, "value": value} for key, value in told.items() if value]


def find(session: Session, name: str) -> Dataset:
    """Return the dataset of a name or id, or say that it is not there."""
    found = selection.named(session, asker(), name[:200])
    if found is None:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=name[:120])
    return found


@action
def package_show(session: Session, given: Arguments) -> dict[str, Any]:
    """Return one dataset by `id`, which may be its name."""
    dataset = find(session, line(given, "id", "name_or_id"))
    who = asker()
    granted = who is not None and opening.may_download(session, who, dataset)
    told = packages(session, [dataset], granted=granted)[0]
    release = catalogue.newest(session, [dataset])[dataset.id]
    older = catalogue.history(session, release, before=release.id, limit=1)
    if older:
        told["extras"].append({"key": "previous_version", "value": older[0].tag})
        told["extras"].append({"key": "previous_version_id", "value": older[0].uid})
    return told


@action
def resource_show(session: Session, given: Arguments) -> dict[str, Any]:
    """Return one file of the newest release of its dataset, by `id`."""
    wanted = line(given, "id").lower()
    who = asker()
    near = []
    if len(wanted) == 36:
        near = selection.beginning(session, who, dataset_part(wanted))
    for dataset in near:
        granted = who is not None and opening.may_download(session, who, dataset)
        for each in packages(session, [dataset], granted=granted)[0]["resources"]:
            if each["id"] == wanted:
                return dict(each)
    raise errors.NotFound(_("there is no resource %(name)s"), name=wanted[:120])


@action
def license_list(_session: Session, _given: Arguments) -> list[dict[str, Any]]:
    """List the licences that datasets have here."""
    return [
        {
            "id": licence,
            "title": title,
            "url": licence_address(licence),
            "status": "active",
            "maintainer": "",
            "family": "",
            "od_conformance": "approved" if is_open else "not reviewed",
            "osd_conformance": "not reviewed",
            "domain_content": True,
            "domain_data": True,
            "domain_software": False,
            "is_generic": licence == "other",
        }
        for licence, (title, is_open) in LICENCES.items()
    ]


@action
def status_show(_session: Session, _given: Arguments) -> dict[str, Any]:
    """Say what site this is; `ckan_version` is that of the API as it is spoken here."""
    language = installation().settings.language
    return {
        "site_title": "津标 Jinbiao",
        "site_description": "开放数据目录 The open-data catalogue",
        "site_url": addresses().base,
        "ckan_version": "2.12.0",
        "error_emails_to": None,
        "locale_default": "zh_Hans_CN" if language == "zh" else "en",
        "extensions": [],
    }

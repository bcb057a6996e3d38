"""Tell the catalogue as linked data: forms, pages, versions, and what may be known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from jinbiao.datasets import catalogue, tombstones
from jinbiao.datasets.catalogue import Dataset, Release
from jinbiao.exporters import dcat_terms
from jinbiao.exporters.linked_data import FORMS
from jinbiao.server.dcat import pages
from jinbiao.tests.server.world import FACTS, World

HOSTILE = 'a</script><script>alert("x")</script>&lt;\u2028.'


@pytest.fixture(scope="module")
def world(shared_world: World) -> Iterator[World]:
    """Publish one dataset."""
    _project, version = shared_world.frozen(2)
    asked = {**FACTS, "name": "roads", "title": HOSTILE, "keywords": ["路", "road sign", "n<1K"]}
    asked |= {"formats": ["jsonl"], "notes": "第一版", "title_en": "Roads"}
    path = f"/api/versions/{version}/publish"
    shared_world.done(shared_world.post("requester", path, asked))
    yield shared_world


@contextmanager
def saying(world: World, **values: Any) -> Iterator[None]:
    """Let the dataset say something else for a while."""
    with world.installation.database.write() as session:
        dataset = session.scalars(sa.select(Dataset)).one()
        before = {key: getattr(dataset, key) for key in values}
        for key, value in values.items():
            setattr(dataset, key, value)
    yield
    with world.installation.database.write() as session:
        dataset = session.scalars(sa.select(Dataset)).one()
        for key, value in before.items():
            setattr(dataset, key, value)


def things(world: World, path: str, who: str | None = None) -> dict[str, dict[str, Any]]:
    """Read the JSON-LD at an address; return the things by name."""
    answer = world.get(who, path)
    assert answer.status_code == 200, answer.text
    return {each["@id"]: each for each in json.loads(answer.data)["@graph"]}


def of_type(found: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the things of a type."""
    return [each for each in found.values() if kind in each.get("@type", [])]


CONCEPT = "http://localhost/dataset/alpha-roads"


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("*/*", "application/ld+json"),
        ("", "application/ld+json"),
        ("application/json", "application/ld+json"),
        ("text/turtle", "text/turtle"),
        ("text/turtle;q=0.5, application/rdf+xml", "application/rdf+xml"),
        ("application/n-triples", "application/n-triples"),
        ("text/n3", "text/n3"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("image/png", None),
    ],
)
def test_the_form_is_negotiated(world: World, accept: str, told: str | None) -> None:
    for path in ("/catalog", "/dataset/alpha-roads", "/dataset/alpha-roads/v1.0.0"):
        answer = world.get(None, path, headers={"Accept": accept})
        if told is None:
            assert answer.status_code == 406
            continue
        assert answer.mimetype == told and "Accept" in answer.headers["Vary"]
        assert answer.status_code == (303 if told == "text/html" else 200)
        if told == "text/html":
            assert world.get(None, answer.location).status_code == 200
        head = world.plain.head(path, headers={"Accept": accept})
        assert head.headers.get("ETag") == answer.headers.get("ETag")
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize("ending", FORMS)
def test_the_ending_says_the_form(world: World, ending: str) -> None:
    for path in ("/catalog", "/dataset/alpha-roads", "/dataset/alpha-roads/v1.0.0"):
        answer = world.get(None, f"{path}.{ending}", headers={"Accept": "text/html"})
        assert answer.status_code == 200 and answer.mimetype == FORMS[ending].content_type
        again = world.get(
            None, f"{path}.{ending}", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status_code == 304 and not again.data
        assert answer.headers["Last-Modified"]


def test_a_changed_fact_is_another_page(world: World) -> None:
    before = world.get(None, "/catalog.ttl").headers["ETag"]
    with saying(world, downloads=99):
        assert world.get(None, "/catalog.ttl").headers["ETag"] == before
    with saying(world, update_cycle="daily"):
        assert world.get(None, "/catalog.ttl").headers["ETag"] != before


def test_the_dataset_says_what_is_known(world: World) -> None:
    with saying(world, region="120100", covers_from=None, contact_email="a@b.example"):
        found = things(world, "/dataset/alpha-roads.jsonld")
    told = found[CONCEPT]
    assert {"@value": HOSTILE, "@language": "zh"} in told["dct:title"]
    assert {"@value": "Roads", "@language": "en"} in told["dct:title"]
    assert [word["@value"] for word in told["dcat:keyword"]] == ["road sign"]
    rights = told["dct:accessRights"][0]["@id"]
    assert rights == dcat_terms.authority("access-right", "PUBLIC")
    assert told["dct:accrualPeriodicity"][0]["@id"].endswith("/frequency/ANNUAL")
    assert told["dcat:theme"][0]["@id"].endswith("/data-theme/ECON")
    assert "dct:temporal" not in told and len(told["dct:spatial"]) == 2
    (contact,) = of_type(found, "vcard:Kind")
    assert contact["vcard:hasEmail"] == [{"@id": "mailto:a@b.example"}]
    assert told["dcat:hasVersion"] == [{"@id": f"{CONCEPT}/v1.0.0"}]
    # Harvesters take each typed dataset for one of its own.
    assert [each["@id"] for each in of_type(found, "dcat:Dataset")] == [CONCEPT]
    version = things(world, "/dataset/alpha-roads/v1.0.0.jsonld")[f"{CONCEPT}/v1.0.0"]
    assert version["dcat:isVersionOf"] == [{"@id": CONCEPT}]
    assert version["adms:versionNotes"] == [{"@value": "第一版"}]
    assert version["dct:identifier"] != told["dct:identifier"]


def test_downloads_are_told_with_their_checksums(world: World) -> None:
    found = things(world, "/catalog.jsonld")
    listed = of_type(found, "dcat:Distribution")
    assert len(listed) == len(found[CONCEPT]["dcat:distribution"]) > 3
    for each in listed:
        where = each["dcat:downloadURL"][0]["@id"]
        assert each["dcat:accessURL"] == each["dcat:downloadURL"]
        sent = world.get(None, urlsplit(where).path)
        assert sent.status_code == 200
        if "spdx:checksum" in each:
            check = found[each["spdx:checksum"][0]["@id"]]["spdx:checksumValue"][0]["@value"]
            assert sent.headers["ETag"] == f'"{check}"'
            assert each["dcat:byteSize"][0]["@value"] == str(len(sent.data))
        (licence,) = each["dct:license"]
        assert licence == {"@id": "http://spdx.org/licenses/CC-BY-4.0"}


def test_conditions_lead_to_the_page(world: World) -> None:
    with saying(world, openness="conditional"):
        found = things(world, "/catalog.jsonld")
        for each in of_type(found, "dcat:Distribution"):
            assert each["dcat:accessURL"] == [{"@id": "http://localhost/datasets/alpha/roads"}]
            assert "dcat:downloadURL" not in each
        assert found[CONCEPT]["dct:accessRights"][0]["@id"].endswith("/RESTRICTED")


def test_closed_datasets_are_their_own_peoples(world: World) -> None:
    with saying(world, openness="closed"):
        for who in (None, "other_requester"):
            for path in ("/dataset/alpha-roads.ttl", "/dataset/alpha-roads/v1.0.0.ttl"):
                assert world.get(who, path).status_code == 404
        # The catalogue is the public one, whoever asks.
        assert CONCEPT not in things(world, "/catalog.jsonld", "requester")
        own = world.get("requester", "/dataset/alpha-roads.ttl")
        assert own.status_code == 200 and "/access-right/NON_PUBLIC" in own.text
        assert own.headers["Cache-Control"] == "private, no-store"


def test_the_catalogue_comes_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.installation.database.write() as session:
        dataset = session.scalars(sa.select(Dataset)).one()
        release = session.scalars(sa.select(Release)).one()
        same = {each.key: getattr(dataset, each.key) for each in Dataset.__table__.columns}
        told = {each.key: getattr(release, each.key) for each in Release.__table__.columns}
        for number in range(101, 107):
            own = {"id": number, "name": f"n-{number}", "ckan_name": f"n-{number}"}
            own |= {"uid": f"{number:036}", "newest_id": number}
            session.execute(sa.insert(Dataset), [{**same, **own}])
            own = {"id": number, "dataset_id": number, "uid": f"{number:036}"}
            session.execute(sa.insert(Release), [{**told, **own}])
    monkeypatch.setattr(pages, "PAGE", 3)
    try:
        seen, path, before = [], "/catalog.jsonld?q=&fq=organization:alpha", None
        while path:
            found = things(world, path)
            (view,) = of_type(found, "hydra:PartialCollectionView")
            assert view.get("hydra:previous") == before
            seen += [each["@id"] for each in of_type(found, "dcat:Dataset")]
            (catalog,) = of_type(found, "dcat:Catalog")
            assert catalog["hydra:totalItems"][0]["@value"] == "7"
            assert view["hydra:last"][0]["@id"].endswith("&page=3")
            before = [{"@id": view["@id"]}]
            following = view.get("hydra:next", [{"@id": ""}])[0]["@id"]
            path = following.removeprefix("http://localhost")
        assert len(seen) == len(set(seen)) == 7
        assert world.get(None, "/catalog.ttl?page=4").status_code == 404
        late = things(world, "/catalog.jsonld?modified_since=2999-01-01")
        assert not of_type(late, "dcat:Dataset")
    finally:
        with world.installation.database.write() as session:
            session.execute(sa.delete(Release).where(Release.id > 100))
            session.execute(sa.delete(Dataset).where(Dataset.id > 100))


@pytest.mark.parametrize(
    "path",
    [
        "/catalog.ttl?page=0",
        "/catalog.ttl?page=x",
        "/catalog.ttl?page=99999999",
        "/catalog.ttl?modified_since=yesterday",
        "/catalog.ttl?fq=title:(a",
        "/catalog.ttl?q=a~2",
    ],
)
def test_what_cannot_be_asked_is_refused(world: World, path: str) -> None:
    assert world.get(None, path).status_code == 400


def test_what_is_not_there_is_not_found(world: World) -> None:
    for path in ("/catalog.doc", "/dataset/none.ttl", "/dataset/alpha-roads/v9.9.9.ttl"):
        assert world.get(None, path).status_code == 404
    assert world.get(None, "/dataset/" + "x" * 5000 + ".ttl").status_code == 404


def test_the_pages_carry_what_search_engines_read(world: World) -> None:
    block = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
    page = world.get(None, "/datasets/alpha/roads").text
    (body,) = block.findall(page)
    assert "<" not in body and ">" not in body and "\u2028" not in body
    told = json.loads(body)
    assert told["@type"] == "Dataset" and told["name"] == HOSTILE
    assert told["license"].startswith("https://spdx.org/licenses/CC-BY-4.0")
    assert told["distribution"][0]["contentUrl"].endswith("/archive/v1.0.0.zip")
    links = dict(re.findall(r'<link rel="alternate" type="([^"]+)" href="([^"]+)">', page))
    assert set(links) == {form.content_type for form in FORMS.values()}
    for kind, where in links.items():
        assert world.get(None, urlsplit(where).path).mimetype == kind
    (index,) = block.findall(world.get(None, "/datasets").text)
    assert json.loads(index)["@type"] == "DataCatalog"


def test_every_fact_has_a_word() -> None:
    assert set(dcat_terms.DOMAINS) == set(catalogue.DOMAINS)
    assert set(dcat_terms.CYCLES) == set(catalogue.UpdateCycle)
    assert set(dcat_terms.OPENNESS) == set(catalogue.Openness)
    assert set(dcat_terms.RIGHTS) == set(catalogue.RightsBasis)
    codes = {word.code for word in dcat_terms.DOMAINS.values() if word.code}
    assert codes == set(dcat_terms.THEMES)


def test_what_is_withheld_is_not_listed(world: World) -> None:
    path = "/dataset/alpha-roads.jsonld"
    before = world.get(None, path)
    with world.installation.database.write() as session:
        release = session.scalars(sa.select(Release)).one()
        release.has_withheld = True
        stone = tombstones.Tombstone(
            dataset_id=release.dataset_id,
            key="1",
            reason="含个人信息",
            created_by=release.published_by,
        )
        session.add(stone)
        session.flush()
        held = tombstones.WithheldFile(
            release_id=release.id, path="manifest.jsonl", tombstone_id=stone.id
        )
        session.add(held)
    try:
        after = world.get(None, path)
        assert after.headers["ETag"] != before.headers["ETag"]
        assert "manifest.jsonl" in before.text and "manifest.jsonl" not in after.text
        shown = world.get(None, "/api/3/action/package_show?id=alpha-roads").text
        assert "README.md" in shown and "manifest.jsonl" not in shown
    finally:
        with world.installation.database.write() as session:
            session.execute(sa.delete(tombstones.WithheldFile))
            session.execute(sa.delete(tombstones.Tombstone))
            session.scalars(sa.select(Release)).one().has_withheld = False

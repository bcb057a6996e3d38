"""Describe the catalogue in DCAT 3, so that DCAT-AP 3.0.1's shapes conform."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ..datasets.catalogue import Dataset, Openness, Release
from ..datasets.exports import WrittenFile
from ..datasets.people import Organisation
from . import dcat_terms as terms
from .dcat_terms import Word
from .distributions import CROISSANT, Addresses, Distribution, distributions
from .linked_data import Graph, Term, address, node, text, typed

# What CKAN takes as a tag; a keyword that is none would fail a whole harvest.
TAG = re.compile(r"[\w \-.]{2,100}")


@dataclass(frozen=True)
class Page:
    """Which page of the catalogue this is, and what was asked besides."""

    number: int
    last: int
    count: int
    # The address of the catalogue in the form that was asked for, and the search.
    path: str
    asked: Mapping[str, str]

    def at(self, number: int) -> str:
        """Return the address of a page."""
        asked = {**self.asked, **({"page": str(number)} if number > 1 else {})}
        return address(f"{self.path}?{urlencode(asked)}" if asked else self.path)


def tags(dataset: Dataset) -> list[str]:
    """Return the keywords that other catalogues take as tags, each once."""
    words = [word.strip() for word in [*dataset.keyword_list, *dataset.task_category_list]]
    return list(dict.fromkeys(word for word in words if TAG.fullmatch(word)))


class Description:
    """Make one graph out of datasets; what they share is described once."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses, self.graph = addresses, Graph()

    def catalogue(self, page: Page, datasets: Sequence[Dataset]) -> None:
        """Describe the catalogue, this page of it, and that the datasets are its."""
        graph, base = self.graph, self.addresses.base
        where = f"{base}/catalog"
        publisher = graph.thing("foaf:Agent", ("foaf:name", text("津标", "zh")), name=f"{base}/")
        graph.add(publisher.value, ("foaf:name", text("Jinbiao", "en")))
        table = terms.authority("data-theme", "").rstrip("/")
        graph.add(
            where,
            ("rdf:type", node("dcat:Catalog")),
            ("rdf:type", node("hydra:Collection")),
            ("dct:title", text("津标开放数据目录", "zh")),
            ("dct:title", text("The open-data catalogue of Jinbiao", "en")),
            ("dct:description", text("经标注、审核与验收的数据集，按版本发布。", "zh")),
            ("dct:description", text("Annotated, reviewed datasets, published by version.", "en")),
            ("dct:publisher", publisher),
            ("foaf:homepage", graph.thing("foaf:Document", name=f"{base}/datasets")),
            ("dct:language", self._language()),
            ("dcat:themeTaxonomy", self._scheme(table)),
            ("hydra:totalItems", typed(page.count, "xsd:integer")),
            *(("dcat:dataset", node(self.addresses.concept(each))) for each in datasets),
        )
        graph.add(
            page.at(page.number),
            ("rdf:type", node("hydra:PartialCollectionView")),
            ("hydra:first", node(page.at(1))),
            ("hydra:last", node(page.at(page.last))),
            ("hydra:previous", node(page.at(page.number - 1)) if page.number > 1 else None),
            ("hydra:next", node(page.at(page.number + 1)) if page.number < page.last else None),
        )
        graph.add(where, ("hydra:view", node(page.at(page.number))))

    def dataset(
        self,
        dataset: Dataset,
        newest: Release,
        files: Sequence[WrittenFile],
        releases: Sequence[Release] = (),
    ) -> None:
        """Describe a dataset, all versions together, with the downloads of the newest.

        `releases` are named as versions. They are not typed as datasets: harvesters take
        every typed dataset of a document for one of its own.
        """
        where = self.addresses.concept(dataset)
        self._words(where, dataset, dataset.uid)
        self.graph.add(
            where,
            ("dct:issued", typed(dataset.created_at, "xsd:dateTime")),
            ("dct:modified", typed(dataset.modified_at, "xsd:dateTime")),
            ("dcat:version", text(newest.tag)),
            ("dcat:hasCurrentVersion", node(self.addresses.version(dataset, newest.tag))),
        )
        self._versions(dataset, releases)
        self._downloads(where, dataset, newest, files)

    def version(
        self,
        dataset: Dataset,
        release: Release,
        files: Sequence[WrittenFile],
        releases: Sequence[Release],
    ) -> None:
        """Describe one version with its downloads; `releases` are all, newest first."""
        where = self.addresses.version(dataset, release.tag)
        self._words(where, dataset, release.uid)
        older = next((each for each in releases if each.id < release.id), None)
        before = None if older is None else node(self.addresses.version(dataset, older.tag))
        concept = self.addresses.concept(dataset)
        self.graph.add(
            where,
            ("dct:issued", typed(release.published_at, "xsd:dateTime")),
            ("dct:modified", typed(release.published_at, "xsd:dateTime")),
            ("dcat:version", text(release.tag)),
            ("adms:versionNotes", text(release.notes) if release.notes.strip() else None),
            ("dcat:isVersionOf", node(concept)),
            ("dcat:previousVersion", before),
        )
        self.graph.add(
            concept,
            ("dcat:hasCurrentVersion", node(self.addresses.version(dataset, releases[0].tag))),
        )
        self._downloads(where, dataset, release, files)

    def _words(self, where: str, dataset: Dataset, identifier: str) -> None:
        """State what is the same in all versions of a dataset."""
        graph = self.graph
        landing = graph.thing("foaf:Document", name=self.addresses.landing(dataset))
        english = dataset.title_en.strip()
        openness = terms.OPENNESS[Openness(dataset.openness)]
        graph.add(
            where,
            ("rdf:type", node("dcat:Dataset")),
            ("dct:identifier", text(identifier)),
            ("dct:title", text(dataset.title, "zh")),
            ("dct:title", text(english, "en") if english else None),
            ("dct:description", text(dataset.description.strip() or dataset.title, "zh")),
            ("dct:publisher", self._publisher(dataset.organisation)),
            ("dct:creator", self._provider(dataset)),
            ("dcat:contactPoint", self._contact(dataset)),
            *(("dcat:keyword", text(tag, "zh")) for tag in tags(dataset)),
            ("dcat:theme", self._theme(dataset.domain)),
            *(("dct:spatial", place) for place in self._places(dataset)),
            ("dct:temporal", self._period(dataset)),
            ("dct:accrualPeriodicity", self._cycle(dataset.update_cycle)),
            ("dct:accessRights", self._said("access-right", openness, "dct:RightsStatement")),
            ("dct:language", self._language()),
            ("dcat:landingPage", landing),
        )

    def _versions(self, dataset: Dataset, releases: Sequence[Release]) -> None:
        for release, older in zip(releases, [*releases[1:], None], strict=False):
            where = self.addresses.version(dataset, release.tag)
            before = None if older is None else node(self.addresses.version(dataset, older.tag))
            self.graph.add(self.addresses.concept(dataset), ("dcat:hasVersion", node(where)))
            self.graph.add(
                where,
                ("dcat:isVersionOf", node(self.addresses.concept(dataset))),
                ("dct:identifier", text(release.uid)),
                ("dcat:version", text(release.tag)),
                ("dct:issued", typed(release.published_at, "xsd:dateTime")),
                ("adms:versionNotes", text(release.notes) if release.notes.strip() else None),
                ("dcat:previousVersion", before),
            )

    def _downloads(
        self, where: str, dataset: Dataset, release: Release, files: Sequence[WrittenFile]
    ) -> None:
        licence, rights = self._licence(dataset), self._rights(dataset)
        at = typed(release.published_at, "xsd:dateTime")
        # The files of a release never change.
        stable = self._said("planned-availability", Word("稳定", "stable", "STABLE"))
        for each in distributions(self.addresses, dataset, release, files):
            name = f"{self.addresses.version(dataset, release.tag)}#{each.uid}"
            self.graph.add(where, ("dcat:distribution", node(name)))
            self.graph.add(
                name,
                ("rdf:type", node("dcat:Distribution")),
                ("dct:identifier", text(each.uid)),
                *_title(each),
                ("dct:description", text(each.description, "zh") if each.description else None),
                ("dcat:accessURL", node(each.access)),
                ("dcat:downloadURL", self._download(each)),
                ("dcat:byteSize", _number(each.size)),
                ("spdx:checksum", self._checksum(each)),
                ("dct:license", licence),
                ("dct:rights", rights),
                ("dcatap:availability", stable),
                ("dct:issued", at),
                ("dct:modified", at),
                *self._kind(each),
            )

    def _download(self, each: Distribution) -> Term | None:
        # Where there are conditions the file answers 401 to a stranger: it is not offered.
        return node(each.download) if each.access == each.download else None

    def _checksum(self, each: Distribution) -> Term | None:
        if not each.sha256:
            return None
        return self.graph.thing(
            "spdx:Checksum",
            ("spdx:algorithm", node("spdx:checksumAlgorithm_sha256")),
            ("spdx:checksumValue", typed(each.sha256, "xsd:hexBinary")),
        )

    def _kind(self, each: Distribution) -> list[tuple[str, Term | None]]:
        graph, kind = self.graph, each.kind
        name = terms.authority("file-type", kind.eu) if kind.eu else f"_:format{_plain(kind.label)}"
        said: list[tuple[str, Term | None]] = [
            (
                "dct:format",
                graph.thing("dct:MediaTypeOrExtent", ("rdfs:label", text(kind.label)), name=name),
            )
        ]
        if kind.iana:
            name = f"{terms.IANA}/{kind.iana}"
            said.append(("dcat:mediaType", graph.thing("dct:MediaType", name=name)))
        if not each.path:
            said.append(("dcat:packageFormat", node(f"{terms.IANA}/application/zip")))
        if each.is_croissant:
            said.append(("dct:conformsTo", graph.thing("dct:Standard", name=CROISSANT)))
        return said

    def _publisher(self, organisation: Organisation) -> Term:
        name = f"{self.addresses.base}/catalog#organisation-{organisation.slug}"
        code = organisation.credit_code
        return self.graph.thing(
            "foaf:Agent",
            ("foaf:name", text(organisation.name, "zh")),
            ("dct:identifier", text(code) if code else None),
            name=name,
        )

    def _provider(self, dataset: Dataset) -> Term | None:
        """Return who the data come from, where that is said and not the publisher."""
        if not dataset.provider or dataset.provider == dataset.organisation.name:
            return None
        code = dataset.provider_code
        return self.graph.thing(
            "foaf:Agent",
            ("foaf:name", text(dataset.provider, "zh")),
            ("dct:identifier", text(code) if code else None),
        )

    def _contact(self, dataset: Dataset) -> Term | None:
        if not (dataset.contact_name or dataset.contact_email):
            return None
        mail = dataset.contact_email
        return self.graph.thing(
            "vcard:Kind",
            ("vcard:fn", text(dataset.contact_name or dataset.organisation.name, "zh")),
            ("vcard:hasEmail", node(f"mailto:{quote(mail, safe='@')}") if mail else None),
        )

    def _theme(self, domain: str | None) -> Term | None:
        code = terms.DOMAINS[domain].code if domain in terms.DOMAINS else ""
        if not code:
            return None
        chinese, english = terms.THEMES[code]
        return self._said("data-theme", Word(chinese, english, code))

    def _cycle(self, cycle: str | None) -> Term | None:
        word = next((word for key, word in terms.CYCLES.items() if key == cycle), None)
        return None if word is None else self._said("frequency", word, "dct:Frequency")

    def _places(self, dataset: Dataset) -> list[Term]:
        if not dataset.region:
            return []
        china = Word("中国", "China", "CHN")
        inside = self.graph.thing(
            "dct:Location",
            ("dct:identifier", text(dataset.region)),
            ("rdfs:label", text(f"GB/T 2260 {dataset.region}")),
            name=f"_:place{_plain(dataset.region)}",
        )
        return [inside, self._said("country", china, "dct:Location")]

    def _period(self, dataset: Dataset) -> Term | None:
        first, last = dataset.covers_from, dataset.covers_to
        if first is None and last is None:
            return None
        return self.graph.thing(
            "dct:PeriodOfTime",
            ("dcat:startDate", None if first is None else typed(first.isoformat(), "xsd:date")),
            ("dcat:endDate", None if last is None else typed(last.isoformat(), "xsd:date")),
        )

    def _licence(self, dataset: Dataset) -> Term:
        if dataset.licence == "other":
            other = text("其他，见数据集页面", "zh")
            return self.graph.thing("dct:LicenseDocument", ("rdfs:label", other), name="_:licence")
        return self.graph.thing(
            "dct:LicenseDocument",
            ("rdfs:label", text(dataset.licence)),
            name=f"{terms.SPDX}/{dataset.licence}",
        )

    def _rights(self, dataset: Dataset) -> Term | None:
        for basis, word in terms.RIGHTS.items():
            if basis == dataset.rights_basis:
                return self.graph.thing(
                    "dct:RightsStatement",
                    ("rdfs:label", text(word.chinese, "zh")),
                    ("rdfs:label", text(word.english, "en")),
                    name=f"_:rights{_plain(basis)}",
                )
        return None

    def _language(self) -> Term:
        return self._said("language", Word("中文", "Chinese", "ZHO"), "dct:LinguisticSystem")

    def _said(self, table: str, word: Word, kind: str = "") -> Term:
        """Return a word of one of the EU's tables, described so that shapes know what it is."""
        return self.graph.thing(
            "skos:Concept",
            ("rdf:type", node(kind) if kind else None),
            ("skos:prefLabel", text(word.chinese, "zh")),
            ("skos:prefLabel", text(word.english, "en")),
            ("skos:inScheme", self._scheme(f"{terms.AUTHORITY}/{table}")),
            name=terms.authority(table, word.code),
        )

    def _scheme(self, name: str) -> Term:
        title = text(name.rpartition("/")[2], "en")
        return self.graph.thing("skos:ConceptScheme", ("dct:title", title), name=name)


def _title(each: Distribution) -> list[tuple[str, Term | None]]:
    if each.title == each.title_en:
        return [("dct:title", text(each.title))]
    return [("dct:title", text(each.title, "zh")), ("dct:title", text(each.title_en, "en"))]


def _number(size: int | None) -> Term | None:
    return None if size is None else typed(size, "xsd:nonNegativeInteger")


def _plain(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", label) or "other"

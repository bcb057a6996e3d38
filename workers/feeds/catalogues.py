"""Read what other catalogues list: the files of a CKAN, or of a catalogue in DCAT."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from ...datasets import errors, feeds, outside
from ...datasets.errors import _
from ...datasets.feeds import Feed
from ...datasets.settings import Settings
from . import fetching
from .addresses import fetched
from .contract import Fetched, Found
from .graphs import ACCEPT, Graph, read_graph

PAGE = 100  # datasets in one answer of a CKAN
MOST_PAGES = 100_000
PAGE_BYTES = 64 * 1024**2  # of one answer of a catalogue
LIST_SECONDS = 120.0
LONGEST = 500  # characters of a title or licence that are remembered
# By what an address that is only said to give access is known to be a file.
FILES = frozenset(
    ".bmp .csv .flac .gif .jpeg .jpg .json .jsonl .mp3 .mp4 .ndjson .ogg .opus .parquet .pdf .png"
    " .tar .tgz .gz .tif .tiff .tsv .txt .wav .webm .webp .xlsx .zip".split()
)
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
HYDRA = "http://www.w3.org/ns/hydra/core#"
SPDX = "http://spdx.org/rdf/terms#"


class CkanWay:
    """Another CKAN: all files of the datasets that a search finds, by its action API."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            errors.Invalid: the address may not be called.
        """
        given = feed.option_values
        self._settings, self._given = settings, given
        checked = outside.check(settings.outside_allowed, given["url"], must_be_known=False)
        self._base = checked.url.rstrip("/") + "/"
        self._origin = checked.origin
        token = feeds.secrets_of(settings, feed).get("token", "")
        self._private = {"Authorization": token} if token else {}
        self._formats = _words(given["formats"])

    def check(self) -> None:
        """Raise errors.Refused unless it answers a search."""
        self._page(0, 1)

    def found(self) -> Generator[Found, None, None]:
        """Give every resource of every dataset, in the order of the datasets' names."""
        start, seen = 0, set[str]()
        for _page in range(MOST_PAGES):
            packages, count = self._page(start, PAGE)
            fresh = [each for each in packages if str(each.get("id")) not in seen]
            for package in fresh:
                seen.add(str(package.get("id")))
                yield from self._resources(package)
            start += len(packages)
            # A catalogue that gives the same page again would never end.
            if not fresh or start >= count:
                break
        if start < count and len(seen) < count:
            raise errors.Refused(
                _("the catalogue told of %(count)s datasets and gave %(seen)s"),
                count=count,
                seen=len(seen),
            )

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Fetch a resource from where it lies; the token goes to the catalogue only."""
        url = found.about.get("address", "")
        is_own = outside.parse(url).origin == self._origin
        private = self._private if is_own else {}
        return fetched(self._settings, url, validators, out, limit, private, found.name)

    def _page(self, start: int, rows: int) -> tuple[list[dict[str, Any]], int]:
        asked = {"start": start, "rows": rows, "sort": "name asc"}
        asked |= {"q": self._given["search"]} if self._given["search"] else {}
        asked |= {"fq": self._given["filter"]} if self._given["filter"] else {}
        url = urljoin(self._base, f"api/3/action/package_search?{urlencode(asked)}")
        told = _json(_content(self._settings, url, "application/json", self._private)[0])
        result = told.get("result") if isinstance(told, dict) else None
        if not isinstance(result, dict) or not told.get("success"):
            raise errors.Refused(_("this is no CKAN: its answer is of another form"))
        listed, count = result.get("results"), result.get("count")
        if not isinstance(listed, list) or not isinstance(count, int):
            raise errors.Refused(_("this is no CKAN: its answer is of another form"))
        return [each for each in listed if isinstance(each, dict)], count

    def _resources(self, package: dict[str, Any]) -> Iterator[Found]:
        licence = package.get("license_title") or package.get("license_id")
        told = {"dataset": package.get("title") or package.get("name"), "licence": licence}
        for each in package.get("resources") or ():
            if not isinstance(each, dict) or not isinstance(each.get("url"), str):
                continue
            if self._formats and str(each.get("format") or "").lower() not in self._formats:
                continue
            url = urljoin(self._base, each["url"])
            form = [url, each.get("hash"), each.get("size"), each.get("last_modified")]
            form.append(package.get("metadata_modified"))
            key = f"{package.get('id')}/{each.get('id') or url}"
            about = _about({**told, "title": each.get("name"), "address": url})
            yield Found(
                key[:2000], _form(form), _file_name(url, str(each.get("format") or "")), about
            )


class DcatWay:
    """A catalogue in DCAT: JSON-LD, RDF/XML or Turtle, with the pages that Hydra names."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            errors.Invalid: the address may not be called.
        """
        given = feed.option_values
        self._settings = settings
        self._url = outside.check(settings.outside_allowed, given["url"], must_be_known=False).url
        self._formats = _words(given["formats"])

    def check(self) -> None:
        """Raise errors.Refused unless its first page is a graph that tells of a dataset."""
        graph, _next = self._page(self._url)
        if not graph.of_type(f"{DCAT}Catalog") and not graph.of_type(f"{DCAT}Dataset"):
            raise errors.Refused(_("the address tells of no dcat:Catalog and no dcat:Dataset"))

    def found(self) -> Generator[Found, None, None]:
        """Give every distribution that has an address, page by page, each once."""
        seen, visited = set[str](), set[str]()
        following: str | None = self._url
        while following is not None and following not in visited:
            visited.add(following)
            if len(visited) > MOST_PAGES:
                raise errors.Refused(
                    _("the catalogue has more than %(most)s pages"), most=MOST_PAGES
                )
            graph, following = self._page(following)
            for each in self._distributions(graph):
                if each.key not in seen:
                    seen.add(each.key)
                    yield each

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Fetch a distribution from where it lies."""
        url = found.about.get("address", "")
        return fetched(self._settings, url, validators, out, limit, name=found.name)

    def _page(self, url: str) -> tuple[Graph, str | None]:
        content, kind, where = _content(self._settings, url, ACCEPT)
        graph = read_graph(content, kind, where)
        following = next(
            (text for name in ("next", "nextPage") for text in graph.values(f"{HYDRA}{name}")), None
        )
        return graph, None if following is None else urljoin(where, following)

    def _distributions(self, graph: Graph) -> Iterator[Found]:
        for dataset in graph.of_type(f"{DCAT}Dataset"):
            told = {"dataset": graph.text(dataset, f"{DCT}title")}
            changed = graph.text(dataset, f"{DCT}modified")
            for node in graph.of(dataset, f"{DCAT}distribution"):
                found = self._distribution(graph, node, told, changed)
                if found is not None:
                    yield found

    def _distribution(
        self, graph: Graph, node: str, told: dict[str, Any], changed: str
    ) -> Found | None:
        url = graph.text(node, f"{DCAT}downloadURL") or _file_at(graph, node)
        kind = graph.text(node, f"{DCT}format") or graph.text(node, f"{DCAT}mediaType")
        kind = kind.rpartition("/")[2]
        if not url or (self._formats and kind.lower() not in self._formats):
            return None
        url = urljoin(self._url, url)
        sums = [
            graph.text(each, f"{SPDX}checksumValue") for each in graph.of(node, f"{SPDX}checksum")
        ]
        form = [url, *sums, graph.text(node, f"{DCT}modified"), changed]
        about = _about(
            {
                **told,
                "title": graph.text(node, f"{DCT}title"),
                "licence": graph.text(node, f"{DCT}license"),
                "address": url,
            }
        )
        # Nodes without a name are called otherwise in every answer: the address is the key then.
        key = url if node.startswith("_:") else node
        return Found(key[:2000], _form(form), _file_name(url, kind), about)


def _file_at(graph: Graph, node: str) -> str:
    """Return where a distribution is accessed if that is a file by its name, "" else.

    What can only be accessed is mostly a page that tells of it, or a service, not the thing.
    """
    for address in graph.of(node, f"{DCAT}accessURL"):
        try:
            path = PurePosixPath(urlsplit(address).path)
        except ValueError:
            continue
        if path.suffix.lower() in FILES:
            return address
    return ""


def _content(
    settings: Settings, url: str, accept: str, private: Mapping[str, str] | None = None
) -> tuple[bytes, str, str]:
    """Return the bytes of a catalogue's answer, their type, and where they were found."""
    out = io.BytesIO()
    try:
        answer = fetching.fetch(
            settings,
            url,
            out,
            limit=PAGE_BYTES,
            headers={"Accept": accept},
            private=private,
            seconds=LIST_SECONDS,
        )
    except errors.NotFound as problem:
        raise errors.Refused(problem.message, **problem.values) from problem
    return out.getvalue(), answer.content_type, answer.url


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.Refused(_("the answer is not JSON")) from problem


def _form(parts: list[Any]) -> str:
    """Return a digest of what a catalogue says of the form of a file."""
    return hashlib.sha256(msgspec.json.encode([str(each or "") for each in parts])).hexdigest()


def _about(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value)[: outside.LONGEST if name == "address" else LONGEST]
        for name, value in values.items()
        if value
    }


def _words(formats: list[str]) -> frozenset[str]:
    return frozenset(each.lower() for each in formats)


def _file_name(url: str, kind: str) -> str:
    """Return what a file is called; a plain word for its format is a suffix where it has none."""
    try:
        name = fetching.Answer(url, 200, "", {}).name
    except errors.Invalid:
        return "file"
    if "." in name or not (kind.isalnum() and kind.isascii()) or len(kind) > 10:
        # The suffix comes with the type of the answer, if at all.
        return name if "." in name else ""
    return f"{name}.{kind.lower()}"

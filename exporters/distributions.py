"""List what of a release other catalogues show as its downloads, and where each of it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import quote

from ..datasets.catalogue import Dataset, Openness, Release
from ..datasets.exports import WrittenFile
from .formats import FORMATS
from .release import CARD

# A release has thousands of pictures and label files of single pictures: a catalogue that
# listed them would drown its readers. The archive holds everything; besides it come the
# files that stand for a whole format, and the documents at the root.
MOST = 40
_ONE_FILE_A_PICTURE = frozenset({"Annotations", "images", "labels"})
FOLDERS = tuple(
    dict.fromkeys(
        place.partition("/")[0]
        for each in FORMATS.values()
        for place in each.places
        if "/" in place and place.partition("/")[0] not in _ONE_FILE_A_PICTURE
    )
)

# What documents at the root are, by how their names begin; in this order.
_DOCUMENTS = {
    CARD: "说明文档 · Documentation",
    "datasheet": "数据集说明书 · Datasheet",
    "croissant": "Croissant 元数据 · Croissant metadata",
    "datapackage": "Frictionless 数据包描述 · Frictionless data package",
    "manifest": "版本清单 · Manifest of the version",
    "checksums": "全部文件的校验值 · Checksums of all files",
    "release.json": "版本说明与签名 · The release and its signatures",
}
ARCHIVE = ""  # the path that stands for the archive of all files
CROISSANT = "http://mlcommons.org/croissant/1.1"


@dataclass(frozen=True)
class Kind:
    """What a file is by its ending; `iana` is registered there, `eu` a code of the EU's list."""

    label: str
    iana: str | None = None
    eu: str | None = None


_KINDS = {
    ".csv": Kind("CSV", "text/csv", "CSV"),
    ".html": Kind("HTML", "text/html", "HTML"),
    ".json": Kind("JSON", "application/json", "JSON"),
    ".jsonl": Kind("JSONL"),
    ".jsonld": Kind("JSON-LD", "application/ld+json", "JSON_LD"),
    ".md": Kind("Markdown", "text/markdown"),
    ".parquet": Kind("Parquet", "application/vnd.apache.parquet", "PARQUET"),
    ".pdf": Kind("PDF", "application/pdf", "PDF"),
    ".py": Kind("Python"),
    ".tar": Kind("TAR", None, "TAR"),
    ".tsv": Kind("TSV", "text/tab-separated-values", "TSV"),
    ".txt": Kind("TXT", "text/plain", "TXT"),
    ".xml": Kind("XML", "application/xml", "XML"),
    ".yaml": Kind("YAML", "application/yaml"),
    ".yml": Kind("YAML", "application/yaml"),
    ".zip": Kind("ZIP", "application/zip", "ZIP"),
}


@dataclass(frozen=True)
class Addresses:
    """Know where the things of the catalogue are; `base` is this platform's address."""

    base: str

    def landing(self, dataset: Dataset) -> str:
        """Return the page of a dataset."""
        return f"{self.base}/datasets/{quote(dataset.full_name)}"

    def concept(self, dataset: Dataset) -> str:
        """Return what names a dataset, all versions together."""
        return f"{self.base}/dataset/{dataset.ckan_name}"

    def version(self, dataset: Dataset, tag: str) -> str:
        """Return what names one version of a dataset."""
        return f"{self.concept(dataset)}/{quote(tag, safe='')}"

    def download(self, dataset: Dataset, tag: str, path: str) -> str:
        """Return where a file of a release is sent from; tags stay, so the bytes do."""
        if path == ARCHIVE:
            return f"{self.landing(dataset)}/archive/{quote(tag, safe='')}.zip"
        return f"{self.landing(dataset)}/resolve/{quote(tag, safe='')}/{quote(path)}"


@dataclass(frozen=True)
class Distribution:
    """One download of a release; what the archive is in bytes is told when it is asked for."""

    uid: str
    path: str
    title: str
    title_en: str
    description: str
    kind: Kind
    download: str
    # Where to get access: the download, or the dataset's page where there are conditions.
    access: str
    size: int | None = None
    sha256: str = ""
    is_document: bool = False
    is_croissant: bool = False


def distributions(
    addresses: Addresses, dataset: Dataset, release: Release, files: Sequence[WrittenFile]
) -> list[Distribution]:
    """List the archive, then the files of the formats, then the documents: MOST at most."""
    landing = addresses.landing(dataset)
    is_open = dataset.openness == Openness.OPEN
    where = addresses.download(dataset, release.tag, ARCHIVE)
    found = [
        Distribution(
            uid=distribution_uid(dataset, ARCHIVE),
            path=ARCHIVE,
            title="全部文件（ZIP）",
            title_en="All files (ZIP)",
            description="该版本的全部文件，含媒体。All files of this version, with the media.",
            kind=_KINDS[".zip"],
            download=where,
            access=where if is_open else landing,
        )
    ]
    ranked = sorted((_rank(file.path), file.path, file) for file in files)
    for (_place, title), path, file in ranked[: MOST - 1]:
        where = addresses.download(dataset, release.tag, path)
        suffix = PurePosixPath(path).suffix.lower()
        found.append(
            Distribution(
                uid=distribution_uid(dataset, path),
                path=path,
                title=path,
                title_en=path,
                description=title,
                kind=_KINDS.get(suffix) or Kind(suffix[1:21].upper() or "DATA"),
                download=where,
                access=where if is_open else landing,
                size=file.size,
                sha256=file.digest,
                is_document=path.lower().endswith((".md", ".html", ".pdf")),
                is_croissant=path.startswith("croissant") and "/" not in path,
            )
        )
    return found


def distribution_uid(dataset: Dataset, path: str) -> str:
    """Return the identifier of a path in all versions of a dataset: a UUID of version 8.

    It begins as the dataset's own, so that the dataset is found from it by an index.
    """
    digest = hashlib.sha256(f"{dataset.uid}\n{path}".encode()).hexdigest()
    return f"{dataset.uid[:13]}-8{digest[:3]}-8{digest[3:6]}-{digest[6:18]}"


def dataset_part(uid: str) -> str:
    """Return what the concept id of the dataset begins with that a download's id is of."""
    return uid[:13].lower()


def _rank(path: str) -> tuple[int, str]:
    """Return the place of a file in the list, and what it is part of."""
    for number, each in enumerate(FORMATS.values()):
        if any(fnmatchcase(path, place) for place in each.places):
            return number, f"{each.title_zh} · {each.title_en}"
    for number, (beginning, said) in enumerate(_DOCUMENTS.items(), len(FORMATS)):
        if path.startswith(beginning):
            return number, said
    return len(FORMATS) + len(_DOCUMENTS), ""

"""Write how a release is loaded with each client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask_babel import gettext

from ..datasets.catalogue import Dataset, Openness, Release


@dataclass(frozen=True)
class Snippet:
    """Lines to copy, and what they are for."""

    title: str
    text: str


def of(
    base: str, dataset: Dataset, release: Release, paths: Sequence[str], archive: str
) -> list[Snippet]:
    """Return the snippets of a release; `paths` are its first files, `archive` its ZIP.

    Files under conditions need a token, and the snippets show where it goes.
    """
    name, tag = dataset.full_name, release.tag
    token = dataset.openness != Openness.OPEN
    parquet = next((path for path in paths if path.endswith(".parquet")), None)
    found = [_datasets(base, name, tag, token=token), _hub(base, dataset, tag, token=token)]
    if parquet is not None:
        found.append(_parquet(base, name, release, parquet))
    found += [_croissant(base, name, parquet), _modelscope(base, name, tag)]
    shard = next((path for path in paths if path.endswith(".tar")), None)
    if shard is not None:
        found.append(_webdataset(_address(base, name, release, shard)))
    found += [_ckan(base, dataset), _curl(dataset, tag, archive, token=token)]
    return found


def verifying(
    base: str, dataset: Dataset, release: Release, *, program: str, keys: str, receipt: str
) -> list[Snippet]:
    """Return how a record and how all files of a release are verified; each runs as it stands.

    `program`, `keys` and `receipt` are the addresses of the verifier, the platform's keys and
    the receipt, without their host.
    """
    tools = f"curl -fO {base}{program}\ncurl -fo keys.json \\\n  {base}{keys}\n"
    token = dataset.openness != Openness.OPEN
    more = " -H 'Authorization: Bearer …'" if token else ""
    fetched = f"curl -f{more} -o receipt.json \\\n  '{base}{receipt}'\n"
    every = _hub(base, dataset, release.tag, token=token).text
    return [
        Snippet(gettext("A record"), f"{tools}{fetched}{_verify('receipt.json')}"),
        Snippet(gettext("All files"), f"{tools}{every}\n{_verify(dataset.name)}"),
    ]


def _verify(subject: str) -> str:
    return f"python3 verify_receipt.py {subject} \\\n  --keys keys.json"


def _address(base: str, name: str, release: Release, path: str) -> str:
    return f"{base}/datasets/{name}/resolve/{release.commit_id}/{quote(path)}"


def _datasets(base: str, name: str, tag: str, *, token: bool) -> Snippet:
    more = ', token="…"' if token else ""
    return Snippet(
        gettext("In Python, with the datasets library"),
        f'import os\n\nos.environ["HF_ENDPOINT"] = "{base}"\n\n'
        f"from datasets import load_dataset\n\n"
        f'data = load_dataset("{name}", revision="{tag}"{more})',
    )


def _hub(base: str, dataset: Dataset, tag: str, *, token: bool) -> Snippet:
    more = " \\\n  --token …" if token else ""
    return Snippet(
        gettext("All files, with the hf command"),
        f"HF_ENDPOINT={base} hf download {dataset.full_name} --repo-type dataset \\\n"
        f"  --revision {tag} --local-dir {dataset.name}{more}",
    )


def _parquet(base: str, name: str, release: Release, path: str) -> Snippet:
    address = _address(base, name, release, path)
    return Snippet(
        gettext("One Parquet file, with pandas or polars"),
        f'import pandas as pd\n\ntable = pd.read_parquet("{address}")\n\n'
        f'import polars as pl\n\ntable = pl.read_parquet("{address}")',
    )


def _croissant(base: str, name: str, parquet: str | None) -> Snippet:
    records = ""
    if parquet is not None:
        split, _dash, shard = parquet.rpartition("/")[2].partition("-")
        # One record set a split, or one a shard.
        split += "" if shard.endswith("-of-00001.parquet") else f"_{shard.partition('-')[0]}"
        records = f'\nfor record in dataset.records("{split}"):\n    print(record)'
    return Snippet(
        gettext("Croissant, with mlcroissant"),
        f"import mlcroissant as mlc\n\n"
        f'dataset = mlc.Dataset("{base}/api/datasets/{name}/croissant"){records}',
    )


def _modelscope(base: str, name: str, tag: str) -> Snippet:
    return Snippet(
        gettext("With ModelScope"),
        f"MODELSCOPE_ENDPOINT={base} modelscope download \\\n  --dataset {name} --revision {tag}",
    )


def _webdataset(address: str) -> Snippet:
    return Snippet(
        gettext("Streamed, with webdataset"),
        f'import webdataset as wds\n\ndata = wds.WebDataset("{address}").decode("pil")',
    )


def _ckan(base: str, dataset: Dataset) -> Snippet:
    return Snippet(
        gettext("Its description, with ckanapi"),
        f"ckanapi action package_show id={dataset.ckan_name} -r {base}",
    )


def _curl(dataset: Dataset, tag: str, archive: str, *, token: bool) -> Snippet:
    more = " -H 'Authorization: Bearer …'" if token else ""
    return Snippet(
        gettext("One archive, with curl"),
        f"curl -fL{more} -o {dataset.name}-{tag}.zip \\\n  {archive}",
    )

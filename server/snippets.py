"""Write how a release is loaded with each client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask_babel import gettext

from ..datasets.catalogue import Dataset, Openness, Release

# Where the files are that a snippet names, and how many of each are looked through.
FOLDERS = ("data", "webdataset")
MOST_SHARDS = 10_000


@dataclass(frozen=True)
class Snippet:
    """Lines to copy, and what they are for."""

    title: str
    text: str


def of(
    base: str, dataset: Dataset, release: Release, paths: Sequence[str], archive: str
) -> list[Snippet]:
    """Return the snippets of a release; `paths` are its files in FOLDERS, `archive` its ZIP.

    Files under conditions need a token, and the snippets show where it goes.
    """
    tag = release.tag
    parquet = _shards(paths, "data/", ".parquet")
    shards = _shards(paths, "webdataset/", ".tar")
    found = [_hub(base, dataset, tag)]
    if parquet:
        found.insert(0, _datasets(base, dataset, tag))
        found.append(_parquet(base, dataset, release, parquet[0]))
    found.append(_croissant(base, dataset, parquet))
    if parquet:
        found.append(_modelscope(base, dataset, tag, _split(parquet[0])))
    found.append(_modelscope_files(base, dataset, tag))
    if shards:
        found.append(_webdataset(base, dataset, release, shards))
    found += [_frictionless(base, dataset, tag), _dcat(base, dataset), _ckan(base, dataset)]
    found.append(_curl(dataset, tag, archive))
    return found


def verifying(
    base: str, dataset: Dataset, release: Release, *, program: str, keys: str, receipt: str
) -> list[Snippet]:
    """Return how a record and how all files of a release are verified; each runs as it stands.

    `program`, `keys` and `receipt` are the addresses of the verifier, the platform's keys and
    the receipt, without their host.
    """
    tools = f"curl -fO {base}{program}\ncurl -fo keys.json \\\n  {base}{keys}\n"
    fetched = f"curl -f{_header(dataset)} -o receipt.json \\\n  '{base}{receipt}'\n"
    every = _hub(base, dataset, release.tag).text
    return [
        Snippet(gettext("A record"), f"{tools}{fetched}{_verify('receipt.json')}"),
        Snippet(gettext("All files"), f"{tools}{every}\n{_verify(dataset.name)}"),
    ]


def _verify(subject: str) -> str:
    return f"python3 verify_receipt.py {subject} \\\n  --keys keys.json"


def _header(dataset: Dataset) -> str:
    """Return the option of curl that says who is asking, where that matters."""
    return "" if dataset.openness == Openness.OPEN else " -H 'Authorization: Bearer …'"


def _shards(paths: Sequence[str], folder: str, ending: str) -> list[str]:
    """Return the files of one split: of `train` where there is one."""
    found = [path for path in paths if path.startswith(folder) and path.endswith(ending)]
    trained = [path for path in found if _split(path) == "train"]
    return trained or [path for path in found if _split(path) == _split(found[0])]


def _split(path: str) -> str:
    return path.rpartition("/")[2].partition("-")[0]


def _address(base: str, dataset: Dataset, release: Release, path: str) -> str:
    return f"{base}/datasets/{dataset.full_name}/resolve/{release.commit_id}/{quote(path)}"


def _datasets(base: str, dataset: Dataset, tag: str) -> Snippet:
    more = "" if dataset.openness == Openness.OPEN else ', token="…"'
    return Snippet(
        gettext("In Python, with the datasets library"),
        f'import os\n\nos.environ["HF_ENDPOINT"] = "{base}"\n\n'
        f"from datasets import load_dataset\n\n"
        f'data = load_dataset("{dataset.full_name}", revision="{tag}"{more})',
    )


def _hub(base: str, dataset: Dataset, tag: str) -> Snippet:
    more = "" if dataset.openness == Openness.OPEN else " \\\n  --token …"
    return Snippet(
        gettext("All files, with the hf command"),
        f"HF_ENDPOINT={base} hf download {dataset.full_name} --repo-type dataset \\\n"
        f"  --revision {tag} --local-dir {dataset.name}{more}",
    )


def _parquet(base: str, dataset: Dataset, release: Release, path: str) -> Snippet:
    address = _address(base, dataset, release, path)
    if dataset.openness != Openness.OPEN:
        return Snippet(
            gettext("One Parquet file, with pandas"),
            f"import pandas as pd\n\ntable = pd.read_parquet(\n"
            f'    "{address}",\n    storage_options={{"Authorization": "Bearer …"}},\n)',
        )
    return Snippet(
        gettext("One Parquet file, with pandas or polars"),
        f'import pandas as pd\n\ntable = pd.read_parquet("{address}")\n\n'
        f'import polars as pl\n\ntable = pl.read_parquet("{address}")',
    )


def _croissant(base: str, dataset: Dataset, parquet: Sequence[str]) -> Snippet:
    title, first, records = gettext("Croissant, with mlcroissant"), "", ""
    place = f"{base}/api/datasets/{dataset.full_name}/croissant"
    if dataset.openness == Openness.CLOSED:
        # mlcroissant shows no token where it asks for the description.
        title = gettext("Croissant, with mlcroissant, after downloading all files")
        place = f"{dataset.name}/croissant.json"
    elif dataset.openness != Openness.OPEN:
        named = "\n".join(
            f'os.environ["CROISSANT_BASIC_AUTH_{part}"] = "…"' for part in ("USERNAME", "PASSWORD")
        )
        first = f"import os\n\n{named}\n\n"
    if parquet:
        # One record set a split, or one a shard.
        own = "" if len(parquet) == 1 else "_00000"
        records = (
            f'\nfor record in dataset.records("{_split(parquet[0])}{own}"):\n    print(record)'
        )
    return Snippet(
        title, f'{first}import mlcroissant as mlc\n\ndataset = mlc.Dataset("{place}"){records}'
    )


def _modelscope(base: str, dataset: Dataset, tag: str, split: str) -> Snippet:
    signed_in = 'from modelscope.hub.api import HubApi\n\nHubApi().login("…")\n\n'
    return Snippet(
        gettext("In Python, with ModelScope"),
        f'import os\n\nos.environ["MODELSCOPE_ENDPOINT"] = "{base}"\n\n'
        f"{'' if dataset.openness == Openness.OPEN else signed_in}"
        f"from modelscope.msdatasets import MsDataset\n\n"
        f'data = MsDataset.load("{dataset.full_name}", split="{split}", version="{tag}")',
    )


def _modelscope_files(base: str, dataset: Dataset, tag: str) -> Snippet:
    more = "" if dataset.openness == Openness.OPEN else " \\\n  --token …"
    return Snippet(
        gettext("All files, with the modelscope command"),
        f"MODELSCOPE_ENDPOINT={base} modelscope download \\\n"
        f"  --dataset {dataset.full_name} --revision {tag}{more}",
    )


def _webdataset(base: str, dataset: Dataset, release: Release, shards: Sequence[str]) -> Snippet:
    address = _address(base, dataset, release, shards[0])
    if len(shards) > 1:
        numbers = [path.removesuffix(".tar").rpartition("-")[2] for path in shards]
        start = address.removesuffix(f"{numbers[0]}.tar")
        address = f"{start}{{{numbers[0]}..{numbers[-1]}}}.tar"
    if dataset.openness != Openness.OPEN:
        address = f"pipe:curl -fsL{_header(dataset)} {address}"
    return Snippet(
        gettext("Streamed, with webdataset"),
        f"import webdataset as wds\n\n"
        f'data = wds.WebDataset(\n    "{address}",\n    shardshuffle=False,\n).decode("pil")',
    )


def _frictionless(base: str, dataset: Dataset, tag: str) -> Snippet:
    title = gettext("Its description, with frictionless")
    place = f"{base}/datasets/{dataset.full_name}/resolve/{tag}/datapackage.json"
    if dataset.openness != Openness.OPEN:
        title = gettext("Its description, with frictionless, after downloading all files")
        place = f"{dataset.name}/datapackage.json"
    return Snippet(
        title,
        f'from frictionless import Package\n\npackage = Package("{place}")\n'
        f"print(package.resource_names)",
    )


def _dcat(base: str, dataset: Dataset) -> Snippet:
    more = _header(dataset) if dataset.openness == Openness.CLOSED else ""
    return Snippet(
        gettext("Its description as linked data (DCAT), with curl"),
        f"curl -f{more} -H 'Accept: text/turtle' \\\n  {base}/dataset/{dataset.ckan_name}",
    )


def _ckan(base: str, dataset: Dataset) -> Snippet:
    more = " -a …" if dataset.openness == Openness.CLOSED else ""
    return Snippet(
        gettext("Its description, with ckanapi"),
        f"ckanapi action package_show id={dataset.ckan_name} -r {base}{more}",
    )


def _curl(dataset: Dataset, tag: str, archive: str) -> Snippet:
    return Snippet(
        gettext("One archive, with curl"),
        f"curl -fL{_header(dataset)} -o {dataset.name}-{tag}.zip \\\n  {archive}",
    )

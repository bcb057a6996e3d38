"""Do what users of the Hugging Face libraries do, and print what came of it as JSON lines.

This runs in the environment of the client, not of the platform; the address is in
HF_ENDPOINT, and what was published is the JSON in the first argument.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download

import datasets  # noqa: TID251 - here it is the client

FACTS = json.loads(sys.argv[1])
NAME, GUIDE, TOKEN = FACTS["name"], FACTS["guide"], FACTS["token"]
PARQUET = "data/test-00000-of-00001.parquet"
api = HfApi()


def shown(dataset: Any) -> dict[str, Any]:
    """Tell sizes of splits and what the first record holds."""
    first = dataset["train"][0]
    sizes = {split: len(rows) for split, rows in dataset.items()}
    kind = type(first["image"]).__name__
    return {"sizes": sizes, "image": list(first["image"].size), "kind": kind, "name": first["name"]}


def load_default() -> Any:
    return shown(datasets.load_dataset(NAME))


def load_tag() -> Any:
    return shown(datasets.load_dataset(NAME, revision="v1.0.0"))


def load_tag_reference() -> Any:
    return shown(datasets.load_dataset(NAME, revision="refs/tags/v1.0.0"))


def load_commit() -> Any:
    return shown(datasets.load_dataset(NAME, revision=FACTS["first_commit"]))


def load_streaming() -> Any:
    rows = list(datasets.load_dataset(NAME, split="train", streaming=True))
    return [len(rows), rows[7]["name"], list(rows[7]["image"].getpixel((0, 0)))]


def snapshot() -> Any:
    folder = Path(snapshot_download(NAME, repo_type="dataset"))
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return [folder.name, files]


def snapshot_subset() -> Any:
    with tempfile.TemporaryDirectory() as target:
        snapshot_download(
            NAME, repo_type="dataset", local_dir=target, allow_patterns=["coco/*", "*.txt"]
        )
        root = Path(target)
        found = [p for p in root.rglob("*") if p.is_file() and ".cache" not in p.parts]
        return sorted(p.relative_to(root).as_posix() for p in found)


def command_line() -> Any:
    with tempfile.TemporaryDirectory() as target:
        hf = str(Path(sys.executable).parent / "hf")
        command = [hf, "download", NAME, GUIDE, PARQUET, "--repo-type", "dataset"]
        subprocess.run([*command, "--local-dir", target], check=True, capture_output=True)
        return [(Path(target) / GUIDE).read_text("utf-8"), (Path(target) / PARQUET).exists()]


def one_file() -> Any:
    path = hf_hub_download(NAME, GUIDE, repo_type="dataset")
    return Path(path).read_text("utf-8")


def one_file_with_token() -> Any:
    path = hf_hub_download(NAME, PARQUET, repo_type="dataset", token=TOKEN, force_download=True)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def empty_file() -> Any:
    return Path(hf_hub_download(NAME, "empty.txt", repo_type="dataset")).stat().st_size


def filesystem_list() -> Any:
    fs = HfFileSystem()
    root = f"datasets/{NAME}"
    here = len(root) + 1
    return {
        "ls": sorted(path[here:] for path in fs.ls(root, detail=False)),
        "coco": sorted(path[here:] for path in fs.ls(f"{root}/coco", detail=False)),
        "find": len(fs.find(root)),
        "glob": [path[here:] for path in fs.glob(f"{root}/data/*.parquet")],
        "size": fs.info(f"{root}/{GUIDE}")["size"],
        "tag": len(fs.glob(f"{root}@v1.0.0/data/*.parquet")),
        "isdir": [fs.isdir(f"{root}/coco"), fs.isdir(f"{root}/nothing")],
    }


def filesystem_range() -> Any:
    fs = HfFileSystem()
    whole = fs.cat_file(f"datasets/{NAME}/{PARQUET}")
    with fs.open(f"datasets/{NAME}/{PARQUET}", "rb", block_size=512) as file:
        file.seek(-4, 2)
        end = file.read(4)
        file.seek(100)
        middle = file.read(700)
    part = fs.cat_file(f"datasets/{NAME}/{PARQUET}", start=10, end=20)
    return [end.decode(), middle == whole[100:800], part == whole[10:20]]


def dataset_info() -> Any:
    info = api.dataset_info(NAME, files_metadata=True)
    guide = next(s for s in info.siblings if s.rfilename == GUIDE)
    card = info.card_data.to_dict()
    return {
        "sha": info.sha,
        "year": info.last_modified.year > 2000,
        "tags": sorted(info.tags),
        "pretty_name": card["pretty_name"],
        "lfs": len(guide.lfs.sha256),
        "private": info.private,
    }


def dataset_info_expanded() -> Any:
    info = api.dataset_info(NAME, expand=["downloads", "sha"])
    return [info.sha, info.tags, info.downloads >= 0]


def listed() -> Any:
    owner = NAME.split("/")[0]
    by_tag = api.list_datasets(filter="task_categories:object-detection", author=owner)
    full = {d.id: d for d in api.list_datasets(author=owner, full=True)}
    sorted_ones = [d.id for d in api.list_datasets(sort="created_at", limit=2)]
    chosen = next(iter(api.list_datasets(search=NAME, expand=["gated", "cardData"])))
    return {
        "word": sorted(d.id for d in api.list_datasets(search="焊缝", limit=9)),
        "tag": sorted(d.id for d in by_tag),
        "full": len(full[NAME].siblings),
        "licence": [d.id for d in api.list_datasets(filter=["license:mit"])],
        "language": len(list(api.list_datasets(filter="language:zh"))),
        "gated": [d.id for d in api.list_datasets(gated=True)],
        "not gated": sorted(d.id for d in api.list_datasets(gated=False)),
        "sorted": sorted_ones,
        "nothing": len(list(api.list_datasets(search="nothing like it"))),
        "expanded": [chosen.gated, chosen.card_data is not None, chosen.sha],
    }


def tree() -> Any:
    entries = api.list_repo_tree(NAME, repo_type="dataset", recursive=True, expand=True)
    return sorted(f"{type(entry).__name__} {entry.path}" for entry in entries)


def subtree() -> Any:
    folder = GUIDE.split("/")[0]
    entries = api.list_repo_tree(NAME, folder, repo_type="dataset", revision="refs/heads/main")
    return [entry.path for entry in entries]


def refs() -> Any:
    found = api.list_repo_refs(NAME, repo_type="dataset", include_pull_requests=True)
    return [[b.name for b in found.branches], sorted(t.name for t in found.tags)]


def commits() -> Any:
    return [c.commit_id for c in api.list_repo_commits(NAME, repo_type="dataset")]


def paths_info() -> Any:
    found = api.get_paths_info(NAME, ["coco", GUIDE, "no"], repo_type="dataset", expand=True)
    return [[entry.path, entry.last_commit.oid] for entry in found]


def existence() -> Any:
    kind = {"repo_type": "dataset"}
    return [
        api.repo_exists(NAME, **kind),
        api.repo_exists("no/no", **kind),
        api.file_exists(NAME, GUIDE, **kind),
        api.file_exists(NAME, "no.txt", **kind),
        api.revision_exists(NAME, "v1.0.0", **kind),
        api.revision_exists(NAME, "v7.7.7", **kind),
    ]


def whoami() -> Any:
    return api.whoami(token=TOKEN)["name"]


def cached_again() -> Any:
    first = hf_hub_download(NAME, "README.md", repo_type="dataset")
    return first == hf_hub_download(NAME, "README.md", repo_type="dataset")


def error_of(call: Any, *args: Any, **kwargs: Any) -> str:
    """Name the exception that a call raises."""
    try:
        call(*args, **kwargs)
    except Exception as error:  # what is asked here is which one it is
        return type(error).__name__
    return ""


def errors() -> Any:
    kind = {"repo_type": "dataset"}
    return {
        "repository": error_of(api.dataset_info, "no/no"),
        "repository, token": error_of(api.dataset_info, "no/no", token=TOKEN),
        "repository, file": error_of(hf_hub_download, "no/no", "a.txt", **kind),
        "revision": error_of(api.dataset_info, NAME, revision="v7.7.7"),
        "revision, file": error_of(hf_hub_download, NAME, "a", revision="no/way", **kind),
        "entry": error_of(hf_hub_download, NAME, "no.txt", **kind),
        "folder": error_of(lambda: list(api.list_repo_tree(NAME, "no", **kind))),
        "bad token": error_of(api.dataset_info, NAME, token="hf_wrong"),
        "load": error_of(datasets.load_dataset, "no/no"),
    }


SCENARIOS = (
    load_default,
    load_tag,
    load_tag_reference,
    load_commit,
    load_streaming,
    snapshot,
    snapshot_subset,
    command_line,
    one_file,
    one_file_with_token,
    empty_file,
    filesystem_list,
    filesystem_range,
    dataset_info,
    dataset_info_expanded,
    listed,
    tree,
    subtree,
    refs,
    commits,
    paths_info,
    existence,
    whoami,
    cached_again,
    errors,
)


def run(scenarios: Sequence[Callable[[], Any]]) -> None:
    """Run every scenario; one that fails tells why and the next one begins."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    versions = {"datasets": datasets.__version__, "huggingface_hub": huggingface_hub.__version__}
    print(json.dumps({"scenario": "versions", "value": versions}), flush=True)
    datasets.disable_progress_bars()
    for scenario in scenarios:
        told: dict[str, Any] = {"scenario": scenario.__name__}
        try:
            told["value"] = scenario()
        except Exception:
            told["error"] = traceback.format_exc(limit=-6)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    run(SCENARIOS)

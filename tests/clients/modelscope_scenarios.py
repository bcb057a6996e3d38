"""Do what users of the ModelScope SDK do, and print what came of it as JSON lines.

This runs in the environment of the client, not of the platform; the address is in
MODELSCOPE_ENDPOINT, and what was published is the JSON in the first argument.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import traceback
import urllib.request
from pathlib import Path
from typing import Any

import modelscope
from modelscope.hub.api import HubApi
from modelscope.hub.snapshot_download import dataset_snapshot_download
from modelscope.msdatasets import MsDataset

FACTS = json.loads(sys.argv[1])
NAME, GATED, CLOSED, LARGE = (FACTS[key] for key in ("name", "gated", "closed", "large"))
COMMAND = str(Path(sys.executable).parent / "modelscope")


def digests(folder: Path) -> dict[str, str]:
    """Tell the digest of every file that was downloaded."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(found)
        if not path.relative_to(folder).parts[0].startswith(".")
    }


def command(*arguments: str) -> Any:
    """Run the command line; tell what was downloaded, or the last line of what went wrong."""
    with tempfile.TemporaryDirectory() as target:
        line = [COMMAND, "download", "--dataset", *arguments, "--local_dir", target]
        ran = subprocess.run(line, capture_output=True, encoding="utf-8", timeout=120)
        if ran.returncode:
            return ["failed", (ran.stdout + ran.stderr)[-2000:]]
        return digests(Path(target))


def outcome(*arguments: str) -> Any:
    """Tell how many files came, or that it failed."""
    found = command(*arguments)
    return len(found) if isinstance(found, dict) else found[0]


def command_line() -> Any:
    return command(NAME)


def command_line_tag() -> Any:
    return sorted(command(NAME, "--revision", "v1.0.0"))


def command_line_file() -> Any:
    return command(NAME, FACTS["guide"])


def command_line_large() -> Any:
    return command(LARGE)


def load() -> Any:
    loaded = MsDataset.load(NAME, split="train")
    first = loaded[0]
    return [len(loaded), first["name"], list(first["image"].size), first["labels"]]


def load_tag() -> Any:
    return len(MsDataset.load(NAME, split="train", version="v1.0.0"))


def streaming() -> Any:
    rows = list(MsDataset.load(NAME, split="train", use_streaming=True))
    return [len(rows), rows[7]["name"], list(rows[7]["image"].getpixel((0, 0)))]


def snapshot() -> Any:
    with tempfile.TemporaryDirectory() as cache:
        return sorted(digests(Path(dataset_snapshot_download(NAME, cache_dir=cache))))


def files() -> Any:
    api = HubApi()
    listed = api.get_dataset_files(NAME, revision="master", root_path="/", recursive=True)
    below = api.get_dataset_files(
        NAME, revision="v1.0.0", root_path="coco", recursive=False, page_size=1
    )
    return [
        sorted(each["Path"] for each in listed if each["Type"] == "blob"),
        [[each["Path"], each["Type"]] for each in below],
    ]


def information() -> Any:
    api = HubApi()
    owner, name = NAME.split("/")
    number, kind = api.get_dataset_id_and_type(name, owner)
    told = api.get_dataset(NAME)
    return [number > 0, kind, *(value(told, key) for key in ("Name", "Visibility", "License"))]


def value(told: Any, key: str) -> Any:
    """Return what the older generation tells as a dictionary, the newer as an object."""
    return told[key] if isinstance(told, dict) else getattr(told, key.lower())


def listed() -> Any:
    """List what the newer generation can search for."""
    if importlib.util.find_spec("modelscope_hub") is None:
        return None
    api = importlib.import_module("modelscope_hub").HubApi()
    found = api.list_repos("dataset", owner=NAME.split("/")[0], page_size=2)
    mine = api.list_repos("dataset", search="weld", license="MIT")
    gated = api.get_repo(GATED, repo_type="dataset")
    revisions = api.legacy.list_revisions(NAME, "dataset")
    return [
        found.total_count,
        len(found.items),
        [each.repo_id for each in mine.items],
        gated.gated,
        [each["Revision"] for each in revisions],
    ]


def existence() -> Any:
    api = HubApi()
    return [api.repo_exists(each, repo_type="dataset") for each in (NAME, "no/no", CLOSED)]


def guarded() -> Any:
    """Download with one's own token: refused, granted, refused again to others."""
    builder = ("--token", FACTS["builder"])
    before = [outcome(GATED), outcome(GATED, *builder)]
    asked = urllib.request.Request(
        f"{FACTS['server']}/api/datasets/{GATED}/user-access-request/grant",
        json.dumps({"user": FACTS["builder_name"]}).encode(),
        {"Authorization": f"Bearer {FACTS['token']}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(asked, timeout=30).close()
    after = [outcome(GATED, *builder), outcome(CLOSED, *builder)]
    return [before, after, outcome(CLOSED, "--token", FACTS["token"])]


def sign_in() -> Any:
    """Sign in and load what was granted, as `modelscope login` leaves it behind."""
    api = HubApi()
    told = []
    for token in (FACTS["expired"], FACTS["revoked"]):
        try:
            api.login(token)
            told.append("in")
        except Exception:
            told.append("refused")
    api.login(FACTS["builder"])
    told.append(len(MsDataset.load(GATED, split="test")))
    return told


SCENARIOS = (
    command_line,
    command_line_tag,
    command_line_file,
    command_line_large,
    load,
    load_tag,
    streaming,
    snapshot,
    files,
    information,
    listed,
    existence,
    guarded,
    sign_in,
)


def main() -> None:
    """Run every scenario; one that fails tells why and the next one begins."""
    print(json.dumps({"scenario": "versions", "value": modelscope.__version__}), flush=True)
    for scenario in SCENARIOS:
        if scenario.__name__ in FACTS["left out"]:
            continue
        told: dict[str, Any] = {"scenario": scenario.__name__}
        try:
            told["value"] = scenario()
        except Exception:
            told["error"] = traceback.format_exc(limit=-6)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

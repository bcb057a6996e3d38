"""A release: one consistent tree, with a card that hubs and `datasets` understand.

JINBIAO_TEST_DATASETS_PYTHON names a Python that has `datasets` 5 and Pillow.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jinbiao.datasets import errors
from jinbiao.datasets.boards import LABELS, draw_pair
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.card import CardFacts, write_card, yaml_feature
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.release import checksums, tree, united
from jinbiao.tests.exporters.conftest import Export, unpack

FACTS = CardFacts(
    "agency/boards",
    "电路板缺陷",
    "Board defects",
    "画出来的电路板。",
    "CC-BY-4.0",
    ("电路板", "质检"),
    ("object-detection",),
)
READ = """
import json, sys
from datasets import load_dataset
loads = [
    load_dataset(sys.argv[1], cache_dir=sys.argv[2]),
    load_dataset("parquet", data_files={
        split: f"{sys.argv[1]}/data/{split}-*.parquet" for split in ("train", "validation", "test")
    }, cache_dir=sys.argv[2]),
]
for data in loads:
    first = data["train"][0]
    print(json.dumps({
        "rows": {split: rows.num_rows for split, rows in data.items()},
        "size": [first["image"].size, first["template"].size],
        "names": data["train"].features["objects"]["category"].feature.names,
        "bbox": first["objects"]["bbox"],
    }))
"""

Made = tuple[bytes, dict[str, Any], list[WrittenFile]]


@pytest.fixture
def release(export: Export) -> Callable[[FrozenVersion], Made]:
    def make(version: FrozenVersion) -> Made:
        done = []
        for name in FORMATS:
            try:
                done.append((name, export(name, version).output.written))
            except errors.Refused:
                continue
        card, front_matter = write_card(version, FACTS, done)
        files = tree(version, done, card, version.store)
        return card, front_matter, united([*files, checksums(version.store, files)])

    return make


def test_pictures_are_there_once_and_checksums_cover_everything(
    boards: FrozenVersion, release: Callable[[FrozenVersion], Made]
) -> None:
    _card, _values, files = release(boards)
    paths = [file.path for file in files]
    assert paths == sorted(set(paths))
    assert sum(path.endswith(".jpg") for path in paths) == 24
    stored = {file.path: file for file in files}
    sums = boards.store.read(stored["checksums.sha256"].digest).decode().splitlines()
    assert [line.split("  ", 1)[1] for line in sums] == [
        path for path in paths if path != "checksums.sha256"
    ]
    for line in sums:
        digest, path = line.split("  ", 1)
        data = boards.store.read(stored[path].digest)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest, stored[path].size)
    assert stored["manifest.jsonl"].digest == boards.manifest_digest


def test_sha256sum_agrees(
    texts: FrozenVersion, release: Callable[[FrozenVersion], Made], tmp_path: Path
) -> None:
    check = shutil.which("sha256sum")
    if check is None:
        pytest.skip("sha256sum is not installed")
    folder = unpack(texts, release(texts)[2], tmp_path / "tree")
    checked = subprocess.run(
        [check, "-c", "checksums.sha256"], cwd=folder, capture_output=True, timeout=60
    )
    assert checked.returncode == 0, checked.stderr


def test_card_has_what_hubs_read(
    boards: FrozenVersion, release: Callable[[FrozenVersion], Made]
) -> None:
    card, values, _files = release(boards)
    _empty, head, body = card.decode().split("---\n", 2)
    assert yaml.safe_load(head) == values
    assert values["license"] == "cc-by-4.0"
    assert values["language"] == ["zh"]
    assert values["size_categories"] == ["n<1K"]
    assert values["task_categories"] == ["object-detection"]
    assert values["configs"][0]["data_files"][0] == {
        "split": "train",
        "path": "data/train-*.parquet",
    }
    features = {item["name"]: item for item in values["dataset_info"]["features"]}
    assert features["image"] == {"name": "image", "dtype": "image"}
    assert body.index("# 电路板缺陷") < body.index("# Board defects")
    count = boards.statistics["labels"]["open"]
    assert f"| {count} |" in next(line for line in body.splitlines() if "| 开路 |" in line)
    assert "由 3 名标注员标注。" in body
    assert "其中 8 条记录经 1 名审核员审核通过。" in body
    assert "diff-1" in body


def test_card_is_the_same_every_time(
    texts: FrozenVersion, release: Callable[[FrozenVersion], Made]
) -> None:
    first, second = release(texts), release(texts)
    assert first == second
    names = {path for file in first[2] for path in [file.path.split("/")[0]]}
    assert names == {
        "README.md", "checksums.sha256", "conll", "data", "label_studio", "manifest.jsonl",
        "records", "webdataset",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spdx", "expected"),
    [
        ("CC0-1.0", {"license": "cc0-1.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("MulanPSL-2.0", {"license": "other", "license_name": "mulanpsl-2.0"}),
    ],
)
def test_licences_have_the_names_that_hubs_know(
    spdx: str, expected: dict[str, str], texts: FrozenVersion
) -> None:
    _card, values = write_card(texts, CardFacts("a/b", "题", licence=spdx), [])
    assert {key: value for key, value in values.items() if "license" in key} == expected
    assert "configs" not in values


def test_features_become_yaml() -> None:
    number = {"dtype": "float64", "_type": "Value"}
    lists = {"feature": {"feature": number, "_type": "Sequence"}, "_type": "Sequence"}
    assert yaml_feature({"bbox": lists}) == {
        "struct": [{"name": "bbox", "sequence": {"sequence": "float64"}}]
    }


def test_one_path_cannot_stand_for_two_files() -> None:
    one, other = WrittenFile("a", "0" * 64, 1), WrittenFile("a", "1" * 64, 1)
    assert united([one, one]) == [one]
    with pytest.raises(errors.Damaged, match="two different files"):
        united([one, other])


def test_the_datasets_library_loads_the_whole_tree(
    boards: FrozenVersion, release: Callable[[FrozenVersion], Made], tmp_path: Path
) -> None:
    python = os.environ.get("JINBIAO_TEST_DATASETS_PYTHON")
    if not python:
        pytest.skip("JINBIAO_TEST_DATASETS_PYTHON names no Python with datasets")
    _card, _values, files = release(boards)
    folder = unpack(boards, files, tmp_path / "tree")
    read = subprocess.run(
        [python, "-c", READ, str(folder), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        timeout=200,
        # In the checkout `datasets` would be this project's own folder.
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert read.returncode == 0, read.stderr
    for line in read.stdout.splitlines():
        seen = json.loads(line)
        assert seen["rows"] == {
            split: boards.statistics["splits"][split] for split in boards.splits
        }
        assert seen["size"] == [[640, 640], [640, 640]]
        assert seen["names"] == list(LABELS)
        assert seen["bbox"] == [pytest.approx(box[1:], abs=1e-9) for box in draw_pair(7, 0).boxes]
    assert len(read.stdout.splitlines()) == 2

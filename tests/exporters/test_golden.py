"""Golden files: the same version gives the same bytes, today and after every change.

A wanted change is written down by JINBIAO_WRITE_GOLDEN=1. Pictures are drawn and Parquet is
written by libraries, so a change of their locked versions changes digests too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters.formats import FORMATS
from jinbiao.tests.exporters.conftest import Export

GOLDEN = Path(__file__).parent / "golden"
CASES = [
    *((name, "boards") for name in FORMATS if name != "conll"),
    ("conll", "texts"),
    ("webdataset", "texts"),
    ("jsonl", "texts"),
    ("parquet", "texts"),
    ("label_studio", "texts"),
    ("coco", "polygons"),
]


@pytest.mark.parametrize(("name", "made"), CASES)
def test_bytes_have_not_changed(
    name: str, made: str, export: Export, request: pytest.FixtureRequest
) -> None:
    version: FrozenVersion = request.getfixturevalue(made)
    done, again = export(name, version), export(name, version)
    assert done.output.written == again.output.written
    assert done.manifest == again.manifest
    lines = [f"{file.digest}  {file.path}\n" for file in done.output.written]
    text = "".join([*lines, f"{done.manifest}  (manifest)\n"])
    golden = GOLDEN / f"{name}-{made}.txt"
    if os.environ.get("JINBIAO_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


def test_every_format_is_golden() -> None:
    assert {name for name, _made in CASES} == set(FORMATS)

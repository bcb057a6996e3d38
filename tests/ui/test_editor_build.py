"""The build of the labelling editor: whole, licensed, in Chinese, quick to repeat."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

UI = Path(__file__).resolve().parents[2] / "ui"
EDITOR = UI / "static" / "editor"
BUILD = [sys.executable, str(UI / "build" / "editor.py")]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """Build the editor and return its manifest."""
    run = subprocess.run(BUILD, capture_output=True, text=True, timeout=180)
    if run.returncode and "pip" in run.stderr and "Unexpected" not in run.stderr:
        pytest.skip(f"the package registry cannot be reached: {run.stderr.strip()[-200:]}")
    assert run.returncode == 0, run.stderr
    content: dict[str, Any] = json.loads((EDITOR / "manifest.json").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def words() -> dict[str, dict[str, str]]:
    """Return the table of translations."""
    table: dict[str, dict[str, str]] = json.loads(
        (UI / "words" / "editor_zh.json").read_text("utf-8")
    )
    return table


def script(language: str) -> str:
    """Return the bundle of a language."""
    return (EDITOR / f"editor-{language}.js").read_text("utf-8")


def test_every_file_has_the_digest_that_the_manifest_gives(manifest: dict[str, Any]) -> None:
    assert {"editor-en.js", "editor-zh.js", "editor.css", "decode-audio.wasm"} <= set(
        manifest["files"]
    )
    for name, digest in manifest["files"].items():
        content = (EDITOR / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        packed = EDITOR / f"{name}.gz"
        assert not packed.exists() or gzip.decompress(packed.read_bytes()) == content


def test_the_big_files_have_a_compressed_copy(manifest: dict[str, Any]) -> None:
    for name in ("editor-en.js", "editor-zh.js", "editor.css", "decode-audio.wasm"):
        assert (EDITOR / f"{name}.gz").stat().st_size < (EDITOR / name).stat().st_size / 2


def test_licences_and_the_notice_of_changes_are_beside_the_files(manifest: dict[str, Any]) -> None:
    assert "Apache License" in (EDITOR / "LICENSE").read_text("utf-8")
    assert "Heartex" in (EDITOR / "NOTICE").read_text("utf-8")
    assert (EDITOR / "3rdpartylicenses.txt").stat().st_size > 100_000
    notice = (EDITOR / "MODIFIED.txt").read_text("utf-8")
    assert "MODIFIED" in notice and "LGPL-2.1-or-later" in notice
    for named in re.findall(r"see ([\w.]+\.LICENSE\.txt)", script("en")):
        assert named in manifest["files"]


def test_the_bundle_asks_for_lazy_files_by_their_digest(manifest: dict[str, Any]) -> None:
    for language in ("en", "zh"):
        asked = dict(re.findall(r'"([\w.-]+\.(?:js|wasm))\?v=([0-9a-f]{16})"', script(language)))
        assert "decode-audio.wasm" in asked and len(asked) > 3
        for name, version in asked.items():
            assert manifest["files"][name].startswith(version)


def test_the_style_asks_only_for_files_that_are_there(manifest: dict[str, Any]) -> None:
    style = (EDITOR / "editor.css").read_text("utf-8")
    named = {url for url in re.findall(r"url\(([^)#:]+)\)", style) if not url.startswith('"data')}
    assert {url.partition("?")[0] for url in named} <= set(manifest["files"])


@pytest.mark.parametrize("text", ["Submit", "Update", "Skip", "Regions", "Undo", "Zoom In"])
def test_no_main_button_is_left_in_english(manifest: dict[str, Any], text: str) -> None:
    shown = re.compile(rf'(?:children|title|label|tooltip):(?:[\w.$]+\?)?"{text}"')
    assert shown.search(script("en"))
    assert not shown.search(script("zh"))


def test_every_translation_is_used(
    manifest: dict[str, Any], words: dict[str, dict[str, str]]
) -> None:
    english, chinese = script("en"), script("zh")
    for name, part in words.items():
        for source, target in part.items():
            forms = source.split(",") if name == "plurals" else [source]
            if name == "templates":
                assert f"`{source}`" in english and f"`{source}`" not in chinese, source
                assert f"`{target}`" in chinese, target
                continue
            literal = ",".join(json.dumps(form, ensure_ascii=False) for form in forms)
            assert literal in english, source
            assert json.dumps(target, ensure_ascii=False) in chinese, target
            assert re.search(r"[\u4e00-\u9fff]", target), target


def test_no_warning_of_the_editor_is_left_in_english(manifest: dict[str, Any]) -> None:
    warned = re.compile(r"""\.warning\((?:[\w.]+\|\|)?([`"])([^`"]*)""")
    # Ten of controls, besides what packages tell developers on the console.
    ours = [text for _quote, text in warned.findall(script("zh")) if text != "async-validator:"]
    assert len(ours) >= 9
    assert [text for text in ours if not re.search("[\u4e00-\u9fff]", text)] == []


def test_a_second_run_ends_at_once(manifest: dict[str, Any]) -> None:
    before = (EDITOR / "manifest.json").stat().st_mtime_ns
    start = time.perf_counter()
    subprocess.run(BUILD, check=True, timeout=30)
    assert time.perf_counter() - start < 1.5, "0.03 s where this was written"
    assert (EDITOR / "manifest.json").stat().st_mtime_ns == before

"""The style and scripts of others: fetched as locked, licensed, quick to repeat."""

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
VENDOR = UI / "static" / "vendor"
BUILD = [sys.executable, str(UI / "build" / "assets.py")]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """Build the assets and return their manifest."""
    run = subprocess.run(BUILD, capture_output=True, text=True, timeout=180)
    if run.returncode and "npm error" in run.stderr and "integrity" not in run.stderr.lower():
        pytest.skip(f"the package registry cannot be reached: {run.stderr.strip()[-200:]}")
    assert run.returncode == 0, run.stderr
    content: dict[str, Any] = json.loads((VENDOR / "manifest.json").read_text("utf-8"))
    return content


def test_every_file_has_the_digest_that_the_manifest_gives(manifest: dict[str, Any]) -> None:
    assert {"tabler.min.css", "htmx.min.js"} <= set(manifest["files"])
    for name, digest in manifest["files"].items():
        content = (VENDOR / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        packed = VENDOR / f"{name}.gz"
        assert not packed.exists() or gzip.decompress(packed.read_bytes()) == content


def test_style_and_scripts_have_a_compressed_copy(manifest: dict[str, Any]) -> None:
    for name in manifest["files"]:
        if name.endswith((".css", ".js")):
            assert (VENDOR / f"{name}.gz").stat().st_size < (VENDOR / name).stat().st_size / 2


def test_the_licences_lie_beside_the_files(manifest: dict[str, Any]) -> None:
    tabler = (VENDOR / "tabler.LICENSE.txt").read_text("utf-8")
    assert "Permission is hereby granted, free of charge" in tabler
    assert "codecalm.net" in tabler and "Bootstrap" in tabler
    assert "Permission to use, copy, modify" in (VENDOR / "htmx.LICENSE.txt").read_text("utf-8")
    echarts = (VENDOR / "echarts.LICENSE.txt").read_text("utf-8")
    for words in ("Apache License", "Apache Software Foundation", "Baidu Inc.", "Bostock"):
        assert words in echarts


def test_a_second_build_changes_nothing_and_is_quick(manifest: dict[str, Any]) -> None:
    before = (VENDOR / "manifest.json").stat().st_mtime_ns
    begun = time.perf_counter()
    subprocess.run(BUILD, check=True, timeout=60)
    assert time.perf_counter() - begun < 0.5
    assert (VENDOR / "manifest.json").stat().st_mtime_ns == before


def test_the_versions_are_pinned_and_the_lock_names_no_registry() -> None:
    package = json.loads((UI / "package.json").read_text("utf-8"))
    lock_text = (UI / "package-lock.json").read_text("utf-8")
    lock = json.loads(lock_text)
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry, name
        assert not name or entry["integrity"].startswith("sha512-")


def test_the_pages_load_nothing_from_elsewhere(manifest: dict[str, Any]) -> None:
    style = (VENDOR / "tabler.min.css").read_text("utf-8")
    assert not re.search(r"url\([\"']?(?:https?:)?//|@import", style)
    pages = [*(UI / "templates").rglob("*.html"), *(UI / "scripts").glob("*.js")]
    pages.append(UI / "static" / "style.css")
    for page in pages:
        text = page.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//|url\(", text), page


def test_no_page_has_a_script_or_handler_in_line() -> None:
    for page in (UI / "templates").rglob("*.html"):
        text = page.read_text("utf-8")
        for attributes in re.findall(r"<script([^>]*)>", text):
            is_data = re.search(r'type="application/(ld\+)?json"', attributes)
            assert "src=" in attributes or is_data, page
        assert not re.search(r"<[^>]*\son\w+=", text), page


def test_every_form_that_posts_carries_the_token() -> None:
    for page in (UI / "templates").rglob("*.html"):
        text = page.read_text("utf-8")
        for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
            assert "csrf()" in form, f"{page}: {form[:80]}"

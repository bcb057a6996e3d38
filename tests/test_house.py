"""The house stays as CONTRIBUTING draws it: one way down, names, sizes, nothing hidden."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("server", "workers", "exporters", "datasets")
SOURCES = sorted(
    path
    for layer in LAYERS
    for path in (ROOT / layer).rglob("*.py")
    if "migrations/versions" not in path.as_posix()
)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def test_every_folder_of_code_is_listed_as_a_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        "jinbiao." + path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for layer in LAYERS
        for path in (ROOT / layer).rglob("__init__.py")
    }
    assert found <= listed, f"add to packages in setup.cfg: {sorted(found - listed)}"


def test_nothing_but_the_charter_is_python_at_the_root() -> None:
    assert names(sorted(ROOT.glob("*.py"))) == ["__init__.py"]


# One file by its purpose: whoever verifies a release elsewhere gets it and nothing beside it.
HANDED_OUT_ALONE = ("datasets/receipts/verify_receipt.py",)


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_a_file_says_what_it_is_and_fits_in_a_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says in one sentence what it is for"
    most = 520 if path.relative_to(ROOT).as_posix() in HANDED_OUT_ALONE else 420
    assert text.count("\n") <= most, "over 400 lines a file usually holds two subjects"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno
            assert length <= 62, f"{node.name} does not fit on a screen ({length} lines)"
            public = not node.name.startswith("_")
            top = node in tree.body
            assert not (public and top) or ast.get_docstring(node), f"{node.name} says nothing"


# What takes a tenth of a second and tens of megabytes, and few processes need.
HEAVY = (
    "pyarrow",
    "daft",
    "ray",
    "cleanlab",
    "sklearn",
    "scipy",
    "onnx",
    "onnxruntime",
    "openpyxl",
    "pypdfium2",
    "rapidocr",
    "jieba",
    "label_studio_sdk",
    "pycrfsuite",
    "soundfile",
    ".parquet",
)


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_no_import_hides_in_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            inside = [name for each in ast.walk(node) for name in imported(each)]
            hidden = [name for name in inside if not name.startswith(HEAVY)]
            assert not hidden, f"{node.name} imports {hidden}"


def imported(node: ast.AST) -> list[str]:
    """Return what a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        place = "." * node.level + (node.module or "")
        return [f"{place}.{alias.name}".replace("..", ".") for alias in node.names]
    return []


def test_starting_loads_no_heavy_library() -> None:
    # The modules of all commands, the server's and the workers' too.
    asked = "import sys, jinbiao.server.cli as c; [*c.jinbiao.commands.values()];"
    asked += " import jinbiao.workers.serve; print([*sys.modules])"
    start = "import importlib.util as u, sys; s = u.spec_from_file_location('jinbiao',"
    start += f" '__init__.py', submodule_search_locations=['{ROOT}']); m = u.module_from_spec(s);"
    start += " sys.modules['jinbiao'] = m; s.loader.exec_module(m); "
    done = subprocess.run(
        [sys.executable, "-c", start + asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = ("pyarrow", "sklearn", "scipy", "pandas", "label_studio_sdk")
    loaded = set(ast.literal_eval(done.stdout))
    assert not loaded & set(heavy)
    assert "jinbiao.exporters.formats" in loaded


def test_no_name_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "base", "manager", "misc"}
    assert not [path for path in names(SOURCES) if Path(path).stem in empty]


def test_the_folder_datasets_cannot_be_taken_for_hugging_face(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import datasets"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "jinbiao.datasets" in done.stderr


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|raise NotImplementedError)\b")
    left = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if words.search(line)
    ]
    assert not left

"""The wheel alone is the product: what the Dockerfile does, done in a scratch folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as stage 1 does, from a copy without what git ignores but the assets."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = ".git .venv var dist build tests docs .mypy_cache .ruff_cache .pytest_cache".split()
    command = ["tar", "-C", str(ROOT), *(f"--exclude=./{name}" for name in ignored), "-cf", "-"]
    source.mkdir()
    packed = subprocess.run([*command, "."], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-C", str(source), "-xf", "-"], input=packed, check=True)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), "."],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_pages_words_and_migrations_but_nothing_generic(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = set(archive.namelist())
    top = {name.split("/")[0] for name in found}
    assert {name for name in top if not name.endswith(".dist-info")} == {"jinbiao"}
    for needed in (
        "jinbiao/ui/templates/layout.html",
        "jinbiao/ui/static/style.css",
        "jinbiao/ui/static/editor/manifest.json",
        "jinbiao/ui/static/editor/LICENSE",
        "jinbiao/ui/static/vendor/htmx.min.js",
        "jinbiao/ui/words/zh/LC_MESSAGES/messages.mo",
        "jinbiao/ui/scripts/workbench.js",
        "jinbiao/datasets/migrations/versions/0001_first_tables.py",
    ):
        assert needed in found, needed
    assert not [name for name in found if name.startswith("jinbiao/tests/")]


def test_the_wheel_runs_without_the_sources(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "installed"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    # The locked packages are those of this environment, as the Dockerfile installs them.
    (site,) = home.glob("lib/python*/site-packages")
    packages = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True
    )
    (site / "locked.pth").write_text(f"{packages}\n", encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONSAFEPATH": "1",
        "JINBIAO_HOME": str(tmp_path / "home"),
        "PYTHONPATH": "",
    }
    where = subprocess.run(
        [python, "-c", "import jinbiao; print(jinbiao.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.strip() == str(site / "jinbiao" / "__init__.py")
    done = subprocess.run(
        [home / "bin" / "jinbiao", "migrate"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"revision \d{4}", done.stdout)


def test_the_dockerfile_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last = text.rsplit("FROM ", 1)[1]
    assert "USER jinbiao" in last and "PYTHONSAFEPATH=1" in last
    assert "COPY . ." not in last, "no sources in the image that runs"
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for line in compose.splitlines():
        name, _colon, value = line.strip().partition(":")
        if re.search(r"(PASSWORD|SECRET_KEY|ACCESS_KEY)$", name):
            assert value.strip().startswith("${"), f"{name} must come from the environment"

"""The wheel alone is the product: what the Dockerfile does, done in a scratch folder."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

import pytest

from jinbiao.workers.models import faces, ocr, speech_segments

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


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and takes everything else from `use`."""

    home: Path
    site: Path
    environment: dict[str, str]

    def use(self, packages: Path) -> None:
        (self.site / "locked.pth").write_text(f"{packages}\n", encoding="utf-8")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.home / "bin" / command[0], *command[1:]],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True
    )
    changed = {"PYTHONSAFEPATH": "1", "JINBIAO_HOME": str(home / "data"), "PYTHONPATH": ""}
    return Installed(home, site, {**os.environ, **changed})


@pytest.fixture(scope="module")
def locked_packages() -> Path:
    """The locked packages are those of this environment, as the Dockerfile installs them."""
    return next(Path(p) for p in sys.path if p.endswith("site-packages"))


def test_the_wheel_runs_without_the_sources(installed: Installed, locked_packages: Path) -> None:
    installed.use(locked_packages)
    where = installed.run("python", "-c", "import jinbiao; print(jinbiao.__file__)")
    assert where.stdout.strip() == str(installed.site / "jinbiao" / "__init__.py"), where.stderr
    done = installed.run("jinbiao", "migrate")
    assert done.returncode == 0, done.stderr
    assert re.search(r"数据库版本 \d{4}", done.stdout)


LOAD_SPEECH = """
from jinbiao.datasets import errors
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.interface import Given, Interval, Target
import sys
model = MODELS["speech_segments"]
assert model.card()["title"]
try:
    model.load(None, Target("audio", Interval, ("Speech",)), Given())
except errors.Unavailable as missing:
    print(missing)
else:
    print("loaded", "torch" in sys.modules)
"""


def test_without_the_packaged_weights_it_runs_and_says_what_is_missing(
    installed: Installed, locked_packages: Path, tmp_path: Path
) -> None:
    for package in locked_packages.iterdir():
        if not package.name.startswith("silero_vad"):
            (tmp_path / package.name).symlink_to(package)
    installed.use(tmp_path)
    assert installed.run("jinbiao", "migrate").returncode == 0
    done = installed.run("python", "-c", LOAD_SPEECH)
    assert done.stdout.strip() == "the package silero-vad is not installed on this machine"
    installed.use(locked_packages)
    done = installed.run("python", "-c", LOAD_SPEECH)
    assert done.stdout.strip() == "loaded False", done.stderr


def _names(path: Path) -> set[str]:
    """Return the packages of a lock file."""
    text = path.read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.M)}


# Not even by way of another package.
UNWANTED = {
    "torch": "gigabytes that nothing here needs",
    "torchaudio": "brings torch",
    "torchvision": "brings torch",
    "opencv-python": "writes cv2 over that of opencv-python-headless",
    "opencv-contrib-python": "writes cv2",
    "opencv-contrib-python-headless": "writes cv2",
    "rapidocr-onnxruntime": "brings opencv-python",
    "mediapipe": "brings opencv-contrib-python",
    "nudenet": "its weights are under the AGPL, whatever its wheel says",
    "ultralytics": "code and weights are under the AGPL",
    "insightface": "its weights are for research only",
}


def test_nothing_unwanted_is_locked_or_installed() -> None:
    locked = {name for path in ROOT.glob("requirements*.lock") for name in _names(path)}
    assert {"opencv-python-headless", "rapidocr", "silero-vad"} <= locked
    here = {str(each.metadata["Name"]).lower() for each in metadata.distributions()}
    assert not {name: why for name, why in UNWANTED.items() if name in locked | here}
    assert util.find_spec("torch") is None


def test_a_single_package_writes_cv2() -> None:
    writers = {
        str(each.metadata["Name"])
        for each in metadata.distributions()
        if any(file.parts[0] == "cv2" for file in each.files or ())
    }
    assert writers == {"opencv-python-headless"}


def test_packages_of_which_only_the_weights_are_used_bring_nothing_with_them() -> None:
    listed = _names(ROOT / "requirements-weights.lock")
    asked = (ROOT / "requirements-weights.in").read_text(encoding="utf-8").splitlines()
    assert listed == {line for line in asked if line and not line.startswith("#")}
    assert not listed & _names(ROOT / "requirements.lock")
    last = (ROOT / "Dockerfile").read_text(encoding="utf-8").rsplit("FROM ", 1)[1]
    for text in (last, (ROOT / "Makefile").read_text(encoding="utf-8")):
        assert re.search(r"--require-hashes --no-deps -r \S*requirements-weights\.lock", text)


# The files that our models open, by the package that brings them.
WEIGHTS = {
    "rapidocr": [f"rapidocr/{path}" for path in ocr.FILES.values()],
    "silero-vad": [f"silero_vad/{speech_segments.FILE}"],
    "jieba": ["jieba/dict.txt"],
    "facenet-pytorch": [f"facenet_pytorch/{path}" for path in faces.FILES.values()],
}


@pytest.mark.parametrize("package", WEIGHTS)
def test_the_weights_are_those_whose_licence_was_read(package: str) -> None:
    """The table in docs/models.md names each file with its digest and its licence."""
    table = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for path in WEIGHTS[package]:
        file = Path(str(metadata.distribution(package).locate_file(path)))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        row = re.search(rf"^\| `{re.escape(file.name)}` .*`{digest}`.*$", table, re.M)
        assert row, f"{file.name} {digest} is not in docs/models.md"
        assert f"{package} {metadata.version(package)}" in row[0]
        assert "Apache-2.0" in row[0] or "MIT" in row[0]


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

"""What the documents promise is there: commands, targets, files, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from jinbiao.server.cli import jinbiao
from jinbiao.workers.models import MODELS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.S)
PROMISED = (
    "up serve work migrate demo import prelabel freeze export publish user token "
    "audit backup restore health"
).split()


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_command_is_there_and_explains_itself(name: str) -> None:
    command = jinbiao.commands[name]
    assert command.help


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_a_document_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = " ".join("".join(found) for found in CODE.findall(text))
    for name in re.findall(r"\bjinbiao ([a-z]+)\b", code):
        assert name in jinbiao.commands, f"{path.name} names `jinbiao {name}`"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for name in re.findall(r"\bmake ([a-z-]+)\b", code):
        assert name in targets, f"{path.name} names `make {name}`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_readme_is_chinese_first_with_english_beside_it_and_a_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese, _rule, english = text.partition('<a id="english">')
    assert "make up" in chinese and "make up" in english
    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) > 400
    assert (ROOT / "docs/images/workbench.png").stat().st_size < 400_000


def test_every_model_is_described() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert not [name for name in MODELS if f"`{name}`" not in text]
    linked = set(re.findall(r"\]\(#([a-z_-]+)\)", text))
    assert linked == set(re.findall(r'<a id="([a-z_-]+)">', text))


def test_publiccode_says_what_the_package_says() -> None:
    described = yaml.safe_load((ROOT / "publiccode.yml").read_text(encoding="utf-8"))
    charter = (ROOT / "__init__.py").read_text(encoding="utf-8")
    assert f'VERSION = "{described["softwareVersion"]}"' in charter
    assert described["legal"]["license"] == "Apache-2.0"


def test_the_locks_name_no_registry() -> None:
    for path in ROOT.glob("*.lock"):
        assert "://" not in path.read_text(encoding="utf-8"), path.name
    assert '"resolved"' not in (ROOT / "ui" / "package-lock.json").read_text(encoding="utf-8")

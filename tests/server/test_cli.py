"""Work with the `jinbiao` command as an operator does."""

from __future__ import annotations

import json
import shlex
import sqlite3
import zipfile
from pathlib import Path

import pytest

from jinbiao.datasets import annotations as annotation_rows
from jinbiao.datasets import assignments, boards, labels, people, projects
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.settings import load
from jinbiao.datasets.tasks import Task
from jinbiao.server.cli import jinbiao
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.server.command import Command
from jinbiao.tests.server.world import FACTS, World, entity, picture, zipped


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Give the command in an empty home."""
    return Command(tmp_path / "home", {"JINBIAO_LANGUAGE": "en"})


@pytest.fixture
def ready(command: Command) -> Command:
    """Give the command in a home that is migrated and has people."""
    command.good("migrate")
    for name, role in (("rita", "requester"), ("anna", "annotator"), ("vera", "reviewer")):
        command.good("user", "add", name, "--role", role, "--organisation", "alpha")
    return command


def world_of(command: Command, **tokens: str) -> World:
    """Open the command's home in this process."""
    return World(open_installation(load(command.environment)), tokens)


def all_commands() -> list[tuple[str, ...]]:
    """List every command and sub-command."""
    found: list[tuple[str, ...]] = [()]
    for name, each in jinbiao.commands.items():
        found.append((name,))
        found += [(name, below) for below in getattr(each, "commands", {})]
    return found


@pytest.mark.parametrize("name", all_commands(), ids=" ".join)
def test_every_command_has_help(command: Command, name: tuple[str, ...]) -> None:
    ended = command.fork(*name, "--help")
    assert ended.code == 0
    assert "Usage: jinbiao" in ended.out
    assert ended.err == ""
    assert not command.home.exists(), "help touches nothing"


def test_the_first_password_is_printed_once(command: Command) -> None:
    first = command.run("migrate")
    assert first.code == 0 and "one-time password" in first.out
    again = command.run("migrate")
    assert again.code == 0 and "password" not in again.out
    assert first.last == again.last
    assert (command.home.stat().st_mode & 0o777) == 0o700


def test_a_token_opens_the_api(ready: Command) -> None:
    secret = ready.good("token", "rita", "--days", "1").last
    world = world_of(ready, rita=secret)
    me = world.good(world.get("rita", "/api/current-user/whoami"))
    assert (me["username"], me["active_organization_meta"]["title"]) == ("rita", "alpha")
    world.installation.close()
    listed = ready.good("user", "list").out
    assert "anna\tannotator\talpha" in listed


def test_a_password_can_be_set_from_a_pipe(ready: Command) -> None:
    ended = ready.run("user", "password", "rita", "--stdin", stdin="a longer one 9\n")
    assert ended.code == 0, ended
    short = ready.run("user", "password", "rita", "--stdin", stdin="short\n")
    assert (short.code, short.err.count("\n")) == (1, 1)
    assert "short" not in short.err


@pytest.fixture
def texts(ready: Command, tmp_path: Path) -> tuple[Command, str]:
    """Make a project with eight labelled texts that wait for review."""
    config = tmp_path / "config.xml"
    config.write_text(labels.TEMPLATES["text_entities"].config, encoding="utf-8")
    arguments = ["project", "create", "实体", "--config", str(config), "--as", "rita"]
    project = ready.good(*arguments).last
    lines = [
        {"data": {"text": f"天津大学{n}"}, "annotations": [{"result": entity()}]} for n in range(8)
    ]
    lines.append({"data": {"text": "天"}, "annotations": [{"result": entity(end=9)}]})
    source = tmp_path / "texts.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    ended = ready.good("import", project, str(source), "--as", "rita", cwd=tmp_path)
    assert "8 tasks, 1 rejected" in ended.out
    (reject,) = (tmp_path / "texts.jsonl.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(reject)["number"] == 9
    return ready, project


def test_the_chain_from_import_to_catalogue(texts: tuple[Command, str], tmp_path: Path) -> None:
    command, project = texts
    refused = command.fork("freeze", project, "--as", "rita")
    assert refused.code == 1 and "nothing has been accepted" in refused.err
    own = command.good("review", project, "--accept-all", "--as", "rita")
    assert own.last == "accepted: 0"
    assert command.good("review", project, "--accept-all", "--as", "vera").last == "accepted: 8"
    commit = command.good("freeze", project, "--seed", "3", "--as", "rita").last
    assert len(commit) == 40
    assert command.good("freeze", "实体", "--seed", "3", "--as", "rita").last == commit
    other = command.good("freeze", project, "--seed", "4", "--as", "rita").last
    assert other != commit
    archives = []
    for name in ("a.zip", "b.zip"):
        target = tmp_path / name
        command.good("export", project, commit, "jsonl", "--to", str(target), "--as", "rita")
        archives.append(target.read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
    asked = [f"--{name.replace('_', '-')}={value}" for name, value in FACTS.items()]
    lacking = command.run("publish", project, "v1.0.0", "texts", *asked[2:], "--as", "rita")
    assert lacking.code != 0 and "provider_code" in lacking.err
    told = command.good("publish", project, "v1.0.0", "texts", *asked, "--as", "rita").last
    assert told == f"alpha/texts v1.0.0 {commit}"
    world = world_of(command)
    assert world.get(None, "/api/catalogue/alpha/texts/").status_code == 200
    world.installation.close()
    assert "accepted 8" in command.good("project", "list").out


def test_what_a_release_carries_and_corrects_is_told_by_options(texts: tuple[Command, str]) -> None:
    command, project = texts
    command.good("review", project, "--accept-all", "--as", "vera")
    command.good("freeze", project, "--seed", "3", "--as", "rita")
    facts = [f"--{name.replace('_', '-')}={value}" for name, value in FACTS.items()]
    common = ("publish", project, "latest", "texts", *facts, "--as", "rita")
    drawn = command.fork(*common, "--format", "yolo", "--format", "jsonl")
    assert drawn.code == 1 and "yolo: this format holds boxes on pictures" in drawn.err
    assert command.fork(*common, "--format", "tar").code == 2
    assert command.fork(*common, "--notes", "x" * 5001).code == 1
    command.good(*common, "--format", "jsonl", "--format", "webdataset", "--notes", "第一版")
    world = world_of(command)
    found = world.good(world.get(None, "/api/datasets/alpha/texts/tree/main"))
    folders = {each["path"] for each in found if each["type"] == "directory"}
    assert {"records", "webdataset"} <= folders and "data" not in folders
    assert "第一版" in world.get(None, "/datasets/alpha/texts").text

    def splits() -> dict[str, str]:
        rows = world.good(world.get(None, "/api/catalogue/alpha/texts/records"))["results"]
        return {row["key"]: row["split"] for row in rows}

    before = splits()
    command.good("freeze", project, "--seed", "4", "--as", "rita")
    erratum = (*common, "--kind", "erratum")
    assert command.fork(*erratum).code == 1
    unknown = command.fork(*erratum, "--corrects", "0" * 64)
    assert unknown.code == 1 and "0000" in unknown.err
    # Another seed puts some records into another split: those are changed.
    command.good("publish", project, "latest", "others", *facts, "--as", "rita")
    rows = world.good(world.get(None, "/api/catalogue/alpha/others/records"))["results"]
    moved = next(row["key"] for row in rows if before[row["key"]] != row["split"])
    command.good(*erratum, "--corrects", moved)
    assert moved in world.get(None, "/datasets/alpha/texts").text
    world.installation.close()


def test_the_ten_lines_of_the_readme_work(ready: Command, tmp_path: Path) -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    block = text.split("## 链路，十行")[1].split("```sh")[1].split("```")[0]
    whole = block.replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in whole.splitlines()]
    (tmp_path / "boards").mkdir()
    for number in range(3):
        pair = boards.draw_pair(1, number)
        (tmp_path / "boards" / f"{pair.name}_test.jpg").write_bytes(pair.image)
        (tmp_path / "boards" / f"{pair.name}_temp.jpg").write_bytes(pair.template)
    project = ""
    for words in lines:
        if words[:1] != ["jinbiao"]:
            continue
        if words[1] == "freeze":
            label_everything(ready, int(project))
            ready.good("review", project, "--accept-all", "--as", "wang")
        done = ready.good(*(project if word == "3" else word for word in words[1:]), cwd=tmp_path)
        project = done.last if words[1:3] == ["project", "create"] else project
    assert "factory/boards v1.0.0" in done.out
    assert zipfile.is_zipfile(tmp_path / "boards-coco.zip")


def label_everything(command: Command, project_id: int) -> None:
    """Let li find no defect on any board, as the pages would let them."""
    opened = open_installation(load(command.environment))
    with opened.database.write() as session:
        annotator = people.get_user(session, "li")
        project = projects.get(session, annotator, project_id, "task.claim")
        while held := assignments.claim(session, opened.settings, annotator, project):
            task = session.get_one(Task, held.task_id)
            annotation_rows.submit(session, opened.settings, annotator, project, task, [])
    opened.close()


def test_folders_and_archives_are_imported(ready: Command, tmp_path: Path) -> None:
    project = ready.good("project", "create", "图", "--template", "defect_boxes").last
    folder = tmp_path / "图片"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture(number))
    (folder / "bad.png").write_bytes(b"no picture")
    archive = tmp_path / "more.zip"
    archive.write_bytes(zipped({"a.png": picture(9)}))
    ended = ready.good("import", project, str(folder), str(archive), cwd=tmp_path)
    assert "3 tasks, 1 rejected" in ended.out
    assert "1 tasks, 0 rejected" in ended.out
    assert (tmp_path / "图片.rejects.jsonl").exists()


def test_the_audit_chain_shows_an_edit(ready: Command) -> None:
    assert ready.good("audit", "verify").out.startswith("ok: ")
    with sqlite3.connect(ready.home / "jinbiao.sqlite3") as connection:
        connection.execute("UPDATE audit_events SET actor = 'nobody' WHERE number = 2")
    connection.close()
    broken = ready.fork("audit", "verify")
    assert broken.code == 1
    assert "event 2" in broken.err and "Traceback" not in broken.err


def test_a_backup_fills_an_empty_home(texts: tuple[Command, str], tmp_path: Path) -> None:
    command, project = texts
    target = tmp_path / "backup.tar"
    before = command.good("audit", "verify").out.split(",")[0]
    command.good("backup", str(target))
    # That a backup was made is written down after it.
    assert command.good("audit", "verify").out.split(",")[0] != before
    other = Command(tmp_path / "other", command.settings)
    assert "8 tasks" in other.good("restore", str(target)).out
    assert other.good("audit", "verify").out.split(",")[0] == before
    assert other.good("project", "list").out == command.good("project", "list").out
    again = other.fork("restore", str(target))
    assert again.code == 1 and again.err.startswith("jinbiao: ")
    assert other.good("review", project, "--accept-all", "--as", "vera").last == "accepted: 8"


def test_health_tells_by_its_exit_code(ready: Command, redis_url: str) -> None:
    away = ready.fork("health")
    assert away.code == 1 and "database\tok" in away.out and "queue\tok" not in away.out
    whole = Command(ready.home, {**ready.settings, "JINBIAO_REDIS_URL": redis_url})
    assert whole.good("health").out.count("\tok") == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add", "a b", "--role", "annotator", "--organisation", "alpha"),
        ("user", "add", "rita", "--role", "annotator", "--organisation", "alpha"),
        ("user", "add", "x", "--role", "annotator", "--organisation", "No Slug"),
        ("token", "nobody"),
        ("user", "password", "nobody", "--stdin"),
        ("project", "create", "x"),
        ("project", "create", "x", "--config", "/nowhere.xml"),
        ("project", "create", "x", "--template", "defect_boxes", "--as", "anna"),
        ("import", "99", "/nowhere"),
        ("import", "99", "."),
        ("review", "none", "--accept-all", "--as", "vera"),
        ("freeze", "99"),
        ("export", "99", "latest", "jsonl"),
        ("publish", "99", "latest", "name"),
        ("backup", "/nowhere/x.tar"),
        ("restore", "setup.cfg"),
        ("prelabel", "99"),
    ],
    ids=" ".join,
)
def test_a_mistake_ends_in_one_clear_line(ready: Command, arguments: tuple[str, ...]) -> None:
    (ready.home.parent / "setup.cfg").write_text("no backup")
    ended = ready.fork(*arguments)
    assert ended.code == 1, ended
    assert ended.err.startswith("jinbiao: ") and ended.err.count("\n") == 1, ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "settings",
    [
        {"JINBIAO_PORT": "x"},
        {"JINBIAO_DATABASE_URL": "mysql://a"},
        {"JINBIAO_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"},
        {"JINBIAO_HOME": "/proc/none"},
        {"JINBIAO_S3_ENDPOINT": "http://127.0.0.1:9"},
    ],
    ids=str,
)
def test_wrong_settings_end_in_one_clear_line(command: Command, settings: dict[str, str]) -> None:
    ended = Command(command.home, {**command.settings, **settings}).fork("migrate")
    assert ended.code == 1, ended
    assert ended.err.startswith("jinbiao: ") and ended.err.count("\n") == 1, ended.err


def test_a_home_that_is_not_migrated_says_what_to_do(command: Command) -> None:
    ended = command.fork("user", "list")
    assert ended.code == 1 and "jinbiao migrate" in ended.err


def test_click_mistakes_have_their_own_code(command: Command) -> None:
    ended = command.fork("export", "1")
    assert ended.code == 2 and "Usage" in ended.err


def test_import_reads_labels_of_a_format(ready: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.xml"
    config.write_text(
        '<View><Text name="text" value="$text"/><Labels name="label" toName="text">'
        '<Label value="ORG"/></Labels></View>',
        encoding="utf-8",
    )
    project = ready.good("project", "create", "标注", "--config", str(config)).last
    source = tmp_path / "a.conll"
    source.write_text("津\tB-ORG\n市\tI-ORG\n好\tO\n\n坏\tB-X\n", encoding="utf-8")
    ended = ready.good("import", project, str(source), "--labels-as", "predictions", cwd=tmp_path)
    assert "2 tasks, 1 rejected" in ended.out and "CoNLL / BIO" in ended.out
    assert "no label X; it has: ORG" in (tmp_path / "a.conll.rejects.jsonl").read_text("utf-8")
    ended = ready.fork("import", project, str(source), "--format", "coco")
    assert ended.code != 0 and "Image" in ended.err

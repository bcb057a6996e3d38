"""Push releases to a hub, and read them back with the unmodified client of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from jinbiao.datasets import (
    audit,
    catalogue,
    errors,
    jobs,
    migrations,
    people,
    pushes,
    tombstones,
)
from jinbiao.datasets.catalogue import Dataset, Release
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.pushes import Push
from jinbiao.datasets.settings import load
from jinbiao.server.cli import jinbiao
from jinbiao.tests.clients import hub_stand_in, published
from jinbiao.tests.clients.conftest import CHECKOUT, client_environment, environment
from jinbiao.tests.clients.hub_stand_in import Hub
from jinbiao.tests.clients.test_huggingface import GENERATIONS
from jinbiao.workers import run

# The first run installs the client.
pytestmark = pytest.mark.timeout(900)
CLIENT = "huggingface-5.2"
SCRIPT = Path(__file__).with_name("hub_push_scenarios.py")
THERE = f"city/{published.NAME}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Serve an empty hub."""
    with hub_stand_in.serving() as found:
        yield found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    """Give an installation with two releases, which may call this machine."""
    given = {"JINBIAO_HOME": str(tmp_path / "home"), "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8"}
    found = open_installation(load(given))
    published.fill(found)
    yield found
    found.close()


@pytest.fixture
def either(installation: Installation) -> Installation:
    """Give the same on either database."""
    settings = replace(installation.settings, outside_allowed=("127.0.0.0/8",))
    found = replace(installation, settings=settings)
    with found.database.write() as session:
        # The publisher makes one of its own.
        session.execute(sa.delete(audit.AuditHead))
    published.fill(found)
    return found


def client(hub: Hub, home: Path, *told: str) -> dict[str, Any]:
    """Let the unmodified client push or read; return what it found."""
    python = client_environment(CLIENT, *GENERATIONS[CLIENT])
    given = environment(home, HF_ENDPOINT=hub.url, HF_HOME=str(home / "hf"))
    given |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    given |= {"HF_HUB_DISABLE_XET": "1", "HF_TOKEN": hub_stand_in.TOKEN}
    ran = subprocess.run(
        [str(python), str(SCRIPT), *told],
        env=given,
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def connect(here: Installation, hub: Hub, token: str = hub_stand_in.TOKEN) -> None:
    """Connect the publisher's organisation with the hub."""
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        pushes.add(
            session,
            here.settings,
            owner,
            name="hub",
            kind="hugging_face",
            url=hub.url,
            owner="city",
            token=token,
        )


def ask(here: Installation, tag: str) -> str:
    """Ask for a push of a release; return the job's id."""
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        dataset, release = found(session, tag)
        target = pushes.find(session, owner, dataset.organisation_id, "hub")
        return pushes.ask(session, owner, dataset, release, target)[1].id


def found(session: Any, tag: str) -> tuple[Dataset, Release]:
    """Return the dataset and one of its releases."""
    dataset = catalogue.find(session, published.FULL_NAME)
    assert dataset is not None
    release = catalogue.resolve(session, dataset, tag)
    assert release is not None
    return dataset, release


def sent(here: Installation, tag: str) -> tuple[Job, Push]:
    """Push a release; return the job and the push as they ended."""
    job_id = ask(here, tag)
    run.perform(here, job_id)
    return ended(here, job_id)


def ended(here: Installation, job_id: str) -> tuple[Job, Push]:
    """Return a job and its push as they are now."""
    with here.database.read() as session:
        owner = people.get_user(session, "owner")
        dataset, _release = found(session, "main")
        rows = pushes.of_dataset(session, owner, dataset)
        return jobs.get(session, job_id), next(row for row, *_ in rows if row.job_id == job_id)


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def test_the_stand_in_behaves_for_the_unmodified_client(hub: Hub, tmp_path: Path) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    home.mkdir()
    for path, content in published.tree(2).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    told = client(hub, home, "push", str(folder), THERE, "v1.0.0")
    assert told["same"] and told["branches"] == ["main"]
    assert told["tags"] == {"v1.0.0": told["commit"]} and told["sha"] == told["commit"]
    assert told["files"].items() >= digests(published.tree(2)).items()
    assert not hub.leaked and not hub.xet_asked


def test_the_unmodified_client_reads_back_what_was_pushed(
    either: Installation, hub: Hub, tmp_path: Path
) -> None:
    here = either
    connect(here, hub)
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.DONE, job.error
    first = published.tree(1)
    assert (push.files, push.sent, push.there, push.removed) == (len(first), len(first), 0, 0)
    assert push.sent_bytes == sum(len(content) for content in first.values())
    assert push.has_changed and push.remote_tag == "v1.0.0"

    job, push = sent(here, "v1.1.0")
    second = published.tree(2)
    # A shard that only has another name is not sent once more.
    fresh = {path for path, content in second.items() if content not in first.values()}
    gone = set(first) - set(second)
    assert (push.sent, push.there) == (len(fresh), len(second) - len(fresh))
    assert push.removed == len(gone) == 1

    home = tmp_path / "home"
    home.mkdir()
    for tag, files in (("v1.0.0", first), ("v1.1.0", second)):
        told = client(hub, home, "read", THERE, tag)
        told["files"].pop(".gitattributes")
        assert told["files"] == digests(files)
        assert set(told["tags"]) == {"v1.0.0", "v1.1.0"}
    assert told["sha"] == push.remote_commit
    # Sent once more, all is there.
    commits = len(hub.repositories[THERE].commits)
    job, push = sent(here, "v1.1.0")
    assert (push.sent, push.there, push.has_changed) == (0, len(second), False)
    assert len(hub.repositories[THERE].commits) == commits
    # Nothing was sent twice, and no token went where none is needed.
    assert set(hub.stored.values()) == {1}
    assert not hub.leaked and not hub.xet_asked


def test_in_parts_page_by_page_and_with_patience(here: Installation, hub: Hub) -> None:
    """A hub that takes large files in parts, lists page by page, and is busy now and then."""
    hub.multipart, hub.page = True, 3
    busy = {("POST", "preupload"): 429, ("POST", "/lfs/complete"): 503, ("GET", "/tree/"): 500}

    def before(method: str, path: str) -> tuple[int, dict[str, str]] | None:
        for (of, part), status in list(busy.items()):
            if of == method and part in path:
                del busy[of, part]
                return status, {"Retry-After": "0"}
        return None

    hub.before = before
    content = published.large_file(2 * hub_stand_in.PART + 5)
    files = published.stored(here.store, {"large.bin": content, **published.tree(1)})
    published.release(here.database, published.NAME, "v1.2.0", "6" * 40, files)
    connect(here, hub)
    job, push = sent(here, "v1.2.0")
    assert job.state == JobState.DONE, job.error
    assert not busy and hub.number("PUT", "/lfs/part/") >= 3
    there = hub.repositories[THERE].files("v1.2.0")
    assert there is not None
    assert there[1]["large.bin"].content == content
    _job, push = sent(here, "v1.2.0")
    assert not push.has_changed and hub.number("GET", "/tree/") > 5
    assert not hub.leaked


@pytest.mark.parametrize(
    ("method", "part", "number"), [("PUT", "/lfs/put/", 4), ("POST", "/commit/", 2)]
)
def test_killed_it_sends_only_the_rest(
    here: Installation, hub: Hub, tmp_path: Path, method: str, part: str, number: int
) -> None:
    """SIGKILL amid large files, and between two commits: no file is sent a second time."""
    given = {"JINBIAO_HOME": str(tmp_path / "home"), "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8"}
    files = {f"large/{n}.bin": published.large_file(1 << 20)[n:] for n in range(12)}
    files |= {f"small/{n:03}.txt": b"%d" % n for n in range(300)}
    files["README.md"] = published.README.encode()
    rows = published.stored(here.store, files)
    published.release(here.database, published.NAME, "v2.0.0", "7" * 40, rows)
    connect(here, hub)
    job_id = ask(here, "v2.0.0")
    program = f"""
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.settings import load
from jinbiao.workers import run
run.perform(open_installation(load()), {job_id!r})
"""
    (tmp_path / "jinbiao").symlink_to(CHECKOUT)
    seen, children = [0], []

    def before(of: str, path: str) -> tuple[int, dict[str, str]] | None:
        if of == method and part in path:
            seen[0] += 1
            if seen[0] == number:
                children[0].kill()
                children[0].wait()
                return 503, {}
        return None

    hub.before = before
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, **given}
    )
    children.append(child)
    assert child.wait(60) == -signal.SIGKILL
    hub.before = None
    arrived = dict(hub.stored)
    committed = dict(hub.repositories[THERE].commits[-1][2])
    assert 0 < len(arrived) + len(committed) - 1 < len(files)
    asked = len(hub.asked)
    with here.database.write() as session:
        jobs.reclaim(session, 0.0)
    run.perform(here, job_id)
    job, push = ended(here, job_id)
    assert job.state == JobState.DONE and job.attempt == 2, job.error
    again = [path for of, path in hub.asked[asked:] if of == "PUT"]
    print(
        f"\nkilled with {len(arrived)} large files and {len(committed) - 1} committed; "
        f"then {len(again)} large files were sent"
    )
    assert len(again) == 12 - len(arrived)
    assert set(hub.stored.values()) == {1}
    there = hub.repositories[THERE].files("v2.0.0")
    assert there is not None
    found = {path: kept.content for path, kept in there[1].items() if path != ".gitattributes"}
    assert found == files
    assert push.files == push.sent + push.there == len(files)


def test_what_is_somebody_elses_is_left_alone(here: Installation, hub: Hub) -> None:
    connect(here, hub)
    other = hub_stand_in.Repository(False)
    other.commit("theirs", {"README.md": hub_stand_in.Kept(b"theirs", False)})
    hub.repositories[THERE] = other
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED and "is left alone" in str(push.problem)
    assert len(other.commits) == 1 and not hub.stored


def test_what_is_to_be_private_is_not_put_where_all_see_it(here: Installation, hub: Hub) -> None:
    connect(here, hub)
    sent(here, "v1.0.0")
    arrived = len(hub.repositories[THERE].commits)
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        row = pushes.find(session, owner, owner.organisation_id, "hub")
        pushes.change(session, here.settings, owner, row, {"is_private": True})
    job, push = sent(here, "v1.1.0")
    assert job.state == JobState.FAILED and "is public there" in str(push.problem)
    assert len(hub.repositories[THERE].commits) == arrived


def test_what_is_withheld_is_not_sent(here: Installation, hub: Hub) -> None:
    """A file that holds a withdrawn record stays here, and goes away there."""
    connect(here, hub)
    sent(here, "v1.0.0")
    with here.database.write() as session:
        dataset, release = found(session, "v1.0.0")
        owner = people.get_user(session, "owner")
        stone = tombstones.Tombstone(
            dataset_id=dataset.id, key="k", reason="撤回", created_by=owner.id
        )
        session.add(stone)
        session.flush()
        tombstones.withhold(session, stone, release, {"empty.txt", "coco/annotations.json"})
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.DONE, job.error
    assert (push.withheld, push.removed, push.sent) == (2, 2, 0)
    there = hub.repositories[THERE].files("main")
    assert there is not None and not {"empty.txt", "coco/annotations.json"} & set(there[1])


def test_a_tag_that_stands_for_other_files_is_not_moved(here: Installation, hub: Hub) -> None:
    connect(here, hub)
    sent(here, "v1.0.0")
    repository = hub.repositories[THERE]
    changed = {**repository.commits[-1][2], "README.md": hub_stand_in.Kept(b"other", False)}
    repository.tags["v1.1.0"] = repository.commit("by hand", changed)
    job, push = sent(here, "v1.1.0")
    assert job.state == JobState.FAILED and "other files there" in str(push.problem)
    assert repository.commits[-1][1] == "by hand"


def test_an_older_version_is_not_put_on_top(here: Installation, hub: Hub) -> None:
    connect(here, hub)
    sent(here, "v1.1.0")
    with pytest.raises(errors.Refused, match="v1.1.0 was sent"):
        ask(here, "v1.0.0")


def test_a_wrong_token_is_said_and_not_shown(here: Installation, hub: Hub) -> None:
    connect(here, hub, token="hf_wrong-and-secret")
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED
    assert "token does not allow" in str(push.problem)
    assert "hf_wrong-and-secret" not in f"{job.error} {push.error} {job.request} {job.result}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": "http://127.0.0.1:9/elsewhere"}), "leads to http://127.0.0.1:9"),
        ((200, {}), "as a hub does"),
        ((400, {}), "answered with 400"),
    ],
)
def test_a_hub_that_answers_nonsense_is_told_of(
    here: Installation, hub: Hub, answer: tuple[int, dict[str, str]], said: str
) -> None:
    connect(here, hub)
    hub.before = lambda _method, path: answer if path.endswith("/refs") else None
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED and re.search(said, str(push.problem)), push.problem
    # Whatever it says: it also says the token.
    assert hub_stand_in.TOKEN not in f"{push.error} {job.error}"


def test_addresses_inside_are_not_called(here: Installation, hub: Hub) -> None:
    """Neither the hub's own address nor one that it gives for a large file."""
    connect(here, hub)
    shut = replace(here, settings=replace(here.settings, outside_allowed=()))
    job, push = sent(shut, "v1.0.0")
    assert job.state == JobState.FAILED and "an address inside" in str(push.problem)
    assert not hub.asked
    port = int(hub.url.rpartition(":")[2])
    one = replace(here, settings=replace(here.settings, outside_allowed=(f"127.0.0.1:{port}",)))
    hub.elsewhere = "http://127.0.0.1:9"
    job, push = sent(one, "v1.0.0")
    assert job.state == JobState.FAILED and "an address inside" in str(push.problem)


def test_a_silent_hub_fails_at_once_but_not_amid_a_push(here: Installation, hub: Hub) -> None:
    """A wrong address is a mistake; a hub that goes away is waited for."""
    connect(here, hub)
    hub.before = lambda _method, path: (503, {"Retry-After": "900"}) if "batch" in path else None
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.WAITING and push.state == "running"
    assert "busy and answers 503" in str(errors.from_json(job.error or ""))
    hub.before = None
    run.perform(here, job.id)
    with here.database.write() as session:
        session.get_one(Job, job.id).not_before = None
    run.perform(here, job.id)
    assert ended(here, job.id)[1].state == "done"


def test_the_command_sends_and_says_what(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"JINBIAO_HOME": str(tmp_path / "home"), "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8"}
    here = open_installation(load(given))
    migrations.upgrade(here.database)
    with here.database.write() as session:
        session.execute(sa.delete(audit.AuditHead))
    published.fill(here)
    connect(here, hub)
    here.close()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    asked = ["push", published.FULL_NAME, "hub", "--tag", "v1.0.0", "--as", "owner"]
    number = len(published.tree(1))
    first = CliRunner().invoke(jinbiao, asked)
    assert first.exit_code == 0 and f"发送 {number} / {number} 个文件" in first.output
    assert f"{hub.url}/datasets/{THERE}/tree/v1.0.0" in first.output
    again = CliRunner().invoke(jinbiao, asked)
    assert f"没有变化：{number} 个文件都已在那里" in again.output

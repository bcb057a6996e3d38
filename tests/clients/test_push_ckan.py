"""Push releases to an unmodified CKAN 2.12, and read them there with the unmodified ckanapi."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import catalogue, errors, jobs, people, pushes
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.pushes import Push
from jinbiao.datasets.settings import load
from jinbiao.tests.clients import ckan_real, published
from jinbiao.tests.clients.ckan_real import OWNER, Ckan
from jinbiao.tests.clients.conftest import client_environment, environment
from jinbiao.tests.conftest import short_directory
from jinbiao.workers import run

# The first run installs a CKAN.
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("JINBIAO_ALL_CLIENTS"),
        reason="a whole CKAN is installed and started when JINBIAO_ALL_CLIENTS is set",
    ),
]
HERE = "https://open.city.example"
MAIN = ["README.md", "data/test-00000-of-00001.parquet"]


@pytest.fixture(scope="module")
def ckan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ckan]:
    """Run one CKAN for all tests; each has a package of its own."""
    folder = tmp_path_factory.mktemp("ckan")
    with short_directory() as first, short_directory() as second:
        with ckan_real.serving(folder, first, second) as it:
            yield it


@pytest.fixture
def here(tmp_path: Path, ckan: Ckan) -> Iterator[Installation]:
    """Give an installation with two releases, which may call this machine."""
    given = {
        "JINBIAO_HOME": str(tmp_path / "home"),
        "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8",
        "JINBIAO_PUBLIC_URL": HERE,
    }
    found = open_installation(load(given))
    published.fill(found)
    with found.database.write() as session:
        dataset = catalogue.find(session, published.FULL_NAME)
        assert dataset is not None
        # CKAN keeps packages for all tests of this file.
        dataset.ckan_name = f"weld-{hashlib.sha1(str(tmp_path).encode()).hexdigest()[:10]}"
    yield found
    found.close()


def connect(here: Installation, ckan: Ckan, **given: Any) -> None:
    """Connect the publisher's organisation with the CKAN."""
    told = {"name": "ckan", "kind": "ckan", "url": ckan.url, "owner": OWNER, "token": ckan.token}
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        pushes.add(session, here.settings, owner, **{**told, **given})


def sent(here: Installation, tag: str, name: str = published.NAME) -> tuple[Job, Push]:
    """Push a release; return the job and the push as they ended."""
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        dataset = catalogue.find(session, f"{published.OWNER}/{name}", owner)
        assert dataset is not None
        release = catalogue.resolve(session, dataset, tag)
        assert release is not None
        target = pushes.find(session, owner, dataset.organisation_id, "ckan")
        job_id = pushes.ask(session, owner, dataset, release, target)[1].id
    run.perform(here, job_id)
    with here.database.read() as session:
        rows = pushes.of_dataset(session, owner, dataset)
        return jobs.get(session, job_id), next(row for row, *_ in rows if row.job_id == job_id)


def name_of(here: Installation) -> str:
    """Return what the dataset is called in CKAN."""
    with here.database.read() as session:
        dataset = catalogue.find(session, published.FULL_NAME)
        assert dataset is not None
        return dataset.ckan_name


def ckanapi(ckan: Ckan, home: Path, action: str, name: str) -> dict[str, Any]:
    """Ask with the unmodified command-line client."""
    program = client_environment("ckanapi-4.11", "ckanapi==4.11").with_name("ckanapi")
    ran = subprocess.run(
        [str(program), "action", action, f"id={name}", "-r", ckan.url],
        env=environment(home),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def extras(package: dict[str, Any]) -> dict[str, str]:
    """Return the extras of a package; each key is there once."""
    found = {row["key"]: row["value"] for row in package["extras"]}
    assert len(found) == len(package["extras"])
    return found


def test_links_are_made_kept_and_brought_up_to_date(
    here: Installation, ckan: Ckan, tmp_path: Path
) -> None:
    connect(here, ckan)
    name = name_of(here)
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.DONE, job.error
    package = ckanapi(ckan, tmp_path, "package_show", name)
    told = extras(package)
    with here.database.read() as session:
        dataset = catalogue.find(session, published.FULL_NAME)
        assert dataset is not None
        assert told["concept_id"] == dataset.uid
        title, uid = dataset.title, dataset.uid
    assert (told["commit_id"], told["licence"]) == (published.COMMITS["v1.0.0"], "CC-BY-4.0")
    assert (package["title"], package["version"]) == (title, "v1.0.0")
    assert package["license_id"] == "cc-by" and not package["private"]
    assert sorted(tag["name"] for tag in package["tags"]) == ["object-detection", "weld", "焊缝"]
    assert package["organization"]["name"] == OWNER
    listed = {row["name"]: row for row in package["resources"]}
    files = published.tree(1)
    assert push.files == push.sent == len(listed) and push.sent_bytes == 0
    for path in MAIN:
        row = listed[path]
        where = f"{HERE}/datasets/{published.FULL_NAME}/resolve/v1.0.0/{path}"
        assert (row["url"], row["size"]) == (where, len(files[path]))
        assert row["hash"] == hashlib.sha256(files[path]).hexdigest() and row["description"]

    job, push = sent(here, "v1.0.0")
    assert not push.has_changed and (push.sent, push.there) == (0, len(listed))
    assert ckanapi(ckan, tmp_path, "package_show", name) == package

    job, push = sent(here, "v1.1.0")
    assert push.has_changed, job.error
    after = ckanapi(ckan, tmp_path, "package_show", name)
    assert (after["id"], after["version"]) == (package["id"], "v1.1.0")
    assert extras(after)["concept_id"] == uid
    assert all("v1.0.0" not in row["url"] for row in after["resources"])
    assert push.address == f"{ckan.url}/dataset/{name}"


def test_files_are_sent_and_only_those_that_are_missing(here: Installation, ckan: Ckan) -> None:
    connect(here, ckan, uploads=True)
    name = name_of(here)
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.DONE, job.error
    files = published.tree(1)
    listed = {row["name"]: row for row in ckan.ask("package_show", id=name)["resources"]}
    uploaded = [row for row in listed.values() if row["url_type"] == "upload"]
    assert len(uploaded) == len(listed) - 1 == push.sent
    assert push.sent_bytes == sum(len(files[row["name"]]) for row in uploaded)
    for row in uploaded:
        asked = urllib.request.Request(row["url"], headers={"Authorization": ckan.token})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.read() == files[row["name"]]

    _job, push = sent(here, "v1.0.0")
    assert not push.has_changed and push.sent == 0
    # As if a push had been killed: one file is not there yet.
    ckan.ask("resource_delete", id=listed["README.md"]["id"])
    _job, push = sent(here, "v1.0.0")
    assert (push.sent, push.sent_bytes) == (1, len(files["README.md"]))

    job, push = sent(here, "v1.1.0")
    assert job.state == JobState.DONE, job.error
    after = {row["name"]: row for row in ckan.ask("package_show", id=name)["resources"]}
    assert push.removed == len(set(listed) - set(after)) == 1
    assert {row["hash"] for row in after.values() if row["url_type"]} == {
        hashlib.sha256(content).hexdigest()
        for path, content in published.tree(2).items()
        if path in after
    }


def test_a_name_of_somebody_else_is_left_alone(here: Installation, ckan: Ckan) -> None:
    connect(here, ckan)
    name = name_of(here)
    made = ckan.ask("package_create", name=name, owner_org=OWNER, title="theirs")
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED and "is left alone" in str(push.problem)
    # Also where it was deleted there, which keeps the name.
    ckan.ask("package_delete", id=made["id"])
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED and "is left alone" in str(push.problem)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"owner": "nobody-there"}, "owner_org|nobody-there|[Oo]rgani"),
        ({"token": "wrong-and-secret"}, "token does not allow"),
        ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_what_is_refused_there_is_said_in_its_words(
    here: Installation, ckan: Ckan, given: dict[str, str], said: str
) -> None:
    connect(here, ckan, **given)
    job, push = sent(here, "v1.0.0")
    assert job.state == JobState.FAILED
    with pytest.raises(errors.JinbiaoError, match=said):
        raise push.problem or errors.Refused("nothing")
    assert "wrong-and-secret" not in f"{job.error} {push.error}"


def test_what_is_not_open_does_not_leave_the_house(here: Installation, ckan: Ckan) -> None:
    """Under conditions: links to the page only; not opened: nothing at all."""
    published.fill_guarded(here, "", large=10)
    connect(here, ckan)
    job, push = sent(here, "main", published.GATED)
    assert job.state == JobState.DONE, job.error
    found = ckan.ask("package_show", id=push.remote_name)
    page = f"{HERE}/datasets/{published.OWNER}/{published.GATED}"
    assert {row["url"] for row in found["resources"]} == {page}
    ckan.ask("dataset_purge", id=found["id"])
    with pytest.raises(errors.Refused, match="sent nowhere"):
        sent(here, "main", published.CLOSED)
    with here.database.write() as session:
        owner = people.get_user(session, "owner")
        row = pushes.find(session, owner, owner.organisation_id, "ckan")
        pushes.change(session, here.settings, owner, row, {"uploads": True})
    with pytest.raises(errors.Refused, match="only linked"):
        sent(here, "main", published.GATED)

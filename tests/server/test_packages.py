"""What goes with a release, as anybody gets it: Croissant, Frictionless, BagIt, checksums."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import checksums
from jinbiao.datasets.catalogue import Dataset, Release, ReleaseFile
from jinbiao.datasets.tombstones import Tombstone, WithheldFile
from jinbiao.tests.server.test_quality import compared
from jinbiao.tests.server.world import FACTS, World, entity

PAGE = "/datasets/alpha/open"
API = "/api/datasets/alpha/open/croissant"


@pytest.fixture(scope="module")
def released(shared_world: World) -> World:
    """Publish one version in the open, under conditions, and closed."""
    world = shared_world
    _project, version = world.frozen(6)
    for openness in ("open", "conditional", "closed"):
        asked = {**FACTS, "openness": openness, "name": openness, "title": f"标题 {openness}"}
        if openness == "conditional":
            asked["open_condition"] = "仅供研究"
        world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    return world


def unpacked(world: World, folder: Path) -> Path:
    """Download all files of the open dataset as one archive."""
    answer = world.get(None, f"{PAGE}/archive/v1.0.0.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        opened.extractall(folder)
    return folder


def test_the_document_is_the_same_at_every_address_whatever_is_accepted(released: World) -> None:
    answer = released.get(None, API)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/ld+json"
    told: dict[str, Any] = json.loads(answer.data)
    commit = told["distribution"][0]["contentUrl"].split("/resolve/")[1].split("/")[0]
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    for path in (
        f"{API}/main",
        f"{API}/v1.0.0",
        f"{API}/refs%2Ftags%2Fv1.0.0",
        f"{API}/{commit}",
        "/dataset/alpha-open/croissant.jsonld",
    ):
        for accept in ("text/html", "text/turtle", "*/*"):
            other = released.get(None, path, headers={"Accept": accept})
            assert (other.data, other.headers["Content-Type"]) == (
                answer.data,
                "application/ld+json",
            )
    for file in told["distribution"]:
        data = released.get(None, file["contentUrl"].removeprefix("http://localhost")).data
        assert hashlib.sha256(data).hexdigest() == file["sha256"]


def test_whoever_has_the_document_is_told_so(released: World) -> None:
    mark = released.get(None, API).headers["ETag"]
    again = released.get(None, API, headers={"If-None-Match": mark})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("who", "path", "status", "code"),
    [
        (None, "/api/datasets/alpha/conditional/croissant", 200, None),
        (None, "/api/datasets/alpha/closed/croissant", 401, "RepoNotFound"),
        ("other_requester", "/api/datasets/alpha/closed/croissant", 404, "RepoNotFound"),
        ("requester", "/api/datasets/alpha/closed/croissant", 200, None),
        (None, f"{API}/v9.9.9", 404, "RevisionNotFound"),
        (None, "/dataset/alpha-closed/croissant.jsonld", 404, None),
        (None, "/dataset/alpha-none/croissant.jsonld", 404, None),
    ],
)
def test_the_document_is_as_public_as_the_dataset(
    who: str | None, path: str, status: int, code: str | None, released: World
) -> None:
    answer = released.get(who, path)
    assert (answer.status_code, answer.headers.get("X-Error-Code")) == (status, code)


@pytest.mark.parametrize(
    ("who", "name", "status"),
    [
        (None, "open", 200),
        (None, "conditional", 401),
        ("other_requester", "conditional", 403),
        ("requester", "conditional", 200),
        (None, "closed", 404),
        ("other_requester", "closed", 404),
        ("requester", "closed", 200),
    ],
)
def test_the_bag_goes_to_those_who_may_have_the_files(
    who: str | None, name: str, status: int, released: World
) -> None:
    path = f"/datasets/alpha/{name}/archive/v1.0.0.bag.zip"
    asked = {"Accept": "application/json"}
    answer = released.get(who, path, headers=asked)
    assert answer.status_code == status
    if status == 200:
        head = released.ask("HEAD", path, who)
        assert int(head.headers["Content-Length"]) == len(answer.data)
        assert answer.data == released.get(who, path).data
    assert released.get(None, "/datasets/alpha/open/archive/v9.bag.zip").status_code == 404


def test_a_bag_counts_as_a_download(released: World) -> None:
    def count() -> int:
        with released.installation.database.read() as session:
            return session.scalars(sa.select(Dataset.downloads).filter_by(name="open")).one()

    before = count()
    released.ask("HEAD", f"{PAGE}/archive/v1.0.0.bag.zip")
    assert count() == before
    released.get(None, f"{PAGE}/archive/v1.0.0.bag.zip")
    assert count() == before + 1


def test_other_programs_agree_with_the_checksums(released: World, tmp_path: Path) -> None:
    tree = unpacked(released, tmp_path)
    listed = (tree / "checksums.sm3").read_text().splitlines()
    sums = {line[66:]: line[:64] for line in listed}
    there = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert set(sums) == there - {"checksums.sha256", "checksums.sm3"}
    assert {checksums.sm3((tree / path).read_bytes()).hexdigest() for path in sums} == set(
        sums.values()
    )
    # Whoever has SHA-256 only finds out about the other list as well.
    assert "  checksums.sm3\n" in (tree / "checksums.sha256").read_text()
    ran = 0
    for command in (
        ["sha256sum", "--check", "--quiet", "checksums.sha256"],
        ["cksum", "--algorithm=sm3", "--check", "--quiet", "checksums.sm3"],
    ):
        if shutil.which(command[0]):
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60)
            if command[0] == "cksum" and "unrecognized option" in done.stderr:
                continue  # coreutils before 9
            assert done.returncode == 0, done.stderr
            ran += 1
    if shutil.which("openssl"):
        command = ["openssl", "dgst", "-sm3", "-r", *sums]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60)
        assert [line.replace(" *", "  ", 1) for line in done.stdout.splitlines()] == listed
        ran += 1
    if not ran:
        pytest.skip("neither sha256sum nor cksum nor openssl is installed")


def test_the_files_page_shows_both_digests_and_leads_to_the_packages(released: World) -> None:
    page = released.get(None, f"{PAGE}/files").text
    with released.installation.database.read() as session:
        digests = session.scalars(sa.select(ReleaseFile.digest)).all()
        known = checksums.known(session, digests)
    readme = hashlib.sha256(released.get(None, f"{PAGE}/resolve/main/README.md").data).hexdigest()
    assert readme in page and known[readme] in page
    for address in (
        f"{PAGE}/archive/v1.0.0.bag.zip",
        f"{API}/v1.0.0",
        f"{PAGE}/resolve/v1.0.0/datapackage.json",
    ):
        assert f'href="{address}"' in page
        assert released.get(None, address).status_code == 200


def test_the_package_says_the_digests_of_what_is_served(released: World) -> None:
    package = released.good(released.get(None, f"{PAGE}/resolve/main/datapackage.json"))
    for each in package["resources"]:
        data = released.get(None, f"{PAGE}/resolve/main/{each['path']}").data
        assert (each["bytes"], each["hash"]) == (
            len(data),
            f"sha256:{hashlib.sha256(data).hexdigest()}",
        )


def test_a_withheld_file_is_in_no_package(world: World) -> None:
    _project, version = world.frozen(6)
    world.done(
        world.post("requester", f"/api/versions/{version}/publish", {**FACTS, "name": "open"})
    )
    gone = "data/train-00000-of-00001.parquet"
    with world.installation.database.write() as session:
        release = session.scalars(sa.select(Release)).one()
        stone = Tombstone(
            dataset_id=release.dataset_id, key="k", reason="人脸", created_by=release.published_by
        )
        session.add(stone)
        session.flush()
        session.add(WithheldFile(release_id=release.id, path=gone, tombstone_id=stone.id))
        release.has_withheld = True
    told = json.loads(world.get(None, API).data)
    assert gone not in {file["name"] for file in told["distribution"]}
    assert "train" not in {each["@id"] for each in told["recordSet"]}
    bag = world.get(None, f"{PAGE}/archive/v1.0.0.bag.zip").data
    with zipfile.ZipFile(io.BytesIO(bag)) as opened:
        top = "alpha-open-v1.0.0"
        assert f"{top}/data/{gone}" not in opened.namelist()
        assert gone not in opened.read(f"{top}/manifest-sha256.txt").decode()


def test_a_release_from_before_there_were_documents_is_described(world: World) -> None:
    _project, version = world.frozen(3)
    world.done(
        world.post("requester", f"/api/versions/{version}/publish", {**FACTS, "name": "open"})
    )
    new = json.loads(world.get(None, API).data)
    with world.installation.database.write() as session:
        session.execute(sa.delete(ReleaseFile).where(ReleaseFile.path == "croissant.json"))
    old = json.loads(world.get(None, API).data)
    assert {key: old[key] for key in old if not key.startswith("rai:")} == {
        key: new[key] for key in new if not key.startswith("rai:")
    }
    assert "rai:annotationsPerItem" in new and "rai:annotationsPerItem" not in old


def test_what_is_known_of_the_labelling_is_in_the_document(world: World) -> None:
    project = compared(world, (entity(), entity()), (entity(), entity(1, 4)), (entity(), []))
    sent = {"text": "# 目标\n\n机构名要完整。", "note": "新"}
    world.good(world.post("requester", f"/api/projects/{project}/guideline/", sent), 201)
    for task in world.tasks(project):
        first = world.good(world.get("requester", f"/api/tasks/{task['id']}/"))["annotations"][0]
        path = f"/api/annotations/{first['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    version = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    told = world.good(world.get("requester", f"/api/projects/{project}/quality"))
    figure = told["report"]["agreement"]
    asked = {**FACTS, "name": "open"}
    world.done(world.post("requester", f"/api/versions/{version['version']}/publish", asked))
    rai = {k: v for k, v in json.loads(world.get(None, API).data).items() if k[:4] == "rai:"}
    assert rai["rai:annotationsPerItem"] == "每条记录 2 份标注。2 per item."
    agreement, reviewed = rai["rai:dataAnnotationAnalysis"]
    assert f"between annotators {figure['value']:.3f}," in agreement
    assert "95% interval" in agreement and f"{figure['number']} records" in agreement
    assert "3 of 3 records" in reviewed
    assert "Guideline version 1," in rai["rai:dataAnnotationProtocol"][1]
    assert hashlib.sha256(sent["text"].encode()).hexdigest() in rai["rai:dataAnnotationProtocol"][1]
    assert "yearly" in rai["rai:dataReleaseMaintenancePlan"].lower()
    searched, level = rai["rai:personalSensitiveInformation"][:2]
    assert "3 tasks were searched" in searched and "general data" in level
    assert "rai:machineAnnotationTools" not in rai and "rai:dataCollection" not in rai

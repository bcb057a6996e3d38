"""Storages over HTTP are as Label Studio has them; what they bring is brought once."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from minio import Minio

from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.connections import patterns
from jinbiao.datasets.connections.stores import Store
from jinbiao.datasets.db import Database
from jinbiao.datasets.errors import Invalid
from jinbiao.server import storages
from jinbiao.tests.server.connected import connected, working
from jinbiao.tests.server.world import (
    BOXES,
    World,
    entity,
    opened,
    picture,
    populate,
    settings_of,
)
from jinbiao.tests.services import S3Account, free_ports
from jinbiao.tests.services_backend import ModelBackend

IMPORT_KEYS = set(
    "id type synchronizable presign last_sync last_sync_count last_sync_job status traceback meta "
    "title description created_at bucket prefix regex_filter use_blob_urls aws_sse_kms_key_id "
    "region_name s3_endpoint presign_ttl recursive_scan project".split()
)
EXPORT_KEYS = IMPORT_KEYS - {"presign", "presign_ttl", "recursive_scan"} | {"can_delete_objects"}
LOCAL_KEYS = set(
    "id type synchronizable path regex_filter use_blob_urls last_sync last_sync_count "
    "last_sync_job status traceback meta title description created_at recursive_scan "
    "project".split()
)
# What Label Studio 1.23.2 wrote into a bucket.
EXPORTED_KEYS = set(
    "id result created_username created_ago completed_by task was_cancelled ground_truth "
    "created_at updated_at draft_created_at lead_time import_id last_action bulk_created project "
    "updated_by parent_prediction parent_annotation last_created_by".split()
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that the operator allows."""
    made = tmp_path / "allowed"
    made.mkdir()
    return made


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path, folder: Path) -> Iterator[World]:
    """Open a world that may call loopback and read one folder."""
    made = connected(populated, tmp_path / "home", local_files=(folder,))
    yield made
    made.installation.close()


@pytest.fixture
def bucket(s3: S3Account) -> Minio:
    """Make the bucket of this test."""
    host = s3.endpoint.removeprefix("http://")
    made = Minio(host, s3.access_key, s3.secret_key, secure=False, region="us-east-1")
    made.make_bucket(s3.bucket)
    return made


def put(bucket: Minio, s3: S3Account, key: str, content: bytes) -> None:
    """Put an object into the bucket."""
    bucket.put_object(s3.bucket, key, io.BytesIO(content), len(content))


def keys(s3: S3Account, project: int, **values: Any) -> dict[str, Any]:
    """Return what somebody sends to connect the bucket."""
    return {
        "project": project,
        "bucket": s3.bucket,
        "aws_access_key_id": s3.access_key,
        "aws_secret_access_key": s3.secret_key,
        "s3_endpoint": s3.endpoint,
        "region_name": "us-east-1",
        **values,
    }


def synced(place: World, path: str) -> dict[str, Any]:
    """Run a storage with a worker at hand; return it as the answer shows it."""
    with working(place):
        found: dict[str, Any] = place.good(place.post("requester", f"{path}/sync"))
    return found


def test_pictures_of_a_bucket_become_tasks_once(place: World, s3: S3Account, bucket: Minio) -> None:
    project = place.project(config=BOXES)
    for number in range(3):
        put(bucket, s3, f"imgs/板 {number}.png", picture(number))
    put(bucket, s3, "imgs/broken.png", b"\x89PNG no picture")
    put(bucket, s3, "imgs/notes.txt", b"no picture")
    put(bucket, s3, "imgs/deep/4.png", picture(4))
    put(bucket, s3, "other/5.png", picture(5))
    sent = keys(s3, project, prefix="imgs", regex_filter=".*png", use_blob_urls=True, title="in")
    assert place.post("requester", "/api/storages/s3/validate", sent).data == b""
    made = place.good(place.post("requester", "/api/storages/s3/", sent), 201)
    assert set(made) == IMPORT_KEYS and made["type"] == "s3"
    assert (made["status"], made["last_sync"], made["meta"]) == ("initialized", None, {})
    path = f"/api/storages/s3/{made['id']}"
    found = synced(place, path)
    assert (found["status"], found["last_sync_count"]) == ("completed_with_errors", 3)
    assert found["meta"]["tasks_existed"] == 0 and found["meta"]["attempts"] == 1
    job = place.good(place.get("requester", f"/api/jobs/{found['last_sync_job']}/"))
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (3, 1)
    tasks = place.tasks(project)
    shown = {place.get("requester", task["data"]["image"]).data for task in tasks}
    assert shown == {picture(number) for number in range(3)}
    again = synced(place, path)
    assert (again["last_sync_count"], again["meta"]["tasks_existed"]) == (0, 3)
    put(bucket, s3, "imgs/6.png", picture(6))
    assert synced(place, path)["last_sync_count"] == 1
    place.good(place.patch("requester", path, {"recursive_scan": True, "title": "deep"}))
    assert synced(place, path)["last_sync_count"] == 1
    assert len(place.tasks(project)) == 5
    assert place.ask("DELETE", path, "requester").status_code == 204
    assert place.get("requester", path).status_code == 404
    assert len(place.tasks(project)) == 5


def test_lists_in_a_bucket_become_tasks_all_or_none_of_each(
    place: World, s3: S3Account, bucket: Minio
) -> None:
    project = place.project()
    whole = [
        {"data": {"text": "天津大学甲"}, "annotations": [{"result": entity()}], "meta": {"a": 1}},
        {"text": "天津大学乙"},
    ]
    put(bucket, s3, "a.json", json.dumps(whole).encode())
    put(bucket, s3, "b.json", json.dumps({"data": {"text": "丙"}}).encode())
    put(bucket, s3, "c.json", json.dumps([{"text": "丁"}, {"none": 1}]).encode())
    put(bucket, s3, "d.json", b"{{{")
    put(bucket, s3, "e.json", json.dumps({"text": "media:" + "0" * 64}).encode())
    made = place.good(place.post("requester", "/api/storages/s3/", keys(s3, project)), 201)
    found = synced(place, f"/api/storages/s3/{made['id']}")
    assert (found["status"], found["last_sync_count"]) == ("completed_with_errors", 3)
    tasks = place.tasks(project)
    assert sorted(task["data"]["text"] for task in tasks) == ["丙", "天津大学乙", "天津大学甲"]
    assert sum(len(task["annotations"]) for task in tasks) == 1
    job = place.good(place.get("requester", f"/api/jobs/{found['last_sync_job']}/"))
    rejects = place.get("requester", f"/jobs/{job['id']}/rejects").text.splitlines()
    assert [json.loads(line)["place"] for line in rejects] == ["c.json", "d.json", "e.json"]


def test_texts_of_a_bucket_become_tasks(place: World, s3: S3Account, bucket: Minio) -> None:
    project = place.project()
    put(bucket, s3, "a.txt", "天津大学".encode())
    put(bucket, s3, "b.txt", "国标".encode("gb18030"))
    put(bucket, s3, "c.txt", b"\x00\x01")
    sent = keys(s3, project, use_blob_urls=True)
    made = place.good(place.post("requester", "/api/storages/s3/", sent), 201)
    assert synced(place, f"/api/storages/s3/{made['id']}")["last_sync_count"] == 2
    assert {task["data"]["text"] for task in place.tasks(project)} == {"天津大学", "国标"}


def test_answers_are_written_as_recorded(place: World, s3: S3Account, bucket: Minio) -> None:
    project = place.labelled(3)
    sent = keys(s3, project, prefix="out", can_delete_objects=True, title="s3 out")
    with working(place):
        made = place.good(place.post("requester", "/api/storages/export/s3", sent), 201)
    assert set(made) == EXPORT_KEYS and made["status"] == "queued"
    path = f"/api/storages/export/s3/{made['id']}"
    found = synced(place, path)
    assert (found["status"], found["last_sync_count"]) == ("completed", 3)
    assert found["meta"]["total_annotations"] == 3
    written = {o.object_name for o in bucket.list_objects(s3.bucket, recursive=True)}
    answers = [row["annotations"][0] for row in place.tasks(project)]
    assert written == {f"out/{row['id']}" for row in answers}
    body = json.loads(bucket.get_object(s3.bucket, f"out/{answers[0]['id']}").read())
    assert set(body) == EXPORTED_KEYS
    assert set(body["completed_by"]) == {"id", "first_name", "last_name", "email"}
    assert body["result"] == entity() and "data" in body["task"]
    before = {o.object_name: o.last_modified for o in bucket.list_objects(s3.bucket, "out/")}
    assert synced(place, path)["last_sync_count"] == 3
    after = {o.object_name: o.last_modified for o in bucket.list_objects(s3.bucket, "out/")}
    assert before == after
    gone = place.tasks(project)[0]
    assert place.ask("DELETE", f"/api/tasks/{gone['id']}/", "requester").status_code == 204
    assert synced(place, path)["last_sync_count"] == 2
    left = {o.object_name for o in bucket.list_objects(s3.bucket, "out/")}
    assert left == written - {f"out/{gone['annotations'][0]['id']}"}


def test_keys_are_never_given_back(place: World, s3: S3Account, bucket: Minio) -> None:
    project = place.project()
    made = place.good(place.post("requester", "/api/storages/s3/", keys(s3, project)), 201)
    path = f"/api/storages/s3/{made['id']}"
    combined = place.get("requester", f"/api/storages/?project={project}")
    answers = [place.get("requester", path).text, combined.text, str(made)]
    assert place.good(combined)[0]["id"] == made["id"]
    assert place.good(place.get("requester", "/api/storages/export")) == []
    with place.installation.database.read() as session:
        answers += [str(session.execute(sa.select(Store.secrets, Store.options)).one())]
        answers += session.scalars(sa.select(AuditEvent.detail))
    assert not [text for text in answers if s3.secret_key in text or s3.access_key in text]
    assert not any("aws_secret" in text or "aws_access" in text for text in answers[:3])
    # A change that says nothing of the keys keeps them, but not for another address.
    place.good(place.patch("requester", path, {"title": "renamed"}))
    answer = place.patch("requester", path, {"s3_endpoint": "http://127.0.0.1:1"})
    assert list(answer.json["validation_errors"]) == ["aws_secret_access_key"]
    validated = {"id": made["id"], "project": project, "prefix": "x"}
    assert place.post("requester", "/api/storages/s3/validate", validated).status_code == 200


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"aws_secret_access_key": "wrong"}, "non_field_errors"),
        ({"bucket": "not-there-at-all"}, "non_field_errors"),
        ({"bucket": None}, "bucket"),
        ({"bucket": "No Bucket!"}, "non_field_errors"),
        ({"s3_endpoint": "http://169.254.169.254"}, "s3_endpoint"),
        ({"s3_endpoint": "http://li:x@127.0.0.1:9"}, "s3_endpoint"),
        ({"s3_endpoint": "nonsense"}, "s3_endpoint"),
        ({"s3_endpoint": "http://127.0.0.1:9/path"}, "s3_endpoint"),
        ({"s3_endpoint": "http://127.0.0.1:{dead}"}, "non_field_errors"),
        ({"regex_filter": "("}, "regex_filter"),
        ({"regex_filter": "(?=x)"}, "regex_filter"),
        ({"use_blob_urls": "maybe"}, "use_blob_urls"),
        ({"presign_ttl": -1}, "presign_ttl"),
        ({"title": 7}, "title"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_named(
    place: World, s3: S3Account, bucket: Minio, values: dict[str, Any], field: str
) -> None:
    project = place.project()
    (dead,) = free_ports(1)
    for name, value in values.items():
        values[name] = value.replace("{dead}", str(dead)) if isinstance(value, str) else value
    sent = keys(s3, project, **values)
    for end in ("", "validate"):
        answer = place.post("requester", f"/api/storages/s3/{end}", sent)
        assert answer.status_code == 400, answer.text
        assert list(answer.json["validation_errors"]) == [field], answer.text
        assert s3.secret_key not in answer.text
    assert place.good(place.get("requester", "/api/storages/s3/")) == []


def test_a_bucket_that_goes_away_fails_the_run_and_says_so(
    place: World, s3: S3Account, bucket: Minio
) -> None:
    project = place.project()
    made = place.good(place.post("requester", "/api/storages/s3/", keys(s3, project)), 201)
    bucket.remove_bucket(s3.bucket)
    found = synced(place, f"/api/storages/s3/{made['id']}")
    assert found["status"] == "failed" and "NoSuchBucket" in found["traceback"]
    bucket.make_bucket(s3.bucket)
    assert synced(place, f"/api/storages/s3/{made['id']}")["status"] == "completed"


def test_a_run_without_a_worker_is_queued_and_started_once(
    place: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storages, "PATIENCE_SECONDS", 0.1)
    project = place.project()
    sent = {"project": project, "path": str(folder)}
    made = place.good(place.post("requester", "/api/storages/localfiles/", sent), 201)
    path = f"/api/storages/localfiles/{made['id']}"
    found = place.good(place.post("requester", f"{path}/sync"))
    assert found["status"] == "queued"
    assert (
        place.good(place.post("requester", f"{path}/sync"))["last_sync_job"]
        == (found["last_sync_job"])
    )
    assert place.waiting() == [found["last_sync_job"]]
    place.finished(found["last_sync_job"])
    assert place.good(place.get("requester", path))["status"] == "completed"


def test_local_files_become_tasks_and_links_are_not_followed(
    place: World, folder: Path, tmp_path: Path
) -> None:
    project = place.project(config=BOXES)
    (tmp_path / "outside.png").write_bytes(picture(9))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "8.png").write_bytes(picture(8))
    (folder / "1.png").write_bytes(picture(1))
    (folder / "2.jpg").write_bytes(picture(2))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "sub").symlink_to(tmp_path / "outside")
    (folder / "deep").mkdir()
    (folder / "deep" / "3.png").write_bytes(picture(3))
    sent = {
        "path": str(folder),
        "project": project,
        "regex_filter": ".*png",
        "title": "local",
        "use_blob_urls": True,
        "recursive_scan": True,
    }
    made = place.good(place.post("requester", "/api/storages/localfiles/", sent), 201)
    assert set(made) == LOCAL_KEYS
    found = synced(place, f"/api/storages/localfiles/{made['id']}")
    assert (found["status"], found["last_sync_count"]) == ("completed", 2)
    shown = {place.get("requester", t["data"]["image"]).data for t in place.tasks(project)}
    assert shown == {picture(1), picture(3)}


def test_local_answers_are_files(place: World, folder: Path) -> None:
    project = place.labelled(2)
    (folder / "out").mkdir()
    sent = {"project": project, "path": str(folder / "out"), "can_delete_objects": True}
    with working(place):
        made = place.good(place.post("requester", "/api/storages/export/localfiles", sent), 201)
    path = f"/api/storages/export/localfiles/{made['id']}"
    assert synced(place, path)["last_sync_count"] == 2
    assert len(list((folder / "out").iterdir())) == 2
    for task in place.tasks(project):
        place.ask("DELETE", f"/api/tasks/{task['id']}/", "requester")
    assert synced(place, path)["last_sync_count"] == 0
    assert list((folder / "out").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["/etc", "{allowed}/..", "{allowed}/none", "relative", "", "/\u0000"]
)
def test_only_allowed_folders_are_read(place: World, folder: Path, path: str) -> None:
    sent = {"project": place.project(), "path": path.replace("{allowed}", str(folder))}
    answer = place.post("requester", "/api/storages/localfiles/", sent)
    assert answer.status_code == 400 and list(answer.json["validation_errors"]) == ["path"]


def test_without_a_setting_there_are_no_local_files(place: World, folder: Path) -> None:
    shut = replace(
        place, installation=replace(
            place.installation, settings=replace(place.installation.settings, local_files=())
        )
    )  # fmt: skip
    sent = {"project": place.project(), "path": str(folder)}
    answer = shut.post("requester", "/api/storages/localfiles/", sent)
    assert answer.status_code == 400 and "JINBIAO_LOCAL_FILES" in answer.text


def test_kinds_are_listed_and_others_are_not_there(place: World) -> None:
    for path in ("/api/storages/types", "/api/storages/export/types"):
        assert place.good(place.get("requester", path)) == [
            {"name": "s3", "title": "AWS S3"},
            {"name": "localfiles", "title": "Local files"},
        ]
    assert place.get("requester", "/api/storages/gcs/").status_code == 404
    assert place.post("requester", "/api/storages/export/azure", {}).status_code == 404


def test_others_do_not_see_them(place: World, folder: Path) -> None:
    project = place.project()
    sent = {"project": project, "path": str(folder)}
    made = place.good(place.post("requester", "/api/storages/localfiles/", sent), 201)
    path = f"/api/storages/localfiles/{made['id']}"
    for method, address in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/sync"),
        ("GET", f"/api/storages/s3/{made['id']}"),
        ("GET", f"/api/storages/export/localfiles/{made['id']}"),
    ):
        given = {} if method == "GET" else {"json": {}}
        who = "requester" if "s3" in address or "export" in address else "other_requester"
        assert place.ask(method, address, who, **given).status_code == 404
    assert place.post("other_requester", "/api/storages/localfiles/", sent).status_code == 404
    assert place.good(place.get("other_requester", "/api/storages/")) == []
    assert place.get("vendor", path).status_code == 403


def test_patterns_take_no_time_and_match_from_the_start() -> None:
    assert patterns.matching(".*png", ["a.png", "b.txt"]) == [True, False]
    assert patterns.matching("b", ["ab", "ba"]) == [False, True]
    assert patterns.matching(None, ["x"]) == [True]
    assert patterns.matching("(a+)+$", ["a" * 5000 + "!"]) == [False]
    with pytest.raises(Invalid):
        patterns.check_pattern("x" * 501)


def test_all_of_it_on_postgresql(postgres_database: str, folder: Path, tmp_path: Path) -> None:
    settings = replace(
        settings_of(tmp_path / "home", postgres_database),
        local_files=(folder,),
        outside_allowed=("127.0.0.0/8",),
    )
    database = Database(settings.database_url)
    tokens = populate(database)
    database.close()
    place = opened(settings, tokens)
    project = place.labelled(2)
    (folder / "1.json").write_text(json.dumps([{"text": "天津大学甲"}, {"text": "乙"}]))
    sent = {"project": project, "path": str(folder), "can_delete_objects": True}
    with working(place):
        out = place.good(place.post("requester", "/api/storages/export/localfiles", sent), 201)
    assert synced(place, f"/api/storages/export/localfiles/{out['id']}")["last_sync_count"] == 2
    sent = {"project": project, "path": str(folder), "regex_filter": ".*json"}
    made = place.good(place.post("requester", "/api/storages/localfiles/", sent), 201)
    path = f"/api/storages/localfiles/{made['id']}"
    assert synced(place, path)["last_sync_count"] == 2
    assert synced(place, path)["meta"]["tasks_existed"] == 1
    with ModelBackend(result=lambda _task: []) as model:
        sent = {"project": project, "url": model.url}
        backend = place.good(place.post("requester", "/api/ml/", sent), 201)
        with working(place):
            started = place.post("requester", f"/api/ml/{backend['id']}/predict")
            number = place.good(started, 202)["id"]
            wait_for(lambda: not place.waiting())
        job = place.good(place.get("requester", f"/api/jobs/{number}/"))
        assert (job["state"], job["result"]["created"]) == ("done", 4)
    place.installation.close()


def wait_for(ready: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)

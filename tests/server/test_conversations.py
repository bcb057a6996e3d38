"""What a dataset page offers: discussions, withdrawn records, errata, differences, downloads."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import downloads
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.downloads import DownloadVisit
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.people import User
from jinbiao.tests.server.world import BOXES, FACTS, World, box, entity, picture, zipped

NAME = "alpha/texts"
API = f"/api/catalogue/{NAME}"


def publish(world: World, version: int, **more: Any) -> dict[str, Any]:
    """Publish a version as the dataset."""
    asked = {**FACTS, "name": "texts", "title": "天津大学实体", "keywords": ["实体"], **more}
    return world.done(world.post("requester", f"/api/versions/{version}/publish", asked))


def freeze(world: World, project: int, **asked: Any) -> int:
    """Freeze a project again; return the version."""
    done = world.done(world.post("requester", f"/api/projects/{project}/versions/", asked))
    return int(done["version"])


def records(world: World, **query: str) -> list[dict[str, Any]]:
    """List the records of the dataset."""
    rows: list[dict[str, Any]] = world.good(world.get(None, f"{API}/records", query_string=query))[
        "results"
    ]
    return rows


def told(world: World, name: str) -> list[tuple[str, str]]:
    """List the kinds and addresses of somebody's notices."""
    with world.installation.database.read() as session:
        rows = session.execute(
            sa.select(Notice.kind, Notice.address)
            .join(User, User.id == Notice.user_id)
            .where(User.username == name)
            .order_by(Notice.id)
        )
        return [(kind, address) for kind, address in rows]


def withdraw(world: World, key: str, reason: str = "含有个人信息") -> dict[str, Any]:
    """Withdraw a record and let the job find its files; return the job's result."""
    sent = {"key": key, "reason": reason}
    answer = world.good(world.post("requester", f"{API}/withdrawn", sent), 202)
    job = world.finished(answer["job"]["id"])
    assert job["state"] == "done", job
    result: dict[str, Any] = job["result"]
    return result


# --- withdrawn records --------------------------------------------------------------------------


def test_a_withdrawn_record_is_gone_from_every_version(either_world: World) -> None:
    world = either_world
    project, version = world.frozen(4)
    publish(world, version)
    found = records(world)
    key = found[0]["key"]
    result = withdraw(world, key)
    assert result["releases"] == 1 and result["files"] >= 3
    # Its content is in no page and no file of the old version any more; others are still there.
    assert [row["key"] for row in records(world)] == [row["key"] for row in found[1:]]
    assert world.get(None, f"{API}/records/{key}").status_code == 451
    assert world.get(None, f"/datasets/{NAME}/records/{key}").status_code == 451
    split = found[0]["split"]
    holding = (
        f"records/{split}.jsonl",
        f"conll/{split}.conll",
        "manifest.jsonl",
        "label_studio/tasks.json",
    )
    for path in holding:
        assert world.get(None, f"/datasets/{NAME}/resolve/v1.0.0/{path}").status_code == 451, path
    parquet = f"/datasets/{NAME}/resolve/v1.0.0/data/{split}-00000-of-00001.parquet"
    assert world.get(None, parquet).status_code == 451
    assert world.get(None, f"/datasets/{NAME}/resolve/v1.0.0/README.md").status_code == 200
    with zipfile.ZipFile(
        io.BytesIO(world.get(None, f"/datasets/{NAME}/archive/v1.0.0.zip").data)
    ) as archive:
        text = found[0]["data"]["text"].encode()
        assert all(text not in archive.read(name) for name in archive.namelist())
        assert "README.md" in archive.namelist()
    # The tombstone says which, why and when, and nothing of what was in it.
    (stone,) = world.good(world.get(None, f"{API}/withdrawn"))
    assert (stone["key"], stone["reason"]) == (key, "含有个人信息")
    assert stone["files_found_at"] is not None
    page = world.get(None, f"/datasets/{NAME}/withdrawn").text
    assert key in page and found[0]["data"]["text"] not in page
    # It is out of the work, so the next version does not have it; this one cannot be published.
    assert "withdrawn" in world.states(project)
    again = publish_fails(world, version, "texts")
    assert key in again
    second = freeze(world, project)
    publish(world, second)
    assert key not in {row["key"] for row in records(world)}
    assert world.good(world.get(None, f"{API}/compare/v1.0.0...main"))["removed"] == 0


def test_nothing_goes_out_until_the_files_that_hold_it_are_known(either_world: World) -> None:
    world = either_world
    _project, version = world.frozen(4)
    publish(world, version)
    key = records(world)[0]["key"]
    sent = {"key": key, "reason": "含有个人信息"}
    answer = world.good(world.post("requester", f"{API}/withdrawn", sent), 202)
    paths = ["README.md", "manifest.jsonl", "records/train.jsonl"]
    base = f"/datasets/{NAME}/resolve/v1.0.0"
    asked = {path: world.get(None, f"{base}/{path}").status_code for path in paths}
    assert asked.pop("records/train.jsonl") in (404, 451) and set(asked.values()) == {451}
    assert world.finished(answer["job"]["id"])["state"] == "done"
    assert world.get(None, f"{base}/README.md").status_code == 200
    assert world.get(None, f"{base}/manifest.jsonl").status_code == 451


def publish_fails(world: World, version: int, name: str) -> str:
    """Publish what cannot be published; return the reason."""
    asked = {**FACTS, "name": name}
    job = world.finished(
        world.good(world.post("requester", f"/api/versions/{version}/publish", asked), 202)["id"]
    )
    assert job["state"] == "failed"
    return str(job["error"])


def test_the_picture_of_a_withdrawn_record_goes_with_it(world: World) -> None:
    project = world.project(config=BOXES)
    files = {f"{number}.png": picture(number) for number in range(1, 4)}
    world.import_later(project, "pictures.zip", zipped(files))
    for task in world.tasks(project):
        sent = {"result": [box()]}
        path = f"/api/tasks/{task['id']}/annotations/"
        made = world.good(world.post("annotator", path, sent), 201)
        judged = {"verdict": "accept"}
        path = f"/api/annotations/{made['id']}/reviews"
        world.good(world.post("reviewer", path, judged), 201)
    publish(world, freeze(world, project))
    found = records(world)
    gone = found[0]
    withdraw(world, gone["key"])
    medium = gone["media"]["image"]
    statuses = {}
    for row in found:
        path = f"images/{row['split']}/{row['media']['image']['file']}"
        answer = world.get(None, f"/datasets/{NAME}/resolve/main/{path}")
        statuses[row["key"]] = answer.status_code
    assert statuses.pop(gone["key"]) == 451 and set(statuses.values()) == {200}
    stem = medium["file"].rpartition(".")[0]
    for path in (f"labels/{gone['split']}/{stem}.txt", f"Annotations/{stem}.xml"):
        assert world.get(None, f"/datasets/{NAME}/resolve/main/{path}").status_code == 451, path
    with zipfile.ZipFile(
        io.BytesIO(world.get(None, f"/datasets/{NAME}/archive/v1.0.0.zip").data)
    ) as archive:
        digests = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
        names = [name for name in archive.namelist() if not name.startswith("checksums")]
        assert medium["sha256"] not in digests
        assert not any(stem.encode() + b".png" in archive.read(name) for name in names)


@pytest.mark.parametrize(
    ("who", "sent", "status"),
    [
        ("requester", {"key": "0" * 64, "reason": "x"}, 404),
        ("requester", {"key": "", "reason": "x"}, 404),
        ("requester", {"reason": "x"}, 400),
        ("requester", {"key": "{key}", "reason": "  "}, 400),
        ("requester", {"key": "{key}", "reason": "x" * 501}, 413),
        ("requester", {"key": "{key}", "reason": "x", "why": 1}, 400),
        ("other_requester", {"key": "{key}", "reason": "x"}, 404),
        ("reviewer", {"key": "{key}", "reason": "x"}, 403),
        (None, {"key": "{key}", "reason": "x"}, 401),
    ],
)
def test_who_withdraws_what(
    shared: World, who: str | None, sent: dict[str, Any], status: int
) -> None:
    key = records(shared)[0]["key"]
    filled = {k: key if v == "{key}" else v for k, v in sent.items()}
    assert shared.post(who, f"{API}/withdrawn", filled).status_code == status
    assert shared.good(shared.get(None, f"{API}/withdrawn")) == []


# --- discussions --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(shared_world: World) -> World:
    """Publish one dataset that these tests only talk about."""
    _project, version = shared_world.frozen(3)
    publish(shared_world, version)
    return shared_world


def test_anybody_with_an_account_speaks_and_the_owner_closes(shared: World) -> None:
    sent = {"title": "授权 <b>", "text": "可以商用吗？\n<script>alert(1)</script>"}
    made = shared.good(shared.post("builder", f"{API}/discussions/", sent), 201)
    path = f"{API}/discussions/{made['id']}/"
    assert ("discussion", f"/datasets/{NAME}/discussions/{made['id']}") in told(shared, "requester")
    shared.good(shared.post("requester", path, {"text": "可以。", "state": "closed"}))
    assert told(shared, "builder")[-1][0] == "discussion"
    assert shared.post("builder", path, {"text": "谢谢"}).status_code == 422
    assert shared.post("annotator", path, {"state": "open"}).status_code == 403
    whole = shared.good(shared.get(None, path))
    assert [post["text"] for post in whole["contributions"]] == [sent["text"], "可以。"]
    assert whole["state"] == "closed"
    page = shared.get(None, f"/datasets/{NAME}/discussions/{made['id']}").text
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    # Strangers do not learn names.
    assert "builder" not in page and "requester" not in page


def test_discussions_have_limits(shared: World) -> None:
    for sent, status in (
        ({"title": "", "text": "x"}, 400),
        ({"title": "x", "text": " "}, 400),
        ({"title": "x" * 201, "text": "x"}, 413),
        ({"title": "x", "text": "x" * 5001}, 413),
        ({"title": "x", "text": "x", "key": "0" * 64}, 404),
        ({"title": "x", "text": "x", "more": 1}, 400),
    ):
        assert shared.post("industry", f"{API}/discussions/", sent).status_code == status, sent
    assert shared.post(None, f"{API}/discussions/", {"title": "x", "text": "x"}).status_code == 401
    for _ in range(30):
        shared.good(
            shared.post("industry", f"{API}/discussions/", {"title": "x", "text": "y"}), 201
        )
    answer = shared.post("industry", f"{API}/discussions/", {"title": "x", "text": "y"})
    assert answer.status_code == 422


def test_a_report_becomes_an_issue_and_an_erratum_tells_who_has_it(either_world: World) -> None:
    world = either_world
    project, version = world.frozen(3)
    publish(world, version)
    row = next(each for each in records(world) if each["data"]["text"] == "天津大学第0号")
    # Three people took files: one the record's shard, one another file, one everything.
    shard = f"/datasets/{NAME}/resolve/v1.0.0/data/{row['split']}-00000-of-00001.parquet"
    assert world.get("company", shard, headers=bearer(world, "company")).status_code == 200
    card = f"/datasets/{NAME}/resolve/v1.0.0/README.md"
    mark = {"X-HF-Download-Counter": "1"}
    world.get("industry", card, headers={**bearer(world, "industry"), **mark})
    world.get("regulator", f"/datasets/{NAME}/archive/v1.0.0.zip")
    sent = {"title": "标错了", "text": "应为地点", "key": row["key"]}
    made = world.good(world.post("builder", f"{API}/discussions/", sent), 201)
    assert made["outcome"] == "open"
    # The project has it as a flag on the record's task, and says who asked.
    flags = world.good(world.get("requester", f"/api/projects/{project}/flags"))["results"]
    (flag,) = flags
    assert "标错了" in flag["text"] and flag["kind"] == "other"
    assert flag["discussion"] == made["id"]
    page = world.get("requester", f"/projects/{project}/flags").text
    assert f"/discussions/{made['id']}" in page
    # What is the same as before is no correction; a version without the record is one.
    asked = {**FACTS, "name": "texts", "kind": "erratum", "corrects": [row["key"]]}
    refused = world.finished(
        world.good(world.post("requester", f"/api/versions/{version}/publish", asked), 202)["id"]
    )
    assert refused["state"] == "done", "the same version again is the release that is there"
    settled = {"outcome": "withdrawn", "answer": "将更正"}
    world.good(world.post("requester", f"/api/projects/{project}/flags/{flag['id']}", settled))
    assert told(world, "builder")[-1] == ("flag", f"/discussions/{made['id']}")
    second = freeze(world, project)
    others = [each["key"] for each in records(world) if each["key"] != row["key"]]
    for wrong in ([others[0]] if len(others) == 1 else [], ["0" * 64], []):
        sent = {**asked, "corrects": wrong}
        job = world.good(world.post("requester", f"/api/versions/{second}/publish", sent), 202)
        assert world.finished(job["id"])["state"] == "failed", wrong
    world.done(world.post("requester", f"/api/versions/{second}/publish", asked))
    whole = world.good(world.get(None, f"{API}/discussions/{made['id']}/"))
    assert whole["outcome"] == "withdrawn" and whole["corrected_by"]
    assert row["key"] in world.get(None, f"/datasets/{NAME}").text
    assert "v1.1.0" in world.get(None, f"/datasets/{NAME}/discussions/{made['id']}").text
    erratum = ("erratum", f"/datasets/{NAME}?revision=v1.1.0")
    assert erratum in told(world, "company") and erratum in told(world, "regulator")
    assert erratum not in told(world, "industry")
    assert ("erratum", f"/datasets/{NAME}/discussions/{made['id']}") in told(world, "builder")


def bearer(world: World, who: str) -> dict[str, str]:
    """Return the header that every protocol knows."""
    return {"Authorization": f"Bearer {world.tokens[who]}"}


# --- differences and ids ------------------------------------------------------------------------


def test_versions_are_compared_by_record(either_world: World) -> None:
    world = either_world
    project, version = world.frozen(3)
    publish(world, version)
    world.import_list(project, [{"text": "天津大学新校区"}])
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
    made = world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
    path = f"/api/annotations/{made['id']}/reviews"
    world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    before = {row["key"]: row for row in records(world)}
    publish(world, freeze(world, project))
    after = {row["key"]: row for row in records(world)}
    found = world.good(world.get(None, f"{API}/compare/v1.0.0...v1.1.0?kind=added"))
    assert [each["key"] for each in found["results"]] == sorted(after.keys() - before.keys())
    changed = [key for key in before if before[key] != after[key]]
    assert (found["added"], found["removed"]) == (1, 0)
    assert (found["changed"], found["same"]) == (len(changed), 3 - len(changed))
    back = world.good(world.get(None, f"{API}/compare/v1.1.0...v1.0.0?kind=removed&page_size=1"))
    assert (back["added"], back["removed"], len(back["results"])) == (0, 1, 1)
    assert world.get(None, f"/datasets/{NAME}/compare/v1.0.0...v1.1.0").status_code == 200
    for pair, status in (("v1.0.0", 400), ("v1.0.0...", 400), ("v1.0.0...v9.0.0", 404)):
        assert world.get(None, f"{API}/compare/{pair}").status_code == status


def test_lasting_ids_lead_to_their_pages(shared: World) -> None:
    page = shared.get(None, f"/datasets/{NAME}").text
    ids = set(re.findall(r"/id/([0-9a-f-]{36})", page))
    assert len(ids) == 2
    places = [shared.get(None, f"/id/{uid}").location for uid in ids]
    assert sorted(places) == [f"/datasets/{NAME}", f"/datasets/{NAME}?revision=v1.0.0"]
    for strange in ("0" * 36, "x", "../etc"):
        assert shared.get(None, f"/id/{strange}").status_code == 404


# --- downloads ----------------------------------------------------------------------------------


def test_downloads_say_how_many_and_by_how_many(either_world: World) -> None:
    world = either_world
    _project, version = world.frozen(2)
    publish(world, version)
    archive = f"/datasets/{NAME}/archive/v1.0.0.zip"
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        world.plain.get(archive, environ_base={"REMOTE_ADDR": address})
    world.get("builder", archive)
    found = world.good(world.get(None, f"{API}/downloads"))
    assert (found["downloads"], found["visitors"]) == (4, 3)
    assert (found["recent_downloads"], found["recent_visitors"]) == (4, 3)
    assert found["by_client"] == {"archive": 4}
    with world.installation.database.read() as session:
        kept = list(session.scalars(sa.select(DownloadVisit.visitor)))
        dataset = session.scalars(sa.select(Dataset)).one()
        builder = session.scalars(sa.select(User.id).where(User.username == "builder")).one()
        assert downloads.owners(session, dataset.newest_id or 0, ["data/any"]) == {builder}
    assert not any("192.0.2" in visitor for visitor in kept)
    page = world.get(None, f"/datasets/{NAME}").text
    assert "192.0.2" not in page


# --- browsing -----------------------------------------------------------------------------------


def test_facets_count_what_the_list_has(shared: World) -> None:
    everything = shared.good(shared.get(None, "/api/catalogue/"))
    facets = everything["facets"]
    assert facets["organisation"] == [["alpha", 1]] and facets["format"]
    for facet, values in facets.items():
        for value, number in values:
            found = shared.good(shared.get(None, "/api/catalogue/", query_string={facet: value}))
            assert len(found["results"]) == number, (facet, value)
    assert shared.good(shared.get(None, "/api/catalogue/?domain=nowhere"))["results"] == []
    assert shared.get(None, "/api/catalogue/?sort=price").status_code == 400


def test_records_without_a_name_are_called_in_the_readers_language(shared: World) -> None:
    key = records(shared)[0]["key"]
    for path in (
        f"/datasets/{NAME}",
        f"/datasets/{NAME}/records",
        f"/datasets/{NAME}/records/{key}",
    ):
        english = shared.get(None, f"{path}?language=en").text
        chinese = shared.get(None, f"{path}?language=zh").text
        assert re.search(r">item \d+<", english) and not re.search(r"第 \d+ 项", english), path
        assert re.search(r">第 \d+ 项<", chinese) and "item " not in chinese, path


def test_records_are_found_by_split_and_label(shared: World) -> None:
    everything = records(shared)
    for split in ("train", "validation", "test"):
        wanted = [row["key"] for row in everything if row["split"] == split]
        assert [row["key"] for row in records(shared, split=split)] == wanted
    assert [row["key"] for row in records(shared, label="ORG")] == [r["key"] for r in everything]
    assert records(shared, label="LOC") == []
    for strange in ("label=none", "split=none", "after=x", "after=-1"):
        assert shared.get(None, f"{API}/records?{strange}").status_code == 400

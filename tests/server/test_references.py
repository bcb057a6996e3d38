"""Assets that are only referred to, by API, page, address of a medium and command."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from minio import Minio

from jinbiao.tests.server.command import Command
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.test_media_cleaning import cleaned
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import BOXES, SECRET, World, picture
from jinbiao.tests.services import S3Account


@dataclass
class Place:
    """A world, a bucket with two pictures, and a library that refers to them."""

    world: World
    client: Minio
    account: S3Account
    library: int
    feed: int

    def put(self, key: str, content: bytes) -> None:
        """Put an object."""
        self.client.put_object(self.account.bucket, key, io.BytesIO(content), len(content))

    def run(self) -> dict[str, Any]:
        """Run the feed; return what it found."""
        return self.world.done(self.world.post("requester", f"/api/feeds/{self.feed}/run", {}))

    def assets(self) -> list[dict[str, Any]]:
        """List the held assets."""
        path = f"/api/libraries/{self.library}/assets/?state=held"
        rows: list[dict[str, Any]] = self.world.good(self.world.get("requester", path))["results"]
        return sorted(rows, key=lambda row: str(row["name"]))


def told_of(account: S3Account, **values: Any) -> dict[str, Any]:
    """Return what is said of a bucket."""
    return {
        "kind": "s3",
        "endpoint": account.endpoint,
        "bucket": account.bucket,
        "access_key": account.access_key,
        "secret_key": account.secret_key,
        **values,
    }


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path, s3: S3Account) -> Iterator[Place]:
    """Open a world that refers to a bucket."""
    world = connected(populated, tmp_path / "home")
    host = s3.endpoint.removeprefix("http://")
    client = Minio(host, s3.access_key, s3.secret_key, secure=False, region="us-east-1")
    client.make_bucket(s3.bucket)
    library = int(
        world.good(world.post("requester", "/api/libraries/", {"title": "料"}), 201)["id"]
    )
    asked = told_of(s3, library=library, keeps="references")
    feed = int(world.good(world.post("requester", "/api/feeds/", asked), 201)["id"])
    made = Place(world, client, s3, library, feed)
    made.put("a.png", picture(1, (200, 100)))
    made.put("b.png", picture(2))
    yield made
    world.installation.close()


def test_assets_are_shown_from_the_bucket_to_those_who_may_see_them(place: Place) -> None:
    world = place.world
    assert place.run()["brought"] == 2
    first, second = place.assets()
    whole = picture(1, (200, 100))
    told = world.good(world.get("requester", f"/api/assets/{first['id']}/"))
    bucket = place.account.bucket
    assert told["reference"] == {"bucket": bucket, "key": "a.png", "lost_at": None}
    answer = world.get("requester", told["file"])
    assert (answer.status_code, answer.data) == (200, whole)
    part = world.get("requester", told["file"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, whole[10:20])
    assert world.get("other_requester", told["file"]).status_code == 404
    assert f"{bucket}/a.png" in world.get("requester", f"/assets/{first['id']}").text
    feed = world.good(world.get("requester", f"/api/feeds/{place.feed}/"))
    size = first["size"] + second["size"]
    assert feed["references"] == {"objects": 2, "lost": 0, "bytes": size}
    assert feed["options"]["keeps"] == "references"
    assert place.account.secret_key not in str(feed)
    place.put("a.png", picture(7))
    answer = world.get("requester", told["file"])
    assert answer.status_code == 404
    assert "a.png" in answer.text and bucket in answer.text
    place.client.remove_object(bucket, "b.png")
    place.run()
    feed = world.good(world.get("requester", f"/api/feeds/{place.feed}/"))
    assert (feed["references"]["objects"], feed["references"]["lost"]) == (2, 1)
    told = world.good(world.get("requester", f"/api/assets/{second['id']}/"))
    assert told["reference"]["lost_at"]
    for page in (f"/feeds/{place.feed}", f"/feeds?library={place.library}"):
        assert 'data-lost="1"' in world.get("requester", page).text
    assert place.account.secret_key not in world.get("requester", f"/feeds/{place.feed}").text


def test_a_task_shows_what_is_referred_to_to_those_who_see_the_project(place: Place) -> None:
    world = place.world
    place.run()
    project = world.project(config=BOXES)
    sent = world.post("requester", f"/api/libraries/{place.library}/send", {"project": project})
    world.done(sent)
    tasks = world.tasks(project)
    picture_of = {task["data"]["image"] for task in tasks}
    answers = [world.get("requester", each) for each in picture_of]
    assert {each.data for each in answers} == {picture(1, (200, 100)), picture(2)}
    assert world.get("other_requester", picture_of.pop()).status_code == 404


def test_a_recipe_cleans_what_is_referred_to(place: Place) -> None:
    place.run()
    place.put("b.png", picture(9))
    records = cleaned(place.world, place.library, "image.decode", "image.upright")
    assert (records["a.png"].state, records["b.png"].state) == ("kept", "dropped")
    assert records["b.png"].reason == "failed", "what is not there as it was is not taken"


def test_the_first_word_on_deleting_is_no(place: Place) -> None:
    world, path = place.world, f"/api/feeds/{place.feed}/"
    place.run()
    refused = world.ask("DELETE", path, "requester")
    assert refused.status_code == 422 and "2" in refused.text
    browser = Browser(world)
    browser.sign_in("requester")
    page = f"/feeds/{place.feed}"
    assert 'name="confirmed"' in browser.client.get(page).text
    assert browser.post(page, page, act="delete").status_code == 422
    assert browser.post(page, page, act="delete", confirmed="true").status_code == 303
    assert place.assets() == []


def test_bad_values_and_projects_are_answered_with_the_field(place: Place) -> None:
    world = place.world
    for values in (
        {"library": place.library, "keeps": "links"},
        {"library": place.library, "keeps": 1},
        {"project": world.project(), "keeps": "references"},
    ):
        answer = world.post("requester", "/api/feeds/", told_of(place.account, **values))
        assert answer.status_code == 400 and "keeps" in answer.text, values
    folder = {"kind": "folder", "path": "/x", "keeps": "references", "library": place.library}
    answer = world.post("requester", "/api/feeds/", folder)
    assert answer.status_code == 400 and "keeps" in answer.text
    place.run()
    answer = world.patch("requester", f"/api/feeds/{place.feed}/", {"keeps": "copies"})
    assert answer.status_code == 400 and "keeps" in answer.text


def test_the_page_offers_both_and_only_before_the_first_run(place: Place) -> None:
    world = place.world
    offered = 'type="radio" name="keeps" value="references"'
    assert offered in world.get("requester", f"/feeds?library={place.library}").text
    project = world.project()
    assert offered not in world.get("requester", f"/feeds?project={project}").text
    assert f"{offered} checked" in world.get("requester", f"/feeds/{place.feed}").text
    place.run()
    assert offered not in world.get("requester", f"/feeds/{place.feed}").text


def test_the_command_adds_one_that_refers(place: Place, tmp_path: Path) -> None:
    environment = {
        "JINBIAO_LANGUAGE": "en",
        "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.0/8",
        "JINBIAO_SECRET_KEY": SECRET,
        "JINBIAO_DATABASE_URL": place.world.installation.settings.database_url,
    }
    command = Command(place.world.installation.settings.home, environment)
    key = tmp_path / "key"
    key.write_text(place.account.secret_key)
    access = tmp_path / "access"
    access.write_text(place.account.access_key)
    number = command.good(
        *("feed", "add", "s3", "--library", str(place.library), "--as", "requester"),
        *("--set", f"bucket={place.account.bucket}", "--set", "keeps=references"),
        *("--set", f"endpoint={place.account.endpoint}", "--title", "引用"),
        *("--secret", f"access_key={access}", "--secret", f"secret_key={key}"),
    ).last
    feed = place.world.good(place.world.get("requester", f"/api/feeds/{number}/"))
    assert feed["options"]["keeps"] == "references"
    command.good("feed", "run", number, "--as", "requester")
    assert "refers to 2, 0 lost" in command.good("feed", "list", "--as", "requester").out

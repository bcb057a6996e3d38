"""Archives are resumed: single ranges of the same bytes, whoever asks and however often."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.checksums import ObjectCrc
from jinbiao.tests.server.world import FACTS, World

ARCHIVE = "/datasets/alpha/{}/archive/v1.0.0"
BOTH = pytest.mark.parametrize("ending", [".zip", ".bag.zip"])


@pytest.fixture(scope="module")
def world(shared_world: World) -> Iterator[World]:
    """Publish a dataset in the open, and under conditions."""
    _project, version = shared_world.frozen(4)
    for name in ("open", "conditional"):
        asked = {**FACTS, "name": name, "title": name, "openness": name}
        if name == "conditional":
            asked["open_condition"] = "仅供研究"
        path = f"/api/versions/{version}/publish"
        shared_world.done(shared_world.post("requester", path, asked))
    yield shared_world


def counted(world: World) -> int:
    """Tell how often the open dataset was downloaded."""
    with world.installation.database.read() as session:
        return session.scalars(sa.select(Dataset.downloads).filter_by(name="open")).one()


@BOTH
def test_what_broke_off_goes_on_where_it_was(world: World, ending: str) -> None:
    path = ARCHIVE.format("open") + ending
    whole = world.get(None, path)
    size = len(whole.data)
    assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "bytes")
    before = counted(world)
    for broke in (1, 29, size // 3, size - 30, size - 1):
        # As curl -C - does: what came, and then all from there on.
        first = world.get(None, path, headers={"Range": f"bytes=0-{broke - 1}"})
        rest = world.get(None, path, headers={"Range": f"bytes={broke}-"})
        assert (first.status_code, rest.status_code) == (206, 206)
        assert first.headers["Content-Range"] == f"bytes 0-{broke - 1}/{size}"
        assert rest.headers["Content-Range"] == f"bytes {broke}-{size - 1}/{size}"
        assert (first.content_length, rest.content_length) == (broke, size - broke)
        assert first.headers["ETag"] == rest.headers["ETag"] == whole.headers["ETag"]
        assert first.data + rest.data == whole.data
    with zipfile.ZipFile(io.BytesIO(first.data + rest.data)) as opened:
        assert opened.testzip() is None
    # What was begun counts, what goes on does not.
    assert counted(world) == before + 5


@BOTH
def test_a_head_says_how_long_it_is(world: World, ending: str) -> None:
    path, before = ARCHIVE.format("open") + ending, counted(world)
    for headers in ({}, {"Range": "bytes=5-9"}):
        head = world.ask("HEAD", path, headers=headers)
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Accept-Ranges"] == "bytes"
    assert counted(world) == before
    whole = world.get(None, path)
    assert head.content_length == len(whole.data) and head.headers["ETag"] == whole.headers["ETag"]


@BOTH
def test_ranges_in_all_their_forms(world: World, ending: str) -> None:
    path = ARCHIVE.format("open") + ending
    whole = world.get(None, path)
    size, mark = len(whole.data), whole.headers["ETag"]
    before = counted(world)
    last = world.get(None, path, headers={"Range": "bytes=-22"})
    assert (last.status_code, last.data) == (206, whole.data[-22:])
    for asked in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        beyond = world.get(None, path, headers={"Range": asked})
        assert (beyond.status_code, beyond.data) == (416, b"")
        assert beyond.headers["Content-Range"] == f"bytes */{size}"
    assert counted(world) == before
    same = world.get(None, path, headers={"Range": "bytes=100-", "If-Range": mark})
    assert (same.status_code, same.data) == (206, whole.data[100:])
    for headers in (
        {"Range": "bytes=100-", "If-Range": '"another"'},
        {"Range": "bytes=0-5,10-20"},
        {"Range": "lines=1-2"},
    ):
        answer = world.get(None, path, headers=headers)
        assert (answer.status_code, answer.data) == (200, whole.data)
    have = world.get(None, path, headers={"If-None-Match": mark})
    assert (have.status_code, have.data) == (304, b"")


@BOTH
def test_a_release_from_before_sums_were_kept_is_resumed_and_they_are_kept(
    world: World, ending: str
) -> None:
    path = ARCHIVE.format("open") + ending
    whole = world.get(None, path).data
    with world.installation.database.write() as session:
        known = {row.digest: row.crc for row in session.scalars(sa.select(ObjectCrc))}
        session.execute(sa.delete(ObjectCrc))
    half = len(whole) // 2
    assert world.get(None, path, headers={"Range": f"bytes={half}-"}).data == whole[half:]
    with world.installation.database.read() as session:
        found = {row.digest: row.crc for row in session.scalars(sa.select(ObjectCrc))}
    # The bag's own lists are in no store, so nothing is kept of them.
    assert found and found.items() <= known.items()
    assert world.get(None, path, headers={"Range": f"bytes={half}-"}).data == whole[half:]


@BOTH
def test_a_range_needs_the_same_right_as_the_whole(world: World, ending: str) -> None:
    path, headers = ARCHIVE.format("conditional") + ending, {"Range": "bytes=0-9"}
    assert world.get(None, path, headers=headers).status_code == 401
    assert world.get("other_requester", path, headers=headers).status_code == 403
    admitted = world.get("requester", path, headers=headers)
    assert (admitted.status_code, admitted.data[:4]) == (206, b"PK\x03\x04")
    assert admitted.headers["Cache-Control"] == "private, no-store"

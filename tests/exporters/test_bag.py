"""The bag: its manifests cover everything, and it is the same bytes every time."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import zipfile

from jinbiao.datasets.catalogue import Dataset, Release
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.people import Organisation
from jinbiao.datasets.storage import FolderStorage
from jinbiao.exporters.bag import Bag, bag


def made(store: FolderStorage, *paths: str) -> Bag:
    dataset = Dataset(
        organisation=Organisation(slug="agency", name="津市\n某局"), name="texts", title="新"
    )
    release = Release(
        tag="v1.0.0",
        uid="0-1",
        card='{"pretty_name":"文本"}',
        published_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
    )
    files = []
    for path in paths:
        stored = store.put_bytes(path.encode())
        files.append(WrittenFile(path, stored.digest, stored.size))
    return bag(dataset, release, files)


def test_manifests_cover_every_file_and_every_tag_file(objects: FolderStorage) -> None:
    paths = ("README.md", "说明/标注 规范 #1.md", "data/a.parquet")
    told = made(objects, *paths)
    data = b"".join(told.stream(objects))
    assert len(data) == told.size
    assert data == b"".join(made(objects, *reversed(paths)).stream(objects))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        top = "agency-texts-v1.0.0/"
        files = {name.removeprefix(top): opened.read(name) for name in opened.namelist()}
    assert {f"data/{path}": path.encode() for path in paths}.items() <= files.items()
    manifest = dict(reversed(line.split("  ", 1)) for line in lines(files, "manifest-sha256.txt"))
    assert manifest == {f"data/{path}": hashlib.sha256(path.encode()).hexdigest() for path in paths}
    tags = dict(reversed(line.split("  ", 1)) for line in lines(files, "tagmanifest-sha256.txt"))
    assert tags == {
        name: hashlib.sha256(files[name]).hexdigest()
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")
    }
    info = dict(line.split(": ", 1) for line in lines(files, "bag-info.txt"))
    size = sum(len(path.encode()) for path in paths)
    assert info["Payload-Oxum"] == f"{size}.3"
    # What was said at publishing, in one line each.
    assert (info["External-Description"], info["Source-Organization"]) == ("文本", "津市 某局")
    assert info["Bagging-Date"] == "2026-03-04"
    assert lines(files, "bagit.txt")[0] == "BagIt-Version: 1.0"


def test_a_per_cent_sign_in_a_path_is_written_as_readers_read_it(objects: FolderStorage) -> None:
    told = made(objects, "100%.md")
    tags = {file.path.partition("/")[2]: file.digest for file in told.files}
    assert told.own[tags["bagit.txt"]].startswith(b"BagIt-Version: 0.97\n")
    assert told.own[tags["manifest-sha256.txt"]].endswith(b"  data/100%.md\n")


def lines(files: dict[str, bytes], name: str) -> list[str]:
    """Return the lines of a tag file."""
    return files[name].decode().splitlines()

"""One specification of the object store, run on a folder and on a real S3 service."""

from __future__ import annotations

import hashlib
import io
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jinbiao
from jinbiao.datasets import storage
from jinbiao.datasets.errors import Damaged, Invalid, NotFound, TooLarge, Unavailable
from jinbiao.datasets.storage import FolderStorage, ObjectStore, S3Storage, StoredObject
from jinbiao.tests.services import S3Account, free_ports

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MISSING = "0" * 64
# FIPS 180-4 examples, as published by NIST.
VECTORS = {
    b"": EMPTY,
    b"abc": ABC,
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
}
PRIVATE = "a-secret-nobody-may-see"

Unhurried = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def s3_storage(account: S3Account, **changes: object) -> S3Storage:
    """Open the account's bucket as a store whose public address is the same."""
    values: dict[str, object] = {
        "access_key": account.access_key,
        "secret_key": account.secret_key,
        "bucket": account.bucket,
        "public_endpoint": account.endpoint,
    }
    return S3Storage(account.endpoint, **(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "objects")


@pytest.fixture
def bucket(s3: S3Account) -> S3Storage:
    return s3_storage(s3)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    chosen: ObjectStore = request.getfixturevalue(request.param)
    return chosen


class Endless(io.RawIOBase):
    """Zeros for ever, or up to `size`, counted while they are read."""

    def __init__(self, size: int | None = None) -> None:
        self.given, self._size = 0, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        count = len(buffer) if self._size is None else min(len(buffer), self._size - self.given)
        buffer[:count] = bytes(count)
        self.given += count
        return count


class Broken(io.RawIOBase):
    """Some bytes, and then the sender is gone."""

    def __init__(self) -> None:
        self._first = True

    def read(self, size: int = -1) -> bytes:
        if not self._first:
            raise ConnectionResetError("the sender is gone")
        self._first = False
        return b"x" * 1000


# --- what goes in comes out ------------------------------------------------------------------


def test_known_digests(store: ObjectStore) -> None:
    for data, digest in VECTORS.items():
        assert store.put_bytes(data) == StoredObject(digest, len(data))
        assert store.read(digest) == data
        assert store.size(digest) == len(data)
    assert list(store.digests()) == sorted(VECTORS.values())


@Unhurried
@given(data=st.binary(max_size=5000), start=st.integers(0, 6000), length=st.integers(0, 6000))
def test_any_bytes_and_any_range(store: ObjectStore, data: bytes, start: int, length: int) -> None:
    stored = store.put(io.BytesIO(data))
    assert stored == StoredObject(hashlib.sha256(data).hexdigest(), len(data))
    with store.open(stored.digest, start, length) as stream:
        assert stream.read() == data[start : start + length]
    with store.open(stored.digest, start) as stream:
        assert stream.read() == data[start:]


@pytest.mark.parametrize("size", [storage.PART - 1, storage.PART, 2 * storage.PART + 1])
def test_around_the_size_of_a_part(store: ObjectStore, size: int) -> None:
    data = os.urandom(1 << 16) * (size // (1 << 16) + 1)
    data = data[:size]
    stored = store.put_bytes(data)
    assert stored == StoredObject(hashlib.sha256(data).hexdigest(), size)
    assert store.read(stored.digest) == data
    with store.open(stored.digest, size - 3, 100) as stream:
        assert stream.read() == data[-3:]
    store.delete(stored.digest)
    assert store.size(stored.digest) is None


def test_streams_at_constant_memory(store: ObjectStore) -> None:
    size = 96 << 20
    store.check()
    tracemalloc.start()
    try:
        stored = store.put(io.BufferedReader(Endless(size)))
        with store.open(stored.digest) as stream:
            total = sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == stored.size == size
    assert peak < 72 << 20


def test_the_same_bytes_are_stored_once(store: ObjectStore) -> None:
    assert store.put_bytes(b"abc") == store.put(io.BytesIO(b"abc"))
    assert list(store.digests()) == [ABC]


def test_many_small_objects_go_in_together(store: ObjectStore) -> None:
    contents = [b"a", b"", b"b" * 100, b"a"]
    stored = store.put_many(contents)
    assert stored == [store.put_bytes(data) for data in contents]
    assert [store.read(found.digest) for found in stored] == contents
    assert store.put_many([]) == []
    assert len(list(store.digests())) == 3


def test_the_folder_is_clean_after_many_that_failed(folder: FolderStorage, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        folder.put_many([b"a", "no bytes"])  # type: ignore[list-item]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_many_put_the_same_bytes_at_once(store: ObjectStore) -> None:
    data = b"same" * 50_000
    with ThreadPoolExecutor(6) as pool:
        results = set(pool.map(store.put_bytes, [data] * 6))
    (stored,) = results
    assert list(store.digests()) == [stored.digest]
    assert store.read(stored.digest) == data


# --- ranges ----------------------------------------------------------------------------------


def test_ranges_near_the_end(store: ObjectStore) -> None:
    digest = store.put_bytes(b"0123456789").digest
    for start, length, expected in [
        (9, None, b"9"), (9, 1, b"9"), (9, 5, b"9"), (8, 2, b"89"), (0, 10, b"0123456789"),
        (10, None, b""), (10, 1, b""), (99, 5, b""), (3, 0, b""), (0, 1, b"0"),
    ]:  # fmt: skip
        with store.open(digest, start, length) as stream:
            assert stream.read() == expected, (start, length)
    for start, length in [(-1, None), (0, -1)]:
        with pytest.raises(Invalid):
            store.open(digest, start, length)


def test_a_range_is_a_seekable_stream(store: ObjectStore) -> None:
    digest = store.put_bytes(b"0123456789").digest
    with store.open(digest, 2, 6) as stream:
        assert stream.seek(0, os.SEEK_END) == 6
        assert stream.read() == b""
        assert stream.seek(-2, os.SEEK_END) == 4
        assert stream.read() == b"67"
        assert stream.seek(1) == 1
        assert stream.read(2) == b"34"
        assert stream.tell() == 3
    assert stream.closed


def test_a_range_far_in_does_not_read_what_is_before(store: ObjectStore) -> None:
    size = 48 << 20
    digest = store.put(io.BufferedReader(Endless(size))).digest
    tracemalloc.start()
    try:
        with store.open(digest, size - 10) as stream:
            assert stream.read() == bytes(10)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


# --- limits and failures leave nothing -------------------------------------------------------


def test_a_limit_is_a_limit(store: ObjectStore) -> None:
    assert store.put(io.BytesIO(b"abc"), limit=3).digest == ABC
    with pytest.raises(TooLarge, match="3"):
        store.put(io.BytesIO(b"abcd"), limit=3)
    with pytest.raises(TooLarge):
        store.put(io.BytesIO(b"a"), limit=0)
    assert list(store.digests()) == [ABC]


def test_a_stream_without_end_is_not_read_far_beyond_the_limit(store: ObjectStore) -> None:
    endless = Endless()
    with pytest.raises(TooLarge):
        store.put(io.BufferedReader(endless), limit=100)
    assert endless.given <= 2 << 20
    assert list(store.digests()) == []


def test_an_interrupted_sender_leaves_nothing(store: ObjectStore) -> None:
    with pytest.raises(ConnectionResetError):
        store.put(Broken())  # type: ignore[arg-type]
    assert list(store.digests()) == []


def test_an_empty_store(store: ObjectStore) -> None:
    assert list(store.digests()) == []
    assert store.size(MISSING) is None
    assert store.path(MISSING) is None
    store.delete(MISSING)
    for read in (store.open, store.read, lambda digest: store.open(digest, 5, 0)):
        with pytest.raises(NotFound, match=MISSING):
            read(MISSING)


def test_missing_and_deleted(store: ObjectStore) -> None:
    store.put_bytes(b"abc")
    with pytest.raises(NotFound):
        store.open(MISSING)
    store.delete(MISSING)
    store.delete(ABC)
    store.delete(ABC)
    assert store.size(ABC) is None
    assert list(store.digests()) == []


@pytest.mark.parametrize(
    "digest",
    ["", "abc", "../" * 10 + "etc/passwd", ABC.upper(), ABC + "\n", ABC[:-1] + "/", "é" * 64],
)
def test_only_digests_are_names(store: ObjectStore, digest: str) -> None:
    calls: list[Callable[[str], object]] = [
        store.open, store.read, store.size, store.delete, store.path,
        lambda name: store.open(name, 0, 0),
        lambda name: store.link(name, file_name="a", content_type="a/b", seconds=9),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(Invalid):
            call(digest)


def test_check_prepares_and_can_be_repeated(store: ObjectStore) -> None:
    store.check()
    store.check()
    assert list(store.digests()) == []


# --- the folder ------------------------------------------------------------------------------


def files_below(root: Path) -> list[str]:
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def test_the_folder_holds_one_sharded_file_an_object(folder: FolderStorage, tmp_path: Path) -> None:
    folder.put_bytes(b"abc")
    folder.put_bytes(b"abc")
    assert files_below(tmp_path) == [f"objects/ba/78/{ABC}"]
    path = folder.path(ABC)
    assert path is not None and path.read_bytes() == b"abc"
    assert folder.link(ABC, file_name="a", content_type="text/plain", seconds=60) is None


def test_the_folder_is_clean_after_refusals(folder: FolderStorage, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        folder.put(io.BytesIO(bytes(5 << 20)), limit=4 << 20)
    with pytest.raises(ConnectionResetError):
        folder.put(Broken())  # type: ignore[arg-type]
    folder.check()
    assert files_below(tmp_path) == []


def test_foreign_files_are_no_objects(folder: FolderStorage, tmp_path: Path) -> None:
    folder.put_bytes(b"abc")
    (tmp_path / "objects" / "ba" / "78" / "notes.txt").write_text("mine")
    (tmp_path / "objects" / MISSING).write_text("mine")
    assert list(folder.digests()) == [ABC]


def test_changed_bytes_are_noticed_and_healed_by_a_put(folder: FolderStorage) -> None:
    folder.put_bytes(b"abc")
    path = folder.path(ABC)
    assert path is not None
    path.write_bytes(b"abd")
    with pytest.raises(Damaged, match=ABC):
        folder.read(ABC)
    folder.put_bytes(b"abc")
    assert folder.read(ABC) == b"abc"


def test_an_object_that_shrinks_while_it_is_read_is_noticed(folder: FolderStorage) -> None:
    digest = folder.put_bytes(b"0123456789").digest
    path = folder.path(digest)
    assert path is not None
    with folder.open(digest) as stream:
        os.truncate(path, 4)
        with pytest.raises(Damaged):
            stream.read()


def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = FolderStorage(tmp_path / "file" / "objects")
    for call in (folder.check, lambda: folder.put_bytes(b"abc")):
        with pytest.raises(Unavailable, match="storage folder"):
            call()


SLOW_PUT = """
import io, sys, time
from pathlib import Path
from jinbiao.datasets.storage import FolderStorage
class Slow(io.RawIOBase):
    def read(self, size=-1):
        print("more", flush=True)
        time.sleep(0.02)
        return bytes(100_000)
FolderStorage(Path(sys.argv[1])).put(Slow())
"""


def test_a_killed_put_leaves_no_object(folder: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "jinbiao").symlink_to(Path(jinbiao.__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_PUT, str(tmp_path / "objects")],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "path")},
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        for _ in range(4):
            assert writer.stdout.readline() == b"more\n"
        writer.send_signal(signal.SIGKILL)
    assert list(folder.digests()) == []
    (unfinished,) = (tmp_path / "objects" / "unfinished").iterdir()
    assert unfinished.stat().st_size >= 200_000
    assert folder.sweep_unfinished(older_than_seconds=3600) == 0
    assert folder.sweep_unfinished(older_than_seconds=0) == 1
    assert folder.sweep_unfinished(older_than_seconds=0) == 0
    assert files_below(tmp_path / "objects") == []


# --- S3 --------------------------------------------------------------------------------------


def fetch(link: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(link, timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b"", {}


def test_a_link_downloads_under_the_given_name(bucket: S3Storage) -> None:
    bucket.put_bytes(b"abc")
    name = '津标 "v1"/é.zip'
    link = bucket.link(ABC, file_name=name, content_type="application/zip", seconds=60)
    assert link is not None and "testing" not in link
    status, data, headers = fetch(link)
    assert (status, data) == (200, b"abc")
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == (
        'attachment; filename="__ _v1_/_.zip"; '
        "filename*=UTF-8''%E6%B4%A5%E6%A0%87%20%22v1%22%2F%C3%A9.zip"
    )


def test_a_link_cannot_be_stretched_or_used_late(bucket: S3Storage) -> None:
    bucket.put_bytes(b"abc")
    bucket.put_bytes(b"")
    link = bucket.link(ABC, file_name="a", content_type="text/plain", seconds=1)
    assert link is not None
    assert fetch(link)[0] == 200
    assert fetch(link.replace(ABC, EMPTY))[0] == 403
    assert fetch(link.replace("text%2Fplain", "text%2Fhtml"))[0] == 403
    assert fetch(link.replace("X-Amz-Expires=1&", "X-Amz-Expires=600&"))[0] == 403
    time.sleep(2.1)
    assert fetch(link)[0] == 403
    for seconds in (0, storage.LONGEST_LINK + 1):
        with pytest.raises(Invalid):
            bucket.link(ABC, file_name="a", content_type="text/plain", seconds=seconds)


def test_links_need_a_public_address_and_no_request(s3: S3Account) -> None:
    assert (
        s3_storage(s3, public_endpoint=None).link(ABC, file_name="a", content_type="a/b", seconds=9)
        is None
    )
    public = s3_storage(s3, public_endpoint="https://files.example.org")
    link = public.link(ABC, file_name="a", content_type="a/b", seconds=9)
    assert link is not None
    assert link.startswith(f"https://files.example.org/{s3.bucket}/{ABC}?")


def test_foreign_keys_are_no_objects(s3: S3Account, bucket: S3Storage) -> None:
    bucket.put_bytes(b"abc")
    bucket._client.put_object(s3.bucket, "notes/a.txt", io.BytesIO(b"mine"), 4)
    assert list(bucket.digests()) == [ABC]


def test_changed_bytes_in_the_bucket_are_noticed(s3: S3Account, bucket: S3Storage) -> None:
    bucket.put_bytes(b"abc")
    bucket._client.put_object(s3.bucket, ABC, io.BytesIO(b"abd"), 3)
    with pytest.raises(Damaged, match=ABC):
        bucket.read(ABC)


def test_a_wrong_secret_is_a_clear_error_without_the_secret(
    s3: S3Account, bucket: S3Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket.put_bytes(b"abc")
    thief = s3_storage(replace(s3, secret_key=PRIVATE))
    calls: list[Callable[[], object]] = [
        thief.check, lambda: thief.put_bytes(b"x"), lambda: thief.read(ABC),
        lambda: thief.size(ABC), lambda: thief.delete(ABC), lambda: list(thief.digests()),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(Unavailable, match="refuses our key") as caught:
            call()
        assert PRIVATE not in "".join(str(one) for one in chain(caught.value))
    assert PRIVATE not in repr(thief) + repr(vars(thief)) + caplog.text
    assert bucket.read(ABC) == b"abc"
    forged = thief.link(ABC, file_name="a", content_type="a/b", seconds=9)
    assert forged is not None and fetch(forged)[0] == 403


def chain(error: BaseException | None) -> Iterator[object]:
    while error is not None:
        yield from (error, repr(error), error.args)
        error = error.__cause__


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # since Python 3.12
def test_a_forked_job_has_connections_of_its_own(bucket: S3Storage) -> None:
    digests = [bucket.put_bytes(bytes([number]) * 1000).digest for number in range(4)]

    def read_all() -> None:
        for digest in digests * 5:
            bucket.read(digest)

    jobs = [multiprocessing.get_context("fork").Process(target=read_all) for _ in range(2)]
    for job in jobs:
        job.start()
    read_all()
    for job in jobs:
        job.join(20)
        assert job.exitcode == 0
        job.close()


def test_nobody_there_is_unavailable_soon(s3: S3Account) -> None:
    (port,) = free_ports(1)
    gone = s3_storage(replace(s3, endpoint=f"http://127.0.0.1:{port}"))
    began = time.monotonic()
    for call in (gone.check, lambda: gone.put_bytes(b"x"), lambda: gone.open(ABC)):
        with pytest.raises(Unavailable, match=r"does not answer.*NewConnection"):
            call()
    assert time.monotonic() - began < 10


def test_a_silent_service_is_unavailable_after_a_while(s3: S3Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        mute = s3_storage(replace(s3, endpoint=address), read_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"does not answer.*Timeout"):
            mute.read(ABC)
        assert time.monotonic() - began < 5


def test_a_connection_that_breaks_is_not_a_shorter_object(s3: S3Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as half:

        def answer() -> None:
            client, _ = half.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

        thread = threading.Thread(target=answer)
        thread.start()
        broken = s3_storage(replace(s3, endpoint=f"http://127.0.0.1:{half.getsockname()[1]}"))
        with pytest.raises(Unavailable), broken.open(ABC) as stream:
            stream.read()
        thread.join()


@pytest.mark.parametrize(
    "address",
    ["", "s3.example.org", "ftp://s3.example.org", "https://", f"https://me:{PRIVATE}@s3.example.org",
     "https://s3.example.org/path", "https://s3.example.org?x=1", "https://s3.example.org:port",
     "https://s3.example.org:99999", "https://-s3.example.org", "https://..", "http://[::g]"],
)  # fmt: skip
def test_a_wrong_address_is_refused_at_once(s3: S3Account, address: str) -> None:
    with pytest.raises(Invalid) as caught:
        s3_storage(replace(s3, endpoint=address))
    assert PRIVATE not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "ab", "Upper", "a/b", "a" * 64, "../etc", "a..b", "192.168.1.1"]
)
def test_a_wrong_bucket_name_is_refused_at_once(s3: S3Account, name: str) -> None:
    with pytest.raises(Invalid):
        s3_storage(replace(s3, bucket=name))

"""Send stored bytes: any range, any name, no running content."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from jinbiao.datasets import errors
from jinbiao.datasets.storage import FolderStorage, ObjectStore, S3Storage
from jinbiao.server import files
from jinbiao.tests.services import S3Account

DATA = bytes(range(256)) * 4


@dataclass
class Served:
    """One stored object behind one address."""

    store: ObjectStore
    digest: str
    size: int
    content_type: str = "application/octet-stream"
    file_name: str = "a.bin"
    link_seconds: int | None = None

    def client(self) -> FlaskClient:
        """Give a client of an app that sends the object at `/`."""
        app = flask.Flask("files")

        @app.get("/")
        def show() -> flask.Response:
            return files.send(
                self.store,
                self.digest,
                self.size,
                content_type=self.content_type,
                file_name=self.file_name,
                headers={"X-Repo-Commit": "c" * 40},
                link_seconds=self.link_seconds,
            )

        return app.test_client()

    def get(self, *, method: str = "GET", **headers: str) -> TestResponse:
        """Ask for the object."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client().open("/", method=method, headers=named, buffered=True)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """Serve DATA from a folder."""
    store = FolderStorage(tmp_path)
    put = store.put_bytes(DATA)
    return Served(store, put.digest, put.size)


def test_all_bytes_come_with_what_clients_need(served: Served) -> None:
    response = served.get()
    assert (response.status_code, response.data) == (200, DATA)
    assert response.headers["ETag"] == f'"{served.digest}"'
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Length"] == str(len(DATA))
    assert response.headers["X-Repo-Commit"] == "c" * 40


def test_head_tells_the_true_length_and_sends_nothing(served: Served) -> None:
    response = served.get(method="HEAD", Range="bytes=0-3")
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-", 10, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes=1000-99999999999999999999", 1000, 1024),
        ("BYTES = 3-4", 3, 5),
    ],
)
def test_a_range_is_exactly_the_slice(served: Served, asked: str, start: int, stop: int) -> None:
    response = served.get(Range=asked)
    assert (response.status_code, response.data) == (206, DATA[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
    assert response.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(served: Served, asked: str) -> None:
    response = served.get(Range=asked)
    assert (response.status_code, response.data) == (416, b"")
    assert response.headers["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,4-5", "bytes=5-4", "bytes=-", "lines=0-1", "bytes=a-b", "bytes=٣-٤"]
)
def test_several_or_malformed_ranges_give_everything(served: Served, asked: str) -> None:
    environ = {"HTTP_RANGE": asked.encode().decode("latin-1")}
    response = served.client().get("/", environ_overrides=environ, buffered=True)
    assert (response.status_code, response.data) == (200, DATA)


@given(
    size=st.integers(0, 300),
    first=st.none() | st.integers(0, 10**30) | st.integers(0, 310),
    last=st.none() | st.integers(0, 10**30) | st.integers(0, 310),
)
@example(size=0, first=0, last=None)
def test_any_range_is_the_slice_that_http_means(
    size: int, first: int | None, last: int | None
) -> None:
    data = bytes(n % 251 for n in range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    found = files.byte_range(header, size)
    if first is None and last is None or (None not in (first, last) and last < first):  # type: ignore[operator]
        assert found is None
    elif first is None:
        assert last is not None and found is not None
        assert data[found[0] : found[0] + found[1]] == (data[-last:] if last else b"")
    else:
        expected = data[first : None if last is None else last + 1]
        assert found is not None
        assert data[found[0] : found[0] + found[1]] == expected
        assert found[1] == len(expected)


@given(first=st.integers(0, 1100), length=st.integers(1, 1100))
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_any_range_over_http_is_exactly_the_slice(served: Served, first: int, length: int) -> None:
    response = served.get(Range=f"bytes={first}-{first + length - 1}")
    assert response.data == DATA[first : first + length]
    assert response.status_code == (206 if first < len(DATA) else 416)


def test_an_unchanged_file_is_not_sent_again(served: Served) -> None:
    for tag in (f'"{served.digest}"', f'W/"{served.digest}"', f'"x", "{served.digest}"', "*"):
        response = served.get(If_None_Match=tag)
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == f'"{served.digest}"'
    assert served.get(If_None_Match='"other"').status_code == 200


def test_a_range_of_another_content_is_not_mixed_in(served: Served) -> None:
    assert served.get(Range="bytes=1-2", If_Range='"other"').data == DATA
    same = served.get(Range="bytes=1-2", If_Range=f'"{served.digest}"')
    assert (same.status_code, same.data) == (206, DATA[1:3])


@pytest.mark.parametrize(
    ("told", "sent", "kind"),
    [
        ("image/png", "image/png", "inline"),
        ("application/json", "application/json", "inline"),
        ("text/plain", "text/plain; charset=utf-8", "inline"),
        ("text/html; charset=utf-8", "text/plain; charset=utf-8", "attachment"),
        ("image/svg+xml", "text/plain; charset=utf-8", "attachment"),
        ("application/xhtml+xml", "text/plain; charset=utf-8", "attachment"),
        ("application/javascript", "text/plain; charset=utf-8", "attachment"),
        ("application/zip", "application/zip", "attachment"),
        ("x/y", "application/octet-stream", "attachment"),
    ],
)
def test_nothing_runs_in_a_browser(served: Served, told: str, sent: str, kind: str) -> None:
    served.content_type = told
    response = served.get()
    assert response.headers["Content-Type"] == sent
    assert response.headers["Content-Disposition"].startswith(f"{kind};")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_any_name_fits_into_a_header(served: Served) -> None:
    served.file_name = '焊 缝"\r\nSet-Cookie: a=b.png'
    shown = served.get().headers["Content-Disposition"]
    assert shown.isascii() and "\r" not in shown and "\n" not in shown
    assert "filename*=UTF-8''%E7%84%8A%20%E7%BC%9D%22%0D%0A" in shown


def test_missing_bytes_are_damage(served: Served) -> None:
    served.store.delete(served.digest)
    client = served.client()
    client.application.testing = True
    with pytest.raises(errors.Damaged):
        client.get("/")


def test_bytes_that_end_early_break_the_transfer(served: Served) -> None:
    served.size += 1
    with pytest.raises(errors.Damaged):
        served.get()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Served]:
    """Serve a sparse file of 300 MB; the store does not look at its digest."""
    digest, size = "a" * 64, 300_000_000
    path = tmp_path / "aa" / "aa" / digest
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - 5)
        file.write(b"12345")
    yield Served(FolderStorage(tmp_path), digest, size)


def test_the_end_of_a_large_file_is_as_near_as_its_start(large: Served) -> None:
    begun = time.monotonic()
    for _again in range(50):
        assert large.get(Range="bytes=299999995-").data == b"12345"
        assert large.get(Range="bytes=-3").data == b"345"
    assert time.monotonic() - begun < 5


def test_a_large_file_is_sent_in_small_pieces_and_closed(large: Served) -> None:
    before = len(os.listdir("/proc/self/fd"))
    response = large.client().get("/")
    pieces = response.iter_encoded()
    assert max(len(next(iter(pieces))) for _piece in range(20)) <= files.CHUNK
    response.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_public_store_sends_the_bytes_itself(s3: S3Account) -> None:
    store = S3Storage(
        s3.endpoint,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        bucket=s3.bucket,
        public_endpoint=s3.endpoint,
    )
    put = store.put_bytes(DATA)
    served = Served(store, put.digest, put.size, link_seconds=60)
    direct = Served(store, put.digest, put.size)
    response = served.get(Range="bytes=0-3")
    assert response.status_code == 302
    assert put.digest in response.headers["Location"]
    assert response.headers["X-Repo-Commit"] == "c" * 40
    head = served.get(method="HEAD")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(DATA)))
    assert direct.get(Range="bytes=1000-").data == DATA[1000:]

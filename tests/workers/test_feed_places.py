"""Feeds read real places: a bucket, a database of either kind, other catalogues."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from minio import Minio
from werkzeug.serving import make_server

from jinbiao.datasets import catalogue, errors, feeds
from jinbiao.datasets.feeds import FeedObject, RunState, options
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import load
from jinbiao.server import app
from jinbiao.tests.clients import ckan_real, published
from jinbiao.tests.conftest import short_directory
from jinbiao.tests.server.world import picture
from jinbiao.tests.services import S3Account
from jinbiao.tests.services_files import FileServer
from jinbiao.tests.services_postgres import Door
from jinbiao.tests.workers.feeding import Ground, counts, ground, within
from jinbiao.workers.feeds.graphs import read_graph
from jinbiao.workers.feeds.ways import way_of

__all__ = ["ground"]
PASSWORD = "s3cret-of-the-database"


def test_a_bucket_is_copied_once_by_prefix(ground: Ground, s3: S3Account) -> None:
    host = s3.endpoint.removeprefix("http://")
    bucket = Minio(host, s3.access_key, s3.secret_key, secure=False, region="us-east-1")
    bucket.make_bucket(s3.bucket)

    def put(key: str, content: bytes) -> None:
        bucket.put_object(s3.bucket, key, io.BytesIO(content), len(content))

    put("in/板 1.png", picture(1))
    put("in/deep/二.txt", "深处".encode())
    put("in/broken.png", b"\x89PNG no picture")
    put("out/3.txt", b"elsewhere")
    told = {
        "endpoint": s3.endpoint,
        "region": "us-east-1",
        "bucket": s3.bucket,
        "prefix": "in",
        "access_key": s3.access_key,
        "secret_key": s3.secret_key,
        "follows_deletions": True,
    }
    feed = ground.add("s3", **told)
    way_of(ground.installation.settings, feed).check()
    assert s3.secret_key not in feed.options and s3.secret_key not in str(feed.secrets)
    first = ground.run(feed)
    assert (counts(first), first.brought, first.rejected) == ((3, 0, 0, 0), 2, 1)
    assert [asset.kind for asset in ground.assets()] == ["text", "image"]
    assert counts(ground.run(feed)) == (0, 0, 3, 0)
    put("in/deep/二.txt", "改了".encode())
    bucket.remove_object(s3.bucket, "in/板 1.png")
    ended = ground.run(feed)
    assert (counts(ended), ended.withdrawn) == ((0, 1, 1, 1), 2)
    assert ground.texts() == ["改了"]
    wrong = ground.add("s3", **{**told, "secret_key": "wrong"})
    ended = ground.run(wrong)
    assert ended.state == RunState.FAILED and "says no" in str(ended.problem)
    assert "wrong" not in str(ended.error)


def test_a_bucket_that_moves_does_not_get_the_old_keys(ground: Ground) -> None:
    told = {
        "endpoint": "http://127.0.0.1:9000",
        "bucket": "b",
        "secret_key": "k",
        "access_key": "a",
    }
    feed = ground.add("s3", **told)
    settings = ground.installation.settings
    with pytest.raises(errors.Invalid, match="give the keys again"):
        feeds.apply(settings, feed, {"endpoint": "http://127.0.0.1:9001"})


@pytest.fixture
def table(ground: Ground) -> Path:
    """Give a file of SQLite with a table, below the folder that the operator allows."""
    path = ground.folder / "stock.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER, text TEXT, at TEXT)")
        rows = [(number, f"记录 {number}", None) for number in range(1200)]
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?)", rows)
    connection.close()
    return path


def changed(path: Path, statement: str) -> None:
    """Change the table from another program."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_rows_of_a_file_come_once_change_and_go(ground: Ground, table: Path) -> None:
    told = {"url": f"sqlite:///{table}", "query": "SELECT * FROM notes;", "key_column": "id"}
    feed = ground.add("database", follows_deletions=True, **told)
    way_of(ground.installation.settings, feed).check()
    first = ground.run(feed)
    assert (counts(first), first.brought) == ((1200, 0, 0, 0), 1200)
    assert counts(ground.run(feed)) == (0, 0, 1200, 0)
    changed(table, "UPDATE notes SET text = '改过' WHERE id = 7")
    changed(table, "DELETE FROM notes WHERE id > 1190")
    changed(table, "INSERT INTO notes VALUES (7000, '新的', NULL), (NULL, '无键', NULL)")
    changed(table, "INSERT INTO notes VALUES (3, '重复', NULL)")
    ended = ground.run(feed)
    assert counts(ended) == (1, 1, 1190, 9)
    assert (ended.brought, ended.withdrawn, ended.rejected) == (2, 10, 2)
    told_of = ground.rejects(ended)
    assert "the key is empty" in told_of and "more than once" in told_of
    held = {asset.source_key: asset.text for asset in ground.assets()}
    assert held["7"] == "改过" and held["7000"] == "新的" and "1195" not in held


BAD_QUERIES = [
    "DELETE FROM notes",
    "PRAGMA writable_schema = 1",
    "ATTACH '/tmp/other' AS o",
    "/* SELECT */ UPDATE notes SET text = 'x'",
    "",
]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_what_is_no_select_is_refused(query: str) -> None:
    told = {"url": "sqlite:////folder/file", "query": query, "key_column": "id"}
    with pytest.raises(errors.Invalid) as refused:
        options.checked("database", told)
    assert refused.value.place == "query"


SQLITE_QUERIES = [
    ("SELECT 1 AS id; DELETE FROM notes", "one statement"),
    ("WITH a AS (SELECT 1 AS id) DELETE FROM notes RETURNING id", "not authorized"),
    ("SELECT load_extension('/tmp/x') AS id", "not authorized|no such function"),
    ("WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id FROM c) SELECT id FROM c", "more"),
    ("SELECT text FROM notes", "no column"),
    ("SELECT missing AS id FROM notes", "no such column"),
]


def test_a_file_of_sqlite_is_read_only_and_in_time(ground: Ground, table: Path) -> None:
    before = table.read_bytes()
    told = {"url": f"sqlite:///{table}", "key_column": "id", "seconds": 1, "most_rows": 5000}
    for query, said in SQLITE_QUERIES:
        ended = ground.run(ground.add("database", query=query, **told))
        assert ended.state == RunState.FAILED and re.search(said, str(ended.problem)), query
    assert table.read_bytes() == before


def test_only_files_that_the_operator_allows_are_opened(ground: Ground, table: Path) -> None:
    outside = ground.folder.parent / "secret.sqlite3"
    outside.write_bytes(table.read_bytes())
    (ground.folder / "link.sqlite3").symlink_to(outside)
    settings = ground.installation.settings
    for path in (outside, ground.folder / "link.sqlite3", ground.folder / "none", ground.folder):
        told = {"url": f"sqlite:///{path}", "query": "SELECT 1 AS id", "key_column": "id"}
        with pytest.raises(errors.Invalid, match="there is no such file"):
            way_of(settings, ground.add("database", **told))
    bare = within(ground, local_files=()).installation.settings
    told = {"url": f"sqlite:///{table}", "query": "SELECT 1 AS id", "key_column": "id"}
    with pytest.raises(errors.Invalid, match="is not set"):
        way_of(bare, ground.add("database", **told))


BAD_DATABASES = [
    "postgresql://u@h/d?host=/tmp",
    "postgresql://u@h/d?hostaddr=127.0.0.1",
    "postgresql://u@h/d?service=x",
    "postgresql://u@h/d?passfile=/etc/passwd",
    "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/etc/passwd",
    "postgresql://u@/d?host=127.0.0.1",
    "postgresql://u@h1,h2/d",
    "postgresql:///d",
    "mysql://u@h/d",
    "sqlite://",
    "sqlite:///relative.db",
    "sqlite:////tmp/x.db?mode=rwc",
    "duckdb:////tmp/x",
    "nonsense",
]


@pytest.mark.parametrize("url", BAD_DATABASES)
def test_databases_that_are_not_read_here_are_refused(url: str) -> None:
    told = {"url": url, "query": "SELECT 1 AS id", "key_column": "id"}
    with pytest.raises(errors.Invalid) as refused:
        options.checked("database", told)
    assert refused.value.place == "url"


@pytest.fixture
def door(postgres_url: str) -> Iterator[Door]:
    """Let programs in to PostgreSQL by loopback, with a table and a person who may write."""
    if "host=" not in postgres_url:
        pytest.skip("the PostgreSQL of the tests is not on a socket of this machine")
    folder = str(sa.make_url(postgres_url).query["host"])
    with psycopg.connect(f"host={folder} user=postgres", autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS feed_notes")
        connection.execute("CREATE TABLE feed_notes (id int, text text, at timestamptz)")
        connection.execute(
            "INSERT INTO feed_notes SELECT n, '记录 ' || n, now() FROM generate_series(1, 1100) n"
        )
    with Door(Path(folder) / ".s.PGSQL.5432") as opened:
        yield opened


def test_rows_of_postgresql_come_once(ground: Ground, door: Door) -> None:
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{door.port}/postgres?sslmode=disable"
    told = {"query": "SELECT id, text FROM feed_notes ORDER BY id % 7", "key_column": "id"}
    feed = ground.add("database", url=url, **told)
    assert PASSWORD not in feed.options and PASSWORD not in str(feed.secrets)
    assert feeds.secrets_of(ground.installation.settings, feed) == {"password": PASSWORD}
    first = ground.run(feed)
    assert first.problem is None and (counts(first), first.brought) == ((1100, 0, 0, 0), 1100)
    assert counts(ground.run(feed)) == (0, 0, 1100, 0)


POSTGRESQL_QUERIES = [
    ("SELECT 1 AS id; COMMIT; DROP TABLE feed_notes", "multiple commands"),
    ("WITH d AS (DELETE FROM feed_notes RETURNING id) SELECT id FROM d", "WITH|read-only"),
    ("SELECT set_config('transaction_read_only', 'off', false) AS id", "read-write"),
    ("SELECT pg_sleep(30) AS id", "more than 1 seconds"),
    ("SELECT id FROM feed_notes", "more than 50 rows"),
]


def test_postgresql_is_read_only_and_in_time(ground: Ground, door: Door) -> None:
    url = f"postgresql://postgres@127.0.0.1:{door.port}/postgres?sslmode=disable"
    told = {"url": url, "key_column": "id", "seconds": 1, "most_rows": 50}
    for query, said in POSTGRESQL_QUERIES:
        ended = ground.run(ground.add("database", query=query, **told))
        assert ended.state == RunState.FAILED and re.search(said, str(ended.problem)), query
    with psycopg.connect(f"host=127.0.0.1 port={door.port} user=postgres") as connection:
        assert connection.execute("SELECT count(*) FROM feed_notes").fetchone() == (1100,)


def test_a_database_inside_is_not_reached(ground: Ground, door: Door) -> None:
    strict = within(ground, outside_allowed=())
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "[::1]", "10.0.0.1"):
        url = f"postgresql://postgres@{host}:{door.port}/postgres"
        told = {"url": url, "query": "SELECT 1 AS id", "key_column": "id"}
        ended = strict.run(strict.add("database", **told))
        assert ended.state == RunState.FAILED
        assert "JINBIAO_OUTSIDE_ALLOWED" in str(ended.problem)
    assert door.visitors == 0


def test_the_address_that_was_checked_is_the_one_connected_to(
    ground: Ground, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that means loopback to whoever asks first, and nothing to whoever asks again.
    asked: list[str] = []

    def once(host: str, port: int, **_values: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) <= 2 else "127.0.0.2"
        return [(None, None, None, "", (address, port))]

    monkeypatch.setattr("socket.getaddrinfo", once)
    url = f"postgresql://postgres@rebinding.example:{door.port}/postgres?sslmode=disable"
    told = {"url": url, "query": "SELECT id, text FROM feed_notes", "key_column": "id"}
    ended = ground.run(ground.add("database", **told))
    assert (ended.state, ended.brought) == (RunState.DONE, 1100)
    # Once before, to tell whether it may be; once to connect, and the driver did not ask again.
    assert asked == ["rebinding.example"] * 2


@contextmanager
def serving(installation: Installation) -> Iterator[str]:
    """Serve another installation over real HTTP."""
    server = make_server("127.0.0.1", 0, app.create(installation), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Installation]:
    """Give a second installation that has published two versions of a dataset."""
    found = open_installation(load({"JINBIAO_HOME": str(tmp_path / "other")}))
    published.fill(found)
    yield found
    found.close()


def publish_again(other: Installation, taken: str) -> None:
    """Publish a third version there, without a file and with another one changed."""
    files = {**published.tree(1), "notes.txt": "新的说明".encode()}
    del files[taken]
    stored = published.stored(other.store, files)
    published.release(other.database, published.NAME, "v1.2.0", "3" * 40, stored)


@pytest.mark.parametrize("kind", ["ckan", "dcat"])
def test_another_catalogue_is_harvested_and_followed(
    ground: Ground, other: Installation, kind: str
) -> None:
    with serving(other) as url:
        told = {"url": url if kind == "ckan" else f"{url}/catalog.jsonld"}
        if kind == "ckan":
            told["formats"] = "markdown TXT"
        feed = ground.add(kind, follows_deletions=True, **told)
        way_of(ground.installation.settings, feed).check()
        first = ground.run(feed)
        assert first.problem is None and published.README in ground.texts()
        assert first.seen == (2 if kind == "ckan" else 7) and first.rejected >= 1
        again = ground.run(feed)
        assert (counts(again), again.brought) == ((0, 0, first.seen, 0), 0)
        publish_again(other, "README.md")
        ended = ground.run(feed, confirm=True)
        assert ended.problem is None and ended.gone >= 1
        assert "新的说明" in ground.texts() and published.README not in ground.texts()
        with ground.installation.database.read() as session:
            rows = session.scalars(sa.select(FeedObject).where(FeedObject.state == "taken")).all()
        about = json.loads(rows[0].about or "{}")
        assert "焊缝" in about["dataset"] and about["licence"] and about["address"].startswith(url)
        with other.database.write() as session:
            dataset = catalogue.find(session, published.FULL_NAME)
            assert dataset is not None
            session.execute(sa.update(catalogue.Dataset).values(openness="closed"))
        held = ground.run(feed)
        assert (held.state, held.withdrawn) == (RunState.HELD, 0)


def test_all_forms_of_dcat_say_the_same(other: Installation, ground: Ground) -> None:
    told = []
    with serving(other) as url:
        for form in ("catalog", "catalog.jsonld", "catalog.ttl", "catalog.rdf"):
            feed = ground.add("dcat", url=f"{url}/{form}")
            found = way_of(ground.installation.settings, feed).found()
            told.append({(each.key, each.etag, each.name) for each in found})
    assert len(told[0]) == 7 and all(each == told[0] for each in told)


def test_pages_of_a_catalogue_are_followed_and_never_for_ever(ground: Ground) -> None:
    page = """@prefix dcat: <http://www.w3.org/ns/dcat#> .
    @prefix hydra: <http://www.w3.org/ns/hydra/core#> .
    <#c> a dcat:Catalog ; dcat:dataset <#{n}> .
    <#{n}> a dcat:Dataset ; dcat:distribution [ dcat:downloadURL </{n}.txt> ] .
    <> hydra:next <{next}> ."""
    with FileServer() as server:
        for number, following in ((1, "/2.ttl"), (2, "/3.ttl"), (3, "/1.ttl")):
            text = page.replace("{n}", str(number)).replace("{next}", following)
            server.files[f"/{number}.ttl"] = text.encode()
            server.types[f"/{number}.ttl"] = "text/turtle"
            server.files[f"/{number}.txt"] = f"页 {number}".encode()
        feed = ground.add("dcat", url=f"{server.url}/1.ttl")
        assert ground.run(feed).brought == 3
        assert counts(ground.run(feed)) == (0, 0, 3, 0)


def test_an_address_of_access_is_taken_where_it_is_a_file(ground: Ground) -> None:
    page = """@prefix dcat: <http://www.w3.org/ns/dcat#> .
    <#c> a dcat:Catalog ; dcat:dataset <#d> .
    <#d> a dcat:Dataset ; dcat:distribution
        [ dcat:accessURL </page.html> ], [ dcat:accessURL </a/service?f=x.csv> ],
        [ dcat:accessURL </landing> , </files/%E4%B8%80.TXT?v=2> ],
        [ dcat:accessURL </other.txt> ; dcat:downloadURL </right> ],
        [ dcat:accessURL "http://[broken/x.txt" ] ."""
    with FileServer() as server:
        server.files = {"/c.ttl": page.encode(), "/right": "下载".encode()}
        server.files["/files/%E4%B8%80.TXT?v=2"] = "文件".encode()
        server.types = {"/c.ttl": "text/turtle", "/right": "text/plain"}
        ended = ground.run(ground.add("dcat", url=f"{server.url}/c.ttl"))
    assert (ended.seen, ended.brought, sorted(ground.texts())) == (2, 2, ["下载", "文件"])


def test_a_ckan_whose_list_breaks_off_withdraws_nothing(ground: Ground) -> None:
    def listed(numbers: range, count: int) -> bytes:
        results = [
            {
                "id": f"p{number}",
                "name": f"p{number}",
                "metadata_modified": "2026-01-01",
                "resources": [{"id": "r", "url": f"/{number}.txt", "format": "TXT"}],
            }
            for number in numbers
        ]
        told = {"success": True, "result": {"count": count, "results": results}}
        return json.dumps(told).encode()

    def path(start: int) -> str:
        return f"/api/3/action/package_search?start={start}&rows=100&sort=name+asc"

    with FileServer() as server:
        server.files = {f"/{number}.txt": f"文 {number}".encode() for number in range(3)}
        server.files |= {path(0): listed(range(2), 3), path(2): listed(range(2, 3), 3)}
        feed = ground.add("ckan", url=server.url, token="t0ken", follows_deletions=True)
        assert ground.run(feed).brought == 3
        assert all(each["Authorization"] == "t0ken" for each in server.headers)
        server.files[path(2)] = listed(range(0), 3)
        ended = ground.run(feed, confirm=True)
        assert ended.state == RunState.FAILED and "3 datasets and gave 2" in str(ended.problem)
        assert len(ground.texts()) == 3


BROKEN = [
    (b"", "application/ld+json"),
    (b"{", "application/ld+json"),
    (b'{"@context": "http://127.0.0.1/secret", "@id": "x"}', "application/ld+json"),
    (b"<rdf:RDF", "application/rdf+xml"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "application/rdf+xml"),
    (b"<a> <b> ", "text/turtle"),
    (b"<a> x:b 1 .", "text/turtle"),
    (b"[" * 10_000, "text/turtle"),
    (b"\xff\xfe", "text/turtle"),
    (b"<html></html>", "text/html"),
]


@pytest.mark.parametrize(("content", "kind"), BROKEN)
def test_what_is_no_graph_is_refused(content: bytes, kind: str) -> None:
    with pytest.raises(errors.Refused):
        read_graph(content, kind, "http://127.0.0.1/c")


@pytest.mark.timeout(900)
@pytest.mark.skipif(
    not os.environ.get("JINBIAO_ALL_CLIENTS"),
    reason="a whole CKAN is installed and started when JINBIAO_ALL_CLIENTS is set",
)
def test_an_unmodified_ckan_is_harvested(ground: Ground, tmp_path: Path) -> None:
    with (
        short_directory() as first,
        short_directory() as second,
        FileServer() as server,
        ckan_real.serving(tmp_path, first, second) as ckan,
    ):
        server.files = {"/a.txt": "甲".encode(), "/b.csv": "text\n乙\n丙\n".encode()}
        for name in ("a.txt", "b.csv"):
            package = ckan.ask("package_create", name=name.replace(".", "-"), owner_org="city")
            told = {"url": f"{server.url}/{name}", "format": name[-3:].upper()}
            ckan.ask("resource_create", package_id=package["id"], **told)
        feed = ground.add("ckan", url=ckan.url, token=ckan.token, follows_deletions=True)
        ended = ground.run(feed)
        assert ended.problem is None and ended.new == 2, ended
        assert counts(ground.run(feed)) == (0, 0, 2, 0)

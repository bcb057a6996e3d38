"""Open files go out without the application, and nobody can tell but by the speed."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy as sa

from jinbiao.datasets import catalogue, downloads, people
from jinbiao.datasets.catalogue import Openness
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import load
from jinbiao.server.open_files import GOOD_FOR
from jinbiao.tests.clients import published
from jinbiao.tests.clients.conftest import CatalogueServer, serving

BASE = f"/datasets/{published.FULL_NAME}/resolve"
PARQUET = "data/test-00000-of-00001.parquet"
NEWEST = published.COMMITS[published.SECOND]
MOMENT = GOOD_FOR + 1.0


class Front:
    """A server with its installation, asked over plain HTTP."""

    def __init__(self, server: CatalogueServer, installation: Installation) -> None:
        self.server, self.installation = server, installation
        self.host, self.port = urlsplit(server.url).hostname, urlsplit(server.url).port

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask once, on a connection of its own."""
        connection = http.client.HTTPConnection(str(self.host), self.port, timeout=20)
        try:
            connection.request(method, quote(path), headers=headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read()
        finally:
            connection.close()

    def warm(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Ask until the application is not asked any more, which `Vary` tells."""
        until = time.monotonic() + 20
        while True:
            told = self.get(path)
            if "vary" not in told[1]:
                return told
            assert time.monotonic() < until, "it is never answered from memory"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    with serving(folder, {}) as server:
        installation = open_installation(load({"JINBIAO_HOME": str(folder / "home")}))
        yield Front(server, installation)
        installation.close()


@pytest.mark.parametrize("revision", ["main", published.SECOND, NEWEST])
@pytest.mark.parametrize("path", [PARQUET, "README.md", published.GUIDE, "empty.txt"])
def test_both_ways_answer_the_same(front: Front, revision: str, path: str) -> None:
    address = f"{BASE}/{revision}/{path}"
    # A condition that never holds lets the application answer.
    status, slow, content = front.get(address, **{"If-None-Match": '"none"'})
    assert status == 200 and "vary" in slow
    quick_status, quick, quick_content = front.warm(address)
    assert (quick_status, quick_content) == (200, content)
    without = {"date", "vary"}
    assert {k: v for k, v in quick.items() if k not in without} == {
        k: v for k, v in slow.items() if k not in without
    }


def test_a_head_tells_the_length(front: Front) -> None:
    _status, told, content = front.warm(f"{BASE}/main/{PARQUET}")
    status, head, nothing = front.get(f"{BASE}/main/{PARQUET}", "HEAD")
    assert (status, nothing) == (200, b"")
    assert head["content-length"] == told["content-length"] == str(len(content))


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=-4", "bytes=0-", "bytes=0-0", "bytes=3-9", "bytes=7-", "bytes=99999999-",
        "bytes=9-3", "bytes=0-1,4-5", "items=0-1", "bytes=-0", "bytes=", "bytes=0-99999999",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [PARQUET, "empty.txt"])
def test_ranges_are_the_same_both_ways(front: Front, path: str, asked: str) -> None:
    address = f"{BASE}/main/{path}"
    front.warm(address)
    status, slow, content = front.get(address, **{"Range": asked, "If-None-Match": '"none"'})
    quick_status, quick, quick_content = front.get(address, Range=asked)
    assert "vary" in slow and "vary" not in quick
    assert (quick_status, quick_content) == (status, content)
    without = {"date", "vary"}
    assert {k: v for k, v in quick.items() if k not in without} == {
        k: v for k, v in slow.items() if k not in without
    }


def test_a_large_range_arrives_whole(front: Front) -> None:
    address = f"/datasets/{published.OWNER}/{published.LARGE}/resolve/main/large.bin"
    _status, _told, content = front.warm(address)
    assert content == published.large_file()
    status, _told, part = front.get(address, Range=f"bytes=7-{len(content) - 9}")
    assert (status, part) == (206, content[7:-8])


def test_a_token_gets_the_same_bytes(front: Front) -> None:
    address = f"/datasets/{published.OWNER}/{published.LARGE}/resolve/main/large.bin"
    token = {"Authorization": f"Bearer {front.server.token}"}
    status, told, content = front.get(address, **token)
    assert (status, content) == (200, published.large_file())
    assert told["content-length"] == str(len(content))


def test_what_asks_for_more_is_answered_by_the_application(front: Front) -> None:
    front.warm(f"{BASE}/main/{PARQUET}")
    status, _told, said = front.get(f"{BASE}/main/{PARQUET}", Authorization="Bearer nobody")
    assert status == 401 and b"Invalid credentials in Authorization header" in said
    status, _told, _content = front.get(
        f"{BASE}/main/{PARQUET}", Authorization=f"Bearer {front.server.token}"
    )
    assert status == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/main/no/such/file",
        f"{BASE}/main/../secret.key",
        f"{BASE}/v9.9.9/{PARQUET}",
        f"/datasets/nobody/nothing/resolve/main/{PARQUET}",
        f"{BASE}/main/",
    ],
)
def test_what_is_not_there_is_not_there(front: Front, path: str) -> None:
    front.warm(f"{BASE}/main/README.md")
    assert front.get(path)[0] in (401, 404)


def test_downloads_are_counted(front: Front) -> None:
    def counted() -> int:
        with front.installation.database.read() as session:
            dataset = catalogue.find(session, published.FULL_NAME)
            assert dataset is not None
            return downloads.counts(session, dataset.id).downloads

    front.warm(f"{BASE}/main/{PARQUET}")
    time.sleep(MOMENT)
    before = counted()
    for _again in range(5):
        front.get(f"{BASE}/main/{PARQUET}")
    front.get(f"{BASE}/main/README.md")
    time.sleep(MOMENT)
    assert counted() == before + 5


def test_a_client_that_leaves_ends_nothing_but_its_own(front: Front) -> None:
    for _again in range(40):
        with socket.create_connection((str(front.host), int(front.port or 0))) as half:
            half.sendall(f"GET {BASE}/main/{PARQUET} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    with socket.create_connection((str(front.host), int(front.port or 0))) as half:
        half.sendall(b"POST /api/3/action/package_list HTTP/1.1\r\nHost: x\r\n")
        half.sendall(b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
    assert front.get(f"{BASE}/main/README.md")[0] == 200


def test_a_question_may_bring_a_body(front: Front) -> None:
    connection = http.client.HTTPConnection(str(front.host), front.port, timeout=20)
    for size in (1, 2, 70_000):
        connection.request("GET", "/api/datasets", body=b"x" * size)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    connection.close()


def test_who_still_sends_hears_the_answer(front: Front) -> None:
    # A hundred kilobytes that nobody reads, sent slower than the answer is ready.
    head = f"GET /api/datasets HTTP/1.1\r\nHost: x\r\nContent-Length: {100_000}\r\n\r\n"
    with socket.create_connection((str(front.host), int(front.port or 0)), timeout=20) as raw:
        raw.sendall(head.encode())
        for _part in range(10):
            time.sleep(0.05)
            raw.sendall(b"x" * 10_000)
        raw.sendall(b"GET /api/datasets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while part := raw.recv(65536):
            got += part
    assert got.count(b"HTTP/1.1 200 OK") == 2


def test_many_ask_at_once(front: Front) -> None:
    content = front.warm(f"{BASE}/main/{PARQUET}")[2]
    wrong: list[object] = []

    def ask() -> None:
        for number in range(25):
            headers = {"Range": "bytes=4-"} if number % 3 == 0 else {}
            status, _told, got = front.get(f"{BASE}/main/{PARQUET}", **headers)
            if got != (content[4:] if headers else content):
                wrong.append((status, len(got)))

    threads = [threading.Thread(target=ask) for _one in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_address_of_bad_bytes_is_answered(front: Front) -> None:
    with socket.create_connection((str(front.host), int(front.port or 0)), timeout=10) as raw:
        raw.sendall(b"GET /datasets/%ff%fe/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert raw.recv(200).split()[1] in (b"400", b"401", b"404")


def test_closing_a_dataset_closes_its_files_at_once(front: Front) -> None:
    address = f"{BASE}/main/{PARQUET}"
    front.warm(address)
    change = sa.update(catalogue.Dataset)
    with front.installation.database.write() as session:
        session.execute(change.values(openness=Openness.CLOSED))
    try:
        time.sleep(MOMENT)
        assert front.get(address)[0] == 401
        owner = people.Role.REQUESTER
        assert owner and front.get(address, Authorization=f"Bearer {front.server.token}")[0] == 200
    finally:
        with front.installation.database.write() as session:
            session.execute(change.values(openness=Openness.OPEN))
    assert front.warm(address)[0] == 200


def test_a_lost_object_is_told_by_the_application(front: Front, tmp_path: Path) -> None:
    """An object whose file is gone is told by the application, not by a broken answer."""
    with front.installation.database.read() as session:
        dataset = catalogue.find(session, published.FULL_NAME)
        assert dataset is not None
        release = catalogue.releases(session, dataset)[0]
        file = catalogue.file(session, release, "coco/annotations.json")
        assert file is not None
    front.warm(f"{BASE}/main/coco/annotations.json")
    place = front.installation.store.path(file.digest)
    assert place is not None
    place.rename(tmp_path / "away")
    try:
        assert front.get(f"{BASE}/main/coco/annotations.json")[0] == 500
    finally:
        (tmp_path / "away").rename(place)


MOMENTARY = (b"server-timing:", b"date:", b"x-request-id:")
RAW = [
    "/datasets?q=缺陷",
    "/api/datasets?search=缺陷",
    "/api/3/action/package_search?q=缺陷",
    "/catalog?q=缺陷",
]


@pytest.mark.parametrize("path", RAW)
def test_chinese_in_an_address_is_understood_as_people_type_it(front: Front, path: str) -> None:
    """Clients such as curl send the bytes as they are, in UTF-8."""

    def asked(written: str) -> tuple[bytes, bytes]:
        with socket.create_connection((str(front.host), int(front.port or 0)), timeout=20) as line:
            line.sendall(f"GET {written} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _blank, body = b"".join(iter(lambda: line.recv(65536), b"")).partition(
                b"\r\n\r\n"
            )
        # How long it took, in milliseconds, is of the moment, and so is what names the request.
        told = [each for each in head.split(b"\r\n") if not each.lower().startswith(MOMENTARY)]
        return b"\r\n".join(told), body

    raw, quoted = asked(path), asked(quote(path, safe="/?="))
    assert raw[0].startswith(b"HTTP/1.1 200 ")
    assert raw == quoted
    # In a path nothing of that name is there; bytes that are no text are no fault of ours.
    assert asked("/缺陷")[0].startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))

"""Only addresses on the open network, or that the operator named, can be called."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jinbiao.datasets import errors, outside
from jinbiao.datasets.settings import Settings, load
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import calls

INSIDE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0/",
    "http://localhost/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/opc/v2/",
    "http://192.88.99.1/",
    "http://[fec0::1]/",
    "http://0.0.0.0/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]
NO_ADDRESS = [
    "",
    None,
    7,
    "//example.com",
    "ftp://8.8.8.8/",
    "file:///etc/passwd",
    "gopher://8.8.8.8/",
    "http://",
    "http:///path",
    "http://li:hidden@8.8.8.8/",
    "http://hidden@8.8.8.8/",
    "http://8.8.8.8\\@127.0.0.1/",
    "http://8.8.8.8/a b",
    "http://8.8.8.8/\r\nHost: x",
    "http://8.8.8.8:0/",
    "http://8.8.8.8:99999/",
    "http://8.8.8.8/" + "x" * 3000,
    "http://" + "a" * 64 + "\u0000.com/",
]


@pytest.mark.parametrize("url", INSIDE)
def test_addresses_inside_are_refused_and_the_setting_is_named(url: str) -> None:
    with pytest.raises(errors.Invalid, match="JINBIAO_OUTSIDE_ALLOWED") as refused:
        outside.check((), url)
    assert refused.value.place == "url"


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(errors.Invalid) as refused:
        outside.check((), url)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("allowed", "url", "good"),
    [
        ("10.0.0.0/8", "http://10.1.2.3:81/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", True),
        ("10.0.0.0/8", "http://192.168.0.1/", False),
        ("127.0.0.1:9090", "http://127.0.0.1:9090/", True),
        ("127.0.0.1:9090", "http://127.0.0.1:9091/", False),
        ("127.0.0.1:9090", "http://[::ffff:127.0.0.1]:9090/", True),
        ("[fd00::1]:80", "http://[fd00::1]/", True),
        ("fd00::/8", "http://[fd12::1]:99/", True),
        ("localhost", "http://LOCALHOST:5/", True),
        ("localhost:80", "http://localhost:81/", False),
        ("localhost", "http://127.0.0.1/", False),
    ],
)
def test_the_operator_may_allow_some(allowed: str, url: str, good: bool) -> None:
    words = load({"JINBIAO_OUTSIDE_ALLOWED": allowed}).outside_allowed
    if good:
        assert outside.check(words, url).url == url
    else:
        with pytest.raises(errors.Invalid):
            outside.check(words, url)


@pytest.mark.parametrize("words", ["127.0.0.1:0", "http://x", "1.2.3", "a..b", "10.0.0.0/40"])
def test_a_word_that_allows_nothing_stops_the_start(words: str) -> None:
    with pytest.raises(errors.Invalid, match="JINBIAO_OUTSIDE_ALLOWED"):
        load({"JINBIAO_OUTSIDE_ALLOWED": words})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JINBIAO_LOCAL_FILES", "relative"),
        ("JINBIAO_LOCAL_FILES", "/not/there"),
        ("JINBIAO_LOCAL_FILES", "/etc/passwd"),
        ("JINBIAO_BACKEND_SECONDS", "0"),
        ("JINBIAO_BACKEND_SECONDS", "3601"),
    ],
)
def test_other_settings_of_connections_are_checked(name: str, value: str) -> None:
    with pytest.raises(errors.Invalid, match=name):
        load({name: value})


def test_folders_are_divided_by_colons(tmp_path: Path) -> None:
    (tmp_path / "里 面").mkdir()
    found = load({"JINBIAO_LOCAL_FILES": f"{tmp_path}/里 面:{tmp_path}"})
    assert found.local_files == (tmp_path / "里 面", tmp_path)


@pytest.fixture
def backend() -> Iterator[ModelBackend]:
    """Serve a backend on loopback."""
    with ModelBackend() as made:
        yield made


def allowing(home: Path, *words: str) -> Settings:
    """Return settings that allow addresses inside."""
    return Settings(home=home, outside_allowed=words)


def test_a_name_that_changes_its_mind_is_not_followed(
    backend: ModelBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answer a name's first question with an open address and the next with one inside."""
    asked = []

    def rebinding(host: str, port: int, **_values: object) -> list[object]:
        asked.append(host)
        address = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = f"http://rebinding.example:{backend.port}/health"
    outside.check((), url)
    with pytest.raises(errors.Invalid, match="inside"):
        calls.send(allowing(tmp_path), "GET", url, seconds=2)
    assert backend.heard == [] and len(asked) == 2


def test_the_host_header_keeps_the_name(backend: ModelBackend, tmp_path: Path) -> None:
    reply = calls.send(
        allowing(tmp_path, "localhost"),
        "GET",
        f"http://localhost:{backend.port}/health?x=1",
        seconds=5,
    )
    assert reply.is_good and reply.json() == {"ok": True}
    assert backend.heard[0].headers["Host"] == f"localhost:{backend.port}"
    assert backend.heard[0].path == "/health?x=1"


def test_a_redirect_is_an_answer_and_not_followed(backend: ModelBackend, tmp_path: Path) -> None:
    backend.instead["/a"] = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    reply = calls.send(allowing(tmp_path, "127.0.0.1"), "GET", f"{backend.url}/a", seconds=5)
    assert reply.status == 302 and not reply.is_good
    assert [one.path for one in backend.heard] == ["/a"]


def test_every_call_ends_in_time(backend: ModelBackend, tmp_path: Path) -> None:
    settings = allowing(tmp_path, "127.0.0.1")
    backend.slow["/slow"] = 5.0
    begun = time.monotonic()
    with pytest.raises(errors.Refused, match=r"within 0\.4 seconds"):
        calls.send(settings, "GET", f"{backend.url}/slow", seconds=0.4)
    assert time.monotonic() - begun < 2


def test_an_answer_may_take_longer_than_to_connect(
    backend: ModelBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "CONNECT_SECONDS", 0.2)
    backend.slow["/slow"] = 0.6
    url = f"{backend.url}/slow"
    assert calls.send(allowing(tmp_path, "127.0.0.1"), "GET", url, seconds=5).is_good


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_drop_by_drop_ends_in_time(part: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        head = b"HTTP/1.1 200 OK\r\n"
        head += b"Content-Length: 100000\r\n\r\n" if part == "body" else b""

        def drip() -> None:
            client, _address = server.accept()
            with client:
                client.recv(1000)
                try:
                    client.sendall(head)
                    for _ in range(100):
                        client.sendall(b"x: y\r\n" if part == "head" else b"x")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(errors.Refused, match="within"):
            calls.send(
                allowing(tmp_path, "127.0.0.1"), "GET", f"http://127.0.0.1:{port}/", seconds=0.5
            )
        assert time.monotonic() - begun < 2
        thread.join()


def test_an_answer_has_an_end(backend: ModelBackend, tmp_path: Path) -> None:
    settings = allowing(tmp_path, "127.0.0.1")
    backend.instead["/large"] = (200, "x" * 5000)
    with pytest.raises(errors.Refused, match="more than 1000 bytes"):
        calls.send(settings, "GET", f"{backend.url}/large", seconds=5, most_bytes=1000)
    backend.instead["/broken"] = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"
    with pytest.raises(errors.Refused, match="cannot be reached"):
        calls.send(settings, "GET", f"{backend.url}/broken", seconds=5)
    backend.instead["/noise"] = b"\x00\x01\x02\r\n\r\n"
    with pytest.raises(errors.Refused, match="cannot be reached"):
        calls.send(settings, "GET", f"{backend.url}/noise", seconds=5)


def test_nobody_there_is_said_without_the_secret_path(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(errors.Refused, match="refused") as refused:
        calls.send(
            allowing(tmp_path, "127.0.0.1"),
            "POST",
            f"http://127.0.0.1:{port}/hook?key=hidden",
            b"{}",
            seconds=5,
        )
    assert "hidden" not in str(refused.value)

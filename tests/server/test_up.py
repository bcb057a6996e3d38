"""Start, restart and stop everything with `jinbiao up`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from jinbiao.tests import services
from jinbiao.tests.conftest import short_directory
from jinbiao.tests.server.command import Command, Up, is_alive, wait_until

SERVER, REDIS = "cli serve", "redis-server"
WORKER, WAITER = "cli work --one --queues cpu,gpu", "cli work --one --queues io"


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    """Give the command in a home with a port of its own."""
    with short_directory() as directory:
        port = services.free_ports(1)[0]
        yield Command(
            Path(directory) / "home", {"JINBIAO_LANGUAGE": "en", "JINBIAO_PORT": str(port)}
        )


@pytest.fixture
def up(command: Command) -> Iterator[Up]:
    """Start everything, and end it whatever happens."""
    command.home.mkdir(exist_ok=True)
    running = Up(command)
    try:
        running.wait_until_healthy()
        yield running
    finally:
        running.end()


def test_it_starts_mends_itself_and_stops(up: Up, command: Command) -> None:
    wait_until(lambda: up.child(WORKER) is not None, 20, up.tail)
    assert "one-time password" in up.log.read_text(encoding="utf-8")
    again = command.fork("up")
    assert again.code == 1 and again.err.count("\n") == 1 and "port" in again.err
    elsewhere = Command(command.home, {**command.settings, "JINBIAO_PORT": "1"})
    other_port = str(services.free_ports(1)[0])
    elsewhere.settings["JINBIAO_PORT"] = other_port
    again = elsewhere.fork("up")
    assert again.code == 1 and again.err.count("\n") == 1 and "another" in again.err
    for mark in (REDIS, WORKER, WAITER, SERVER):
        killed = up.kill(mark)
        wait_until(lambda m=mark, k=killed: up.child(m) not in (None, k), 20, up.tail)  # type: ignore[misc]
    up.wait_until_healthy()
    family = up.family()
    assert len(family) >= 6
    took = up.stop()
    print(f"stopped in {took:.1f} s")
    assert took < 15 and up.process.returncode == 0
    assert not [number for number in family if is_alive(number)]


def test_it_starts_again_and_leaves_no_orphans_when_it_is_killed(up: Up) -> None:
    assert "password" not in up.log.read_text(encoding="utf-8").rpartition("Jinbiao: ")[2]
    wait_until(lambda: up.child(WORKER) is not None, 20, up.tail)
    family = up.family()
    up.process.kill()
    up.process.wait()
    took = wait_until(lambda: not any(is_alive(number) for number in family), 15)
    print(f"no orphans after {took:.1f} s")


def test_a_termination_stops_it_too(up: Up) -> None:
    family = up.family()
    assert up.stop(signal.SIGTERM) < 15
    assert not [number for number in family if is_alive(number)]

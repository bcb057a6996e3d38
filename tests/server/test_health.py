"""Say over HTTP which part answers."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from jinbiao.datasets.installation import open_installation
from jinbiao.tests import services
from jinbiao.tests.conftest import short_directory
from jinbiao.tests.server.world import World


def over(world: World, redis_url: str) -> World:
    """Open the same world over another queue."""
    settings = replace(world.installation.settings, redis_url=redis_url)
    return World(open_installation(settings), world.tokens)


def test_all_parts_answer(world: World, redis_url: str) -> None:
    whole = over(world, redis_url)
    answer = whole.get(None, "/health")
    assert (answer.status_code, answer.json["status"]) == (200, "UP")
    assert set(answer.json["parts"].values()) == {"ok"}
    assert whole.get(None, "/api/health").json == answer.json
    whole.installation.close()


def test_the_part_that_is_away_is_named(world: World) -> None:
    answer = world.get(None, "/health")
    assert (answer.status_code, answer.json["status"]) == (503, "DOWN")
    faulty = [name for name, fault in answer.json["parts"].items() if fault != "ok"]
    assert faulty == ["queue"]


def test_a_queue_that_hangs_does_not_hang_the_server(world: World) -> None:
    with short_directory() as directory:
        server = services.RedisServer(Path(directory)).start()
        whole = over(world, server.url)
        try:
            assert whole.get(None, "/health").status_code == 200
            os.kill(server.pid, signal.SIGSTOP)
            begin = time.monotonic()
            assert whole.get(None, "/health").status_code == 503
            path = f"/api/projects/{whole.project()}/import?async=true"
            assert whole.post("requester", path, [{"text": "a"}]).status_code == 201
            assert time.monotonic() - begin < 8
        finally:
            os.kill(server.pid, signal.SIGCONT)
            whole.installation.close()
            server.stop()

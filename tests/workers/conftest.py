"""Give the tests of jobs the world that the tests of the server have."""

from __future__ import annotations

from jinbiao.tests.server.conftest import (
    populated,
    populated_postgres,
    postgres_world,
    shared_world,
    world,
)

__all__ = ["populated", "populated_postgres", "postgres_world", "shared_world", "world"]

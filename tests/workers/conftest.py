"""Give the tests of jobs the world that the tests of the server have."""

from __future__ import annotations

from jinbiao.tests.server.conftest import populated, postgres_world, shared_world, world

__all__ = ["populated", "postgres_world", "shared_world", "world"]

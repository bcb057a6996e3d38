"""Give feed tests a library, and run its feeds as a worker would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import feeds, libraries
from jinbiao.datasets.db import Database
from jinbiao.datasets.feeds import Feed, FeedRun
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.libraries import Asset, AssetState, Library
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.tests import factories
from jinbiao.workers import run


@dataclass
class Ground:
    """An installation that may call loopback and read one folder, with a library to fill."""

    installation: Installation
    team: factories.Team
    library: Library
    folder: Path

    def add(self, kind: str, to_project: bool = False, **values: Any) -> Feed:
        """Add a feed of the requester's."""
        target = self.team.project if to_project else self.library
        with self.installation.database.write() as session:
            settings = self.installation.settings
            return feeds.add(session, settings, self.team.requester, target, kind, values)

    def ask(self, feed: Feed, confirm: bool = False) -> str:
        """Ask for a run; return its job's id."""
        with self.installation.database.write() as session:
            row = session.get_one(Feed, feed.id)
            return feeds.ask(session, self.team.requester, row, confirm=confirm)[1].id

    def run(self, feed: Feed, confirm: bool = False) -> FeedRun:
        """Do a run; return how it ended."""
        return self.end(self.ask(feed, confirm))

    def end(self, job_id: str) -> FeedRun:
        """Do the job of a run; return how it ended."""
        run.perform(self.installation, job_id)
        with self.installation.database.read() as session:
            return session.scalars(sa.select(FeedRun).where(FeedRun.job_id == job_id)).one()

    def assets(self, state: str = AssetState.HELD) -> list[Asset]:
        """List the assets of the library in a state, by their keys and rows."""
        with self.installation.database.read() as session:
            query = sa.select(Asset).where(
                Asset.library_id == self.library.id, Asset.state == state
            )
            return list(session.scalars(query.order_by(Asset.source_key, Asset.id)))

    def texts(self, state: str = AssetState.HELD) -> list[str]:
        """List the texts of the library."""
        return [asset.text or "" for asset in self.assets(state)]

    def rejects(self, ended: FeedRun) -> str:
        """Return the reject file of a run as text."""
        assert ended.reject_file
        return self.installation.store.read(ended.reject_file).decode()


@pytest.fixture
def ground(tmp_path: Path, database: Database, objects: FolderStorage) -> Iterator[Ground]:
    """Give the ground on either database."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    settings = Settings(
        home=tmp_path / "home",
        database_url=database.url.render_as_string(False),
        outside_allowed=("127.0.0.0/8",),
        local_files=(folder,),
        redis_url="unix:///nowhere/redis.sock",
    )
    installation = Installation(settings, database, objects)
    with database.write() as session:
        team = factories.team(session)
        library = libraries.create(session, team.requester, title="原料")
    yield Ground(installation, team, library, folder)


def counts(ended: FeedRun) -> tuple[int, int, int, int]:
    """Return new, changed, same and gone."""
    return ended.new, ended.changed, ended.same, ended.gone


def within(ground: Ground, **values: Any) -> Ground:
    """Return the same ground under other settings."""
    installation = ground.installation
    changed = replace(installation.settings, **values)
    return replace(
        ground, installation=Installation(changed, installation.database, installation.store)
    )

"""Publish small datasets of every kind that packages describe, for clients to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from jinbiao.datasets import audit, catalogue, downloads, migrations, people
from jinbiao.datasets.catalogue import Facts
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.versions import FrozenVersion, Version
from jinbiao.exporters import jsonl, parquet
from jinbiao.exporters.card import card_facts, how_made, write_card
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from jinbiao.exporters.release import tree
from jinbiao.tests.clients.published import Tokens
from jinbiao.tests.exporters import versions_factory
from jinbiao.workers.accompanying import Publication, accompany

OWNER, TAG = "agency", "v1.0.0"
OPEN = ("boxes", "spans", "choices", "shards", "lines")
GATED = "gated"
SHARD_BYTES = 200_000
FACTS = Facts(
    data_level="general",
    rights_basis="self_produced",
    provider="津市某局",
    provider_code="12120000MB0DEM000J",
    dataset_class="industry_general",
    domain="industry",
    update_cycle="monthly",
    region="120000",
)

Write = Callable[[FrozenVersion, Output], None]


def _shards(version: FrozenVersion, output: Output) -> None:
    parquet.write(version, output, shard_bytes=SHARD_BYTES)


def fill(installation: Installation) -> Tokens:
    """Publish the datasets in an empty home; return the token of somebody of the owner."""
    home = installation.settings.home
    world = versions_factory.World(home)
    world.store = installation.store
    # The factory of versions makes the tables that it knows of.
    assert downloads.DownloadSalt.metadata is migrations.METADATA
    migrations.METADATA.create_all(installation.database.engine)
    with installation.database.write() as session:
        session.add(audit.AuditHead(id=1, length=0, hash=audit.FIRST_HASH))
        owner = session.get_one(User, world.user_id)
        _token, secret = people.add_token(session, owner)
    boards, texts = versions_factory.boards(world), versions_factory.texts(world)
    polygons = versions_factory.polygons(world)
    both: list[tuple[str, Write]] = [
        ("parquet", parquet.write),
        ("jsonl", jsonl.write),
    ]
    more = [*both, ("yolo", FORMATS["yolo"].write), ("coco", FORMATS["coco"].write)]
    publish(installation, owner, boards, "boxes", more)
    publish(installation, owner, texts, "spans", both)
    publish(installation, owner, polygons, "choices", both)
    publish(installation, owner, boards, "shards", [("parquet", _shards)])
    publish(installation, owner, boards, "lines", [("jsonl", jsonl.write)])
    publish(installation, owner, texts, GATED, both, openness="conditional")
    world.database.close()
    return Tokens(secret, (), "", "")


def publish(
    installation: Installation,
    owner: User,
    version: FrozenVersion,
    name: str,
    formats: Sequence[tuple[str, Write]],
    *,
    openness: str = "open",
) -> None:
    """Publish a version in some formats, as the worker does."""
    done: list[tuple[str, list[WrittenFile]]] = []
    for each, write in formats:
        output = Output(installation.store)
        write(version, output)
        done.append((each, output.written))
    with installation.database.write() as session:
        row = session.get_one(Version, version.id)
        project = session.get_one(Project, row.project_id)
        facts = Facts(
            **{
                **{key: getattr(FACTS, key) for key in FACTS.__dataclass_fields__},
                "openness": openness,
                "open_condition": "仅供研究" if openness == "conditional" else None,
            }
        )
        dataset = catalogue.open_dataset(
            session,
            owner,
            project,
            name,
            title=f"样例 {name}",
            title_en=f"Sample {name}",
            keywords=["样例"],
            facts=facts,
        )
        told = card_facts(dataset)
    making = how_made(version)
    card, _front_matter = write_card(version, told, done, making)
    files = tree(version, done, card, installation.store)
    about = Publication(installation, owner, version, told, making, done, "")
    files = accompany(about, files)
    with installation.database.write() as session:
        dataset = session.scalars(sa.select(catalogue.Dataset).filter_by(name=name)).one()
        row = session.get_one(Version, version.id)
        catalogue.publish(session, owner, dataset, row, files, card="{}")

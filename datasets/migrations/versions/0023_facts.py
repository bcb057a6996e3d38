"""Datasets know their facts in the national terms, and ids that never change."""

import re
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FACTS = (
    ("data_level", sa.String(12)),
    ("rights_basis", sa.String(20)),
    ("provider", sa.String(200)),
    ("provider_code", sa.String(18)),
    ("domain", sa.String(40)),
    ("update_cycle", sa.String(20)),
    ("dataset_class", sa.String(30)),
    ("open_condition", sa.Text()),
    ("region", sa.String(6)),
    ("covers_from", sa.Date()),
    ("covers_to", sa.Date()),
    ("contact_name", sa.String(100)),
    ("contact_email", sa.String(200)),
    ("resource_code", sa.String(60)),
    ("sheet", sa.Text()),
    ("uid", sa.String(36)),
    ("ckan_name", sa.String(100)),
)


def upgrade() -> None:
    with op.batch_alter_table("datasets") as table:
        table.add_column(
            sa.Column("openness", sa.String(12), nullable=False, server_default="open")
        )
        for name, kind in FACTS:
            table.add_column(sa.Column(name, kind, nullable=True))
    with op.batch_alter_table("releases") as table:
        table.add_column(
            sa.Column("kind", sa.String(10), nullable=False, server_default="release")
        )
        table.add_column(sa.Column("uid", sa.String(36), nullable=True))
        table.add_column(sa.Column("merkle_root", sa.String(64), nullable=True))
    _name_those_there()
    with op.batch_alter_table("datasets") as table:
        table.alter_column("uid", existing_type=sa.String(36), nullable=False)
        table.alter_column("ckan_name", existing_type=sa.String(100), nullable=False)
        table.create_unique_constraint("uq_datasets_uid", ["uid"])
        table.create_unique_constraint("uq_datasets_ckan_name", ["ckan_name"])
    with op.batch_alter_table("releases") as table:
        table.alter_column("uid", existing_type=sa.String(36), nullable=False)
        table.create_unique_constraint("uq_releases_uid", ["uid"])


def _name_those_there() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT datasets.id, organisations.slug, datasets.name FROM datasets"
            " JOIN organisations ON organisations.id = datasets.organisation_id"
        )
    ).all()
    taken: set[str] = set()
    for number, slug, name in rows:
        plain = re.sub(r"[^a-z0-9_-]+|-{2,}", "-", f"{slug}-{name}".lower())[:90]
        chosen, more = plain, 1
        while chosen in taken:
            more += 1
            chosen = f"{plain}-{more}"
        taken.add(chosen)
        connection.execute(
            sa.text("UPDATE datasets SET uid = :uid, ckan_name = :name WHERE id = :id"),
            {"uid": str(uuid.uuid4()), "name": chosen, "id": number},
        )
    for (number,) in connection.execute(sa.text("SELECT id FROM releases")).all():
        connection.execute(
            sa.text("UPDATE releases SET uid = :uid WHERE id = :id"),
            {"uid": str(uuid.uuid4()), "id": number},
        )


def downgrade() -> None:
    with op.batch_alter_table("releases") as table:
        table.drop_constraint("uq_releases_uid", type_="unique")
        for name in ("merkle_root", "uid", "kind"):
            table.drop_column(name)
    with op.batch_alter_table("datasets") as table:
        table.drop_constraint("uq_datasets_ckan_name", type_="unique")
        table.drop_constraint("uq_datasets_uid", type_="unique")
        for name, _kind in FACTS:
            table.drop_column(name)
        table.drop_column("openness")

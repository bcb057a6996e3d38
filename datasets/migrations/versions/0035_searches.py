"""Keep what searches of frozen versions found, and which records a scan could not look at."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "unseen_records",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("task_id", ID, nullable=True),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("asset_id", ID, nullable=True),
        sa.Column("is_skipped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_unseen_records_project_id_projects"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_unseen_records_task_id_tasks", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["library_id"], ["libraries.id"], name="fk_unseen_records_library_id_libraries"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_unseen_records_asset_id_assets", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_unseen_records"),
        sa.UniqueConstraint("task_id", name="uq_unseen_records_task_id"),
        sa.UniqueConstraint("asset_id", name="uq_unseen_records_asset_id"),
    )
    op.create_index("ix_unseen_records_project", "unseen_records", ["project_id", "is_skipped", "task_id"])
    op.create_index("ix_unseen_records_library", "unseen_records", ["library_id", "is_skipped", "asset_id"])
    op.create_table(
        "version_searches",
        sa.Column("version_id", ID, nullable=False, autoincrement=False),
        sa.Column("detector", sa.String(60), nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("records", ID, nullable=False),
        sa.Column("told", ID, nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_version_searches_version_id_versions", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", name="pk_version_searches"),
    )
    op.create_table(
        "version_findings",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("masked", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_version_findings_version_id_versions", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_version_findings"),
    )
    op.create_index("ix_version_findings_version", "version_findings", ["version_id", "task_id", "id"])
    with op.batch_alter_table("scans") as table:
        table.add_column(sa.Column("recent", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("scans") as table:
        table.drop_column("recent")
    op.drop_table("version_findings")
    op.drop_table("version_searches")
    op.drop_table("unseen_records")

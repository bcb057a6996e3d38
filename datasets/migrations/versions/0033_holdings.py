"""Keep what each organisation holds, its quota, and reports of deletions."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "storage_usage",
        sa.Column("organisation_id", ID, nullable=False, autoincrement=False),
        sa.Column("quota", ID, nullable=True),
        sa.Column("counted", ID, nullable=False),
        sa.Column("taken", ID, nullable=False),
        sa.Column("counted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_storage_usage_organisation_id_organisations"),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_storage_usage"),
    )
    op.create_table(
        "storage_counts",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(40), nullable=True),
        sa.Column("objects", ID, nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_storage_counts_organisation_id_organisations"),
        sa.PrimaryKeyConstraint("id", name="pk_storage_counts"),
    )
    op.create_index("ix_storage_counts_organisation", "storage_counts", ["organisation_id", "kind", "size"])
    op.create_table(
        "unused_objects",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_unused_objects"),
    )
    op.create_table(
        "deletion_reports",
        sa.Column("id", ID, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("objects", ID, nullable=False),
        sa.Column("assets", ID, nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_deletion_reports_actor_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_deletion_reports"),
        sa.UniqueConstraint("job_id", name="uq_deletion_reports_job_id"),
    )
    op.create_index("ix_deletion_reports_began_at", "deletion_reports", ["began_at"])
    op.create_table(
        "deletion_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("report_id", ID, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["deletion_reports.id"], name="fk_deletion_lines_report_id_deletion_reports"),
        sa.PrimaryKeyConstraint("id", name="pk_deletion_lines"),
    )
    op.create_index("ix_deletion_lines_report", "deletion_lines", ["report_id", "id"])
    op.create_index("ix_deletion_lines_digest", "deletion_lines", ["digest", "report_id"])
    op.create_index("ix_deletion_lines_organisation", "deletion_lines", ["organisation_id", "id"])


def downgrade() -> None:
    op.drop_table("deletion_lines")
    op.drop_table("deletion_reports")
    op.drop_table("unused_objects")
    op.drop_table("storage_counts")
    op.drop_table("storage_usage")

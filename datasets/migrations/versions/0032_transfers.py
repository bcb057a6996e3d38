"""Keep uploads that come in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("length", ID, nullable=False),
        sa.Column("received", ID, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("batch", sa.String(36), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("metadata_header", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("job_id", sa.String(36), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("touched_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_transfers_user_id_users"),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name="fk_transfers_library_id_libraries"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_transfers_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
        sa.UniqueConstraint("key", name="uq_transfers_key"),
    )
    op.create_index("ix_transfers_user", "transfers", ["user_id", "id"])
    op.create_index("ix_transfers_batch", "transfers", ["user_id", "batch", "id"])
    op.create_index("ix_transfers_job", "transfers", ["job_id", "id"])
    op.create_index("ix_transfers_expires", "transfers", ["state", "expires_at"])


def downgrade() -> None:
    op.drop_table("transfers")

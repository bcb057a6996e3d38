"""Keep where a release was sent and how far."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PATH = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "push_targets",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("uploads", sa.Boolean(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_push_targets_organisation_id_organisations",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_push_targets_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_push_targets"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_push_targets_organisation_id_name"),
    )
    op.create_table(
        "pushes",
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=True),
        sa.Column("target_name", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("remote_name", sa.String(200), nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("remote_commit", sa.String(64), nullable=True),
        sa.Column("remote_tag", sa.String(40), nullable=True),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("there", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("sent_bytes", ID, nullable=False),
        sa.Column("has_changed", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_pushes_dataset_id_datasets"
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_pushes_release_id_releases"
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["push_targets.id"], name="fk_pushes_target_id_push_targets"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_pushes_created_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_pushes"),
        sa.UniqueConstraint("job_id", name="uq_pushes_job_id"),
    )
    op.create_index("ix_pushes_dataset", "pushes", ["dataset_id", "id"])
    op.create_index("ix_pushes_target", "pushes", ["target_id", "dataset_id"])
    op.create_table(
        "pushed_files",
        sa.Column("push_id", ID, nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.ForeignKeyConstraint(["push_id"], ["pushes.id"], name="fk_pushed_files_push_id_pushes"),
        sa.PrimaryKeyConstraint("push_id", "path", name="pk_pushed_files"),
    )


def downgrade() -> None:
    for name in ("pushed_files", "pushes", "push_targets"):
        op.drop_table(name)

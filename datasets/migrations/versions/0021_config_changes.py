"""Keep changes of labelling configs."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "config_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("old_config", sa.Text(), nullable=False),
        sa.Column("new_config", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_config_changes_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_config_changes_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_config_changes"),
    )
    op.create_index("ix_config_changes_project", "config_changes", ["project_id", "id"])


def downgrade() -> None:
    op.drop_table("config_changes")

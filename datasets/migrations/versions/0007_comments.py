"""Keep comments on annotations."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "comments",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_comments_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_comments_task_id_tasks"),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name="fk_comments_annotation_id_annotations"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_comments_created_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    op.create_index("ix_comments_annotation_id", "comments", ["annotation_id"])
    op.create_index("ix_comments_task", "comments", ["task_id", "id"])
    op.create_index("ix_comments_project", "comments", ["project_id", "id"])


def downgrade() -> None:
    op.drop_table("comments")

"""Let dashboards find work by its person and by its day."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_annotations_person", "annotations", ["completed_by", "created_at"])
    op.create_index(
        "ix_annotations_made", "annotations", ["created_at", "completed_by", "project_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_annotations_made", "annotations")
    op.drop_index("ix_annotations_person", "annotations")

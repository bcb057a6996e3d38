"""Say what an assignment and an answer are for; answers know their guideline and stage."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("assignments") as table:
        table.add_column(sa.Column("purpose", sa.String(10), nullable=True))
        table.add_column(sa.Column("assigned_by", ID, nullable=True))
    with op.batch_alter_table("annotations") as table:
        table.add_column(sa.Column("purpose", sa.String(10), nullable=True))
        table.add_column(sa.Column("guideline_version", sa.Integer(), nullable=True))
        table.add_column(
            sa.Column("review_stage", sa.Integer(), nullable=False, server_default="1")
        )


def downgrade() -> None:
    with op.batch_alter_table("annotations") as table:
        for name in ("review_stage", "guideline_version", "purpose"):
            table.drop_column(name)
    with op.batch_alter_table("assignments") as table:
        for name in ("assigned_by", "purpose"):
            table.drop_column(name)

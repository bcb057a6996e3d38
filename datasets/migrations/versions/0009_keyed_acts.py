"""Note what was asked for under a key, so that it is done once."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "keyed_acts",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_keyed_acts_user_id_users"),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_keyed_acts"),
    )
    op.create_index("ix_keyed_acts_created_at", "keyed_acts", ["created_at"])


def downgrade() -> None:
    op.drop_table("keyed_acts")

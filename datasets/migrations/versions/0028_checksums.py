"""Keep what objects are called in other digests."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "object_checksums",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("sm3", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_object_checksums"),
    )


def downgrade() -> None:
    op.drop_table("object_checksums")

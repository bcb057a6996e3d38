"""Keep the CRC-32 of stored objects, which archives tell without reading them again."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "object_crcs",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("crc", ID, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_object_crcs"),
    )


def downgrade() -> None:
    op.drop_table("object_crcs")

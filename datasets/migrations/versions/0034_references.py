"""Keep which object of somebody's bucket holds the bytes of an asset that is not copied."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "media_references",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("feed_id", ID, nullable=False),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(200), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("lost_at", sa.DateTime(), nullable=True),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name="fk_media_references_feed_id_feeds"),
        sa.PrimaryKeyConstraint("id", name="pk_media_references"),
        sa.UniqueConstraint(
            "feed_id", "key_digest", "digest", name="uq_media_references_feed_id_key_digest_digest"
        ),
    )
    op.create_index("ix_media_references_digest", "media_references", ["digest", "id"])
    op.create_index("ix_media_references_lost", "media_references", ["feed_id", "is_withdrawn", "lost_at"])


def downgrade() -> None:
    op.drop_table("media_references")

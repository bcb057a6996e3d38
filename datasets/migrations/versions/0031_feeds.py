"""Keep feeds and what was seen of them."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=True),
        sa.Column("follows_deletions", sa.Boolean(), nullable=False),
        sa.Column("every_hours", sa.Integer(), nullable=True),
        sa.Column("next_at", sa.DateTime(), nullable=True),
        sa.Column("job_id", sa.String(36), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_feeds_created_by_users"),
        sa.ForeignKeyConstraint(
            ["library_id"], ["libraries.id"], name="fk_feeds_library_id_libraries"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_feeds_organisation_id_organisations"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_feeds_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feeds"),
    )
    op.create_index("ix_feeds_library", "feeds", ["library_id", "id"])
    op.create_index("ix_feeds_next", "feeds", ["next_at"])
    op.create_index("ix_feeds_organisation", "feeds", ["organisation_id", "id"])
    op.create_index("ix_feeds_project", "feeds", ["project_id", "id"])
    op.create_table(
        "feed_objects",
        sa.Column("feed_id", ID, nullable=False),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(200), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("validators", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name="fk_feed_objects_feed_id_feeds"),
        sa.PrimaryKeyConstraint("feed_id", "key_digest", name="pk_feed_objects"),
    )
    op.create_index("ix_feed_objects_run", "feed_objects", ["feed_id", "run_id", "state"])
    op.create_table(
        "feed_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("feed_id", ID, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("same", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("brought", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("reject_file", sa.String(64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name="fk_feed_runs_feed_id_feeds"),
        sa.PrimaryKeyConstraint("id", name="pk_feed_runs"),
        sa.UniqueConstraint("job_id", name="uq_feed_runs_job_id"),
    )
    op.create_index("ix_feed_runs_feed", "feed_runs", ["feed_id", "id"])


def downgrade() -> None:
    op.drop_table("feed_runs")
    op.drop_table("feed_objects")
    op.drop_table("feeds")

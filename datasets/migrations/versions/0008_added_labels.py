"""Keep labels that people add to projects beside their configs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "added_labels",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("approved_by", ID, nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_added_labels_organisation_id_organisations",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_added_labels_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_added_labels"),
        sa.UniqueConstraint(
            "organisation_id", "title", name="uq_added_labels_organisation_id_title"
        ),
    )
    op.create_table(
        "added_label_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("label_id", ID, nullable=False),
        sa.Column("from_name", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_added_label_links_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["label_id"],
            ["added_labels.id"],
            name="fk_added_label_links_label_id_added_labels",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_added_label_links"),
        sa.UniqueConstraint(
            "project_id", "label_id", name="uq_added_label_links_project_id_label_id"
        ),
    )
    op.create_index("ix_added_label_links_label_id", "added_label_links", ["label_id"])
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("added_labels", sa.Text(), nullable=False, server_default="{}"))


def downgrade() -> None:
    with op.batch_alter_table("projects") as table:
        table.drop_column("added_labels")
    op.drop_table("added_label_links")
    op.drop_table("added_labels")

"""Keep what speaks against somebody's work, with what was decided and what they say to it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "integrity_findings"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("chance", sa.Double(), nullable=False),
        sa.Column("adjusted", sa.Double(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("examples", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("appealed_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_integrity_findings_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_integrity_findings_user_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_integrity_findings"),
        sa.UniqueConstraint(
            "project_id",
            "kind",
            "user_id",
            "other_id",
            name="uq_integrity_findings_project_id_kind_user_id_other_id",
        ),
    )
    op.create_index("ix_integrity_findings_state", TABLE, ["project_id", "state", "id"])
    op.create_index("ix_integrity_findings_person", TABLE, ["user_id", "id"])


def downgrade() -> None:
    op.drop_table(TABLE)

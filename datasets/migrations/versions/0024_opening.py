"""Keep who asked to use a dataset under conditions, and what was agreed."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "dataset_applications"
STEPS = "application_steps"
IS_UNDECIDED = sa.text(
    "state IN ('draft', 'submitted', 'returned', 'approved', 'agreement_signed')"
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("applicant_id", ID, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("is_granted", sa.Boolean(), nullable=False),
        sa.Column("applicant_type", sa.String(20), nullable=True),
        sa.Column("organisation_name", sa.String(200), nullable=True),
        sa.Column("organisation_code", sa.String(18), nullable=True),
        sa.Column("contact_name", sa.String(100), nullable=True),
        sa.Column("contact_phone", sa.String(40), nullable=True),
        sa.Column("contact_email", sa.String(200), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("scenario", sa.Text(), nullable=True),
        sa.Column("requested_items", sa.Text(), nullable=True),
        sa.Column("access_method", sa.String(20), nullable=True),
        sa.Column("term_days", sa.Integer(), nullable=True),
        sa.Column("security_statement", sa.Text(), nullable=True),
        sa.Column("committed_at", sa.DateTime(), nullable=True),
        sa.Column("agreement", sa.Text(), nullable=True),
        sa.Column("signature", sa.String(100), nullable=True),
        sa.Column("signed_at", sa.DateTime(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("opens_on_signing", sa.Boolean(), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("usage_report", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(), nullable=True),
        sa.Column("overdue_told_at", sa.DateTime(), nullable=True),
        sa.Column("ending_told_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_applications_dataset_id_datasets"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["organisations.id"],
            name="fk_dataset_applications_owner_id_organisations",
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["users.id"], name="fk_dataset_applications_applicant_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_applications"),
    )
    op.create_index(
        "uq_dataset_applications_undecided",
        TABLE,
        ["dataset_id", "applicant_id"],
        unique=True,
        sqlite_where=IS_UNDECIDED,
        postgresql_where=IS_UNDECIDED,
    )
    op.create_index("ix_dataset_applications_person", TABLE, ["dataset_id", "applicant_id", "id"])
    op.create_index("ix_dataset_applications_mine", TABLE, ["applicant_id", "id"])
    op.create_index("ix_dataset_applications_due", TABLE, ["owner_id", "state", "due_at", "id"])
    op.create_index("ix_dataset_applications_term", TABLE, ["state", "expires_at"])
    _steps()


def _steps() -> None:
    op.create_table(
        STEPS,
        sa.Column("id", ID, nullable=False),
        sa.Column("application_id", ID, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            [f"{TABLE}.id"],
            name="fk_application_steps_application_id_dataset_applications",
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name="fk_application_steps_actor_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_application_steps"),
    )
    op.create_index("ix_application_steps", STEPS, ["application_id", "id"])


def downgrade() -> None:
    op.drop_table(STEPS)
    op.drop_table(TABLE)

"""Keep second factors, past passwords, identities of others."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("password_changed_at", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("second_factor_at", sa.DateTime(), nullable=True))
    # Nobody knows how old the passwords are: they count from today.
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    users = sa.table("users", sa.column("password_changed_at", sa.DateTime()))
    op.execute(users.update().values(password_changed_at=moment))
    with op.batch_alter_table("web_sessions") as table:
        table.add_column(sa.Column("last_seen_at", sa.DateTime(), nullable=True))
        table.add_column(
            sa.Column("means", sa.String(20), nullable=False, server_default="password")
        )
        table.add_column(sa.Column("address", sa.String(45), nullable=False, server_default=""))
        table.add_column(sa.Column("browser", sa.String(200), nullable=False, server_default=""))
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("last_used_at", sa.DateTime(), nullable=True))
    op.create_table(
        "past_passwords",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_past_passwords_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_past_passwords"),
    )
    op.create_index("ix_past_passwords_user_id", "past_passwords", ["user_id"])
    op.create_table(
        "second_factors",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("last_step", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_second_factors_user_id_users"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_codes"),
        sa.UniqueConstraint("user_id", "digest", name="uq_recovery_codes_user_id_digest"),
    )
    op.create_table(
        "outside_identities",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_outside_identities_user_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outside_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_outside_identities_issuer_subject"),
    )
    op.create_index("ix_outside_identities_user_id", "outside_identities", ["user_id"])


def downgrade() -> None:
    op.drop_table("outside_identities")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_table("past_passwords")
    with op.batch_alter_table("tokens") as table:
        table.drop_column("last_used_at")
    with op.batch_alter_table("web_sessions") as table:
        for name in ("browser", "address", "means", "last_seen_at"):
            table.drop_column(name)
    with op.batch_alter_table("users") as table:
        table.drop_column("second_factor_at")
        table.drop_column("password_changed_at")

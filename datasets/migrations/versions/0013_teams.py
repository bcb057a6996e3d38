"""Keep teams, and what organisations are."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("organisations") as table:
        for name, length in (("kind", 20), ("district", 6), ("industry", 1)):
            table.add_column(
                sa.Column(name, sa.String(length), nullable=False, server_default="")
            )
        table.add_column(sa.Column("credit_code", sa.String(18), nullable=True))
        table.create_unique_constraint("uq_organisations_credit_code", ["credit_code"])
    # The rest is for somebody to say: what an organisation is decides which roles it holds.
    organisations = sa.table("organisations", sa.column("slug"), sa.column("kind"))
    op.execute(
        organisations.update()
        .where(organisations.c.slug == "platform")
        .values(kind="platform")
    )
    op.create_table(
        "teams",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("leader_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_teams_organisation_id_organisations"
        ),
        sa.ForeignKeyConstraint(["leader_id"], ["users.id"], name="fk_teams_leader_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_teams_organisation_id_name"),
    )
    op.create_index("ix_teams_leader_id", "teams", ["leader_id"])
    op.create_table(
        "team_members",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("team_id", ID, nullable=False),
        sa.Column("joined_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_team_members_user_id_users"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_team_members_team_id_teams"),
        sa.PrimaryKeyConstraint("user_id", name="pk_team_members"),
    )
    op.create_index("ix_team_members_team_id", "team_members", ["team_id"])


def downgrade() -> None:
    op.drop_index("ix_team_members_team_id", "team_members")
    op.drop_table("team_members")
    op.drop_index("ix_teams_leader_id", "teams")
    op.drop_table("teams")
    with op.batch_alter_table("organisations") as table:
        table.drop_constraint("uq_organisations_credit_code", type_="unique")
        for name in ("credit_code", "industry", "district", "kind"):
            table.drop_column(name)

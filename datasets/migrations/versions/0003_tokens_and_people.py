"""Keep tokens of both kinds with their scopes, and what the API says of people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("kind", sa.String(10), nullable=False, server_default="plain"))
        table.add_column(sa.Column("scopes", sa.String(200), nullable=False, server_default=""))
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("email", sa.String(254), nullable=True))
        for name, length in (("first_name", 150), ("last_name", 150), ("phone", 40)):
            table.add_column(sa.Column(name, sa.String(length), nullable=False, server_default=""))
        table.add_column(
            sa.Column("custom_hotkeys", sa.Text(), nullable=False, server_default="{}")
        )
        table.add_column(sa.Column("last_activity", sa.DateTime(), nullable=True))
        table.create_unique_constraint("uq_users_email", ["email"])


def downgrade() -> None:
    op.execute("DELETE FROM tokens WHERE kind <> 'plain'")
    with op.batch_alter_table("users") as table:
        table.drop_constraint("uq_users_email", type_="unique")
        for name in (
            "last_activity",
            "custom_hotkeys",
            "phone",
            "last_name",
            "first_name",
            "email",
        ):
            table.drop_column(name)
    with op.batch_alter_table("tokens") as table:
        table.drop_column("scopes")
        table.drop_column("kind")

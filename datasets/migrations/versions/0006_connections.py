"""Keep webhooks, model backends and storages that a project is connected to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("send_payload", sa.Boolean(), nullable=False),
        sa.Column("send_for_all_actions", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("backend_id", ID, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_webhooks_organisation_id_organisations"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_webhooks_created_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_listening", "webhooks", ["organisation_id", "is_active"])
    op.create_index("ix_webhooks_project_id", "webhooks", ["project_id"])
    op.create_index("ix_webhooks_backend_id", "webhooks", ["backend_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name="fk_webhook_deliveries_webhook_id_webhooks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["state", "next_at", "webhook_id"]
    )
    op.create_index("ix_webhook_deliveries_of_hook", "webhook_deliveries", ["webhook_id", "id"])
    _create_backends()
    _create_stores()


def _create_backends() -> None:
    op.create_table(
        "model_backends",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.String(2), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("is_interactive", sa.Boolean(), nullable=False),
        sa.Column("auth_method", sa.String(20), nullable=False),
        sa.Column("basic_auth_user", sa.Text(), nullable=False),
        sa.Column("basic_auth_pass", sa.Text(), nullable=False),
        sa.Column("extra_params", sa.Text(), nullable=False),
        sa.Column("model_version", sa.String(140), nullable=False),
        sa.Column("timeout", sa.Double(), nullable=False),
        sa.Column("auto_update", sa.Boolean(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_model_backends_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_model_backends_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_model_backends"),
    )
    op.create_index("ix_model_backends_project_id", "model_backends", ["project_id"])


def _create_stores() -> None:
    op.create_table(
        "connected_stores",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("synchronizable", sa.Boolean(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=True),
        sa.Column("last_sync", sa.DateTime(), nullable=True),
        sa.Column("last_sync_count", sa.Integer(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_connected_stores_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_connected_stores_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_connected_stores"),
    )
    op.create_index(
        "ix_connected_stores_kind", "connected_stores", ["project_id", "direction", "kind"]
    )
    op.create_table(
        "seen_objects",
        sa.Column("store_id", ID, nullable=False),
        sa.Column("key_digest", sa.String(64), nullable=False),
        sa.Column("etag", sa.String(200), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("annotation_id", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["store_id"],
            ["connected_stores.id"],
            name="fk_seen_objects_store_id_connected_stores",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("store_id", "key_digest", "etag", name="pk_seen_objects"),
    )
    op.create_index("ix_seen_objects_annotation", "seen_objects", ["store_id", "annotation_id"])


def downgrade() -> None:
    op.drop_table("seen_objects")
    op.drop_table("connected_stores")
    op.drop_table("model_backends")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")

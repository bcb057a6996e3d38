"""Keep models of projects, their failures, circuits, notices, workers; jobs by queue."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _trained_models()
    _project_models()
    _failures_and_circuits()
    _notices_and_workers()
    _suggestion_times()
    with op.batch_alter_table("jobs") as table:
        table.add_column(
            sa.Column("queue", sa.String(20), nullable=False, server_default="cpu")
        )
        table.add_column(sa.Column("not_before", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("attempt_at", sa.DateTime(), nullable=True))
        table.add_column(
            sa.Column("attempt_done", sa.Integer(), nullable=False, server_default="0")
        )
        table.add_column(sa.Column("pauses", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("annotations") as table:
        table.add_column(sa.Column("arm", sa.String(10), nullable=True))


def _trained_models() -> None:
    with op.batch_alter_table("trained_models") as table:
        table.add_column(
            sa.Column("state", sa.String(20), nullable=False, server_default="kept")
        )
        table.add_column(sa.Column("card", sa.Text(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("job_id", sa.String(36), nullable=True))


def _project_models() -> None:
    op.create_table(
        "project_models",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.String(64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("gate", sa.String(20), nullable=False),
        sa.Column("gate_overridden", sa.Boolean(), nullable=False),
        sa.Column("gate_report", sa.Text(), nullable=False),
        sa.Column("labels_off", sa.Text(), nullable=False),
        sa.Column("train_after", sa.Integer(), nullable=False),
        sa.Column("answers_at_training", sa.Integer(), nullable=False),
        sa.Column("trained_model_id", ID, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("tokens_in", ID, nullable=False),
        sa.Column("tokens_out", ID, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_project_models_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["trained_model_id"],
            ["trained_models.id"],
            name="fk_project_models_trained_model_id_trained_models",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_project_models_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project_models"),
    )
    op.create_index("ix_project_models_project_id", "project_models", ["project_id", "id"])


def _failures_and_circuits() -> None:
    op.create_table(
        "prediction_failures",
        sa.Column("task_id", ID, nullable=False),
        sa.Column("model", sa.String(140), nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_prediction_failures_task_id_tasks"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_prediction_failures_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("task_id", "model", name="pk_prediction_failures"),
    )
    op.create_index(
        "ix_prediction_failures_project",
        "prediction_failures",
        ["project_id", "model", "task_id"],
    )
    op.create_table(
        "circuits",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_circuits"),
    )


def _notices_and_workers() -> None:
    op.create_table(
        "notices",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notices_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_user", "notices", ["user_id", "id"])
    op.create_table(
        "workers",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process", sa.Integer(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("program_version", sa.String(40), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=True),
        sa.Column("memory_bytes", ID, nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("jobs_done", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    op.create_index("ix_workers_heartbeat_at", "workers", ["heartbeat_at"])


def _suggestion_times() -> None:
    op.create_table(
        "suggestion_times",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("model", sa.String(140), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_suggestion_times_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_suggestion_times"),
    )
    op.create_index("ix_suggestion_times_project", "suggestion_times", ["project_id", "id"])


def downgrade() -> None:
    with op.batch_alter_table("annotations") as table:
        table.drop_column("arm")
    with op.batch_alter_table("jobs") as table:
        for name in ("pauses", "attempt_done", "attempt_at", "not_before", "queue"):
            table.drop_column(name)
    for name in ("suggestion_times", "workers", "notices", "circuits", "prediction_failures", "project_models"):
        op.drop_table(name)
    with op.batch_alter_table("trained_models") as table:
        for name in ("job_id", "card", "state"):
            table.drop_column(name)

"""Keep what Label Studio's API says of projects, tasks, annotations and predictions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("options", sa.Text(), nullable=False, server_default="{}"))
        table.add_column(
            sa.Column("last_inner_id", sa.Integer(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("tasks") as table:
        table.add_column(sa.Column("updated_at", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("updated_by", ID, nullable=True))
        table.add_column(sa.Column("meta", sa.Text(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("inner_id", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("file_upload_id", ID, nullable=True))
        for name in ("total_annotations", "cancelled_annotations", "total_predictions"):
            table.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("annotations") as table:
        for name in ("ground_truth", "bulk_created"):
            table.add_column(
                sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
            )
        for name in ("updated_by", "parent_annotation", "import_id"):
            table.add_column(sa.Column(name, ID, nullable=True))
        table.add_column(sa.Column("last_action", sa.String(40), nullable=True))
        table.add_column(sa.Column("draft_created_at", sa.DateTime(), nullable=True))
    with op.batch_alter_table("annotation_revisions") as table:
        table.add_column(
            sa.Column("state", sa.String(20), nullable=False, server_default="submitted")
        )
        table.add_column(sa.Column("updated_by", ID, nullable=True))
    with op.batch_alter_table("drafts") as table:
        table.add_column(sa.Column("annotation_id", ID, nullable=False, server_default="0"))
        table.add_column(
            sa.Column("was_postponed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("created_at", sa.DateTime(), nullable=True))
    with op.batch_alter_table("predictions") as table:
        table.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("updated_at", sa.DateTime(), nullable=True))
    op.create_table(
        "file_uploads",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_file_uploads_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_file_uploads_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_file_uploads"),
    )
    op.create_index("ix_file_uploads_project", "file_uploads", ["project_id", "id"])
    op.create_table(
        "task_imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_task_imports_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_task_imports_job_id_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_task_imports"),
        sa.UniqueConstraint("job_id", name="uq_task_imports_job_id"),
    )
    op.create_index("ix_task_imports_project_id", "task_imports", ["project_id"])
    _fill()
    for name, column in (
        ("tasks", "updated_at"),
        ("drafts", "created_at"),
        ("predictions", "updated_at"),
    ):
        with op.batch_alter_table(name) as table:
            table.alter_column(column, existing_type=sa.DateTime(), nullable=False)
    with op.batch_alter_table("drafts") as table:
        table.drop_constraint("uq_drafts_task_id_user_id", type_="unique")
        table.create_unique_constraint(
            "uq_drafts_task_id_user_id_annotation_id", ["task_id", "user_id", "annotation_id"]
        )
    with op.batch_alter_table("predictions") as table:
        table.drop_constraint("uq_predictions_task_id_model_version", type_="unique")
        table.create_unique_constraint(
            "uq_predictions_task_id_model_version_number", ["task_id", "model_version", "number"]
        )
    op.create_index(
        "ix_tasks_project_totals",
        "tasks",
        ["project_id", "total_annotations", "cancelled_annotations", "total_predictions"],
    )
    op.drop_index("ix_tasks_project_state_digest", "tasks")
    op.create_index(
        "ix_tasks_accepted_digest",
        "tasks",
        ["project_id", "digest", "id"],
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_index(
        "ix_annotations_ground_truth", "annotations", ["project_id", "ground_truth", "state"]
    )


def _fill() -> None:
    """Say of the rows that are there what would have been kept of them."""
    op.execute("UPDATE drafts SET created_at = updated_at")
    op.execute("UPDATE predictions SET updated_at = created_at")
    # One pass for each number, by the indexes on task_id: also with a million tasks.
    op.execute(
        "UPDATE tasks SET updated_at = created_at,"
        " total_annotations = (SELECT count(*) FROM annotations a"
        "  WHERE a.task_id = tasks.id AND a.state <> 'skipped'),"
        " cancelled_annotations = (SELECT count(*) FROM annotations a"
        "  WHERE a.task_id = tasks.id AND a.state = 'skipped'),"
        " total_predictions = (SELECT count(*) FROM predictions p WHERE p.task_id = tasks.id)"
    )
    op.execute(
        "UPDATE tasks SET inner_id = numbered.number FROM ("
        " SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY id) AS number FROM tasks"
        ") AS numbered WHERE numbered.id = tasks.id"
    )
    op.execute(
        "UPDATE projects SET last_inner_id = (SELECT coalesce(max(t.inner_id), 0)"
        " FROM tasks t WHERE t.project_id = projects.id)"
    )
    op.execute("UPDATE annotations SET updated_by = completed_by")


def downgrade() -> None:
    op.drop_table("task_imports")
    op.drop_table("file_uploads")
    op.drop_index("ix_annotations_ground_truth", "annotations")
    op.drop_index("ix_tasks_project_totals", "tasks")
    op.drop_index("ix_tasks_accepted_digest", "tasks")
    op.create_index(
        "ix_tasks_project_state_digest", "tasks", ["project_id", "state", "digest", "id"]
    )
    op.execute("DELETE FROM predictions WHERE number > 0")
    op.execute("DELETE FROM drafts WHERE annotation_id > 0")
    with op.batch_alter_table("predictions") as table:
        table.drop_constraint("uq_predictions_task_id_model_version_number", type_="unique")
        table.drop_column("updated_at")
        table.drop_column("number")
        table.create_unique_constraint(
            "uq_predictions_task_id_model_version", ["task_id", "model_version"]
        )
    with op.batch_alter_table("drafts") as table:
        table.drop_constraint("uq_drafts_task_id_user_id_annotation_id", type_="unique")
        for name in ("created_at", "was_postponed", "annotation_id"):
            table.drop_column(name)
        table.create_unique_constraint("uq_drafts_task_id_user_id", ["task_id", "user_id"])
    with op.batch_alter_table("annotation_revisions") as table:
        table.drop_column("updated_by")
        table.drop_column("state")
    with op.batch_alter_table("annotations") as table:
        for name in (
            "draft_created_at",
            "last_action",
            "import_id",
            "parent_annotation",
            "updated_by",
            "bulk_created",
            "ground_truth",
        ):
            table.drop_column(name)
    with op.batch_alter_table("tasks") as table:
        for name in (
            "total_predictions",
            "cancelled_annotations",
            "total_annotations",
            "file_upload_id",
            "inner_id",
            "meta",
            "updated_by",
            "updated_at",
        ):
            table.drop_column(name)
    with op.batch_alter_table("projects") as table:
        table.drop_column("last_inner_id")
        table.drop_column("options")

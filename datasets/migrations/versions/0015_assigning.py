"""Keep who may work on a project, what is meant for whom, how far people are, and flags."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("assignments", sa.Column("due_at", sa.DateTime(), nullable=True))
    op.add_column("assignments", sa.Column("group_task_id", ID, nullable=True))
    op.drop_index("ix_assignments_person", "assignments")
    op.create_index(
        "ix_assignments_taken", "assignments", ["project_id", "user_id", "created_at"]
    )
    is_reserved = sa.text("state = 'reserved'")
    op.create_index(
        "ix_assignments_held",
        "assignments",
        ["project_id", "id"],
        sqlite_where=is_reserved,
        postgresql_where=is_reserved,
    )
    op.add_column(
        "projects",
        sa.Column("gives_to_groups", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    _queue()
    _admissions()
    _flags()


def _queue() -> None:
    op.create_table(
        "queue_places",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_queue_places_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_queue_places_user_id_users"),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_queue_places"),
    )
    op.create_table(
        "group_tasks",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("team_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("open_slots", sa.Integer(), nullable=False),
        sa.Column("given_by", ID, nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_group_tasks_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_group_tasks_task_id_tasks"),
        sa.PrimaryKeyConstraint("id", name="pk_group_tasks"),
        sa.UniqueConstraint(
            "task_id",
            "team_id",
            "organisation_id",
            name="uq_group_tasks_whom",
        ),
    )
    has_slots = sa.text("open_slots > 0")
    op.create_index(
        "ix_group_tasks_open",
        "group_tasks",
        ["project_id", "id"],
        sqlite_where=has_slots,
        postgresql_where=has_slots,
    )


def _admissions() -> None:
    op.create_table(
        "project_admissions",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("team_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("added_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_project_admissions_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_project_admissions"),
        sa.UniqueConstraint(
            "project_id",
            "user_id",
            "team_id",
            "organisation_id",
            name="uq_project_admissions_whom",
        ),
    )


def _flags() -> None:
    op.create_table(
        "task_flags",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("settled_by", ID, nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_task_flags_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_task_flags_task_id_tasks"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_task_flags_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_task_flags"),
    )
    op.create_index("ix_task_flags_project", "task_flags", ["project_id", "state", "id"])
    op.create_index("ix_task_flags_task", "task_flags", ["task_id", "id"])


def downgrade() -> None:
    for name in ("task_flags", "project_admissions", "group_tasks", "queue_places"):
        op.drop_table(name)
    with op.batch_alter_table("projects") as table:
        table.drop_column("gives_to_groups")
    op.drop_index("ix_assignments_held", "assignments")
    op.drop_index("ix_assignments_taken", "assignments")
    with op.batch_alter_table("assignments") as table:
        table.drop_column("group_task_id")
        table.drop_column("due_at")
    op.create_index(
        "ix_assignments_person", "assignments", ["project_id", "user_id", "task_id"]
    )

"""Keep tasks whose answers are known, and labels that are probably wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gold_plans",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        _points("gold_plans", "project_id", "projects"),
        sa.PrimaryKeyConstraint("project_id", name="pk_gold_plans"),
    )
    _gold_tasks()
    _gold_exposures()
    _suspicions()


def _points(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _gold_tasks() -> None:
    op.create_table(
        "gold_tasks",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("exposures", sa.Integer(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        _points("gold_tasks", "project_id", "projects"),
        _points("gold_tasks", "task_id", "tasks"),
        _points("gold_tasks", "created_by", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_gold_tasks"),
        sa.UniqueConstraint("task_id", name="uq_gold_tasks_task_id"),
    )
    op.create_index("ix_gold_tasks_project", "gold_tasks", ["project_id", "state", "id"])


def _gold_exposures() -> None:
    op.create_table(
        "gold_exposures",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("gold_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("is_passed", sa.Boolean(), nullable=True),
        sa.Column("was_told", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        _points("gold_exposures", "project_id", "projects"),
        _points("gold_exposures", "gold_id", "gold_tasks"),
        _points("gold_exposures", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_gold_exposures"),
        sa.UniqueConstraint("gold_id", "user_id", name="uq_gold_exposures_gold_id_user_id"),
    )
    op.create_index(
        "ix_gold_exposures_person", "gold_exposures", ["project_id", "user_id", "id"]
    )
    op.create_index("ix_gold_exposures_annotation", "gold_exposures", ["annotation_id"])


def _suspicions() -> None:
    op.create_table(
        "suspicions",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(200), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("suggested", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("method", sa.String(80), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        _points("suspicions", "project_id", "projects"),
        _points("suspicions", "task_id", "tasks"),
        _points("suspicions", "annotation_id", "annotations"),
        sa.PrimaryKeyConstraint("id", name="pk_suspicions"),
    )
    op.create_index(
        "ix_suspicions_project", "suspicions", ["project_id", "state", "score", "id"]
    )
    op.create_index("ix_suspicions_annotation", "suspicions", ["annotation_id"])


def downgrade() -> None:
    for name in ("suspicions", "gold_exposures", "gold_tasks", "gold_plans"):
        op.drop_table(name)

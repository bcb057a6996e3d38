"""Keep how much people agree, and what they agreed on."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "compared_tasks",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("task_id", ID, autoincrement=False, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "task_id", name="pk_compared_tasks"),
    )
    op.create_index(
        "ix_compared_tasks_score", "compared_tasks", ["project_id", "score", "task_id"]
    )
    op.create_table(
        "compared_pairs",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("task_id", ID, autoincrement=False, nullable=False),
        sa.Column("one_id", ID, autoincrement=False, nullable=False),
        sa.Column("other_id", ID, autoincrement=False, nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "task_id", "one_id", "other_id", name="pk_compared_pairs"
        ),
    )
    op.create_table(
        "quality_reports",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("worked_out_at", sa.DateTime(), nullable=False),
        sa.Column("seen_until", sa.DateTime(), nullable=False),
        sa.Column("config_digest", sa.String(64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_quality_reports"),
    )
    _consensus()
    can_be_compared = sa.text("total_annotations >= 2")
    op.create_index(
        "ix_tasks_compared",
        "tasks",
        ["project_id", "updated_at", "id"],
        sqlite_where=can_be_compared,
        postgresql_where=can_be_compared,
    )


def _consensus() -> None:
    op.create_table(
        "consensus_results",
        sa.Column("task_id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("agreement", sa.Double(), nullable=False),
        sa.Column("certainty", sa.Double(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("methods", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("task_id", name="pk_consensus_results"),
    )
    op.create_index(
        "ix_consensus_results_next",
        "consensus_results",
        ["project_id", "state", "agreement", "task_id"],
    )


def downgrade() -> None:
    op.drop_index("ix_tasks_compared", "tasks")
    for name in ("consensus_results", "quality_reports", "compared_pairs", "compared_tasks"):
        op.drop_table(name)

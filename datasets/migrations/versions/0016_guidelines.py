"""Keep guidelines, examinations and who passed them; threads of comments."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("guideline_version", sa.Integer(), nullable=True))
    with op.batch_alter_table("comments") as table:
        table.add_column(sa.Column("parent_id", ID, nullable=True))
    _guidelines()
    _exams()
    _attempts()
    _qualifications()


def _guidelines() -> None:
    op.create_table(
        "guideline_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("pictures", sa.Text(), nullable=False),
        sa.Column("published_by", ID, nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_guideline_versions_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["published_by"], ["users.id"], name="fk_guideline_versions_published_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_guideline_versions"),
        sa.UniqueConstraint(
            "project_id", "number", name="uq_guideline_versions_project_id_number"
        ),
    )
    op.create_table(
        "guideline_readings",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_guideline_readings_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_guideline_readings_user_id_users"
        ),
        sa.PrimaryKeyConstraint(
            "project_id", "user_id", "number", name="pk_guideline_readings"
        ),
    )


def _exams() -> None:
    op.create_table(
        "exams",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("pass_mark", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("wait_hours", sa.Integer(), nullable=False),
        sa.Column("valid_days", sa.Integer(), nullable=False),
        sa.Column("gives_feedback", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_exams_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_exams_created_by_users"),
        sa.PrimaryKeyConstraint("id", name="pk_exams"),
    )
    op.create_index("ix_exams_project_id", "exams", ["project_id", "id"])
    op.create_table(
        "exam_questions",
        sa.Column("exam_id", ID, nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("truth", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exam_id"], ["exams.id"], name="fk_exam_questions_exam_id_exams"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["tasks.id"],
            name="fk_exam_questions_task_id_tasks",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("exam_id", "task_id", name="pk_exam_questions"),
    )
    op.create_index("ix_exam_questions_task_id", "exam_questions", ["task_id"])


def _attempts() -> None:
    op.create_table(
        "exam_attempts",
        sa.Column("id", ID, nullable=False),
        sa.Column("exam_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exam_id"], ["exams.id"], name="fk_exam_attempts_exam_id_exams"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_exam_attempts_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_exam_attempts_user_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exam_attempts"),
        sa.UniqueConstraint(
            "exam_id", "user_id", "number", name="uq_exam_attempts_exam_id_user_id_number"
        ),
    )
    op.create_index("ix_exam_attempts_project_id", "exam_attempts", ["project_id", "id"])
    op.create_table(
        "exam_answers",
        sa.Column("attempt_id", ID, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("task_id", ID, nullable=False),
        sa.Column("truth", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("is_right", sa.Boolean(), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["exam_attempts.id"], name="fk_exam_answers_attempt_id_exam_attempts"
        ),
        sa.PrimaryKeyConstraint("attempt_id", "place", name="pk_exam_answers"),
        sa.UniqueConstraint(
            "attempt_id", "task_id", name="uq_exam_answers_attempt_id_task_id"
        ),
    )


def _qualifications() -> None:
    op.create_table(
        "qualifications",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("attempt_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("valid_to", sa.DateTime(), nullable=False),
        sa.Column("suspended_at", sa.DateTime(), nullable=True),
        sa.Column("suspended_by", ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("appealed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_qualifications_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_qualifications_user_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_qualifications"),
    )
    op.create_index(
        "ix_qualifications_person", "qualifications", ["project_id", "user_id", "id"]
    )


def downgrade() -> None:
    for name in (
        "qualifications",
        "exam_answers",
        "exam_attempts",
        "exam_questions",
        "exams",
        "guideline_readings",
        "guideline_versions",
    ):
        op.drop_table(name)
    with op.batch_alter_table("comments") as table:
        table.drop_column("parent_id")
    with op.batch_alter_table("projects") as table:
        table.drop_column("guideline_version")

"""Keep stages of review, what befalls annotations beside them, blind reviews and lots."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("reviews") as table:
        table.add_column(sa.Column("stage", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("reason_code", sa.String(40), nullable=True))
        table.add_column(sa.Column("rule", sa.String(20), nullable=True))
        table.alter_column("reviewer_id", existing_type=ID, nullable=True)
    with op.batch_alter_table("annotations") as table:
        table.add_column(sa.Column("review_since", sa.DateTime(), nullable=True))
    op.create_index(
        "ix_annotations_stage",
        "annotations",
        ["project_id", "state", "review_stage", "id", "purpose"],
    )
    op.create_index("ix_annotations_held", "annotations", ["project_id", "review_until"])
    _events()
    _blind()
    _lots()


def _events() -> None:
    op.create_table(
        "review_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("to_revision", sa.Integer(), nullable=True),
        sa.Column("review_id", ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_review_events_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotations.id"],
            name="fk_review_events_annotation_id_annotations",
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name="fk_review_events_actor_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_review_events"),
    )
    op.create_index("ix_review_events_annotation", "review_events", ["annotation_id", "id"])


def _blind() -> None:
    op.create_table(
        "blind_reviews",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("annotation_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("asked_by", ID, nullable=False),
        sa.Column("asked_for", sa.Text(), nullable=False),
        sa.Column("reviewer_id", ID, nullable=True),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("verdict", sa.String(10), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_blind_reviews_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotations.id"],
            name="fk_blind_reviews_annotation_id_annotations",
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["users.id"], name="fk_blind_reviews_asked_by_users"
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["users.id"], name="fk_blind_reviews_reviewer_id_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_blind_reviews"),
    )
    op.create_index("ix_blind_reviews_waiting", "blind_reviews", ["project_id", "verdict", "id"])
    op.create_index("ix_blind_reviews_annotation", "blind_reviews", ["annotation_id", "id"])


def _lots() -> None:
    op.create_table(
        "review_lots",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_review_lots_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("project_id", name="pk_review_lots"),
    )
    op.create_table(
        "review_shares",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("full_left", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_review_shares_project_id_projects"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_review_shares_user_id_users"
        ),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_review_shares"),
    )


def downgrade() -> None:
    for name in ("review_shares", "review_lots", "blind_reviews", "review_events"):
        op.drop_table(name)
    op.drop_index("ix_annotations_held", "annotations")
    op.drop_index("ix_annotations_stage", "annotations")
    with op.batch_alter_table("annotations") as table:
        table.drop_column("review_since")
    # What only a rule let pass has no reviewer, and cannot be told where there are no rules.
    op.execute("DELETE FROM reviews WHERE reviewer_id IS NULL")
    with op.batch_alter_table("reviews") as table:
        table.alter_column("reviewer_id", existing_type=ID, nullable=False)
        for name in ("rule", "reason_code", "stage"):
            table.drop_column(name)

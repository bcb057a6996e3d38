"""Keep raw material, what cleanings made of it, and where personal information was found."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "libraries",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("level", sa.String(20), nullable=True),
        sa.Column("text_key", sa.String(200), nullable=True),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("assets", sa.Integer(), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name="fk_libraries_created_by_users"),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name="fk_libraries_organisation_id_organisations"),
        sa.PrimaryKeyConstraint('id', name="pk_libraries"),
        sa.UniqueConstraint('uid', name="uq_libraries_uid"),
    )
    op.create_index("ix_libraries_organisation", "libraries", ['organisation_id', 'id'])
    op.create_table(
        "assets",
        sa.Column("id", ID, nullable=False),
        sa.Column("library_id", ID, nullable=False),
        sa.Column("import_id", sa.String(36), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", ID, nullable=False),
        sa.Column("content_type", sa.String(80), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("feed_id", ID, nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("source_digest", sa.String(64), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['library_id'], ['libraries.id'], name="fk_assets_library_id_libraries"),
        sa.PrimaryKeyConstraint('id', name="pk_assets"),
        sa.UniqueConstraint('import_id', 'row', name="uq_assets_import_id_row"),
    )
    op.create_index("ix_assets_digest", "assets", ['digest'])
    op.create_index("ix_assets_feed", "assets", ['feed_id', 'source_digest'])
    op.create_index("ix_assets_library", "assets", ['library_id', 'id'])
    op.create_index("ix_assets_library_digest", "assets", ['library_id', 'digest', 'id'])
    op.create_index("ix_assets_library_kind", "assets", ['library_id', 'kind', 'id'])
    op.create_index("ix_assets_library_state", "assets", ['library_id', 'state', 'id'])
    op.create_table(
        "recipes",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("archived_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name="fk_recipes_created_by_users"),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name="fk_recipes_organisation_id_organisations"),
        sa.PrimaryKeyConstraint('id', name="pk_recipes"),
        sa.UniqueConstraint('organisation_id', 'name', name="uq_recipes_organisation_id_name"),
    )
    op.create_table(
        "recipe_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("recipe_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name="fk_recipe_versions_created_by_users"),
        sa.ForeignKeyConstraint(['recipe_id'], ['recipes.id'], name="fk_recipe_versions_recipe_id_recipes"),
        sa.PrimaryKeyConstraint('id', name="pk_recipe_versions"),
        sa.UniqueConstraint('recipe_id', 'number', name="uq_recipe_versions_recipe_id_number"),
    )
    op.create_index("ix_recipe_versions_digest", "recipe_versions", ['digest'])
    op.create_table(
        "cleanings",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("library_id", ID, nullable=False),
        sa.Column("recipe_version_id", ID, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("last_asset_id", ID, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name="fk_cleanings_created_by_users"),
        sa.ForeignKeyConstraint(['library_id'], ['libraries.id'], name="fk_cleanings_library_id_libraries"),
        sa.ForeignKeyConstraint(['recipe_version_id'], ['recipe_versions.id'], name="fk_cleanings_recipe_version_id_recipe_versions"),
        sa.PrimaryKeyConstraint('id', name="pk_cleanings"),
        sa.UniqueConstraint('job_id', name="uq_cleanings_job_id"),
        sa.UniqueConstraint('uid', name="uq_cleanings_uid"),
    )
    op.create_index("ix_cleanings_library", "cleanings", ['library_id', 'id'])
    op.create_index("ix_cleanings_recipe_version_id", "cleanings", ['recipe_version_id'])
    op.create_table(
        "cleaned_records",
        sa.Column("id", ID, nullable=False),
        sa.Column("cleaning_id", ID, nullable=False),
        sa.Column("asset_id", ID, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("size", ID, nullable=True),
        sa.Column("content_type", sa.String(80), nullable=True),
        sa.Column("changed_steps", sa.Text(), nullable=False),
        sa.Column("dropped_step", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(60), nullable=True),
        sa.Column("duplicate_of", ID, nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['asset_id'], ['assets.id'], name="fk_cleaned_records_asset_id_assets"),
        sa.ForeignKeyConstraint(['cleaning_id'], ['cleanings.id'], name="fk_cleaned_records_cleaning_id_cleanings"),
        sa.PrimaryKeyConstraint('id', name="pk_cleaned_records"),
        sa.UniqueConstraint('cleaning_id', 'asset_id', 'part', name="uq_cleaned_records_cleaning_id_asset_id_part"),
    )
    op.create_index("ix_cleaned_records_asset", "cleaned_records", ['asset_id'])
    op.create_index("ix_cleaned_records_digest", "cleaned_records", ['digest'])
    op.create_index("ix_cleaned_records_duplicate", "cleaned_records", ['cleaning_id', 'duplicate_of', 'id'])
    op.create_index("ix_cleaned_records_state", "cleaned_records", ['cleaning_id', 'state', 'id'])
    op.create_index("ix_cleaned_records_step", "cleaned_records", ['cleaning_id', 'dropped_step', 'id'])
    op.create_table(
        "scans",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("detector", sa.String(60), nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("unseen", sa.Integer(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name="fk_scans_created_by_users"),
        sa.ForeignKeyConstraint(['library_id'], ['libraries.id'], name="fk_scans_library_id_libraries"),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name="fk_scans_organisation_id_organisations"),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name="fk_scans_project_id_projects"),
        sa.PrimaryKeyConstraint('id', name="pk_scans"),
        sa.UniqueConstraint('job_id', name="uq_scans_job_id"),
    )
    op.create_index("ix_scans_library", "scans", ['library_id', 'id'])
    op.create_index("ix_scans_project", "scans", ['project_id', 'id'])
    op.create_table(
        "findings",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("task_id", ID, nullable=True),
        sa.Column("library_id", ID, nullable=True),
        sa.Column("asset_id", ID, nullable=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("masked", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("detector", sa.String(60), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['asset_id'], ['assets.id'], name="fk_findings_asset_id_assets", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name="fk_findings_decided_by_users"),
        sa.ForeignKeyConstraint(['library_id'], ['libraries.id'], name="fk_findings_library_id_libraries"),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name="fk_findings_organisation_id_organisations"),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name="fk_findings_project_id_projects"),
        sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name="fk_findings_task_id_tasks", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint('id', name="pk_findings"),
    )
    op.create_index("ix_findings_asset", "findings", ['asset_id', 'id'])
    op.create_index("ix_findings_fingerprint", "findings", ['organisation_id', 'fingerprint'])
    op.create_index("ix_findings_library", "findings", ['library_id', 'state', 'id'])
    op.create_index("ix_findings_project", "findings", ['project_id', 'state', 'id'])
    op.create_index("ix_findings_task", "findings", ['task_id', 'id'])
    op.create_table(
        "withheld_media",
        sa.Column("project_id", ID, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name="fk_withheld_media_project_id_projects"),
        sa.PrimaryKeyConstraint('project_id', 'digest', name="pk_withheld_media"),
    )
    op.create_table(
        "task_origins",
        sa.Column("task_id", ID, nullable=False, autoincrement=False),
        sa.Column("asset_id", ID, nullable=False),
        sa.Column("cleaning_id", ID, nullable=True),
        sa.Column("cleaned_record_id", ID, nullable=True),
        sa.ForeignKeyConstraint(['asset_id'], ['assets.id'], name="fk_task_origins_asset_id_assets"),
        sa.ForeignKeyConstraint(['task_id'], ['tasks.id'], name="fk_task_origins_task_id_tasks", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint('task_id', name="pk_task_origins"),
    )
    op.create_index("ix_task_origins_asset", "task_origins", ['asset_id'])


def downgrade() -> None:
    op.drop_table("task_origins")
    op.drop_table("withheld_media")
    op.drop_table("findings")
    op.drop_table("scans")
    op.drop_table("cleaned_records")
    op.drop_table("cleanings")
    op.drop_table("recipe_versions")
    op.drop_table("recipes")
    op.drop_table("assets")
    op.drop_table("libraries")

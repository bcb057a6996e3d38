"""Keep discussions of datasets, withdrawn records and who downloaded what; search by words."""

import hashlib

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PATH = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")
TOKEN = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")


class _Parts(msgspec.Struct):
    result: msgspec.Raw
    media: msgspec.Raw
    data: msgspec.Raw
    name: msgspec.Raw
    group: msgspec.Raw
    annotator: msgspec.Raw
    prediction: msgspec.Raw
    review: msgspec.Raw


_DECODER = msgspec.json.Decoder(_Parts)


def upgrade() -> None:
    _columns()
    _browsing()
    _downloads()
    _discussions()
    _tombstones()
    _fill()


def _columns() -> None:
    with op.batch_alter_table("datasets") as table:
        table.add_column(sa.Column("newest_id", ID, nullable=True))
        table.create_index("ix_datasets_created", ["created_at", "id"])
        table.create_index("ix_datasets_downloads", ["downloads", "id"])
    with op.batch_alter_table("releases") as table:
        table.add_column(sa.Column("figures", sa.Text(), nullable=True))
        table.add_column(
            sa.Column("has_withheld", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("version_records", sa.Column("digest", sa.String(64), nullable=True))
    op.add_column("task_flags", sa.Column("discussion_id", ID, nullable=True))


def _browsing() -> None:
    op.create_table(
        "dataset_words",
        sa.Column("token", TOKEN, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_words_dataset_id_datasets"
        ),
        sa.PrimaryKeyConstraint("token", "dataset_id", "weight", name="pk_dataset_words"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dataset_words_dataset_id", "dataset_words", ["dataset_id"])
    op.create_table(
        "dataset_facets",
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("openness", sa.String(12), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_facets_dataset_id_datasets"
        ),
        sa.PrimaryKeyConstraint("dataset_id", name="pk_dataset_facets"),
    )
    op.create_table(
        "catalogue_stamps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_stamps"),
    )
    op.create_table(
        "facet_counts",
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("stamp", ID, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("asked", name="pk_facet_counts"),
    )


def _downloads() -> None:
    op.create_table(
        "download_days",
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("client", sa.String(20), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("visitors", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_download_days_dataset_id_datasets"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "day", "client", name="pk_download_days"),
    )
    op.create_table(
        "download_visits",
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("visitor", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_download_visits_dataset_id_datasets"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "day", "visitor", name="pk_download_visits"),
    )
    op.create_index("ix_download_visits_day", "download_visits", ["day"])
    op.create_table(
        "download_salts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_download_salts"),
    )
    op.create_table(
        "downloaded_files",
        sa.Column("release_id", ID, nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_downloaded_files_release_id_releases"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_downloaded_files_user_id_users"
        ),
        sa.PrimaryKeyConstraint("release_id", "path", "user_id", name="pk_downloaded_files"),
    )


def _discussions() -> None:
    op.create_table(
        "discussions",
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("key", sa.String(72), nullable=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("flag_id", ID, nullable=True),
        sa.Column("corrected_by", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_discussions_dataset_id_datasets"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_discussions_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_discussions"),
    )
    op.create_index("ix_discussions_dataset", "discussions", ["dataset_id", "id"])
    op.create_index("ix_discussions_key", "discussions", ["dataset_id", "key"])
    op.create_table(
        "discussion_posts",
        sa.Column("id", ID, nullable=False),
        sa.Column("discussion_id", ID, nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discussion_id"],
            ["discussions.id"],
            name="fk_discussion_posts_discussion_id_discussions",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_discussion_posts_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_discussion_posts"),
    )
    op.create_index("ix_discussion_posts_discussion", "discussion_posts", ["discussion_id", "id"])
    op.create_index("ix_discussion_posts_person", "discussion_posts", ["created_by", "created_at"])


def _tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("key", sa.String(72), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("searched_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_tombstones_dataset_id_datasets"
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name="fk_tombstones_created_by_users"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
        sa.UniqueConstraint("dataset_id", "key", name="uq_tombstones_dataset_id_key"),
    )
    op.create_table(
        "withheld_files",
        sa.Column("release_id", ID, nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("tombstone_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_withheld_files_release_id_releases"
        ),
        sa.ForeignKeyConstraint(
            ["tombstone_id"], ["tombstones.id"], name="fk_withheld_files_tombstone_id_tombstones"
        ),
        sa.PrimaryKeyConstraint("release_id", "path", "tombstone_id", name="pk_withheld_files"),
    )


def _fill() -> None:
    """Name the newest releases, index what is published, tell records' parts apart."""
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "UPDATE datasets SET newest_id = (SELECT max(releases.id) FROM releases"
            " WHERE releases.dataset_id = datasets.id)"
        )
    )
    version, position = -1, -1
    query = sa.text(
        "SELECT version_id, position, line FROM version_records WHERE line IS NOT NULL AND"
        " (version_id > :version OR (version_id = :version AND position > :position))"
        " ORDER BY version_id, position LIMIT 1000"
    )
    while True:
        rows = connection.execute(query, {"version": version, "position": position}).all()
        if not rows:
            return
        version, position = rows[-1][0], rows[-1][1]
        connection.execute(
            sa.text(
                "UPDATE version_records SET digest = :digest"
                " WHERE version_id = :version AND position = :position"
            ),
            [{"digest": _digest(row[2]), "version": row[0], "position": row[1]} for row in rows],
        )


def _digest(line: str) -> str:
    """Digest a record's parts as versions.record_digest does."""
    told = _DECODER.decode(line)
    making = b"\n".join((told.name, told.group, told.annotator, told.prediction, told.review))
    return "".join(
        hashlib.blake2b(part, digest_size=8).hexdigest()
        for part in (told.result, told.media, told.data, making)
    )


def downgrade() -> None:
    for name in (
        "withheld_files",
        "tombstones",
        "discussion_posts",
        "discussions",
        "downloaded_files",
        "download_salts",
        "download_visits",
        "download_days",
        "facet_counts",
        "catalogue_stamps",
        "dataset_facets",
        "dataset_words",
    ):
        op.drop_table(name)
    op.drop_column("task_flags", "discussion_id")
    op.drop_column("version_records", "digest")
    with op.batch_alter_table("releases") as table:
        table.drop_column("has_withheld")
        table.drop_column("figures")
    with op.batch_alter_table("datasets") as table:
        table.drop_index("ix_datasets_downloads")
        table.drop_index("ix_datasets_created")
        table.drop_column("newest_id")

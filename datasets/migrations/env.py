"""Run by Alembic: migrate the connection that `jinbiao.datasets.migrations` opened."""

from alembic import context

from jinbiao.datasets.db import UTCDateTime
from jinbiao.datasets.migrations import METADATA


def _plain_time(kind: str, item: object, _context: object) -> str | bool:
    # A migration must not depend on code that changes later.
    return "sa.DateTime()" if isinstance(item, UTCDateTime) else False


context.configure(
    render_item=_plain_time,
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

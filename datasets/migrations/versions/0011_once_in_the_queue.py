"""Let a task stand in the queue once, whatever its priority."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

QUEUE = sa.table(
    "task_queue",
    sa.column("project_id", sa.BigInteger),
    sa.column("priority", sa.Integer),
    sa.column("task_id", sa.BigInteger),
    sa.column("open_slots", sa.Integer),
)


def upgrade() -> None:
    connection = op.get_bind()
    twice = sa.select(
        QUEUE.c.task_id, sa.func.min(QUEUE.c.priority), sa.func.sum(QUEUE.c.open_slots)
    )
    twice = twice.group_by(QUEUE.c.task_id).having(sa.func.count() > 1)
    for task_id, first, slots in connection.execute(twice).all():
        of_task = QUEUE.c.task_id == task_id
        connection.execute(sa.delete(QUEUE).where(of_task, QUEUE.c.priority != first))
        connection.execute(sa.update(QUEUE).where(of_task).values(open_slots=int(slots)))
    op.drop_index("ix_task_queue_task_id", "task_queue")
    with op.batch_alter_table("task_queue") as table:
        table.create_unique_constraint("uq_task_queue_task_id", ["task_id"])


def downgrade() -> None:
    with op.batch_alter_table("task_queue") as table:
        table.drop_constraint("uq_task_queue_task_id", type_="unique")
    op.create_index("ix_task_queue_task_id", "task_queue", ["task_id"])

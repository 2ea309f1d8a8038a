"""What is on its way to people, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of deliveries, threads and acknowledgements."""
    op.create_table(
        "pipetriage_delivery",
        sa.Column("delivery_key", sa.String(64), primary_key=True),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(32), nullable=False),
        sa.Column("claimed_until", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tries", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_index("pipetriage_delivery_by_due", "pipetriage_delivery", ["state", "due_at"])
    op.create_index("pipetriage_delivery_by_topic", "pipetriage_delivery", ["topic", "channel", "created_at"])
    # With the topic in it, so that counting a storm reads the index alone.
    op.create_index(
        "pipetriage_delivery_by_fingerprint", "pipetriage_delivery", ["fingerprint", "channel", "created_at", "topic"]
    )
    op.create_index("pipetriage_delivery_by_age", "pipetriage_delivery", ["created_at"])
    op.create_table(
        "pipetriage_thread",
        sa.Column("topic", sa.String(128), primary_key=True),
        sa.Column("channel", sa.String(128), primary_key=True),
        sa.Column("thread", sa.Text, nullable=False),
    )
    op.create_table(
        "pipetriage_acknowledgement",
        sa.Column("topic", sa.String(128), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("acknowledgement", "thread", "delivery"):
        op.drop_table(f"pipetriage_{table}")

"""What asking a model has cost each day, and its answers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of budgets and answers."""
    op.create_table(
        "pipetriage_model_budget",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("micro_usd", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pipetriage_model_answer",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("remembered_at", sa.String(32), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_index("pipetriage_model_answer_by_age", "pipetriage_model_answer", ["remembered_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("pipetriage_model_answer")
    op.drop_table("pipetriage_model_budget")

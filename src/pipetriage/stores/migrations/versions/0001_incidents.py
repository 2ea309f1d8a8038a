"""Incidents, their revisions, the tables they wrote to, and the retries granted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "pipetriage_incident",
        sa.Column("incident_id", sa.String(128), primary_key=True),
        sa.Column("job_run_id", sa.String(512), nullable=False),
        sa.Column("pipeline_name", sa.String(512), nullable=False),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("batch_key", sa.String(128), nullable=False),
        sa.Column("safe_to_retry", sa.Boolean, nullable=False),
        sa.Column("started_at", sa.String(32)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(64), nullable=False),
        sa.Column("triages", sa.Integer, nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
    )
    op.create_index("pipetriage_incident_by_run", "pipetriage_incident", ["job_run_id"])
    op.create_index("pipetriage_incident_by_pipeline", "pipetriage_incident", ["pipeline_name", "first_seen"])
    op.create_index("pipetriage_incident_by_fingerprint", "pipetriage_incident", ["fingerprint"])
    op.create_index("pipetriage_incident_by_batch", "pipetriage_incident", ["batch_key"])
    op.create_index("pipetriage_incident_by_age", "pipetriage_incident", ["first_seen"])
    op.create_table(
        "pipetriage_revision",
        sa.Column("incident_id", sa.String(128), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "pipetriage_written_table",
        sa.Column("incident_id", sa.String(128), nullable=False),
        sa.Column("leaf", sa.String(512), nullable=False),
        sa.Column("name", sa.String(1024), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
    )
    op.create_index("pipetriage_written_table_by_leaf", "pipetriage_written_table", ["leaf"])
    op.create_index("pipetriage_written_table_by_incident", "pipetriage_written_table", ["incident_id"])
    op.create_table(
        "pipetriage_retry_grant",
        sa.Column("incident_id", sa.String(128), primary_key=True),
        sa.Column("job_run_id", sa.String(512), nullable=False),
        sa.Column("granted_at", sa.String(32), nullable=False),
        sa.Column("granted_to", sa.String(512), nullable=False),
    )


def downgrade() -> None:
    """Drop everything."""
    for table in ("retry_grant", "written_table", "revision", "incident"):
        op.drop_table(f"pipetriage_{table}")

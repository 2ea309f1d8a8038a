"""The tables of the SQL store, as the code queries them. The migrations under ``migrations/`` make them."""

import sqlalchemy as sa

# The newest migration. A test holds it equal to Alembic's own answer, so that a store already there is opened
# without importing Alembic.
HEAD = "0004"

# Our own name: a shared PostgreSQL database may hold another program's alembic_version.
VERSION_TABLE = "pipetriage_version"

metadata = sa.MetaData()

version = sa.Table(VERSION_TABLE, metadata, sa.Column("version_num", sa.String(32), primary_key=True))

# Times are ISO 8601 in UTC with microseconds: their order as text is their order in time, in every database.

# One row an incident: what is known of it now. Everything in it can be derived from the revisions, but for the
# count of triages and the last time that one was made.
incidents = sa.Table(
    "pipetriage_incident",
    metadata,
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

# Append-only: one row each time the verdict of a run changed.
revisions = sa.Table(
    "pipetriage_revision",
    metadata,
    sa.Column("incident_id", sa.String(128), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

# The tables of each incident's latest revision, by the last part of their name.
written_tables = sa.Table(
    "pipetriage_written_table",
    metadata,
    sa.Column("incident_id", sa.String(128), nullable=False),
    sa.Column("leaf", sa.String(512), nullable=False),
    sa.Column("name", sa.String(1024), nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
)

# One row a failed run whose one retry was granted.
grants = sa.Table(
    "pipetriage_retry_grant",
    metadata,
    sa.Column("incident_id", sa.String(128), primary_key=True),
    sa.Column("job_run_id", sa.String(512), nullable=False),
    sa.Column("granted_at", sa.String(32), nullable=False),
    sa.Column("granted_to", sa.String(512), nullable=False),
)

# Append-only: one row a review; the latest of an incident counts.
reviews = sa.Table(
    "pipetriage_review",
    metadata,
    sa.Column("incident_id", sa.String(128), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reviewed_at", sa.String(32), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

# One row a day (UTC) on which a model was asked: what is used and reserved of the day's budget.
budgets = sa.Table(
    "pipetriage_model_budget",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("micro_usd", sa.BigInteger, nullable=False),
)

# Answers of models, by the digest of the key that they were remembered under; the only rows that are ever deleted.
answers = sa.Table(
    "pipetriage_model_answer",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("remembered_at", sa.String(32), nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

# One row a message for one channel; ``claimed_until`` is empty unless somebody is sending it. The newest are the log.
deliveries = sa.Table(
    "pipetriage_delivery",
    metadata,
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

# What a channel needs to say more on a topic.
threads = sa.Table(
    "pipetriage_thread",
    metadata,
    sa.Column("topic", sa.String(128), primary_key=True),
    sa.Column("channel", sa.String(128), primary_key=True),
    sa.Column("thread", sa.Text, nullable=False),
)

# Who has taken a topic on.
acknowledgements = sa.Table(
    "pipetriage_acknowledgement",
    metadata,
    sa.Column("topic", sa.String(128), primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
)

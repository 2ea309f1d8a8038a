"""The tables of the SQL store, as the code queries them. The migrations under ``migrations/`` make them."""

import sqlalchemy as sa

# The newest migration. A test holds it equal to Alembic's own answer, so that a store already there is opened
# without importing Alembic.
HEAD = "0005"

# Our own name: a shared PostgreSQL database may hold another program's alembic_version.
VERSION_TABLE = "pipetriage_version"

metadata = sa.MetaData()

version = sa.Table(VERSION_TABLE, metadata, sa.Column("version_num", sa.String(32), primary_key=True))

# Times are ISO 8601 in UTC with microseconds: their order as text is their order in time, in every database.

# One row an incident: what is known of it now. Everything in it can be derived from the revisions and reviews, but for
# the count of triages and the first and last time that one was made.
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
    sa.Column("batch_id", sa.Text),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("failure_mode", sa.String(64), nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("affected_table", sa.Text),
    sa.Column("rerun", sa.String(16), nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("needs_review", sa.Boolean, nullable=False),
    sa.Column("as_of", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Column("written", sa.String(16)),
    sa.Column("readers", sa.Integer, nullable=False),
    # Nothing is left to do about it, as far as it alone tells; with its batch that makes its standing.
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("standing", sa.String(16), nullable=False),
    # The latest review.
    sa.Column("review_number", sa.Integer),
    sa.Column("reviewed_at", sa.String(32)),
    sa.Column("reviewed_by", sa.Text),
    sa.Column("agreed", sa.Boolean),
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

# A revision's evidence, compressed: the larger part of an incident, which no list reads. A revision of before 0005 has
# it in its document.
evidence = sa.Table(
    "pipetriage_evidence",
    metadata,
    sa.Column("incident_id", sa.String(128), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# What the search finds an incident by, in the order in which incidents came. SQLite's index of it is a table of its own
# (``pipetriage_words_index``), PostgreSQL's a column that it computes (``vector``).
words = sa.Table(
    "pipetriage_words",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("incident_id", sa.String(128), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
)

# One row a failure (fingerprint), and the words that it is alike by.
failures = sa.Table(
    "pipetriage_failure",
    metadata,
    sa.Column("fingerprint", sa.String(128), primary_key=True),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("first_seen", sa.String(32), nullable=False),
    sa.Column("last_seen", sa.String(32), nullable=False),
    sa.Column("latest", sa.String(128), nullable=False),
    # The latest review of any of its incidents.
    sa.Column("ended_at", sa.String(32)),
    sa.Column("ended", sa.Text),
)
alike_words = sa.Table(
    "pipetriage_word",
    metadata,
    sa.Column("word", sa.String(64), primary_key=True),
    # How many failures have it.
    sa.Column("failures", sa.Integer, nullable=False),
)
failure_words = sa.Table(
    "pipetriage_failure_word",
    metadata,
    sa.Column("word", sa.String(64), primary_key=True),
    sa.Column("fingerprint", sa.String(128), primary_key=True),
)

# Sums by day of what was first triaged then; ``dimension`` says by what else.
days = sa.Table(
    "pipetriage_day",
    metadata,
    sa.Column("dimension", sa.String(16), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("name", sa.String(512), primary_key=True),
    sa.Column("incidents", sa.Integer, nullable=False),
    sa.Column("unsafe", sa.Integer, nullable=False),
    sa.Column("delays", sa.Integer, nullable=False),
    sa.Column("delay_seconds", sa.Float, nullable=False),
    sa.Column("machine_seconds", sa.Float, nullable=False),
    sa.Column("cost_usd", sa.Float, nullable=False),
)

# The pipelines and owners that there are.
names = sa.Table(
    "pipetriage_name",
    metadata,
    sa.Column("dimension", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(512), primary_key=True),
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
    # The verdict that was reviewed.
    sa.Column("judged", sa.Text),
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

# Who may ask the service; of each secret only the hash.
tokens = sa.Table(
    "pipetriage_token",
    metadata,
    sa.Column("token_id", sa.String(32), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
sessions = sa.Table(
    "pipetriage_session",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("token_id", sa.String(32), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False),
)

# Append-only.
audit = sa.Table(
    "pipetriage_audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("about", sa.Text, nullable=False),
)

# What was submitted under which idempotency key.
submissions = sa.Table(
    "pipetriage_submission",
    metadata,
    sa.Column("submission_key", sa.String(256), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("incident_id", sa.String(128)),
    sa.Column("problem", sa.Text),
)

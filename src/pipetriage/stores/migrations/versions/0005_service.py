"""What lists, search, trends and the service stand on. What follows from the incidents is filled in afterwards."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = ("cause", "queue")
_SHORT = {"status": 32, "failure_mode": 64, "rerun": 16, "as_of": 32, "standing": 16}
_INDEXES = {
    "by_age": ["first_seen", "incident_id"],
    "by_standing": ["standing", "first_seen", "incident_id"],
    "by_pipeline": ["pipeline_name", "first_seen", "incident_id"],
    "by_pipeline_and_category": ["pipeline_name", "category", "first_seen", "incident_id"],
    "by_category": ["category", "first_seen", "incident_id"],
    "by_owner": ["owner", "first_seen", "incident_id"],
    "by_queue": ["queue", "first_seen", "incident_id"],
    "by_safety": ["safe_to_retry", "first_seen", "incident_id"],
    "by_fingerprint": ["fingerprint", "first_seen", "incident_id"],
    "by_last_seen": ["last_seen"],
    "by_review": ["reviewed_at"],
}
_OLD_INDEXES = {
    "by_pipeline": ["pipeline_name", "first_seen"],
    "by_age": ["first_seen"],
    "by_fingerprint": ["fingerprint"],
}
_TABLES = ("submission", "audit", "session", "token", "name", "day", "failure_word", "word", "failure", "evidence")


def upgrade() -> None:
    """Add columns and tables."""
    for column in _columns():
        op.add_column("pipetriage_incident", column)
    for name in _OLD_INDEXES:
        op.drop_index(f"pipetriage_incident_{name}", "pipetriage_incident")
    for name, columns in _INDEXES.items():
        op.create_index(f"pipetriage_incident_{name}", "pipetriage_incident", columns)
    for name, begun in _beginnings().items():
        # What begins with some text is found by an index in PostgreSQL if that compares byte by byte.
        op.create_index(
            f"pipetriage_incident_{name}", "pipetriage_incident", [begun], postgresql_ops={begun: "text_pattern_ops"}
        )
    op.add_column("pipetriage_review", sa.Column("judged", sa.Text))
    _make_incident_parts()
    _make_words()
    _make_access()


def downgrade() -> None:
    """Drop them. The evidence goes with them: only tests take a store back."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE pipetriage_words_index")
    for table in ("words", *_TABLES):
        op.drop_table(f"pipetriage_{table}")
    for name in [*_INDEXES, *_beginnings()]:
        op.drop_index(f"pipetriage_incident_{name}", "pipetriage_incident")
    op.drop_column("pipetriage_review", "judged")
    for column in _columns():
        op.drop_column("pipetriage_incident", column.name)
    for name, columns in _OLD_INDEXES.items():
        op.create_index(f"pipetriage_incident_{name}", "pipetriage_incident", columns)


def _beginnings() -> dict[str, str]:
    return {"by_id_prefix": "incident_id", "by_run_prefix": "job_run_id", "by_batch_prefix": "batch_id"}


def _columns() -> "list[sa.Column[Any]]":
    return [
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in _TEXT),
        *(sa.Column(name, sa.String(length), nullable=False, server_default="") for name, length in _SHORT.items()),
        *(sa.Column(name, sa.Text) for name in ("batch_id", "affected_table", "owner", "reviewed_by")),
        sa.Column("confidence", sa.Float, nullable=False, server_default="0"),
        sa.Column("needs_review", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("readers", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("written", sa.String(16)),
        sa.Column("review_number", sa.Integer),
        sa.Column("reviewed_at", sa.String(32)),
        sa.Column("agreed", sa.Boolean),
    ]


def _make_incident_parts() -> None:
    op.create_table(
        "pipetriage_evidence",
        sa.Column("incident_id", sa.String(128), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "pipetriage_failure",
        sa.Column("fingerprint", sa.String(128), primary_key=True),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
        sa.Column("latest", sa.String(128), nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("ended", sa.Text),
    )
    op.create_index("pipetriage_failure_by_count", "pipetriage_failure", ["seen"])
    op.create_table(
        "pipetriage_failure_word",
        sa.Column("word", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(128), primary_key=True),
    )
    op.create_table(
        "pipetriage_word",
        sa.Column("word", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_index("pipetriage_failure_word_by_failure", "pipetriage_failure_word", ["fingerprint"])
    op.create_table(
        "pipetriage_day",
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
    # With what is added up in it, so that adding up reads the index alone.
    op.create_index("pipetriage_day_by_day", "pipetriage_day", ["dimension", "day", "name", "incidents", "unsafe"])
    op.create_table(
        "pipetriage_name",
        sa.Column("dimension", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(512), primary_key=True),
    )


def _make_words() -> None:
    op.create_table(
        "pipetriage_words",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("incident_id", sa.String(128), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("pipetriage_words_by_incident", "pipetriage_words", ["incident_id"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE pipetriage_words ADD COLUMN vector tsvector "
            "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED"
        )
        op.execute(
            "CREATE INDEX pipetriage_words_by_word ON pipetriage_words USING gin (vector) WITH (fastupdate = off)"
        )
        return
    # https://sqlite.org/fts5.html, "External Content Tables": the triggers are what keeps it in step.
    op.execute(
        "CREATE VIRTUAL TABLE pipetriage_words_index USING fts5"
        "(words, content='pipetriage_words', content_rowid='number', detail='none', "
        "tokenize='unicode61 remove_diacritics 0')"
    )
    add = "INSERT INTO pipetriage_words_index(rowid, words) VALUES (new.number, new.words);"
    drop = (
        "INSERT INTO pipetriage_words_index(pipetriage_words_index, rowid, words) "
        "VALUES ('delete', old.number, old.words);"
    )
    for event, does in (("insert", add), ("delete", drop), ("update", f"{drop} {add}")):
        op.execute(
            f"CREATE TRIGGER pipetriage_words_{event} AFTER {event.upper()} ON pipetriage_words BEGIN {does} END"
        )


def _make_access() -> None:
    op.create_table(
        "pipetriage_token",
        sa.Column("token_id", sa.String(32), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "pipetriage_session",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("token_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
    )
    op.create_index("pipetriage_session_by_token", "pipetriage_session", ["token_id"])
    op.create_table(
        "pipetriage_audit",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
    )
    op.create_table(
        "pipetriage_submission",
        sa.Column("submission_key", sa.String(256), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("incident_id", sa.String(128)),
        sa.Column("problem", sa.Text),
    )

"""The job's own control table in SQLite: one row a run."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

_TABLE = """CREATE TABLE IF NOT EXISTS orders_control (job_run_id TEXT PRIMARY KEY, batch_id TEXT NOT NULL,
status TEXT NOT NULL, step TEXT, attempt INTEGER NOT NULL, source_path TEXT, records INTEGER,
updated_at TEXT NOT NULL)"""


class Control:
    """The row of one run. Without a database it notes nothing."""

    def __init__(self, database: str, run_id: str) -> None:
        self._database = database
        self._run_id = run_id

    def start(self, batch_id: str, source_path: str) -> None:
        """Insert the run's row as RUNNING."""
        self._execute(
            "INSERT INTO orders_control SELECT ?, ?, 'RUNNING', 'start', count(*), ?, 0, ? FROM orders_control"
            " WHERE batch_id = ?",
            self._run_id, batch_id, source_path, _now(), batch_id,
        )  # fmt: skip

    def update(self, status: str, step: str) -> None:
        """Change the run's status and step."""
        self._execute(
            "UPDATE orders_control SET status = ?, step = ?, updated_at = ? WHERE job_run_id = ?",
            status, step, _now(), self._run_id,
        )  # fmt: skip

    def _execute(self, statement: str, *values: str) -> None:
        if not self._database:
            return
        with closing(sqlite3.connect(self._database, timeout=10)) as connection, connection:
            connection.execute(_TABLE)
            connection.execute(statement, values)


def _now() -> str:
    return datetime.now(UTC).isoformat()

"""The job's control table: one row a run, in SQLite, kept by the job itself and as well as its author cared to."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

_COLUMNS = "job_run_id, batch_id, status, step, attempt, source_path, records, updated_at"


class OperationalError(Exception):
    """The control database cannot be reached, as psycopg2 words it."""

    __module__ = "psycopg2"


class ControlTable:
    """Rows of one job's runs."""

    def __init__(self, database: Path, name: str) -> None:
        self._database = database
        self._name = name
        self.lost = False
        """Whether the database cannot be reached any more."""

    def create(self) -> None:
        """Create the table."""
        self._run(f"create table {self._name} ({_COLUMNS.replace('job_run_id', 'job_run_id primary key', 1)})")

    def start(self, run_id: str, batch_id: str, source: str, attempt: int) -> None:
        """Insert the row of a run that begins."""
        values = (run_id, batch_id, "RUNNING", "start", attempt, source, 0, _now())
        self._run(f"insert into {self._name} ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)", *values)  # noqa: S608

    def update(self, run_id: str, status: str, step: str, records: int) -> None:
        """Change the row of a run.

        Raises:
            OperationalError: the database cannot be reached.
        """
        if self.lost:
            raise OperationalError(
                'connection to server at "control-db.internal" (10.0.3.17), port 5432 failed: Connection refused\n'
                "\tIs the server running on that host and accepting TCP/IP connections?"
            )
        change = f"update {self._name} set status = ?, step = ?, records = ?, updated_at = ? where job_run_id = ?"  # noqa: S608
        self._run(change, status, step, records, _now(), run_id)

    def is_done(self, batch_id: str) -> bool:
        """Whether a row calls the batch done."""
        query = f"select 1 from {self._name} where batch_id = ? and status = 'SUCCESS'"  # noqa: S608
        with closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(query, (batch_id,)).fetchone() is not None

    def _run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._database)) as connection, connection:
            # The lab's databases live for a second: no need to wait for the disk.
            connection.execute("pragma synchronous = off")
            connection.execute(statement, values)


def _now() -> str:
    return datetime.now(UTC).isoformat()

"""Read-only queries that let a person check a claim, for Spark and for Athena.

Spark takes three-part names and backticks, Athena a quoted database and table. Built only from names that are plain
identifiers and ids that are digits; shown to a person, never executed. A name that is no plain identifier gets no
query at all.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from pipetriage.model.write_state import WriteState

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHOWN = 20
"""Snapshot ids named in one query at most."""


class _Names(NamedTuple):
    """One table's name in both dialects."""

    spark: str
    athena: str
    """Quoted, database and table only: a Spark catalog's name is none of Athena's."""
    database: str
    table: str

    def athena_metadata(self, kind: str) -> str:
        return f'"{self.database}"."{self.table}${kind}"'


def _names(table: str) -> _Names | None:
    parts = table.split(".")
    if not 1 <= len(parts) <= 3 or not all(_IDENTIFIER.fullmatch(part) for part in parts):
        return None
    database = parts[-2] if len(parts) > 1 else "default"
    return _Names(".".join(parts), f'"{database}"."{parts[-1]}"', database, parts[-1])


def snapshot_query(state: WriteState) -> str | None:
    """Write the query that lists an Iceberg table's latest commits in Spark."""
    names = _names(state.table)
    if names is None or state.format not in {None, "iceberg"}:
        return None
    return f"SELECT snapshot_id, committed_at, operation FROM {names.spark}.snapshots ORDER BY committed_at DESC"


def partition_query(
    state: WriteState,
    field: str | None,
    *,
    at_snapshot: str | None = None,
    columns: frozenset[str] | None = None,
) -> str | None:
    """Write the query that counts records by the declared partition field, in Spark.

    ``at_snapshot`` reads a staged snapshot in place of the main branch; with ``columns``, a field that is none of them
    (a hidden partition transform) gets no query.
    """
    names = _names(state.table)
    if names is None or not _countable(field, at_snapshot, columns):
        return None
    version = f" VERSION AS OF {at_snapshot}" if at_snapshot is not None else ""
    return f"SELECT `{field}`, count(*) AS records FROM {names.spark}{version} GROUP BY `{field}` ORDER BY `{field}`"


def _countable(field: str | None, at_snapshot: str | None, columns: frozenset[str] | None) -> bool:
    if field is None or not _IDENTIFIER.fullmatch(field):
        return False
    if at_snapshot is not None and not _is_id(at_snapshot):
        return False
    return columns is None or field.lower() in {column.lower() for column in columns}


def _is_id(snapshot: str) -> bool:
    """Whether it is digits alone; other scripts' digits are none to a query engine."""
    return snapshot.isascii() and snapshot.isdecimal()


def _partition_checks(
    state: WriteState, names: _Names, field: str | None, at_snapshot: str | None, columns: frozenset[str] | None
) -> list[str]:
    spark = partition_query(state, field, at_snapshot=at_snapshot, columns=columns)
    if spark is None:
        return []
    found = [f"-- records by partition (Spark)\n{spark}"]
    # Athena reads old versions of Iceberg tables only.
    if at_snapshot is None or state.format in {None, "iceberg"}:
        version = f" FOR VERSION AS OF {at_snapshot}" if at_snapshot is not None else ""
        found.append(
            f'-- records by partition (Athena)\nSELECT "{field}", count(*) AS records FROM {names.athena}{version} '
            f'GROUP BY "{field}" ORDER BY "{field}"'
        )
    return found


def checks(
    state: WriteState,
    field: str | None,
    since: datetime | None,
    *,
    at_snapshot: str | None = None,
    columns: frozenset[str] | None = None,
) -> list[str]:
    """List the queries that verify what is claimed of a table, each headed by what it shows and where it runs.

    ``at_snapshot`` and ``columns`` are those of ``partition_query``.
    """
    names = _names(state.table)
    if names is None:
        return []
    found = _partition_checks(state, names, field, at_snapshot, columns)
    match state.format:
        case None | "iceberg":
            found += _iceberg(state, names, since)
        case "delta":
            found.append(f"-- every commit and who made it (Spark)\nDESCRIBE HISTORY {names.spark}")
        case "hudi":
            found += _grouped("records by the commit that wrote them", names, "_hoodie_commit_time")
        case _:
            found.append(
                "-- records by file (Spark)\n"
                f"SELECT input_file_name() AS file, count(*) AS records FROM {names.spark} GROUP BY input_file_name()"
            )
            found.append(
                "-- records by file (Athena)\n"
                f'SELECT "$path" AS file, count(*) AS records FROM {names.athena} GROUP BY "$path"'
            )
    return found


def _grouped(what: str, names: _Names, field: str) -> list[str]:
    return [
        f"-- {what} (Spark)\nSELECT `{field}`, count(*) AS records FROM {names.spark} GROUP BY `{field}`",
        f'-- {what} (Athena)\nSELECT "{field}", count(*) AS records FROM {names.athena} GROUP BY "{field}"',
    ]


def _iceberg(state: WriteState, names: _Names, since: datetime | None) -> list[str]:
    ids = [commit.snapshot for commit in state.commits if _is_id(commit.snapshot)][:_SHOWN]
    if ids:
        where, what = f"snapshot_id IN ({', '.join(ids)})", "the batch's commits"
    elif since is not None:
        at = f"TIMESTAMP '{since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC'"
        where, what = f"committed_at >= {at}", "every commit since the first attempt began"
    else:
        return []
    columns = "snapshot_id, committed_at, operation, summary"
    found = [
        f"-- {what} (Spark)\nSELECT {columns} FROM {names.spark}.snapshots WHERE {where} ORDER BY committed_at",
        f"-- {what} (Athena)\nSELECT {columns} FROM {names.athena_metadata('snapshots')} WHERE {where} "
        "ORDER BY committed_at",
    ]
    if ids:
        # all_entries: a file that was compacted away since is no longer in entries, nor is one that is only staged.
        found.append(
            "-- files and records by commit (Spark)\nSELECT snapshot_id, count(*) AS files, "
            f"sum(data_file.record_count) AS records FROM {names.spark}.all_entries "
            f"WHERE status = 1 AND {where} GROUP BY snapshot_id"
        )
    if state.rollback_snapshot is not None and _is_id(state.rollback_snapshot):
        found.append(
            "-- what was current when (Spark)\nSELECT made_current_at, snapshot_id, is_current_ancestor "
            f"FROM {names.spark}.history ORDER BY made_current_at DESC"
        )
        found.append(
            f"-- the table as it was before the batch (Spark)\nSELECT count(*) AS records FROM {names.spark} "
            f"VERSION AS OF {state.rollback_snapshot}"
        )
        found.append(
            f"-- the table as it was before the batch (Athena)\nSELECT count(*) AS records FROM {names.athena} "
            f"FOR VERSION AS OF {state.rollback_snapshot}"
        )
    return found

"""Read-only queries that let a person check a claim. Names that are no plain identifiers get no query at all."""

import re

from pipetriage.verdict.write_state import OutputState

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _identifiers(name: str) -> list[str] | None:
    parts = name.split(".")
    return parts if 1 <= len(parts) <= 3 and all(_IDENTIFIER.fullmatch(part) for part in parts) else None


def snapshot_query(one: OutputState) -> str | None:
    """Write the query that lists an Iceberg table's latest commits (Spark; Athena reads ``"table$snapshots"``)."""
    parts = _identifiers(one.state.table)
    if parts is None or one.state.format not in {None, "iceberg"}:
        return None
    table = ".".join(parts)
    # Built only from names that are plain identifiers; shown to a person, never executed.
    return f"SELECT snapshot_id, committed_at, operation FROM {table}.snapshots ORDER BY committed_at DESC"  # noqa: S608


def partition_query(one: OutputState) -> str | None:
    """Write the query that counts records by the declared partition field."""
    parts, field = _identifiers(one.state.table), one.output.partition_field
    if parts is None or field is None or not _IDENTIFIER.fullmatch(field):
        return None
    table = ".".join(parts)
    return f"SELECT {field}, count(*) AS records FROM {table} GROUP BY {field} ORDER BY {field}"  # noqa: S608

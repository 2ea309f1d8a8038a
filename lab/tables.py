"""Opens a lake's tables in the scenario's format."""

from pathlib import Path

from lab.changes import Tables
from lab.scenario import Scenario


def open_tables(folder: Path, scenario: Scenario) -> Tables:
    """Open the lake; each format's libraries are imported only where they are used."""
    if scenario.fmt == "iceberg":
        from lab.tables_iceberg import IcebergTables

        return IcebergTables(folder, scenario.layout, scenario.format_version)
    if scenario.fmt == "delta":
        from lab.tables_delta import DeltaTables

        return DeltaTables(folder, scenario.layout)
    from lab.tables_plain import PlainTables

    return PlainTables(folder, scenario.layout, scenario.mode)

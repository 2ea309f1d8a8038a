"""What readers of a table see, by its files alone: enough to tell that nothing was committed."""

import json
from pathlib import Path
from typing import Any

from lab.spark.recorded.program import Table


def state_of(table: Table, folder: Path) -> Any:
    """Give what a commit, or a visible or hidden new file of a plain table, would change."""
    if table.format == "iceberg":
        hint = folder / "metadata" / "version-hint.text"
        if not hint.exists():
            return None
        newest = max((folder / "metadata").glob("v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))
        document = json.loads(newest.read_text(encoding="utf-8"))
        snapshots = sorted(one["snapshot-id"] for one in document.get("snapshots", ()))
        return (newest.name, snapshots, sorted(document.get("refs", {})))
    return sorted(
        (str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    )

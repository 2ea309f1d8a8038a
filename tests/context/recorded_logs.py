"""Event logs that Spark wrote, in ``event_logs/``: see the README there."""

import gzip
from pathlib import Path

FOLDER = Path(__file__).parent / "event_logs"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.gz")))


def recorded(name: str) -> list[bytes]:
    """Give the lines of a recorded log."""
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).splitlines()

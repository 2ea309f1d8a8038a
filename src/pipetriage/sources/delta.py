"""A Delta table's log as files: ``{file name: [actions]}``, newest commits first and no further back than needed."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from pipetriage.errors import SourceError
from pipetriage.model.times import parse_time
from pipetriage.sources.files import read_json_lines, within

MAX_COMMITS = 1000
"""Commit files read at most, newest first. Delta writes a checkpoint every ten commits, so more are seldom kept."""

_COMMIT = re.compile(r"\d{20}\.json")


def read_delta_log(folder: Path, root: Path, since: datetime | None = None) -> dict[str, Any]:
    """Read a ``_delta_log`` folder; a checkpoint's own content is not read, its name suffices.

    With ``since``, commits are read from the newest back to the first one older than that, which shows that the log
    reaches far enough. A commit that is no JSON lines, or no plain file inside the root, has the value None.

    Raises:
        SourceError: the folder is not there, or holds no log file.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder.relative_to(root)} is not there")
    names = sorted(folder.iterdir(), reverse=True)
    files: dict[str, Any] = {path.name: [] for path in names if not _COMMIT.fullmatch(path.name) and within(root, path)}
    commits = (path for path in names if _COMMIT.fullmatch(path.name))
    for read, path in enumerate(commits, 1):
        # What is there and is not read may be the commit that matters.
        actions, bad = read_json_lines(path) if within(root, path) else ([], 1)
        files[path.name] = None if bad else actions
        if read == MAX_COMMITS or (since is not None and older(actions, since)):
            break
    if not files:
        raise SourceError(f"{folder.relative_to(root)} holds no log file")
    return files


def older(actions: list[Any], since: datetime) -> bool:
    """Whether a commit, by its own word, was made before then."""
    for action in actions:
        info = action.get("commitInfo") if isinstance(action, dict) else None
        if isinstance(info, dict):
            at = parse_time(info.get("inCommitTimestamp", info.get("timestamp")))
            return at is not None and at < since
    return False

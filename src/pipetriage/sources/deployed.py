"""One deployment, whichever place knows of it, as ``deployments.json`` has it."""

from datetime import datetime
from typing import Any, NamedTuple

from pipetriage.sources.documents import plain

MAX_DEPLOYMENTS = 100
"""Deployments read of each place, newest first."""

Deployment = dict[str, Any]


class Deployments(NamedTuple):
    """What one place knows."""

    found: list[Deployment]
    locator: str
    whole: bool
    """There are no older ones than these."""


def deployment(
    version: str,
    deployed_at: Any,
    *,
    commit: str | None = None,
    author: str | None = None,
    changed_paths: list[str] | None = None,
) -> Deployment:
    """Give one deployment in the bundle's shape; a time is written as ISO 8601 in UTC."""
    at = plain(deployed_at) if isinstance(deployed_at, datetime) else deployed_at
    return {
        "version": version,
        "deployed_at": at,
        "commit": commit,
        "author": author,
        "changed_paths": changed_paths or [],
    }

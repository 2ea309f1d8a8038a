"""Files that were written and that no commit refers to."""

import msgspec

from pipetriage.model.facts import TableFacts
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.table_log import TableLog


class Leftovers(msgspec.Struct, frozen=True):
    """Count and bytes; None when they cannot be known."""

    files: int | None
    size: int | None


def uncommitted_files(table: TableFacts, log: TableLog, attempts: Attempts) -> Leftovers:
    """Count the new data files of a complete listing that no entry since the first attempt explains."""
    listing, start = table.listing, attempts.window_start
    unknown = Leftovers(None, None)
    if listing is None or not listing.complete or start is None:
        return unknown
    if attempts.window_end is None or listing.observed_at < attempts.window_end:
        return unknown
    fresh = [
        file
        for file in listing.files
        if not _is_metadata(file.uri) and (file.modified_at is None or file.modified_at >= start)
    ]
    if not fresh:
        return Leftovers(0, 0)
    committed_since = any(one.committed_at >= start for one in log.snapshots)
    if committed_since and (log.entries is None or not log.entries_complete):
        return unknown
    explained = {file.uri for file in log.entries or ()}
    # Delta writes paths relative to the table.
    orphans = [file for file in fresh if file.uri not in explained and not _ends_with_any(file.uri, explained)]
    return Leftovers(len(orphans), sum(file.size for file in orphans))


def _is_metadata(uri: str) -> bool:
    name = uri.rstrip("/").rsplit("/", 1)[-1]
    return uri.endswith("/") or "/metadata/" in uri or "/_delta_log/" in uri or name == "version-hint.text"


def _ends_with_any(uri: str, relative: set[str]) -> bool:
    pieces = uri.split("/")
    return any("/".join(pieces[index:]) in relative for index in range(3, len(pieces)))

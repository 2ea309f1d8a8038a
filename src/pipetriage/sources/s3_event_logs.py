"""Spark event logs that Glue wrote to ``--spark-event-logs-path``: which is which run's, and its lines."""

import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.model.times import parse_time
from pipetriage.sources.eventlog import EventLog, in_order
from pipetriage.sources.local_files import Answer
from pipetriage.sources.s3 import listing, place_of

MAX_CANDIDATES = 12
"""Logs that are opened to see whose they are: those written while the runs ran."""
PIECE_BYTES = 1024 * 1024
"""Of an object, in memory at a time."""
# Spark flushes it when the application ends; Glue uploads every 30 s (Glue Developer Guide, Spark UI).
_LATE = timedelta(minutes=10)
# Glue names the application after job and run, and puts the run into its own logging configuration.
_RUN_ID = re.compile(rb"jr_[0-9a-f]{16,64}(?:_attempt_\d{1,3})?")
_HEAD_LINES = 200
_NOT_A_LOG = re.compile(r"(?:^|/)(?:appstatus_|\.|_)")


class DownloadedLog(EventLog):
    """An event log on this machine's disk, for as long as it is used."""

    def __init__(self, folder: "tempfile.TemporaryDirectory[str]", files: tuple[Path, ...]) -> None:
        super().__init__(files)
        self._folder = folder


def event_logs(aws: AwsSession, uri: str, runs: list[dict[str, Any]], most_bytes: int) -> Iterator[tuple[str, Answer]]:
    """Yield each run's event log with the run's id, those of up to so many bytes.

    Raises:
        SourceError: the path cannot be listed, holds none of these runs' logs, or one that is too large to fetch or
            cannot be read; the others were given before that.
    """
    bucket = place_of(uri).bucket
    wanted = {str(run["Id"]) for run in runs}
    found = listing(aws, uri).payload.get("Contents", [])
    near = [one for one in found if _of_that_time(one, runs) and not _NOT_A_LOG.search(one["Key"].rsplit("/", 1)[-1])]
    # The rolling parts of one application lie in one folder.
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in near:
        folder, _, name = one["Key"].rpartition("/")
        groups.setdefault(folder if name.startswith("events_") else one["Key"], []).append(one)
    none, refused = True, ""
    for key, parts in list(groups.items())[-MAX_CANDIDATES:]:
        size = sum(int(one.get("Size") or 0) for one in parts)
        if size > most_bytes:
            refused = (
                f"the event log {parts[0]['Key']} has {size} bytes, more than [aws] event_log_bytes ({most_bytes})"
            )
            continue
        try:
            log = _download(aws, bucket, parts)
            run_id = _whose(log, wanted)
        except SourceError as error:
            refused = str(error)
            continue
        if run_id is not None:
            none = False
            yield run_id, Answer(log, f"s3://{bucket}/{key}", uri=f"s3://{bucket}/{key}")
    if refused:
        raise SourceError(refused)
    if none:
        raise SourceError(f"{uri} holds no event log of this run")


def _of_that_time(one: dict[str, Any], runs: list[dict[str, Any]]) -> bool:
    written = parse_time(one.get("LastModified"))
    starts = [at for run in runs if (at := parse_time(run.get("StartedOn")))]
    ends = [_end(run) for run in runs]
    return written is not None and bool(starts) and min(starts) <= written <= max(ends)


def _end(run: dict[str, Any]) -> datetime:
    ended = parse_time(run.get("CompletedOn")) or parse_time(run.get("LastModifiedOn"))
    far = parse_time(4_102_444_800)  # a run in flight may write for long
    assert far is not None  # noqa: S101 - a constant
    return ended + _LATE if ended else far


def _download(aws: AwsSession, bucket: str, parts: list[dict[str, Any]]) -> DownloadedLog:
    folder = tempfile.TemporaryDirectory(prefix="pipetriage-events-")
    files = []
    for one in parts:
        path = Path(folder.name) / str(one["Key"]).rsplit("/", 1)[-1].replace("\0", "")
        with aws.calling(f"s3:GetObject of s3://{bucket}/{one['Key']}"):
            body = aws.client("s3").get_object(Bucket=bucket, Key=one["Key"])["Body"]
            with path.open("wb") as file:
                while piece := body.read(PIECE_BYTES):
                    file.write(piece)
        files.append(path)
    return DownloadedLog(folder, tuple(in_order(files)))


def _whose(log: EventLog, wanted: set[str]) -> str | None:
    for number, line in enumerate(log):
        if number == _HEAD_LINES:
            break
        for run_id in _RUN_ID.findall(line):
            if run_id.decode() in wanted:
                return str(run_id.decode())
    return None

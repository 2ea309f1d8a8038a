"""The runs of a job that ended last, whatever their end: what a platform records shows in them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipetriage.errors import TargetError
from pipetriage.model.facts import ENDED
from pipetriage.sources.local_runs import read_runs

if TYPE_CHECKING:
    # An extra: an embedded history is read without it.
    from pipetriage.aws.session import AwsSession

_LOOKED_AT = 200
"""Runs among which ended ones are looked for: one page of Glue's (GetJobRuns, MaxResults)."""


def recent_glue_runs(aws: "AwsSession", job: str, count: int) -> list[str]:
    """Give the ids of the last ended runs of a Glue job, newest first.

    Raises:
        TargetError: the job is not there, may not be read, or none of its runs that Glue remembers has ended.
        CredentialsError: AWS does not know us.
    """
    # boto3 takes 0.3 s to import.
    from pipetriage.sources.glue import GlueJob

    return _ended(job, GlueJob(aws, job).newest(_LOOKED_AT), count)


def recent_local_runs(folder: Path, job: str, count: int) -> list[str]:
    """Give the ids of the last ended runs in a folder of JobRun documents, newest first.

    Raises:
        TargetError: none can be read, or none has ended.
    """
    runs = read_runs(folder)
    if not runs.documents:
        why = f": {runs.unreadable[0]}" if runs.unreadable else ""
        raise TargetError(f"no run of {job} can be read under [local] runs{why}")
    return _ended(job, reversed(runs.documents), count)


def _ended(job: str, newest_first: Iterable[dict[str, Any]], count: int) -> list[str]:
    ended = [str(one["Id"]) for one in newest_first if one.get("JobRunState") in ENDED]
    if not ended:
        raise TargetError(f"no run of {job} has ended yet: ask again when one has")
    return ended[:count]

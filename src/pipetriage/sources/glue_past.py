"""The runs that Glue still remembers, of one job or of all: it forgets after 90 days."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.model.facts import IN_FLIGHT
from pipetriage.model.times import parse_time
from pipetriage.sources.documents import plain
from pipetriage.sources.glue import MAX_PAGES, GlueJob

FAILED = frozenset({"FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"})
"""Ends that are no success (Glue's JobRunState)."""

RECENT_PAGE = 25
"""Runs a page where only the newest matter."""


class PastRun(NamedTuple):
    """One run of the past."""

    job: str
    document: dict[str, Any]
    """Its JobRun document."""

    @property
    def run_id(self) -> str:
        """Its id."""
        return str(self.document["Id"])

    @property
    def failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.state in FAILED

    @property
    def started_at(self) -> datetime | None:
        """When it began (UTC)."""
        return parse_time(self.document.get("StartedOn"))

    @property
    def ended_at(self) -> datetime | None:
        """When it ended (UTC), or was last heard of; None: it goes on."""
        if self.state in IN_FLIGHT:
            return None
        return parse_time(self.document.get("CompletedOn")) or parse_time(self.document.get("LastModifiedOn"))

    @property
    def state(self) -> str:
        """Glue's JobRunState."""
        return str(self.document.get("JobRunState") or "")


def all_jobs(aws: AwsSession) -> list[str]:
    """Name every job of the account and region.

    Raises:
        SourceError: they may not be listed.
        CredentialsError: AWS does not know us.
    """
    names: list[str] = []
    more: dict[str, Any] = {}
    while True:
        with aws.calling("glue:ListJobs"):
            page = aws.client("glue").list_jobs(MaxResults=100, **more)
        names += page.get("JobNames", [])
        if not page.get("NextToken"):
            return sorted(names)
        more = {"NextToken": page["NextToken"]}


def past_runs(aws: AwsSession, jobs: Iterable[str], since: datetime) -> Iterator[PastRun]:
    """Yield every run that began since then, oldest first within a job.

    Raises:
        SourceError: a job's runs may not be read.
    """
    for job in jobs:
        found = [PastRun(job, one) for one in GlueJob(aws, job).history().payload["JobRuns"]]
        yield from reversed([one for one in found if one.started_at is not None and one.started_at >= since])


def recent_runs(aws: AwsSession, job: str, since: datetime, page: int = RECENT_PAGE) -> list[PastRun]:
    """Give a job's runs that began since then, newest first, from as few answers of ``page`` runs as that takes.

    Raises:
        SourceError: they may not be read.
        CredentialsError: AWS does not know us.
    """
    found: list[PastRun] = []
    request: dict[str, Any] = {"JobName": job, "MaxResults": page}
    for _ in range(MAX_PAGES):
        with aws.calling(f"glue:GetJobRuns of {job}"):
            answer = plain(aws.client("glue").get_job_runs(**request))
        runs = [PastRun(job, one) for one in answer.get("JobRuns") or []]
        young = [run for run in runs if run.started_at is not None and run.started_at >= since]
        found += young
        if not answer.get("NextToken") or len(young) < len(runs):
            break
        request["NextToken"] = answer["NextToken"]
    return found

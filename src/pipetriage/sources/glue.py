"""AWS Glue: the run, its history, the job and its bookmark (GetJobRun, GetJobRuns, GetJob, GetJobBookmark)."""

from typing import Any

from botocore.exceptions import ClientError

from pipetriage.aws.failures import code_of
from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError, TargetError
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

PAGE = 200
"""Runs a page: GetJobRuns gives no more (API reference, MaxResults)."""
MAX_PAGES = 5
"""A thousand runs back; Glue itself forgets after 90 days."""


class GlueJob:
    """One job of the account."""

    def __init__(self, aws: AwsSession, name: str) -> None:
        self._aws = aws
        self._glue = aws.client("glue")
        self.name = name

    def run(self, run_id: str) -> dict[str, Any]:
        """Give a run's JobRun document.

        Raises:
            TargetError: the job has no such run, or it may not be read.
        """
        try:
            with self._aws.calling("glue:GetJobRun"):
                return dict(plain(self._glue.get_job_run(JobName=self.name, RunId=run_id))["JobRun"])
        except SourceError as error:
            if is_unknown(error):
                raise TargetError(f"Glue knows no run {run_id} of job {self.name} in {self._aws.region}") from error
            raise TargetError(str(error)) from error

    def latest(self) -> dict[str, Any]:
        """Give the newest run.

        Raises:
            TargetError: the job has none that Glue remembers, is not there, or may not be read.
        """
        return self.newest(1)[0]

    def newest(self, count: int) -> list[dict[str, Any]]:
        """Give the newest runs, newest first: at least one, at most a page of them.

        Raises:
            TargetError: the job has none that Glue remembers, is not there, or may not be read.
        """
        try:
            with self._aws.calling("glue:GetJobRuns"):
                found = plain(self._glue.get_job_runs(JobName=self.name, MaxResults=min(count, PAGE))).get("JobRuns")
        except SourceError as error:
            if is_unknown(error):
                raise TargetError(f"Glue knows no job {self.name} in {self._aws.region}: check --region") from error
            raise TargetError(str(error)) from error
        if not found:
            raise TargetError(f"Glue remembers no run of job {self.name} (it forgets after 90 days)")
        return [dict(one) for one in found]

    def history(self, pages: int = MAX_PAGES) -> Answer:
        """Give the runs, newest first, and whether those are all; ``pages`` of 200 at most.

        Raises:
            SourceError: they may not be read, or the call failed.
        """
        runs: list[Any] = []
        token: str | None = None
        for _ in range(pages):
            more = {"NextToken": token} if token else {}
            with self._aws.calling("glue:GetJobRuns"):
                page = plain(self._glue.get_job_runs(JobName=self.name, MaxResults=PAGE, **more))
            runs += page.get("JobRuns") or []
            token = page.get("NextToken")
            if not token:
                break
        return Answer({"JobRuns": runs}, f"glue:GetJobRuns {self.name}", complete=token is None)

    def job(self) -> Answer:
        """Give the job.

        Raises:
            SourceError: it may not be read, or the call failed.
        """
        with self._aws.calling("glue:GetJob"):
            found = plain(self._glue.get_job(JobName=self.name))
        return Answer({"Job": found["Job"]}, f"glue:GetJob {self.name}")

    def bookmark(self) -> Answer:
        """Give the job's bookmark.

        Raises:
            SourceError: there is none, it may not be read, or the call failed.
        """
        with self._aws.calling("glue:GetJobBookmark"):
            found = plain(self._glue.get_job_bookmark(JobName=self.name))
        return Answer(found, f"glue:GetJobBookmark {self.name}")


def is_unknown(error: SourceError) -> bool:
    """Whether Glue said that there is no such thing."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and code_of(cause) == "EntityNotFoundException"

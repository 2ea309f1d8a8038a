"""Which Glue run a person means: ``glue:JOB/RUN``, a bare run id, or the address of a page of the AWS console."""

import re
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from pipetriage.aws.failures import code_of
from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError, TargetError, UsageError

MAX_JOBS = 500
"""Jobs that are asked, one call each, whose run a bare run id is; after those that are declared."""

_RUN = re.compile(r"jr_[0-9A-Za-z]{4,80}(?:_attempt_\d{1,3})?")
# Glue Studio's pages and the older console's (…#/job/NAME/run/jr_…, …#/editor/job/NAME/runs, …;jobName=NAME;…).
_JOB_IN_PAGE = re.compile(r"(?:/job/|[?;:&/#]jobName=)([^/?;&#]{1,255})")
_REGION = re.compile(r"(?:^|[?&#])region=([a-z]{2}(?:-[a-z]{1,10}){1,2}-\d)")
_REGION_FIRST = re.compile(r"([a-z]{2}(?:-[a-z]{1,10}){1,2}-\d)\.console\.")
_CONSOLE = re.compile(r"(?:^|\.)console\.(?:aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)$")


class GlueTarget(NamedTuple):
    """A run, as far as it was named."""

    job: str | None
    run_id: str
    region: str | None = None


def is_glue(text: str) -> bool:
    """Whether the target names a run in an AWS account."""
    return text.startswith(("glue:", "https://")) or _RUN.fullmatch(text) is not None


def read_target(text: str) -> GlueTarget:
    """Read a target.

    Raises:
        UsageError: it names no run; the message shows how to.
    """
    if _RUN.fullmatch(text):
        return GlueTarget(None, text)
    if text.startswith("glue:"):
        job, separator, run_id = text.removeprefix("glue:").rpartition("/")
        if not separator or not job or not run_id:
            raise UsageError(f"{text}: write glue:JOB/RUN_ID, or glue:JOB/latest")
        return GlueTarget(job, run_id)
    page = urlsplit(text)
    if not _CONSOLE.search(page.hostname or ""):
        raise UsageError(f"{text} is no page of the AWS console: write glue:JOB/RUN_ID, or a run id")
    rest = unquote(f"?{page.query}#{page.fragment}")
    job_named, run_named = _JOB_IN_PAGE.search(rest), _RUN.search(rest)
    region = _REGION.search(rest) or _REGION_FIRST.match(page.hostname or "")
    if job_named is None and run_named is None:
        raise UsageError(f"{text} shows no job run: open the run's page, or write glue:JOB/RUN_ID")
    return GlueTarget(
        job_named[1] if job_named else None,
        run_named[0] if run_named else "latest",
        region[1] if region else None,
    )


def find_job(aws: AwsSession, run_id: str, declared: list[str]) -> str:
    """Find the job whose run this is: Glue does not say, so that each is asked, those that are declared first.

    Raises:
        TargetError: none of them has such a run, or they may not be listed.
        CredentialsError: AWS does not know us.
    """
    asked: set[str] = set()
    for job in declared:
        asked.add(job)
        if _has(aws, job, run_id):
            return job
    try:
        for job in _listed(aws):
            if job not in asked and _has(aws, job, run_id):
                return job
    except SourceError as error:
        raise TargetError(f"{run_id} is no run of a declared job, and {error}: write glue:JOB/{run_id}") from error
    raise TargetError(f"no job in {aws.region} has a run {run_id}: check --region, or write glue:JOB/{run_id}")


def _listed(aws: AwsSession) -> list[str]:
    names: list[str] = []
    more: dict[str, Any] = {}
    while len(names) < MAX_JOBS:
        with aws.calling("glue:ListJobs"):
            page = aws.client("glue").list_jobs(MaxResults=100, **more)
        names += page.get("JobNames", [])
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    return names[:MAX_JOBS]


def _has(aws: AwsSession, job: str, run_id: str) -> bool:
    try:
        with aws.calling("glue:GetJobRun"):
            aws.client("glue").get_job_run(JobName=job, RunId=run_id)
    except SourceError as error:
        if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "EntityNotFoundException":
            return False
        raise TargetError(str(error)) from error
    return True

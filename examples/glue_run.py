"""Start a Glue job and wait for its end. Dagster's and Prefect's examples use it; Airflow has GlueJobOperator."""

import time

import boto3

POLL_SECONDS = 30.0
GOING_ON = {"STARTING", "RUNNING", "STOPPING", "WAITING"}


class GlueRunError(Exception):
    """A run did not end well, or is no longer waited for; ``run_id`` names it to the gate."""

    def __init__(self, run_id: str, what: str) -> None:
        super().__init__(f"run {run_id}: {what}")
        self.run_id = run_id


def run_to_end(job: str, arguments: dict[str, str] | None = None) -> str:
    """Give the id of the run that succeeded.

    Raises:
        GlueRunError: it ended otherwise, or Glue no longer said how it goes.
        botocore.exceptions.ClientError: it was not started, as far as is known. No run is named, so there is no retry.
    """
    client = boto3.client("glue")
    run_id: str = client.start_job_run(JobName=job, Arguments=arguments or {})["JobRunId"]
    try:
        while (state := client.get_job_run(JobName=job, RunId=run_id)["JobRun"]["JobRunState"]) in GOING_ON:
            time.sleep(POLL_SECONDS)
    except Exception as error:
        raise GlueRunError(run_id, f"cannot be followed ({type(error).__name__})") from error
    if state != "SUCCEEDED":
        raise GlueRunError(run_id, state)
    return run_id

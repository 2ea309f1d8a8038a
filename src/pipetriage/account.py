"""What watching needs of the program, answered by one AWS account and the store."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from pipetriage.aws.session import AwsSession
from pipetriage.bootstrap import App
from pipetriage.errors import CredentialsError, SourceError, TargetError
from pipetriage.model.incident import Incident
from pipetriage.model.success import Look
from pipetriage.sources.executions import run_in_cause, run_of_execution
from pipetriage.sources.glue import PAGE, GlueJob
from pipetriage.sources.glue_past import RECENT_PAGE, PastRun, all_jobs, recent_runs
from pipetriage.watching.desk import Desk

_LONG_AGO = timedelta(days=2)
"""A look back further than this is rare, and asks for full pages."""


class AccountRuns:
    """The runs of the account that the settings name, for several threads. See ``desk.Runs`` and ``poller.History``."""

    def __init__(self, app: App) -> None:
        self._app = app

    def desk(self) -> Desk:
        """Give a desk for these runs."""
        return Desk(self, self._app.settings.settle.cloud_seconds, lambda: datetime.now(UTC))

    def ready(self) -> None:
        """Raise StoreError while incidents cannot be read."""
        self._app.kept().list(limit=1)

    # The desk's questions

    def account(self) -> str:
        """See ``desk.Runs``."""
        return self._app.aws().identity().account

    def region(self) -> str:
        """See ``desk.Runs``."""
        return self._app.aws().region

    def is_watched(self, job: str) -> bool:
        """See ``desk.Runs``."""
        return any(fnmatchcase(job, pattern) for pattern in self._app.settings.watch.jobs)

    def is_declared(self, job: str) -> bool:
        """See ``desk.Runs``."""
        return self._app.declares(job)

    def kept(self, incident_id: str) -> Incident | None:
        """See ``desk.Runs``."""
        try:
            return self._app.kept().get(incident_id)
        except TargetError:
            return None

    def ended(self, job: str, run_id: str, region: str) -> tuple[str, datetime | None]:
        """See ``desk.Runs``."""
        with self._in(region) as aws:
            run = PastRun(job, GlueJob(aws, job).run(run_id))
        return run.state, run.ended_at

    def triage(self, job: str, run_id: str, region: str) -> Incident:
        """See ``desk.Runs``."""
        with self._in(region):
            return self._app.triage_and_keep(self._app.glue_run(job, run_id, region))

    def follow_up(self, job: str, run_id: str, region: str) -> Incident | None:
        """See ``desk.Runs``."""
        open_batches = self._app.open_batches(job)
        if not open_batches:
            return None
        with self._in(region):
            return self._app.triage_and_keep(self._app.glue_run(job, run_id, region), only=open_batches)

    def look(self, job: str, run_id: str, region: str) -> Look:
        """See ``desk.Runs``."""
        with self._in(region):
            return self._app.check(job, run_id, region)

    def run_of_execution(self, arn: str, cause: str | None, region: str) -> tuple[str, str] | None:
        """See ``desk.Runs``."""
        with self._in(region) as aws:
            return (run_in_cause(cause) if cause else None) or run_of_execution(aws, arn)

    @contextmanager
    def _in(self, region: str) -> Iterator[AwsSession]:
        """Ask in a region. One that an event names and that refuses us, as one that is not enabled does, is one
        message's trouble; in the configured one it is everybody's.
        """
        try:
            yield self._app.aws(region)
        except CredentialsError as error:
            if region == self.region():
                raise
            raise SourceError(f"in {region}, where the event is from: {error}") from error

    # The poller's questions

    def watched_jobs(self) -> Iterable[str]:
        """See ``poller.History``."""
        return [job for job in all_jobs(self._app.aws()) if self.is_watched(job)]

    def recent(self, job: str, since: datetime) -> Iterable[PastRun]:
        """See ``poller.History``."""
        page = RECENT_PAGE if datetime.now(UTC) - since < _LONG_AGO else PAGE
        return recent_runs(self._app.aws(), job, since, page)

    def one(self, job: str, run_id: str) -> Iterable[PastRun]:
        """See ``poller.History``."""
        return [PastRun(job, GlueJob(self._app.aws(), job).run(run_id))]

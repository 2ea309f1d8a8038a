"""What watching needs of the program, answered by one AWS account and the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipetriage.errors import TargetError
from pipetriage.watching.desk import Desk

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident
    from pipetriage.model.success import Look
    from pipetriage.sources.glue_past import PastRun


class AccountRuns:
    """The runs of the account that the settings name, for several threads. See ``desk.Runs`` and ``poller.History``."""

    def __init__(self, app: App) -> None:
        self._app = app

    def desk(self) -> Desk:
        """Give a desk for these runs."""
        return Desk(self, self._app.settings.settle.cloud_seconds, lambda: datetime.now(UTC))

    def ready(self) -> None:
        """Raise StoreError while incidents cannot be kept."""
        from pipetriage.entrypoints.opening import store_of

        store_of(self._app).list(limit=1)

    def account(self, region: str) -> str:
        """See ``desk.Runs``."""
        return self._app.aws(region).identity().account

    def region(self, region: str) -> str:
        """See ``desk.Runs``."""
        return self._app.aws(region or None).region

    def is_declared(self, job: str) -> bool:
        """See ``desk.Runs``."""
        return self._app.declares(job)

    def kept(self, incident_id: str) -> Incident | None:
        """See ``desk.Runs``."""
        from pipetriage.entrypoints.opening import store_of

        try:
            return store_of(self._app).get(incident_id)
        except TargetError:
            return None

    def triage(self, job: str, run_id: str, region: str) -> Incident:
        """See ``desk.Runs``."""
        return self._app.triage_and_keep(self._app.glue_run(job, run_id, region))

    def look(self, job: str, run_id: str, region: str) -> Look:
        """See ``desk.Runs``."""
        return self._app.check(job, run_id, region)

    def run_of_execution(self, arn: str, cause: str | None, region: str) -> tuple[str, str] | None:
        """See ``desk.Runs``."""
        from pipetriage.sources.executions import run_in_cause, run_of_execution

        return (run_in_cause(cause) if cause else None) or run_of_execution(self._app.aws(region), arn)

    def jobs(self) -> Iterable[str]:
        """See ``poller.History``."""
        from pipetriage.sources.glue_past import all_jobs

        return all_jobs(self._app.aws())

    def recent(self, job: str, since: datetime) -> Iterable[PastRun]:
        """See ``poller.History``."""
        from pipetriage.sources.glue_past import recent_runs

        return recent_runs(self._app.aws(), job, since)

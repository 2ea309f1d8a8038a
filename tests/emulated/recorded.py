"""moto's own models with recorded answers: what a test says happened, moto serves as it would what it made up."""

from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.glue.models import FakeJob, FakeJobRun, FakeTable
from moto.s3.models import FakeKey

# The members of Glue's, CloudTrail's and CodePipeline's documents that are times.
_TIME_ENDINGS = ("On", "Time", "Timestamp")


def with_times(value: Any, name: str = "") -> Any:
    """Give a document as AWS's serializer takes it: the CLI writes times as text, the API has them as numbers."""
    if isinstance(value, dict):
        return {key: with_times(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [with_times(one, name) for one in value]
    if isinstance(value, str) and name[:1].isupper() and name.endswith(_TIME_ENDINGS):
        return parsed(value)
    return value


def parsed(time: Any) -> datetime:
    """Read a time as bundles write it."""
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


class RecordedJob(FakeJob):
    """A job whose GetJob answer is given."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.name = document["Name"]
        self.arn = f"job/{self.name}"
        self.execution_property = document.get("ExecutionProperty", {})
        self.default_arguments = document.get("DefaultArguments", {})
        self.job_runs = []
        self._document = with_times(document)

    def as_dict(self) -> dict[str, Any]:
        return dict(self._document)


class RecordedRun(FakeJobRun):
    """A run that stays as it is given: its state, error, times, arguments and attempt."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document["JobName"])
        self.job_run_id = document["Id"]
        self.status = document["JobRunState"]
        self._document = with_times(document)

    def advance(self) -> None:
        """Stay: moto's own runs go on to SUCCEEDED."""

    @property
    def started(self) -> datetime:
        """When the run began; GetJobRuns lists the newest first."""
        return self._document.get("StartedOn") or datetime.min.replace(tzinfo=UTC)

    def as_dict(self) -> dict[str, Any]:
        return dict(self._document)


class RecordedTable(FakeTable):
    """A catalog table whose GetTable answer is given, with its own times and version."""

    def __init__(self, document: dict[str, Any], catalog_id: str) -> None:
        super().__init__(document["DatabaseName"], document["Name"], document, document.get("CatalogId", catalog_id))
        self._document = with_times(document)

    def as_dict(self, version: str | None = None) -> dict[str, Any]:
        return dict(self._document)


class RecordedKey(FakeKey):
    """An object with the size, time and ETag of a listing, but without that many bytes behind it."""

    said_size: int | None = None

    @property
    def size(self) -> int:
        return self.contentsize if self.said_size is None else self.said_size


class Recorded(BaseBackend):
    """What moto has no place for, for one account and region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.bookmarks: dict[str, dict[str, Any]] = {}
        """GetJobBookmark's JobBookmarkEntry by job."""
        self.quality_results: list[dict[str, Any]] = []
        """GetDataQualityResult answers."""
        self.rulesets: dict[str, dict[str, Any]] = {}
        """GetDataQualityRuleset answers by name."""
        self.path_permissions: dict[str, list[dict[str, Any]]] = {}
        """PrincipalResourcePermissions by resource ARN, as GetEffectivePermissionsForPath gives them."""
        self.trail: list[dict[str, Any]] = []
        """LookupEvents' events."""
        self.pipeline_executions: dict[str, list[dict[str, Any]]] = {}
        """PipelineExecutionSummary documents by pipeline, as ListPipelineExecutions gives them."""
        self.action_executions: dict[str, list[dict[str, Any]]] = {}
        """ActionExecutionDetail documents by pipeline."""
        self.queries: list[dict[str, Any]] = []
        """QueryExecution documents, the newest first."""


recorded: BackendDict[Recorded] = BackendDict(Recorded, "glue")

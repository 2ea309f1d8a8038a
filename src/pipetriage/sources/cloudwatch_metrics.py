"""CloudWatch metrics of one Glue run: observability and classic ones, in the shape of a GetMetricData answer.

Every series is asked for by its exact dimensions: search expressions find nothing in emulators, cost more, and mix
runs. Names and dimensions are the Glue developer guide's (monitor-observability,
monitoring-awsglue-with-cloudwatch-metrics; domain facts 1.6).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError, UnansweredError
from pipetriage.model.times import parse_time
from pipetriage.sources.cloudwatch_streams import arguments_of
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

NAMESPACE = "Glue"
MAX_QUERIES = 500
"""Series a GetMetricData call (API reference)."""
MAX_PAGES = 4
"""Pages of one GetMetricData call; with ``MAX_POINTS`` one is enough for all that are asked for here."""
MAX_LIST_PAGES = 4
"""Pages of 500 of ListMetrics: a run with many executors has a few hundred metrics."""
MAX_POINTS = 1440
"""Values a series: a day of minutes. Runs that took longer get a longer period."""
MARGIN = timedelta(minutes=5)
"""Before the start and after the end: Glue publishes every 30 s, and how a run failed only after it ended."""

_PERIODS = ((timedelta(days=15), 60), (timedelta(days=63), 300))
_LONGEST_PERIOD = 3600
"""CloudWatch keeps minutes for 15 days, five minutes for 63, hours for 455 (GetMetricData, API reference). Glue's
values come every 30 s, but as metrics of ordinary resolution, whose shortest period is a minute."""


class _Metric(NamedTuple):
    """One metric as Glue publishes it."""

    name: str
    type: str
    """The dimension Type: gauge or count."""
    statistic: str
    group: str | None = None
    """The dimension ObservabilityGroup; classic metrics have none."""
    side: str | None = None
    """The dimension that tells sources or sinks apart."""


_CATEGORIES = (
    *("COMPILATION", "CONNECTION", "DATA_LAKE_FRAMEWORK", "DISK_NO_SPACE", "DYNAMODB", "GLUE"),
    *("GLUE_INTERNAL_SERVICE", "GLUE_JOB_BOOKMARK_VERSION_MISMATCH", "GLUE_OPERATION_TIMEOUT", "GLUE_VALIDATION"),
    *("IMPORT", "INVALID_ARGUMENT", "LAKEFORMATION", "LAUNCH", "OUT_OF_MEMORY", "PERMISSION", "QUERY", "REDSHIFT"),
    *("RESOURCE_NOT_FOUND", "RESOURCES_ALREADY_EXISTS", "S3", "SYNTAX", "SYSTEM_EXIT", "THROTTLING", "TIMEOUT"),
    *("UNCLASSIFIED", "UNCLASSIFIED_SPARK", "UNSUPPORTED_OPERATION"),
)
_COUNTS = (
    *("bytesRead", "recordsRead", "elapsedTime", "numCompletedTasks", "numFailedTasks", "numKilledTasks"),
    "shuffleBytesWritten",
)
_KNOWN: tuple[_Metric, ...] = (
    *(_Metric(f"glue.driver.skewness.{of}", "gauge", "Maximum", "job_performance") for of in ("stage", "job")),
    *(
        _Metric(f"glue.{who}.{what}.used.percentage", "gauge", "Maximum", "resource_utilization")
        for who in ("driver", "ALL")
        for what in ("memory.heap", "memory.non-heap", "memory.total", "disk")
    ),
    _Metric("glue.driver.workerUtilization", "gauge", "Average", "resource_utilization"),
    *(
        _Metric(f"glue.driver.{what}", "gauge", "Maximum", "throughput", "Source")
        for what in ("bytesRead", "recordsRead", "filesRead", "partitionsRead")
    ),
    # Three t's in Glue's documentation, two on dashboards of its users.
    *(
        _Metric(f"glue.driver.{what}", "gauge", "Maximum", "throughput", "Sink")
        for what in ("bytesWrittten", "bytesWritten", "recordsWritten", "filesWritten")
    ),
    *(_Metric(f"glue.error.{one}_ERROR", "count", "Sum", "error") for one in _CATEGORIES),
    *(_Metric(f"glue.{how}.ALL", "count", "Sum", "error") for how in ("error", "succeed")),
    *(_Metric(f"glue.driver.aggregate.{what}", "count", "Sum") for what in _COUNTS),
    *(_Metric(f"glue.{who}.jvm.heap.usage", "gauge", "Maximum") for who in ("driver", "ALL")),
    *(
        _Metric(f"glue.driver.ExecutorAllocationManager.executors.{what}", "gauge", "Maximum")
        for what in ("numberAllExecutors", "numberMaxNeededExecutors")
    ),
)
_BY_NAME = {one.name: one for one in _KNOWN}
_EVERY = "ALL"
"""The Source or Sink that stands for all of them together, as on dashboards of Glue's users."""

_Dimensions = tuple[tuple[str, str], ...]


class _Series(NamedTuple):
    """One series to ask for."""

    metric: _Metric
    dimensions: _Dimensions


def run_metrics(
    aws: AwsSession,
    job_name: str,
    run: Mapping[str, Any],
    job: Mapping[str, Any] | None = None,
    *,
    now: datetime | None = None,
) -> Answer:
    """Read the metrics of a run (a JobRun document), one result a metric, oldest value first.

    Of what was read and written Glue publishes a gauge, taken for a running total, for each source and sink: those
    become one value, the sum over sources (or sinks) of each one's largest, so that a reader who adds values up does
    not count twice. ``job`` only helps to say why there are none.

    Raises:
        SourceError: nothing was published or kept, or it may not be read.
        CredentialsError: AWS does not know us.
    """
    run_id = str(run["Id"])
    now = now or datetime.now(UTC)
    start, end, period = _window(run, now)
    ours = (("JobName", job_name), ("JobRunId", run_id))
    unlisted: list[UnansweredError] = []
    documented = (_Series(one, dimensions) for one in _KNOWN for dimensions in _documented(one, ours))
    # The same series once, in the order of dimensions that CloudWatch itself gives: emulators go by it.
    wanted = {(one.metric.name, frozenset(one.dimensions)): one for one in (*documented, *_listed(aws, ours, unlisted))}
    values, complete = _values(aws, list(wanted.values()), start, end, period)
    results = list(_results(values))
    if not results:
        # There may be series that only the listing names.
        raise unlisted[0] if unlisted else SourceError(_nothing(run, job, now - end))
    locator = f"cloudwatch:GetMetricData {NAMESPACE} {job_name} {run_id}"
    return Answer({"MetricDataResults": results}, locator, complete=complete and not unlisted)


def _window(run: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime, int]:
    """Give the time asked for, and the period in seconds to whose multiples it is aligned."""
    start = parse_time(run.get("StartedOn"))
    if start is None:
        raise SourceError("the run has no start, so its metrics have no time to look for")
    end = max(start, parse_time(run.get("CompletedOn")) or now)
    start, end = start - MARGIN, end + MARGIN
    kept = next((period for age, period in _PERIODS if now - start < age), _LONGEST_PERIOD)
    needed = (end - start).total_seconds() / MAX_POINTS
    period = kept * max(1, -int(-needed // kept))
    first = int(start.timestamp()) // period * period
    last = -int(-end.timestamp() // period) * period
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), period


def _documented(metric: _Metric, ours: _Dimensions) -> Iterator[_Dimensions]:
    """Give the dimensions that the developer guide names: with and without those of all sources together."""
    dimensions = (*ours, ("Type", metric.type))
    if metric.group:
        dimensions += (("ObservabilityGroup", metric.group),)
    yield dimensions
    if metric.side:
        yield (*dimensions, (metric.side, _EVERY))


def _listed(aws: AwsSession, ours: _Dimensions, unanswered: list[UnansweredError]) -> Iterator[_Series]:
    """Give the series of known metrics that CloudWatch names itself, for two weeks: only it knows the sources' names.

    Without the permission, the documented ones have to do; a listing that may be answered later is kept.
    """
    request: dict[str, Any] = {
        "Namespace": NAMESPACE,
        "Dimensions": [{"Name": name, "Value": value} for name, value in ours],
    }
    for _ in range(MAX_LIST_PAGES):
        try:
            with aws.calling("cloudwatch:ListMetrics"):
                page = aws.client("cloudwatch").list_metrics(**request)
        except SourceError as error:
            unanswered += [error] if isinstance(error, UnansweredError) else []
            return
        for one in page["Metrics"]:
            metric = _BY_NAME.get(one["MetricName"])
            dimensions = tuple((str(each["Name"]), str(each["Value"])) for each in one["Dimensions"])
            if metric is not None and set(ours) <= set(dimensions):
                yield _Series(metric, dimensions)
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _values(
    aws: AwsSession, asked: list[_Series], start: datetime, end: datetime, period: int
) -> tuple[dict[_Series, list[tuple[str, float]]], bool]:
    """Read the series, each value with its time, and tell whether those are all."""
    found: dict[_Series, list[tuple[str, float]]] = {}
    complete = True
    for first in range(0, len(asked), MAX_QUERIES):
        part = asked[first : first + MAX_QUERIES]
        request: dict[str, Any] = {
            "MetricDataQueries": [_query(number, one, period) for number, one in enumerate(part)],
            "StartTime": start,
            "EndTime": end,
            "ScanBy": "TimestampAscending",
        }
        for _ in range(MAX_PAGES):
            with aws.calling("cloudwatch:GetMetricData"):
                page = plain(aws.client("cloudwatch").get_metric_data(**request))
            for result in page["MetricDataResults"]:
                pairs = zip(result["Timestamps"], result["Values"], strict=True)
                found.setdefault(part[int(result["Id"][1:])], []).extend(pairs)
                complete = complete and result.get("StatusCode") != "InternalError"
            if not page.get("NextToken"):
                request.pop("NextToken", None)
                break
            request["NextToken"] = page["NextToken"]
        complete = complete and "NextToken" not in request
    return found, complete


def _query(number: int, series: _Series, period: int) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "Label": series.metric.name,
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": series.metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
            },
            "Period": period,
            "Stat": series.metric.statistic,
        },
    }


def _results(values: Mapping[_Series, list[tuple[str, float]]]) -> Iterator[dict[str, Any]]:
    """Put the series of one metric into one result; a metric without values is none."""
    by_metric: dict[_Metric, dict[_Dimensions, list[tuple[str, float]]]] = {}
    for series, pairs in values.items():
        if pairs:
            by_metric.setdefault(series.metric, {})[series.dimensions] = pairs
    for number, (metric, variants) in enumerate(by_metric.items()):
        # Variants of one metric differ in dimensions that say nothing more of this run (GlueVersion, JobType).
        pairs = _total(metric.side, variants) if metric.side else next(iter(variants.values()))
        yield {
            "Id": f"m{number}",
            "Label": metric.name,
            "Timestamps": [at for at, _ in pairs],
            "Values": [value for _, value in pairs],
            "StatusCode": "Complete",
        }


def _total(side: str, variants: Mapping[_Dimensions, list[tuple[str, float]]]) -> list[tuple[str, float]]:
    """Add up the running totals of each source (or sink), unless Glue did so itself."""
    whole = [pairs for dimensions, pairs in variants.items() if dict(dimensions).get(side, _EVERY) == _EVERY]
    parts: Iterable[list[tuple[str, float]]] = whole[:1] or variants.values()
    lasts = [max(pairs, key=lambda one: one[1]) for pairs in parts]
    return [(max(at for at, _ in lasts), sum(value for _, value in lasts))]


def _nothing(run: Mapping[str, Any], job: Mapping[str, Any] | None, age: timedelta) -> str:
    arguments = arguments_of(run, job)
    on = [
        one for one in ("--enable-observability-metrics", "--enable-metrics") if arguments.get(one, "false") != "false"
    ]
    if not on:
        return (
            "CloudWatch has no metrics of this run: set --enable-observability-metrics true on the job (Glue 4.0 and "
            "newer; the script must make a GlueContext), or --enable-metrics"
        )
    soon = " They may still come: ask again in a few minutes." if age < timedelta() else ""
    return (
        f"CloudWatch has no metrics of this run though {' and '.join(on)} is set: a script that makes no GlueContext "
        f"publishes none of --enable-observability-metrics, and a run of about a minute hardly any.{soon}"
    )

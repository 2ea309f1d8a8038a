"""Metrics of one run: exact dimensions, one result a metric, in the shape of a GetMetricData answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipetriage.context.surroundings import read_metrics
from pipetriage.errors import CredentialsError, SourceError
from pipetriage.model.facts import Metric
from pipetriage.sources.cloudwatch_metrics import run_metrics
from pipetriage.sources.local_files import Answer
from tests.emulated.account import EmulatedAccount

START = datetime(2026, 11, 20, 2, 0, 17, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
JOB, RUN = "orders_daily", "jr_1"
OBSERVED = {"--enable-observability-metrics": "true"}


def run(**more: Any) -> dict[str, Any]:
    ended = (START + timedelta(minutes=30)).isoformat()
    return {"Id": RUN, "JobRunState": "FAILED", "StartedOn": START.isoformat(), "CompletedOn": ended} | more


def put(
    account: EmulatedAccount, name: str, values: list[float], kind: str, group: str | None = None, **more: str
) -> None:
    dimensions = {"JobName": JOB, "JobRunId": RUN, "Type": kind} | ({"ObservabilityGroup": group} if group else {})
    at = [(START + timedelta(minutes=number)).isoformat() for number in range(len(values))]
    account.put_metric(name, zip(at, values, strict=True), dimensions | more)


def read(account: EmulatedAccount, document: dict[str, Any] | None = None, job: Any = None) -> Answer:
    return run_metrics(account.session(), JOB, document or run(), job, now=NOW)


def metrics(answer: Answer) -> dict[str, Metric]:
    # Through JSON: what is kept in a bundle reads the same.
    return {one.label: one for one in read_metrics(msgspec.json.decode(msgspec.json.encode(answer.payload)))}


def test_observability_and_classic_metrics_are_read_with_their_own_statistics(account: EmulatedAccount) -> None:
    put(account, "glue.driver.skewness.stage", [1.0, 9.5, 3.0], "gauge", "job_performance")
    put(account, "glue.ALL.memory.heap.used.percentage", [50, 97.5], "gauge", "resource_utilization")
    put(account, "glue.error.OUT_OF_MEMORY_ERROR", [1], "count", "error")
    put(account, "glue.driver.aggregate.recordsRead", [100, 250, 0], "count")
    answer = read(account)
    seen = metrics(answer)
    assert answer.complete
    assert (seen["glue.driver.skewness.stage"].maximum, seen["glue.driver.skewness.stage"].last) == (9.5, 3.0)
    assert seen["glue.ALL.memory.heap.used.percentage"].last == 97.5
    assert seen["glue.error.OUT_OF_MEMORY_ERROR"].maximum == 1
    assert seen["glue.driver.aggregate.recordsRead"].total == 350
    assert len(seen) == 4
    assert RUN in answer.locator


def test_other_runs_and_the_job_as_a_whole_are_not_read(account: EmulatedAccount) -> None:
    put(account, "glue.driver.skewness.job", [2.0], "gauge", "job_performance")
    put(account, "glue.driver.skewness.job", [70.0], "gauge", "job_performance", JobRunId="ALL")
    put(account, "glue.driver.skewness.job", [80.0], "gauge", "job_performance", JobRunId="jr_2")
    put(account, "glue.driver.skewness.job", [90.0], "gauge", "job_performance", JobName="orders")
    assert metrics(read(account))["glue.driver.skewness.job"].maximum == 2.0


@pytest.mark.parametrize("name", ["glue.driver.bytesWrittten", "glue.driver.bytesWritten"])
def test_both_spellings_of_bytes_written_are_asked_for(account: EmulatedAccount, name: str) -> None:
    put(account, name, [10, 30], "gauge", "throughput", Sink="ALL")
    assert metrics(read(account))[name].total == 30


def test_sources_add_up_to_one_value(account: EmulatedAccount) -> None:
    put(account, "glue.driver.recordsRead", [100, 900], "gauge", "throughput", Source="s3://raw/orders")
    put(account, "glue.driver.recordsRead", [7, 7], "gauge", "throughput", Source="catalog.rates")
    seen = metrics(read(account))["glue.driver.recordsRead"]
    assert (seen.total, seen.maximum, seen.last) == (907, 907, 907)
    put(account, "glue.driver.recordsRead", [107, 908], "gauge", "throughput", Source="ALL")
    assert metrics(read(account))["glue.driver.recordsRead"].total == 908


def test_dimensions_that_nobody_documented_are_found_by_listing(account: EmulatedAccount) -> None:
    put(account, "glue.driver.workerUtilization", [0.25], "gauge", "resource_utilization", GlueVersion="5.1")
    assert metrics(read(account))["glue.driver.workerUtilization"].last == 0.25
    account.refuse("cloudwatch:ListMetrics")
    with pytest.raises(SourceError):
        read(account)
    put(account, "glue.driver.skewness.job", [2.0], "gauge", "job_performance")
    assert set(metrics(read(account))) == {"glue.driver.skewness.job"}


def test_nothing_published_names_the_argument_to_set(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="set --enable-observability-metrics true on the job"):
        read(account)
    with pytest.raises(SourceError, match=r"though --enable-observability-metrics is set: .*GlueContext"):
        read(account, run(Arguments=OBSERVED))
    with pytest.raises(SourceError, match="though --enable-metrics is set"):
        read(account, job={"Job": {"DefaultArguments": {"--enable-metrics": ""}}})
    with pytest.raises(SourceError, match="ask again in a few minutes"):
        read(account, run(Arguments=OBSERVED, CompletedOn=NOW.isoformat()))


def test_a_run_without_a_start_has_no_time_to_look_for(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="no start"):
        read(account, run(StartedOn=None))


def test_a_refusal_is_a_gap_and_unknown_credentials_are_not(account: EmulatedAccount) -> None:
    account.refuse("cloudwatch:GetMetricData")
    with pytest.raises(SourceError, match="cloudwatch:GetMetricData is not allowed"):
        read(account)
    account.refuse("cloudwatch:ListMetrics", "UnrecognizedClientException")
    with pytest.raises(CredentialsError):
        read(account)


class _CloudWatch:
    """CloudWatch that notes what is asked, and answers every query with pages."""

    def __init__(self, pages: int = 1) -> None:
        self.asked: list[dict[str, Any]] = []
        self._pages = pages

    def client(self, _: str) -> "_CloudWatch":
        return self

    def list_metrics(self, **request: Any) -> dict[str, Any]:
        sources = [
            {"Name": name, "Value": value} for name, value in {"JobName": JOB, "JobRunId": RUN, "Type": "gauge"}.items()
        ]
        return {
            "Metrics": [
                {
                    "MetricName": "glue.driver.filesRead",
                    "Dimensions": [*sources, {"Name": "Source", "Value": f"s{one}"}],
                }
                for one in range(600)
            ]
        }

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        page = int(request.get("NextToken", 0))
        at = START + timedelta(minutes=page)
        results = [
            {"Id": one["Id"], "Label": one["Label"], "Timestamps": [at], "Values": [1.0], "StatusCode": "PartialData"}
            for one in request["MetricDataQueries"]
        ]
        return {"MetricDataResults": results} | ({"NextToken": str(page + 1)} if page + 1 < self._pages else {})

    def calling(self, _: str) -> Any:
        from contextlib import nullcontext

        return nullcontext()


def asked(document: dict[str, Any], now: datetime = NOW) -> tuple[datetime, datetime, int]:
    cloudwatch: Any = _CloudWatch()
    run_metrics(cloudwatch, JOB, document, now=now)
    request = cloudwatch.asked[0]
    return request["StartTime"], request["EndTime"], request["MetricDataQueries"][0]["MetricStat"]["Period"]


@pytest.mark.parametrize(
    ("ago", "length", "period"),
    [
        (timedelta(hours=1), timedelta(minutes=30), 60),
        (timedelta(days=14), timedelta(minutes=30), 60),
        (timedelta(days=20), timedelta(minutes=30), 300),
        (timedelta(days=80), timedelta(minutes=30), 3600),
        (timedelta(days=7), timedelta(days=7), 480),
        (timedelta(days=40), timedelta(days=7), 600),
    ],
)
def test_the_period_is_one_that_cloudwatch_still_keeps(ago: timedelta, length: timedelta, period: int) -> None:
    ended = (START + length).isoformat()
    start, end, used = asked(run(CompletedOn=ended), START + ago)
    assert used == period
    assert start <= START - timedelta(minutes=5)
    assert end >= START + length + timedelta(minutes=5)
    assert start.timestamp() % period == end.timestamp() % period == 0
    assert (end - start).total_seconds() / period <= 1442


def test_a_run_that_has_not_ended_is_read_up_to_now() -> None:
    _, end, _ = asked(run(CompletedOn=None))
    assert end == NOW + timedelta(minutes=5)


def test_calls_have_at_most_500_queries_and_pages_are_followed() -> None:
    cloudwatch: Any = _CloudWatch(pages=3)
    answer = run_metrics(cloudwatch, JOB, run(), now=NOW)
    sizes = [len(one["MetricDataQueries"]) for one in cloudwatch.asked]
    assert sizes[:3] == [500, 500, 500]
    assert len(sizes) == 6
    assert answer.complete
    skew = next(one for one in answer.payload["MetricDataResults"] if one["Label"] == "glue.driver.skewness.job")
    assert skew["Values"] == [1.0, 1.0, 1.0]
    endless: Any = _CloudWatch(pages=99)
    assert not run_metrics(endless, JOB, run(), now=NOW).complete
    assert len(endless.asked) == 8

"""Event logs of every attempt, and bookmarks: in each form they have on disk, and unreadable."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.block
import pytest
import zstandard

from pipetriage.context.build import build_context
from pipetriage.model.evidence import Signal
from pipetriage.settings import ContextSettings
from tests.building_local import JOB, THROTTLED, LocalPlatform, collect, one, platform_of

ORDERS = "sales.orders"
APP = "application_1700000000000_0001"


def events(app_name: str = "orders", app: str = APP, **properties: str) -> bytes:
    lines: list[Any] = [
        {"Event": "SparkListenerLogStart", "Spark Version": "3.5.4"},
        {"Event": "SparkListenerApplicationStart", "App Name": app_name, "App ID": app},
    ]
    if properties:
        lines.append({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": properties})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def java_lz4(data: bytes) -> bytes:
    """Frame as lz4-java's LZ4BlockOutputStream does."""
    packed = lz4.block.compress(data, store_size=False)
    header = b"LZ4Block" + bytes([0x25])
    sizes = b"".join(number.to_bytes(4, "little") for number in (len(packed), len(data), 0))
    return header + sizes + bytes(packed)


@pytest.fixture
def spark(tmp_path: Path) -> LocalPlatform:
    platform = platform_of(tmp_path, "parquet")
    platform.table(ORDERS).mkdir(parents=True)
    with platform.run("jr_0", "d0"):
        pass
    for run_id in ("jr_1", "jr_2"):
        with platform.run(run_id, "d1", error=THROTTLED):
            pass
    return platform


def apps_of(platform: LocalPlatform) -> dict[str | None, str | None]:
    """Give each run's application as the context joins them."""
    facts = build_context(collect(platform), ContextSettings()).facts
    return {run: ",".join(sorted(apps)) for run, apps in facts.app_ids.items()}


zstd = zstandard.ZstdCompressor().compress


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("jr_2", bytes),
        ("jr_2.gz", gzip.compress),
        ("jr_2.zstd", zstd),
        ("jr_2.zst", zstd),
        ("jr_2.lz4", java_lz4),
        ("jr_2.inprogress", bytes),
        ("jr_2.zstd.inprogress", zstd),
        ("jr_2.lz4.inprogress", java_lz4),
        ("jr_2/eventlog_v2_a/events_1_a", bytes),
        ("jr_2/eventlog_v2_a/events_2_a.zstd", zstd),
        ("jr_2/eventlog_v2_a/events_2_a.compact", bytes),
        ("jr_2/eventlog_v2_a/events_2_a.zstd.compact", zstd),
        ("jr_2/application_1700000000000_0001", bytes),
        ("jr_2/application_1700000000000_0001.zstd", zstd),
    ],
)
def test_an_event_log_is_read_in_every_form_that_spark_gives_it(
    name: str, pack: Callable[[bytes], bytes], spark: LocalPlatform
) -> None:
    spark.write(f"events/{name}", pack(events()))
    if "eventlog_v2" in name:
        spark.write("events/jr_2/eventlog_v2_a/appstatus_a", b"")
    assert apps_of(spark) == {"jr_2": APP}


def test_a_rolling_log_is_read_in_its_order(spark: LocalPlatform) -> None:
    for number in (10, 9, 2, 1):
        line = json.dumps({"Event": "SparkListenerExecutorRemoved", "Removed Reason": str(number)}).encode()
        spark.write(f"events/jr_2/eventlog_v2_a/events_{number}_a", line + b"\n")
    lines = list(one(collect(spark), Signal.SPARK_EVENTS).payload)
    assert [json.loads(line)["Removed Reason"] for line in lines] == ["1", "2", "9", "10"]


def test_every_attempt_and_the_last_good_run_before_it_are_read(spark: LocalPlatform) -> None:
    for number, run_id in enumerate(("jr_0", "jr_1", "jr_2")):
        spark.write(f"events/{run_id}", events(app=f"{APP[:-1]}{number}"))
    assert apps_of(spark) == {f"jr_{number}": f"{APP[:-1]}{number}" for number in range(3)}


def test_a_log_is_joined_by_property_before_file_and_by_file_before_name(spark: LocalPlatform) -> None:
    spark.write("events/jr_1", events("named for jr_0"))
    spark.write("events/jr_2", events(app=f"{APP[:-1]}2", **{"spark.cloudwatch.logging.conf.jobRunId": "jr_0"}))
    assert apps_of(spark) == {"jr_1": APP, "jr_0": f"{APP[:-1]}2"}


def test_no_event_log_is_a_gap_and_one_of_many_is_none(spark: LocalPlatform) -> None:
    def gaps() -> list[str]:
        return [gap.reason for gap in collect(spark).gaps if gap.source == Signal.SPARK_EVENTS]

    assert gaps() == ["no run has an event log at [local] event_logs"]
    spark.write("events/jr_1", events())
    assert gaps() == []


def test_event_logs_that_are_not_set_are_no_gap(spark: LocalPlatform) -> None:
    settings = spark.config.read_text().replace('event_logs = "events/{run_id}"\n', "")
    spark.config.write_text(settings)
    assert not [gap for gap in collect(spark).gaps if gap.source == Signal.SPARK_EVENTS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jr_2.gz", b"junk"),
        ("jr_2.zstd", b"junk"),
        ("jr_2.lz4", b"junk" * 20),
        ("jr_2/readme/none", b""),
        ("jr_2/eventlog_v2_a/events_1_a.gz", b"junk"),
    ],
)
def test_an_event_log_that_cannot_be_read_is_a_gap_and_the_others_stand(
    name: str, content: bytes, spark: LocalPlatform
) -> None:
    spark.write("events/jr_1", events())
    spark.write(f"events/{name}", content)
    assert apps_of(spark) == {"jr_1": APP}
    assert [gap.source for gap in spark.triage().gaps if gap.source == Signal.SPARK_EVENTS] == ["spark_events"]


def test_logs_of_several_applications_in_one_folder_are_a_gap(spark: LocalPlatform) -> None:
    for app in ("a", "b"):
        spark.write(f"events/jr_2/eventlog_v2_{app}/events_1_{app}", events())
    [gap] = [gap for gap in collect(spark).gaps if gap.source == Signal.SPARK_EVENTS]
    assert "several applications" in gap.reason


def test_an_event_log_that_is_a_pipe_is_a_gap_and_nobody_waits(spark: LocalPlatform) -> None:
    os.mkfifo(spark.folder / "events/jr_2")
    [gap] = [gap for gap in collect(spark).gaps if gap.source == Signal.SPARK_EVENTS]
    assert "no plain file" in gap.reason


@pytest.mark.parametrize("run_id", ["..", "../../secret", "."])
def test_a_hostile_run_id_leads_nowhere(run_id: str, spark: LocalPlatform) -> None:
    secret = events(app="application_1700000000000_6666")
    for place in ("secret", "events_1_a", "events/events_1_a"):
        spark.write(place, secret)
    spark.write(f"runs/{JOB}/zz.json", {"JobRun": {"Id": run_id, "JobRunState": "FAILED", "StartedOn": 4e9}})
    assert "application_1700000000000_6666" not in apps_of(spark).values()


def test_a_torn_event_log_says_what_it_holds(spark: LocalPlatform) -> None:
    """A driver that was killed leaves its last block unfinished."""
    for name, pack in (("jr_1.gz", gzip.compress), ("jr_2.lz4", lambda data: java_lz4(data) + java_lz4(data)[:-5])):
        filler = b"".join(b'{"Event": "%d"}\n' % number for number in range(5000))
        packed = pack(events() + filler)
        spark.write(f"events/{name}", packed[: -len(packed) // 4] if name.endswith("gz") else packed)
    assert apps_of(spark) == {"jr_1": APP, "jr_2": APP}


# --- Bookmarks


def test_a_bookmark_is_seen(spark: LocalPlatform) -> None:
    spark.write("bookmarks/orders.json", {"JobBookmarkEntry": {"RunId": "jr_0", "Version": 3}})
    assert one(collect(spark), Signal.BOOKMARK).payload["JobBookmarkEntry"]["RunId"] == "jr_0"


@pytest.mark.parametrize("content", [None, b"", b"{", b"{}"])
def test_a_bookmark_that_cannot_be_read_matters_where_it_is_on(content: bytes | None, spark: LocalPlatform) -> None:
    if content is not None:
        spark.write("bookmarks/orders.json", content)
    assert not [gap for gap in spark.triage().gaps if gap.source == Signal.BOOKMARK]
    options = {"--job-bookmark-option": "job-bookmark-enable"}
    spark.write("jobs/orders.json", {"Job": {"Name": JOB, "MaxRetries": 0, "DefaultArguments": options}})
    incident = spark.triage()
    assert [gap.source for gap in incident.gaps if gap.source == Signal.BOOKMARK] == ["job_bookmark"]
    assert incident.rerun.decision != "SAFE"


def test_a_bookmark_that_is_on_and_not_set_up_is_a_gap(spark: LocalPlatform) -> None:
    spark.config.write_text(spark.config.read_text().replace('bookmarks = "bookmarks"\n', ""))
    options = {"--job-bookmark-option": "job-bookmark-enable"}
    spark.write("jobs/orders.json", {"Job": {"Name": JOB, "MaxRetries": 0, "DefaultArguments": options}})
    [gap] = [gap for gap in spark.triage().gaps if gap.source == Signal.BOOKMARK]
    assert gap.reason == "[local] bookmarks is not set"

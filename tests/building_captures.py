"""Platforms whose runs are captured: each broken in its own way, one with secrets everywhere."""

import gzip
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from pipetriage.bootstrap import open_app
from pipetriage.model.evidence import Collected, Observation, RunTarget, Signal
from pipetriage.model.pipeline import Pipeline
from tests.building_local import JOB, THROTTLED, LocalPlatform, judged, triage_bundle

APPS = {f"jr_{number}": f"application_1700000000000_000{number}" for number in (1, 2, 3)}
DELTA = '{ table = "sales.orders", format = "delta", write_mode = "append", partition_field = "region" }'


def rows(*regions: str) -> Any:
    return pa.table({"id": list(range(3 * len(regions))), "region": [one for one in regions for _ in range(3)]})


def append_delta(platform: LocalPlatform, *regions: str, **stamps: str) -> None:
    deltalake.write_deltalake(
        str(platform.table("sales.orders")),
        rows(*regions),
        mode="append",
        partition_by=["region"],
        commit_properties=deltalake.CommitProperties(custom_metadata=stamps),
    )


def event_log(run_id: str, *, user: str = "someone", properties: dict[str, str] | None = None) -> str:
    """Give an event log that names its run as Glue does, or (no properties) by its application's name."""
    app_name = "orders" if properties else f"nightly {run_id}"
    events: list[Any] = [
        {"Event": "SparkListenerLogStart", "Spark Version": "3.5.4"},
        {"Event": "SparkListenerApplicationStart", "App Name": app_name, "App ID": APPS[run_id], "User": user},
    ]
    if properties:
        named = properties | {"spark.cloudwatch.logging.conf.jobRunId": run_id}
        events.append({"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": named})
    return "".join(json.dumps(event) + "\n" for event in events)


# --- The platforms whose runs are captured


def delta_half_written(folder: Path) -> LocalPlatform:
    platform = LocalPlatform(
        folder, f'outputs = [{DELTA[:-2]}, expected_partitions = ["eu", "us"] }}]\ncontrol = "none"'
    )
    with platform.run("jr_1", "2026-11-20"):
        append_delta(platform, "eu", "us", batch_id="2026-11-20")
    with platform.run("jr_2", "2026-11-21", error=THROTTLED):
        append_delta(platform, "eu", batch_id="2026-11-21")
    return platform


def delta_untouched(folder: Path) -> LocalPlatform:
    platform = LocalPlatform(folder, f'outputs = [{DELTA}]\ncontrol = "none"')
    with platform.run("jr_1", "2026-11-20"):
        append_delta(platform, "eu", "us")
    with platform.run("jr_2", "2026-11-21", error=THROTTLED):
        pass
    return platform


def plain_half_written(folder: Path) -> LocalPlatform:
    output = '{ table = "sales.orders", format = "parquet", write_mode = "append", expected_partitions = 2 }'
    platform = LocalPlatform(folder, f'outputs = [{output}]\ncontrol = "none"')
    table = platform.table("sales.orders")
    with platform.run("jr_1", "2026-11-20"):
        pq.write_to_dataset(rows("eu", "us"), table, partition_cols=["region"])
    with platform.run("jr_2", "2026-11-21", error=THROTTLED):
        pq.write_to_dataset(rows("eu"), table, partition_cols=["region"])
        platform.write("warehouse/sales/orders/_temporary/0/task_1/part-0.parquet", b"PAR1")
    return platform


def several_attempts(folder: Path) -> LocalPlatform:
    platform = LocalPlatform(folder, f'outputs = [{DELTA}]\ncontrol = "none"')
    with platform.run("jr_1", "2026-11-20"):
        append_delta(platform, "eu")
    with platform.run("jr_2", "2026-11-21", error=THROTTLED):
        append_delta(platform, "eu", **{"spark.app.id": APPS["jr_2"]})
    with platform.run("jr_3", "2026-11-21", error=THROTTLED):
        pass
    platform.write("events/jr_1", event_log("jr_1", properties={"spark.app.name": "orders"}))
    platform.write("events/jr_2.gz", gzip.compress(event_log("jr_2").encode()))
    platform.write("events/jr_3/eventlog_v2_a/events_1_a", event_log("jr_3"))
    return platform


def an_event_log_that_is_none(folder: Path) -> LocalPlatform:
    platform = several_attempts(folder)
    platform.write("events/jr_2.gz", b"this is no gzip file")
    return platform


def an_event_log_damaged_half_way(folder: Path) -> LocalPlatform:
    platform = several_attempts(folder)
    packed = bytearray(gzip.compress(event_log("jr_2").encode() * 400, 0))
    packed[-4000:] = bytes(4000)
    platform.write("events/jr_2.gz", bytes(packed))
    return platform


def a_control_database_that_is_none(folder: Path) -> LocalPlatform:
    local = 'control = "sqlite:///control.db"'
    platform = LocalPlatform(folder, f'outputs = [{DELTA}]\ncontrol = {{ table = "loads" }}', local=local)
    platform.write("control.db", b"SQLite format 3\0" + b"\xff" * 4096)
    with platform.run("jr_1", "2026-11-20", error=THROTTLED):
        append_delta(platform, "eu")
    return platform


def tables_absent(folder: Path) -> LocalPlatform:
    tables = (("ice", "iceberg"), ("delta", "delta"), ("hudi", "hudi"), ("plain", "csv"))
    outputs = ", ".join(f'{{ table = "sales.{name}", format = "{kind}" }}' for name, kind in tables)
    platform = LocalPlatform(folder, f'outputs = [{outputs}]\ncontrol = "none"')
    with platform.run("jr_1", "2026-11-20", error=THROTTLED):
        pass
    return platform


def every_format_at_once(folder: Path) -> LocalPlatform:
    """Of each signal, some tables have it, some lack it and for some it is not asked."""
    tables = [("orders", "delta", "target"), ("plain", "csv", "target"), ("hudi", "hudi", "target")]
    tables += [("gone", "delta", "target"), ("stage", "iceberg", "staging")]
    outputs = ", ".join(
        f'{{ table = "sales.{name}", format = "{kind}", role = "{role}" }}' for name, kind, role in tables
    )
    platform = LocalPlatform(folder, f"outputs = [{outputs}]")
    with platform.run("jr_1", "2026-11-20"):
        append_delta(platform, "eu")
        platform.write("warehouse/sales/plain/part-0.csv", "1,eu\n")
        platform.write("warehouse/sales/hudi/.hoodie/timeline/20261101000000000_20261101000100000.commit", "{}")
    with platform.run("jr_2", "2026-11-21", error=THROTTLED):
        platform.write("warehouse/sales/plain/part-1.csv", "2,eu\n")
    return platform


def tables_with_odd_names(folder: Path) -> LocalPlatform:
    names = ("../..", "a/b", "a_b", "sales.o d:é?*", "sales.o d_é__", "sales.x" * 12, "twice", "twice")
    outputs = ", ".join(f'{{ table = "{name}", format = "csv", write_mode = "append" }}' for name in names)
    platform = LocalPlatform(folder, f'outputs = [{outputs}]\ncontrol = "none"')
    for place in ("a_b", "sales/o d:é?*", "sales/o d_é__", "twice"):
        (platform.warehouse / place).mkdir(parents=True)
    with platform.run("jr_1", "2026-11-20", error=THROTTLED):
        platform.write("warehouse/sales/o d:é?*/part-1.csv", "1,eu\n")
    return platform


def batch_ids_that_look_secret(folder: Path) -> LocalPlatform:
    """``batch_key``: redaction takes what has such a name for a secret, but both sides must know the batches apart."""
    platform = LocalPlatform(folder, f'outputs = [{DELTA}]\nsnapshot_keys = ["batch_key"]\ncontrol = "none"')
    settings = platform.config.read_text().replace('name = "batch_id"', 'name = "batch_key"')
    platform.config.write_text(settings)
    with platform.run("jr_1", None, arguments={"--batch_key": "k-1"}):
        append_delta(platform, "eu")
    with platform.run("jr_2", None, arguments={"--batch_key": "k-2"}, error=THROTTLED):
        append_delta(platform, "eu")
    with platform.run("jr_3", None, arguments={"--batch_key": "k-3"}):
        append_delta(platform, "eu")
    return platform


def a_log_of_binary_junk(folder: Path) -> LocalPlatform:
    platform = delta_untouched(folder)
    platform.write(f"logs/{JOB}/jr_2.log", bytes(range(256)) * 400)
    return platform


def a_log_in_colour(folder: Path) -> LocalPlatform:
    platform = delta_untouched(folder)
    lines = (
        "26/11/21 02:00:00 ERROR Job: failed\n\x1b[31mpyspark.errors.exceptions.captured.AnalysisException: "
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `a` cannot be resolved. SQLSTATE: 42703\x1b[0m\n"
        "\x1b[1m\x1b[31m26/11/21 02:00:00 ERROR Job: java.lang.IllegalStateException: the cause\x1b[0m\n"
    )
    platform.write(f"logs/{JOB}/jr_2.log", lines)
    return platform


def a_log_with_every_kind_of_line(folder: Path) -> LocalPlatform:
    platform = delta_untouched(folder)
    trace = "".join(f"\tat com.example.Job.step{number}(Job.java:{number})\n" for number in range(900))
    lines = [
        "26/11/21 02:00:00 INFO Job: progress 10%\rprogress 20%\r26/11/21 02:00:01 INFO Job: done",
        "26/11/21 02:00:02 WARN TaskSetManager: Lost task 1.0 in stage 1.0 (TID 1): java.io.IOException: disk\r",
        "",
        "x" * 100_000,
        f"26/11/21 02:00:03 ERROR Executor: Exception in task\njava.lang.IllegalStateException: bad row\n{trace}",
        "26/11/21 02:00:04 ERROR Job: org.apache.spark.SparkRuntimeException: [MALFORMED_RECORD_IN_PARSING] Malformed "
        "records are detected in record parsing: [1,\nsecond line,\nthird line]. Parse Mode: FAILFAST.",
        f"26/11/21 02:00:05 ERROR ProcessLauncher: Error from Python: {THROTTLED}",
    ]
    platform.write(f"logs/{JOB}/jr_2.log", "\n".join(lines) + "\n")
    return platform


PLATFORMS = [
    delta_half_written, delta_untouched, plain_half_written, several_attempts, an_event_log_that_is_none,
    an_event_log_damaged_half_way, a_control_database_that_is_none, tables_absent, every_format_at_once,
    tables_with_odd_names, batch_ids_that_look_secret, a_log_of_binary_junk, a_log_in_colour,
    a_log_with_every_kind_of_line,
]  # fmt: skip


AWS_ID, AWS_SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MAIL, CARD, PASSWORD = "jane.doe@example.com", "4111111111111111", "correct-horse-battery"
# Base64 lines as in a PEM file; no key, and split so that no scanner takes it for one.
KEY_LINES = [f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7{number:04}" for number in range(27)]
PEM = ["-----BEGIN " + "PRIVATE KEY-----", *KEY_LINES, "-----END " + "PRIVATE KEY-----"]
SECRETS = [AWS_ID, AWS_SECRET, MAIL, CARD, PASSWORD, *KEY_LINES]


def with_secrets_everywhere(folder: Path) -> LocalPlatform:
    """A platform with secrets in every document."""
    local = 'control = "sqlite:///control.db"\nlineage = "lineage.jsonl"\ndeployments = "deployments.json"'
    declared = (
        f'outputs = [{DELTA}]\ncontrol = {{ table = "loads", location = "sqlite:///control.db?password={PASSWORD}" }}'
    )
    platform = LocalPlatform(folder, declared.replace('deployments = "none"', ""), local=local)
    settings = platform.config.read_text().replace('deployments = "none"\n', "")
    platform.config.write_text(
        settings.replace(f'location = "sqlite:///control.db?password={PASSWORD}"', 'location = "sqlite:///control.db"')
    )
    with platform.run("jr_1", "2026-11-20"):
        append_delta(platform, "eu", contact=MAIL)
        deltalake.write_deltalake(
            str(platform.table("sales.orders")), pa.table({"id": [1], "region": ["eu"], "mail": [MAIL]}),
            mode="append", schema_mode="merge", partition_by=["region"],
        )  # fmt: skip
    log = (
        f"26/11/21 02:00:00 INFO Config: aws_access_key_id={AWS_ID} aws_secret_access_key={AWS_SECRET}",
        f"26/11/21 02:00:00 INFO Jdbc: connecting with password={PASSWORD} as {MAIL}",
        "26/11/21 02:00:00 INFO Key: loaded",
        *PEM,
        f"26/11/21 02:00:01 INFO Payment: card {CARD} of {MAIL}",
    )
    arguments = {"--db_password": PASSWORD, "--notify": MAIL, "--conf": f"spark.hadoop.fs.s3a.secret.key={AWS_SECRET}"}
    error = f"{THROTTLED}; connection password={PASSWORD} for {MAIL}"
    with platform.run("jr_2", "2026-11-21", error=error, log=log, arguments=arguments):
        pass
    job = {
        "Name": JOB,
        "MaxRetries": 0,
        "DefaultArguments": {"--api_key": PASSWORD},
        "Connections": {"password": PASSWORD},
    }
    platform.write(f"jobs/{JOB}.json", {"Job": job})
    properties = {"spark.hadoop.fs.s3a.secret.key": AWS_SECRET, "spark.mail": MAIL}
    platform.write("events/jr_2", event_log("jr_2", user=MAIL, properties=properties))
    lineage = {
        "eventType": "COMPLETE", "eventTime": "2026-11-21T05:00:00Z", "run": {"runId": "r1"},
        "job": {"name": f"report for {MAIL}", "facets": {"login": {"password": PASSWORD}, MAIL: {"card": int(CARD)}}},
        "inputs": [{"namespace": f"jdbc:postgresql://u:{PASSWORD}@db", "name": "sales.orders"}],
    }  # fmt: skip
    platform.write("lineage.jsonl", json.dumps(lineage) + "\n")
    platform.write("deployments.json", [{"version": "v1", "deployed_at": "2026-11-19T00:00:00Z", "author": MAIL}])
    with sqlite3.connect(platform.folder / "control.db") as connection:
        connection.execute("CREATE TABLE loads (job_run_id, batch_id, status, note, api_token, card, blob, updated_at)")
        row = ("jr_2", "2026-11-21", "FAILED", f"told {MAIL}", PASSWORD, int(CARD), PASSWORD.encode(), "2026-11-21")
        connection.execute("INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    platform.write(
        "bookmarks/orders.json", {"JobBookmarkEntry": {"RunId": "jr_1", "JobBookmark": f"password={PASSWORD}"}}
    )
    return platform


def collected(signal: Signal, payload: Any) -> Collected:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Collected(
        run=RunTarget(job_name=JOB, job_run_id="jr_1"),
        pipeline=Pipeline(name=JOB),
        captured_at=at,
        settle_seconds=0,
        clock_skew_seconds=0,
        origin="test",
        observations=(Observation(signal=signal, payload=payload, locator="here", observed_at=at),),
    )


def agree(config: Path, target: str, folder: Path, *, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Assert that live run, its capture, and the capture of that, are judged alike; give the judgement."""
    app = open_app(config=config, use_store=False)
    live = judged(app.triage(target))
    app.capture(target, folder / "first")
    first = judged(triage_bundle(folder / "first"))
    open_app(use_store=False).capture(str(folder / "first"), folder / "second")
    second = judged(triage_bundle(folder / "second"))
    for name, value in live.items():
        if name in but:
            continue
        assert first[name] == value, name
        assert second[name] == value, name
    return live

"""The documents around a run, in the shapes in which the services write them."""

import json
from datetime import timedelta
from typing import Any

from lab.composed.pipelines import PipelineSpec
from lab.composed.world import DAY, Good, World
from tools.starter_blocks import digest, listing, run_id

# Reads as a token and as nothing that a secret scanner would stop.
_TOKEN = "EXAMPLETOKEN" * 3
_HIVE = {"long": "bigint", "timestamptz": "timestamp"}


def job_run(world: World, message: str) -> dict[str, Any]:
    """Write this run's JobRun."""
    state = world.case.fault.state
    run = world.job.run(world.batch, world.started, world.seconds, state, message)
    run["Id"] = world.run
    run["ExecutionTime"] = 0 if world.case.fault.point == "launch" else max(1, world.seconds - 38)
    if "_attempt_" in world.run:
        run |= {"Attempt": 1, "PreviousRunId": world.run.removesuffix("_attempt_1")}
    if "args_changed" in world.extras:
        run["Arguments"]["--lookback_days"] = "400"
    if "flex" in world.extras:
        run["ExecutionClass"] = "FLEX"
    if "backfill_workers" in world.extras:
        run |= {"NumberOfWorkers": 2, "MaxCapacity": 2.0, "AllocatedCapacity": 2}
    return run


def _good_run(world: World, good: Good) -> dict[str, Any]:
    run = world.job.run(good.batch, good.started, good.seconds, "SUCCEEDED")
    run["Id"] = good.run
    if "glue_upgraded" in world.extras:
        run["GlueVersion"] = "4.0" if world.glue == "5.0" else "3.0"
    return run


def _earlier_attempts(world: World) -> list[dict[str, Any]]:
    """Write earlier attempts of the same batch that failed as this one did; newest first."""
    message = world.parameter("earlier_error") or "Command failed with exit code 1"
    if "_attempt_" in world.run:
        started = world.started - timedelta(seconds=world.seconds + 70)
        run = world.job.run(world.batch, started, world.seconds, "FAILED", message)
        return [{**run, "Id": world.run.removesuffix("_attempt_1")}]
    count = 2 if "attempts_used" in world.extras else 1 if "second_attempt" in world.extras else 0
    runs = []
    for number in range(1, count + 1):
        started = world.started - number * timedelta(minutes=27)
        run = world.job.run(world.batch, started, min(world.seconds, 900), "FAILED", message)
        runs.append({**run, "Id": run_id(world.job.name, f"{world.batch}/earlier/{number}/{world.case.name}")})
    return runs


def job_runs(world: World, message: str) -> dict[str, Any]:
    """Write GetJobRuns, newest first."""
    runs = [job_run(world, message), *_earlier_attempts(world), *(_good_run(world, good) for good in world.good)]
    if "still_running" in world.extras:
        started = world.ended + timedelta(seconds=50)
        other = world.job.run(world.batch, started, 60, "RUNNING")
        other["Id"] = run_id(world.job.name, f"{world.batch}/again/{world.case.name}")
        del other["CompletedOn"]
        runs.insert(0, other)
    if "other_run_ended" in world.extras:
        started = world.started - timedelta(seconds=4_000)
        other = world.job.run(f"{world.started - 40 * DAY:%Y-%m-%d}", started, 4_300, "FAILED", "SystemExit: 2")
        other["Id"] = run_id(world.job.name, f"backfill/{world.case.name}")
        runs.insert(1, other)
    if world.later is not None:
        runs.insert(0, _good_run(world, world.later))
    if "truncated_history" in world.extras:
        # The page ends before the last good run.
        return {"JobRuns": runs[:1], "NextToken": _TOKEN}
    return {"JobRuns": runs}


def job(world: World) -> dict[str, Any]:
    """Write GetJob."""
    recent = world.case.variant.deployment == "recent"
    modified = world.started - (timedelta(hours=7) if recent else timedelta(days=33))
    document = world.job.document(modified)
    if "engine_will_retry" in world.extras:
        document["Job"]["MaxRetries"] = 2
    if "engine_retried" in world.extras:
        document["Job"]["MaxRetries"] = 1
    arguments = document["Job"]["DefaultArguments"]
    if "bookmark" in world.extras:
        arguments["--job-bookmark-option"] = "job-bookmark-enable"
    if (added := world.parameter("argument")) is not None:
        name, _, value = added.partition("=")
        arguments[name] = value
    if "no_datalake" in world.extras:
        del arguments["--datalake-formats"]
    if "connection" in world.extras:
        document["Job"]["Connections"] = {"Connections": ["etl-private-subnet"]}
    return document


def bookmark(world: World) -> dict[str, Any]:
    """Write GetJobBookmark: where the last good run left it."""
    last = world.good[0]
    return {
        "JobBookmarkEntry": {
            "JobName": world.job.name,
            "Version": 41,
            "Run": 41,
            "Attempt": 0,
            "RunId": last.run,
            "JobBookmark": json.dumps(
                {"gdf": {"jsonClass": "HadoopDataSourceJobBookmarkState", "timestamps": {"RUN": "41"}}}
            ),
        }
    }


def _files(world: World, batch: str, count: int, share: float = 1.0) -> list[tuple[str, int, Any]]:
    _, _, prefix = world.spec.source.replace("{batch}", batch).partition("/")
    base = 1_800_000 + int(digest(world.spec.name)[:5], 16) * 9
    arrived = world.started - timedelta(minutes=41) - (DAY if batch != world.batch else timedelta())
    return [
        (
            f"{prefix}part-{number:05d}.{world.spec.suffix}",
            round((base + int(digest(batch, number)[:5], 16)) * share),
            arrived + timedelta(seconds=11 * number),
        )
        for number in range(count)
    ]


def sources(world: World) -> dict[str, Any]:
    """Write the listings of this batch's input and of the last good one's."""
    bucket, _, prefix = world.source().partition("/")
    before = world.good[0].batch
    count = world.spec.files
    share, truncated = 1.0, False
    if {"source_empty", "source_gone"} & world.extras:
        count = 0
    if "source_few" in world.extras:
        count, share = max(1, count // 8), 0.4
    if "source_marker" in world.extras:
        count = 0
    files = _files(world, world.batch, count, share)
    if "source_marker" in world.extras:
        files = [(f"{prefix}_started", 0, world.started - timedelta(minutes=50))]
    if "source_late" in world.extras:
        # They came after the run had looked.
        files = [(key, size, world.ended + timedelta(minutes=3, seconds=n)) for n, (key, size, _) in enumerate(files)]
    if "source_tiny" in world.extras:
        when = world.started - timedelta(minutes=20)
        files = [(f"{prefix}{digest('tiny', n)[:10]}.json", 1_300 + n % 700, when) for n in range(110)]
        truncated = True
    _, _, old = world.spec.source.replace("{batch}", before).partition("/")
    here = listing(bucket, prefix, files, truncated)
    if truncated:
        here["NextContinuationToken"] = _TOKEN
    return {
        "s3/source.json": here,
        "s3/source.previous.json": listing(bucket, old, _files(world, before, world.spec.files)),
    }


def schema(world: World) -> list[dict[str, str]]:
    """Give the columns seen in the input; ``schema:+a``, ``schema:-a`` and ``schema:a=type`` change them."""
    columns = {name: _HIVE.get(kind, kind) for name, kind in world.spec.columns}
    for one in sorted(world.extras):
        if not one.startswith("schema:"):
            continue
        change = world.fill(one.split(":", 1)[1])
        if change.startswith("+"):
            columns[change[1:]] = "string"
        elif change.startswith("-"):
            columns.pop(change[1:], None)
        elif "=" in change:
            name, kind = change.split("=")
            columns[name] = kind
    return [{"name": name, "type": kind} for name, kind in columns.items()]


def declaration(world: World) -> dict[str, Any]:
    """Write the pipeline's declared contract."""
    spec: PipelineSpec = world.spec
    day = spec.columns[-1][0]
    declared: dict[str, Any] = {
        "name": spec.name,
        "glue_job": world.job.name,
        "batch_id": {"from": "argument", "name": "batch_id"},
        "source": "s3://" + spec.source.replace("{batch}", "{batch_id}"),
        "target": spec.table,
        "format": "iceberg",
        "write_mode": world.case.variant.mode,
        "partition_field": "region" if spec.regions else day,
        "commits": "many" if spec.regions else "one",
        "owners": {"pipeline owner": f"{spec.table.split('.')[0]}-team"},
    }
    if spec.regions:
        declared["expected_partitions"] = list(spec.regions)
    if world.case.variant.mode == "merge":
        # A merge touches partitions of other days too: only the keys say what a rerun does.
        declared |= {"keys": [spec.key], "merge_repeatable": "merge_undeclared" not in world.extras}
        declared.pop("partition_field")
        declared.pop("expected_partitions", None)
    if spec.control != "undeclared":
        declared["control"] = {"table": f"etl_control.{spec.name}"} if spec.control != "none" else "none"
    if world.case.variant.deployment != "none":
        declared["deployments"] = "ci"
    if any(one.startswith("schema:") for one in world.extras):
        declared["expected_schema"] = {name: _HIVE.get(kind, kind) for name, kind in spec.columns}
    if (column := world.parameter("expects")) is not None:
        declared["expected_schema"][column] = "double"
    if "min_records" in world.extras:
        declared["min_records"] = 300_000
    if "other_effects" in world.extras:
        declared["other_effects"] = ["posts each row to the billing queue"]
    return declared

"""The documents of a run's neighbours: control table, deployments, audit trail, quality, history, metrics."""

import json
from datetime import timedelta
from typing import Any

from lab.composed.world import World
from tools.starter_blocks import ACCOUNT, REGION, digest, iso


def control(world: World) -> Any:
    """Write the control table's rows; None when there are none."""
    if world.spec.control not in {"rows", "dynamodb"}:
        return None
    status = {"SUCCEEDED": "SUCCESS", "STOPPED": "RUNNING", "TIMEOUT": "RUNNING"}.get(world.case.fault.state, "FAILED")
    if world.case.variant.written == "some" and world.random.random() < 0.5:
        status = "WRITING"
    if "control_success" in world.extras:
        status = "SUCCESS"
    rows: list[dict[str, Any]] = [
        {
            "batch_id": good.batch,
            "job_run_id": good.run,
            "status": "SUCCESS",
            "step": "published",
            "attempt": 1,
            "updated_at": iso(good.started + timedelta(seconds=good.seconds - 4)),
        }
        for good in reversed(world.good)
    ]
    rows.append(
        {
            "batch_id": world.batch,
            "job_run_id": world.run,
            "status": status,
            "step": "write" if world.commits else "read",
            "attempt": 1,
            "updated_at": iso(world.ended - timedelta(seconds=6)),
        }
    )
    if world.spec.control == "rows":
        return rows
    items = [
        {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in row.items()}
        for row in rows
    ]
    return {"Items": items, "Count": len(items), "ScannedCount": len(items)}


def deployments(world: World) -> list[dict[str, Any]] | None:
    """Write the versions that CI deployed; None when nothing is declared."""
    kind = world.case.variant.deployment
    if kind == "none":
        return None
    path = world.parameter("deploy") or f"jobs/{world.job.name}.py"
    old = {
        "version": "1.38.0",
        "deployed_at": iso(world.started - timedelta(days=33)),
        "commit": digest("old", world.run)[:7],
        "author": "m.silva",
        "changed_paths": ["jobs/session.py"],
    }
    new = {
        "version": "1.39.0",
        "deployed_at": iso(world.started - timedelta(hours=7)),
        "commit": digest("new", world.run)[:7],
        "author": "j.osei",
        "changed_paths": [path],
    }
    return [old, new] if kind == "recent" else [old]


def cloudtrail(world: World, action: str) -> dict[str, Any]:
    """Write the refused call as CloudTrail shows it."""
    service, name = action.split(":")
    role = world.fill("«role»")
    event = {
        "eventVersion": "1.09",
        "eventTime": f"{world.ended - timedelta(seconds=7):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "errorCode": "AccessDenied",
        "errorMessage": f"User: {role} is not authorized to perform: {action}",
        "userIdentity": {"type": "AssumedRole", "arn": role, "accountId": ACCOUNT},
    }
    entry = {
        "EventId": world.fill("«request»"),
        "EventName": name,
        "EventTime": iso(world.ended - timedelta(seconds=7)),
        "EventSource": f"{service}.amazonaws.com",
        "Username": "GlueJobRunnerSession",
        "CloudTrailEvent": json.dumps(event),
    }
    return {"Events": [entry]}


def quality(world: World, rule: str) -> list[dict[str, Any]]:
    """Write a GetDataQualityResult with one failed rule."""
    passed = {
        "Name": "Rule_1",
        "EvaluatedRule": f'IsComplete "{world.spec.key}"',
        "Result": "PASS",
        "EvaluatedMetrics": {},
    }
    failed = {
        "Name": "Rule_2",
        "EvaluatedRule": rule,
        "Result": "FAIL",
        "EvaluationMessage": "Value does not meet the constraint requirement!",
        "EvaluatedMetrics": {},
    }
    return [
        {
            "ResultId": f"dqresult-{digest('dq', world.run)[:40]}",
            "Score": 0.5,
            "DataSource": {"GlueTable": {"DatabaseName": world.table.database, "TableName": world.table.table}},
            "RulesetName": f"{world.job.name}_rules",
            "EvaluationContext": "input",
            "StartedOn": iso(world.ended - timedelta(seconds=40)),
            "CompletedOn": iso(world.ended - timedelta(seconds=12)),
            "JobName": world.job.name,
            "JobRunId": world.run,
            "RuleResults": [passed, failed],
        }
    ]


def history(world: World) -> dict[str, Any]:
    """Write records, bytes, files and seconds of the good runs."""
    rows = [
        {
            "job_run_id": good.run,
            "records": 412_000 + int(digest(good.batch)[:4], 16) % 9_000,
            "bytes": 38_000_000 + n,
            "files": world.spec.files,
            "seconds": good.seconds,
        }
        for n, good in enumerate(reversed(world.good))
    ]
    return {"runs": rows}


def metrics(world: World, kind: str) -> dict[str, Any]:
    """Write GetMetricData: memory, or the skew of stages."""
    values = {
        "memory": {
            "glue.driver.memory.heap.used.percentage": [41.0, 58.2, 63.9],
            "glue.ALL.memory.heap.used.percentage": [71.4, 95.8, 98.9],
            "glue.driver.skewness.stage": [1.1, 1.3, 1.2],
        },
        "skew": {
            "glue.driver.skewness.stage": [1.2, 9.4, 21.7],
            "glue.driver.skewness.job": [8.8],
            "glue.ALL.memory.heap.used.percentage": [55.1, 88.4, 97.2],
        },
        "disk": {"glue.ALL.disk.used.percentage": [44.0, 81.7, 99.6], "glue.driver.skewness.stage": [1.1, 1.4]},
    }[kind]
    times = [iso(world.started + timedelta(seconds=world.seconds * n // 4)) for n in (1, 2, 3)]
    rows = [
        {"Id": f"m{n}", "Label": label, "Timestamps": times[: len(found)], "Values": found, "StatusCode": "Complete"}
        for n, (label, found) in enumerate(values.items())
    ]
    return {"MetricDataResults": rows, "Messages": []}


def orchestrator(run: dict[str, Any]) -> dict[str, Any]:
    """Write the cause that Step Functions shows: the JobRun as a JSON string."""
    return {"Error": "States.TaskFailed", "Cause": json.dumps(run)}

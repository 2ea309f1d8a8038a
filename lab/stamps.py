"""What a writer leaves in the commits it makes."""

import json

from lab.scenario import Scenario


def engine(app_id: str) -> dict[str, str]:
    """Give what Spark always writes into an Iceberg summary."""
    return {
        "spark.app.id": app_id,
        "app-id": app_id,
        "engine-name": "spark",
        "engine-version": "3.5.4-amzn-0",
        "iceberg-version": "Apache Iceberg 1.10.0",
    }


def stamps(scenario: Scenario, run_id: str, batch_id: str, app_id: str) -> dict[str, str]:
    """Give what the job writes into its commits."""
    named: dict[str, str] = {}
    if scenario.stamp in {"run", "run_and_batch"}:
        named["glue-job-run-id"] = run_id
    if scenario.stamp in {"batch", "run_and_batch"}:
        named["batch_id"] = batch_id
    return shaped(scenario, named, app_id if scenario.engine == "spark" else None)


def shaped(scenario: Scenario, named: dict[str, str], app_id: str | None) -> dict[str, str]:
    """Write stamps as the format carries them; Spark's application id goes only into Iceberg's summaries."""
    if scenario.fmt == "iceberg":
        unstamped = scenario.stamp == "none"
        return named if app_id is None or unstamped else {**engine(app_id), **named}
    if scenario.fmt == "delta" and named:
        return {"userMetadata": json.dumps(named)}
    return {}

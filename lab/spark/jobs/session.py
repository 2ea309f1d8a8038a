"""One Spark application a run, in the shape of a Glue job's driver."""

from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession  # type: ignore[import-not-found]


def open_session(app_name: str, warehouse: str, events: str, more: dict[str, str]) -> Any:
    """Start an application of its own; the one before it in this process has been stopped."""
    Path(events).mkdir(parents=True, exist_ok=True)
    settings = {
        "spark.master": "local[2]",
        "spark.driver.host": "localhost",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        # Small inputs: keep one task a file and two after a shuffle.
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{events}",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": f"file://{warehouse}",
        "spark.sql.catalog.lake.cache-enabled": "false",
        **more,
    }
    builder = SparkSession.builder.appName(app_name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()

"""How a batch reaches its tables: one function a write mode. ``lake.sales.orders`` is the target."""

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession  # type: ignore[import-not-found]
from pyspark.sql import functions as F  # type: ignore[import-not-found] # noqa: N812 - Spark's own custom
from services import Faults  # type: ignore[import-not-found]

TARGET, STAGING = "lake.sales.orders", "lake.sales.orders_staging"
_COLUMNS = "order_id, shop, order_date, quantity, amount_cents, status"

Arguments = dict[str, Any]
Writer = Callable[[SparkSession, DataFrame, Arguments, Faults], None]


def _to(orders: DataFrame, arguments: Arguments, table: str = TARGET) -> Any:
    """Begin a write, stamped with the run's id where the job does so."""
    writer = orders.writeTo(table)
    if arguments["stamped"]:
        writer = writer.option("snapshot-property.glue-job-run-id", arguments["run_id"])
    return writer


def _shops(arguments: Arguments) -> list[str]:
    return list(arguments["shops"])


def append_one(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Append in one commit."""
    faults.watch_commit()
    _to(orders, arguments).append()


def append_each(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Append one commit a shop."""
    for shop in _shops(arguments):
        _to(orders.where(F.col("shop") == shop), arguments).append()
        faults.checkpoint("between")


def dynamic_api(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the partitions that the batch holds, in one commit."""
    faults.watch_commit()
    writer = _to(orders, arguments)
    if arguments.get("validate"):
        writer = writer.option("isolation-level", "serializable")
        if current := _current(spark, TARGET):
            writer = writer.option("validate-from-snapshot-id", current)
    writer.overwritePartitions()


def dynamic_each(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the partitions of one shop a commit."""
    for shop in _shops(arguments):
        _to(orders.where(F.col("shop") == shop), arguments).overwritePartitions()
        faults.checkpoint("between")


def dynamic_sql(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """INSERT OVERWRITE with dynamic partitions. SQL takes no write options, so nothing is stamped."""
    faults.watch_commit()
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    orders.createOrReplaceTempView("batch")
    spark.sql(f"INSERT OVERWRITE {TARGET} SELECT {_COLUMNS} FROM batch")  # noqa: S608 - constants


def static_sql(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """INSERT OVERWRITE of the whole table (Spark's default)."""
    faults.watch_commit()
    orders.createOrReplaceTempView("batch")
    spark.sql(f"INSERT OVERWRITE {TARGET} SELECT {_COLUMNS} FROM batch")  # noqa: S608 - constants


def static_api(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the whole table through the DataFrame API."""
    faults.watch_commit()
    _to(orders, arguments).overwrite(F.lit(True))


def static_day(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the batch's day by filter."""
    faults.watch_commit()
    _to(orders, arguments).overwrite(F.col("order_date") == arguments["batch_id"])


def merge(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """MERGE by key: update what is there, insert the rest (copy-on-write or merge-on-read by table property)."""
    faults.watch_commit()
    orders.createOrReplaceTempView("batch")
    spark.sql(
        f"MERGE INTO {TARGET} t USING batch s ON t.order_id = s.order_id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


def merge_insert(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """MERGE that only inserts what is not there yet."""
    faults.watch_commit()
    orders.createOrReplaceTempView("batch")
    spark.sql(f"MERGE INTO {TARGET} t USING batch s ON t.order_id = s.order_id WHEN NOT MATCHED THEN INSERT *")


def wap_id(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Write, audit, publish with a WAP id: a staged snapshot, then a cherry-pick."""
    wap = arguments["batch_id"] if arguments.get("wap_by_batch") else arguments["run_id"]
    spark.conf.set("spark.wap.id", wap)
    _to(orders, arguments).append()
    spark.conf.unset("spark.wap.id")
    faults.checkpoint("between")
    spark.sql(f"CALL lake.system.publish_changes(table => 'sales.orders', wap_id => '{wap}')")


def wap_branch(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Write to an audit branch, then fast-forward main to it."""
    branch = "audit_" + arguments["batch_id"].replace("-", "")
    create = "CREATE OR REPLACE BRANCH" if arguments.get("branch_replaced") else "CREATE BRANCH IF NOT EXISTS"
    spark.sql(f"ALTER TABLE {TARGET} {create} {branch}")
    spark.conf.set("spark.wap.branch", branch)
    _to(orders, arguments).append()
    spark.conf.unset("spark.wap.branch")
    faults.checkpoint("between")
    spark.sql(f"CALL lake.system.fast_forward('sales.orders', 'main', '{branch}')")


def _publish(spark: SparkSession, arguments: Arguments) -> DataFrame:
    return spark.table(STAGING).where(F.col("order_date") == arguments["batch_id"])


def stage_clear(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Empty staging, append to it shop by shop, append the day to the target."""
    spark.sql(f"DELETE FROM {STAGING}")  # noqa: S608 - a constant
    for shop in _shops(arguments):
        _to(orders.where(F.col("shop") == shop), arguments, STAGING).append()
        faults.checkpoint("between")
    _to(_publish(spark, arguments), arguments).append()


def stage_keep(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Append to a staging table that nobody empties, then append the day to the target."""
    for shop in _shops(arguments):
        _to(orders.where(F.col("shop") == shop), arguments, STAGING).append()
        faults.checkpoint("between")
    _to(_publish(spark, arguments), arguments).append()


def stage_overwrite(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace staging as a whole, then replace the day's partitions of the target."""
    _to(orders, arguments, STAGING).overwrite(F.lit(True))
    faults.checkpoint("between")
    _to(_publish(spark, arguments), arguments).overwritePartitions()
    faults.checkpoint("between")


def _plain(spark: SparkSession, orders: DataFrame, arguments: Arguments, mode: str) -> None:
    path = f"file://{arguments['warehouse']}/sales/orders"
    orders.write.mode(mode).partitionBy("order_date", "shop").parquet(path)


def parquet_append(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Append plain Parquet files."""
    faults.watch_commit()
    _plain(spark, orders, arguments, "append")


def parquet_overwrite(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the whole folder of plain Parquet files."""
    faults.watch_commit()
    _plain(spark, orders, arguments, "overwrite")


def parquet_dynamic(spark: SparkSession, orders: DataFrame, arguments: Arguments, faults: Faults) -> None:
    """Replace the partition folders that the batch holds."""
    faults.watch_commit()
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    _plain(spark, orders, arguments, "overwrite")


def _current(spark: SparkSession, table: str) -> str | None:
    query = f"SELECT snapshot_id FROM {table}.snapshots ORDER BY committed_at DESC LIMIT 1"  # noqa: S608 - constants
    row = spark.sql(query).first()
    return str(row[0]) if row else None


WRITERS: dict[str, Writer] = {
    writer.__name__: writer
    for writer in (
        append_one, append_each, dynamic_api, dynamic_each, dynamic_sql, static_sql, static_api, static_day, merge,
        merge_insert, wap_id, wap_branch, stage_clear, stage_keep, stage_overwrite, parquet_append, parquet_overwrite,
        parquet_dynamic,
    )
}  # fmt: skip

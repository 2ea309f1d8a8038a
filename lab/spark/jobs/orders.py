"""The job under test: reads a day's orders, cleans them, writes them in one of the modes that practice knows.

Ordinary PySpark. ``python orders.py '{…arguments…}'`` runs it alone; the lab's worker calls :func:`main`.
"""

import json
import sys
from dataclasses import asdict, replace
from typing import Any

from control import Control  # type: ignore[import-not-found]
from pyspark.sql import DataFrame, SparkSession  # type: ignore[import-not-found]
from pyspark.sql import functions as F  # type: ignore[import-not-found] # noqa: N812 - Spark's own custom
from services import Faults, FaultSpec, look_up  # type: ignore[import-not-found]
from writers import WRITERS  # type: ignore[import-not-found]

_RAW = "order_id string, order_date string, quantity int, amount string, status string"


def read_orders(spark: SparkSession, source_path: str, spec: FaultSpec) -> DataFrame:
    """Read the batch's files and turn amounts into cents."""
    fault = asdict(spec)

    def to_cents(amount: str, shop: str) -> int:
        look_up(fault, shop)
        whole, _, cents = amount.partition(".")
        return int(whole) * 100 + int(cents)

    raw = spark.read.schema(_RAW + ", shop string").json(source_path)
    cents = F.udf(to_cents, "long")(F.col("amount"), F.col("shop"))
    return raw.select("order_id", "shop", "order_date", "quantity", cents.alias("amount_cents"), "status")


def main(spark: SparkSession, arguments: dict[str, Any]) -> None:
    """Run one batch to its end, good or bad."""
    spec = FaultSpec(**arguments["fault"])
    spec = replace(spec, jvm=int(arguments.get("jvm", 0)), driver=int(arguments.get("driver", 0)))
    faults = Faults(spec)
    control = Control(arguments["control"], arguments["run_id"])
    control.start(arguments["batch_id"], arguments["source_path"])
    try:
        faults.checkpoint("start")
        orders = read_orders(spark, arguments["source_path"], spec)
        control.update("RUNNING", "write")
        WRITERS[arguments["mode"]](spark, orders, arguments, faults)
        faults.checkpoint("after", "UpdateItem")
    except Exception:
        # A job that died between its last commit and this row could not update it then either.
        if not (spec.point == "after" and spec.cause == "service"):
            control.update("FAILED", "write")
        raise
    control.update("SUCCESS", "done")


if __name__ == "__main__":
    main(SparkSession.builder.getOrCreate(), json.loads(sys.argv[1]))

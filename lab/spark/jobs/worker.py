"""A long-lived driver process: each command is a Spark application of its own in one JVM.

``python worker.py LOG``: commands as JSON lines on stdin, one answer line each on the original stdout. Everything else
that is written, by Python or the JVM, goes to LOG, as stdout and stderr of a Glue driver go to one stream.
"""

import json
import os
import sys
import traceback
from typing import Any

import orders  # type: ignore[import-not-found]
from session import open_session  # type: ignore[import-not-found]


def run_job(command: dict[str, Any]) -> dict[str, Any]:
    """Run the job; its error ends here, in the log and the answer."""
    arguments = command["arguments"]
    spark = _open(command)
    arguments["jvm"] = spark.sparkContext._gateway.proc.pid
    arguments["driver"] = os.getpid()
    try:
        orders.main(spark, arguments)
    except Exception as error:  # noqa: BLE001 - whatever a job raises ends its run
        traceback.print_exc()
        return {"ok": False, "error": _named(error)}
    finally:
        sys.stderr.flush()
        spark.stop()
    return {"ok": True}


def run_statements(command: dict[str, Any]) -> dict[str, Any]:
    """Run statements as an application of someone else's; rows, when given, are appended to a table or folder."""
    spark = _open(command)
    try:
        for statement in command.get("statements", ()):
            spark.sql(statement)
        if command.get("rows"):
            _append(spark, command)
    finally:
        spark.stop()
    return {"ok": True}


def _append(spark: Any, command: dict[str, Any]) -> None:
    fields = "order_id string, shop string, order_date string, quantity int, amount_cents long, status string"
    rows = spark.createDataFrame([tuple(row) for row in command["rows"]], fields).coalesce(1)
    if command.get("path"):
        rows.write.mode("append").partitionBy("order_date", "shop").parquet(command["path"])
        return
    writer = rows.writeTo("lake.sales.orders")
    for key, value in command.get("properties", {}).items():
        writer = writer.option(f"snapshot-property.{key}", value)
    writer.append()


def read_tables(command: dict[str, Any]) -> dict[str, Any]:
    """Give every row that a reader sees."""
    spark = _open(command)
    try:
        found = {}
        for table in command["tables"]:
            frame = spark.table(table) if table.startswith("lake.") else _folder(spark, table)
            columns = ["order_id", "shop", "order_date", "quantity", "amount_cents", "status"]
            found[table] = [] if frame is None else [list(row) for row in frame.select(*columns).collect()]
    finally:
        spark.stop()
    return {"ok": True, "tables": found}


def _folder(spark: Any, path: str) -> Any:
    schema = "order_id string, quantity int, amount_cents long, status string, order_date string, shop string"
    return spark.read.schema(schema).parquet(path) if os.path.isdir(path) else None  # noqa: PTH112


def _open(command: dict[str, Any]) -> Any:
    return open_session(command["app"], command["warehouse"], command["events"], command.get("conf", {}))


def _named(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0] if said else ''}"[:900]


ACTIONS = {"job": run_job, "statements": run_statements, "read": read_tables}


def main() -> None:
    """Serve commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = ACTIONS[command["action"]](command)
        except Exception as error:  # noqa: BLE001 - told to the lab, which stops the seed
            traceback.print_exc()
            answer = {"ok": False, "error": _named(error), "broken": True}
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

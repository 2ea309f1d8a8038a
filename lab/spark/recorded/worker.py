"""A long-lived driver process: runs ordinary scripts, each as a Spark application of its own in one JVM.

``python worker.py LOG``: commands as JSON lines on stdin, answers as JSON lines on the original stdout. Everything else
that is written, by Python or the JVM, goes to LOG.
"""

import contextlib
import json
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession  # type: ignore[import-not-found]


def _open(command: dict[str, Any]) -> Any:
    builder = SparkSession.builder.appName(command["app"])
    for key, value in command["conf"].items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def run_script(command: dict[str, Any], say: Any) -> dict[str, Any]:
    """Run a script as ``spark-submit`` would; its error ends here, in the log and the answer."""
    spark = _open(command)
    say({"started": spark.sparkContext._gateway.proc.pid})
    script = command["script"]
    sys.argv = [script, *command["arguments"]]
    os.chdir(command["cwd"])
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        said = f"SystemExit: {end.code}"
        return {"ok": not end.code, "kind": "SystemExit", "error": said, "line": _line(end, script)}
    except BaseException as error:  # noqa: BLE001 - whatever a script raises ends its run
        shown = _shown(error, script)
        sys.stderr.write(shown)
        return {"ok": False, "kind": type(error).__name__, "error": _said(error), "line": _line(error, script),
                "trace": shown}  # fmt: skip
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        _stop(spark)
    return {"ok": True}


def _stop(spark: Any) -> None:
    try:
        spark.stop()
    except Exception as error:  # noqa: BLE001 - a JVM out of memory may not even stop
        sys.stderr.write(f"stop: {error}\n")


def _shown(error: BaseException, script: str) -> str:
    """Format the traceback from the script's own frame on, as a process of its own would show it."""
    shown = traceback.TracebackException.from_exception(error)
    one: traceback.TracebackException | None = shown
    while one is not None:
        frames = list(one.stack)
        # A script that does not even parse has no frame; a cause inside a library has only that library's.
        ours = any(frame.filename == __file__ for frame in frames)
        none = len(frames) if ours else 0
        at = next((i for i, frame in enumerate(frames) if frame.filename == script), none)
        one.stack = traceback.StackSummary.from_list(frames[at:])
        one = one.__cause__ or one.__context__
    return "".join(shown.format())


def _line(error: BaseException, script: str) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == script]
    return lines[-1] if lines else None


def _said(error: BaseException) -> str:
    said = str(error)
    java = getattr(error, "java_exception", None)
    if java is not None:
        said = said.split("\n\tat ", 1)[0]
    return f"{type(error).__name__}: {said}"


def run_statements(command: dict[str, Any]) -> dict[str, Any]:
    """Run statements as an application of someone else's."""
    spark = _open(command)
    try:
        for statement in command["statements"]:
            spark.sql(statement)
    finally:
        spark.stop()
    return {"ok": True}


def read_tables(command: dict[str, Any]) -> dict[str, Any]:
    """Give every row that a reader sees, as text, sorted."""
    spark = _open(command)
    found = {}
    try:
        for name in command["tables"]:
            if name.startswith("lake."):
                frame = spark.table(name)
            else:
                frame = spark.read.parquet(name) if any(Path(name).rglob("*.parquet")) else None
            columns = [] if frame is None else sorted(frame.columns)
            found[name] = [] if frame is None else sorted(str(list(row)) for row in frame.select(*columns).collect())
    finally:
        spark.stop()
    return {"ok": True, "tables": found}


def write_parquet(command: dict[str, Any]) -> dict[str, Any]:
    """Write rows as Parquet files, one a group: an upstream's export."""
    spark = _open(command)
    try:
        for name, rows in command["files"].items():
            frame = spark.createDataFrame([tuple(row) for row in rows], command["schema"]).coalesce(1)
            casts = [f"CAST({column} AS {kind}) AS {column}" for column, kind in command["casts"].get(name, {}).items()]
            kept = [column for column in frame.columns if column not in command["casts"].get(name, {})]
            frame.selectExpr(*kept, *casts).write.mode("append").parquet(command["path"])
    finally:
        spark.stop()
    return {"ok": True}


def run_derby(command: dict[str, Any]) -> dict[str, Any]:
    """Run statements in an embedded Derby database."""
    spark = _open(command)
    try:
        jvm = spark._jvm
        jvm.java.lang.Class.forName("org.apache.derby.jdbc.EmbeddedDriver")
        connect = jvm.java.sql.DriverManager.getConnection
        connection = connect(command["url"])
        for statement in command["statements"]:
            if statement == "SHUTDOWN":
                # Some properties count from the next start of the database.
                connection.close()
                with contextlib.suppress(Exception):  # Derby says by an exception that it is down
                    connect(command["url"].split(";")[0] + ";shutdown=true;user=DBA;password=dba")
                connection = connect(command["url"])
                continue
            connection.createStatement().execute(statement)
        connection.close()
    finally:
        spark.stop()
    return {"ok": True}


_ACTIONS = {"derby": run_derby, "statements": run_statements, "read": read_tables, "parquet": write_parquet}


def main() -> None:
    """Answer commands until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    for line in sys.stdin:
        command = json.loads(line)
        try:
            act = _ACTIONS.get(command["action"])
            answer = act(command) if act is not None else run_script(command, say)
        except Exception as error:  # noqa: BLE001 - told to the recorder, which decides
            traceback.print_exc()
            answer = {"ok": False, "broken": True, "error": f"{type(error).__name__}: {error}"}
        say(answer)


if __name__ == "__main__":
    main()

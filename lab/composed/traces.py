"""Tracebacks as Glue's Python and JVM write them, from an ``Error`` and frames that real runs printed."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from lab.composed.words import Error

_HERE = Path(__file__).parent
_PY4J = "/opt/amazon/spark/python/lib/py4j-0.10.9.7-src.zip/py4j"
_SPARK = "/opt/amazon/spark/python/lib/pyspark.zip/pyspark"
_GLUE = "/opt/amazon/lib/python3.11/site-packages/awsglue"
# Where Glue puts the script and the job's files.
_SCRIPTS = "/tmp"  # noqa: S108 - a path in a quoted traceback, nothing is written there
_SITE = "/usr/local/lib/python3.11/site-packages"


class Call(NamedTuple):
    """A call of the job's script: its line, the library's frames below it, the JVM's method, the driver's frames."""

    code: str
    frames: tuple[str, ...]
    method: str
    driver: str


def _frame(file: str, line: int, name: str, code: str) -> str:
    return f'  File "{file}", line {line}, in {name}\n    {code}'


_BOTO = (
    _frame(f"{_SITE}/botocore/client.py", 569, "_api_call", "return self._make_api_call(operation_name, kwargs)"),
    _frame(f"{_SITE}/botocore/client.py", 1023, "_make_api_call", "raise error_class(parsed_response, operation_name)"),
)
CALLS: dict[str, Call] = {
    "append": Call(
        'frame.writeTo("glue_catalog.«table»").append()',
        (_frame(f"{_SPARK}/sql/readwriter.py", 2107, "append", "self._jwriter.append()"),),
        "append",
        "driver_append",
    ),
    "overwrite": Call(
        'frame.writeTo("glue_catalog.«table»").overwritePartitions()',
        (_frame(f"{_SPARK}/sql/readwriter.py", 2156, "overwritePartitions", "self._jwriter.overwritePartitions()"),),
        "overwritePartitions",
        "driver_append",
    ),
    "merge": Call(
        "spark.sql(MERGE)",
        (
            _frame(
                f"{_SPARK}/sql/session.py",
                1631,
                "sql",
                "return DataFrame(self._jsparkSession.sql(sqlQuery, litArgs), self)",
            ),
        ),
        "sql",
        "driver_merge",
    ),
    "sql": Call(
        "spark.sql(QUERY)",
        (
            _frame(
                f"{_SPARK}/sql/session.py",
                1631,
                "sql",
                "return DataFrame(self._jsparkSession.sql(sqlQuery, litArgs), self)",
            ),
        ),
        "sql",
        "driver_count",
    ),
    "count": Call(
        "seen = frame.count()",
        (_frame(f"{_SPARK}/sql/dataframe.py", 1240, "count", "return int(self._jdf.count())"),),
        "count",
        "driver_count",
    ),
    "collect": Call(
        "rates = {row.code: row.rate for row in rates_frame.collect()}",
        (_frame(f"{_SPARK}/sql/dataframe.py", 1263, "collect", "sock_info = self._jdf.collectToPython()"),),
        "collectToPython",
        "driver_count",
    ),
    "parquet": Call(
        "frame = spark.read.parquet(source_path)",
        (
            _frame(
                f"{_SPARK}/sql/readwriter.py",
                544,
                "parquet",
                "return self._df(self._jreader.parquet(_to_seq(self._spark._sc, paths)))",
            ),
        ),
        "parquet",
        "none",
    ),
    "json": Call(
        "frame = spark.read.json(source_path)",
        (
            _frame(
                f"{_SPARK}/sql/readwriter.py",
                425,
                "json",
                "return self._df(self._jreader.json(self._spark._sc._jvm.PythonUtils.toSeq(path)))",
            ),
        ),
        "json",
        "none",
    ),
    "csv": Call(
        "frame = spark.read.schema(SCHEMA).csv(source_path)",
        (
            _frame(
                f"{_SPARK}/sql/readwriter.py",
                740,
                "csv",
                "return self._df(self._jreader.csv(self._spark._sc._jvm.PythonUtils.toSeq(path)))",
            ),
        ),
        "csv",
        "none",
    ),
    "jdbc": Call(
        'rates_frame = spark.read.format("jdbc").options(**connection).load()',
        (_frame(f"{_SPARK}/sql/readwriter.py", 314, "load", "return self._df(self._jreader.load())"),),
        "load",
        "none",
    ),
    "select": Call(
        "frame = frame.select(*COLUMNS)",
        (_frame(f"{_SPARK}/sql/dataframe.py", 3229, "select", "jdf = self._jdf.select(self._jcols(*cols))"),),
        "select",
        "none",
    ),
    "table": Call(
        'current = spark.table("glue_catalog.«table»")',
        (
            _frame(
                f"{_SPARK}/sql/session.py",
                1667,
                "table",
                "return DataFrame(self._jsparkSession.table(tableName), self)",
            ),
        ),
        "table",
        "none",
    ),
    "catalog": Call(
        'frame = glue_context.create_dynamic_frame.from_catalog(database="«raw_db»", table_name="«raw_tbl»")',
        (
            _frame(
                f"{_GLUE}/dynamicframe.py",
                770,
                "from_catalog",
                "return self._glue_context.create_dynamic_frame_from_catalog(db, table_name, redshift_tmp_dir)",
            ),
            _frame(
                f"{_GLUE}/context.py",
                182,
                "create_dynamic_frame_from_catalog",
                "source = DataSource(self._ssql_ctx.getCatalogSource(database, table_name), self, table_name)",
            ),
        ),
        "getCatalogSource",
        "none",
    ),
    "dynamic": Call(
        'frame = glue_context.create_dynamic_frame.from_options("s3", {"paths": [source_path]}, "json").toDF()',
        (_frame(f"{_GLUE}/dynamicframe.py", 174, "toDF", "return DataFrame(self._jdf.toDF(), self.glue_ctx)"),),
        "toDF",
        "driver_count",
    ),
    "commit": Call(
        "job.commit()",
        (_frame(f"{_GLUE}/job.py", 55, "commit", "self._job.commit()"),),
        "z:com.amazonaws.services.glue.util.Job.commit",
        "none",
    ),
    "boto3": Call("details = client.get_parameter(Name=NAME)", _BOTO, "", "none"),
    "python": Call("main(arguments)", (), "", "none"),
}


@cache
def blocks() -> dict[str, tuple[str, ...]]:
    """Read the frames: ``frames.txt`` is of real runs, ``sdk_frames.txt`` of the services' clients; ``@`` includes."""
    read: dict[str, tuple[str, ...]] = {}
    for name in ("frames.txt", "sdk_frames.txt"):
        for section in (_HERE / name).read_text(encoding="utf-8").split("## ")[1:]:
            title, *lines = section.rstrip("\n").split("\n")
            read[title] = tuple(lines)
    return read


def frames(name: str) -> tuple[str, ...]:
    """Give a block's frames.

    Raises:
        KeyError: there is no such block.
    """
    found: list[str] = []
    for line in blocks()[name]:
        found += frames(line[1:]) if line.startswith("@") else (line,)
    return tuple(found)


def java_chain(error: Error, aborted: str = "") -> str:
    """Write the JVM's side: each exception with its frames, innermost last."""
    below = frames(CALLS[error.call].driver)
    if not aborted:
        first, *rest = error.chain
        lines = [first[0], *frames(first[1]), *below]
        for text, block in rest:
            lines += [f"Caused by: {text}", *frames(block), f"\t... {len(below) + 7} more"]
        return "\n".join(lines)
    lines = [f"org.apache.spark.SparkException: {aborted}"]
    for place, (text, block) in enumerate(error.chain):
        lines += [*([f"Caused by: {text}"] if place else []), *frames(block)]
    lines += ["", "Driver stacktrace:", *frames("dag_abort"), *below]
    for text, block in error.chain:
        lines += [f"Caused by: {text}", *frames(block), "\t... 1 more"]
    return "\n".join(lines)


def aborted(error: Error, stage: int, task: int, host: str) -> str:
    """Write how the DAGScheduler gives up a stage."""
    lost = f"Lost task {task}.3 in stage {stage}.0 (TID {stage * 9 + task}) ({host} executor {task % 4 + 1})"
    start = f"Job aborted due to stage failure: Task {task} in stage {stage}.0 failed 4 times, most recent failure: "
    return f"{start}{lost}: {error.chain[0][0]}"


def traceback(error: Error, script: str, line: int, number: int, java: str) -> str:
    """Write the Python traceback in which the script ended."""
    call = CALLS[error.call]
    code = error.code or call.code
    file = f"{_SCRIPTS}/{script}.py"
    lines = ["Traceback (most recent call last):", _frame(file, line + 61, "<module>", "main(spark)")]
    lines += [_frame(file, line, "main", code), *call.frames]
    if error.kind == "python":
        return "\n".join([*lines, error.python])
    lines.append(_frame(f"{_PY4J}/java_gateway.py", 1322, "__call__", "return_value = get_return_value("))
    if error.kind == "analysis":
        captured = f"{_SPARK}/errors/exceptions/captured.py"
        return "\n".join([*lines, _frame(captured, 185, "deco", "raise converted from None"), error.python])
    lines.append(_frame(f"{_PY4J}/protocol.py", 326, "get_return_value", "raise Py4JJavaError("))
    where = call.method if call.method.startswith("z:") else f"o{number}.{call.method}"
    return "\n".join([*lines, f"py4j.protocol.Py4JJavaError: An error occurred while calling {where}.", f": {java}"])

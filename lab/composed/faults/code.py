"""The job's own code, its libraries and its settings."""

# ruff: noqa: E501 - the messages are quoted as they come

from lab.composed.faults.shorthand import analysis, java, python, tasks, v
from lab.composed.words import Fault

_DEPLOYED = "A version that touches this code was deployed hours before, and the input is as it was."


def _regression(**words: object) -> Fault:
    words.setdefault("note", _DEPLOYED)
    return Fault(category="CODE_REGRESSION", **words)  # type: ignore[arg-type]


_ALONE = "Nothing was deployed that anyone knows of."

FAULTS = (
    _regression(
        family="module_missing", point="start", hint="IMPORT_ERROR",
        error=python("python", "ModuleNotFoundError: No module named 'orjson'", "import orjson"),
        variants=(v(deployment="recent"), v(mode="overwrite_partitions", deployment="recent"), v(also=("CODE_REGRESSION", "UNKNOWN"), note="A missing import is the code's or its packaging's; nothing was declared as deployed.")),
    ),
    _regression(
        family="import_name", point="start", hint="IMPORT_ERROR",
        error=python("python", "ImportError: cannot import name 'normalise_money' from 'etl.money' (/tmp/etl.zip/etl/money.py)", "from etl.money import normalise_money"),
        variants=(v(deployment="recent", extras=("deploy:etl/money.py",)), v(mode="merge", deployment="recent", extras=("deploy:etl/money.py",))),
    ),
    _regression(
        family="attribute_error", point="tasks", hint="UNCLASSIFIED_ERROR",
        error=python("python", "AttributeError: 'DataFrame' object has no attribute 'withColum'", 'frame = frame.withColum("loaded_at", current_timestamp())'),
        variants=(v(deployment="recent"), v("some", deployment="recent"), v(mode="overwrite_partitions", deployment="recent")),
    ),
    _regression(
        family="none_attribute", point="read",
        error=python("python", "AttributeError: 'NoneType' object has no attribute 'groupBy'", "totals = with_rates(frame).groupBy(KEYS)"),
        variants=(v(deployment="recent"), v(mode="overwrite_partitions", category="UNKNOWN", also=("CODE_REGRESSION",), note=_ALONE)),
    ),
    _regression(
        family="name_error", point="start",
        error=python("python", "NameError: name 'batch_date' is not defined", "path = SOURCE.format(batch_date)"),
        variants=(v(deployment="recent"), v("some", "overwrite_partitions", deployment="recent")),
    ),
    _regression(
        family="argument_missing", point="start", hint="INVALID_ARGUMENT_ERROR",
        error=python("python", "awsglue.utils.GlueArgumentError: the following arguments are required: --lookback_days", 'arguments = getResolvedOptions(sys.argv, ["JOB_NAME", "batch_id", "lookback_days"])'),
        note="The script asks for an argument that the job does not pass since it was deployed.",
        variants=(v(deployment="recent"), v(mode="merge", deployment="recent")),
    ),
    _regression(
        family="no_such_method", point="read", extras=("glue_upgraded",), also=("UNKNOWN",),
        error=java("sql", ("java.lang.NoSuchMethodError: 'org.apache.spark.sql.catalyst.expressions.Cast org.apache.spark.sql.catalyst.expressions.Cast$.apply(org.apache.spark.sql.catalyst.expressions.Expression, org.apache.spark.sql.types.DataType, scala.Option)'", "linkage")),
        note="The job's jar was built against the Spark of the Glue version before; the version was changed the evening before.",
        variants=(v(glue="5.0", deployment="recent", extras=("deploy:infra/glue_jobs.tf",)), v(mode="overwrite_partitions", glue="5.0", deployment="recent", extras=("deploy:infra/glue_jobs.tf",))),
    ),
    _regression(
        family="class_not_found", extras=("no_datalake",), point="start", also=("UNKNOWN",),
        error=java("sql", ("org.apache.spark.SparkException: Cannot find catalog plugin class for catalog 'glue_catalog': org.apache.iceberg.spark.SparkCatalog", "none"), ("java.lang.ClassNotFoundException: org.apache.iceberg.spark.SparkCatalog", "none")),
        note="--datalake-formats is gone from the job's arguments since the deployment.",
        variants=(v(deployment="recent", extras=("deploy:infra/glue_jobs.tf",)),),
    ),
    _regression(
        family="parse_syntax", point="read", hint="SYNTAX_ERROR",
        error=analysis("sql", "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'GROUP'.(line 3, pos 0)\n\n== SQL ==\nSELECT «column», count(*) AS n,\nFROM staged\nGROUP BY «column»\n^^^"),
        variants=(v(glue="5.0", deployment="recent", extras=("deploy:sql/totals.sql",)), v("some", glue="5.0", deployment="recent", extras=("deploy:sql/totals.sql",))),
    ),
    _regression(
        family="unresolved_routine", point="read", hint="QUERY_ERROR",
        error=analysis("sql", "[UNRESOLVED_ROUTINE] Cannot resolve function `normalise_sku` on search path [`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`].; line 1 pos 7"),
        variants=(v(glue="5.0", deployment="recent"), v(mode="overwrite_partitions", glue="5.0", deployment="recent")),
    ),
    _regression(
        family="unresolved_deployed", point="read", extras=("schema:",),
        error=analysis("select", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `net_amount` cannot be resolved. Did you mean one of the following? [`«column»`, `«day»`]."),
        note="The input has the columns it always had; the code that was deployed hours before asks for one that never existed.",
        variants=(v(glue="5.0", deployment="recent"), v(mode="merge", glue="5.0", deployment="recent"), v("some", glue="5.0", deployment="recent")),
    ),
    _regression(
        family="udf_type_error", point="write",
        error=tasks("append", ("org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"/tmp/«job».py\", line 29, in rate_of\n    return rates[code] + surcharge\nTypeError: unsupported operand type(s) for +: 'decimal.Decimal' and 'float'\n", "task_udf"),
                    python="pyspark.errors.exceptions.captured.PythonException: \n  An exception was thrown from the Python worker. Please see the stack trace below.\nTraceback (most recent call last):\n  File \"/tmp/«job».py\", line 29, in rate_of\n    return rates[code] + surcharge\nTypeError: unsupported operand type(s) for +: 'decimal.Decimal' and 'float'\n"),
        note="The function that fails was changed by the deployment; Glue's own message has an empty tail.",
        variants=(v(glue="5.0", deployment="recent"), v("some", "overwrite_partitions", glue="5.0", deployment="recent"), v("some", glue="5.0", deployment="recent")),
    ),
    _regression(
        family="launch_modules", extras=("argument:--additional-python-modules=pandas==9.9.1",), point="launch", error=None, also=("UNKNOWN",), hint="LAUNCH_ERROR",
        message="LAUNCH ERROR | Installation of Additional Python Modules failed: ERROR: Could not find a version that satisfies the requirement pandas==9.9.1. Please refer logs for details.",
        note="The version that the deployment asks for does not exist.",
        variants=(v(deployment="recent", extras=("deploy:infra/glue_jobs.tf",)), v(mode="overwrite_partitions", deployment="recent", extras=("deploy:infra/glue_jobs.tf",))),
    ),
    _regression(
        family="py4j_method", point="read", also=("UNKNOWN",),
        error=python("python", "py4j.Py4JException: Method mergeAll([class java.lang.String]) does not exist", "frame = helper.mergeAll(frame._jdf)"),
        variants=(v(deployment="recent", extras=("deploy:etl/src/main/scala/com/acme/etl/Helper.scala",)),),
    ),
    _regression(
        family="key_error_script", point="end",
        error=python("python", "KeyError: 'published_rows'", 'report(summary["published_rows"])'),
        note="The report after the last write was changed by the deployment.",
        variants=(v("all", deployment="recent"), v("all", "overwrite_partitions", deployment="recent")),
    ),
)  # fmt: skip

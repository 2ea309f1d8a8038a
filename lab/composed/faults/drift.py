"""Input that no longer fits: new, missing and retyped columns, values that cannot be read."""

# ruff: noqa: E501 - Spark's messages are quoted as they come

from lab.composed.faults.shorthand import analysis, java, python, tasks, v
from lab.composed.words import Fault

_REVIEW = "The input's columns changed and no code did: the contract must be reviewed before the batch is loaded."
_CAST = (
    '[CAST_INVALID_INPUT] The value \'n/a\' of the type "STRING" cannot be cast to "DOUBLE" because it is malformed. Correct the '
    "value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return NULL instead. If "
    'necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
)


def _drift(**words: object) -> Fault:
    words.setdefault("note", _REVIEW)
    return Fault(category="SCHEMA_DRIFT", **words)  # type: ignore[arg-type]


FAULTS = (
    _drift(
        family="new_column_rejected", point="tasks", extras=("schema:+loyalty_tier",), hint="QUERY_ERROR",
        error=analysis("append", "[INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS] Cannot write to `glue_catalog`.`«db»`.`«tbl»`, the reason is too many data columns:\nTable columns: `«column»`, `«day»`.\nData columns: `«column»`, `«day»`, `loyalty_tier`."),
        variants=(v(glue="5.0"), v("some", glue="5.0"), v(mode="overwrite_partitions", glue="5.0", deployment="old")),
    ),
    _drift(
        family="new_column_iceberg", point="tasks", extras=("schema:+discount_code",),
        error=java("append", ("java.lang.IllegalArgumentException: Cannot write incompatible dataset to table with schema:\ntable {\n  1: «column»: optional string\n}\nwrite schema:table {\n  1: «column»: optional string\n  2: discount_code: optional string\n}\nProblems:\n* discount_code is not in the table", "none")),
        variants=(v(), v(mode="merge")),
    ),
    _drift(
        family="missing_column_write", point="tasks", extras=("schema:-«column»",),
        error=analysis("append", "[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA] Cannot write incompatible data for the table `glue_catalog`.`«db»`.`«tbl»`: Cannot find data for the output column `«column»`."),
        variants=(v(glue="5.0"), v("some", "overwrite_partitions", glue="5.0")),
    ),
    _drift(
        family="unresolved_upstream", point="read", extras=("schema:-«column»", "schema:+«column»_v2"),
        error=analysis("select", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `«column»` cannot be resolved. Did you mean one of the following? [`«column»_v2`, `«day»`]."),
        note="The input calls the column otherwise since this batch; no version was deployed for a month.",
        variants=(v(glue="5.0", deployment="old"), v(mode="merge", glue="5.0", deployment="old"), v("some", glue="5.0", deployment="old")),
    ),
    _drift(
        family="unresolved_upstream_spark33", point="read", extras=("schema:-«column»",),
        error=analysis("select", "Column '«column»' does not exist. Did you mean one of the following? [«day»];\n'Project ['«column», «day»#4]\n+- Relation [«day»#4] json"),
        variants=(v(glue="4.0", deployment="old"),),
    ),
    _drift(
        family="cast_invalid", point="write", extras=("schema:",), also=("UNKNOWN",),
        error=tasks("append", (f"org.apache.spark.SparkNumberFormatException: {_CAST}\n== SQL(line 1, position 8) ==\nselect cast(amount as double)\n       ^^^^^^^^^^^^^^^^^^^^^^", "task_cast")),
        note="A word stands in a column of numbers: bad data of this batch.",
        variants=(v(glue="5.0"), v("leftovers", glue="5.0"), v("some", "overwrite_partitions", glue="5.0")),
    ),
    _drift(
        family="unsafe_cast", point="tasks", extras=("schema:«column»=double",),
        error=analysis("append", "[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST] Cannot write incompatible data for the table `glue_catalog`.`«db»`.`«tbl»`: Cannot safely cast `«column»` \"DOUBLE\" to \"BIGINT\"."),
        variants=(v(glue="5.0", pipeline="patient_visits"), v(mode="overwrite_partitions", glue="5.0", pipeline="stock_levels")),
    ),
    _drift(
        family="parquet_type", point="tasks", extras=("schema:«column»=bigint",),
        error=tasks("append", ("org.apache.spark.SparkException: Parquet column cannot be converted in file «source»/«file». Column: [«column»], Expected: string, Found: INT64.", "task_parquet"),
                    ("org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException: column: [«column»], physicalType: INT64, logicalType: string", "parquet_convert")),
        variants=(v(), v("some"), v(mode="merge")),
    ),
    _drift(
        family="merge_schemas", point="read", extras=("schema:«column»=double",),
        error=java("parquet", ("org.apache.spark.SparkException: [CANNOT_MERGE_SCHEMAS] Failed merging schemas:\nInitial schema:\n\"STRUCT<«column»: STRING>\"\nSchema that cannot be merged with the initial schema:\n\"STRUCT<«column»: DOUBLE>\".", "none"),
                   ("org.apache.spark.SparkException: [CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE] Failed to merge incompatible data types \"STRING\" and \"DOUBLE\".", "none")),
        variants=(v(glue="5.0"), v(mode="overwrite_partitions", glue="5.0")),
    ),
    _drift(
        family="athena_hive_bad_data", point="start", extras=("schema:«column»=bigint",),
        error=python("python", "awswrangler.exceptions.QueryFailed: HIVE_BAD_DATA: Field «column»'s type INT64 in parquet file «source»/«file» is incompatible with type varchar defined in table schema", "rows = wr.athena.read_sql_query(QUERY, database=RAW)"),
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _drift(
        family="athena_partition_schema", point="start",
        error=python("python", "awswrangler.exceptions.QueryFailed: HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. The types are incompatible and cannot be coerced. The column '«column»' in table 'raw.«raw_tbl»' is declared as type 'string', but partition 'dt=«batch»' declared column '«column»' as type 'bigint'.", "rows = wr.athena.read_sql_query(QUERY, database=RAW)"),
        variants=(v(),),
    ),
    _drift(
        family="choice_type", point="tasks", extras=("schema:«column»=struct<double:double,string:string>",),
        error=analysis("append", "[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST] Cannot write incompatible data for the table `glue_catalog`.`«db»`.`«tbl»`: Cannot safely cast `«column»` \"STRUCT<double: DOUBLE, string: STRING>\" to \"STRING\"."),
        note="The DynamicFrame found two types in one column.",
        variants=(v(glue="5.0"),),
    ),
    _drift(
        family="null_in_required", point="write", also=("UNKNOWN",),
        error=tasks("append", ("org.apache.spark.SparkRuntimeException: [NOT_NULL_ASSERT_VIOLATION] NULL value appeared in non-nullable field: «column»\nIf the schema is inferred from a Scala tuple/case class, or a Java bean, please try to use scala.Option[_] or other nullable types (such as java.lang.Integer instead of int/scala.Int).", "task_shuffle")),
        note="A required column is empty in this batch's input.",
        variants=(v(), v("some", "append")),
    ),
    _drift(
        family="malformed_records", extras=("folders",), point="tasks", also=("UNKNOWN",),
        error=tasks("count", ("org.apache.spark.SparkException: [MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records are detected in record parsing: [null,null,2026].\nParse Mode: FAILFAST. To process malformed records as null result, try setting the option 'mode' as 'PERMISSIVE'.", "task_shuffle")),
        note="Lines of the input do not parse any more.",
        variants=(v(glue="5.0"), v(mode="overwrite_partitions", glue="5.0")),
    ),
    _drift(
        family="dq_column_exists", point="tasks", extras=("schema:-«column»", "dq_fail", "dq:ColumnExists \"«column»\""),
        error=python("python", "RuntimeError: data quality failed for «table»: ColumnExists \"«column»\"", "evaluate_quality(frame)"),
        note="The quality rule that watches the contract failed, and the column is gone.",
        variants=(v(), v(mode="merge")),
    ),
)  # fmt: skip

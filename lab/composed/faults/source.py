"""Input that is not there, not yet there, or too little."""

# ruff: noqa: E501 - the services' messages are quoted as they come

from lab.composed.faults.shorthand import SDK2, analysis, boto, glue1, java, line, python, v
from lab.composed.words import Fault

_WAIT = "The declared source of this batch, and nothing else, is missing; the listing that says so worked."


def _delay(**words: object) -> Fault:
    words.setdefault("note", _WAIT)
    words.setdefault("hint", "RESOURCE_NOT_FOUND_ERROR")
    return Fault(category="SOURCE_DELAY", **words)  # type: ignore[arg-type]


_PATH = analysis("parquet", "[PATH_NOT_FOUND] Path does not exist: «source».")

FAULTS = (
    _delay(
        family="path_missing", point="read", clears="source", extras=("source_empty",), error=_PATH,
        variants=(v(glue="5.0"), v(mode="overwrite_partitions", glue="5.0", deployment="old"), v(mode="merge", glue="5.0", without=("source",), note="Nobody could list the source: refused, or not there."), v(glue="5.0", extras=("second_attempt", "earlier_error:AnalysisException: [PATH_NOT_FOUND]"))),
    ),
    _delay(
        family="path_missing_spark33", point="read", clears="source", extras=("source_empty",),
        error=analysis("json", "Path does not exist: «source»"),
        variants=(v(glue="4.0"), v(mode="overwrite_partitions", glue="4.0")),
    ),
    _delay(
        family="path_late", point="read", clears="source", extras=("source_late",), error=_PATH,
        note="The files came minutes after the run had looked: they are all there now.",
        variants=(v(glue="5.0"), v(mode="overwrite_partitions", glue="5.0")),
    ),
    _delay(
        family="path_empty", point="read", clears="source", extras=("source_marker",),
        error=analysis("parquet", "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for Parquet. It must be specified manually."),
        note="The folder holds the supplier's empty marker and no data yet.",
        variants=(v(glue="5.0", pipeline="claims_daily"), v(mode="overwrite_partitions", glue="5.0", pipeline="ad_spend")),
    ),
    _delay(
        family="input_path_invalid", point="read", clears="source", extras=("source_empty",),
        error=java("dynamic", ("org.apache.hadoop.mapreduce.lib.input.InvalidInputException: Input path does not exist: «source»", "dynamicframe_source")),
        variants=(v(glue="4.0"), v(mode="merge", glue="4.0")),
    ),
    _delay(
        family="no_such_key", point="start", clears="source", extras=("source_empty",), hint="S3_ERROR",
        error=boto("GetObject", "NoSuchKey", "The specified key does not exist.", 'manifest = s3.get_object(Bucket="«bucket»", Key="«prefix»_manifest.json")'),
        note="The supplier's manifest of the day, in the declared source, is not there; neither is anything else of the day.",
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _delay(
        family="no_such_file", point="read", clears="source", extras=("source_empty",),
        error=java("csv", ("java.io.FileNotFoundException: No such file or directory '«source»'", "emrfs_list")),
        variants=(v(glue="4.0"), v(mode="overwrite_partitions", glue="4.0", extras=("attempts_used", "earlier_error:No such file or directory"), note="Three attempts were made: a person decides whether the day is late.")),
    ),
    _delay(
        family="input_withdrawn", point="tasks", extras=("source_gone",), also=("UNKNOWN",),
        error=java("count", (f"{SDK2}.s3.model.NoSuchKeyException: The specified key does not exist. (Service: S3, Status Code: 404, Request ID: «s3_request»)", "s3fileio_get")),
        note="Files that the run had listed were gone when it read them, and the folder is empty now: somebody took the input away.",
        variants=(v(harmless=None), v("some", "append")),
    ),
    _delay(
        family="catalog_table_missing", point="start", also=("UNKNOWN",),
        error=java("catalog", ("com.amazonaws.services.glue.model.EntityNotFoundException: Entity Not Found " + glue1("EntityNotFoundException"), "glue1_get_table")),
        note="The crawler that registers the day's raw table has not run: a person must see to it.",
        variants=(v(glue="4.0"), v(mode="overwrite_partitions", glue="4.0")),
    ),
    _delay(
        family="partition_missing", point="read", also=("UNKNOWN",),
        error=analysis("sql", "[PARTITIONS_NOT_FOUND] The partition(s) PARTITION (`dt` = «batch») cannot be found in table `raw`.`«raw_tbl»`.\nVerify the partition specification and table name."),
        note="The crawler has not added the day's partition to the raw table.",
        variants=(v(glue="5.0"), v(mode="merge", glue="5.0")),
    ),
    _delay(
        family="low_count_raised", point="tasks", extras=("source_few", "min_records", "history"), also=("UNKNOWN",),
        error=python("python", "ValueError: only 41,307 records in «source», at least 300,000 are expected", "check_volume(frame, minimum)"),
        note="An eighth of the usual files: a person decides whether to wait or to load the part.",
        variants=(v(), v(mode="overwrite_partitions")),
    ),
    _delay(
        family="low_count_succeeded", point="end", error=None, state="SUCCEEDED", extras=("source_few", "min_records", "history"), also=("UNKNOWN",),
        note="The run succeeded on an eighth of the usual files: readers see a thin day.",
        variants=(v("all"), v("all", "overwrite_partitions")),
    ),
    _delay(
        family="bookmark_found_nothing", point="read", error=None, state="SUCCEEDED", extras=("source_empty", "bookmark", "history"), also=("UNKNOWN",),
        before=(line(-9, "INFO", "HadoopDataSource", "After the bookmark filter 0 files are left to be processed in 0 partitions"), line(-4, "WARN", "«job»", "no rows for «batch», nothing to write")),
        note="SUCCEEDED with nothing to read: the day's input had not come. A run that succeeded is nothing for a machine to repeat.",
        variants=(v(glue="4.0"),),
    ),
    _delay(
        family="dq_row_count", point="tasks", extras=("source_few", "history", "dq_fail", "dq:RowCount > avg(last(10))*0.6"), also=("UNKNOWN",),
        error=python("python", "RuntimeError: data quality failed for «table»: RowCount > avg(last(10))*0.6", "evaluate_quality(frame)"),
        note="The quality rule on the row count failed, and few files came: nobody but a person may override that.",
        variants=(v(), v(mode="overwrite_partitions")),
    ),
)  # fmt: skip

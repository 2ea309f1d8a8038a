"""The same kinds of failure on Spark 4.1, whose texts differ; plain Parquet: no Iceberg runtime of it is at hand."""

from lab.spark.recorded.plans import breaks
from lab.spark.recorded.plans.services import aws
from lab.spark.recorded.process import Kind
from lab.spark.recorded.program import Deployed, Feed, Program, Table, Variant
from lab.spark.recorded.services import Fault

_KIND = Kind(spark="4.1")
_PLAIN = (Table(format="parquet"),)


def _variants(other: str, *, deployed: bool = False) -> tuple[Variant, ...]:
    how: Deployed = "script" if deployed else "old"
    return (Variant(glue="6.0", deployed=how), Variant(domain=other, glue="6.0", deployed=how, good=2))


PROGRAMS = [
    Program(
        name="spark4_cast_by_default", category="SCHEMA_DRIFT", kind=_KIND, tables=_PLAIN,
        why="Some amounts came as words; this engine's casts are strict.",
        feed=Feed(rows=breaks.some("amount", "unknown")), variants=_variants("readings"),
    ),
    Program(
        name="spark4_parquet_types", category="SCHEMA_DRIFT", kind=_KIND, tables=_PLAIN, domain="shipments",
        why="The upstream's Parquet files hold the count as text since this batch.",
        feed=Feed(format="parquet", types={"number": "string"}), variants=_variants("trips"),
    ),
    Program(
        name="spark4_broken_footer", category="SCHEMA_DRIFT", kind=_KIND, tables=_PLAIN, domain="claims",
        acceptable=("SOURCE_DELAY", "UNKNOWN"),
        why="One of the input files is no Parquet file but a gateway's error page.",
        feed=Feed(format="parquet", files=breaks.html_file), variants=_variants("orders"),
    ),
    Program(
        name="spark4_missing_path", category="SOURCE_DELAY", kind=_KIND, tables=_PLAIN, domain="readings", clears=True,
        why="The batch's input folder was not there yet.", feed=Feed(absent=True), variants=_variants("payments"),
    ),
    Program(
        name="spark4_files_gone",
        master="local[2,1]", category="SOURCE_DELAY", kind=_KIND, tables=_PLAIN, domain="trips",
        acceptable=("UNKNOWN",),
        why="The upstream replaced the batch's files between listing and reading: they were not final.",
        arguments=("--calendar_url", "{rates}"), faults=(Fault(on="GET /api", how="meanwhile"),),
        meanwhile_files=breaks.replace_files, variants=_variants("claims"),
    ),
    Program(
        name="spark4_no_such_attribute", category="CODE_REGRESSION", kind=_KIND, tables=_PLAIN, domain="payments",
        why="The deployed version uses an attribute that frames do not have. The input is as ever.",
        before=(("payments.rows", "payments.count()"),), variants=_variants("tickets", deployed=True),
    ),
    Program(
        name="spark4_division", category="CODE_REGRESSION", kind=_KIND, tables=_PLAIN, domain="tickets",
        why="The deployed version divides by a number that is always 0. The input is as ever.",
        before=(("(replies DIV 60)", "greatest(replies, 1)"),), variants=_variants("shipments", deployed=True),
    ),
    Program(
        name="spark4_failfast",
        master="local[2,1]", category="SCHEMA_DRIFT", kind=_KIND, tables=_PLAIN, domain="shipments",
        acceptable=("SOURCE_DELAY", "UNKNOWN"),
        why="One input file is cut in the middle of a record (a broken upload); FAILFAST refuses it.",
        feed=Feed(files=breaks.cut_file), variants=_variants("readings"),
    ),
    Program(
        name="spark4_service_throttles", category="UNKNOWN", kind=_KIND, tables=_PLAIN, domain="readings", clears=True,
        why="The parameter store throttled the job's first call; nothing had been read or written.",
        faults=(aws("GetParameter", "ThrottlingException", "Rate exceeded"),), variants=_variants("orders"),
    ),
    Program(
        name="spark4_renamed_column", category="SCHEMA_DRIFT", kind=_KIND, tables=_PLAIN, domain="claims",
        why="The upstream renamed the status column; the same script had loaded the batches before.",
        feed=Feed(rows=breaks.rename("status", "verdict")), variants=_variants("trips"),
    ),
    Program(
        name="spark4_udf_key_error", category="CODE_REGRESSION", kind=_KIND, tables=_PLAIN, domain="shipments",
        acceptable=("UNKNOWN",), why="The deployed version lost an entry of its table of zones. The input is as ever.",
        before=(('"gdansk": "east"}', '"gdansk": "east", "porto": "south"}'),),
        variants=(Variant(glue="6.0", deployed="script"),),
    ),
]  # fmt: skip

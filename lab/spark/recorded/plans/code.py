"""The job's own code was changed, and the change is wrong."""

from lab.spark.recorded.plans import noise
from lab.spark.recorded.program import Edits, Feed, Program, Table, Variant

_REPLACE = (Table(write_mode="overwrite_partitions"),)
_OVERWRITE = ((".append()", ".overwritePartitions()"),)


def _regression(
    name: str,
    domain: str,
    why: str,
    before: Edits,
    variants: tuple[Variant, ...],
    tables: tuple[Table, ...] = (Table(),),
    feed: Feed | None = None,
) -> Program:
    return Program(
        name=name,
        category="CODE_REGRESSION",
        domain=domain,
        why=f"{why} The input is as ever.",
        before=before,
        variants=variants,
        tables=tables,
        feed=feed or Feed(),
    )


def _two(other: str, third: str = "", noisy: tuple[str, Edits] | None = None) -> tuple[Variant, ...]:
    """Usual variants: two companies with the deployment seen, and perhaps a third where nobody declared deployments."""
    made = [Variant(deployed="script"), Variant(domain=other, glue="4.0", deployed="script", good=2)]
    if third:
        unseen = Variant(domain=third, deployed="", acceptable=("UNKNOWN",), earlier=True)
        made.append(unseen)
    if noisy:
        survived = Variant(
            domain=noisy[0], deployed="script", edits=noisy[1], note="It survived other troubles before."
        )
        made.append(survived)
    return tuple(made)


PROGRAMS = [
    _regression(
        "new_sql_typo",
        "orders",
        "The deployed version selects a column that no input ever had.",
        (("amount_net", "amount"),),
        (
            *_two("payments"),
            Variant(domain="tickets", deployed="script", edits=_OVERWRITE, write_mode="overwrite_partitions"),
        ),
    ),
    _regression(
        "rate_table_key_error",
        "payments",
        "The deployed version lost an entry of its table of rates.",
        (('"fr": Decimal("1.0")}', '"fr": Decimal("1.0"), "it": Decimal("1.0")}'),),
        (Variant(deployed="script"), Variant(deployed="", glue="4.0", acceptable=("UNKNOWN", "SCHEMA_DRIFT"))),
    ),
    _regression(
        "none_has_no_strip",
        "tickets",
        "The deployed version's pattern no longer knows one of the states.",
        (("low|high", "low|normal|urgent"),),
        _two("tickets"),
        _REPLACE,
    ),
    _regression(
        "text_plus_number",
        "trips",
        "The deployed version adds a number to a text.",
        (("row.fare + FEE", "float(row.fare) + FEE"),),
        _two("shipments", "readings", noisy=("payments", noise.METRICS)),
    ),
    _regression(
        "module_not_packaged",
        "claims",
        "The deployed version imports a package that is not installed.",
        (("from claim_rules import severity_of", "severity_of = {}"),),
        _two("orders", "trips"),
    ),
    _regression(
        "name_moved_in_library",
        "readings",
        "The deployed version imports a name that this library does not have.",
        (("to_decimal\n", "expr\n"), ('to_decimal("kwh", 10, 2)', 'expr("cast(kwh as decimal(10,2))")')),
        _two("payments"),
    ),
    _regression(
        "undefined_name",
        "shipments",
        "The deployed version uses a name that is defined nowhere, after its write.",
        (("late_limit", "100"),),
        _two("claims"),
        _REPLACE,
    ),
    _regression(
        "divides_by_zero",
        "orders",
        "The deployed version divides by a number that is nearly always 0.",
        (("(quantity // 50)", "max(quantity, 1)"),),
        _two("readings"),
    ),
    _regression(
        "script_syntax_error",
        "payments",
        "The deployed script does not parse.",
        (),
        (
            Variant(deployed="script", broken=(("'test'\")", "'test'\""),)),
            Variant(
                domain="trips",
                glue="4.0",
                deployed="script",
                broken=(("payments = payments.filter", "  payments = payments.filter"),),
            ),
        ),
    ),
    _regression(
        "unknown_sql_function",
        "trips",
        "The deployed version calls a function that Spark does not have.",
        (("TRY_TO_DECIMAL(fare, 10, 2)", "CAST(fare AS DECIMAL(10,2))"),),
        _two("orders", noisy=("claims", noise.CHECKPOINT)),
        _REPLACE,
        Feed(format="csv"),
    ),
    _regression(
        "sql_does_not_parse",
        "claims",
        "The deployed version uses SQL of another engine.",
        (("QUALIFY row_number() OVER (PARTITION BY claim_id ORDER BY updated_at DESC) = 1", ""),),
        _two("shipments"),
    ),
    _regression(
        "wrong_path_composed",
        "readings",
        "The deployed version composes a folder's name that no upstream ever used; the batch's files are there.",
        (('"day=" + args.batch_id.replace("-", "")', '""'),),
        _two("tickets", noisy=("shipments", noise.METRICS)),
    ),
    _regression(
        "no_such_java_method",
        "tickets",
        "The deployed version calls a Java method that does not exist.",
        (("setInteger", "setInt"),),
        _two("claims", "payments", noisy=("readings", noise.WARM_UP)),
    ),
    _regression(
        "format_not_on_classpath",
        "orders",
        "The deployed version writes a format whose jars the job does not have.",
        (('.format("delta")', '.format("iceberg")'),),
        _two("trips"),
    ),
    _regression(
        "missing_group_by",
        "shipments",
        "The deployed version selects a column beside aggregates without grouping by it.",
        (("weight, state\n", "weight, max(state) AS state\n"),),
        _two("readings"),
    ),
    _regression(
        "new_required_argument",
        "payments",
        "The deployed version requires an argument that nobody passes.",
        (('"--currency", required=True', '"--currency"'),),
        _two("orders"),
    ),
    _regression(
        "self_join_ambiguous",
        "trips",
        "The deployed version joins a frame with its own aggregate and names a column that both have.",
        (("trips.join(means, trips.city == means.city)", 'trips.join(means.drop("trip_date"), "city")'),),
        _two("tickets"),
    ),
    _regression(
        "context_in_udf",
        "claims",
        "The deployed version uses the session inside a UDF.",
        (('spark.table("lake.insurance.claims").filter(f"branch = \'{branch}\'").count() >= 0', "branch"),),
        _two("payments"),
    ),
    _regression(
        "wrong_target_table",
        "readings",
        "The deployed version writes to a table that nobody made.",
        (("readings_v2", "readings"),),
        _two("orders", noisy=("trips", noise.CHECKPOINT)),
    ),
    _regression(
        "null_in_java",
        "tickets",
        "The deployed version hands an argument that is never passed to Java.",
        (("requireNonNull(args.run_label)", 'requireNonNull(args.run_label or "-")'),),
        _two("shipments"),
        _REPLACE,
    ),
    _regression(
        "columns_reordered_by_code",
        "orders",
        "The deployed version unites frames of different width.",
        (('"amount", "quantity", "shop"', '"amount", "shop"'),),
        _two("claims"),
        (Table(format="parquet"),),
    ),
    _regression(
        "report_after_commit",
        "claims",
        "The deployed version's report fails after the batch was appended whole.",
        (('"north", "south", "east"', '"north", "south"'),),
        (Variant(deployed="script"), Variant(glue="4.0", deployed="script", good=2)),
    ),
    _regression(
        "bad_session_setting",
        "shipments",
        "The deployed version sets a value that Spark does not take.",
        (('"auto"', '"4"'),),
        _two("payments"),
    ),
    _regression(
        "types_do_not_fit_new_code",
        "readings",
        "The deployed version explodes a column that is no list.",
        (('F.explode("samples")', 'F.col("samples")'),),
        _two("trips"),
        _REPLACE,
    ),
]

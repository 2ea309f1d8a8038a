"""Signals taken away one by one, and signals that contradict each other."""

# ruff: noqa: E501 - log lines are quoted as they come

from lab.composed.adversary.shorthand import Bases, Trick, trick
from lab.composed.faults.shorthand import line, v
from lab.composed.words import Twist

# What the lack of one signal does to a case that is safe with all of them: whether it stays so, and why.
_TAKEN: tuple[tuple[str, tuple[str, ...], bool, str], ...] = (
    ("run", ("job_run", "job_runs"), False, "Neither the run nor its history can be read."),
    ("history", ("job_runs",), False, "Other attempts of the batch cannot be seen."),
    ("job", ("job",), False, "Whether Glue retries by itself, and the bookmark, cannot be seen."),
    ("metadata", ("metadata",), False, "What is in the table cannot be seen."),
    ("metadata_entries", ("metadata", "entries", "table"), False, "Nothing of the table can be read."),
    ("entries", ("entries",), True, "Nothing was committed since the run began, as the metadata shows."),
    ("table", ("table",), True, "The catalogue's pointer cannot be read; nothing contradicts the metadata file."),
    ("listing", ("listing",), True, "Leftovers cannot be seen; an Iceberg table's readers never see them."),
    ("previous", ("previous",), True, "The last good batch's listing is no part of the decision."),
    ("logs", ("logs",), True, "The JobRun's own message names the cause."),
)


def _taken(bases: Bases) -> tuple[Trick, ...]:
    found: list[Trick] = []
    for name, lacks, stays, why in _TAKEN:
        # In folders of their own a table's files stand without the catalogue's document.
        layout = ("folders",) if name == "table" else ()
        first = v(without=lacks, extras=layout, pipeline="orders_ingest", safe=stays, harmless=True if stays else None)
        second = v(
            mode="overwrite_partitions",
            glue="5.0",
            without=lacks,
            pipeline="ad_spend",
            safe=stays,
            harmless=True if stays else None,
        )
        seen = "metadata" in lacks
        third = v(
            "some",
            pipeline="store_sales",
            without=lacks,
            harmless=None if seen else False,
            also=("PARTIAL_WRITE_RISK", "UNKNOWN"),
        )
        found += [
            trick(f"without_{name}", bases.throttle, why, first),
            trick(f"without_{name}", bases.missing, why, second, first=2),
            trick(f"without_{name}", bases.partial, why, third, first=3),
        ]
    source = "The input cannot be listed: refused, or not there."
    control = "The declared control table cannot be read: whether the job would skip the batch is not seen."
    found += [
        trick("without_source", bases.missing, source, v(without=("source",), pipeline="orders_ingest", also=("PERMISSION_ERROR", "UNKNOWN"))),
        trick("without_source", bases.partial, source, v("some", without=("source",), pipeline="shipment_legs"), first=2),
        trick("without_control", bases.throttle, control, v(without=("control",), pipeline="orders_ingest", safe=False, harmless=None), v("some", without=("control",), pipeline="ledger_lines")),
    ]  # fmt: skip
    return tuple(found)


def _contradicting(bases: Bases) -> tuple[Trick, ...]:
    ghost = Twist(before=(
        line(-4, "INFO", "SparkWrite", "Committing append with 4 new data files to table glue_catalog.«table»"),
        line(-3, "INFO", "SnapshotProducer", "Committed snapshot 4411220033118877665 (MergeAppend)"),
        line(-2.8, "INFO", "SparkWrite", "Committed in 388 ms"),
    ))  # fmt: skip
    risk = ("UNKNOWN",)
    return (
        trick("control_success_partial", bases.reset, "The control row says SUCCESS, and half of the partitions are missing: sources contradict each other.",
              v("some", "overwrite_partitions", pipeline="shipment_legs", extras=("control_success",), harmless=None, also=("PARTIAL_WRITE_RISK", "UNKNOWN")), v("some", pipeline="ledger_lines", extras=("control_success",))),
        trick("control_success_nothing", bases.throttle, "The control row says SUCCESS, and the table holds nothing of the batch.", v(pipeline="orders_ingest", extras=("control_success",), harmless=None, also=("PARTIAL_WRITE_RISK",))),
        trick("failed_all_committed", bases.link, "The run is FAILED, and every commit of the batch landed.", v("all", pipeline="store_sales"), v("all", pipeline="settlements")),
        trick("log_committed_table_not", bases.link, "The log names a snapshot that the table's metadata does not know: one of the two is wrong.",
              v(harmless=None, safe=False, category="PARTIAL_WRITE_RISK", also=risk, pipeline="orders_ingest"), v(harmless=None, safe=False, category="PARTIAL_WRITE_RISK", also=risk, pipeline="claims_daily"), twist=ghost),
        trick("later_merge", bases.throttle, "The next day's batch was merged since: the old batch, run again, would put older values over newer ones.", v(mode="merge", extras=("later_batch",), also=("PARTIAL_WRITE_RISK",)), v(mode="merge", extras=("later_batch",), pipeline="bookings_sync", also=("PARTIAL_WRITE_RISK",))),
        trick("earlier_attempt_wrote", bases.throttle_start, "This attempt wrote nothing; the one before it, of the same batch, appended half.", v("some", pipeline="ledger_lines", extras=("engine_retried", "earlier_committed", "earlier_error:Read timed out")), v("some", "overwrite_partitions", pipeline="shipment_legs", extras=("engine_retried", "earlier_committed", "earlier_error:Read timed out"))),
        trick("skewed_clock", bases.reset, "The commits bear times from before the run's start: the writers' clock is behind, the stamps say whose they are.", v("some", pipeline="store_sales", extras=("skewed_clock",)), v("some", pipeline="loyalty_moves", extras=("skewed_clock",))),
        trick("captured_early", bases.throttle, "The bundle was taken half a minute after the end: a commit might still be on its way.", v(extras=("captured_early",)), v(mode="overwrite_partitions", extras=("captured_early",))),
        trick("history_cut", bases.throttle, "The page of the run history ends before the last good run.", v(extras=("truncated_history",), harmless=None), v(mode="overwrite_partitions", extras=("truncated_history",), harmless=None)),
        trick("other_effects", bases.reset, "The pipeline posts each row to a queue once it writes: a rerun would post them again.", v("some", "overwrite_partitions", extras=("other_effects",), harmless=None, also=("PARTIAL_WRITE_RISK",))),
        trick("merge_undeclared", bases.service, "A merge of which nobody declared that it may be repeated, with part of it committed.", v("some", "merge", extras=("merge_undeclared",), harmless=None, category="PARTIAL_WRITE_RISK", also=("UNKNOWN",))),
    )  # fmt: skip


def tricks(bases: Bases) -> tuple[Trick, ...]:
    """Give the families of this table."""
    return (*_taken(bases), *_contradicting(bases))

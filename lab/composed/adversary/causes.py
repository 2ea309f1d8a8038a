"""Causes that mislead: survived errors, effects printed before their cause, hints, the same words for another thing."""

# ruff: noqa: E501 - log lines are quoted as they come

from lab.composed.adversary import templates
from lab.composed.adversary.shorthand import Bases, Trick, trick
from lab.composed.faults.shorthand import line, v
from lab.composed.words import Category, Twist

_BOTH: tuple[Category, ...] = ("UNKNOWN", "SCHEMA_DRIFT", "CODE_REGRESSION")


def _survived(bases: Bases) -> tuple[Trick, ...]:
    return (
        trick("survived_denial_then_drift", bases.drift, "The refusal was survived; the changed columns were not.", v(), v("some", "overwrite_partitions"), twist=templates.SURVIVED_DENIAL),
        trick("survived_denial_then_throttle", bases.throttle, "The refusal of an optional call was survived minutes before; the throttled call ended the run.", v(), v(mode="overwrite_partitions"), twist=templates.SURVIVED_DENIAL),
        trick("survived_throttle_then_drift", bases.drift, "The throttled calls went through at the third attempt; the changed columns ended the run.", v(), v(mode="merge"), twist=templates.SURVIVED_THROTTLE),
        trick("survived_throttle_then_denial", bases.denial, "The throttled calls went through; the refused one did not.", v(), v("some"), twist=templates.SURVIVED_THROTTLE),
        trick("survived_column_then_reset", bases.reset, "The missing column was replaced by null; the broken connection ended the run.", v(), v("some", "append"), twist=templates.SURVIVED_COLUMN),
        trick("survived_fetch_then_missing_path", bases.missing, "A lost shuffle block was computed anew; the input is what is missing.", v(), twist=templates.SURVIVED_FETCH),
        trick("caught_traceback_then_denial", bases.denial_start, "The first traceback was caught and logged by the job; the second ended it.", v(), v(mode="overwrite_partitions"), twist=Twist(early=(line(2, "ERROR", "«job»", templates.CAUGHT),))),
        trick("caught_traceback_then_service", bases.service, "The first traceback was caught and logged by the job; the service's internal error ended it.", v(), v("some"), twist=Twist(early=(line(2, "ERROR", "«job»", templates.CAUGHT),))),
    )  # fmt: skip


def _effects(bases: Bases) -> tuple[Trick, ...]:
    return (
        trick("effect_before_cause", templates.SHUT_DOWN, "The cancelled job is the effect: the driver had run out of memory, as the log says afterwards.", v(), v("some", "overwrite_partitions"), also=("CODE_REGRESSION", "DATA_SKEW"), after=(templates.HEAP_LATER,)),
        trick("shutdown_after_denial", templates.SHUT_DOWN, "The cancelled job is the effect of the script's own stop after the refused call.", v(), category="PERMISSION_ERROR",
              before=(line(-9, "ERROR", "«job»", f"cannot go on, stopping the session: {templates.DENIED.replace('GetUserDefinedFunctions', 'GetPartitions')}"),)),
        trick("temporary_gone", templates.TEMPORARY_GONE, "The missing file is the job's own temporary output, taken away by another writer's cleaning: no input is missing.", v(glue="4.0"), v("leftovers", "overwrite_partitions", glue="4.0")),
        trick("aborted_by_refusal", templates.ABORTED_BY_REFUSAL, "The aborted write is the effect; the deepest cause is the refusal.", v(glue="4.0"), v("some", "append", glue="4.0"), twist=Twist(before=templates.SPILL)),
        trick("inner_throttle", templates.INNER_THROTTLE, "The outer words guess at a refusal; the deepest cause is a throttled call, before anything was written.", v(), v(mode="overwrite_partitions")),
    )  # fmt: skip


def _hints(bases: Bases) -> tuple[Trick, ...]:
    return (
        trick("skew_hint_beside_denial", bases.denial_tasks, "The tasks spilled and were uneven, which did not break the run; the refusal did.", v(extras=("metrics:skew",)), v(mode="overwrite_partitions", extras=("metrics:skew",)), twist=Twist(before=(*templates.SPILL, *templates.GC))),
        trick("memory_hint_beside_missing_path", bases.missing, "Memory was short in the warm-up; what ended the run is that the declared input is not there.", v(extras=("metrics:memory",)), twist=Twist(early=templates.GC)),
        trick("small_files_beside_drift", bases.retyped, "Many small files, slowly listed, and all read in the end; the changed type broke the run.", v(extras=("source_tiny",)), v(mode="merge", extras=("source_tiny",)),
              twist=Twist(early=(line(1, "INFO", "HadoopFSUtils", "Listing leaf files and directories in parallel under 9120 paths. The first several paths are: «source»/h=00."),))),
        trick("business_words_throttle", bases.throttle, "Denied, skew and timeout are values and columns of this data; the catalogue's throttling ended the run.", v(pipeline="claims_daily"), v(pipeline="ad_spend"), twist=Twist(early=templates.BUSINESS_WORDS)),
        trick("business_words_partial", bases.partial, "Denied, skew and timeout are values and columns of this data; the run was told to stop between commits.", v("some"), twist=Twist(early=templates.BUSINESS_WORDS)),
        trick("value_access_denied", templates.VALUE_DENIED, "ACCESS_DENIED is a value that the contract does not know, in the data: nobody refused anything.", v(pipeline="claims_daily"), v("some", "append")),
        trick("column_throttle_rate", templates.COLUMN_THROTTLE, "The column's name says throttle; the input lost it, and no code changed.", v(glue="5.0", deployment="old", category="SCHEMA_DRIFT", also=("UNKNOWN",))),
        trick("key_timeout", templates.KEY_TIMEOUT, "A KeyError in code that was deployed hours before; the key happens to be called timeout.", v(deployment="recent"), v("some", deployment="recent")),
    )  # fmt: skip


def _same_words(bases: Bases) -> tuple[Trick, ...]:
    return (
        trick("unresolved_both_changed", bases.unresolved, "The input lost the column and the script that reads it is new, the same evening: both fit, a person decides.",
              v(deployment="recent", category="UNKNOWN", also=_BOTH), v(mode="overwrite_partitions", deployment="recent", category="UNKNOWN", also=_BOTH)),
        trick("unresolved_other_deployment", bases.unresolved, "The input lost the column; what was deployed is the alerting rules.", v(deployment="recent", extras=("deploy:monitoring/alerts.yaml",), also=("UNKNOWN",))),
        trick("unresolved_schema_unread", bases.unresolved, "The script is new and nobody could read the input's columns: the words alone do not tell drift from regression.", v(deployment="recent", without=("schema",), category="UNKNOWN", also=_BOTH)),
        trick("missing_is_refused", bases.head, "Without the right to list, S3 answers 403 for what is not there; our own listing shows the folder empty. A refusal was seen, so a person looks.", v(glue="4.0", extras=("source_empty",), also=("SOURCE_DELAY",)), v(glue="4.0", without=("source",), also=("SOURCE_DELAY", "UNKNOWN"))),
        trick("path_moved_by_deployment", templates.PATH_MOVED, "The path that is missing is not the declared source, which is there: the new code looks elsewhere.", v(glue="5.0", deployment="recent"), v(mode="overwrite_partitions", glue="5.0", deployment="recent")),
        trick("reference_missing", templates.REFERENCE_MISSING, "Not the batch's declared source is missing but a reference of somebody else's: a person asks its owner.", v(glue="5.0"), v("some", "append", glue="5.0")),
        trick("oom_words_skew_even", templates.OOM, "The log speaks of skew handling and all tasks read alike: memory, and no skew.", v(extras=("eventlog:even",)), twist=Twist(early=(line(3, "INFO", "OptimizeSkewedJoin", "number of skewed partitions: left 0, right 0"),))),
        trick("oom_silent_skew", templates.OOM, "No line speaks of skew; in the event log one task reads a hundred times the median.", v(extras=("eventlog:skewed",), category="DATA_SKEW", also=("UNKNOWN",)), v("some", "overwrite_partitions", extras=("eventlog:skewed",), category="DATA_SKEW", also=("UNKNOWN",))),
        trick("please_retry_unsafe", templates.PLEASE_RETRY, "The service says please try again, and part of the batch is appended: a rerun writes it twice.", v("some"), v("some", pipeline="store_sales")),
        trick("deployment_beside_denial", bases.denial_lake, "A version was deployed the evening before; the catalogue refused the role, which no code of ours did.", v(deployment="recent"), v(mode="merge", deployment="recent")),
    )  # fmt: skip


def tricks(bases: Bases) -> tuple[Trick, ...]:
    """Give the families of this table."""
    return (*_survived(bases), *_effects(bases), *_hints(bases), *_same_words(bases))

"""A case's labels, from how the seed was made and what was measured; never from what the tool says."""

from typing import Any

from lab.spark.scenario import Scenario
from lab.spark.seed import Result

_CATEGORY = {
    "service": "UNKNOWN",
    "kill": "UNKNOWN",
    "denied": "PERMISSION_ERROR",
    "code": "CODE_REGRESSION",
    "value": "SCHEMA_DRIFT",
    "missing": "SOURCE_DELAY",
    "conflict": "PARTIAL_WRITE_RISK",
}
EXPIRED = "all older snapshots expired"
"""In the notes of a case whose history is gone: a signal is missing, so its coverage is counted apart."""
LUCK = "Harmless only by luck."
"""In the notes of a case whose rerun did no harm for a reason that the write contract does not give."""
_WHAT = {
    "service": "a throttled call",
    "kill": "the driver was killed (SIGKILL)",
    "denied": "a refused call",
    "code": "a KeyError in the job's code",
    "value": "a word in the place of an amount",
    "missing": "the input was not there yet",
    "conflict": "another writer's commit made Iceberg refuse this one",
}
_WHERE = {
    "start": "before anything was read",
    "input": "while the input was looked for",
    "udf": "in a UDF while the batch was written",
    "after": "after all commits, before the control row was updated",
    "commit": "while the commit was in progress",
    "conflict": "at the commit",
}
_AFTER = {
    "later": "The next batch ran well before the triage.",
    "compaction": "The table was compacted before the triage.",
    "expiry": f"The table was compacted and {EXPIRED} before the triage.",
    "rollback": "A person rolled the table back to before the batch.",
    "fix": "A person inserted the missing rows before the triage.",
    "undo": "A person deleted the batch's rows before the triage.",
}


def last_cause(scenario: Scenario) -> str:
    """Name the cause of the run that is triaged: of a second attempt, a throttled call."""
    return "service" if scenario.retried else scenario.cause


def lucky(result: Result) -> bool:
    """Whether the rerun was harmless only because it stopped at, or picked up, what the failed run had left."""
    again = result.scenario.wap_by_batch and result.scenario.point in {"between", "after"}
    return result.rerun_harmless and (again or result.rerun_error is not None)


def committed(result: Result) -> bool:
    """Whether something of the batch was committed or visible: staged or replaced since, or seen by readers."""
    return result.scenario.point in {"between", "after"} or any(result.left.values())


def labels(result: Result) -> dict[str, Any]:
    """Label one seed."""
    cause = last_cause(result.scenario)
    category = _CATEGORY[cause]
    # No cause of the seven, and output that a rerun would repeat or that it cannot complete.
    if category == "UNKNOWN" and committed(result) and not result.rerun_harmless:
        category = "PARTIAL_WRITE_RISK"
    acceptable = [category]
    if cause in {"code", "value"}:
        acceptable.append("UNKNOWN")
    crowded = bool(result.scenario.other or result.scenario.afterwards or result.scenario.mended) and cause not in {
        "denied",
        "missing",
    }
    # A static overwrite of a plain table removes the old files before it writes.
    emptied = result.scenario.mode == "parquet_overwrite" and result.scenario.point in {"udf", "commit"}
    # CREATE BRANCH on an empty table commits an empty snapshot.
    branched = result.scenario.mode == "wap_branch" and result.scenario.good == 0 and result.scenario.point == "udf"
    if committed(result) or crowded or emptied or branched:
        # With others' commits in or after the window, a careful engineer asks first what was written.
        acceptable += ["UNKNOWN", "PARTIAL_WRITE_RISK"]
    clears = cause in {"service", "missing"} and category != "PARTIAL_WRITE_RISK"
    # Somebody works on the table by hand, its history is gone, or only luck kept the rerun harmless: ask first.
    scenario = result.scenario
    asked = scenario.mended or scenario.afterwards in {"fix", "undo", "rollback", "expiry"} or lucky(result)
    return {
        "failure_category": category,
        "acceptable_categories": list(dict.fromkeys(acceptable)),
        "safe_to_retry": clears and result.rerun_harmless and not asked,
        "rerun_harmless": result.rerun_harmless,
        # The verdict's rules were worked out on these.
        "split": "development",
        "notes": notes(result),
    }


def notes(result: Result) -> str:
    """Tell what was played and what the rerun did."""
    scenario = result.scenario
    where = _WHERE.get(scenario.point, f"after {scenario.after} commit(s)")
    what = f"{scenario.mode}, {_WHAT[scenario.cause]} {where}"
    parts = [f"Played on Spark 3.5.4 by lab/spark (seed {scenario.seed}): {what}."]
    if scenario.plain:
        parts.append(f"Plain Parquet, file committer algorithm {scenario.algorithm}.")
    if scenario.other:
        same = "one of the batch's partitions" if scenario.other == "same" else "another partition"
        parts.append(f"Another application appended to {same} meanwhile.")
    if scenario.retried:
        parts.append("A second attempt was throttled before it read anything; it is the run triaged here.")
    if scenario.mended:
        parts.append("A person inserted the batch's rows by hand while the second attempt was running.")
    if scenario.afterwards:
        parts.append(_AFTER[scenario.afterwards])
    left = ", ".join(f"{count} in {role}" for role, count in result.left.items())
    parts.append(f"Rows of the batch that readers saw before the rerun: {left}.")
    if result.rerun_error:
        parts.append(f"The rerun itself failed ({result.rerun_error.split(':')[0]}).")
    if lucky(result):
        parts.append(LUCK)
    shown = "; ".join(f"{role}: {what}" for role, what in result.differences.items())
    parts.append(f"After the rerun the tables were {f'wrong: {shown}' if shown else 'right'}.")
    return " ".join(parts)


def case_name(result: Result) -> str:
    """Name a case after its mode and fault."""
    return f"spark_{result.scenario.mode}_{result.scenario.fault}_{result.scenario.seed:02}"

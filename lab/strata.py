"""The strata that a scenario belongs to, and which of them exist together: for the report."""

from typing import get_args

from lab.recipes import MODES, recipe
from lab.rows import SHOPS
from lab.scenario import FaultPoint, Scenario

FAULTS: tuple[FaultPoint, ...] = tuple(one for one in get_args(FaultPoint) if one != "none")


def can_happen(fault: str, mode: str) -> bool:
    """Whether a fault exists in ``format mode``."""
    fmt, _, name = mode.partition(" ")
    if fault in {"lost_answer_landed", "lost_answer_not_landed", "conflict"}:
        return fmt == "iceberg"
    if fault == "halfway":
        return fmt == "parquet"
    known = next(one for one in MODES if one == fmt)
    return fault != "between_commits" or len(recipe(known, name, "shop", SHOPS[:2]).steps) > 1


def strata(scenario: Scenario) -> dict[str, str]:
    """Name the strata that a scenario belongs to, for the report."""
    fault = scenario.fault
    return {
        "format": scenario.fmt,
        "mode": f"{scenario.fmt} {scenario.mode}",
        "triaged attempt": _triaged(scenario),
        "layout": scenario.layout,
        "format version": f"iceberg v{scenario.format_version}" if scenario.fmt == "iceberg" else scenario.fmt,
        "fault": fault.point,
        "ending": "killed process" if scenario.dies_for_real else fault.ending,
        "attempts": str(len(scenario.attempts)),
        "earlier attempt": _earlier(scenario),
        "other writer": "+".join(sorted({one.kind for one in scenario.others})) or "none",
        "in the window": "yes" if any(one.attempt != -1 for one in scenario.others) else "no",
        "stamp": {"app": "application id only", "none": "nothing"}.get(scenario.stamp, "run property"),
        "history": str(scenario.history),
        "later batches": str(scenario.later),
        "afterwards": scenario.after,
        "missing": "+".join(sorted(scenario.missing)) or "none",
        "signals": _signals(scenario),
        "surroundings": _surroundings(scenario),
        "contract": _contract(scenario),
        "control": scenario.control,
        "input": _input(scenario),
        "engine retries": "one is due" if scenario.max_retries else "none is due",
    }


def _triaged(scenario: Scenario) -> str:
    if scenario.triaged == -1:
        return "the last"
    return "an earlier one, a later went well" if scenario.attempts[-1].fault.point == "none" else "an earlier one"


def _earlier(scenario: Scenario) -> str:
    if len(scenario.attempts) == 1:
        return "none"
    first = scenario.attempts[0].fault
    return "still running" if first.ending == "running" else first.point


def _input(scenario: Scenario) -> str:
    if scenario.empty_input:
        return "empty"
    return "bookmarked" if scenario.bookmark else "consumed" if scenario.consumed else "plain"


def _surroundings(scenario: Scenario) -> str:
    """Whether anyone but the job touched its tables, or the job itself is still at it."""
    touched = scenario.others or scenario.after not in {"nothing", "late_file", "compaction"}
    flying = scenario.max_retries or any(one.fault.ending == "running" for one in scenario.attempts)
    conflict = any(one.fault.point == "conflict" for one in scenario.attempts)
    return "disturbed" if touched or flying or conflict else "quiet"


def _contract(scenario: Scenario) -> str:
    """Whether the rules (design section 4.4) allow SAFE at all for what is declared, once the batch has written.

    They never do for a mode that is not on their list, for staged output that nothing empties, for plain files (no
    commit log), for bookmarks with an overwrite, an input that the job consumes, a control row that may say success, or
    a retry that the engine still owes. That a rerun is harmless there all the same is coverage that they give away.
    """
    mode = scenario.mode
    unlisted = mode.startswith(("delete_append", "merge_nonkey", "wap_", "staging_kept"))
    plain = scenario.fmt == "parquet" and mode.startswith("overwrite")
    said_done = scenario.control == "early_success" or any(
        one.fault.point == "after_control" for one in scenario.attempts
    )
    input_rules = scenario.consumed or scenario.empty_input or (scenario.bookmark and not mode.startswith("append"))
    rules_out = unlisted or plain or said_done or input_rules or bool(scenario.max_retries)
    return "rules SAFE out" if rules_out else "allows SAFE"


def _signals(scenario: Scenario) -> str:
    """Whether everything was seen that could be: a table whose history is gone lacks its evidence, too."""
    lacking = scenario.missing or scenario.after in {"expiry", "recreated"}
    return "some missing" if lacking else "full"

"""What of an incident a reader of a table would take for the whole batch, and is not. Pure.

A later success proves nothing by itself: appended again, what an earlier attempt had left is there twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Output
from pipetriage.model.tables import made_by_several, same_table, table_name
from pipetriage.model.write_state import WriteState, WriteStatus

_SUCCEEDED = "SUCCEEDED"
_RULES = {
    WriteStatus.PARTIAL: "PARTIAL_DATA",
    WriteStatus.UNCERTAIN: "PARTIAL_DATA",
    WriteStatus.UNOBSERVED: "PARTIAL_DATA",
}


class Harm(NamedTuple):
    """Why a table had better not be read."""

    rule: str
    why: str


def is_closed(incident: Incident) -> bool:
    """Whether a person has said, after the latest verdict, that readers need not mind the incident any more."""
    review = incident.review
    return review is not None and review.closed and review.reviewed_at >= incident.created_at


def visible_harm(incident: Incident, table: str, outputs: Sequence[Output]) -> Harm | None:
    """Say what a reader of the table would see; None: nothing. ``outputs`` are those that the pipeline declares."""
    if is_closed(incident):
        return None
    name = table_name(table)
    states = [one for one in incident.write_state if same_table(table_name(one.table), name)]
    # What is staged, or on a branch of the table itself, is seen only by who asks for it.
    for state in [one for one in states if one.role == "target"] or states:
        mine = table_name(state.table)
        declared = (one for one in outputs if one.role == state.role and same_table(table_name(one.table), mine))
        harm = _harm(incident, state, _replaces(next(declared, None)))
        if harm is not None:
            return harm
    return None


def _harm(incident: Incident, state: WriteState, replaces: bool) -> Harm | None:
    batch = f"batch {incident.batch_id}" if incident.batch_id else f"run {incident.job_run_id}"
    who = f"{incident.pipeline_name}, {batch}"
    whole = _whole(incident, state)
    if whole and not replaces and made_by_several(state, incident.attempt):
        why = f"{who}: several attempts committed to it, and nothing declares that the later replaced the earlier"
        return Harm("REPEATED_ROWS", why)
    if state.status not in _RULES:
        return None
    if state.status is WriteStatus.PARTIAL and whole and (replaces or _own(incident, state)):
        # Nobody declared how much there has to be, and what is there is the success's own: as good as any success.
        return None
    if state.status is WriteStatus.UNOBSERVED:
        said = f"{who}: {state.status}, so nobody can tell whether part of it is visible ({state.why})"
        return Harm(_RULES[state.status], said)
    return Harm(_RULES[state.status], f"{who}: {state.status}" + (f": {state.why}" if state.why else ""))


def _whole(incident: Incident, state: WriteState) -> bool:
    """Whether all is there that is declared to be; of a success, what is not declared."""
    if state.status is not WriteStatus.PARTIAL:
        return state.status is WriteStatus.COMPLETE
    return incident.status == _SUCCEEDED and state.partitions_expected is None and not state.partitions_missing


def _own(incident: Incident, state: WriteState) -> bool:
    return bool(state.commits) and {one.run for one in state.commits} == {incident.job_run_id}


def _replaces(output: Output | None) -> bool:
    """Whether a later attempt replaces by declaration what an earlier one wrote (design 4.4, rule 2)."""
    if output is None:
        return False
    if output.write_mode == "merge":
        return bool(output.keys) and output.merge_repeatable
    return output.write_mode in ("overwrite_partitions", "overwrite_table")

"""The rerun rules that are asked of each output table (design section 4.4, rules 2 and 3)."""

from collections.abc import Iterator

from pipetriage.model.context import Context
from pipetriage.model.write_state import Reason, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.partitions import expected_partitions, partition_of, touched
from pipetriage.verdict.touching import changed_files, deleted_since, only_elsewhere
from pipetriage.verdict.unstamped import REPEATABLE, counted_as_ours
from pipetriage.verdict.write_modes import disagreement, empties_first
from pipetriage.verdict.write_state import OutputState

_UNTOUCHED = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})

Ruled = tuple[Reason, bool]
"""A reason, and whether its failing means UNSAFE."""


def output_rules(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruled]:
    """Ask the rules of every output."""
    for one in outputs:
        unsigned = counted_as_ours(one, context, attempts)
        yield from _observed(one, unsigned)
        yield from _repeated(one, context, attempts, unsigned)
        yield from _clobbered(one, context, attempts)


def _reason(rule: str, one: OutputState, holds: bool, why: str, evidence: list[str] | None = None) -> Reason:
    shown = one.state.evidence[:6] if evidence is None else evidence
    return Reason(rule=rule, holds=holds, why=f"{one.state.table} ({one.state.role}): {why}", evidence=shown)


def _observed(one: OutputState, unsigned: list[Attributed]) -> Iterator[Ruled]:
    """Rule: the table's evidence proves that nothing more than what is seen was written."""
    if unsigned:
        why = f"{one.state.why}; nothing speaks against its being the batch's own, which a rerun replaces"
        yield _reason("TABLE_UNOBSERVED", one, True, why), False
        return
    unproven = one.state.status in {WriteStatus.UNOBSERVED, WriteStatus.UNCERTAIN} or bool(one.doubts)
    why = (one.doubts[0] if one.doubts else one.state.why) if unproven else one.state.why
    yield _reason("TABLE_UNOBSERVED", one, not unproven, why), False


def _repeated(one: OutputState, context: Context, attempts: Attempts, unsigned: list[Attributed]) -> Iterator[Ruled]:
    """Rule: nothing of the batch is in the table, or writing it again replaces it."""
    if one.pending_files:
        why = (
            f"{one.pending_files} files of finished tasks lie below _temporary: the next job commit, a rerun's too, "
            "publishes them beside its own"
        )
        yield _reason("OUTPUT_REPEATED", one, False, why), True
        return
    if one.state.status in _UNTOUCHED and (run_id := _written_by_another_run(one, context, attempts)):
        why = f"run {run_id} of another batch wrote to this batch's own partitions, so its rows may be there already"
        yield _reason("OUTPUT_REPEATED", one, False, why), False
        return
    if one.state.status in _UNTOUCHED:
        yield _reason("OUTPUT_REPEATED", one, True, one.state.why), False
        return
    if one.state.status is WriteStatus.UNOBSERVED:
        yield _reason("OUTPUT_REPEATED", one, False, "what was written is unknown"), False
        return
    mode = one.output.write_mode
    ours = one.by_owner(Owner.OURS) + unsigned
    # What was rolled back or deleted since is not there to be repeated.
    there = [
        a
        for a in ours
        if one.log is None
        or (a.snapshot.snapshot_id in one.log.live | one.log.branches and not deleted_since(one.log, a.snapshot))
    ]
    committed = bool(there) or (one.log is None and one.state.status in {WriteStatus.PARTIAL, WriteStatus.COMPLETE})
    if one.state.role == "staging":
        yield from _staging_repeated(one, context, attempts, committed)
    elif mode == "append":
        again = "the batch appends, so a rerun would write them a second time"
        why = f"{one.state.why}; {again if committed else 'what of it is still there is not proven'}"
        yield _reason("OUTPUT_REPEATED", one, False, why), committed
    elif mode is None:
        yield _reason("OUTPUT_REPEATED", one, False, "rows are there, and the write mode is not declared"), False
    elif mode not in REPEATABLE:
        yield _reason("OUTPUT_REPEATED", one, False, f"rows are there, and {mode} is not repeatable"), committed
    elif mode == "merge" and not (one.output.keys and one.output.merge_repeatable):
        why = "rows are there, and the merge is not declared repeatable (keys, merge_repeatable)"
        yield _reason("OUTPUT_REPEATED", one, False, why), False
    else:
        yield _agreement(one, context, ours)


def _written_by_another_run(one: OutputState, context: Context, attempts: Attempts) -> str | None:
    """Name a known run of this job that wrote to partitions which, by their template, are this batch's alone."""
    template = one.output.expected_partitions
    own = "{" in str(template) and one.output.write_mode == "append" and one.log is not None
    if not own or one.log is None:
        return None
    expected = expected_partitions(one.output, context)
    others = {run.run_id for run in attempts.others} | {run.batch_id for run in attempts.others}
    return next(
        (
            a.run_id
            for a in one.attributed
            if a.owner is Owner.OTHER
            and a.run_id in others
            # What was written before the first attempt need not be among the entries.
            and not (a.before and changed_files(one.log, a.snapshot) is None)
            and not only_elsewhere(one.log, a.snapshot, one.output, expected)
        ),
        None,
    )


def _agreement(one: OutputState, context: Context, ours: list[Attributed]) -> Ruled:
    """Ask whether the snapshots agree with the declared repeatable mode."""
    mode = one.output.write_mode or ""
    if one.log is None:
        why = f"{mode} is declared, but a plain table's files do not show how they were written"
        return _reason("WRITE_MODE_UNPROVEN", one, False, why), False
    expected = expected_partitions(one.output, context)
    facts = context.facts
    if odd := disagreement(
        one.output, one.log, ours, one.attributed, expected, facts.history, facts.log.commit_producers
    ):
        why = f"{mode} is declared, but the snapshots seen show {odd}"
        return _reason("WRITE_MODE_UNPROVEN", one, False, why), False
    why = f"{mode} is declared and the snapshots agree: writing again replaces what is there"
    return _reason("OUTPUT_REPEATED", one, True, why), False


def _staging_repeated(one: OutputState, context: Context, attempts: Attempts, committed: bool) -> Iterator[Ruled]:
    """Ask whether the job empties or replaces staging before it writes, in this run or the last good one."""
    good = context.facts.last_good
    previous = [a for a in one.attributed if good is not None and a.run_id in {good.run_id, good.first_attempt_id}]
    # What the attempts did first decides; the last good run only where none of them wrote.
    firsts = {a.run_id: a for a in reversed(one.by_owner(Owner.OURS))}
    shown = list(firsts.values()) or previous[:1]
    if shown and all(empties_first(a.snapshot) for a in shown):
        why = "the job's first commit empties or replaces staging, so a rerun starts afresh"
        yield _reason("STAGING_NOT_REPLACED", one, True, why), False
        return
    why = f"{one.state.why}; the job is not seen to empty staging first, so a rerun would write them a second time"
    yield _reason("STAGING_NOT_REPLACED", one, False, why), committed


def _clobbered(one: OutputState, context: Context, attempts: Attempts) -> Iterator[Ruled]:
    """Rule: no one else wrote to the partitions that this batch would replace."""
    if one.output.write_mode == "append" or (one.output.write_mode is None and one.output.role == "staging"):
        return
    later = one.by_owner(Owner.OTHER, Owner.LATER)
    later += [a for a in one.attributed if a.batch_only or _maybe_other_batch(a, attempts)]
    later = [a for a in later if a.snapshot.operation != "replace"]
    hit = [a for a in later if _touches_ours(one, a, context)]
    if not hit:
        yield _reason("LATER_BATCH_WRITTEN", one, True, "no one else wrote to these partitions since"), False
        return
    snapshot = hit[-1].snapshot
    if one.output.write_mode is None:
        why = f"snapshot {snapshot.snapshot_id} was committed since, and whether a rerun replaces it is not declared"
        yield _reason("LATER_BATCH_WRITTEN", one, False, why, [snapshot.evidence]), False
        return
    why = f"snapshot {snapshot.snapshot_id} was committed since by another writer: a rerun would overwrite it"
    yield _reason("LATER_BATCH_WRITTEN", one, False, why, [snapshot.evidence]), True


def _maybe_other_batch(one: Attributed, attempts: Attempts) -> bool:
    """Whether a commit counts as ours only by a guess, and was made since this batch's first sure attempt."""
    began = attempts.sure_start
    return one.assumed and (began is None or one.snapshot.committed_at > began)


def _touches_ours(one: OutputState, other: Attributed, context: Context) -> bool:
    """Whether another's commit touched partitions of this batch; any partition where either side is unknown."""
    log = one.log
    if one.output.write_mode in {"overwrite_table", None} or log is None:
        return True
    if one.output.write_mode == "merge" and one.output.partition_field not in one.output.keys:
        return True  # a row of the same key may since have been written to any partition
    expected = expected_partitions(one.output, context)
    files = [changed_files(log, a.snapshot) for a in one.by_owner(Owner.OURS)]
    if any(listed is None for listed in files):
        return True
    mine = [file for listed in files for file in listed or ()]
    theirs = changed_files(log, other.snapshot)
    if theirs is None:
        return True
    # The partitions that a half-done run wrote are not all that a rerun writes.
    whole = one.state.status is WriteStatus.COMPLETE and mine
    if whole and len({frozenset(file.partition) for file in (*theirs, *mine)}) == 1:
        return bool(touched(theirs) & touched(mine))
    # What was written beyond the declaration (late data for another day) is replaced by a rerun as well.
    declared = {partition_of(file.partition, one.output.partition_field) for file in mine} <= set(expected.values or ())
    return not (declared and only_elsewhere(log, other.snapshot, one.output, expected))

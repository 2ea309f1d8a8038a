"""Evidence as it would be had a platform not recorded one of the readiness signals.

Some signals are kinds of evidence, and are left out as ``--ablate`` does. Others are what evidence carries, or what a
pipeline declares: these are taken out of the documents as little as possible, and with them only what a live run
could then not have asked for.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from pipetriage.evaluation.ablation import leave_out
from pipetriage.model.evidence import Collected, Observation, Signal
from pipetriage.model.templates import fill
from pipetriage.readiness.costs import Way
from pipetriage.readiness.names import Name

Lose = Callable[[Collected], Collected]
"""Takes a signal away; gives the very same evidence where it was not there."""

_REASON = "left out to measure what it costs"
_SOURCE = frozenset({Signal.SOURCE_LISTING, Signal.PREVIOUS_SOURCE_LISTING, Signal.SOURCE_SCHEMA})
_TABLES = frozenset(
    {Signal.TABLE, Signal.TABLE_LISTING, Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES}
    | {Signal.DELTA_LOG, Signal.HUDI_TIMELINE}
)


def _unseen(*signals: Signal) -> Lose:
    return lambda collected: leave_out(collected, frozenset(signals), _REASON)


def _undeclared_source(collected: Collected) -> Collected:
    if collected.pipeline.source is None:
        return collected
    return leave_out(replace(collected, pipeline=replace(collected.pipeline, source=None)), _SOURCE, _REASON)


def _undeclared_control(collected: Collected) -> Collected:
    if collected.pipeline.control == "none":
        return collected  # that there is none is declared
    without = leave_out(collected, frozenset({Signal.CONTROL}), _REASON)
    if without is collected:
        return collected
    return replace(without, pipeline=replace(without.pipeline, control=None))


def _undeclared_outputs(collected: Collected) -> Collected:
    pipeline = collected.pipeline
    if not pipeline.declared_outputs():
        return collected
    # Nobody asks about tables that are not named: no answers, and no gaps either.
    kept = tuple(seen for seen in collected.observations if seen.signal not in _TABLES)
    gaps = tuple(gap for gap in collected.gaps if gap.source.partition(":")[0] not in _TABLES)
    return replace(
        collected,
        pipeline=replace(pipeline, outputs=[], target=None, staging=None),
        observations=kept,
        gaps=gaps,
    )


def _fixed_source(collected: Collected) -> Collected:
    """No batch ids, and a source that is found without them: the path that this batch's was."""
    source = collected.pipeline.source
    filled = fill(source, collected.run.batch_id) if source else None
    without = _without_batch_ids(collected)
    if without is collected:
        return collected
    return replace(without, pipeline=replace(without.pipeline, source=filled or source))


def _without_batch_ids(collected: Collected) -> Collected:
    """Neither declared nor named by a control row."""
    pipeline = collected.pipeline
    declared = pipeline.control_declaration()
    column = declared.columns.batch_id if declared else "batch_id"
    seen = _changed(collected.observations, Signal.CONTROL, lambda rows: _without_column(rows, column))
    if pipeline.batch_id is None and collected.run.batch_id is None and seen is collected.observations:
        return collected
    return replace(
        collected,
        observations=seen,
        pipeline=replace(pipeline, batch_id=None),
        run=replace(collected.run, batch_id=None),
    )


def _lost_with_source(collected: Collected) -> Collected:
    """No batch ids, so that a source which is found by them cannot be listed either."""
    source = collected.pipeline.source
    without = _without_batch_ids(collected)
    if without is collected or source is None or fill(source, None) is not None:
        return without
    return leave_out(without, _SOURCE, _REASON)


def _without_column(rows: Any, column: str) -> Any:
    if isinstance(rows, dict) and isinstance(rows.get("Items"), list):
        return {**rows, "Items": _without_column(rows["Items"], column)}
    if not isinstance(rows, list) or not any(isinstance(row, dict) and column in row for row in rows):
        return rows
    return [_less(row, {column}) if isinstance(row, dict) else row for row in rows]


def _without_stamps(collected: Collected) -> Collected:
    """No commit carries a run's or batch's id; logs and event logs may still tell whose it is."""
    keys = frozenset(collected.pipeline.snapshot_keys)
    seen = _changed(collected.observations, Signal.ICEBERG_METADATA, lambda one: _unstamped_iceberg(one, keys))
    seen = _changed(seen, Signal.DELTA_LOG, lambda one: _unstamped_delta(one, keys))
    return collected if seen is collected.observations else replace(collected, observations=seen)


def _unstamped_iceberg(document: Any, keys: frozenset[str]) -> Any:
    snapshots = document.get("snapshots") if isinstance(document, dict) else None
    if not isinstance(snapshots, list):
        return document
    if not any(keys & _mapping(_mapping(one).get("summary")).keys() for one in snapshots):
        return document
    bare = [{**one, "summary": _less(_mapping(one.get("summary")), keys)} for one in snapshots]
    return {**document, "snapshots": bare}


def _unstamped_delta(files: Any, keys: frozenset[str]) -> Any:
    if not isinstance(files, dict):
        return files
    bare = {name: _bare_commit(actions, keys) for name, actions in files.items()}
    return files if bare == files else bare


def _bare_commit(actions: Any, keys: frozenset[str]) -> Any:
    if not isinstance(actions, list):
        return actions
    kept = [one for one in actions if "txn" not in _mapping(one)]
    return [
        {**one, "commitInfo": _less(_mapping(one["commitInfo"]), {*keys, "userMetadata"})}
        if "commitInfo" in _mapping(one)
        else one
        for one in kept
    ]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _less(mapping: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    gone = set(keys)
    return {key: value for key, value in mapping.items() if key not in gone}


def _changed(
    observations: tuple[Observation, ...], signal: Signal, change: Callable[[Any], Any]
) -> tuple[Observation, ...]:
    """Change one signal's documents; the very same observations where none is changed."""
    changed, any_changed = [], False
    for seen in observations:
        payload = change(seen.payload) if seen.signal is signal else seen.payload
        any_changed = any_changed or payload is not seen.payload
        changed.append(seen if payload is seen.payload else replace(seen, payload=payload))
    return tuple(changed) if any_changed else observations


LOSSES: dict[tuple[Name, Way], Lose] = {
    (Name.RUNS, Way.UNSEEN): _unseen(Signal.JOB_RUN, Signal.JOB_RUNS, Signal.JOB, Signal.BOOKMARK),
    (Name.OUTPUTS, Way.UNDECLARED): _undeclared_outputs,
    (Name.TABLE_COMMITS, Way.UNSEEN): _unseen(*_TABLES),
    (Name.SNAPSHOT_STAMPS, Way.UNSEEN): _without_stamps,
    (Name.SNAPSHOT_STAMPS, Way.ALONE): _without_stamps,
    (Name.BATCH_IDS, Way.UNDECLARED): _fixed_source,
    (Name.BATCH_IDS, Way.UNSEEN): _lost_with_source,
    (Name.SOURCE, Way.UNDECLARED): _undeclared_source,
    (Name.SOURCE, Way.UNSEEN): _unseen(*_SOURCE),
    (Name.LOGS, Way.UNSEEN): _unseen(Signal.LOGS),
    (Name.METRICS, Way.UNSEEN): _unseen(Signal.METRICS),
    (Name.EVENT_LOGS, Way.UNSEEN): _unseen(Signal.SPARK_EVENTS),
    (Name.QUALITY, Way.UNSEEN): _unseen(Signal.QUALITY, Signal.QUALITY_RULESET),
    (Name.CONTROL, Way.UNDECLARED): _undeclared_control,
    (Name.CONTROL, Way.UNSEEN): _unseen(Signal.CONTROL),
    (Name.DEPLOYMENTS, Way.UNSEEN): _unseen(Signal.DEPLOYMENTS),
    (Name.LINEAGE, Way.UNSEEN): _unseen(Signal.LINEAGE),
}
"""Every signal but the owners, whom no verdict depends on."""

BEFORE: dict[Way, Lose] = {Way.ALONE: _unseen(Signal.SPARK_EVENTS)}
"""What is already missing when a signal is taken away in that way."""

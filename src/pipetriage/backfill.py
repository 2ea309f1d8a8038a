"""What the failed runs of the past add up to: which failures, how often, how many reruns came after a partial write."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from pipetriage.model.incident import Incident
from pipetriage.model.write_state import RerunDecision, WriteStatus

_LEFT_SOMETHING = frozenset({WriteStatus.PARTIAL, WriteStatus.UNCERTAIN})


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that was not there, and in how many incidents."""

    signal: str
    incidents: int
    costs: str
    """What verdicts lose without it, as measured (docs/readiness.md); empty where that was not measured."""
    fix: str
    """The one thing that would have helped, where a source said so."""


class Recurring(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that came again."""

    pipeline: str
    category: str
    failure_mode: str
    count: int
    example: str
    """Incident id of the latest."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All the incidents of a backfill, counted."""

    failed_runs: int
    by_category: dict[str, int]
    by_pipeline: dict[str, int]
    recurring: list[Recurring]
    reruns: int
    """Failed runs after which their batch was run again."""
    unsafe_reruns: int
    """Of these, how many had left a partial or uncertain table, or one that a rerun would harm."""
    missing: list[Missing]


def summarise(
    incidents: Sequence[Incident], run_again: Callable[[Incident], bool], costs: Callable[[str], str]
) -> Summary:
    """Count the incidents; ``run_again`` says whether the batch of one was run again after it.

    ``costs`` says what the absence of a source of evidence costs.
    """
    again = [one for one in incidents if run_again(one)]
    return Summary(
        failed_runs=len(incidents),
        by_category=_counted(str(one.failure_category) for one in incidents),
        by_pipeline=_counted(one.pipeline_name for one in incidents),
        recurring=_recurring(incidents),
        reruns=len(again),
        unsafe_reruns=sum(_was_unsafe(one) for one in again),
        missing=_missing(incidents, costs),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _was_unsafe(incident: Incident) -> bool:
    left = any(state.status in _LEFT_SOMETHING for state in incident.write_state)
    return left or incident.rerun.decision is RerunDecision.UNSAFE


def _recurring(incidents: Sequence[Incident]) -> list[Recurring]:
    groups: dict[str, list[Incident]] = {}
    for one in incidents:
        groups.setdefault(one.fingerprint, []).append(one)
    found = [
        Recurring(
            pipeline=group[-1].pipeline_name,
            category=str(group[-1].failure_category),
            failure_mode=str(group[-1].failure_mode),
            count=len(group),
            example=group[-1].incident_id,
        )
        for group in groups.values()
        if len(group) > 1
    ]
    return sorted(found, key=lambda one: (-one.count, one.pipeline))


def _missing(incidents: Sequence[Incident], costs: Callable[[str], str]) -> list[Missing]:
    counts: Counter[str] = Counter()
    fixes: dict[str, str] = {}
    for incident in incidents:
        signals: Mapping[str, str] = {gap.source.partition(":")[0]: gap.fix for gap in incident.gaps}
        counts.update(signals.keys())
        fixes |= {signal: fix for signal, fix in signals.items() if fix}
    return [
        Missing(signal=signal, incidents=count, costs=costs(signal), fix=fixes.get(signal, ""))
        for signal, count in counts.most_common()
    ]

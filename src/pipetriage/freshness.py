"""What changed since a verdict? Pure: the verdict that stands, the same run looked at again, to what is different.

A verdict speaks of one moment. Tables, control rows and runs go on: whoever acts on it at four has to know what
happened since two. Nothing here decides anything; where something changed, the run is to be triaged anew.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

import msgspec

from pipetriage.model.evidence import Evidence, Gap, Signal
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import ExposureStatus


class Subject(StrEnum):
    """What it is that changed."""

    VERDICT = "verdict"
    RUN = "run"
    TABLE = "table"
    CONTROL = "control row"
    READER = "reader"
    UNSEEN = "cannot be seen"
    """It could be seen then, and cannot be now: nobody knows whether it changed."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as the verdict has it."""

    subject: Subject
    said: str
    """A sentence for a person. Names in it are untrusted, as in an incident."""


_OF_TABLES = frozenset(
    {
        Signal.TABLE,
        Signal.TABLE_LISTING,
        Signal.ICEBERG_METADATA,
        Signal.ICEBERG_ENTRIES,
        Signal.DELTA_LOG,
        Signal.HUDI_TIMELINE,
    }
)
_OF_RUNS = frozenset({Signal.JOB_RUN, Signal.JOB_RUNS})
_MOST = 20
"""Of one subject; how many more there are is said."""


def changes(then: Incident, now: Incident) -> list[Changed]:
    """List what is different, the most important first; empty: the verdict still rests on what is there.

    ``now`` is the same run, looked at again. What only the observation's own time changes is no change.
    """
    return [
        *_verdict(then, now),
        *_few(Subject.RUN, _runs(then, now)),
        *_few(Subject.TABLE, _tables(then, now)),
        *_few(Subject.CONTROL, _observed(then, now, {Signal.CONTROL})),
        *_few(Subject.READER, _readers(then, now)),
        *_few(Subject.UNSEEN, _unseen(then, now)),
    ]


def _verdict(then: Incident, now: Incident) -> Iterator[Changed]:
    if (then.safe_to_retry, then.rerun.decision) != (now.safe_to_retry, now.rerun.decision):
        words = "safe to retry" if now.safe_to_retry else "not safe to retry"
        said = f"Looked at again, the run is {words}, and a rerun is {now.rerun.decision}."
        yield Changed(subject=Subject.VERDICT, said=said)
    elif then.failure_mode is not now.failure_mode:
        said = f"Looked at again, the cause is {now.failure_category}/{now.failure_mode}."
        yield Changed(subject=Subject.VERDICT, said=said)


def _runs(then: Incident, now: Incident) -> Iterator[str]:
    if then.status != now.status:
        yield f"The run is {now.status} now; it was {then.status}."
    for run in now.later_attempts:
        if run not in then.later_attempts:
            yield f"Run {run} of the same batch began since."
    yield from _observed(then, now, _OF_RUNS, lambda one: one.id != "job_run")


def _tables(then: Incident, now: Incident) -> Iterator[str]:
    before = {(one.table, one.role): one for one in then.write_state}
    for one in now.write_state:
        was = before.get((one.table, one.role))
        if was is None:
            yield f"{one.table} is an output now; it was none."
        elif was.status is not one.status:
            yield f"{one.table} is {one.status} now; it was {was.status}."
    yield from _observed(then, now, _OF_TABLES)


def _readers(then: Incident, now: Incident) -> Iterator[str]:
    calm = ExposureStatus.NOT_EXPOSED
    known = {(one.consumer, one.status) for one in then.exposure}
    for one in now.exposure:
        if one.status is not calm and (one.consumer, one.status) not in known:
            yield f"{one.consumer} ({one.owner or 'owner not declared'}): {one.status}, {one.via}."


def _unseen(then: Incident, now: Incident) -> Iterator[str]:
    known = {one.source for one in then.gaps}
    missing: dict[str, Gap] = {one.source: one for one in now.gaps if one.source not in known}
    for one in missing.values():
        yield f"{one.source}: {one.reason}"


def _observed(
    then: Incident,
    now: Incident,
    sources: Iterable[Signal],
    counts: Callable[[Evidence], bool] = lambda one: True,
) -> Iterator[str]:
    """Say what is observed now and was not then: evidence's ids may be numbers of a row, its words are what it says."""
    wanted = frozenset(str(one) for one in sources)
    before = {one.summary for one in then.evidence if one.source in wanted}
    for one in now.evidence:
        if one.source in wanted and one.summary not in before and counts(one):
            yield f"Now: {one.summary}."


def _few(subject: Subject, said: Iterable[str]) -> Iterator[Changed]:
    found = list(dict.fromkeys(said))
    for one in found[:_MOST]:
        yield Changed(subject=subject, said=one)
    if len(found) > _MOST:
        yield Changed(subject=subject, said=f"And {len(found) - _MOST} more.")

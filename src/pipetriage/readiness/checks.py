"""What is checked beside the signals: reads that were refused, and whom incidents go to."""

from collections.abc import Iterable

import msgspec

from pipetriage.model.evidence import Collected
from pipetriage.model.pipeline import Pipeline
from pipetriage.readiness.fixes import denied_call
from pipetriage.verdict.recommend import QUEUES


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    """What to do; empty when it is well."""
    needed: bool = True
    """A safe verdict needs it; the others make triage tell more."""


def refused_reads(runs: Iterable[Collected]) -> list[Check]:
    """List each AWS call that was refused while the runs' evidence was collected, once."""
    found: dict[str, Check] = {}
    for one in runs:
        for gap in one.gaps:
            if call := denied_call(gap.reason):
                found.setdefault(call, refused(call, gap.reason))
    return list(found.values())


def refused(call: str, reason: str, *, needed: bool = True) -> Check:
    """Give the check of a call that was refused."""
    fix = f"allow {call} (pipetriage iam-policy prints the policy)"
    return Check(name=f"permission {call}", ok=False, detail=reason, fix=fix, needed=needed)


def routes(pipelines: Iterable[Pipeline]) -> Check:
    """Check that somebody is named for every queue that a verdict may go to."""
    missing: dict[str, list[str]] = {}
    for pipeline in pipelines:
        for queue in QUEUES:
            if not pipeline.owner_of(queue):
                missing.setdefault(queue, []).append(pipeline.name)
    if not missing:
        return Check(name="routes", ok=True, detail=f"each of the {len(QUEUES)} queues has an owner", needed=False)
    named = "; ".join(f"{queue} ({', '.join(names)})" for queue, names in missing.items())
    return Check(
        name="routes",
        ok=False,
        detail=f"nobody is named for: {named}",
        fix='owners = { default = "TEAM" } under [pipelines.NAME], or one owner a queue',
        needed=False,
    )

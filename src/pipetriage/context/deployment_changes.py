"""What a deployment changed, and what else was deployed between the last good run and this one."""

from collections import Counter

from pipetriage.context.excerpts import Found
from pipetriage.model.context import Context
from pipetriage.model.evidence import Gap, Signal
from pipetriage.model.facts import Deployment

_FOLDERS = 12
_NAMED = 4
"""Files named of each folder."""
_OTHERS = 8
"""Other deployments named, the latest first."""


def deployment_diff(about: str, context: Context) -> Found | Gap:
    """Tell what is known of a deployment; of the latest one before this run where none is named."""
    deployments = context.facts.deployments
    one = next((one for one in deployments if one.evidence == about), None)
    if one is None and not about:
        started = context.facts.run.started_at
        before = [one for one in deployments if not (started and one.deployed_at and one.deployed_at > started)]
        one = before[-1] if before else None
    if one is None:
        reason = "that evidence is of no deployment" if deployments else "no deployment is known"
        fix = "ask about a deployment" if deployments else "declare where versions come from (deployments = …)"
        return Gap(source=Signal.DEPLOYMENTS.value, reason=reason, fix=fix)
    known = context.observed(one.evidence)
    return Found(
        signal=Signal.DEPLOYMENTS,
        summary=f"version {one.version}: {_paths(one)}, and what else was deployed since the last good run",
        lines=[_said(one), _placed(one, context), *_folders(one), *_between(one, context)],
        locator=known.locator if known else context.origin,
        observed_at=known.observed_at if known else context.as_of,
    )


def _said(one: Deployment) -> str:
    at = f" deployed {one.deployed_at:%Y-%m-%d %H:%M:%S} UTC" if one.deployed_at else " (time not known)"
    commit = f", commit {one.commit}" if one.commit else ""
    return f"version {one.version}{at}{commit}{f', by {one.author}' if one.author else ''}"


def _placed(one: Deployment, context: Context) -> str:
    """Say where the deployment stands between the last good run and this one."""
    good, run = context.facts.last_good, context.facts.run
    if one.deployed_at is None or run.started_at is None:
        return "whether this run was the first with it is not known"
    if one.deployed_at > run.started_at:
        return f"deployed after this run began ({run.started_at:%Y-%m-%d %H:%M:%S} UTC): this run did not begin with it"
    if good is None or good.started_at is None:
        return "deployed before this run began; no earlier good run is known"
    when = f"{good.run_id}, {good.started_at:%Y-%m-%d %H:%M:%S} UTC"
    if one.deployed_at > good.started_at:
        return f"deployed after the last good run began ({when}) and before this run began"
    return f"deployed before the last good run began ({when}): that run had it too"


def _paths(one: Deployment) -> str:
    count = len(one.changed_paths)
    return "its changed paths are not known" if not count else f"{count} changed path{'s' if count > 1 else ''}"


def _folders(one: Deployment) -> list[str]:
    """Count the changed paths by folder, the most changed first; a source keeps fifty paths at most."""
    if not one.changed_paths:
        return ["changed paths are not known"]
    counted = Counter(path.rpartition("/")[0] or "." for path in one.changed_paths)
    lines = []
    for folder, count in counted.most_common(_FOLDERS):
        names = [path.rpartition("/")[2] for path in one.changed_paths if (path.rpartition("/")[0] or ".") == folder]
        more = f", {count - _NAMED} more" if count > _NAMED else ""
        lines.append(f"{folder}: {count} changed ({', '.join(names[:_NAMED])}{more})")
    if len(counted) > _FOLDERS:
        lines.append(f"… {len(counted) - _FOLDERS} more folders")
    return lines


def _between(asked: Deployment, context: Context) -> list[str]:
    """Name what else was deployed between the last good run and this one."""
    good, run = context.facts.last_good, context.facts.run
    since = good.started_at if good is not None else None
    if since is None or run.started_at is None:
        return []
    others = [
        one
        for one in context.facts.deployments
        if one is not asked and one.deployed_at is not None and since < one.deployed_at <= run.started_at
    ]
    if not others:
        return ["nothing else was deployed between the last good run and this one"]
    lines = [f"also between them: {_said(one)} ({_paths(one)})" for one in others[: -_OTHERS - 1 : -1]]
    return [*lines, f"… {len(others) - _OTHERS} more"] if len(others) > _OTHERS else lines

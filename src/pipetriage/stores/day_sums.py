"""What an incident adds to the sums of its day. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipetriage.model.incident import Incident

LOOKED_BACK_SECONDS = 24 * 3600
"""A run that ended longer ago than this was looked at on purpose, later: that is no delay of ours."""

_NAME = 512


def day_sums(head: Mapping[str, Any], first: Incident | None, sign: int) -> list[dict[str, Any]]:
    """Give what to add for an incident with these columns: 1 where it comes, -1 where another verdict takes its place.

    ``first`` is its first triage, whose time and cost are counted once and never taken back.
    """
    unsafe = 0 if head["safe_to_retry"] else sign
    counted = {"day": head["first_seen"][:10], "incidents": sign, "unsafe": unsafe}
    named = {
        "category": head["category"],
        "owner": (head["owner"] or head["queue"])[:_NAME],
        "pipeline": head["pipeline_name"][:_NAME],
    }
    all_of_it = {"dimension": "all", "name": "", **counted, **_spent(head, first)}
    return [all_of_it, *({"dimension": one, "name": name, **counted, **_NOTHING} for one, name in named.items())]


_NOTHING = {"delays": 0, "delay_seconds": 0.0, "machine_seconds": 0.0, "cost_usd": 0.0}


def _spent(head: Mapping[str, Any], first: Incident | None) -> dict[str, float]:
    if first is None:
        return _NOTHING
    spent = {
        **_NOTHING,
        "machine_seconds": first.classifier.seconds,
        "cost_usd": first.classifier.cost_usd or 0.0,
    }
    if first.ended_at is None:
        return spent
    delay = (datetime.fromisoformat(head["first_seen"]) - first.ended_at).total_seconds()
    if not 0 <= delay <= LOOKED_BACK_SECONDS:
        return spent
    return {**spent, "delays": 1, "delay_seconds": delay}

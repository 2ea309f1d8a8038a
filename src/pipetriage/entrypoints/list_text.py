"""Many incidents as lines: lists, and what is like one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING

from pipetriage.entrypoints.render import Page
from pipetriage.model.archive import Similar
from pipetriage.model.incident import Incident

if TYPE_CHECKING:
    from rich.console import Console


def print_incident_list(incidents: Iterable[Incident], console: Console) -> None:
    """Print one incident in two lines, the most recently opened first."""
    page = Page(console)
    empty = True
    for incident in incidents:
        empty = False
        safe = incident.safe_to_retry
        what = f"{incident.failure_category.value}/{incident.failure_mode.value}"
        seen = incident.recurrence.last_seen.astimezone(UTC)
        superseded = " · superseded" if incident.superseded_by else ""
        page.line(
            f"{incident.incident_id} · {seen:%Y-%m-%d %H:%M} UTC · {what}",
            indent=0,
            mark="✓" if safe else "✗",
            mark_style="green" if safe else "red",
        )
        batch = f" · batch {incident.batch_id}" if incident.batch_id else ""
        retry = "safe to retry" if safe else "not safe to retry"
        page.line(f"{incident.pipeline_name}{batch} · run {incident.job_run_id} · {retry}{superseded}")
    if empty:
        page.line("No incidents.", indent=0)


def print_similar(found: Iterable[Similar], console: Console) -> None:
    """Print failures like one: how like, how often, when last, and how that ended."""
    page = Page(console)
    empty = True
    for one in found:
        empty = False
        line = one.heading
        like = "the same failure" if one.same else f"alike ({one.likeness:.2f})"
        last = f"{line.last_seen.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        times = f"{one.count:,} incident{'' if one.count == 1 else 's'}, last {last}"
        page.line(f"{line.incident_id} · {like} · {times}", indent=0, style="bold")
        page.line(f"{line.pipeline_name} · {line.failure_category.value}/{line.failure_mode.value}")
        page.line(line.likely_root_cause)
        if one.review is not None:
            page.line(f"ended: {one.review.done or one.review.note or 'reviewed, without a note'} ({one.review.by})")
        else:
            page.line("nobody has said how it ended")
    if empty:
        page.line("Nothing like it was kept.", indent=0)

"""An incident as a tired person reads it in twenty seconds: the verdict first, and everything with its evidence.

All text is laid out by ``Page``, which never reads markup and removes control characters: log lines, paths and
names in an incident were written by others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipetriage.entrypoints.plain_text import plain
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import ExposureStatus, RerunDecision, WriteState

if TYPE_CHECKING:
    from rich.console import Console

# Wider lines are harder to read, whatever the terminal.
_MAX_WIDTH = 110
# Beyond these, the person is sent to --json.
_MAX_EVIDENCE = 12
_MAX_NAMED = 12


class Page:
    """Lines with a hanging indent, wrapped to the width of the terminal, without trailing spaces."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _MAX_WIDTH)

    def line(self, text: str, *, style: str = "", indent: int = 2, mark: str = "", mark_style: str = "") -> None:
        """Print one paragraph; ``mark`` stands in front of its first line, the rest aligns after it."""
        # rich takes 50 ms to import, and --json never needs it.
        from rich.cells import cell_len
        from rich.text import Text

        before = f"{mark} " if mark else ""
        room = max(20, self._width - indent - cell_len(before))
        lines = Text(plain(text), style).wrap(self._console, room, overflow="fold") or [Text("")]
        for number, part in enumerate(lines):
            part.rstrip()
            lead = Text(" " * indent)
            lead.append(before if number == 0 else " " * cell_len(before), mark_style or style)
            lead.append_text(part)
            lead.rstrip()
            self._console.print(lead, no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)

    def heading(self, text: str, style: str = "bold") -> None:
        """Print an empty line and a heading."""
        self._console.print()
        self.line(text, style=style, indent=0)


def make_console(*, width: int | None = None) -> Console:
    """Make a console on stdout: 80 columns and no colour where that is no terminal."""
    from rich.console import Console

    return Console(width=width, markup=False, highlight=False, emoji=False)


def print_incident(incident: Incident, console: Console) -> None:
    """Print one incident, most urgent first."""
    page = Page(console)
    _verdict(page, incident)
    _cause(page, incident)
    _written(page, incident)
    _exposure(page, incident)
    _next_steps(page, incident)
    _rules(page, incident)
    _evidence(page, incident)
    _gaps(page, incident)
    _footer(page, incident)


def _verdict(page: Page, incident: Incident) -> None:
    safe = incident.safe_to_retry
    page.line("SAFE TO RETRY" if safe else "NOT SAFE TO RETRY", style="bold green" if safe else "bold red", indent=0)
    page.line(_why(incident))
    who = [incident.pipeline_name, f"run {incident.job_run_id}", f"attempt {incident.attempt}", incident.status]
    if incident.batch_id:
        who.insert(1, f"batch {incident.batch_id}")
    page.line(" · ".join(who))
    decided = f"Rerun {incident.rerun.decision.value} · as of {_clock(incident.as_of)}"
    page.line(f"{decided} · superseded by {incident.superseded_by}" if incident.superseded_by else decided)
    if incident.rerun.wait_for:
        seconds = incident.rerun.retry_after_seconds
        page.line(f"Wait for {incident.rerun.wait_for}" + (f", try again in {_duration(seconds)}" if seconds else ""))


def _why(incident: Incident) -> str:
    """Say in one line what decided."""
    broken = [reason.why for reason in incident.rerun.reasons if not reason.holds]
    if incident.safe_to_retry:
        return "Running this batch again, unchanged, gives the right tables."
    if incident.rerun.decision is RerunDecision.SAFE:
        kept = next((reason.why for reason in incident.retry_reasons if not reason.holds), incident.recommended_action)
        return f"A rerun would write nothing twice, but would not help: {kept}"
    return broken[0] if broken else incident.recommended_action


def _cause(page: Page, incident: Incident) -> None:
    page.heading("What broke")
    kind = f"{incident.failure_category.value} / {incident.failure_mode.value}"
    page.line(f"{kind} · confidence {incident.confidence:.2f}", style="bold")
    deciding = [finding for finding in incident.findings if finding.failure_mode is incident.failure_mode]
    page.line(f"{incident.likely_root_cause}{_cite(deciding[0].evidence) if deciding else ''}")
    for other in incident.alternatives:
        page.line(f"or {other.category.value}: {other.why}{_cite(other.evidence)}")
    if incident.affected_source_path:
        page.line(f"source {incident.affected_source_path}")
    if incident.recurrence.count > 1:
        first = incident.recurrence.first_seen.astimezone(UTC)
        page.line(f"seen in {incident.recurrence.count} runs since {first:%Y-%m-%d}")
    for change in incident.changed_since_last_good:
        page.line(
            f"{change.what}: {change.before or 'none'} → {change.now or 'none'} since the last good run", mark="Δ"
        )


def _written(page: Page, incident: Incident) -> None:
    page.heading("What was written")
    if not incident.write_state:
        page.line("No output table is known.")
    for state in incident.write_state:
        role = "" if state.role == "target" else f" ({state.role})"
        page.line(f"{state.table}{role}: {state.status.value}{_amount(state)}", style="bold", mark="•")
        for detail in _write_details(state):
            page.line(detail, indent=4)


def _amount(state: WriteState) -> str:
    if state.partitions_written is None:
        return ""
    if state.partitions_expected is None:
        return f", {state.partitions_written} partitions, how many were due is undeclared"
    return f", {state.partitions_written} of {state.partitions_expected} partitions"


def _write_details(state: WriteState) -> Iterable[str]:
    if state.partitions_missing:
        yield f"missing {_some(state.partitions_missing)}"
    if state.why:
        yield f"{state.why}{_cite(state.evidence)}"
    numbers = [
        _count(len(state.commits), "commit") if state.commits else "",
        f"{state.records_written:,} records written" if state.records_written is not None else "",
        f"{state.records_rerun_would_repeat:,} that a rerun would repeat" if state.records_rerun_would_repeat else "",
    ]
    if any(numbers):
        yield ", ".join(number for number in numbers if number)
    if state.uncommitted_files:
        size = f" ({state.uncommitted_bytes:,} bytes)" if state.uncommitted_bytes is not None else ""
        yield f"{_count(state.uncommitted_files, 'file')} written but not committed{size}"
    if state.rollback_snapshot:
        lost = f"; a rollback to it loses {_some(state.later_commits_lost)}" if state.later_commits_lost else ""
        yield f"before this batch: snapshot {state.rollback_snapshot}{lost}"


def _exposure(page: Page, incident: Incident) -> None:
    if not incident.exposure:
        return
    page.heading("Who already read it")
    for reader in incident.exposure:
        style = "bold red" if reader.status is ExposureStatus.CONFIRMED else ""
        owner = f" (owner {reader.owner})" if reader.owner else ""
        when = f" at {_clock(reader.read_at)}" if reader.read_at else ""
        snapshot = f", snapshot {reader.snapshot_id}" if reader.snapshot_id else ""
        said = f"{reader.status.value}: {reader.consumer}{owner}{when}{snapshot}, {reader.via}"
        page.line(f"{said}{_cite(reader.evidence)}", style=style, mark="•")


def _next_steps(page: Page, incident: Incident) -> None:
    page.heading("Do next")
    page.line(incident.recommended_action)
    for number, step in enumerate(incident.recommended_steps, start=1):
        approval = f" (approval: {step.approver})" if step.approver else ""
        page.line(f"{step.action}{approval}{_cite(step.evidence)}", mark=f"{number}.")
        if step.why:
            page.line(step.why, indent=5)
        if step.verify:
            page.line(f"check: {step.verify}", indent=5)
    if incident.options:
        page.heading("Ways forward")
    for option in incident.options:
        page.line(f"{option.option}{_cite(option.evidence)}", mark="•")
        page.line(f"loses: {option.loses} · approval: {option.approver} · first: {option.check}", indent=4)
        for query in option.verify:
            page.line(query, indent=4, style="dim")


def _rules(page: Page, incident: Incident) -> None:
    reasons = [*incident.rerun.reasons, *incident.retry_reasons]
    broken = [reason for reason in reasons if not reason.holds]
    page.heading(f"Rules: {len(reasons) - len(broken)} of {len(reasons)} hold")
    for reason in broken:
        page.line(f"{reason.rule}  {reason.why}{_cite(reason.evidence)}", mark="✗", mark_style="red")


def _evidence(page: Page, incident: Incident) -> None:
    page.heading("Evidence")
    cited = _cited_ids(incident)
    # A stable sort: what a statement above rests on comes first, in the order in which it is cited.
    shown = sorted(incident.evidence, key=lambda one: cited.get(one.id, len(cited)))
    for one in shown[:_MAX_EVIDENCE]:
        page.line(one.summary, mark=f"[{plain(one.id)}]")
        page.line(one.locator, indent=4, style="dim")
    if len(shown) > _MAX_EVIDENCE:
        page.line(f"and {len(shown) - _MAX_EVIDENCE} more: pipetriage incidents show {incident.incident_id} --json")


def _cited_ids(incident: Incident) -> dict[str, int]:
    groups: list[Iterable[str]] = [
        *(reason.evidence for reason in incident.rerun.reasons if not reason.holds),
        *(reason.evidence for reason in incident.retry_reasons if not reason.holds),
        *(finding.evidence for finding in incident.findings),
        *(state.evidence for state in incident.write_state),
        *(reader.evidence for reader in incident.exposure),
        *(step.evidence for step in incident.recommended_steps),
        *(option.evidence for option in incident.options),
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(name for group in groups for name in group))}


def _gaps(page: Page, incident: Incident) -> None:
    if not incident.gaps:
        return
    page.heading("Not seen")
    for gap in incident.gaps:
        effect = f" → {gap.effect}" if gap.effect else ""
        page.line(f"{gap.source}: {gap.reason}{effect}", mark="?")
        if gap.fix:
            page.line(f"fix: {gap.fix}", indent=4)


def _footer(page: Page, incident: Incident) -> None:
    route = incident.route
    owner = f" ({route.owner})" if route.owner else ""
    also = f", also {', '.join(route.also)}" if route.also else ""
    page.heading(f"To {route.queue}{owner}{also}: {route.reason}")
    review = " · a person must review this" if incident.needs_human_review else ""
    page.line(f"incident {incident.incident_id}{review}", indent=0)


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


def _cite(evidence: Iterable[str]) -> str:
    ids = list(evidence)
    return f" [{', '.join(ids)}]" if ids else ""


def _some(values: list[str]) -> str:
    more = f" and {len(values) - _MAX_NAMED} more" if len(values) > _MAX_NAMED else ""
    return " ".join(values[:_MAX_NAMED]) + more


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"

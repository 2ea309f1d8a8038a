"""An incident as a tired person reads it in twenty seconds: the verdict first, and everything with its evidence.

All text is laid out by ``Page``, which never reads markup and removes control characters: log lines, paths and
names in an incident were written by others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipetriage.entrypoints.opinion_text import print_opinion
from pipetriage.entrypoints.plain_text import plain
from pipetriage.model.evidence import Evidence
from pipetriage.model.incident import Incident
from pipetriage.model.write_state import ExposureStatus, RerunDecision, WriteState

if TYPE_CHECKING:
    from rich.console import Console

# Wider lines are harder to read, whatever the terminal.
_MAX_WIDTH = 110
# Beyond these, the person is sent to --json: nine commits of one batch are nine pieces of evidence.
_MAX_PLACES = 8
_MAX_AT_ONE_PLACE = 3
_MAX_CITED = 2
_MAX_NAMED = 12
# Readers that are explained one by one; of more, the tree alone is shown.
_MAX_EXPLAINED = 5
_DEEPEST = 8


class Page:
    """Lines with a hanging indent, wrapped to the width of the terminal, without trailing spaces."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _MAX_WIDTH)
        self._said: set[str] = set()

    def once(self, text: str, *, cited: str = "", style: str = "", indent: int = 2) -> None:
        """Print a paragraph, and what it rests on, unless the page has it already."""
        if text and text not in self._said:
            self._said.add(text)
            self.line(f"{text}{cited}", style=style, indent=indent)

    def news(self, text: str) -> str:
        """Give the text if the page does not have it yet, to be printed by the caller; else nothing."""
        if text in self._said:
            return ""
        self._said.add(text)
        return text

    def line(
        self, text: str, *, style: str = "", indent: int = 2, mark: str = "", mark_style: str = "", hang: int = 0
    ) -> None:
        """Print one paragraph. ``mark`` stands in front of it; its further lines align after that, or ``hang``."""
        # rich takes 50 ms to import, and --json never needs it.
        from rich.cells import cell_len
        from rich.text import Text

        before = f"{mark} " if mark else ""
        hang = cell_len(before) or hang
        room = max(20, self._width - indent - hang)
        for number, part in enumerate(Text(plain(text), style).wrap(self._console, room, overflow="fold")):
            part.rstrip()
            lead = Text(" " * indent)
            lead.append(before if number == 0 else " " * hang, mark_style or style)
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
    print_opinion(page, incident)
    _rules(page, incident)
    _evidence(page, incident)
    _gaps(page, incident)
    _footer(page, incident)


def _verdict(page: Page, incident: Incident) -> None:
    safe = incident.safe_to_retry
    page.line("SAFE TO RETRY" if safe else "NOT SAFE TO RETRY", style="bold green" if safe else "bold red", indent=0)
    page.once(why(incident))
    batch = f" · batch {incident.batch_id}" if incident.batch_id else ""
    page.line(f"{incident.pipeline_name}{batch} · attempt {incident.attempt} · {incident.status}")
    page.line(f"run {incident.job_run_id}")
    decided = f"Rerun {incident.rerun.decision.value} · as of {_clock(incident.as_of)}"
    page.line(f"{decided} · superseded by {incident.superseded_by}" if incident.superseded_by else decided)
    if incident.rerun.wait_for:
        seconds = incident.rerun.retry_after_seconds
        page.line(f"Wait for {incident.rerun.wait_for}" + (f", try again in {_duration(seconds)}" if seconds else ""))


def why(incident: Incident) -> str:
    """Say in one line what decided."""
    broken = [reason.why for reason in incident.rerun.reasons if not reason.holds]
    if incident.safe_to_retry:
        return "Running this batch again, unchanged, gives the right tables."
    if incident.rerun.decision is RerunDecision.SAFE:
        kept = next((reason.why for reason in incident.retry_reasons if not reason.holds), incident.recommended_action)
        return f"A rerun would do no harm, but a person has to act first: {kept}"
    return broken[0] if broken else incident.recommended_action


def _cause(page: Page, incident: Incident) -> None:
    page.heading("What broke")
    kind = f"{incident.failure_category.value} / {incident.failure_mode.value}"
    page.line(f"{kind} · confidence {incident.confidence:.2f}", style="bold")
    deciding = [finding for finding in incident.findings if finding.failure_mode is incident.failure_mode]
    page.once(incident.likely_root_cause, cited=_cite(deciding[0].evidence) if deciding else "")
    for other in incident.alternatives:
        page.line(f"or {other.category.value}: {other.why}{_cite(other.evidence)}")
    if incident.affected_source_path:
        page.line(f"source {incident.affected_source_path}")
    if incident.recurrence.count > 1:
        first = incident.recurrence.first_seen.astimezone(UTC)
        page.line(f"seen in {incident.recurrence.count} runs since {first:%Y-%m-%d}")
    if incident.recurrence.last_resolution:
        page.line(f"last time: {incident.recurrence.last_resolution}")
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
        if state.why:
            page.once(state.why, cited=_cite(state.evidence), indent=4)
        for detail in _write_details(state):
            page.line(detail, indent=4)


def _amount(state: WriteState) -> str:
    if state.partitions_written is None:
        return ""
    if state.partitions_expected is None:
        return f", {state.partitions_written} partitions, how many were due is undeclared"
    return f", {state.partitions_written} of {state.partitions_expected} partitions"


def _write_details(state: WriteState) -> Iterable[str]:
    if state.partitions_missing and state.commits:
        yield f"missing {_some(state.partitions_missing)}"
    numbers = [
        _count(len(state.commits), "commit") if state.commits else "",
        f"{state.records_written:,} records written" if state.records_written else "",
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
    from pipetriage.drawing.blast_radius import tree, window_line

    page.heading("Who already read it")
    if len(incident.exposure) > _MAX_EXPLAINED:
        for line in tree(incident):
            page.line(line.lstrip(), indent=2 + len(line) - len(line.lstrip()))
        calm = sum(one.status is ExposureStatus.NOT_EXPOSED for one in incident.exposure)
        said = f"{calm} more are not exposed. " if calm else ""
        page.line(f"{said}Why, of each: pipetriage exposure {incident.incident_id[:12]}")
        return
    for window in incident.exposure_windows:
        page.line(window_line(window))
    for reader in incident.exposure:
        style = "bold red" if reader.status is ExposureStatus.CONFIRMED else ""
        owner = f" (owner {reader.owner})" if reader.owner else ""
        when = f" at {_clock(reader.read_at)}" if reader.read_at else ""
        snapshot = f", snapshot {reader.snapshot_id}" if reader.snapshot_id else ""
        said = f"{reader.status.value}: {reader.consumer}{owner}{when}{snapshot}, {reader.via}"
        page.line(f"{said}{_cite(reader.evidence)}", style=style, mark="•", indent=2 * min(reader.depth, _DEEPEST))


def _next_steps(page: Page, incident: Incident) -> None:
    page.heading("Do next")
    page.once(incident.recommended_action)
    for number, step in enumerate(incident.recommended_steps, start=1):
        approval = f" (approval: {step.approver})" if step.approver else ""
        page.line(f"{step.action}{approval}{_cite(step.evidence)}", mark=f"{number}.")
        if step.why:
            page.once(step.why, indent=5)
        if step.verify:
            page.once(step.verify, indent=5, style="dim")
    if incident.options:
        page.heading("Ways forward")
    for option in incident.options:
        page.line(f"{option.option}{_cite(option.evidence)}", mark="•")
        page.line(f"loses: {option.loses} · approval: {option.approver}", indent=4)
        page.line(f"first check: {option.check}", indent=4)
        for query in option.verify[:1]:
            # Its first line says what it shows and where it runs; on one line it would comment out the rest.
            page.once(query.partition("\n")[2] or query, indent=4, style="dim")


def _rules(page: Page, incident: Incident) -> None:
    reasons = [*incident.rerun.reasons, *incident.retry_reasons]
    broken = [reason for reason in reasons if not reason.holds]
    page.heading(f"Rules: {len(reasons) - len(broken)} of {len(reasons)} hold")
    for reason in broken:
        page.line(
            f"{reason.rule}: {page.news(reason.why) or 'as said above'}{_cite(reason.evidence)}",
            mark="✗",
            mark_style="red",
        )


def _evidence(page: Page, incident: Incident) -> None:
    page.heading("Evidence")
    cited = _cited_ids(incident)
    # A stable sort: what a statement above rests on comes first, in the order in which it is cited.
    places: dict[str, list[Evidence]] = {}
    for one in sorted(incident.evidence, key=lambda one: cited.get(one.id, len(cited))):
        places.setdefault(one.locator, []).append(one)
    for locator, found in list(places.items())[:_MAX_PLACES]:
        for one in found[:_MAX_AT_ONE_PLACE]:
            page.line(f"[{one.id}] {one.summary}", hang=2)
        if len(found) > _MAX_AT_ONE_PLACE:
            page.line(f"and {len(found) - _MAX_AT_ONE_PLACE} more there", indent=4)
        page.line(locator, indent=4, style="dim")
    if hidden := sum(len(found) for found in list(places.values())[_MAX_PLACES:]):
        page.line(f"and {hidden} more: pipetriage incidents show {incident.incident_id} --json")


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
        # A gap that costs the decision is shown with its fix; of the others the loss suffices, --json has the rest.
        if "safe" in gap.effect or not gap.effect:
            page.line(f"{gap.source}: {gap.reason}" + (f" → {gap.effect}" if gap.effect else ""), mark="?")
            if gap.fix:
                page.line(f"fix: {gap.fix}", indent=4)
        else:
            page.line(f"{gap.source}: {gap.effect}", mark="?")


def _footer(page: Page, incident: Incident) -> None:
    route = incident.route
    owner = f" ({route.owner})" if route.owner else ""
    also = f", also {', '.join(route.also)}" if route.also else ""
    page.heading(f"To {route.queue}{owner}{also}: {route.reason}")
    review = " · a person must review this" if incident.needs_human_review else ""
    page.line(f"incident {incident.incident_id}{review}", indent=0)


def _cite(evidence: Iterable[str]) -> str:
    ids = list(dict.fromkeys(evidence))
    more = f" +{len(ids) - _MAX_CITED}" if len(ids) > _MAX_CITED else ""
    return f" [{', '.join(ids[:_MAX_CITED])}{more}]" if ids else ""


def _some(values: list[str]) -> str:
    more = f" and {len(values) - _MAX_NAMED} more" if len(values) > _MAX_NAMED else ""
    return " ".join(values[:_MAX_NAMED]) + more


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"

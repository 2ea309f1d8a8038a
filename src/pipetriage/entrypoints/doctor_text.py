"""The doctor's findings for a person at a terminal."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from pipetriage.entrypoints.plain_text import plain
from pipetriage.entrypoints.render import Page
from pipetriage.readiness.names import Name, State
from pipetriage.readiness.signals import SIGNALS

if TYPE_CHECKING:
    from rich.console import Console

    from pipetriage.readiness.assess import PipelineReport, Readiness, SignalReport
    from pipetriage.readiness.checks import Check
    from pipetriage.readiness.rules import RuleReport

_TITLES = {one.name: one.title for one in SIGNALS}
_WIDTH = max(map(len, _TITLES.values()))
_OF_DECLARATION = frozenset({Name.OUTPUTS, Name.OWNERS})
"""Signals that are the same for every run."""


def print_readiness(found: Readiness, console: Console) -> None:
    """Print the checks, then a block for each pipeline, then what it comes to."""
    page = Page(console)
    page.line("Checks", style="bold", indent=0)
    for check in found.checks:
        _check(page, check)
    for pipeline in found.pipelines:
        _pipeline(Page(console), console, pipeline)
    console.print()
    page.line(summary(found), style="bold", indent=0)


def _check(page: Page, check: Check) -> None:
    style = "green" if check.ok else "red" if check.needed else "yellow"
    mark = "✓" if check.ok else "✗" if check.needed else "•"
    page.line(f"{check.name}: {check.detail}", mark=mark, mark_style=style)
    if not check.ok and check.fix:
        page.line(f"fix: {check.fix}", indent=4)


def _pipeline(page: Page, console: Console, found: PipelineReport) -> None:
    of_runs = (
        f" · the last {found.runs} ended runs" if found.runs > 1 else " · the last ended run" if found.runs else ""
    )
    page.heading(f"{found.name}{of_runs}")
    if not found.declared:
        # Pasted into a shell: a job may have any name, and one that begins with a hyphen is no option.
        job = f"-- {quote(found.name)}" if found.name.startswith("-") else quote(found.name)
        page.line(f"not declared: pipetriage init {job} drafts its declaration", style="yellow")
    if found.error:
        page.line(found.error, mark="✗", mark_style="red")
        return
    for why in found.unread:
        page.line(f"a run could not be read: {why}", mark="✗", mark_style="red")
    for rule in found.rules:
        _rule(page, console, rule)
    for signal in found.signals:
        _signal(page, console, signal)
    if found.capped:
        page.line(f"cannot be reached as things are: {', '.join(found.capped)}", style="red")


def _signal(page: Page, console: Console, one: SignalReport) -> None:
    mark, style = {
        State.SEEN: ("✓", "green"),
        State.GAP: ("✗", "red") if one.needed else ("•", "yellow"),
        State.DECLARED_NONE: ("–", "dim"),
        State.NOT_APPLICABLE: ("–", "dim"),
    }[one.state]
    page.line(amount(one), mark=f"{mark} {_TITLES[one.signal]:<{_WIDTH}} ", mark_style=style)
    if one.state is not State.GAP:
        return
    page.line(one.detail, indent=6)
    page.line(one.costs, mark="cost:", indent=6)
    _fix(page, console, one)


def _rule(page: Page, console: Console, one: RuleReport) -> None:
    page.line(f"{one.rule} fails in {one.fails_in} of {one.runs} runs", mark="✗ rule", mark_style="red")
    page.line(one.detail, indent=6)
    _fix(page, console, one)


def _fix(page: Page, console: Console, one: SignalReport | RuleReport) -> None:
    if not one.fix:
        return
    if not page.news(f"{one.fix_in} {one.fix}"):
        page.line("as above", mark="fix: ", indent=6)
        return
    if not one.fix_in:  # nothing is to be changed
        page.line(one.fix, mark="fix: ", indent=6)
        return
    page.line(f"in {one.fix_in}", mark="fix: ", indent=6)
    for line in one.fix.splitlines():
        # To paste: as it is, never wrapped.
        lead = " " * (12 + len(line) - len(line.lstrip(" ")))
        console.print(f"{lead}{plain(line)}", style="bold", markup=False, highlight=False, soft_wrap=True)


def amount(one: SignalReport) -> str:
    """Say of a signal in how many runs it was seen."""
    if one.state is State.GAP:
        amount = "missing" if one.signal in _OF_DECLARATION or not one.seen_in else f"{one.seen_in} of {one.runs} runs"
        return f"{amount}: some safe verdicts are lost" if one.some_lost and not one.needed else amount
    if one.state is State.SEEN:
        return "declared" if one.signal in _OF_DECLARATION else f"{one.seen_in} of {one.runs} runs"
    return f"{one.state}: {one.detail}" if one.detail else str(one.state)


def summary(found: Readiness) -> str:
    """Say what it comes to, in a sentence."""
    if not found.pipelines:
        return (
            "No pipeline is declared: pipetriage init JOB drafts a declaration for pipetriage.toml, and "
            "pipetriage doctor JOB looks at a Glue job without one."
        )
    if found.exit_code == 0:
        lost = any(one.state is State.GAP and one.some_lost for pipeline in found.pipelines for one in pipeline.signals)
        also = " Some safe verdicts are lost for want of what is marked •." if lost else ""
        return f"All that a safe verdict needs is there.{also}"
    if found.exit_code == 1:
        return "Something that a safe verdict needs is missing: what is marked ✗."
    return "No pipeline could be looked at."

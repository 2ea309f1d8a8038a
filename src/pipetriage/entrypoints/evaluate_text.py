"""An evaluation at a terminal: fatal misses first, by name and in words; then the figures; then what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipetriage.entrypoints.effect_text import print_effect
from pipetriage.entrypoints.plain_text import plain
from pipetriage.entrypoints.render import Page
from pipetriage.evaluation.compare import Comparison, describe
from pipetriage.evaluation.floors import Held
from pipetriage.evaluation.metrics import NO_VERDICT, Metrics, SpreadOf
from pipetriage.evaluation.row import Row
from pipetriage.evaluation.run import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SLOWEST = 5
# Of a long list of harmless losses the beginning is named here, all of it in --json and --html.
_MAX_NAMED = 40
_SHORT = {
    "SCHEMA_DRIFT": "schema",
    "DATA_SKEW": "skew",
    "SMALL_FILE_PRESSURE": "files",
    "SOURCE_DELAY": "delay",
    "CODE_REGRESSION": "code",
    "PERMISSION_ERROR": "perm",
    "PARTIAL_WRITE_RISK": "write",
    "UNKNOWN": "unkn",
    NO_VERDICT: "none",
}
_NUMBERS = ("ece", "weighted_score")


@dataclass(frozen=True)
class Summary:
    """What is printed."""

    report: Report
    folder: Path
    unlabelled: int
    seconds: float
    comparison: Comparison | None
    held: Sequence[Held]


def print_summary(summary: Summary, console: Console) -> None:
    """Print the evaluation."""
    page, metrics, rows = Page(console), summary.report.metrics, summary.report.cases
    _head(page, summary)
    _fatal(page, rows)
    _measures(page, console, metrics)
    _repeats(page, console, metrics)
    print_effect(page, metrics)
    _categories(page, console, metrics)
    _confusion(page, console, metrics)
    _wrong(page, rows)
    _named(page, "Lost retries (truly safe to retry, not called so)", [row for row in rows if row.lost_retry])
    _errors(page, rows)
    _slowest(page, rows)
    _compared(page, summary.comparison)
    _bounds(page, summary.held)


def _head(page: Page, summary: Summary) -> None:
    metrics = summary.report.metrics
    run = metrics.run if isinstance(metrics.run, dict) else {}
    rate = f"{metrics.cases / summary.seconds:.0f} a second"
    page.line(f"{metrics.cases} cases of {summary.folder} in {summary.seconds:.1f} s ({rate})", style="bold", indent=0)
    ablated = run.get("ablated")
    if isinstance(ablated, list) and ablated:
        page.line(f"without {', '.join(ablated)} (--ablate)", style="yellow")
    if isinstance(run.get("repeat"), int) and run["repeat"] != 1:
        page.line(f"each {run['repeat']} times; each case counts as its worst repeat")
    if summary.unlabelled:
        page.line(f"{summary.unlabelled} bundles have no expected.yaml and are left out")


def _fatal(page: Page, rows: Sequence[Row]) -> None:
    fatal = [row for row in rows if row.fatal]
    if not fatal:
        page.heading("No fatal miss", style="bold green")
        return
    page.heading(f"FATAL MISSES: {len(fatal)}", style="bold red")
    for row in fatal:
        page.line(f"{row.case}: {'; '.join(row.fatal_reasons)}", mark="✗", mark_style="red")
        if row.notes:
            page.line(f"label: {row.notes}", indent=4)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _print(console: Console, table: Table) -> None:
    from rich.padding import Padding

    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _measures(page: Page, console: Console, metrics: Metrics) -> None:
    splits = metrics.splits if isinstance(metrics.splits, dict) else {}
    page.heading("Measures")
    table = _table("", "value", "95% interval", "of", *splits)
    for name in (*metrics.counts, *_NUMBERS):
        value = getattr(metrics, name)
        interval, count = metrics.intervals.get(name), metrics.counts.get(name)
        bounds = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
        of = f"{count.hits} of {count.n}" if count else ""
        table.add_row(name, _shown(value), bounds, of, *(_shown(getattr(one, name)) for one in splits.values()))
    for name in ("fatal_misses", "lost_retries"):
        table.add_row(name, str(getattr(metrics, name)), "", "", *(str(getattr(one, name)) for one in splits.values()))
    _print(console, table)
    p50, p95 = metrics.triage_seconds_p50, metrics.triage_seconds_p95
    if p50 is not None and p95 is not None:
        page.line(f"triage {1000 * p50:.1f} ms at the median, {1000 * p95:.1f} ms at the 95th percentile")
    if metrics.input_tokens or metrics.cost_usd:
        cost = "unknown cost" if metrics.cost_usd is None else f"{metrics.cost_usd:.4f} USD"
        page.line(f"{metrics.input_tokens:,} input and {metrics.output_tokens:,} output tokens, {cost}")


def _shown(value: float | None) -> str:
    # Never rounded up to 1: 0.9997 is not all of them.
    return "–" if value is None else f"{value:.3f}" if value >= 1 else f"{min(value, 0.999):.3f}"


def _repeats(page: Page, console: Console, metrics: Metrics) -> None:
    if not isinstance(metrics.repeats, dict):
        return
    page.heading("Over the repeats")
    table = _table("", "mean", "sd", "lowest", "highest")
    for name in (*metrics.counts, *_NUMBERS, "fatal_misses"):
        one: SpreadOf = metrics.repeats[name]
        table.add_row(name, *(_shown(value) for value in (one.mean, one.sd, one.min, one.max)))
    _print(console, table)


def _categories(page: Page, console: Console, metrics: Metrics) -> None:
    page.heading("By category, as the label says it")
    table = _table("", "precision", "recall", "f1", "cases")
    for name, score in metrics.per_category.items():
        table.add_row(name, _shown(score.precision), _shown(score.recall), _shown(score.f1), str(score.support))
    _print(console, table)


def _confusion(page: Page, console: Console, metrics: Metrics) -> None:
    page.heading("Expected (down) and given (across)")
    columns = [name for name in _SHORT if name != NO_VERDICT or any(row[name] for row in metrics.confusion.values())]
    table = _table("", *(_SHORT[name] for name in columns))
    for expected, row in metrics.confusion.items():
        table.add_row(expected, *(str(row[name] or "·") for name in columns))
    _print(console, table)


def _wrong(page: Page, rows: Sequence[Row]) -> None:
    wrong = [row for row in rows if not row.acceptable and row.error is None]
    if not wrong:
        return
    page.heading(f"Wrong category: {len(wrong)}")
    for row in wrong:
        page.line(f"{row.case}: {' or '.join(row.acceptable_categories)} called {_called(row)}", mark="✗")
        page.line(row.likely_root_cause[:200], indent=4, style="dim")


def _called(row: Row) -> str:
    confidence = "" if row.confidence is None else f", confidence {row.confidence:.2f}"
    return f"{describe(row)}{confidence}"


def _named(page: Page, title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    page.heading(f"{title}: {len(rows)}")
    for row in rows[:_MAX_NAMED]:
        page.line(f"{row.case}: {row.why or describe(row)}"[:200], mark="•")
    if len(rows) > _MAX_NAMED:
        page.line(f"and {len(rows) - _MAX_NAMED} more: --json or --html names them all")


def _errors(page: Page, rows: Sequence[Row]) -> None:
    failed = [row for row in rows if row.error is not None]
    if not failed:
        return
    page.heading(f"No verdict: {len(failed)}", style="bold red")
    for row in failed:
        page.line(f"{row.case}: {row.error}", mark="✗", mark_style="red")


def _slowest(page: Page, rows: Sequence[Row]) -> None:
    timed = sorted((row for row in rows if row.seconds is not None), key=lambda row: -(row.seconds or 0.0))
    if timed:
        named = ", ".join(f"{plain(row.case)} {1000 * (row.seconds or 0):.0f} ms" for row in timed[:_SLOWEST])
        page.heading("Slowest")
        page.line(named)


def _compared(page: Page, comparison: Comparison | None) -> None:
    if comparison is None:
        return
    page.heading("Against the earlier run", style="bold red" if comparison.worse else "bold")
    page.line(comparison.words)
    for side, changes in comparison.changes.items():
        if changes:
            page.line(f"{side}: {len(changes)}", style="bold")
        for one in changes:
            page.line(f"{one.case}: {one.before} → {one.now}", indent=4)
    for words, names in (("only here", comparison.only_here), ("only there", comparison.only_there)):
        if names:
            page.line(f"{words}: {len(names)}", style="bold")
            page.line(", ".join(names), indent=4)
    if not any(comparison.changes.values()):
        page.line("no case changed sides")


def _bounds(page: Page, held: Sequence[Held]) -> None:
    if not held:
        return
    page.heading("Bounds")
    for one in held:
        page.line(one.words, mark="✓" if one.holds else "✗", mark_style="green" if one.holds else "red")

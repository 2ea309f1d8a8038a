"""The page, from its parts."""

from collections.abc import Sequence
from itertools import chain

from pipetriage.evaluation.compare import Comparison
from pipetriage.evaluation.floors import Held
from pipetriage.evaluation.html.cases import CATEGORY_FILTERS, KIND_FILTERS, case_list
from pipetriage.evaluation.html.charts import category_bars, confusion_matrix, interval_strip, reliability_diagram
from pipetriage.evaluation.html.style import style_sheet
from pipetriage.evaluation.metrics import Metrics, RateCount
from pipetriage.evaluation.run import Report
from pipetriage.evaluation.written import for_html

MEASURES = (
    ("accuracy_exact", "the category is the label's own"),
    ("accuracy_acceptable", "the category is one that the label accepts"),
    ("safe_retry_precision", "of those called safe to retry, how many are"),
    ("safe_retry_coverage", "of those that are safe to retry, how many were called so"),
    ("rerun_precision", "of the reruns called SAFE, how many are harmless"),
    ("rerun_coverage", "of the harmless reruns, how many were called SAFE"),
    ("false_confidence_rate", "confidence of 0.8 or more, and wrong in category or retry"),
    ("abstention_rate", "UNKNOWN where the label does not accept that"),
    ("ece", "expected calibration error"),
)
"""The measures that a report shows, and what each means."""


def to_html(report: Report, title: str, comparison: Comparison | None = None, bounds: Sequence[Held] = ()) -> bytes:
    """Write the report as one HTML document."""
    metrics = report.metrics
    body = "".join(
        (
            _head(metrics, title),
            _fatal(report),
            _bounds(bounds),
            _compared(comparison),
            _measures(metrics),
            _charts(metrics),
            f"<h2>Cases that are not all right</h2>{case_list(report.cases)}",
        )
    )
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{for_html(title)}: evaluation</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing but the styles in this file may be loaded or run, whatever a case's text may hold.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{style_sheet(chain(KIND_FILTERS, CATEGORY_FILTERS))}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
    return text.encode("utf-8", "replace")


def _head(metrics: Metrics, title: str) -> str:
    fatal = metrics.fatal_misses
    tiles = (
        _tile(str(fatal), "fatal misses", f"in {metrics.cases} cases", "bad" if fatal else "good"),
        _rate_tile(metrics, "safe_retry_precision", "safe-retry precision"),
        _rate_tile(metrics, "safe_retry_coverage", "safe-retry coverage"),
        _rate_tile(metrics, "accuracy_exact", "exact category"),
        _rate_tile(metrics, "accuracy_acceptable", "acceptable category"),
        _rate_tile(metrics, "false_confidence_rate", "false confidence"),
        _tile(_number(metrics.ece), "calibration error (ECE)", _interval(metrics, "ece", percent=False)),
        _tile(
            _number(metrics.weighted_score), "weighted score", "1 is perfect; a fatal miss costs 20 wrong categories"
        ),
    )
    return f"<h1>{for_html(title)}</h1><p>{for_html(_about(metrics))}</p><div class=tiles>{''.join(tiles)}</div>"


def _about(metrics: Metrics) -> str:
    run = metrics.run if isinstance(metrics.run, dict) else {}
    parts = [f"{metrics.cases} labelled cases", f"{metrics.errors} without a verdict"]
    if run.get("ablated"):
        parts.append(f"without the signals {', '.join(map(str, _listed(run['ablated'])))}")
    if isinstance(run.get("repeat"), int) and run["repeat"] != 1:
        parts.append(f"{run['repeat']} times each: the worst of them is shown")
    p50, p95 = metrics.triage_seconds_p50, metrics.triage_seconds_p95
    if p50 is not None and p95 is not None:
        parts.append(f"triage {1000 * p50:.0f} ms at the median, {1000 * p95:.0f} ms at the 95th percentile")
    if metrics.input_tokens or metrics.cost_usd:
        cost = "unknown cost" if metrics.cost_usd is None else f"${metrics.cost_usd:.4f}"
        parts.append(f"{metrics.input_tokens + metrics.output_tokens:,} tokens, {cost}")
    parts.append(f"pipetriage {run.get('version', '')}, model {run.get('model', 'none')}")
    return " · ".join(parts)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else [value]


def _tile(value: str, label: str, below: str, tone: str = "") -> str:
    return (
        f'<div class="tile {tone}"><b>{for_html(value)}</b><span>{for_html(label)}</span>'
        f"<small>{for_html(below)}</small></div>"
    )


def _rate_tile(metrics: Metrics, name: str, label: str) -> str:
    count = metrics.counts[name]
    below = f"{count.hits} of {count.n}"
    if interval := _interval(metrics, name):
        below += f" · {interval}"
    return _tile(_percent(getattr(metrics, name)), label, below)


def _percent(value: float | None) -> str:
    # One decimal, cut and not rounded up at the top: 99.96% is not all of them.
    return "–" if value is None else "100%" if value == 1 else f"{min(value, 0.999):.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(metrics: Metrics, name: str, *, percent: bool = True) -> str:
    interval = metrics.intervals.get(name)
    if interval is None:
        return ""
    low, high = interval
    return f"95% {low:.1%} to {high:.1%}" if percent else f"95% {low:.3f} to {high:.3f}"


def _fatal(report: Report) -> str:
    rows = [row for row in report.cases if row.fatal]
    if not rows:
        return ""
    listed = "".join(
        f"<li><code>{for_html(row.case)}</code>: {for_html('; '.join(row.fatal_reasons))}</li>" for row in rows
    )
    return f'<section class="panel alarm"><h2>Fatal misses</h2><ul>{listed}</ul></section>'


def _bounds(bounds: Sequence[Held]) -> str:
    if not bounds:
        return ""
    rows = "".join(
        f"<tr><td><code>{for_html(one.bound.name)}</code></td>"
        f"<td class=num>{'at least' if one.bound.kind == 'min' else 'at most'} {one.bound.value:g}</td>"
        f"<td class=num>{'no value' if one.measured is None else f'{one.measured:.4g}'}</td>"
        f'<td class="{"yes" if one.holds else "no"}">{"holds" if one.holds else "broken"}</td></tr>'
        for one in bounds
    )
    return f'<h2>Bounds</h2><div class="panel scroll"><table>{rows}</table></div>'


def _compared(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    tone = " alarm" if comparison.worse else ""
    parts = [
        f"<h3>{for_html(side.capitalize())} ({len(changes)})</h3><ul>"
        + "".join(
            f"<li><code>{for_html(one.case)}</code>: {for_html(one.before)} → {for_html(one.now)}</li>"
            for one in changes
        )
        + "</ul>"
        for side, changes in comparison.changes.items()
        if changes
    ]
    parts += [
        f"<h3>{words} ({len(names)})</h3><p>{', '.join(f'<code>{for_html(name)}</code>' for name in names)}</p>"
        for words, names in (("Only here", comparison.only_here), ("Only there", comparison.only_there))
        if names
    ]
    moved = "".join(parts) or "<p>No case changed sides.</p>"
    said = for_html(comparison.words)
    return f'<h2>Against the earlier run</h2><section class="panel{tone}"><p>{said}</p>{moved}</section>'


def _measures(metrics: Metrics) -> str:
    splits = metrics.splits if isinstance(metrics.splits, dict) else {}
    sets = {"all": metrics, **splits}
    head = "".join(f"<th class=num>{name} ({one.cases})</th>" for name, one in sets.items())
    rows = "".join(_measure_row(name, meaning, sets) for name, meaning in MEASURES)
    return (
        "<h2>Measures</h2><p>Each with its 95% interval and what it counts. Precision without coverage means nothing: "
        "a tool that never says safe is never wrong.</p>"
        '<div class="panel scroll"><table class=measures><thead><tr><th>measure</th><th></th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _measure_row(name: str, meaning: str, sets: dict[str, Metrics]) -> str:
    whole = sets["all"]
    strip = interval_strip(getattr(whole, name), whole.intervals.get(name))
    cells = "".join(f"<td class=num data-of={of}>{_cell(one, name)}</td>" for of, one in sets.items())
    return f"<tr><td><code>{name}</code><br><small>{for_html(meaning)}</small></td><td>{strip}</td>{cells}</tr>"


def _cell(metrics: Metrics, name: str) -> str:
    value = getattr(metrics, name)
    count: RateCount | None = metrics.counts.get(name)
    shown = _number(value) if count is None else _percent(value)
    of = "" if count is None else f" {count.hits}/{count.n}"
    interval = _interval(metrics, name, percent=count is not None)
    return f"<b>{shown}</b><small>{of}</small>" + (f" <br><small>{interval}</small>" if interval else "")


def _charts(metrics: Metrics) -> str:
    return (
        '<h2>Where it is right, and where not</h2><div class="grid">'
        "<section class=panel><h3>Confusion: expected in rows, given in columns</h3>"
        f"{confusion_matrix(metrics.confusion)}"
        "<p>By the label's own category; one that it also accepts still counts as confused here.</p></section>"
        f"<section class=panel><h3>Reliability</h3>{reliability_diagram(metrics.reliability)}"
        "<p>Right: an acceptable category and the right retry decision. Ten bins of about equal size; a dot grows with "
        "its bin, the line is its 95% interval. On the dashed diagonal, confidence means what it says.</p></section>"
        '<section class="panel full"><h3>Categories<span class=key style="background:var(--bar)"></span>precision'
        '<span class=key style="background:var(--second)"></span>recall</h3>'
        f"<div class=grid>{category_bars(metrics.per_category)}</div></section></div>"
    )

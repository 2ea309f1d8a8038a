"""What a model added to the rules and what it cost, as ``evaluate --model`` prints it."""

from __future__ import annotations

from pipetriage.entrypoints.render import Page
from pipetriage.evaluation.metrics import Metrics
from pipetriage.evaluation.model_effect import Change, ModelEffect


def print_effect(page: Page, metrics: Metrics) -> None:
    """Print the section, if a model was asked."""
    added = metrics.model_effect
    if not isinstance(added, ModelEffect):
        return
    page.heading("What the model adds to the rules alone")
    faults = ", ".join(f"{count} {fault}" for fault, count in added.faults.items())
    page.line(f"answered {added.answered} of {added.triages}" + (f" ({faults})" if faults else ""))
    page.line(f"exact category {_change(added.accuracy_exact)}")
    page.line(f"acceptable category {_change(added.accuracy_acceptable)}")
    stances = ", ".join(f"{count} {stance}" for stance, count in added.stances.items() if count)
    page.line(f"it {stances}; it objected to {added.objections} retries")
    page.line(
        f"fatal misses {added.fatal_misses} · retries that it took away though they were safe {added.retries_lost}, "
        f"though they were not {added.harm_averted}"
    )
    if added.grounding_rate is not None and added.grounding_interval is not None:
        low, high = added.grounding_interval
        page.line(f"statements that the evidence supports {added.grounding_rate:.3f} ({low:.3f} to {high:.3f})")
    cost = "price unknown" if added.cost_usd is None else f"{added.cost_usd:.4f} USD"
    page.line(
        f"a triage: {added.input_tokens:.0f} tokens in, {added.output_tokens:.0f} out, {cost}, {added.seconds:.1f} s; "
        f"{added.further_evidence} pieces of further evidence asked for in all"
    )


def _change(change: Change) -> str:
    low, high = change.interval
    return (
        f"{change.rules:.3f} → {change.with_model:.3f} ({change.change:+.3f}, 95% {low:+.3f} to {high:+.3f}; "
        f"{change.gained} gained, {change.lost} lost)"
    )

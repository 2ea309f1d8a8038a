"""What a language model said of an incident, as a person reads it: apart from the verdict, and marked as a model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipetriage.model.opinion import STANCE_IN_WORDS, Opinion, Stance

if TYPE_CHECKING:
    from pipetriage.entrypoints.render import Page
    from pipetriage.model.incident import Incident

_MAX_CITED = 3


def print_opinion(page: Page, incident: Incident) -> None:
    """Print the section, if a model was asked."""
    opinion = incident.model_opinion
    if opinion is None:
        return
    page.heading("What a language model says (written by a machine that read the log)")
    name = opinion.model or "It"
    objects = " It objects to a retry." if opinion.objects else ""
    page.line(f"{name} {STANCE_IN_WORDS[opinion.stance]}.{objects}", style="bold")
    if opinion.failure_category is not None and opinion.stance is not Stance.AGREES:
        page.line(f"its view: {opinion.failure_category.value} / {opinion.failure_mode}")
    if opinion.root_cause:
        page.line(f"“{opinion.root_cause}”")
    for claim in opinion.claims:
        page.line(f"“{claim.text}” [{', '.join(claim.evidence[:_MAX_CITED])}]", mark="•")
    for asked in opinion.asked:
        found = f"found [{asked.evidence}]" if asked.evidence else f"nothing: {asked.why_not}"
        about = f" about {asked.about}" if asked.about else ""
        page.line(f"it asked for {asked.kind.value}{about}: {found}", mark="•")
    for failure in opinion.failures:
        page.line(f"{failure.model or 'models'}: {failure.fault.value}, {failure.why}", mark="?")
    page.line(_cost(incident, opinion), style="dim")


def _cost(incident: Incident, opinion: Opinion) -> str:
    cost = incident.classifier
    grounded = incident.grounding
    parts = []
    if grounded is not None:
        parts.append(f"{grounded.supported} of {grounded.claims} statements are in the evidence they cite")
    if opinion.cached:
        parts.append("answered from memory")
    else:
        parts.append(f"{cost.input_tokens:,} tokens in, {cost.output_tokens:,} out")
        parts.append("price unknown" if cost.cost_usd is None else f"{cost.cost_usd:.4f} USD")
        parts.append(f"{opinion.seconds:.1f} s")
    return " · ".join(parts)

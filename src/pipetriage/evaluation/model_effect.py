"""What asking a model adds to the rules, and what it costs: both verdicts of the same triage, side by side.

Every incident of a run with a model holds what the rules alone would have said, so that one run compares them.
"""

import math
from collections.abc import Sequence

import msgspec

from pipetriage.evaluation.intervals import Interval, wilson
from pipetriage.evaluation.label import Label
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Stance


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One triage that asked a model."""

    stance: Stance
    objects: bool
    rules_category: Category
    rules_safe: bool
    fault: str | None
    """How it failed; None: it answered."""
    claims: int
    supported: int
    """Of its statements, those that the evidence supports."""
    seconds: float
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    further: int
    """Pieces of further evidence it asked for."""


def asked_of(incident: Incident) -> Asked | None:
    """Keep of an incident what asking a model came to; None where none was asked."""
    opinion, cost = incident.model_opinion, incident.classifier
    if opinion is None:
        return None
    grounding = incident.grounding
    return Asked(
        stance=opinion.stance,
        objects=opinion.objects,
        rules_category=opinion.rules.failure_category,
        rules_safe=opinion.rules.safe_to_retry,
        fault=str(opinion.failures[-1].fault) if opinion.stance is Stance.NO_ANSWER and opinion.failures else None,
        claims=grounding.claims if grounding is not None else 0,
        supported=grounding.supported if grounding is not None else 0,
        seconds=opinion.seconds,
        input_tokens=cost.input_tokens,
        output_tokens=cost.output_tokens,
        cost_usd=cost.cost_usd,
        further=len(opinion.asked),
    )


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One triage's two verdicts, held against the label."""

    asked: Asked
    exact: bool
    acceptable: bool
    rules_exact: bool
    rules_acceptable: bool
    retry_lost: bool
    """The rules called it safe, it is, and the model objected."""
    harm_averted: bool
    """The rules called it safe, it is not, and the model objected."""
    fatal: bool


def compared(asked: Asked, label: Label, *, category: Category, safe: bool, fatal: bool) -> Compared:
    """Hold both verdicts against the label."""
    withdrawn = asked.rules_safe and not safe
    return Compared(
        asked=asked,
        exact=category is label.failure_category,
        acceptable=category in label.acceptable_categories,
        rules_exact=asked.rules_category is label.failure_category,
        rules_acceptable=asked.rules_category in label.acceptable_categories,
        retry_lost=withdrawn and label.safe_to_retry is True,
        harm_averted=withdrawn and label.safe_to_retry is False,
        fatal=fatal,
    )


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How a share changed from the rules alone to the rules with the model."""

    rules: float
    with_model: float
    change: float
    interval: Interval
    """95%, of the change."""
    gained: int
    lost: int


class ModelEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What the model added or cost, over all triages of a run."""

    triages: int
    answered: int
    faults: dict[str, int]
    accuracy_exact: Change
    accuracy_acceptable: Change
    stances: dict[str, int]
    objections: int
    retries_lost: int
    harm_averted: int
    fatal_misses: int
    """With the model. It cannot add one: a test of the merge holds that."""
    grounding_rate: float | None
    """Of the statements made, the share that the evidence supports; None without any."""
    grounding_interval: Interval | None
    further_evidence: int
    input_tokens: float
    """A triage, on average, as the next three."""
    output_tokens: float
    seconds: float
    cost_usd: float | None
    """None where a price is not known."""


def effect(rows: Sequence[Compared]) -> ModelEffect | None:
    """Measure what a model did; None where none was asked."""
    if not rows:
        return None
    said = [row.asked for row in rows]
    claims, supported = sum(one.claims for one in said), sum(one.supported for one in said)
    faults = [one.fault for one in said if one.fault is not None]
    costs = [one.cost_usd for one in said]
    return ModelEffect(
        triages=len(rows),
        answered=sum(one.stance is not Stance.NO_ANSWER for one in said),
        faults={fault: faults.count(fault) for fault in sorted(set(faults))},
        accuracy_exact=_change([(row.rules_exact, row.exact) for row in rows]),
        accuracy_acceptable=_change([(row.rules_acceptable, row.acceptable) for row in rows]),
        stances={stance.value: sum(one.stance is stance for one in said) for stance in Stance},
        objections=sum(one.objects for one in said),
        retries_lost=sum(row.retry_lost for row in rows),
        harm_averted=sum(row.harm_averted for row in rows),
        fatal_misses=sum(row.fatal for row in rows),
        grounding_rate=supported / claims if claims else None,
        grounding_interval=wilson(supported, claims),
        further_evidence=sum(one.further for one in said),
        input_tokens=sum(one.input_tokens for one in said) / len(said),
        output_tokens=sum(one.output_tokens for one in said) / len(said),
        seconds=sum(one.seconds for one in said) / len(said),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None) / len(costs),
    )


def _change(pairs: Sequence[tuple[bool, bool]]) -> Change:
    """Compare two shares of the same triages: Agresti and Min's interval for paired proportions (2005), which adds half
    a case to each of the four cells and so holds for few cases too."""
    gained = sum(after and not before for before, after in pairs)
    lost = sum(before and not after for before, after in pairs)
    n = len(pairs) + 2
    middle, discordant = (gained - lost) / n, gained + lost + 1
    half = 1.96 * math.sqrt(discordant - (gained - lost) ** 2 / n) / n
    return Change(
        rules=sum(before for before, _ in pairs) / len(pairs),
        with_model=sum(after for _, after in pairs) / len(pairs),
        change=(gained - lost) / len(pairs),
        interval=(max(-1.0, middle - half), min(1.0, middle + half)),
        gained=gained,
        lost=lost,
    )

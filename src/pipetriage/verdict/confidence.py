"""How likely a verdict is right, from the evidence alone: category acceptable and retry decision right, both.

A logistic model over a dozen signs that an incident itself shows. What each sign weighs was fitted to labelled cases
(``evaluation/fit.py``) and is stored beside this file with the data's hash. A model's own word is no sign.
"""

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Stance
from pipetriage.model.write_state import RerunDecision

_NOTHING_FOUND = frozenset({FailureMode.INSUFFICIENT_EVIDENCE, FailureMode.NO_FAILURE_FOUND})
_UNPROVEN = frozenset({FailureMode.UNPROVEN_OUTPUT, FailureMode.FAILED_BETWEEN_COMMITS})
_PASSING = frozenset({FailureMode.TRANSIENT_SERVICE, FailureMode.MISSING_PATH, FailureMode.EMPTY_PATH})
_LOWEST, _HIGHEST = 0.02, 0.98
"""Nothing is certain: a few hundred labelled cases cannot show more than one in fifty."""

_AT_MOST = {"nothing_found": 0.75, "conflict": 0.75, "moderate": 0.79}
"""However often such verdicts proved right: that no rule explains a failure, or that another cause is possible, is no
ground to be sure, and is truer still of failures that nobody has met."""

# What each sign weighs before any case was seen, in log-odds: the fit departs from these only as far as cases push it.
PRIOR: dict[str, float] = {
    "base": 0.5,
    "strong": 2.6,
    "moderate": 0.7,
    "corroborated": 0.3,
    "conflict": -0.6,
    "nothing_found": 0.0,
    "opposed": -0.9,
    "hinted": -0.2,
    "no_log": -0.8,
    "unproven_output": -0.4,
    "undecided": -1.6,
    "unharmed": -0.8,
    "resources": -0.6,
    "safe": 0.6,
    "disputed": -1.5,
}
"""Sign to weight. ``docs/evaluation.md`` explains each."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fitted parameters, as stored in ``confidence.json``."""

    method: str
    weights: dict[str, float]
    """Log-odds by sign."""
    data_sha256: str
    """Hash of the labelled cases that the weights were fitted to."""
    cases: int
    right: int
    """Of the cases, how many verdicts were right."""


@cache
def stored() -> Calibration:
    """Give the parameters that the package carries."""
    data = resources.files("pipetriage.verdict").joinpath("confidence.json").read_bytes()
    return msgspec.json.decode(data, type=Calibration)


def confidence(incident: Incident, weights: Mapping[str, float]) -> float:
    """Weigh an incident's signs into the share of such verdicts that are right, 0 to 1."""
    shown = signs(incident)
    odds = sum(weights.get(sign, 0.0) * value for sign, value in shown.items())
    highest = min([_HIGHEST, *(limit for sign, limit in _AT_MOST.items() if shown[sign])])
    return round(min(highest, max(_LOWEST, 1 / (1 + math.exp(-odds)))), 2)


def signs(incident: Incident) -> dict[str, float]:
    """List what speaks for and against a verdict, each 0 or 1; the names are those of ``PRIOR``."""
    category, mode = incident.failure_category, incident.failure_mode
    speaking = [one for one in incident.findings if one.category is category and one.strength is not Strength.WEAK]
    strengths = {one.strength for one in speaking}
    others = [one for one in incident.findings if one.category not in {category, Category.UNKNOWN}]
    broken = {one.rule for one in incident.retry_reasons if not one.holds}
    nothing = mode in _NOTHING_FOUND
    conflict = mode is FailureMode.CONFLICTING_EVIDENCE
    named = not nothing and not conflict
    harmful = incident.rerun.decision is RerunDecision.UNSAFE
    passing = any(one.failure_mode in _PASSING and one.strength is Strength.STRONG for one in incident.findings)
    stopped = passing and category is Category.PARTIAL_WRITE_RISK
    shown = {
        "base": True,
        "strong": named and Strength.STRONG in strengths,
        "moderate": named and Strength.STRONG not in strengths and Strength.MODERATE in strengths,
        "corroborated": named and len(_kinds(speaking)) > 1,
        "conflict": conflict,
        "nothing_found": nothing,
        "opposed": not conflict and any(one.strength is not Strength.WEAK for one in others),
        "hinted": any(one.strength is Strength.WEAK for one in others),
        "no_log": "LOG_UNOBSERVED" in broken,
        "unproven_output": mode in _UNPROVEN,
        # What stopped the run passes by itself, yet something that a retry needs is not proven: it may be given away.
        "undecided": (mode in _PASSING or stopped) and not incident.safe_to_retry and not harmful,
        # The commit is blamed, and yet nothing is there that a rerun would harm.
        "unharmed": category is Category.PARTIAL_WRITE_RISK and incident.rerun.decision is RerunDecision.SAFE,
        # What ran out is known, why it did is not.
        "resources": mode is FailureMode.RESOURCE_EXHAUSTED,
        "safe": incident.safe_to_retry,
        # A language model that agrees makes nothing surer; one that does not, less sure.
        "disputed": _disputed(incident),
    }
    return {sign: float(value) for sign, value in shown.items()}


def _disputed(incident: Incident) -> bool:
    opinion = incident.model_opinion
    return opinion is not None and (opinion.objects or opinion.stance in {Stance.DISAGREES, Stance.MOVED_TO_UNKNOWN})


def _kinds(findings: list[Finding]) -> set[str]:
    """Name the kinds of evidence: two log lines are one kind, a log line and a listing are two."""
    return {evidence.split("-")[0].split(":")[0] for one in findings for evidence in one.evidence}

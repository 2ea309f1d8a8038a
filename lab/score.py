"""Scores a verdict against the measured truth."""

from lab.result import Ablated, Result


def fatal_reasons(decision: str, safe_to_retry: bool, *, harmful: bool) -> list[str]:
    """Say why a verdict is a fatal miss; empty when it is none."""
    if not harmful:
        return []
    did = "the rerun left wrong tables"
    reasons = [f"rerun SAFE, and {did}"] if decision == "SAFE" else []
    return [*reasons, f"safe_to_retry, and {did}"] if safe_to_retry else reasons


def score(result: Result, verdicts: list[tuple[tuple[str, ...], str, bool]]) -> None:
    """Fill in what is fatal, in the verdict itself and in those with evidence taken away."""
    # A rerun that fails and changes nothing brings no harm; nor does it count as harmless.
    harmful = not result.rerun_harmless and not result.futile
    result.fatal = fatal_reasons(result.decision, result.safe_to_retry, harmful=harmful)
    result.ablated = [
        Ablated(removed, decision, safe, bool(fatal_reasons(decision, safe, harmful=harmful)))
        for removed, decision, safe in verdicts
    ]

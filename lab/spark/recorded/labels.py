"""A case's labels: from how it was made and from what the rerun did, never from what the tool says."""

from typing import Any

from lab.spark.recorded.play import Played
from lab.spark.recorded.program import Program, Variant
from lab.split import split_of


def labels(played: Played, program: Program) -> dict[str, Any]:
    """Label one case."""
    variant = program.variants[played.number]
    category = variant.category or program.category
    acceptable = list(program.acceptable if variant.acceptable is None else variant.acceptable)
    clears = program.clears if variant.clears is None else variant.clears
    if played.touched and category == "UNKNOWN" and played.rerun_harmless is not True and not program.succeeds:
        # Output that a rerun would repeat, and no cause of the seven.
        category = "PARTIAL_WRITE_RISK"
        acceptable.append("UNKNOWN")
    elif played.touched and not program.succeeds:
        # With something of the batch committed, a careful engineer may ask about that first.
        acceptable.append("PARTIAL_WRITE_RISK")
    found: dict[str, Any] = {
        "failure_category": category,
        "acceptable_categories": list(dict.fromkeys([category, *acceptable])),
        "safe_to_retry": bool(clears and played.rerun_harmless and category != "PARTIAL_WRITE_RISK"),
    }
    if played.rerun_harmless is not None:
        found["rerun_harmless"] = played.rerun_harmless
    return found | {
        "family": program.script or program.name,
        "split": split_of(program.script or program.name),
        "notes": notes(played, program, variant),
    }


_DEPLOYED = {
    "": "Deployments are not declared.",
    "old": "The last deployment was weeks ago.",
    "script": "A deployment changed the job's script just before this run.",
    "other": "A deployment just before this run touched other jobs only.",
}


def notes(played: Played, program: Program, variant: Variant) -> str:
    """Tell how the case was made and why it is labelled so."""
    parts = [
        f"Recorded from a real run of lab/spark/programs/{program.name}.py on Spark "
        f"{'4.1.1' if program.kind.spark == '4.1' else '3.5.4'}.",
        program.why,
        _DEPLOYED[variant.deployed],
    ]
    if variant.note:
        parts.append(variant.note)
    if variant.earlier:
        parts.append("An earlier attempt failed in the same way.")
    if variant.later:
        parts.append("The next batch ran well before the triage.")
    if variant.kill:
        parts.append("The driver was killed (SIGKILL) while it wrote.")
    parts.append(f"Rerun: {played.measured}.")
    return " ".join(parts)

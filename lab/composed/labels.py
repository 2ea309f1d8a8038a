"""A case's labels, from how it was made; never from what the tool says of it.

The rules are those of docs/guide.md and cases/README.md as an engineer would apply them: a rerun harms where it repeats
or loses something committed; a machine may start it where the cause goes away by itself, every signal that decides
was read, and an attempt is left.
"""

import textwrap
from typing import Any

from lab.composed.words import Case, Category
from lab.split import split_of

DECISIVE = frozenset({"job_runs", "job", "metadata"})
"""Signals without which nobody can say whether a rerun is harmless: other attempts, retries of the engine and the
bookmark, what the table holds. Manifest entries are needed once something is committed that a rerun must replace."""
ASKED = frozenset(
    {
        "attempts_used",
        "engine_will_retry",
        "still_running",
        "captured_early",
        "dq_fail",
        "control_success",
        "source_gone",
        "truncated_history",
    }
)
"""Circumstances in which a machine may not start the batch again, though a rerun might harm nothing."""


def committed(case: Case) -> bool:
    """Whether the batch is, in part or whole, in the table."""
    return case.variant.written in {"some", "all"}


def unread(case: Case) -> bool:
    """Whether a signal that decides could not be read."""
    replaced = committed(case) and case.variant.mode != "append"
    decisive = DECISIVE | ({"entries"} if replaced else set())
    return bool(decisive & set(case.variant.without))


def harmless(case: Case) -> bool | None:
    """Say whether the tables would be right after a rerun; None: the bundle does not tell."""
    if case.variant.harmless != "rules":
        return case.variant.harmless
    extras = case.extras()
    seen = not unread(case)
    if seen and committed(case) and case.variant.mode == "append":
        return False
    if not seen or extras & {"captured_early", "other_effects", "truncated_history"}:
        return None
    if extras & {"still_running", "engine_will_retry"}:
        # Two runs of a batch at once: nobody has tried what that writes.
        return None
    if "later_batch" in extras and case.variant.mode == "merge":
        return False
    if "bookmark" in extras and (committed(case) or case.variant.mode != "append"):
        return None
    return True


def category(case: Case) -> tuple[Category, tuple[Category, ...]]:
    """Give the category and the others that a careful engineer would accept."""
    fault, variant = case.fault, case.variant
    named = variant.category or fault.category
    also = fault.also if variant.also is None else variant.also
    if variant.category or named != "UNKNOWN" or not committed(case):
        return named, (named, *also)
    if harmless(case):
        return named, (named, *also, "PARTIAL_WRITE_RISK")
    # Nothing else to blame, and output that a rerun would repeat or may not complete.
    return "PARTIAL_WRITE_RISK", ("PARTIAL_WRITE_RISK", "UNKNOWN", *also)


def safe(case: Case) -> bool:
    """Say whether an engineer would let a machine start the batch again now, unchanged."""
    fault, variant = case.fault, case.variant
    if variant.safe is not None:
        return variant.safe
    clears = fault.clears != "no" and fault.state == "FAILED"
    named, _ = category(case)
    blocked = bool(ASKED & case.extras()) or unread(case)
    if fault.clears == "source":
        blocked = blocked or "source" in variant.without or variant.deployment == "recent"
    return clears and harmless(case) is True and named != "PARTIAL_WRITE_RISK" and not blocked


_LEFT = {
    "nothing": "Nothing of the batch was written.",
    "leftovers": "Files were left that no commit names.",
    "some": "Some of the batch's commits landed before.",
    "all": "Every commit of the batch had landed.",
}


def notes(case: Case) -> str:
    """Tell how the case is made, and why it is labelled so."""
    fault, variant = case.fault, case.variant
    made = f"Composed: {fault.family}, write mode {variant.mode}. {_LEFT[variant.written]}"
    if variant.without:
        made += f" Not readable: {', '.join(variant.without)}."
    extras = sorted(one for one in case.extras())
    if extras:
        made += f" Circumstances: {', '.join(extras)}."
    return " ".join(part for part in (made, fault.note, variant.note) if part)


def expected(case: Case) -> str:
    """Write expected.yaml."""
    named, acceptable = category(case)
    known = harmless(case)
    said = "null" if known is None else str(known).lower()
    text = textwrap.fill(notes(case), 110, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return (
        f"failure_category: {named}\nacceptable_categories: [{', '.join(dict.fromkeys(acceptable))}]\n"
        f"safe_to_retry: {str(safe(case)).lower()}\nrerun_harmless: {said}\nfamily: {family(case)}\n"
        f"split: {split_of(family(case))}\nnotes: >-\n{text}\n"
    )


def family(case: Case) -> str:
    """Give the case's family: its name without the number."""
    return case.name.rsplit("_", 1)[0]


def summary(cases: tuple[Case, ...]) -> dict[str, Any]:
    """Count the cases by what the issue asks for."""
    return {
        "cases": len(cases),
        "families": len({family(case) for case in cases}),
        "safe": sum(safe(case) for case in cases),
        "safe in reserve": sum(safe(case) and split_of(family(case)) == "reserve" for case in cases),
        "reserve": sum(split_of(family(case)) == "reserve" for case in cases),
        "by category": {
            name: sum(category(case)[0] == name for case in cases)
            for name in sorted({category(case)[0] for case in cases})
        },
    }

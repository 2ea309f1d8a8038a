"""What a missing signal costs a verdict, as measured: ``costs.json``, made by ``make ablation``.

Every development case of ``cases/`` was triaged once with all its evidence and once without each signal
(``evaluation/costs.py``). Nothing here is estimated; a signal that no verdict depends on has no figures.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec

from pipetriage.readiness.names import Name
from pipetriage.readiness.signals import SIGNALS

FEWEST = 5
"""Verdicts that must all have been lost before one is said to be out of reach: fewer may be chance."""
LARGE_SHARE = 0.5
"""Share of the safe verdicts that must be lost before a signal is said to be needed for them."""
FEW_CASES = 20
"""Below so many, that nothing was lost says little: with 20, one in seven may still be (95%: 1 - 0.05 ** (1 / 20))."""


SAFE_WORDS = ("rerun: SAFE", "safe_to_retry: true")
"""The second is never said without the first."""


class Way(StrEnum):
    """How a signal is missing. Only where the two differ are both measured."""

    UNDECLARED = "undeclared"
    """The settings do not say where it is."""
    UNSEEN = "unseen"
    """They do, or need not, and it could not be read."""
    ALONE = "unseen, without event logs"
    """The same where there are no event logs either, which tell a run's commits by its application."""


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the verdicts on the cases that had a signal, once it was taken away."""

    signal: Name
    way: Way
    had_it: int
    """Cases in which there was something to take away; the counts below are among these."""
    retries: int
    """Called safe to retry with it, and truly so."""
    retries_lost: int
    """Of these, no longer called so without it."""
    reruns: int
    """Reruns called SAFE with it, and truly harmless."""
    reruns_lost: int
    told: int
    """Cases in which it is told what was written in every table: neither UNCERTAIN nor UNOBSERVED."""
    told_lost: int
    categories: dict[str, int]
    """Verdicts with an acceptable category, by that category."""
    categories_lost: dict[str, int]
    """Of these, without one when the signal is missing."""
    safe_retry_coverage: float
    """Over all cases, as ``accuracy_acceptable``."""
    accuracy_acceptable: float
    fatal_misses: int
    """Over all cases: harm called safe without the signal."""


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measured table."""

    rules_version: str
    split: str
    cases: int
    safe_retry_coverage: float
    """With every signal that the cases have, as are the next two."""
    accuracy_acceptable: float
    fatal_misses: int
    losses: list[Loss]

    def of(self, name: Name, way: Way) -> Loss | None:
        """Give what a signal's absence costs, that way if it was measured apart; None: no verdict depends on it."""
        measured = [one for one in self.losses if one.signal is name]
        return next((one for one in measured if one.way is way), measured[0] if measured else None)


@cache
def stored() -> Costs:
    """Give the table that the package carries."""
    data = resources.files("pipetriage.readiness").joinpath("costs.json").read_bytes()
    return msgspec.json.decode(data, type=Costs)


def needed(loss: Loss | None) -> bool:
    """Whether a safe verdict needs the signal: without it most are lost, or one is given where harm was done."""
    if loss is None:
        return False
    shares = ((loss.retries_lost, loss.retries), (loss.reruns_lost, loss.reruns))
    return loss.fatal_misses > 0 or any(lost and lost >= LARGE_SHARE * of for lost, of in shares)


def some_lost(loss: Loss | None) -> bool:
    """Whether a safe verdict was lost for want of the signal, be it only one."""
    return loss is not None and bool(loss.retries_lost or loss.reruns_lost)


def in_words(loss: Loss | None, besides: str) -> str:
    """Say what a missing signal costs. ``besides`` is what it costs that no verdict shows."""
    if loss is None:
        return f"no verdict; {besides}"
    said = list(_figures(loss))
    if not said:
        return f"no verdict ({_basis(loss)}); {besides}"
    return f"without it {', '.join(said)} ({_basis(loss)}); {besides}"


def of_evidence(source: str) -> str:
    """Say what the absence of one kind of evidence costs verdicts, by its name in an incident; empty: not measured."""
    standing = next((one for one in SIGNALS if source in one.evidence), None)
    loss = stored().of(standing.name, Way.UNSEEN) if standing is not None else None
    return in_words(loss, standing.besides) if standing is not None and loss is not None else ""


def _figures(loss: Loss) -> Iterable[str]:
    if loss.retries_lost:
        yield f"{loss.retries_lost} of {loss.retries} retries proven safe are not"
    if loss.reruns_lost:
        yield f"{loss.reruns_lost} of {loss.reruns} reruns proven harmless are not"
    if loss.told_lost:
        yield f"what was written is not certain in {loss.told_lost} of {loss.told}"
    lost = sum(loss.categories_lost.values())
    if lost:
        worst = max(loss.categories_lost, key=lambda one: loss.categories_lost[one])
        which = f" (most of them {worst})" if lost > 2 else f" ({worst})"
        yield f"{lost} of {sum(loss.categories.values())} causes are not named{which}"
    if loss.fatal_misses:
        yield f"harm is called safe in {loss.fatal_misses}"


def _basis(loss: Loss) -> str:
    little = ", which says little" if loss.had_it < FEW_CASES else ""
    return f"measured on {loss.had_it} case{'' if loss.had_it == 1 else 's'}{little}"


def capped(losses: Iterable[Loss]) -> list[str]:
    """Name the verdict words that nothing reached without these signals, though with them at least ``FEWEST`` did."""
    words: dict[str, None] = {}
    for loss in losses:
        if FEWEST <= loss.reruns == loss.reruns_lost:
            words[SAFE_WORDS[0]] = None
        if FEWEST <= loss.retries == loss.retries_lost:
            words[SAFE_WORDS[1]] = None
        for category, count in loss.categories.items():
            if FEWEST <= count == loss.categories_lost.get(category, 0):
                words[f"failure_category: {category}"] = None
    return list(words)

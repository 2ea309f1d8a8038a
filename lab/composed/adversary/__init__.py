"""The adversary: the same failures with evidence that misleads, lacks, contradicts or talks back."""

from lab.composed.adversary import causes, damage, language, signals
from lab.composed.adversary.shorthand import Bases, Trick
from lab.composed.words import Case, Fault

TABLES = (causes, damage, language, signals)


def tricks(faults: dict[str, Fault]) -> tuple[Trick, ...]:
    """Give every adversarial family, played on the given templates."""
    bases = Bases(faults)
    return tuple(trick for table in TABLES for trick in table.tricks(bases))


def adversarial(faults: dict[str, Fault]) -> tuple[Case, ...]:
    """Give every adversarial case."""
    return tuple(
        Case(name=f"adv_{trick.family}_{number:02d}", fault=trick.fault, variant=variant, twist=trick.twist)
        for trick in tricks(faults)
        for number, variant in enumerate(trick.fault.variants, trick.first)
    )

"""Every case, by name: the faults' variants, and what the adversary makes of them."""

from functools import cache

from lab.composed.adversary import adversarial
from lab.composed.faults import access, code, commits, drift, platform, resources, source, transient
from lab.composed.words import Case, Fault

TABLES = (access, transient, source, drift, code, resources, commits, platform)


@cache
def faults() -> dict[str, Fault]:
    """Give every template of an AWS failure by its family."""
    return {fault.family: fault for table in TABLES for fault in table.FAULTS}


_KEPT = 2
"""Variants of a fault that become cases; more are described, but the corpus stays under 40 MB."""


@cache
def cases() -> tuple[Case, ...]:
    """Give every case, in order."""
    made = [
        Case(name=f"aws_{fault.family}_{number:02d}", fault=fault, variant=variant)
        for fault in faults().values()
        for number, variant in enumerate(fault.variants[:_KEPT], 1)
    ]
    return (*made, *adversarial(faults()))

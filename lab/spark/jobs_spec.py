"""The lab's copy of what a job is told about its fault; ``jobs/services.py`` runs in Spark's own environment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultSpec:
    """What goes wrong in one run, and where; the fields of ``jobs/services.py``."""

    point: str = ""
    cause: str = ""
    after: int = 0
    shop: str = ""
    gate: str = ""
    gate_point: str = ""
    watch: str = ""

"""The few Spark properties that triage reads: memory, cores, and the settings that a detector names."""

import re
from collections.abc import Mapping
from typing import Any

from pipetriage.context.reading import text

RUN_ID = "spark.cloudwatch.logging.conf.jobRunId"
"""Glue's own property with the run's id."""

EXECUTOR_MEMORY, DRIVER_MEMORY = "spark.executor.memory", "spark.driver.memory"
EXECUTOR_CORES = "spark.executor.cores"

SETTINGS = frozenset(
    {
        "spark.sql.adaptive.enabled",
        "spark.sql.adaptive.skewJoin.enabled",
        "spark.sql.autoBroadcastJoinThreshold",
        "spark.sql.files.maxPartitionBytes",
        "spark.sql.shuffle.partitions",
    }
)
"""Settings kept under their full names, those of the session before those of the launch."""

KEPT = frozenset({RUN_ID, EXECUTOR_MEMORY, DRIVER_MEMORY, EXECUTOR_CORES}) | SETTINGS
"""All that is read: a captured bundle keeps no other property, the others may hold secrets."""

_SIZE = re.compile(r"(\d{1,15})\s*([bkmgtp]?)b?", re.IGNORECASE)
_FACTORS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def kept_properties(properties: Mapping[str, Any]) -> dict[str, str]:
    """Give the properties that are read."""
    return {name: value[:200] for name in sorted(KEPT) if (value := text(properties, name)) is not None}


def memory(said: str | None) -> int | None:
    """Read a size as Spark writes it (``10g``, ``512m``); a number alone is mebibytes (Spark's configuration)."""
    found = _SIZE.fullmatch(said.strip()) if said else None
    if found is None:
        return None
    size = int(found[1]) * _FACTORS[found[2].lower() or "m"]
    return size if size < 2**63 else None


def cores(said: str | None) -> int | None:
    """Read a number of cores."""
    return int(said) if said and said.isascii() and said.isdigit() and len(said) < 6 else None

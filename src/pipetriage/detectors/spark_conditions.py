"""Spark's own catalogue of error conditions: the SQLSTATE of a condition that no rule names.

The catalogue (``spark_conditions.json``, rebuilt by ``tools/spark_conditions.py``) covers Spark 3.3 to 4.1. Spark
3.x prints the condition without its SQLSTATE, so the catalogue supplies it.
"""

from functools import cache
from importlib.resources import files

import msgspec


class _Catalogue(msgspec.Struct, frozen=True):
    source: str
    versions: tuple[str, ...]
    conditions: dict[str, tuple[str | None, str, str]]


@cache
def _catalogue() -> _Catalogue:
    # Read at first need: most failures never ask.
    return msgspec.json.decode(
        files("pipetriage.detectors").joinpath("spark_conditions.json").read_bytes(), type=_Catalogue
    )


def versions() -> tuple[str, ...]:
    """List the Spark versions that the catalogue covers."""
    return _catalogue().versions


def sqlstate_of(condition: str) -> str | None:
    """Give the SQLSTATE of a condition or subcondition (``CAST_INVALID_INPUT``, ``A.B``); None when unknown."""
    entry = _catalogue().conditions.get(condition.partition(".")[0])
    return entry[0] if entry else None

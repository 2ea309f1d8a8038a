"""What makes two triages triages of the same run, and two runs attempts of the same batch."""

import hashlib
import re
from typing import NamedTuple

_LONGEST = 255
"""Characters of a job's name and of a run's id (Glue API reference, NameString, IdString)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,10}){1,3}-\d{1,2}")


class Place(NamedTuple):
    """Where a run ran; account and region are empty where they are not known."""

    account: str
    region: str
    job_name: str


def incident_id(place: Place, job_run_id: str) -> str:
    """Give the incident id of a run: the same whenever and by whomever it is triaged."""
    return "inc_" + short_hash("run", *place, job_run_id)


def batch_key(place: Place, batch: str) -> str:
    """Give the key that all attempts of a batch share; ``batch`` is its id, or the first attempt's run id."""
    return "bat_" + short_hash("batch", *place, batch)


def is_name(value: object, longest: int = _LONGEST) -> bool:
    """Whether this may be the name of a job or the id of a run: text of some length that could be sent and printed."""
    return isinstance(value, str) and 0 < len(value) <= longest and not _CONTROL.search(value)


def is_region(value: object) -> bool:
    """Whether this looks like the name of an AWS region."""
    return isinstance(value, str) and _REGION.fullmatch(value) is not None


def short_hash(*parts: str) -> str:
    """Hash texts to sixteen hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

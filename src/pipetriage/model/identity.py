"""What makes two triages triages of the same run, and two runs attempts of the same batch."""

import hashlib
from typing import NamedTuple


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


def short_hash(*parts: str) -> str:
    """Hash texts to sixteen hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

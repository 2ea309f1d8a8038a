"""Which half of the corpus a case belongs to: decided by its family's name alone, before anyone has triaged it."""

import hashlib
from typing import Literal

Split = Literal["development", "reserve"]


def split_of(family: str) -> Split:
    """Put half of the families in reserve: detectors and confidence are never developed against those.

    A family is what cases share that are made the same way (one failing program, one error template). All its
    variants fall on the same side, or a detector would see in development what it is scored on in reserve.
    """
    return "reserve" if hashlib.sha256(f"pipetriage corpus {family}".encode()).digest()[0] % 2 else "development"

"""Trying a conditional write again while others write the same item."""

import time
from collections.abc import Iterator
from random import SystemRandom

BUSY_SECONDS = 20.0
"""How long a write is tried while others write the same item; each of their writes that counts delays ours."""


def tries() -> Iterator[None]:
    """Go on until it has taken too long, waiting longer each time and never as long as others do."""
    deadline, pause = time.monotonic() + BUSY_SECONDS, 0.005
    while time.monotonic() < deadline:
        yield
        time.sleep(SystemRandom().uniform(0, pause))
        pause = min(pause * 2, 0.3)

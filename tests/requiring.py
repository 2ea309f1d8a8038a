"""Parts that not every machine has: their tests are skipped with the reason, or fail where the part is required."""

import os
from typing import NoReturn

import pytest

REQUIRED = frozenset(os.environ.get("PIPETRIAGE_REQUIRE", "").split())
"""Parts whose absence is a failure: ``postgresql``, ``browser``. CI installs them, and requires them."""


def absent(part: str, why: str) -> NoReturn:
    """Skip the test, or fail it, since a part is not here."""
    if part in REQUIRED:
        pytest.fail(f"{part} is required (PIPETRIAGE_REQUIRE): {why}")
    pytest.skip(f"{part}: {why}")

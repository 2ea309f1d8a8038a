"""Two partition values are only called different where no spelling makes them one."""

import pytest

from pipetriage.verdict.spelling import surely_differ

SAME_OR_UNSURE = [
    ("5", "05"),
    ("20778", "20261121"),
    ("682", "202611"),
    ("20778", "2026-11-21"),
    ("2026-11-21 00:00:00", "2026-11-21"),
    ("2026-11-21T00:00:00+00:00", "2026-11-21"),
    ("2026-11-20T23:00:00+00:00", "2026-11-21T00:00:00"),
    ("True", "true"),
    ("10.50", "10.5"),
    ("north%20east", "north east"),
    ("2026-11-21 00%3A00%3A00", "2026-11-21 00:00:00"),
    ("__HIVE_DEFAULT_PARTITION__", "null"),
    ("os", "oslo"),
    ("EU", "eu"),
    ("7", "oslo"),
    (None, "oslo"),
]
DIFFERENT = [
    ("oslo", "berlin"),
    ("2026-11-21", "2026-11-22"),
    ("20261121", "20261122"),
    ("2026-11-21T03", "2026-11-21T04"),
    ("5", "06"),
    ("10.5", "11"),
    ("true", "false"),
]


@pytest.mark.parametrize(("one", "other"), SAME_OR_UNSURE)
def test_what_may_be_the_same_is_not_called_different(one: str | None, other: str) -> None:
    assert not surely_differ(one, other)
    assert not surely_differ(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_different_however_it_is_spelled(one: str, other: str) -> None:
    assert surely_differ(one, other)
    assert surely_differ(other, one)

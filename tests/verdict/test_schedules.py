"""When a schedule starts something."""

from datetime import UTC, datetime

import pytest

from pipetriage.verdict.schedules import NeverError, starts_within

# A Sunday.
START, END = datetime(2026, 11, 22, 2, 0, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "timezone", "first"),
    [
        ("0 4 * * *", "UTC", "2026-11-22 04:00"),
        ("cron(0 4 * * ? *)", "UTC", "2026-11-22 04:00"),
        ("cron(0 4 ? * MON-FRI *)", "UTC", "2026-11-23 04:00"),
        ("cron(0 4 ? * 2-6 *)", "UTC", "2026-11-23 04:00"),
        ("cron(0 4 ? * 1 *)", "UTC", "2026-11-22 04:00"),
        ("cron(0 4 ? * 7 *)", "UTC", "2026-11-28 04:00"),
        ("cron(0 4 ? * 4/2 *)", "UTC", "2026-11-25 04:00"),
        ("cron(0/15 2 * * ? *)", "UTC", "2026-11-22 02:00"),
        ("cron(0 4 ? * 6#3 *)", "UTC", "2026-12-18 04:00"),
        ("cron(0 4 ? * 6L *)", "UTC", "2026-11-27 04:00"),
        ("cron(0 4 ? * L *)", "UTC", "2026-11-28 04:00"),
        ("cron(0 4 L * ? *)", "UTC", "2026-11-30 04:00"),
        ("CRON(0 4 1 12 ? 2026-2030)", "UTC", "2026-12-01 04:00"),
        ("cron(0 4 * * ? *)", "Europe/Berlin", "2026-11-22 03:00"),
        ("cron(0 4 * * ? 2027)", "UTC", None),
        ("cron(0 4 1 1 ? *)", "UTC", None),
    ],
)
def test_the_first_start_is_given(schedule: str, timezone: str, first: str | None) -> None:
    found = starts_within(schedule, timezone, START, END)

    assert (f"{found:%Y-%m-%d %H:%M}" if found is not None else None) == first


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(1 hour)",
        "cron(0 4 * * *)",
        "cron(0 4 ? * 8 *)",
        "cron(0 4 ? * NODAY *)",
        "cron(0 4 * * ? soon)",
        "cron(60 4 * * ? *)",
        "cron()",
        "at(2026-11-22T04:00:00)",
        "daily",
        "",
    ],
)
def test_what_does_not_tell_is_said_not_to(schedule: str) -> None:
    with pytest.raises(NeverError, match=r"\S"):
        starts_within(schedule, "UTC", START, END)

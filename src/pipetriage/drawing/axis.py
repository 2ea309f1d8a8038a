"""One axis of time for a picture: where a moment lies on it, and which moments are written below it. UTC."""

from datetime import UTC, datetime
from typing import NamedTuple

LEFT, RIGHT = 2.0, 98.0
"""Where the axis begins and ends, in percent of the picture's width: it stretches, and its text does not."""
MOST_TICKS = 5
"""A telephone has room for so many times."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    *(1, 5, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 4, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000, 12_000, 24_000)
_FIRST = datetime(1, 1, 2, tzinfo=UTC).timestamp()
_LAST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
# So that a run of no length at all can be drawn.
_SHORTEST = 10.0


class Axis(NamedTuple):
    """From when to when, in seconds since the epoch."""

    start: float
    end: float

    def at(self, moment: float) -> float:
        """Give where a moment lies, in percent of the width; what lies outside is at the edge."""
        share = (moment - self.start) / (self.end - self.start)
        return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """Give the moments to write below it, and how: times of a day, days, or months."""
        span = self.end - self.start
        step = next((one for one in _STEPS if span / one <= MOST_TICKS), None)
        if step is None:
            return self._months()
        first = -int(-self.start // step) * step
        moments = [first + number * step for number in range(int((self.end - first) // step) + 1)]
        return [(moment, _written(moment, step)) for moment in moments]

    def _months(self) -> list[tuple[float, str]]:
        first, last = (_time(edge).year * 12 + _time(edge).month - 1 for edge in self)
        step = next((one for one in _MONTHS if (last - first) / one <= MOST_TICKS), _MONTHS[-1])
        months = range(-(-(first + 1) // step) * step, last + 1, step)
        times = [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months]
        return [(time.timestamp(), f"{time:%Y}" if step >= 12 else f"{time:%Y-%m}") for time in times]


def axis_over(moments: list[float]) -> Axis:
    """Give the axis on which all these moments lie, with a little room at both ends."""
    start, end = min(moments), max(moments)
    room = max((end - start) * 0.03, (_SHORTEST - (end - start)) / 2)
    return Axis(max(start - room, _FIRST), min(end + room, _LAST))


def seconds(moment: datetime) -> float:
    """Give a moment as seconds since the epoch; one without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware.timestamp(), _FIRST), _LAST)


def clock(moment: datetime, day: datetime) -> str:
    """Write a moment: the time alone on that day, with its date on another."""
    ours, theirs = _time(seconds(moment)), _time(seconds(day))
    if ours.date() == theirs.date():
        return f"{ours:%H:%M}"
    return f"{ours:%m-%d %H:%M}" if ours.year == theirs.year else f"{ours:%Y-%m-%d %H:%M}"


def _time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _written(moment: float, step: int) -> str:
    time = _time(moment)
    if step >= _DAY:
        return f"{time:%m-%d}"
    if step < _MINUTE:
        return f"{time:%H:%M:%S}"
    return f"{time:%m-%d}" if time.hour == time.minute == 0 else f"{time:%H:%M}"

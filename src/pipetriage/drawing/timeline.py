"""When it ran, what it committed, who could see part of it, who read it, who looked at it: on one axis, in UTC.

Each thing has a lane of its own: a line of words, and its marks below. So no words overlap, at any width: the axis
stretches with the picture, and text keeps its size. The picture brings no style along: its colours are those of the
page's ``picture`` classes, and without any it is black on white. Marks differ by shape, never by colour alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from pipetriage.drawing.axis import LEFT, RIGHT, Axis, axis_over, clock, seconds
from pipetriage.drawing.text import cut, escaped, many
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow, WriteState

MOST_LANES = 6
"""Of one kind: tables, windows, owners, reviews; how many more there are is said."""
_LETTERS = 52
"""Of one lane's words: what a telephone of 360 pixels shows."""
_NAME = 22
_LANE, _WORDS_ALONE, _TOP = 40, 20, 44
_NEAR = 6.0
"""Marks nearer to one another than this (percent of the width) become one with a number in it."""
_FAR = 2.0
"""What comes later than so many times what is told (and than an hour) stands at the edge: a review after three days
must not make the night a dot."""

_SHAPES = {
    "commit": "",
    "failure": "M-6-6L6 6M6-6L-6 6",
    "read": "M-6-6h12v12h-12z",
    "maybe": "M-6-6h12v12h-12z",
    "verdict": "M0-8L8 0L0 8L-8 0z",
    "review": "M0-7L7 6L-7 6z",
}


class _Mark(NamedTuple):
    kind: str
    at: datetime
    said: str


class _Bar(NamedTuple):
    kind: str
    since: datetime | None
    until: datetime | None
    """None: it goes on beyond the edge."""
    said: str


class _Lane(NamedTuple):
    words: str
    """Plain; cut and escaped as it is drawn."""
    marks: Sequence[_Mark] = ()
    bar: _Bar | None = None


def svg(incident: Incident, reviews: Sequence[Review] = ()) -> str:
    """Draw the time line; ``reviews``: all of the incident's, where they are at hand, else its latest is shown."""
    day = incident.ended_at or incident.started_at or incident.created_at
    lanes = _lanes(incident, reviews or ([incident.review] if incident.review else []), day)
    axis = _axis(lanes)
    tops = list(accumulate((_LANE if lane.marks or lane.bar else _WORDS_ALONE for lane in lanes), initial=_TOP))
    height = tops[-1] + 4
    drawn = "".join(_drawn(lane, axis, top) for lane, top in zip(lanes, tops, strict=False))
    told = ". ".join(lane.words for lane in lanes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{height}" class="picture timeline" role="img">'
        f"<title>What happened when, UTC, {day:%Y-%m-%d}</title><desc>{escaped(told, 3_000)}.</desc>"
        f'<text class="soft" x="0" y="11">UTC, {day:%Y-%m-%d}</text>{_scale(axis, height)}{drawn}</svg>'
    )


def _lanes(incident: Incident, reviews: Sequence[Review], day: datetime) -> list[_Lane]:
    return [
        _run(incident, day),
        *_few([_commits(state, day) for state in incident.write_state if state.commits], "tables with commits"),
        *_others(incident.write_state),
        *_few([_window(window, day) for window in incident.exposure_windows], "tables that were visible in part"),
        *_few(_reads(incident.exposure, day), "owners of readers"),
        _verdict(incident, day),
        *_few([_review(review, day) for review in reviews], "reviews"),
    ]


def _run(incident: Incident, day: datetime) -> _Lane:
    start, end = incident.started_at, incident.ended_at
    said = f"Run {clock(start, day) if start else 'from ?'} to {clock(end, day) if end else '?'}: {incident.status}"
    failed = incident.status.upper() not in ("SUCCEEDED", "SUCCESS", "RUNNING")
    marks = [_Mark("failure", end, f"{incident.status} at {clock(end, day)}")] if end and failed else []
    bar = _Bar("run", start, end, f"{said} ({incident.job_run_id})") if start else None
    return _Lane(f"{said} · attempt {incident.attempt}", marks, bar)


def _commits(state: WriteState, day: datetime) -> _Lane:
    marks = [
        _Mark(
            "commit",
            one.committed_at,
            f"commit {one.snapshot} at {clock(one.committed_at, day)}"
            + (f", {many(one.records, 'record')}" if one.records is not None else ""),
        )
        for one in state.commits
    ]
    moments = sorted((one.committed_at for one in state.commits), key=seconds)
    first, last = clock(moments[0], day), clock(moments[-1], day)
    span = first if first == last else f"{first} to {last}"
    return _Lane(f"{cut(state.table, _NAME)}: {many(len(marks), 'commit')} {span}", marks)


def _others(states: Iterable[WriteState]) -> list[_Lane]:
    """Say how many commits of others came later: which is known, when is not."""
    lanes = [
        _Lane(f"{cut(state.table, _NAME)}: {many(len(state.later_commits_lost), 'later commit')} by others")
        for state in states
        if state.later_commits_lost
    ]
    return _few(lanes, "tables with commits of others")


def _window(window: ExposureWindow, day: datetime) -> _Lane:
    since = clock(window.since, day) if window.since else "?"
    until = clock(window.until, day) if window.until else "now"
    bar = _Bar("window", window.since, window.until, f"{window.table}: part of the batch was visible. {window.why}")
    return _Lane(f"Partial {cut(window.table, _NAME)} {since} to {until}", bar=bar)


def _reads(exposure: Iterable[Exposure], day: datetime) -> list[_Lane]:
    by_owner: dict[str | None, list[Exposure]] = defaultdict(list)
    for one in exposure:
        if one.status is not ExposureStatus.NOT_EXPOSED:
            by_owner[one.owner].append(one)
    lanes = [_read(owner, readers, day) for owner, readers in by_owner.items()]
    return sorted(lanes, key=lambda lane: all(mark.kind == "maybe" for mark in lane.marks))


def _read(owner: str | None, readers: Sequence[Exposure], day: datetime) -> _Lane:
    certain = sum(one.status is ExposureStatus.CONFIRMED for one in readers)
    counts = [f"{certain} CONFIRMED"] * bool(certain) + [f"{len(readers) - certain} POSSIBLE"] * (
        len(readers) > certain
    )
    marks = [
        _Mark(
            "read" if one.status is ExposureStatus.CONFIRMED else "maybe",
            one.read_at,
            f"{one.consumer} read it at {clock(one.read_at, day)} ({one.status})",
        )
        for one in readers
        if one.read_at is not None
    ]
    when = ""
    if marks:
        when = f" {clock(min((mark.at for mark in marks), key=seconds), day)}"
    elif readers:
        when = ", when unknown"
    whose = cut(owner, _NAME) if owner else "owner unknown"
    return _Lane(f"Read by {whose}: {', '.join(counts)}{when}", marks)


def _verdict(incident: Incident, day: datetime) -> _Lane:
    at = clock(incident.created_at, day)
    said = "safe to retry" if incident.safe_to_retry else "not safe to retry"
    return _Lane(f"First verdict {at}, now: {said}", [_Mark("verdict", incident.created_at, f"first verdict at {at}")])


def _review(review: Review, day: datetime) -> _Lane:
    said = f"Review {clock(review.reviewed_at, day)} by {cut(review.by, _NAME)}"
    return _Lane(said, [_Mark("review", review.reviewed_at, f"{said}: {review.failure_category}")])


def _few(lanes: Sequence[_Lane], noun: str) -> list[_Lane]:
    if len(lanes) <= MOST_LANES:
        return list(lanes)
    return [*lanes[: MOST_LANES - 1], _Lane(f"and {len(lanes) - MOST_LANES + 1} more {noun}")]


def _axis(lanes: Iterable[_Lane]) -> Axis:
    told: list[float] = []
    afterwards: list[float] = []
    for lane in lanes:
        for mark in lane.marks:
            (afterwards if mark.kind in ("verdict", "review") else told).append(seconds(mark.at))
        if lane.bar is not None:
            told += [seconds(edge) for edge in (lane.bar.since, lane.bar.until) if edge is not None]
    told = told or [min(afterwards)]
    latest = max(told) + max(_FAR * (max(told) - min(told)), 3600)
    return axis_over(told + [moment for moment in afterwards if moment <= latest])


def _scale(axis: Axis, height: int) -> str:
    drawn = [f'<path class="line" d="M0 {_TOP - 8}h9999"/>']
    for moment, words in axis.ticks():
        x = axis.at(moment)
        anchor = "start" if x < 8 else "end" if x > 92 else "middle"
        drawn.append(
            f'<line class="line" x1="{x:.1f}%" x2="{x:.1f}%" y1="{_TOP - 8}" y2="{height}"/>'
            f'<text class="soft" x="{x:.1f}%" y="{_TOP - 14}" text-anchor="{anchor}">{words}</text>'
        )
    return "".join(drawn)


def _drawn(lane: _Lane, axis: Axis, top: int) -> str:
    bar = _bar(lane.bar, axis, top + 22) if lane.bar is not None else ""
    marks = "".join(_grouped(lane.marks, axis, top + 27))
    return f'<text x="0" y="{top + 12}">{escaped(lane.words, _LETTERS)}</text>{bar}{marks}'


def _bar(bar: _Bar, axis: Axis, y: int) -> str:
    start = axis.at(seconds(bar.since)) if bar.since is not None else 0.0
    end = axis.at(seconds(bar.until)) if bar.until is not None else 100.0
    return (
        f'<rect class="{bar.kind}" x="{start:.1f}%" y="{y}" width="{max(end - start, 0.8):.1f}%" height="10">'
        f"<title>{escaped(bar.said, 300)}</title></rect>"
    )


def _grouped(marks: Sequence[_Mark], axis: Axis, y: int) -> Iterable[str]:
    """Draw marks, those too near to one another as one with their number."""
    group: list[_Mark] = []
    for mark in sorted(marks, key=lambda one: seconds(one.at)):
        if group and axis.at(seconds(mark.at)) - axis.at(seconds(group[0].at)) >= _NEAR:
            yield _mark(group, axis, y)
            group = []
        group.append(mark)
    if group:
        yield _mark(group, axis, y)


def _mark(group: Sequence[_Mark], axis: Axis, y: int) -> str:
    first, last = seconds(group[0].at), seconds(group[-1].at)
    x = axis.at((first + last) / 2)
    # The surest of them gives the shape.
    kind = min((one.kind for one in group), key=list(_SHAPES).index)
    later = first > axis.end
    said = group[0].said if len(group) == 1 else f"{len(group)}: {group[0].said}, …, {group[-1].said}"
    said = f"{said} (later than this axis)" if later else said
    x = RIGHT - 5 if later else min(max(x, LEFT), RIGHT)
    return f'<svg x="{x:.1f}%" y="{y}" overflow="visible">{_shape(kind, len(group), later, escaped(said, 300))}</svg>'


def _shape(kind: str, count: int, later: bool, said: str) -> str:
    number = (
        f'<text class="in" y="4" text-anchor="middle">{count if count < 100 else "99+"}</text>' if count > 1 else ""
    )
    scale = ' transform="scale(1.5)"' if count > 1 else ""
    path = _SHAPES[kind]
    shape = f'<path d="{path}"{scale}/>' if path else f'<circle r="{9 if count > 1 else 5}"/>'
    arrow = '<path class="on" d="M10-5L15 0L10 5"/>' if later else ""
    return f'<g class="{kind}"><title>{said}</title>{shape}{number}{arrow}</g>'

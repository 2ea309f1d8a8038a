"""Which tasks started and never ended: what a run that was stopped leaves.

Only a log that has other numbers of starts and ends is read for them, so that a run that ended pays nothing for it.
"""

import re
from collections.abc import Iterator

from pipetriage.context.spark_records import Record, TaskStart, document_of

_EVENT = re.compile(rb'\s*\{\s*"Event"\s*:\s*"SparkListenerTask(Start|End)"')
# Inside a JSON text a quote is escaped, so that this can only be a key.
_TASK_ID = re.compile(rb'"Task ID"\s*:\s*(\d{1,19})')

_MAX_RUNNING = 20_000
"""Tasks remembered while they run: more than a cluster has cores."""

_STARTS = Record.of(TaskStart)


def is_whole(line: bytes) -> bool:
    """Whether a line has an end: that of a driver that was killed is cut off."""
    return line.endswith((b"}", b"}\r"))


class Running:
    """The tasks that run, by their ids: the lines of their starts, undecoded."""

    def __init__(self) -> None:
        self._started: dict[bytes, bytes] = {}

    def take(self, data: bytes, position: int, stop: int) -> None:
        """Take the lines that stand in ``data`` from ``position`` to ``stop``."""
        while position < stop:
            end = data.find(b"\n", position, stop)
            ended = end >= 0
            end = end if ended else stop
            event = _EVENT.match(data, position, end)
            task = _TASK_ID.search(data, event.end(), end) if event is not None else None
            # An end is long, and not copied. What no line feed ends may be cut off behind an inner brace.
            whole = is_whole(data[max(end - 2, position) : end]) and (
                ended or document_of(data[position:end]) is not None
            )
            if event is not None and task is not None and whole:
                if event[1] == b"End":
                    self._started.pop(task[1], None)
                else:
                    self._start(task[1], data[position:end])
            position = end + 1

    def _start(self, task: bytes, line: bytes) -> None:
        if len(self._started) >= _MAX_RUNNING:
            del self._started[next(iter(self._started))]
        self._started[task] = line

    def left(self) -> Iterator[TaskStart]:
        """Yield the starts of those that never ended."""
        for line in self._started.values():
            event: TaskStart | None = _STARTS.decode(line)
            if event is not None:
                yield event

"""The starts and ends of tasks, nine lines of ten of an event log: found in datas of lines, decoded many at a time.

What is done for one task is done a hundred thousand times, so that most of a line is never looked at. The end of a task
that went well begins, up to the task's id, as the one before of its stage did; of the rest its metrics are copied, many
of them are decoded in one call, and each of their numbers is added up in one go. Every other end is decoded by itself,
to the same result. Inside a JSON text a quote is escaped, so that the names looked for can only be keys.
"""

from collections.abc import Callable

import msgspec

from pipetriage.context.spark_records import Record, TaskEnd, TaskMetrics
from pipetriage.context.spark_running import Running, is_whole
from pipetriage.context.spark_stages import Stages

_END = b'{"Event":"SparkListenerTaskEnd"'
_START = b'{"Event":"SparkListenerTaskStart"'
_KIND, _S = len(b'{"Event":"SparkListenerTask'), ord("S")
_TASK = b'"Task ID":'

_METRICS = b'"Task Metrics":'
_AFTER_METRICS = len(_METRICS)
# What Spark writes of a task that ran once. Short, for a name that is looked for is prepared each time.
_ONCE = b'"Speculative":false,'
_FINISH = b'"Finish Time":'

_EXECUTOR = b'"Task Executor Metrics":{"JVMHeapMemory":'
_NO_HEAP = _EXECUTOR + b"0,"
_DIGITS = 20

# No line begins so.
_NEVER = b'{"Event":\n'

_SHIFT = 48
"""How far numbers and names of more or fewer characters move what stands behind them, from one task to the next."""

_MAX_PENDING = 512
_MAX_STAGES_AT_ONCE = 64
_LATEST = 4_102_444_800_000  # the year 2100: a clock beyond it is none

_ENDS = Record.of(TaskEnd)
_decode_all = msgspec.json.Decoder(TaskMetrics).decode_lines


class _Going:
    """A stage whose tasks are ending well."""

    __slots__ = ("attempt", "found", "metrics", "places", "stage")

    def __init__(self, stage: int, attempt: int) -> None:
        self.stage, self.attempt = stage, attempt
        self.found: list[bytes] = []
        """Metrics found in these lines, as JSON."""
        self.places: list[int] = []
        """Where the lines begin that they are of."""
        self.metrics: list[TaskMetrics] = []
        """Metrics decoded, and not counted yet."""


class Tasks:
    """Counts the tasks of all stages."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._going: dict[bytes, _Going] = {}
        """By what the ends of its tasks begin with."""
        self._ending = _NEVER
        """What the last of them began with."""
        self._here: list[_Going] = []
        """Those of the lines that are being read: of many stages, few have ends among them."""
        self.starts = self.ends = 0
        """Tasks whose start, and whose end, was read."""
        self.heap = 0
        """The largest heap of an executor."""
        self.last = 0
        """The time of the last event, milliseconds of the epoch."""
        self.torn = False
        """The last line that was tried is no JSON."""
        # How far from a line's begin, or before its end, to look for what is read of it.
        self._once = self._metrics = self._gap = 0

    def saw(self, at: int | None) -> None:
        """Take the time of an event."""
        if at is not None and 0 < at < _LATEST:
            self.last = at

    def scan(self, data: bytes, position: int, stop: int, other: Callable[[bytes], None]) -> None:
        """Take the lines from ``position`` to ``stop``; ``other`` takes those that are no task's, in their order."""
        find, starts_with = data.find, data.startswith
        ending = self._ending if self._ending in self._going else _NEVER
        going = self._going.get(ending) or _Going(0, 0)
        take, mark = going.found.append, going.places.append
        self._here = [going]
        tail, near, gap = self._once, self._metrics, self._gap
        size = max(data.rfind(b"\n", position, stop) + 1, position)
        while position < size:
            end = find(b"\n", position)
            # Which it is shows in one byte, which costs less than asking for the whole name in vain.
            if position + _KIND < end and data[position + _KIND] == _S and starts_with(_START, position):
                self.starts += 1
            elif starts_with(ending, position):
                once = find(_ONCE, position + tail, end)
                metrics = find(_METRICS, end - near, end)
                if metrics > once > 0 and (starts_with(_NO_HEAP, metrics - gap) or self._heap_in(data, once, metrics)):
                    take(data[metrics + _AFTER_METRICS : end - 1])
                    mark(position)
                else:
                    self._count(data)
                    self.end(data[position:end])
                    tail, near, gap = self._learn(data, position, end)
            elif starts_with(_END, position):
                found = find(_TASK, position, end)
                ending = data[position:found] if found > 0 else _NEVER
                known = self._going.get(ending)
                if known is not None:
                    # Once more, as one of this stage.
                    take, mark = known.found.append, known.places.append
                    self._here.append(known)
                    continue
                self._first(data, position, end, ending)
                ending = _NEVER
                tail, near, gap = self._once, self._metrics, self._gap
            elif end > position:
                self._count(data)
                other(data[position:end])
            position = end + 1
        self._ending = ending
        self._decode(data)
        if size < stop:
            self._count(data)
            self._last(data[size:stop], other)

    def _last(self, line: bytes, other: Callable[[bytes], None]) -> None:
        """Take a log's last line, which has no end."""
        if line.startswith(_START):
            self.start(line)
        elif line.startswith(_END):
            self.end(line)
        else:
            other(line)

    def start(self, line: bytes) -> None:
        """Take one task's start."""
        self.starts += 1
        self.torn = not is_whole(line)

    def end(self, line: bytes) -> TaskEnd | None:
        """Count one task's end."""
        event: TaskEnd | None = _ENDS.decode(line)
        self.torn = event is None
        if event is None:
            return None
        stage = self._stages.of(event.stage, event.attempt)
        stage.take_tasks([event])
        if not stage.asked:
            # Its first task tells which SQL metrics a stage has, should its own end never be written.
            stage.asked = True
            stage.take_accumulables(event.info.accumulables)
        self.ends += 1
        self.saw(event.info.finish)
        if event.executor is not None and event.executor.heap > self.heap:
            self.heap = event.executor.heap
        return event

    def unfinished(self, running: Running) -> None:
        """Take the tasks that never ended."""
        for event in running.left():
            self.saw(max(self.last, event.info.launch))
            self._stages.of(event.stage, event.attempt).unfinished.add(event.info.launch)

    def count(self) -> None:
        """Count all that is still to be counted."""
        self._count(b"")

    def _first(self, data: bytes, position: int, end: int, prefix: bytes) -> None:
        """Take the first end of a task that begins so; where it went well, the next ones need no decoding of this."""
        self._count(data)
        event = self.end(data[position:end])
        if event is None or event.reason.reason != "Success":
            return
        if len(self._going) >= _MAX_STAGES_AT_ONCE:
            self._going.clear()
        if prefix is not _NEVER:
            self._going[prefix] = _Going(event.stage, event.attempt)
        self._learn(data, position, end)

    def _learn(self, data: bytes, position: int, end: int) -> tuple[int, int, int]:
        """Remember where in a line of these days stands what is read of it."""
        once = data.find(_ONCE, position, end)
        metrics = data.find(_METRICS, max(once, position), end)
        executor = data.find(_EXECUTOR, max(once, position), end)
        if once > 0 and metrics > 0:
            self._once = max(once - position - _SHIFT, 0)
            self._metrics = end - metrics + _SHIFT
            self._gap = metrics - executor if 0 < executor < metrics else 0
        return self._once, self._metrics, self._gap

    def _heap_in(self, data: bytes, once: int, metrics: int) -> bool:
        """Take the heap that a task measured; whether the line could be read so."""
        executor = data.find(_EXECUTOR, once, metrics)
        if executor < 0:
            return True
        number = executor + len(_EXECUTOR)
        digits = data[number : data.find(b",", number, number + _DIGITS)]
        if not digits.isdigit() or len(digits) > 18:
            return False
        self.heap = max(self.heap, int(digits))
        return True

    def _decode(self, data: bytes) -> None:
        """Decode the metrics that were found in a data."""
        last = -1
        for going in self._here:
            if not going.places:
                continue
            last = max(last, going.places[-1])
            found = _decoded(going.found)
            if found is not None:
                going.metrics += found
                self.ends += len(found)
            else:
                # One of them is not as Spark writes it: each by itself, so that the others' fate is not bound to it.
                for place, written in zip(going.places, going.found, strict=True):
                    if (one := _decoded([written])) is not None:
                        going.metrics += one
                        self.ends += 1
                    else:
                        self.end(data[place : data.find(b"\n", place)])
            going.found.clear()
            going.places.clear()
            if len(going.metrics) > _MAX_PENDING:
                self._stages.of(going.stage, going.attempt).take_good(going.metrics)
                going.metrics = []
        if last >= 0:
            self.torn = False
            ended = data.find(_FINISH, last) + len(_FINISH)
            finish = data[ended : data.find(b",", ended, ended + _DIGITS)]
            self.saw(int(finish) if finish.isdigit() else None)

    def _count(self, data: bytes) -> None:
        """Count all that was found so far: what comes next may need it."""
        self._decode(data)
        for going in self._going.values():
            if going.metrics:
                self._stages.of(going.stage, going.attempt).take_good(going.metrics)
                going.metrics = []


def _decoded(metrics: list[bytes]) -> list[TaskMetrics] | None:
    """Decode metrics in one call; None where they are not just as many records."""
    try:
        found: list[TaskMetrics] = _decode_all(b"\n".join(metrics))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) == len(metrics) else None

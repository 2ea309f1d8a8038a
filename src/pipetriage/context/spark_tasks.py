"""The starts and ends of tasks, nine lines of ten of an event log: found in blocks of lines, decoded many at a time.

What is done for one task is done a hundred thousand times, so that most of a line is never looked at. The end of a task
that went well begins, up to the task's id, as the one before of its stage did; of the rest its metrics are copied, many
of them are decoded in one call, and each of their numbers is added up in one go. Every other end is decoded by itself,
to the same result. Inside a JSON text a quote is escaped, so that the names looked for can only be keys.
"""

import re
from collections.abc import Callable

import msgspec

from pipetriage.context.spark_records import Record, TaskEnd, TaskMetrics, TaskStart
from pipetriage.context.spark_stages import Stages

_END = b'{"Event":"SparkListenerTaskEnd"'
_START = b'{"Event":"SparkListenerTaskStart"'
_TASK = b'"Task ID":'
_TASK_ID = re.compile(rb'"Task ID"\s*:\s*(\d{1,19})')
_AFTER_TASK = len(_TASK)
_DIGITS_OF_ID = 20

_ACCUMULABLES = b'"Accumulables":['
_METRICS = b'"Task Metrics":'
_AFTER_METRICS = len(_METRICS)
# What Spark writes between a task's end and its accumulables: that it ran once, and its end in thirteen digits.
_ONCE = b'"Speculative":false,"Getting Result Time":0,"Finish Time":'
_BEHIND_TIME = len(b',"Failed":false,"Killed":false,')
_BEHIND_ONCE = len(_ONCE) + 13 + _BEHIND_TIME

_EXECUTOR = b'"Task Executor Metrics":{"JVMHeapMemory":'
_NO_HEAP = _EXECUTOR + b"0,"

_COMMA = ord(",")
# No line begins so.
_NEVER = b'{"Event":\n'

_SHIFT = 48
"""How far numbers of more or fewer digits move what stands behind them, from one task to the next."""

_MAX_RUNNING = 20_000
"""Tasks remembered while they run: more than a cluster has cores."""
_MAX_PENDING = 512
_MAX_STAGES_AT_ONCE = 64
_LATEST = 4_102_444_800_000  # the year 2100: a clock beyond it is none

_ENDS, _STARTS = Record.of(TaskEnd), Record.of(TaskStart)
_decode_all = msgspec.json.Decoder(list[TaskMetrics]).decode


class _Going:
    """A stage whose tasks are ending well."""

    __slots__ = ("attempt", "found", "metrics", "places", "stage")

    def __init__(self, stage: int, attempt: int) -> None:
        self.stage, self.attempt = stage, attempt
        self.found: list[bytes] = []
        """Metrics found in this block, as JSON."""
        self.places: list[int] = []
        """Where the lines begin that they are of."""
        self.metrics: list[TaskMetrics] = []
        """Metrics decoded, and not counted yet."""


class Tasks:
    """Counts the tasks of all stages."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._running: dict[bytes, bytes] = {}
        self._going: dict[bytes, _Going] = {}
        """By what the ends of its tasks begin with."""
        self.heap = 0
        """The largest heap of an executor."""
        self.last = 0
        """The time of the last event, milliseconds of the epoch."""
        self.torn = False
        """The last line that was tried is no JSON."""
        # How far from a line's begin, or before its end, to look first for what is read of it.
        self._begin = self._metrics = self._gap = 0
        self._width = 1
        """Digits of a task's id."""
        self._starting = _NEVER
        """What the last start of a task began with."""

    def saw(self, at: int | None) -> None:
        """Take the time of an event."""
        if at is not None and 0 < at < _LATEST:
            self.last = at

    def scan(self, block: bytes, other: Callable[[bytes], None]) -> None:
        """Take the lines of a block; ``other`` takes those that are no task's, in their order among them."""
        find, starts_with, running = block.find, block.startswith, self._running
        starting, ending, going = self._starting, _NEVER, _Going(0, 0)
        tail, near, gap, width = self._begin, self._metrics, self._gap, self._width
        position, size = 0, block.rfind(b"\n") + 1
        while position < size:
            end = find(b"\n", position)
            if starts_with(ending, position):
                number = position + len(ending)
                comma = number + width
                if comma >= end or block[comma] != _COMMA:
                    comma = find(b",", number, number + _DIGITS_OF_ID)
                begin = position + tail
                if not starts_with(_ACCUMULABLES, begin):
                    begin = find(_ACCUMULABLES, position, end)
                    tail = begin - position
                metrics = find(_METRICS, end - near, end)
                if (
                    metrics > begin > 0
                    and starts_with(_ONCE, begin - _BEHIND_ONCE)
                    and (starts_with(_NO_HEAP, metrics - gap) or self._heap_in(block, begin, metrics))
                ):
                    going.found.append(block[metrics + _AFTER_METRICS : end - 1])
                    going.places.append(position)
                    running.pop(block[number:comma], None)
                else:
                    self._count(block)
                    self.end(block[position:end])
                    tail, near, gap = self._learn(block, position, end)
            elif starts_with(starting, position):
                number = position + len(starting)
                comma = number + width
                if comma >= end or block[comma] != _COMMA:
                    comma = find(b",", number, number + _DIGITS_OF_ID)
                    width = comma - number
                digits = block[number:comma]
                if digits.isdigit() and len(running) < _MAX_RUNNING:
                    running[digits] = block[position:end]
                else:
                    self.start(block[position:end])
            elif starts_with(_START, position):
                found = find(_TASK, position, end)
                if found > 0:
                    # Once more, as one of this stage.
                    starting = block[position : found + _AFTER_TASK]
                    continue
                self.start(block[position:end])
            elif starts_with(_END, position):
                found = find(_TASK, position, end)
                ending = block[position : found + _AFTER_TASK] if found > 0 else _NEVER
                known = self._going.get(ending)
                if known is not None:
                    going = known
                    continue
                self._first(block, position, end, ending)
                ending = _NEVER
                tail, near, gap = self._begin, self._metrics, self._gap
            elif end > position:
                self._count(block)
                other(block[position:end])
            position = end + 1
        self._starting, self._begin, self._width = starting, tail, max(width, 1)
        self._decode(block)
        if size < len(block):
            self._count(block)
            self._last(block[size:], other)

    def _last(self, line: bytes, other: Callable[[bytes], None]) -> None:
        """Take a log's last line, which has no end."""
        if line.startswith(_START):
            self.start(line)
        elif line.startswith(_END):
            self.end(line)
        else:
            other(line)

    def start(self, line: bytes) -> None:
        """Remember a task that started, undecoded."""
        found = _TASK_ID.search(line, 0, 4096)
        self.torn = not line.endswith((b"}", b"}\r"))
        if found is not None and not self.torn:
            if len(self._running) >= _MAX_RUNNING:
                del self._running[next(iter(self._running))]
            self._running[found[1]] = line

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
        self._running.pop(b"%d" % event.info.task_id, None)
        self.saw(event.info.finish)
        if event.executor is not None and event.executor.heap > self.heap:
            self.heap = event.executor.heap
        return event

    def unfinished(self) -> None:
        """Count what is still to be counted, and the tasks that never ended."""
        self._count(b"")
        for line in self._running.values():
            event = _STARTS.decode(line)
            if event is not None:
                self.saw(max(self.last, event.info.launch))
                self._stages.of(event.stage, event.attempt).unfinished.add(event.info.launch)

    def _first(self, block: bytes, position: int, end: int, prefix: bytes) -> None:
        """Take the first end of a task that begins so; where it went well, the next ones need no decoding of this."""
        self._count(block)
        event = self.end(block[position:end])
        if event is None or event.reason.reason != "Success":
            return
        if len(self._going) >= _MAX_STAGES_AT_ONCE:
            self._going.clear()
        if prefix is not _NEVER:
            self._going[prefix] = _Going(event.stage, event.attempt)
        self._learn(block, position, end)

    def _learn(self, block: bytes, position: int, end: int) -> tuple[int, int, int]:
        """Remember where in a line of these days stands what is read of it."""
        begin = block.find(_ACCUMULABLES, position, end)
        metrics = block.find(_METRICS, max(begin, position), end)
        executor = block.find(_EXECUTOR, max(begin, position), end)
        if begin > 0 and metrics > 0:
            self._begin = begin - position
            self._metrics = end - metrics + _SHIFT
            self._gap = metrics - executor if 0 < executor < metrics else 0
        return self._begin, self._metrics, self._gap

    def _heap_in(self, block: bytes, begin: int, metrics: int) -> bool:
        """Take the heap that a task measured; whether the line could be read so."""
        executor = block.find(_EXECUTOR, begin, metrics)
        if executor < 0:
            return True
        number = executor + len(_EXECUTOR)
        digits = block[number : block.find(b",", number, number + _DIGITS_OF_ID)]
        if not digits.isdigit() or len(digits) > 18:
            return False
        self.heap = max(self.heap, int(digits))
        return True

    def _decode(self, block: bytes) -> None:
        """Decode the metrics that were found in a block."""
        last = -1
        for going in self._going.values():
            if not going.places:
                continue
            last = max(last, going.places[-1])
            found = _decoded(going.found)
            if found is not None:
                going.metrics += found
            else:
                # One of them is not as Spark writes it: each by itself, so that the others' fate is not bound to it.
                for place, written in zip(going.places, going.found, strict=True):
                    if (one := _decoded([written])) is not None:
                        going.metrics += one
                    else:
                        self.end(block[place : block.find(b"\n", place)])
            going.found, going.places = [], []
            if len(going.metrics) > _MAX_PENDING:
                self._stages.of(going.stage, going.attempt).take_good(going.metrics)
                going.metrics = []
        if last >= 0:
            self.torn = False
            ended = block.find(_ACCUMULABLES, last) - _BEHIND_TIME
            finish = block[ended - 13 : ended]
            self.saw(int(finish) if finish.isdigit() else None)

    def _count(self, block: bytes) -> None:
        """Count all that was found so far: what comes next may need it."""
        self._decode(block)
        for going in self._going.values():
            if going.metrics:
                self._stages.of(going.stage, going.attempt).take_good(going.metrics)
                going.metrics = []


def _decoded(metrics: list[bytes]) -> list[TaskMetrics] | None:
    """Decode metrics in one call; None where they are not just as many records."""
    try:
        found: list[TaskMetrics] = _decode_all(b"[%b]" % b",".join(metrics))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) == len(metrics) else None

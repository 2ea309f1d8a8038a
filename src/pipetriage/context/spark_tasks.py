"""The starts and ends of tasks, nine lines of ten of an event log: found in blocks of lines, decoded many at a time.

What is done for one task is done a hundred thousand times. So a block is not split into lines; of a task's end only
its head and its metrics are copied, many of them are decoded in one call, and counted stage by stage. Whatever does not
look as Spark writes it is decoded by itself, to the same result.
"""

import re
from collections.abc import Callable

import msgspec

from pipetriage.context.spark_records import Record, TaskEnd, TaskStart
from pipetriage.context.spark_stages import MAX_STAGES, Stages

_END = b'{"Event":"SparkListenerTaskEnd"'
_START = b'{"Event":"SparkListenerTaskStart"'
_TASK_ID = re.compile(rb'"Task ID"\s*:\s*(\d{1,19})')

_ACCUMULABLES = b'"Accumulables":['
_EXECUTOR = b'"Task Executor Metrics":{'
_NO_HEAP = b'"JVMHeapMemory":0,'
_METRICS = b'"Task Metrics":{'
_JOINT = b'"Accumulables":[]},'
_TASK = b'"Task ID":'
_AFTER_TASK, _AFTER_EXECUTOR = len(_TASK), len(_EXECUTOR)
_TASK_WITHIN = 160
_DIGITS = 48
"""How far numbers of more or fewer digits move what stands behind them, from one task to the next."""

_MAX_RUNNING = 20_000
"""Tasks remembered while they run: more than a cluster has cores."""
_LATEST = 4_102_444_800_000  # the year 2100: a clock beyond it is none

_ENDS, _STARTS = Record.of(TaskEnd), Record.of(TaskStart)
_decode_lines = msgspec.json.Decoder(TaskEnd).decode_lines


class Tasks:
    """Counts the tasks of all stages."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._running: dict[int, bytes] = {}
        self.heap = 0
        """The largest heap of an executor."""
        self.last = 0
        """The time of the latest event, milliseconds of the epoch."""
        self.torn = False
        """The last line that was tried is no JSON."""
        # How far from a line's begin, or before its end, to look first for what is cut.
        self._begin = self._executor = self._metrics = 0

    def saw(self, at: int | None) -> None:
        """Take the time of an event."""
        if at is not None and self.last < at < _LATEST:
            self.last = at

    def scan(self, block: bytes, other: Callable[[bytes], None]) -> None:
        """Take the lines of a block; ``other`` takes those that are no task's, in their order among them."""
        find, starts_with, running = block.find, block.startswith, self._running
        parts: list[bytes] = []
        places: list[int] = []
        position, size = 0, len(block)
        while position < size:
            end = find(b"\n", position)
            if end < 0:
                end = size
            if starts_with(_END, position):
                places.append(position)
                # Where it stood in the line before, a few digits more or less.
                begin = find(_ACCUMULABLES, position + self._begin, end)
                executor = find(_EXECUTOR, end - self._executor, end) if begin > 0 else -1
                if executor > begin and starts_with(_NO_HEAP, executor + _AFTER_EXECUTOR):
                    metrics = find(_METRICS, end - self._metrics, end)
                    if metrics > executor:
                        parts += (block[position:begin], _JOINT, block[metrics:end], b"\n")
                        position = end + 1
                        continue
                begin, metrics = self._cut(block, position, end)
                if metrics > 0:
                    parts += (block[position:begin], _JOINT, block[metrics:end], b"\n")
                else:
                    parts += (block[position:end], b"\n")
            elif starts_with(_START, position):
                number = find(_TASK, position, position + _TASK_WITHIN) + _AFTER_TASK
                digits = block[number : find(b",", number, number + 20)]
                if digits.isdigit() and end < size and len(running) < _MAX_RUNNING:
                    running[int(digits)] = block[position:end]
                else:
                    self.start(block[position:end])
            elif end > position:
                if places:
                    self._ended(block, parts, places)
                    parts, places = [], []
                other(block[position:end])
            position = end + 1
        if places:
            self._ended(block, parts, places)

    def _cut(self, block: bytes, position: int, end: int) -> tuple[int, int]:
        """Give where a task's end is cut: its accumulables and, without a heap measured, its executor's metrics.

        They are half of the line and repeat what its metrics say. Inside a JSON text a quote is escaped, so that these
        names can only be keys. Where they do not stand as Spark writes them, the second place is -1: not to be cut.
        """
        begin = block.find(_ACCUMULABLES, position, end)
        if begin < 0:
            return 0, -1
        executor = block.find(_EXECUTOR, begin, end)
        metrics = block.find(_METRICS, max(begin, executor), end)
        if metrics < 0:
            return 0, -1
        self._begin = max(begin - position - _DIGITS, 0)
        self._metrics = end - metrics + _DIGITS
        if executor < 0:
            return begin, metrics
        self._executor = end - executor + _DIGITS
        return begin, metrics if block.startswith(_NO_HEAP, executor + _AFTER_EXECUTOR) else executor

    def start(self, line: bytes) -> None:
        """Remember a task that started, undecoded."""
        found = _TASK_ID.search(line, 0, 4096)
        self.torn = not line.endswith((b"}", b"}\r"))
        if found is not None and not self.torn:
            if len(self._running) >= _MAX_RUNNING:
                del self._running[next(iter(self._running))]
            self._running[int(found[1])] = line

    def end(self, line: bytes) -> None:
        """Count one task's end."""
        event = _ENDS.decode(line)
        self.torn = event is None
        if event is not None:
            self._count([event], lambda _: event)

    def unfinished(self) -> None:
        """Count the tasks that never ended."""
        for line in self._running.values():
            event = _STARTS.decode(line)
            if event is not None:
                self.saw(event.info.launch)
                self._stages.of(event.stage, event.attempt).unfinished.add(event.info.launch)

    def _ended(self, block: bytes, parts: list[bytes], places: list[int]) -> None:
        """Decode the ends of tasks that were found in a block, and count them."""

        def whole(number: int) -> TaskEnd | None:
            place = places[number]
            end = block.find(b"\n", place)
            found: TaskEnd | None = _ENDS.decode(block[place : end if end >= 0 else len(block)])
            return found

        try:
            events = _decode_lines(b"".join(parts))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events = []
        if len(events) != len(places):
            for number in range(len(places)):
                event = whole(number)
                self.torn = event is None
                if event is not None:
                    self._count([event], lambda _, event=event: event)  # type: ignore[misc]
            return
        self.torn = False
        self._count(events, whole)

    def _count(self, events: list[TaskEnd], whole: Callable[[int], TaskEnd | None]) -> None:
        """Count ends of tasks, stage by stage; ``whole`` decodes one of them with its accumulables."""
        groups: dict[tuple[int, int], list[TaskEnd]] = {}
        firsts: dict[tuple[int, int], int] = {}
        for number, event in enumerate(events):
            key = (event.stage, event.attempt)
            if key in groups:
                groups[key].append(event)
            else:
                groups[key], firsts[key] = [event], number
        if len(groups) > 1 and len(self._stages.kept) + len(groups) > MAX_STAGES:
            # Stages make room for others: which, is not to depend on how the lines were divided into blocks.
            for number, event in enumerate(events):
                self._count([event], lambda _, number=number: whole(number))  # type: ignore[misc]
            return
        for key, group in groups.items():
            stage = self._stages.of(*key)
            stage.take_tasks(group)
            if not stage.asked and not stage.accumulators:
                # Its first task tells which SQL metrics a stage has, should its own end never be written.
                stage.asked = True
                first = whole(firsts[key])
                if first is not None:
                    stage.take_accumulables(first.info.accumulables)
        running = self._running
        for event in events:
            running.pop(event.info.task_id, None)
            if event.executor is not None and event.executor.heap > self.heap:
                self.heap = event.executor.heap
        self.saw(max((at for event in events if (at := event.info.finish) < _LATEST), default=None))

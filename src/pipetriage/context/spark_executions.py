"""Gathers the SQL executions of an application, and joins their plans to the stages that ran them."""

from typing import Any

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_plans import Measured, Plan, decode_plan, read_plan
from pipetriage.context.spark_records import Accumulable, DriverAccumulators, ExecutionEnd, ExecutionStart
from pipetriage.context.spark_stages import Named, Stage
from pipetriage.context.spark_words import KEPT, execution_error, looked_at, told
from pipetriage.model.spark import ScanFacts, SqlExecution, WriteFacts
from pipetriage.model.times import parse_time

MAX_KEPT = 50
"""Executions in the facts."""
_MAX_OPEN = 64
"""Executions whose plans are kept: of those that ended, the last; stages may report after their execution's end."""
_MAX_ACCUMULATORS = 200_000
_MAX_MEASURED = 30
_MAX_KEYS, _MAX_OPERATORS = 8, 12
_DESCRIPTION, _ERROR, _WHAT = 300, 2000, 300


class Execution:
    """One SQL execution."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.description = ""
        self.started: int | None = None
        self.ended: int | None = None
        self.error, self.condition = "", None  # type: str, str | None
        self.plan = Plan([], [], [], [])
        self.values: dict[int, int] = {}
        self.ids: set[int] = set()

    @property
    def weight(self) -> tuple[bool, int]:
        """What makes it worth keeping: that it failed or did not end, then the size of its scans."""
        scans = [one.metrics for one in self.plan.scans]
        sizes = [self.values.get(one.get(name, -1), 0) for one in scans for name in ("files", "bytes")]
        return bool(self.error) or self.ended is None, sum(sizes)

    def facts(self, redactor: Redactor) -> SqlExecution:
        """Give it redacted."""
        return SqlExecution(
            execution_id=self.number,
            evidence=f"execution-{self.number}",
            description=redactor.text(self.description)[:_DESCRIPTION],
            started_at=parse_time(self.started),
            ended_at=parse_time(self.ended),
            failed=bool(self.error),
            condition=self.condition,
            error=told(self.error, redactor, _ERROR) if self.error else "",
            scans=tuple(self._scan(one, redactor) for one in self.plan.scans[:_MAX_MEASURED]),
            writes=tuple(self._write(one, redactor) for one in self.plan.writes[:_MAX_MEASURED]),
        )

    def _numbers(self, measured: Measured) -> dict[str, int]:
        return {name: self.values[number] for name, number in measured.metrics.items() if number in self.values}

    def _scan(self, scan: Measured, redactor: Redactor) -> ScanFacts:
        what = scan.what if not scan.word or scan.word == "iceberg" else f"{scan.word} {scan.what}"
        numbers = self._numbers(scan)
        planning, listing = (numbers.pop(name, None) for name in ("planning_ms", "listing_ms"))
        return ScanFacts(
            what=redactor.text(what)[:_WHAT],
            format=scan.word,
            planning_ms=None if planning is None else float(planning),
            listing_ms=None if listing is None else float(listing),
            **numbers,
        )

    def _write(self, write: Measured, redactor: Redactor) -> WriteFacts:
        numbers = self._numbers(write)
        times = [numbers.pop(name) for name in ("job_commit_ms", "task_commit_ms") if name in numbers]
        return WriteFacts(
            command=redactor.text(write.word)[:_WHAT],
            what=redactor.text(write.what)[:_WHAT],
            commit_ms=float(sum(times)) if times else None,
            **numbers,
        )


class Executions:
    """The executions of an application: plans of the last ones, and of the others the most telling."""

    def __init__(self) -> None:
        self._open: dict[int, Execution] = {}
        self._closed: list[Execution] = []
        self._owner: dict[int, int] = {}
        """Accumulator to execution, of those whose plans are kept."""
        self.dropped = 0

    def start(self, event: ExecutionStart) -> None:
        """Take a start, or a plan made anew on the way."""
        if event.execution is None:
            return
        execution = self._of(event.execution)
        execution.description = event.description[:KEPT] or execution.description
        execution.started = event.time or execution.started
        if event.plan is not None:
            self._take_plan(execution, read_plan(decode_plan(bytes(event.plan))))

    def end(self, event: ExecutionEnd) -> None:
        """Take an end; there are ends without a start."""
        if event.execution is not None:
            execution = self._of(event.execution)
            said, execution.condition = execution_error(event.error)
            execution.error = looked_at(said, KEPT)
            execution.ended = event.time

    def driver_values(self, event: DriverAccumulators) -> None:
        """Take the numbers that the driver counted: files listed, partitions, planning times."""
        execution = self._open.get(event.execution) if event.execution is not None else None
        if execution is not None:
            execution.values.update((number, value) for number, value in event.updates if number in execution.ids)

    def stage_values(self, accumulables: tuple[Accumulable, ...]) -> None:
        """Take the sums that tasks counted, as a stage's end gives them."""
        for one in accumulables:
            execution = self._open.get(self._owner.get(one.id, -1)) if one.id is not None else None
            if execution is not None and one.id is not None:
                value = _whole(one.value)
                if value is not None and value > execution.values.get(one.id, -1):
                    execution.values[one.id] = value

    def names(self, stage: Stage, parents: list[Stage]) -> Named:
        """Say what the plan tells of a stage.

        The tasks' accumulators name the plan's nodes. Where no task ended there are none: then the exchange is found
        that the parents wrote.
        """
        executions = self._owners(stage.accumulators)
        keys = _keys(executions, stage.accumulators, written=False)
        if not keys:
            written = frozenset(number for parent in parents for number in parent.accumulators)
            keys = _keys(self._owners(written), written, written=True)
        operators = [
            name
            for execution in executions
            for name, ids in execution.plan.operators
            if not stage.accumulators.isdisjoint(ids)
        ]
        return Named(keys[:_MAX_KEYS], tuple(dict.fromkeys(operators))[:_MAX_OPERATORS])

    def facts(self, redactor: Redactor) -> tuple[tuple[SqlExecution, ...], int]:
        """Give the most telling executions, and how many there were besides."""
        everything = [*self._closed, *self._open.values()]
        # Of equals the later ones: what broke the run comes late.
        kept = sorted(everything, key=lambda one: (*one.weight, one.number), reverse=True)[:MAX_KEPT]
        ordered = sorted(kept, key=lambda one: (not one.weight[0], -one.weight[1], one.number))
        return tuple(one.facts(redactor) for one in ordered), self.dropped + len(everything) - len(kept)

    def _owners(self, accumulators: frozenset[int]) -> list[Execution]:
        numbers = {number for one in accumulators if (number := self._owner.get(one)) is not None}
        return [self._open[number] for number in sorted(numbers)]

    def _of(self, number: int) -> Execution:
        found = self._open.get(number)
        if found is None:
            while self._open and (len(self._open) >= _MAX_OPEN or len(self._owner) > _MAX_ACCUMULATORS):
                self._close()
            found = self._open[number] = Execution(number)
        return found

    def _close(self) -> None:
        ended = (number for number, one in self._open.items() if one.ended is not None)
        execution = self._open.pop(next(ended, next(iter(self._open))))
        for accumulator in execution.ids:
            if self._owner.get(accumulator) == execution.number:
                del self._owner[accumulator]
        execution.ids = set()
        execution.plan.exchanges.clear()
        execution.plan.operators.clear()
        self._closed.append(execution)
        if len(self._closed) > 2 * MAX_KEPT:
            self._closed.sort(key=lambda one: (*one.weight, one.number), reverse=True)
            self.dropped += len(self._closed) - MAX_KEPT
            del self._closed[MAX_KEPT:]

    def _take_plan(self, execution: Execution, plan: Plan) -> None:
        if len(self._owner) > _MAX_ACCUMULATORS:
            return
        # Of exchanges and operators all that ever were: a stage ran on the plan of its time.
        exchanges, operators = execution.plan.exchanges, execution.plan.operators
        known = {*exchanges, *operators}
        exchanges += [one for one in plan.exchanges if one not in known]
        operators += [one for one in plan.operators if one not in known]
        execution.plan = plan._replace(exchanges=exchanges, operators=operators)
        ids = {number for one in (*plan.scans, *plan.writes) for number in one.metrics.values()}
        ids.update(number for one in plan.exchanges for number in (*one.read, *one.written))
        ids.update(number for _, numbers in plan.operators for number in numbers)
        execution.ids |= ids
        # An accumulator is one execution's; of a log that says otherwise the last word counts.
        self._owner.update(dict.fromkeys(ids, execution.number))


def _keys(executions: list[Execution], accumulators: frozenset[int], *, written: bool) -> tuple[str, ...]:
    found = [
        key
        for execution in executions
        for exchange in execution.plan.exchanges
        if not accumulators.isdisjoint(exchange.written if written else exchange.read)
        for key in exchange.keys
    ]
    return tuple(dict.fromkeys(found))


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None

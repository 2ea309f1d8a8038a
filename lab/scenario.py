"""One seed as a frozen scenario: the pipeline, its table, what fails and how, and who else writes. Pure."""

import random
from dataclasses import dataclass
from typing import Literal

from lab.recipes import MODES, PYTHON_MODES, Format, Recipe, recipe
from lab.rows import SHOPS, Layout

Stamp = Literal["run", "batch", "run_and_batch", "app", "none"]
ControlKind = Literal["none", "undeclared", "kept", "stuck", "early_success", "skips"]
FaultPoint = Literal[
    "before_reading",
    "source_missing",
    "while_reading",
    "files_written",
    "halfway",
    "between_commits",
    "after_commit",
    "in_control",
    "after_control",
    "lost_answer_landed",
    "lost_answer_not_landed",
    "conflict",
    "none",
]
ErrorKind = Literal["throttled", "slow_down", "key_error", "cast", "memory", "access_denied", "connection"]
Ending = Literal["error", "killed", "running"]
OtherKind = Literal["job", "sibling_job", "overwriting_job", "compaction", "stream", "person"]
After = Literal[
    "nothing", "fix_append", "fix_delete", "compaction", "rollback", "expiry", "recreated", "source_gone", "late_file"
]
MISSING = (
    "log",
    "control",
    "events",
    "first_events",
    "history",
    "job",
    "source",
    "batch_id",
    "expected_partitions",
    "write_mode",
)
"""Signals and declarations that a seed may lack from the start."""


@dataclass(frozen=True)
class Fault:
    """What stops one attempt, and how."""

    point: FaultPoint
    step: int
    """Which commit, for the points that belong to one."""
    error: ErrorKind
    ending: Ending = "error"


@dataclass(frozen=True)
class Attempt:
    """One run of the failing batch."""

    how: Literal["first", "engine_retry", "orchestrator_retry"]
    fault: Fault


@dataclass(frozen=True)
class Other:
    """Another writer, and when it writes: during an attempt, at a step of it, or after the last one ended."""

    kind: OtherKind
    attempt: int
    """Index of the attempt; -1: after the last one ended."""
    step: int
    same_partitions: bool


@dataclass(frozen=True)
class Scenario:
    """Everything that a seed decides."""

    seed: int
    fmt: Format
    mode: str
    layout: Layout
    shops: tuple[str, ...]
    rows_per_shop: int
    empty_input: bool
    engine: Literal["spark", "python"]
    stamp: Stamp
    control: ControlKind
    bookmark: bool
    consumed: bool
    history: int
    attempts: tuple[Attempt, ...]
    max_retries: int
    others: tuple[Other, ...]
    later: int
    after: After
    missing: frozenset[str]
    wap_by_run: bool
    """The staged write is named after the run; else after the batch, and a rerun stages under the same name."""
    really_killed: bool
    triaged: int = -1
    """Which attempt is triaged: the last, or an earlier one that another has followed since."""
    killed_state: Literal["FAILED", "TIMEOUT", "STOPPED"] = "FAILED"
    """What the service makes of a run whose process is gone."""
    lands_late: bool = False
    """A commit whose answer was lost lands only after the run has ended."""
    format_version: Literal[1, 2] = 2
    """Iceberg's; pyiceberg does not write version 3 yet."""

    @property
    def recipe(self) -> Recipe:
        """The job's steps and declaration."""
        return recipe(self.fmt, self.mode, self.layout, self.shops)

    @property
    def fault(self) -> Fault:
        """What stopped the triaged run."""
        return self.attempts[self.triaged].fault

    @property
    def dies_for_real(self) -> bool:
        """Whether a process of its own is really killed; else a killed run is simply left where it is."""
        return self.really_killed and len(self.attempts) == 1 and self.fault.ending == "killed"

    @property
    def loses_events(self) -> bool:
        """Whether the first attempt's event log alone is missing."""
        return "first_events" in self.missing

    @property
    def stamped(self) -> bool:
        """Whether the run property is in the commits."""
        return self.stamp in {"run", "batch", "run_and_batch"}


def build(seed: int) -> Scenario:
    """Draw a scenario."""
    chance = random.Random(seed)
    fmt: Format = chance.choices(("iceberg", "delta", "parquet"), (70, 17, 13))[0]
    mode = chance.choice(MODES[fmt])
    layout: Layout = chance.choices(("shop", "day_shop", "day"), (55, 15, 30))[0]
    if mode == "delete_append":
        layout = chance.choice(("day", "day_shop"))
    shops = tuple(SHOPS[: chance.randint(2, 4)])
    python = mode in PYTHON_MODES or (fmt == "iceberg" and mode.startswith("append") and chance.random() < 0.2)
    made = recipe(fmt, mode, layout, shops)
    attempts = _attempts(chance, fmt, len(made.steps))
    control: ControlKind = chance.choices(
        ("none", "undeclared", "kept", "stuck", "early_success", "skips"), (20, 8, 40, 15, 8, 9)
    )[0]
    if attempts[-1].fault.point in {"in_control", "after_control"} and control in {"none", "undeclared"}:
        control = "kept"
    after: After = chance.choices(
        (
            "nothing",
            "fix_append",
            "fix_delete",
            "compaction",
            "rollback",
            "expiry",
            "recreated",
            "source_gone",
            "late_file",
        ),
        (66, 5, 5, 7, 4, 5, 2, 2, 4),
    )[0]
    if (fmt != "iceberg" and after == "recreated") or (fmt == "parquet" and after == "rollback"):
        after = "nothing"
    triaged = -1
    if len(attempts) > 1 and attempts[0].fault.ending != "running" and chance.random() < 0.15:
        # Someone asks about the first attempt, though another has followed: often one that went well.
        triaged = 0
        if chance.random() < 0.6:
            attempts = (*attempts[:-1], Attempt(attempts[-1].how, Fault("none", 0, "throttled")))
    return Scenario(
        seed=seed,
        fmt=fmt,
        mode=mode,
        layout=layout,
        shops=shops,
        rows_per_shop=chance.randint(1, 4),
        empty_input=chance.random() < 0.03,
        engine="python" if python else "spark",
        stamp=_stamp(chance, fmt, python),
        control=control,
        bookmark=chance.random() < 0.05,
        consumed=chance.random() < 0.03,
        history=chance.choices((0, 1, 2, 3), (8, 35, 35, 22))[0],
        attempts=attempts,
        max_retries=chance.choices((0, 1), (95, 5))[0],
        others=_playable(mode, _others(chance, fmt, len(attempts), len(made.steps))),
        later=chance.choices((0, 1, 2), (72, 20, 8))[0],
        after=after,
        missing=_missing(chance),
        wap_by_run=chance.random() < 0.5,
        really_killed=chance.random() < 0.06,
        triaged=triaged,
        killed_state=chance.choices(("FAILED", "TIMEOUT", "STOPPED"), (60, 25, 15))[0],
        lands_late=chance.random() < 0.3,
        format_version=chance.choices((1, 2), (15, 85))[0],
    )


def _stamp(chance: random.Random, fmt: Format, python: bool) -> Stamp:
    unstamped: Stamp = "none" if python or fmt != "iceberg" or chance.random() < 0.35 else "app"
    stamps: tuple[Stamp, ...] = ("run", "batch", "run_and_batch", unstamped)
    return chance.choices(stamps, (20, 12, 20, 48))[0]


def _attempts(chance: random.Random, fmt: Format, steps: int) -> tuple[Attempt, ...]:
    count = chance.choices((1, 2, 3), (68, 25, 7))[0]
    attempts: list[Attempt] = []
    # Either the engine retries or the orchestrator does; where both would, the engine comes first every time.
    again: Literal["engine_retry", "orchestrator_retry"] = chance.choice(("engine_retry", "orchestrator_retry"))
    for number in range(count):
        how: Literal["first", "engine_retry", "orchestrator_retry"] = again if number else "first"
        fault = _fault(chance, fmt, steps)
        if fault.point == "source_missing" and number:
            fault = Fault("before_reading", 0, fault.error)
        attempts.append(Attempt(how, fault))
    if count > 1 and chance.random() < 0.2:
        # An earlier attempt that was given up by the orchestrator and still runs.
        first = attempts[0]
        point: FaultPoint = "between_commits" if steps > 1 and chance.random() < 0.6 else "files_written"
        attempts[0] = Attempt(first.how, Fault(point, 0, first.fault.error, "running"))
        attempts[1:] = [Attempt("orchestrator_retry", one.fault) for one in attempts[1:]]
    return tuple(attempts)


def _fault(chance: random.Random, fmt: Format, steps: int) -> Fault:
    points: list[FaultPoint] = ["before_reading", "while_reading", "files_written", "after_commit", "in_control"]
    weights = [14, 12, 20, 10, 8]
    optional: list[tuple[FaultPoint, int, bool]] = [
        ("source_missing", 6, True),
        ("after_control", 4, True),
        ("between_commits", 18, steps > 1),
        ("halfway", 10, fmt == "parquet"),
        ("lost_answer_landed", 6, fmt == "iceberg"),
        ("lost_answer_not_landed", 4, fmt == "iceberg"),
        ("conflict", 6, fmt == "iceberg"),
    ]
    for name, weight, possible in optional:
        if possible:
            points.append(name)
            weights.append(weight)
    point = chance.choices(points, weights)[0]
    step = steps - 1 if point == "after_commit" else chance.randrange(steps)
    if point == "between_commits":
        step = chance.randrange(steps - 1)
    errors: tuple[ErrorKind, ...] = ("throttled", "throttled", "slow_down", "key_error", "cast", "memory", "connection")
    error = chance.choice(errors)
    if point in {"before_reading", "files_written"} and chance.random() < 0.12:
        error = "access_denied"
    dies = point not in {"lost_answer_landed", "lost_answer_not_landed", "conflict", "source_missing"}
    # A killed committer leaves the most behind in a plain table.
    likely = 0.5 if fmt == "parquet" else 0.28
    return Fault(point, step, error, "killed" if dies and chance.random() < likely else "error")


def _others(chance: random.Random, fmt: Format, attempts: int, steps: int) -> tuple[Other, ...]:
    if chance.random() > 0.46:
        return ()
    kinds: tuple[OtherKind, ...] = ("job", "sibling_job", "overwriting_job", "compaction", "stream", "person")
    weights = (30, 6, 12, 18, 14, 20)
    made = []
    for _ in range(chance.choices((1, 2), (75, 25))[0]):
        when = chance.randrange(attempts) if chance.random() < 0.85 else -1
        made.append(
            Other(
                kind=chance.choices(kinds, weights)[0],
                attempt=when,
                step=chance.randrange(-1, steps),
                same_partitions=chance.random() < 0.5,
            )
        )
    return tuple(made)


def _playable(mode: str, others: tuple[Other, ...]) -> tuple[Other, ...]:
    """Leave out what cannot be played: pyiceberg's upsert refuses a table in which somebody appended a key again."""
    return tuple(one for one in others if mode != "merge_upsert" or one.kind == "compaction")


def _missing(chance: random.Random) -> frozenset[str]:
    if chance.random() > 0.35:
        return frozenset()
    return frozenset(chance.sample(MISSING, chance.choices((1, 2, 3), (60, 30, 10))[0]))

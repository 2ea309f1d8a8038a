"""The nouns: a fault, the variants it is composed in, and what a twist does to the evidence. Data only."""

from dataclasses import dataclass, field
from typing import Literal

Category = Literal[
    "SCHEMA_DRIFT",
    "DATA_SKEW",
    "SMALL_FILE_PRESSURE",
    "SOURCE_DELAY",
    "CODE_REGRESSION",
    "PERMISSION_ERROR",
    "PARTIAL_WRITE_RISK",
    "UNKNOWN",
]
Point = Literal["launch", "start", "read", "tasks", "write", "commit", "end"]
"""How far the run got before the fault: before Spark, with the session, reading, in tasks, in a write, at its commit,
after the last write."""
Kind = Literal["python", "java", "analysis", "tasks"]
"""Where an exception was thrown: in Python alone, in the JVM's driver, by Spark's analysis, in tasks."""
Written = Literal["nothing", "leftovers", "some", "all"]
"""What the batch left: nothing, files that no commit names, some of its commits, all of them."""
Mode = Literal["append", "overwrite_partitions", "merge"]
Clears = Literal["no", "transient", "source"]
"""What makes the cause go away: a person, time, the arrival of the input."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One log record; ``second`` counts from the moment of the fault (negative: before it)."""

    second: float
    level: str
    logger: str
    message: str
    side: Literal["driver", "executor", "output", "raw"] = "driver"
    """``raw`` lines carry no layout of their own."""


@dataclass(frozen=True, kw_only=True)
class Error:
    """What was thrown."""

    kind: Kind
    call: str
    """The call of the job's script that did not return: a key of ``traces.CALLS``."""
    chain: tuple[tuple[str, str], ...] = ()
    """The JVM's exceptions, outermost first: text, and the name of a block of frames."""
    python: str = ""
    """The last line of the Python traceback, where the exception is Python's own."""
    code: str = ""
    """The script's line; empty: the usual one of the call."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One case of a fault: what differs from its siblings."""

    written: Written = "nothing"
    mode: Mode = "append"
    deployment: Literal["none", "old", "recent"] = "none"
    glue: Literal["", "4.0", "5.0"] = ""
    """Empty: chosen by the case's name."""
    pipeline: str = ""
    """A name of ``pipelines.PIPELINES``; empty: chosen by the case's name."""
    extras: tuple[str, ...] = ()
    """Circumstances that ``world.py`` plays and ``labels.py`` weighs."""
    without: tuple[str, ...] = ()
    """Signals that could not be read."""
    category: Category | None = None
    """Another label than the fault's, where this variant's circumstances change the cause."""
    also: tuple[Category, ...] | None = None
    safe: bool | None = None
    """Only where the circumstances of an adversarial case decide otherwise than the rules of ``labels.py``."""
    harmless: bool | Literal["rules"] | None = "rules"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One template of a failure, and the cases made of it."""

    family: str
    category: Category
    point: Point
    error: Error | None
    note: str
    """Why a careful engineer would give this label."""
    clears: Clears = "no"
    also: tuple[Category, ...] = ()
    state: Literal["FAILED", "TIMEOUT", "STOPPED", "SUCCEEDED"] = "FAILED"
    message: str | None = None
    """The JobRun's ErrorMessage; None: made from the error as Glue does it; empty: none."""
    hint: str = "UNCLASSIFIED_ERROR"
    """Glue's own ``Error Category``, where the run shows one."""
    before: tuple[Line, ...] = ()
    after: tuple[Line, ...] = ()
    """Records before and after the error itself."""
    seconds: int = 0
    """How long the run took; 0: what its work takes."""
    extras: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = (Variant(),)


@dataclass(frozen=True, kw_only=True)
class Twist:
    """What an adversary, or bad luck, does to a case's evidence."""

    early: tuple[Line, ...] = ()
    before: tuple[Line, ...] = ()
    after: tuple[Line, ...] = ()
    cut: Literal["", "head", "tail", "middle"] = ""
    repeat: int = 0
    """So many more copies of the error, as retries print it."""
    words: tuple[tuple[str, str], ...] = ()
    """Replacements in every message of the log and in the ErrorMessage: translations, colours, junk."""
    silent: bool = False
    """The log holds no trace of the error."""
    files: tuple[tuple[str, str], ...] = ()
    """More files of the bundle, as text."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case to be written."""

    name: str
    fault: Fault
    variant: Variant
    twist: Twist = field(default_factory=Twist)

    def extras(self) -> frozenset[str]:
        """Give all circumstances."""
        return frozenset((*self.fault.extras, *self.variant.extras))

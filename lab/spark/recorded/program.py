"""What a recorded case is made from: a program, how it is broken, and the variants that are played of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.spark.recorded.domains import DOMAINS, Domain, Row
from lab.spark.recorded.process import Kind
from lab.spark.recorded.services import Fault

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
Category = Literal[
    "SCHEMA_DRIFT", "DATA_SKEW", "SMALL_FILE_PRESSURE", "SOURCE_DELAY", "CODE_REGRESSION", "PERMISSION_ERROR",
    "PARTIAL_WRITE_RISK", "UNKNOWN",
]  # fmt: skip
Edits = tuple[tuple[str, str], ...]
Deployed = Literal["", "old", "script", "other"]
"""Deployments are not declared; the last was weeks ago; one touched the job's script between its last good run and the
failing one; one then touched something else."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """An output table, in the words of its program's domain."""

    name: str = ""
    """``database.table``; empty: the domain's own."""
    columns: str = ""
    """The columns' DDL; empty: those of the feed."""
    partitions: Literal["group", "day", ""] = "group"
    format: Literal["iceberg", "parquet"] = "iceberg"
    write_mode: str = "append"
    keys: tuple[str, ...] = ()
    commits: Literal["one", "many"] = "one"
    role: Literal["target", "staging"] = "target"
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Feed:
    """How a batch's input lies there."""

    format: Literal["json", "csv", "parquet", "none"] = "json"
    rows: Callable[[list[Row], Domain], list[Row]] | None = None
    """Changes the failing batch's records."""
    files: Callable[[Path, Domain], None] | None = None
    """Changes the failing batch's folder afterwards."""
    types: dict[str, str] = field(default_factory=dict)
    """For Parquet: domain field to the type in the failing batch's files."""
    only_last: bool = False
    """The types are only those of the last file."""
    absent: bool = False
    """The failing batch's folder is not there at all."""
    good_rows: Callable[[list[Row], Domain], list[Row]] | None = None
    """Changes every batch's records."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One case of a program."""

    domain: str = ""
    good: int = 1
    glue: Literal["4.0", "5.0", "6.0"] = "5.0"
    deployed: Deployed = "old"
    declared: bool = True
    """Whether the contract declares the input's columns."""
    earlier: bool = False
    """An attempt before this one failed in the same way."""
    later: bool = False
    """The next batch ran well before the triage."""
    edits: Edits = ()
    """Changes the program itself, in the words of its own domain: another write mode, a survived warning."""
    write_mode: str = ""
    broken: Edits = ()
    """Changes of the failing version alone, where the broken script cannot be a file of its own."""
    faults: tuple[Fault, ...] | None = None
    category: Category | None = None
    acceptable: tuple[Category, ...] | None = None
    clears: bool | None = None
    kill: str = ""
    """A glob below the warehouse: the driver is killed when a new such file appears."""
    full_log: bool = False
    history: bool = False
    conf: dict[str, str] = field(default_factory=dict)
    note: str = ""
    broken_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Program:
    """One failing program and all that makes it fail."""

    name: str
    category: Category
    why: str
    """How the failure was made and why that is its category."""
    variants: tuple[Variant, ...]
    script: str = ""
    """The program's file, where it is not the name's."""
    domain: str = "orders"
    acceptable: tuple[Category, ...] = ()
    clears: bool = False
    """The cause goes away without a person's doing."""
    feed: Feed = Feed()
    tables: tuple[Table, ...] = (Table(),)
    before: Edits = ()
    """What turns the program into the version that ran well until the failing run; empty: it is the same."""
    faults: tuple[Fault, ...] = ()
    kind: Kind = field(default_factory=Kind)
    conf: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """More arguments; ``{…}`` are places of the platform."""
    broken_arguments: tuple[str, ...] = ()
    """Arguments that differ in the failing run on this machine, and are the same once the case is neutral."""
    setup: tuple[str, ...] = ()
    """Statements an administrator ran before all batches."""
    upset: tuple[str, ...] = ()
    """Statements somebody ran just before the failing run."""
    undo: tuple[str, ...] = ()
    """Statements that clear the cause for a rerun."""
    meanwhile: tuple[str, ...] = ()
    """Statements another application runs where a fault says ``meanwhile``."""
    setup_files: dict[str, str] = field(default_factory=dict)
    """Files that are there from the beginning, by their path below the platform's folder."""
    derby: tuple[str, ...] = ()
    """Statements that make the Derby database ``desk`` in the scratch folder."""
    derby_upset: tuple[str, ...] = ()
    """Statements its owner ran just before the failing run."""
    prepare: tuple[str, ...] = ()
    """Statements the upstream runs for each batch that it delivers; not for the failing one."""
    beside: Callable[[Path, Domain, str, bool], None] | None = None
    """Writes what else the upstreams deliver: platform folder, domain, batch, whether it is the failing one's."""
    meanwhile_files: Callable[[Path], None] | None = None
    """What happens to the batch's folder where a fault says ``meanwhile``."""
    place: Callable[[Path], None] | None = None
    """Changes the platform's folder just before the failing run."""
    unplace: Callable[[Path], None] | None = None
    catalog: Literal["hadoop", "rest"] = "hadoop"
    succeeds: bool = False
    per_group: int = 12
    seconds: float = 150.0
    timeout: float | None = None
    """Seconds after which Glue ends the failing run (state TIMEOUT)."""
    source: str = ""
    """Where the program reads; empty: the batch's input folder."""
    min_records: int | None = None
    quality: dict[str, Any] | None = None
    """A Data Quality result of the failing run."""
    master: str = "local[2,2]"
    effects: str = ""
    """Declared side effects elsewhere."""

    def text(self, variant: Variant, *, good: bool) -> str:
        """Give the script's text; the version before the failing one when ``good``."""
        text = (PROGRAMS / f"{self.script or self.name}.py").read_text(encoding="utf-8")
        for old, new in (*variant.edits, *(self.before if good else variant.broken)):
            if old not in text:
                raise ValueError(f"{self.name}: {old!r} is not in the program")
            text = text.replace(old, new)
        return text

    def base(self) -> Domain:
        """The domain in whose words the program is written."""
        return DOMAINS[self.domain]

"""The declared contract of one pipeline (``[pipelines.<name>]`` in pipetriage.toml; design section 7)."""

from typing import Literal

import msgspec

WriteMode = Literal["append", "overwrite_partitions", "overwrite_table", "merge", "delete_append", "swap"]
ExpectedPartitions = int | list[str | int] | str


class BatchIdFrom(msgspec.Struct, frozen=True, rename={"origin": "from"}):
    """Where a run's batch id is read: a job argument, the control row, or the source path."""

    origin: Literal["argument", "control", "path"] = "argument"
    name: str = "batch_id"


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One table that the pipeline writes."""

    table: str
    role: Literal["target", "staging"] = "target"
    format: str | None = None
    """``iceberg``, ``delta``, ``hudi``, ``parquet``, ``csv``, …; None when undeclared."""
    write_mode: WriteMode | None = None
    keys: list[str] = []
    merge_repeatable: bool = False
    partition_field: str | None = None
    expected_partitions: ExpectedPartitions | None = None
    commits: Literal["one", "many"] | None = None


class ControlColumns(msgspec.Struct, frozen=True):
    """The control table's own column names for what pipetriage reads."""

    batch_id: str = "batch_id"
    job_run_id: str = "job_run_id"
    status: str = "status"
    step: str = "step"
    attempt: str = "attempt"
    source_path: str = "source_path"
    records: str = "records"
    updated_at: str = "updated_at"


def _words(*values: str) -> list[str]:
    return list(values)


class ControlValues(msgspec.Struct, frozen=True):
    """The words the control table uses for each state (compared without case)."""

    succeeded: list[str] | str = msgspec.field(
        default_factory=lambda: _words(
            *("SUCCESS", "SUCCEEDED", "SUCCESSFUL", "COMPLETED", "COMPLETE", "DONE", "FINISHED"),
            *("LOADED", "PROCESSED", "PUBLISHED"),
        )
    )
    failed: list[str] | str = msgspec.field(
        default_factory=lambda: _words(
            *("FAILED", "FAILURE", "ERROR", "ABORTED", "CANCELLED", "CANCELED", "TIMEOUT", "STOPPED", "KILLED")
        )
    )
    running: list[str] | str = msgspec.field(
        default_factory=lambda: _words(
            *("RUNNING", "STARTED", "STARTING", "IN_PROGRESS", "PROCESSING", "PENDING", "QUEUED", "NEW", "CREATED")
        )
    )
    writing: list[str] | str = msgspec.field(default_factory=lambda: _words("WRITING", "PUBLISHING"))


class Control(msgspec.Struct, frozen=True):
    """Where the control row lives and how to read it."""

    location: str | None = None
    table: str | None = None
    columns: ControlColumns = ControlColumns()
    values: ControlValues = msgspec.field(default_factory=ControlValues)
    only: dict[str, str] = {}
    """Columns and the values that this pipeline's rows have in them, where several pipelines share the table."""


class Consumer(msgspec.Struct, frozen=True):
    """A downstream reader, and who answers for it."""

    name: str
    owner: str | None = None
    job: str | None = None
    """The reader's job name in lineage events, where it differs from ``name``."""
    table: str | None = None
    """The table it reads; None: any of the pipeline's outputs, unless ``reads`` names some."""
    reads: list[str] = []
    """Several tables that it reads, those of other consumers among them."""
    writes: list[str] = []
    """Tables that it writes, whose readers are exposed through it."""
    kind: str = "job"
    """``job``, ``dashboard``, ``report``, … as people call it."""
    schedule: str | None = None
    """When it starts, as a cron expression of five fields."""
    timezone: str = "UTC"
    """An IANA name; the schedule's."""

    def jobs(self) -> list[str]:
        """List the names of its job in lineage, as names are compared."""
        return [one.casefold() for one in (self.name, self.job) if one]

    def tables(self) -> list[str]:
        """List the tables that it is declared to read; none: any of the pipeline's outputs."""
        return [*self.reads, *([self.table] if self.table else [])]


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline promises. Everything but the name may be undeclared."""

    name: str = ""
    glue_job: str | None = None
    batch_id: BatchIdFrom | None = None
    source: str | None = None
    outputs: list[Output] = []
    target: str | None = None
    staging: str | None = None
    write_mode: WriteMode | None = None
    partition_field: str | None = None
    expected_partitions: ExpectedPartitions | None = None
    keys: list[str] = []
    merge_repeatable: bool = False
    format: str | None = None
    commits: Literal["one", "many"] | None = None
    snapshot_keys: list[str] = msgspec.field(
        default_factory=lambda: _words("glue-job-run-id", "job_run_id", "batch_id")
    )
    expected_schema: list[dict[str, str] | str] | dict[str, str] | None = None
    min_records: int | None = None
    max_attempts: int = 3
    other_effects: list[str] | str | bool | None = None
    source_consumed: bool = False
    control: Control | str | None = None
    """``"none"`` declares that there is no control table; None leaves it undeclared."""
    deployments: dict[str, str] | str | None = None
    owners: dict[str, str] = {}
    consumers: list[Consumer] = []
    drafted: bool = False
    """The declaration was drafted from past runs and no person has checked it: no rerun is then called SAFE."""

    def declared_outputs(self) -> list[Output]:
        """Give the outputs, with the shorthand for one target and one staging table spelled out."""
        outputs = list(self.outputs)
        named = {(output.role, output.table) for output in outputs}
        if self.target and ("target", self.target) not in named:
            outputs.append(
                Output(
                    table=self.target,
                    role="target",
                    format=self.format,
                    write_mode=self.write_mode,
                    keys=self.keys,
                    merge_repeatable=self.merge_repeatable,
                    partition_field=self.partition_field,
                    expected_partitions=self.expected_partitions,
                    commits=self.commits,
                )
            )
        if self.staging and ("staging", self.staging) not in named:
            # With a staging table the partitions arrive there first, one commit each or all at once; the
            # write mode is the target's own and says nothing of how staging is filled.
            outputs.append(
                Output(
                    table=self.staging,
                    role="staging",
                    format=self.format,
                    partition_field=self.partition_field,
                    expected_partitions=self.expected_partitions,
                )
            )
        return outputs

    def final_outputs(self) -> list[Output]:
        """Give the tables in which the pipeline's result lands: what passes through staging would count twice."""
        outputs = self.declared_outputs()
        return [one for one in outputs if one.role == "target"] or outputs

    def expected_names(self) -> list[str]:
        """Give the names of the declared schema's columns; none when it is undeclared."""
        named = (
            one.partition(" ")[0].rstrip(":") if isinstance(one, str) else one.get("name", one.get("Name", ""))
            for one in self.expected_schema or ()
        )
        return [name for name in named if name]

    def control_declaration(self) -> Control | None:
        """Give the declared control table; None when undeclared or declared absent."""
        return self.control if isinstance(self.control, Control) else None

    def owner_of(self, queue: str) -> str | None:
        """Find the declared owner of a queue, however its name was spelled (``platform_team``, ``platform``)."""

        def plain(name: str) -> str:
            return name.lower().replace("-", " ").replace("_", " ")

        wanted = plain(queue)
        for name, owner in self.owners.items():
            if plain(name) in {wanted, wanted.rsplit(" ", 1)[0], wanted.removesuffix(" queue")}:
                return owner
        return self.owners.get("default")

    def effects(self) -> list[str]:
        """List the declared side effects outside the output tables."""
        match self.other_effects:
            case None | False | "" | "none":
                return []
            case True:
                return ["undescribed side effects"]
            case str() as one:
                return [one]
            case several:
                return list(several)

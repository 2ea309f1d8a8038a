"""What a Glue job's last good runs did: their arguments, the tables they may write, the commits they made there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from pipetriage.aws.session import AwsSession
from pipetriage.errors import MissingExtraError, SourceError, TargetError
from pipetriage.model.habits import CommitSeen, Habits, PastRunSeen, TableSeen
from pipetriage.model.times import parse_time
from pipetriage.sources.glue import GlueJob, is_unknown
from pipetriage.sources.habit_tables import commits_of, described
from pipetriage.sources.lineage import lineage_events, outputs_of

MAX_TABLES = 20
"""Tables looked at; a call or three each."""
_CATALOGS_OWN = ("database", "db", "schema", "namespace")


def habits_of(
    aws: AwsSession,
    job: str,
    *,
    runs: int,
    tables: Sequence[str] = (),
    lineage: str | None = None,
    clock_skew: timedelta = timedelta(seconds=60),
    settle: timedelta = timedelta(seconds=120),
) -> Habits:
    """Read what the last good ``runs`` of a job did. ``tables`` are those that a person named.

    Raises:
        TargetError: there is no such job, or it or its runs cannot be read.
        CredentialsError: AWS does not know us.
    """
    glue = GlueJob(aws, job)
    try:
        document = glue.job().payload["Job"]
    except SourceError as error:
        if is_unknown(error):
            raise TargetError(f"Glue knows no job {job} in {aws.region}: check its name and --region") from error
        raise TargetError(str(error)) from error
    not_seen: list[str] = []
    try:
        history = glue.history()
    except SourceError as error:
        # Nothing at all could be drafted: a bare table of settings would look like a job that never ran.
        raise TargetError(f"the runs of job {job} could not be read: {error}") from error
    seen = list(_runs(history.payload["JobRuns"], document.get("DefaultArguments") or {}))
    good = [run for run in seen if run.succeeded and run.started_at][-runs:]
    found = Habits(
        job=job,
        script=(document.get("Command") or {}).get("ScriptLocation"),
        runs_complete=history.complete,
        streaming=(document.get("Command") or {}).get("Name") == "gluestreaming",
        runs=tuple(seen),
        good=tuple(good),
    )
    unknown: list[str] = []
    candidates = _candidates(aws, found, tables, lineage, unknown, not_seen)
    kept: dict[str, TableSeen] = {}
    for table in candidates:
        if table.name not in kept and len(kept) < MAX_TABLES:
            looked_at = _looked_at(aws, table, good, (clock_skew, settle), not_seen)
            if looked_at is not None:
                kept[table.name] = looked_at
    return replace(found, tables=tuple(kept.values()), unknown_outputs=tuple(unknown), not_seen=tuple(not_seen))


def _runs(found: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]) -> Iterator[PastRunSeen]:
    """Yield the runs, oldest first."""
    documents = sorted(found, key=lambda one: str(one.get("StartedOn") or ""))
    for one in documents:
        arguments = {**defaults, **(one.get("Arguments") or {})}
        yield PastRunSeen(
            run_id=str(one["Id"]),
            succeeded=one.get("JobRunState") == "SUCCEEDED",
            started_at=parse_time(one.get("StartedOn")),
            ended_at=parse_time(one.get("CompletedOn")),
            previous_run_id=one.get("PreviousRunId"),
            arguments={str(name): str(value) for name, value in arguments.items()},
        )


# Which tables


def _candidates(
    aws: AwsSession,
    habits: Habits,
    named: Sequence[str],
    lineage: str | None,
    unknown: list[str],
    not_seen: list[str],
) -> list[TableSeen]:
    """List the tables that the job may write: those a person named first, those that only an argument names last."""
    found = [TableSeen(name=name, named_by="person", where=f"--table {name}") for name in named]
    if lineage and habits.good:
        since = min(run.started_at for run in habits.good if run.started_at)
        try:
            events = lineage_events(aws, lineage, [habits.job], since)
        except SourceError as error:
            not_seen.append(f"lineage: {error}")
        else:
            for table, place in outputs_of(events.payload, habits.job):
                if table:
                    found.append(TableSeen(name=table, named_by="lineage", where=f"lineage events in {events.locator}"))
                elif place not in unknown:
                    unknown.append(place)
    found += [
        TableSeen(name=table, named_by="argument", where=f"argument --{argument}")
        for table, argument in _named_in_arguments(habits.good)
    ]
    return found


def _named_in_arguments(runs: Sequence[PastRunSeen]) -> Iterator[tuple[str, str]]:
    """Yield what may be a table in the newest run's arguments: ``sales.orders``, or a database and a table."""
    arguments = {name.lstrip("-"): value for run in runs[-1:] for name, value in run.arguments.items()}
    for name, value in arguments.items():
        words = name.lower().replace("-", "_")
        if "table" not in words:
            continue
        parts = value.split(".")
        if len(parts) in (2, 3) and all(part.replace("_", "").replace("-", "").isalnum() for part in parts):
            yield f"{parts[-2]}.{parts[-1]}", name
        elif len(parts) == 1 and value:
            database = _beside(words, arguments)
            if database:
                yield f"{database}.{value}", name


def _beside(table_argument: str, arguments: Mapping[str, str]) -> str | None:
    """Find the database of a table's argument: named alike (``target_table``, ``target_database``), or the only one."""
    databases = {
        name.lower().replace("-", "_"): value
        for name, value in arguments.items()
        if any(word in name.lower().replace("-", "_").split("_") for word in _CATALOGS_OWN)
    }
    for word in _CATALOGS_OWN:
        alike = table_argument.replace("table", word)
        for name in (alike, alike.removesuffix("_name")):
            if name in databases:
                return databases[name]
    return next(iter(databases.values())) if len(databases) == 1 else None


def _looked_at(
    aws: AwsSession,
    table: TableSeen,
    good: Sequence[PastRunSeen],
    around: tuple[timedelta, timedelta],
    not_seen: list[str],
) -> TableSeen | None:
    """Add what catalog and commits say of a table; None for one that an argument names and the catalog lacks."""
    try:
        known = described(aws, table.name)
    except SourceError as error:
        if table.named_by == "argument" and is_unknown(error):
            return None
        not_seen.append(f"table {table.name}: {error}")
        return table
    table = replace(table, format=known.format, partition_fields=known.partition_fields)
    if known.format != "iceberg" or not good:
        return table
    try:
        fields, commits = commits_of(aws, table.name, good, around)
    except (SourceError, MissingExtraError) as error:
        not_seen.append(f"commits of {table.name}: {error}")
        return table
    return replace(table, partition_fields=fields, commits=tuple(_newest_runs(commits, good)))


def _newest_runs(commits: Sequence[CommitSeen], good: Sequence[PastRunSeen]) -> list[CommitSeen]:
    known = {run.run_id for run in good}
    return [commit for commit in commits if commit.run_id in known]

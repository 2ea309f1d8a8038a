"""Thousands of tiny files: runs that use up their time on them, and runs that have them and die of something else."""

import json
from collections.abc import Callable
from pathlib import Path

from lab.spark.recorded.domains import Domain
from lab.spark.recorded.plans.services import aws
from lab.spark.recorded.program import Program, Variant

Beside = Callable[[Path, Domain, str, bool], None]
_EVENTS = ("--events_path", "{input}/events/{batch}/")


def _devices(count: int) -> Beside:
    """Deliver the devices' events of the day, a file a device and hour; so many in the failing batch, else few."""

    def deliver(folder: Path, domain: Domain, batch: str, broken: bool) -> None:
        for at in range(count if broken else 48):
            place = folder / "input" / "events" / batch / f"h={at % 24:02d}"
            place.mkdir(parents=True, exist_ok=True)
            event = {domain.group: domain.groups[at % len(domain.groups)], "at": f"{batch}T{at % 24:02d}:10:00Z"}
            (place / f"device-{at // 24:05d}.json").write_text(json.dumps(event) + "\n", encoding="utf-8")

    return deliver


_INSERT = (
    "INSERT INTO lake.energy.hourly_samples SELECT plant, timestamp_seconds(1760000000 + id * 3600), double(id % 977) "
    "FROM range({hours}) LATERAL VIEW explode(array('harbour', 'valley', 'ridge')) places AS plant"
)


def _samples(hours: int) -> tuple[str, ...]:
    """Make a table of the year's samples, a file an hour and plant, as a stream commits them."""
    return (
        "CREATE TABLE lake.energy.hourly_samples (plant string, at timestamp, value double) USING iceberg "
        # A writer a partition, all open at once, would need the memory of thousands.
        "PARTITIONED BY (hours(at), plant) TBLPROPERTIES ('write.spark.fanout.enabled' = 'false')",
        _INSERT.replace("{hours}", str(hours)),
    )


_DENIED = aws(
    "GetParameter",
    "AccessDeniedException",
    "User: arn:aws:sts::123456789012:assumed-role/etl-job/GlueJobRunnerSession is not authorized to perform: "
    "ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/logistics/surcharge because no "
    "identity-based policy allows the ssm:GetParameter action",
)
_THROTTLED = aws("GetParameter", "ThrottlingException", "Rate exceeded")

PROGRAMS = [
    Program(
        name="events_of_the_day",
        category="SMALL_FILE_PRESSURE",
        domain="shipments",
        acceptable=("UNKNOWN",),
        why="The devices delivered tens of thousands of files of one line each; listing and opening them takes longer "
        "than the job's timeout.",
        beside=_devices(30_000),
        arguments=_EVENTS,
        timeout=45.0,
        seconds=200.0,
        variants=(Variant(), Variant(domain="orders", glue="4.0", deployed="other", good=2)),
    ),
    Program(
        name="devices_counted",
        category="SMALL_FILE_PRESSURE",
        domain="trips",
        acceptable=("UNKNOWN",),
        why="The devices delivered tens of thousands of files of one line each; Spark lists each of them before it "
        "reads any, and that takes longer than the job's timeout.",
        beside=_devices(24_000),
        arguments=_EVENTS,
        conf={
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "60",
            "spark.sql.files.maxPartitionBytes": "256m",
        },
        timeout=40.0,
        seconds=200.0,
        variants=(Variant(), Variant(domain="payments", glue="4.0", deployed="other")),
    ),
    Program(
        name="year_of_samples",
        category="SMALL_FILE_PRESSURE",
        domain="readings",
        acceptable=("UNKNOWN",),
        why="The table of samples holds thousands of files of one row each; opening them takes longer than the job's "
        "timeout.",
        setup=_samples(240),
        upset=(
            _samples(1800)[1].replace("1760000000", "1770000000"),
            _samples(1800)[1].replace("1760000000", "1780000000"),
        ),
        timeout=35.0,
        seconds=200.0,
        variants=(Variant(), Variant(domain="claims", glue="4.0", deployed="other")),
    ),
    Program(
        name="events_then_denied",
        script="surcharge_after_events",
        category="PERMISSION_ERROR",
        domain="shipments",
        why="Thousands of tiny files were read, and that went well; then the job's role may not read a parameter.",
        beside=_devices(3000),
        arguments=_EVENTS,
        faults=(_DENIED,),
        variants=(Variant(), Variant(domain="trips", glue="4.0", deployed="other")),
    ),
    Program(
        name="events_then_throttled",
        script="surcharge_after_events",
        category="UNKNOWN",
        clears=True,
        domain="shipments",
        why="Thousands of tiny files were read, and that went well; then the parameter store throttled the job.",
        beside=_devices(3000),
        arguments=_EVENTS,
        faults=(_THROTTLED,),
        variants=(Variant(domain="payments"), Variant(domain="tickets", glue="4.0", deployed="other")),
    ),
    Program(
        name="events_read_well",
        script="surcharge_after_events",
        category="UNKNOWN",
        domain="shipments",
        why="Thousands of tiny files were read, and the run went well.",
        beside=_devices(3000),
        arguments=_EVENTS,
        succeeds=True,
        variants=(Variant(domain="claims", good=2), Variant(domain="readings", glue="4.0", good=2)),
    ),
]

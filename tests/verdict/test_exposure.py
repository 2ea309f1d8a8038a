"""Who read what a failed batch left: by snapshot, by time, by declaration, and through what others made of it."""

from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.incident import Incident
from pipetriage.model.write_state import Exposure
from tests.building_bundles import bundle, iceberg, iso, minute, run, snapshot, triage

HALF = (snapshot(2, 5, "eu", operation="append"),)
"""One of three partitions, appended five minutes after the start."""
GLUE = "arn:aws:glue:eu-west-1:111122223333"


def dataset(name: str = "sales.db/orders", namespace: str = "s3://lake", read: object = None, **facets: Any) -> Any:
    found = {"namespace": namespace, "name": name, "facets": facets}
    if read is not None:
        found["facets"] = facets | {"version": {"datasetVersion": str(read)}}
    return found


def symlinked(name: str, read: object = None) -> Any:
    link = {"identifiers": [{"namespace": GLUE, "name": name, "type": "TABLE"}]}
    return dataset("elsewhere/x", read=read, symlinks=link)


def reading(
    job: str,
    *inputs: Any,
    at: float = 15,
    minutes: float | None = 5,
    state: str = "COMPLETE",
    outputs: tuple[Any, ...] = (),
    run_id: str | None = None,
    **facets: Any,
) -> list[dict[str, Any]]:
    """A run's events: START, and its end after so many minutes; None: it goes on."""
    head = {"run": {"runId": run_id or f"{job}-{at}", "facets": facets}, "job": {"namespace": "x", "name": job}}
    events = [{**head, "eventType": "START", "eventTime": iso(minute(at)), "inputs": [], "outputs": []}]
    last = {**head, "inputs": list(inputs), "outputs": list(outputs)}
    if minutes is None:
        return [*events, {**last, "eventType": "RUNNING", "eventTime": iso(minute(at + 1))}]
    return [*events, {**last, "eventType": state, "eventTime": iso(minute(at + minutes))}]


def triaged(
    folder: Path,
    *events: list[dict[str, Any]],
    since: tuple[Any, ...] = HALF,
    consumers: list[dict[str, Any]] | None = None,
    files: dict[str, Any] | None = None,
    **more: Any,
) -> Incident:
    declared = more.pop("declared", {}) | {"consumers": consumers or []}
    lineage = {"lineage/events.jsonl": [event for some in events for event in some]} if events else {}
    return triage(folder, bundle(*since, declared=declared, files=lineage | (files or {}), **more))


def read_by(incident: Incident) -> dict[str, str]:
    return {one.consumer: str(one.status) for one in incident.exposure}


def only(incident: Incident) -> Exposure:
    (one,) = incident.exposure
    return one


# The window


def test_it_is_open_from_the_first_bad_commit_on(tmp_path: Path) -> None:
    (window,) = triaged(tmp_path).exposure_windows
    assert (window.table, window.since, window.until) == ("sales.orders", minute(5), None)
    assert (window.first_snapshot, window.ended_by) == ("1002", None)


def test_nothing_written_is_no_window(tmp_path: Path) -> None:
    incident = triaged(tmp_path, reading("report", dataset(read=1001)), since=(), consumers=[{"name": "board"}])
    assert incident.exposure_windows == []
    assert incident.exposure_coverage is None
    assert read_by(incident) == {"board": "NOT_EXPOSED"}


def test_one_commit_that_was_whole_is_no_window(tmp_path: Path) -> None:
    whole = (snapshot(2, 5, "ap", "eu", "us", operation="append"),)
    assert triaged(tmp_path, reading("report", dataset(read=1002)), since=whole).exposure_windows == []


def test_several_commits_are_a_window_until_they_are_whole(tmp_path: Path) -> None:
    three = tuple(snapshot(2 + n, 3 + n, region, operation="append") for n, region in enumerate(("ap", "eu", "us")))
    incident = triaged(
        tmp_path,
        reading("early", dataset(read=1003), at=4, minutes=1),
        reading("late", dataset(read=1004), at=6),
        reading("later", dataset(), at=30),
        since=three,
    )
    (window,) = incident.exposure_windows
    assert (window.since, window.until, window.ended_by) == (minute(3), minute(5), "completion")
    assert read_by(incident) == {"early": "CONFIRMED", "late": "NOT_EXPOSED", "later": "NOT_EXPOSED"}


def test_a_rollback_ends_it(tmp_path: Path) -> None:
    document, entries = iceberg(*HALF)
    document["current-snapshot-id"] = document["refs"]["main"]["snapshot-id"] = 1001
    back = int(minute(40).timestamp() * 1000)
    document["snapshot-log"].append({"timestamp-ms": back, "snapshot-id": 1001})
    document["last-updated-ms"] = back
    files = {"iceberg/target.metadata.json": document, "iceberg/target.entries.jsonl": entries}
    incident = triaged(
        tmp_path,
        reading("before", dataset(), at=20),
        reading("after", dataset(), at=45),
        reading("exact", dataset(read=1001), at=46),
        files=files,
    )
    (window,) = incident.exposure_windows
    assert (window.since, window.until, window.ended_by) == (minute(5), minute(40), "rollback")
    assert read_by(incident) == {"before": "POSSIBLE", "after": "NOT_EXPOSED", "exact": "NOT_EXPOSED"}


def test_a_snapshot_made_on_top_of_a_bad_one_is_bad(tmp_path: Path) -> None:
    later = snapshot(3, 30, "us", operation="append", stamp={"batch_id": "2026-11-22"})
    others = [run("jr_other", at=minute(25), state="SUCCEEDED", batch="2026-11-22"), run()]
    incident = triaged(tmp_path, reading("report", dataset(read=1003), at=35), since=(*HALF, later), runs=others)
    assert read_by(incident) == {"report": "CONFIRMED"}


def test_what_was_written_is_not_known_so_anyone_may_have_read_it(tmp_path: Path) -> None:
    unseen = {"iceberg/target.metadata.json": None, "iceberg/target.entries.jsonl": None}
    incident = triaged(tmp_path, reading("report", dataset(), at=20), consumers=[{"name": "board"}], files=unseen)
    assert read_by(incident) == {"report": "POSSIBLE", "board": "POSSIBLE"}


# Who read


@pytest.mark.parametrize(
    ("read", "status"), [(1002, "CONFIRMED"), (1001, "NOT_EXPOSED"), (777, "POSSIBLE"), (None, "POSSIBLE")]
)
def test_the_snapshot_that_was_read_decides(tmp_path: Path, read: object, status: str) -> None:
    assert read_by(triaged(tmp_path, reading("report", dataset(read=read)))) == {"report": status}


@pytest.mark.parametrize(
    ("at", "minutes", "status"),
    [
        (-60, 30, "NOT_EXPOSED"),
        (-60, 70, "POSSIBLE"),
        (3, 1.5, "POSSIBLE"),
        (-60, None, "POSSIBLE"),
        (50, 1, "POSSIBLE"),
    ],
)
def test_by_time_alone_it_is_only_possible(tmp_path: Path, at: float, minutes: float | None, status: str) -> None:
    """A reader whose clock is half a minute slow is no safer for it (clock skew: a minute)."""
    assert read_by(triaged(tmp_path, reading("report", dataset(), at=at, minutes=minutes))) == {"report": status}


@pytest.mark.parametrize("state", ["FAIL", "ABORT"])
def test_a_run_that_failed_has_read_all_the_same(tmp_path: Path, state: str) -> None:
    one = only(triaged(tmp_path, reading("report", dataset(read=1002), state=state)))
    assert one.status == "CONFIRMED"
    assert one.via.endswith(("it failed itself", "it was broken off"))


@pytest.mark.parametrize(
    "named",
    [
        dataset(),
        dataset("sales.db/orders/"),
        dataset(namespace="s3a://lake"),
        dataset("sales.db/orders/data/region=eu/1002.parquet"),
        symlinked("table/sales/orders"),
        symlinked("Sales.Orders"),
        dataset("glue_catalog.sales.orders", "spark"),
    ],
)
def test_a_table_is_known_by_its_place_and_by_its_names(tmp_path: Path, named: Any) -> None:
    assert read_by(triaged(tmp_path, reading("report", named))) == {"report": "POSSIBLE"}


@pytest.mark.parametrize(
    "named",
    [
        dataset("sales.db/orders_old"),
        dataset("sales.db/orders_old/data/x.parquet"),
        dataset("sales.db"),
        dataset("", "s3://lake"),
        dataset("stock.db/orders"),
        symlinked("table/stock/orders"),
        dataset("orders", "spark"),
        dataset("presales.orders", "spark"),
    ],
)
def test_another_table_is_not_taken_for_it(tmp_path: Path, named: Any) -> None:
    assert read_by(triaged(tmp_path, reading("report", named))) == {}


def test_the_pipelines_own_runs_are_no_readers(tmp_path: Path) -> None:
    own = (
        reading("orders", dataset()),
        reading("orders.append_data", dataset()),
        reading("x", dataset(), run_id="jr_now"),
    )
    assert read_by(triaged(tmp_path, *own)) == {}


def test_inputs_may_come_with_the_last_event_and_steps_are_one_run(tmp_path: Path) -> None:
    parent = {"run": {"runId": "root"}, "job": {"namespace": "x", "name": "revenue"}}
    incident = triaged(
        tmp_path,
        reading("revenue.scan", dataset(), at=20, parent=parent),
        reading("revenue.join", dataset(read=1002), at=21, parent={**parent, "root": parent}),
        reading("revenue", at=19, minutes=10, run_id="root"),
    )
    one = only(incident)
    assert (one.consumer, one.status, one.read_at, one.runs) == ("revenue", "CONFIRMED", minute(19), 1)


def test_a_consumer_with_many_runs_is_said_once_by_its_surest(tmp_path: Path) -> None:
    many = [reading("hourly", dataset(read=1002 if n == 3 else None), at=10 + n, minutes=0.5) for n in range(6)]
    one = only(triaged(tmp_path, *many))
    assert (one.status, one.read_at) == ("CONFIRMED", minute(13))
    unsure = only(triaged(tmp_path / "b", *many[:3]))
    assert (unsure.runs, unsure.read_at) == (3, minute(10))


def test_who_answers_is_declared_or_in_the_event(tmp_path: Path) -> None:
    owned = reading("mart", dataset(read=1002))
    for event in owned:
        event["job"]["facets"] = {"ownership": {"owners": [{"name": "team:marts"}]}}
    incident = triaged(
        tmp_path,
        owned,
        reading("rev.step", dataset(read=1002)),
        consumers=[{"name": "revenue", "job": "rev", "owner": "bi", "kind": "dashboard"}],
    )
    assert {one.consumer: (one.owner, one.kind) for one in incident.exposure} == {
        "mart": ("team:marts", "job"),
        "revenue": ("bi", "dashboard"),
    }


def test_a_branch_shows_itself_only_to_who_asks_for_it(tmp_path: Path) -> None:
    document, entries = iceberg(*HALF)
    document["current-snapshot-id"] = document["refs"]["main"]["snapshot-id"] = 1001
    document["refs"]["audit"] = {"snapshot-id": 1002, "type": "branch"}
    document["snapshot-log"] = document["snapshot-log"][:1]
    incident = triaged(
        tmp_path,
        reading("auditor", dataset(read=1002)),
        reading("report", dataset(), at=20),
        consumers=[{"name": "board"}],
        files={"iceberg/target.metadata.json": document, "iceberg/target.entries.jsonl": entries},
    )
    assert read_by(incident) == {"auditor": "CONFIRMED", "report": "NOT_EXPOSED", "board": "NOT_EXPOSED"}


# Through others


def test_what_was_made_of_it_is_followed(tmp_path: Path) -> None:
    mart, cube = dataset("marts/revenue"), dataset("marts/cube")
    incident = triaged(
        tmp_path,
        reading("mart", dataset(read=1002), outputs=(dataset("marts/revenue", read=51),), at=15),
        reading("cube", dataset("marts/revenue", read=51), outputs=(cube,), at=25),
        reading("board", cube, at=35),
        reading("yesterday", mart, at=-600),
    )
    found = {one.consumer: (str(one.status), one.depth, one.through) for one in incident.exposure}
    assert found == {
        "mart": ("CONFIRMED", 1, None),
        "cube": ("CONFIRMED", 2, "mart"),
        "board": ("POSSIBLE", 3, "cube"),
    }


def test_certainty_never_grows_on_the_way(tmp_path: Path) -> None:
    out = dataset("marts/revenue", read=51)
    incident = triaged(
        tmp_path, reading("mart", dataset(), outputs=(out,)), reading("cube", dataset("marts/revenue", read=51), at=25)
    )
    assert read_by(incident) == {"mart": "POSSIBLE", "cube": "POSSIBLE"}


def test_an_unfinished_and_a_failed_run_are_writers_too(tmp_path: Path) -> None:
    incident = triaged(
        tmp_path,
        reading("going", dataset(read=1002), outputs=(dataset("a/a"),), minutes=None),
        reading("failed", dataset(read=1002), outputs=(dataset("b/b"),), state="FAIL"),
        reading("reads_a", dataset("a/a"), at=30),
        reading("reads_b", dataset("b/b"), at=30),
    )
    assert {"reads_a", "reads_b"} <= read_by(incident).keys()


def test_circles_end(tmp_path: Path) -> None:
    a, b = dataset("a/a"), dataset("b/b")
    incident = triaged(
        tmp_path,
        reading("one", dataset(read=1002), b, outputs=(a,)),
        reading("two", a, outputs=(b,), at=20),
        reading("self", a, outputs=(a,), at=21),
    )
    assert read_by(incident).keys() == {"one", "two", "self"}


def test_a_long_way_is_cut_and_said_so(tmp_path: Path) -> None:
    chain = [
        reading(
            f"j{n}", dataset(read=1002) if n == 0 else dataset(f"d/d{n}"), outputs=(dataset(f"d/d{n + 1}"),), at=15 + n
        )
        for n in range(12)
    ]
    incident = triaged(tmp_path, *chain)
    assert max(one.depth for one in incident.exposure) == 8
    assert incident.exposure_coverage is not None
    assert incident.exposure_coverage.note.endswith("than were followed")


# By declaration


def test_a_declared_reader_that_is_silent_is_possible(tmp_path: Path) -> None:
    consumers = [{"name": "board", "owner": "bi", "kind": "dashboard"}, {"name": "other", "table": "sales.returns"}]
    incident = triaged(tmp_path, reading("x", dataset(read=1001)), consumers=consumers)
    found = {one.consumer: (str(one.status), one.owner, one.kind, one.runs) for one in incident.exposure}
    assert found["board"] == ("POSSIBLE", "bi", "dashboard", 0)
    assert found["other"][0] == "NOT_EXPOSED"


@pytest.mark.parametrize(
    ("schedule", "timezone", "status"),
    [
        ("30 2 * * *", "UTC", "POSSIBLE"),
        ("30 3 * * *", "Europe/Berlin", "POSSIBLE"),
        ("0 20 * * *", "UTC", "POSSIBLE"),  # it may still be reading
        ("30 3 * * *", "UTC", "NOT_EXPOSED"),  # after the evidence was captured
        ("0 12 * * *", "UTC", "NOT_EXPOSED"),
        ("every morning", "UTC", "POSSIBLE"),
        ("30 2 * * *", "Mars/Base", "POSSIBLE"),
    ],
)
def test_a_schedule_tells_when_it_may_have_read(tmp_path: Path, schedule: str, timezone: str, status: str) -> None:
    consumers = [{"name": "board", "schedule": schedule, "timezone": timezone}]
    assert read_by(triaged(tmp_path, consumers=consumers)) == {"board": status}


def test_declared_readers_of_declared_writers_are_reached(tmp_path: Path) -> None:
    consumers = [
        {"name": "mart", "writes": ["marts.revenue"]},
        {"name": "cube", "reads": ["marts.revenue"], "writes": ["marts.cube"]},
        {"name": "board", "reads": ["marts.cube"], "kind": "dashboard"},
        {"name": "apart", "reads": ["marts.other"]},
    ]
    incident = triaged(tmp_path, reading("mart", dataset(read=1002)), consumers=consumers)
    assert {one.consumer: (str(one.status), one.depth) for one in incident.exposure} == {
        "mart": ("CONFIRMED", 1),
        "cube": ("POSSIBLE", 2),
        "board": ("POSSIBLE", 3),
        "apart": ("NOT_EXPOSED", 1),
    }


# By query history


def query(sql: str, at: float = 20, *, database: str = "sales") -> dict[str, Any]:
    return {
        "QueryExecutionId": f"q-{at}",
        "Query": sql,
        "QueryExecutionContext": {"Database": database},
        "Status": {
            "State": "SUCCEEDED",
            "SubmissionDateTime": iso(minute(at)),
            "CompletionDateTime": iso(minute(at + 1)),
        },
        "WorkGroup": "analysts",
    }


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (query("select * from sales.orders"), "POSSIBLE"),
        (query('SELECT 1 FROM "AwsDataCatalog"."sales"."orders" o'), "POSSIBLE"),
        (query("select * from orders"), "POSSIBLE"),
        (query("select * from orders", database="stock"), None),
        (query("select * from stock.orders"), None),
        (query("select * from orders_old"), None),
        (query("select 'orders' from reorders"), "POSSIBLE"),  # a word that may be the table is taken for it
        (query("select * from sales.orders", at=-120), None),
        (query("select * from sales.orders FOR VERSION AS OF 1002", at=-120), "CONFIRMED"),
        (query("select * from sales.orders FOR VERSION AS OF 1001"), None),
        (query("select * from sales.orders FOR VERSION AS OF 1001 union select * from sales.orders"), "POSSIBLE"),
        (query("select * from sales.orders o, stock.orders FOR VERSION AS OF 1002"), "POSSIBLE"),
        (query("select 'orders FOR VERSION AS OF 1002' from sales.orders"), "POSSIBLE"),
    ],
)
def test_queries_that_name_the_table(tmp_path: Path, asked: dict[str, Any], status: str | None) -> None:
    incident = triaged(tmp_path, files={"athena/queries.json": {"QueryExecutions": [asked]}})
    assert [str(one.status) for one in incident.exposure] == ([] if status is None else [status])


# What it rests on


def test_coverage_says_who_is_silent_and_that_silence_is_no_proof(tmp_path: Path) -> None:
    coverage = triaged(
        tmp_path, reading("mart", dataset(read=1002)), consumers=[{"name": "mart"}, {"name": "board"}]
    ).exposure_coverage
    assert coverage is not None
    assert (coverage.runs, coverage.silent) == (1, ["board"])
    assert (coverage.first_event, coverage.last_event) == (minute(15), minute(20))
    assert "1 of 2 declared consumers" in coverage.note
    nothing = triaged(tmp_path / "b").exposure_coverage
    assert nothing is not None
    assert "not known" in nothing.note


def test_the_owner_of_a_reader_far_away_is_told_too(tmp_path: Path) -> None:
    incident = triaged(
        tmp_path,
        reading("mart", dataset(read=1002), outputs=(dataset("marts/revenue", read=51),)),
        reading("board", dataset("marts/revenue", read=51), at=25),
        consumers=[{"name": "board", "owner": "board-team", "table": "marts.revenue"}],
    )
    assert "board-team" in incident.route.also


# What was taken for harmless once, or took too long


def test_a_step_that_names_no_snapshot_may_have_read_another_one(tmp_path: Path) -> None:
    parent = {"run": {"runId": "root"}, "job": {"namespace": "x", "name": "revenue"}}
    incident = triaged(
        tmp_path,
        reading("revenue.first", dataset(read=1001), at=20, parent=parent),
        reading("revenue.second", dataset(), at=21, parent=parent),
    )
    assert read_by(incident) == {"revenue": "POSSIBLE"}


def test_a_run_that_goes_on_may_read_more_than_it_told(tmp_path: Path) -> None:
    incident = triaged(tmp_path, reading("stream", dataset(read=1001), at=-60, minutes=None))
    assert read_by(incident) == {"stream": "POSSIBLE"}


def test_a_later_writer_does_not_hide_who_met_an_earlier_one(tmp_path: Path) -> None:
    """The sure writer is followed first; who read between the two met only the other."""
    out = dataset("marts/revenue")
    incident = triaged(
        tmp_path,
        reading("maybe", dataset(), outputs=(out,), at=10, minutes=1),
        reading("between", out, at=15, minutes=1),
        reading("sure", dataset(read=1002), outputs=(out,), at=30, minutes=1),
        reading("before", out, at=2, minutes=1),
    )
    assert read_by(incident) == {"sure": "CONFIRMED", "maybe": "POSSIBLE", "between": "POSSIBLE"}


def test_a_surer_way_to_the_same_run_is_followed_again(tmp_path: Path) -> None:
    mart = dataset("marts/revenue", read=51)
    incident = triaged(
        tmp_path,
        reading("mart", dataset(), dataset("side/a", read=7), outputs=(mart,), at=30),
        reading("side", dataset(read=1002), outputs=(dataset("side/a", read=7),), at=10),
        reading("board", mart, at=40),
    )
    found = {(one.consumer, str(one.status)) for one in incident.exposure}
    assert {("side", "CONFIRMED"), ("mart", "CONFIRMED"), ("board", "CONFIRMED")} <= found


def test_many_writers_and_many_readers_of_one_dataset_are_not_paired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hourly job and its hourly reader: work grows with the runs, not with their product."""
    from pipetriage.verdict import exposed_by_lineage

    judged, judge = [0], exposed_by_lineage._exposure

    def counted(*given: Any) -> Exposure:
        judged[0] += 1
        return judge(*given)

    monkeypatch.setattr(exposed_by_lineage, "_exposure", counted)
    many = 300
    runs = [
        event
        for n in range(many)
        for event in (
            reading("mart", dataset(), outputs=(dataset("m/m", read=n),), at=10 + n / 10, minutes=1)
            + reading("board", dataset("m/m", read=n), at=12 + n / 10, minutes=1)
        )
    ]
    assert read_by(triaged(tmp_path, runs)) == {"mart": "POSSIBLE", "board": "POSSIBLE"}
    assert judged[0] <= 4 * many


AIRFLOW = "https://github.com/apache/airflow/tree/providers-openlineage/2.5.0"


def of_airflow(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"producer": AIRFLOW} for event in events]


def test_the_tasks_of_a_workflow_are_as_many_readers(tmp_path: Path) -> None:
    """Even of a workflow that is named like the pipeline: its report is no step of the job that failed."""
    parent = {"run": {"runId": "dag-1"}, "job": {"namespace": "x", "name": "orders"}}
    incident = triaged(
        tmp_path,
        of_airflow(reading("orders.publish", dataset(read=1002), parent=parent)),
        of_airflow(reading("orders.check", dataset(), parent=parent)),
        reading("spark_report.collect", dataset(read=1002), parent={**parent, "root": parent}, at=16),
    )
    assert read_by(incident) == {
        "orders.publish": "CONFIRMED",
        "orders.check": "POSSIBLE",
        "spark_report.collect": "CONFIRMED",
    }


def test_a_consumer_may_be_declared_by_what_starts_it(tmp_path: Path) -> None:
    task = {"run": {"runId": "t"}, "job": {"namespace": "x", "name": "nightly.cube"}}
    root = {"run": {"runId": "d"}, "job": {"namespace": "x", "name": "nightly"}}
    incident = triaged(
        tmp_path,
        reading("spark_cube.collect", dataset(read=1002), parent={**task, "root": root}),
        consumers=[{"name": "cubes", "job": "nightly.cube", "owner": "bi"}],
    )
    assert [(one.consumer, one.owner) for one in incident.exposure] == [("cubes", "bi")]
    assert incident.exposure_coverage is not None
    assert incident.exposure_coverage.silent == []


def test_a_query_that_goes_on_may_meet_what_came_after_its_beginning(tmp_path: Path) -> None:
    going = query("select * from sales.orders", at=-30)
    going["Status"] = {"State": "RUNNING", "SubmissionDateTime": iso(minute(-30))}
    ended = query("select * from sales.orders", at=-600)
    ended["Status"] = {"State": "SUCCEEDED", "SubmissionDateTime": iso(minute(-600))}
    incident = triaged(tmp_path, files={"athena/queries.json": {"QueryExecutions": [going, ended]}})
    assert read_by(incident) == {"query q--30": "POSSIBLE"}


def test_a_table_at_the_end_of_a_long_query_is_seen(tmp_path: Path) -> None:
    long = query("/* why it is so long */ " * 1_000 + "select * from sales.orders")
    incident = triaged(tmp_path, files={"athena/queries.json": {"QueryExecutions": [long]}})
    assert read_by(incident) == {"query q-20": "POSSIBLE"}


def test_trinos_own_table_of_queries_is_read(tmp_path: Path) -> None:
    """As ``trino --output-format JSON`` writes it, the rows in one list."""
    row = {"query_id": "20261121_1", "state": "FINISHED", "user": "ann", "query": "SELECT * FROM lake.sales.orders"}
    times = {"created": "2026-11-22 02:20:00.120 UTC", "end": "2026-11-22 02:21:00.000 UTC"}
    early = {"created": "2026-11-22 01:20:00.120 UTC", "end": "2026-11-22 01:21:00.000 UTC", "query_id": "20261121_0"}
    incident = triaged(tmp_path, files={"athena/queries.json": {"queries": [row | times, row | early]}})
    assert [(one.consumer, one.owner) for one in incident.exposure] == [("query 20261121_1", "ann")]


@pytest.mark.parametrize(
    ("schedule", "status"), [("20 2 * * *", "POSSIBLE"), ("0 12 * * *", "NOT_EXPOSED"), (None, "NOT_EXPOSED")]
)
def test_a_run_that_the_schedule_started_since_and_no_event_tells_of(
    tmp_path: Path, schedule: str | None, status: str
) -> None:
    """Its run of the day before is known to be harmless; that says nothing of today's."""
    consumers = [{"name": "board"} | ({"schedule": schedule} if schedule else {})]
    incident = triaged(tmp_path, reading("board", dataset(), at=-1440), consumers=consumers)
    assert [str(one.status) for one in incident.exposure] == [status]


def test_coverage_says_when_events_end_too_early(tmp_path: Path) -> None:
    coverage = triaged(tmp_path, reading("mart", dataset(), at=-600)).exposure_coverage
    assert coverage is not None
    assert "before anything of this could be read" in coverage.note
    assert coverage.complete


# Whole, and wrong all the same


@pytest.mark.parametrize(
    ("first", "operation", "ended_by", "late"),
    [
        (("ap", "eu", "us"), "append", None, "CONFIRMED"),
        (("eu",), "append", None, "CONFIRMED"),
        (("eu",), "overwrite", "completion", "NOT_EXPOSED"),
    ],
)
def test_rows_that_two_attempts_appended_are_there_twice(
    tmp_path: Path, first: tuple[str, ...], operation: str, ended_by: str | None, late: str
) -> None:
    """All partitions are there, so the batch is whole: and whoever reads it now counts it twice."""
    again = run(at=minute(30))
    incident = triaged(
        tmp_path,
        reading("early", dataset(read=1002), at=7),
        reading("late", dataset(read=1003), at=45),
        since=(
            snapshot(2, 5, *first, operation=operation),
            snapshot(3, 35, "ap", "eu", "us", operation=operation),
        ),
        runs=[run("jr_first"), again],
        this_run=again,
    )
    assert [str(one.status) for one in incident.write_state] == ["COMPLETE"]
    assert [one.ended_by for one in incident.exposure_windows] == [ended_by]
    assert read_by(incident) == {"early": "CONFIRMED", "late": late}


def test_what_a_second_attempt_added_to_other_partitions_completes_it(tmp_path: Path) -> None:
    again = run(at=minute(30))
    incident = triaged(
        tmp_path,
        reading("late", dataset(read=1003), at=45),
        since=(*HALF, snapshot(3, 35, "ap", "us", operation="append")),
        runs=[run("jr_first"), again],
        this_run=again,
    )
    assert [one.ended_by for one in incident.exposure_windows] == ["completion"]
    assert read_by(incident) == {"late": "NOT_EXPOSED"}


@pytest.mark.parametrize(("run_id", "status"), [("jr_now", "CONFIRMED"), ("jr_good", None)])
def test_a_whole_batch_that_failed_its_own_checks_is_wrong(tmp_path: Path, run_id: str, status: str | None) -> None:
    result = {"JobRunId": run_id, "RuleResults": [{"EvaluatedRule": 'IsComplete "id"', "Result": "FAIL"}]}
    incident = triaged(
        tmp_path,
        reading("report", dataset(read=1002)),
        since=(snapshot(2, 5, "ap", "eu", "us", operation="append"),),
        files={"data_quality/results.json": [result]},
    )
    assert [str(one.status) for one in incident.exposure] == ([status] if status else [])


@pytest.mark.parametrize(
    ("reads", "status"),
    [
        ("sales.orders", "POSSIBLE"),
        ("glue_catalog.Sales.Orders", "POSSIBLE"),
        ("orders", "POSSIBLE"),
        ("s3a://lake/sales.db/orders/", "POSSIBLE"),
        ("stock.orders", "NOT_EXPOSED"),
        ("sales.orders_old", "NOT_EXPOSED"),
        ("s3://lake/sales.db/orders_old", "NOT_EXPOSED"),
    ],
)
def test_a_declared_table_may_be_written_in_several_ways(tmp_path: Path, reads: str, status: str) -> None:
    one = only(triaged(tmp_path, consumers=[{"name": "board", "reads": [reads]}]))
    assert one.status == status
    assert reads in one.via or status == "POSSIBLE"


def test_lineage_goes_on_where_a_declared_writer_is_silent(tmp_path: Path) -> None:
    """A load without events stands between; its reader has them."""
    incident = triaged(
        tmp_path,
        reading("cube", dataset("marts.revenue", "redshift"), outputs=(dataset("c/c"),), at=25),
        reading("board", dataset("c/c"), at=35),
        consumers=[{"name": "load", "writes": ["marts.revenue"]}],
    )
    assert {one.consumer: (str(one.status), one.depth, one.through) for one in incident.exposure} == {
        "load": ("POSSIBLE", 1, None),
        "cube": ("POSSIBLE", 2, "load"),
        "board": ("POSSIBLE", 3, "cube"),
    }


def test_what_a_reader_is_declared_to_write_counts_though_its_events_do_not_name_it(tmp_path: Path) -> None:
    incident = triaged(
        tmp_path,
        reading("mart", dataset(read=1002)),
        reading("board", dataset("marts.revenue", "redshift"), at=25),
        consumers=[{"name": "mart", "writes": ["marts.revenue"]}],
    )
    assert read_by(incident) == {"mart": "CONFIRMED", "board": "POSSIBLE"}

"""What is drafted from which habits: pure, so that every mode and doubt can be tried."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pipetriage.drafting import Line, draft
from pipetriage.model.habits import CommitSeen, Habits, PastRunSeen, TableSeen

DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")


def run(day: str, /, **arguments: str) -> PastRunSeen:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    given = {f"--{name}": value for name, value in ({"day": day} | arguments).items()}
    return PastRunSeen(
        run_id=f"jr_{day}", succeeded=True, started_at=at, ended_at=at + timedelta(minutes=9), arguments=given
    )


def commit(day: str, operation: str, *partitions: str, **more: Any) -> CommitSeen:
    return CommitSeen(
        snapshot_id=f"{day}{operation}",
        run_id=f"jr_{day}",
        operation=operation,
        stamped_by="batch_id",
        partitions=tuple({"day": one} for one in partitions or (day,)),
        **more,
    )


def lines_of(commits: list[CommitSeen], runs: tuple[PastRunSeen, ...] | None = None) -> dict[str, Line]:
    runs = tuple(map(run, DAYS)) if runs is None else runs
    table = TableSeen(
        name="sales.orders",
        named_by="person",
        where="--table",
        format="iceberg",
        partition_fields=("day",),
        commits=tuple(commits),
    )
    drafted = draft(Habits(job="orders", script=None, runs=runs, good=runs, tables=(table,)))
    return {line.key: line for line in drafted.lines}


@pytest.mark.parametrize(
    ("commits", "mode"),
    [
        ([commit(day, "append") for day in DAYS], "append"),
        ([commit(day, "overwrite") for day in DAYS], "overwrite_partitions"),
        ([commit(day, "overwrite", removed_everything=True) for day in DAYS], "overwrite_table"),
        ([commit(day, one) for day in DAYS for one in ("delete", "append")], "delete_append"),
        ([commit(DAYS[0], "append"), *(commit(day, "overwrite") for day in DAYS[1:])], "overwrite_partitions"),
    ],
)
def test_how_a_table_is_written_is_guessed_and_never_live(commits: list[CommitSeen], mode: str) -> None:
    line = lines_of(commits)["write_mode"]
    assert (line.value, line.origin, line.live) == (mode, "guessed", False)


@pytest.mark.parametrize(
    ("filled", "expected"),
    [
        ([(day,) for day in DAYS], ["{batch_id}"]),
        ([("no", "se")] * 3, ["no", "se"]),
        ([(f"{day}T01", f"{day}T02") for day in DAYS], 2),
        ([("a",), ("a", "b"), ("c",)], None),
    ],
)
def test_which_partitions_a_batch_fills(filled: list[tuple[str, ...]], expected: Any) -> None:
    lines = lines_of([commit(day, "append", *ones) for day, ones in zip(DAYS, filled, strict=True)])
    found = lines.get("expected_partitions")
    assert (found.value if found else None) == expected
    assert found is None or not found.live


def test_nothing_that_can_make_a_rerun_safe_is_live() -> None:
    lines = lines_of([commit(day, "overwrite") for day in DAYS])
    live = {key for key, line in lines.items() if line.live}
    assert live == {"glue_job", "drafted", "batch_id", "table", "format"}


@pytest.mark.parametrize(
    ("runs", "doubt"),
    [
        ((run("2026-11-21"),), "only one good run"),
        ((run("2026-11-20"), run("2026-11-21", day="2026-11-20"), run("2026-11-19")), "3 good runs share 2 values"),
        (
            tuple(run(day, run_date=f"2026-10-0{place}") for place, day in enumerate(DAYS, 1)),
            "varies with the runs, too",
        ),
        (tuple(run(day, day=f"{day}T02:00:31") for day in DAYS), "each attempt may have its own"),
    ],
)
def test_a_batch_argument_with_a_doubt_is_a_guess(runs: tuple[PastRunSeen, ...], doubt: str) -> None:
    line = lines_of([], runs)["batch_id"]
    assert (line.origin, line.live) == ("guessed", False)
    assert doubt in line.why


def test_a_history_that_was_cut_is_told() -> None:
    runs = tuple(map(run, DAYS))
    habits = Habits(job="orders", script=None, runs=runs, good=runs)
    told = "only the newest 3 runs were read"
    assert not [remark for remark in draft(habits).remarks if told in remark]
    assert [remark for remark in draft(replace(habits, runs_complete=False)).remarks if told in remark]


def test_glues_own_parameters_name_no_batch() -> None:
    runs = tuple(run(day, **{"job-date": day, "TempDir": day, "enable-x": day}) for day in DAYS)
    assert lines_of([], runs)["batch_id"].value == {"from": "argument", "name": "day"}

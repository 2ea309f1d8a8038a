"""The queries shown to a person: read-only, in each engine's own words, and none for a hostile name."""

from datetime import UTC, datetime

import pytest

from pipetriage.model.write_state import Commit, WriteState, WriteStatus
from pipetriage.verdict.queries import checks, partition_query, snapshot_query

SINCE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FORMATS = [None, "iceberg", "delta", "hudi", "parquet", "csv"]
HOSTILE = [
    "sales.orders; DROP TABLE sales.orders",
    "sales.orders WHERE 1=1",
    "sales.`orders`",
    'sales."orders"',
    "sales..orders",
    "a.b.c.d",
    "sales.orders--",
    "sales.orders\n",
    "sales.ördërs",
    "",
]


def _state(table: str = "glue_catalog.sales.orders", kind: str | None = "iceberg", snapshot: str = "42") -> WriteState:
    commit = Commit(snapshot=snapshot, run="jr_now", committed_at=SINCE, records=1, files=1)
    return WriteState(
        table=table,
        role="target",
        format=kind,
        status=WriteStatus.PARTIAL,
        commits=[commit],
        rollback_snapshot="41" if snapshot == "42" else snapshot,
    )


def _statements(queries: list[str], engine: str = "") -> list[str]:
    """Give the statements without their headings; with ``engine``, those of one."""
    parts = [query.split("\n", 1) for query in queries]
    assert all(heading.startswith("-- ") and "\n" not in statement for heading, statement in parts)
    return [statement for heading, statement in parts if engine in heading]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("at_snapshot", [None, "42"])
def test_every_statement_only_reads(kind: str | None, at_snapshot: str | None) -> None:
    statements = _statements(checks(_state(kind=kind), "region", SINCE, at_snapshot=at_snapshot))
    assert statements
    assert all(one.startswith(("SELECT ", "DESCRIBE ")) and ";" not in one for one in statements)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_give_no_query(name: str, kind: str | None) -> None:
    state = _state(name, kind)
    assert checks(state, "region", SINCE) == []
    assert partition_query(state, "region") is None
    assert snapshot_query(state) is None


@pytest.mark.parametrize("field", ["a`b", 'a"b', "region, (SELECT 1)", "day(ts)", "", "región", "region\n"])
def test_hostile_field_names_give_no_partition_query(field: str) -> None:
    assert partition_query(_state(), field) is None
    assert not any("by partition" in one for one in checks(_state(), field, SINCE))


@pytest.mark.parametrize("snapshot", ["42 OR 1=1", "42;", "٤٢", "²", "", "-1"])
def test_hostile_ids_are_left_out(snapshot: str) -> None:
    found = checks(_state(snapshot=snapshot), "region", SINCE, at_snapshot=snapshot)
    assert not any("by partition" in one or "VERSION" in one or "snapshot_id IN" in one for one in found)
    assert partition_query(_state(), "region", at_snapshot=snapshot) is None


@pytest.mark.parametrize("kind", FORMATS)
def test_athena_gets_quoted_two_part_names(kind: str | None) -> None:
    statements = _statements(checks(_state(kind=kind), "region", SINCE), "(Athena)")
    assert statements
    assert all('FROM "sales"."orders' in one for one in statements)
    assert not any("glue_catalog" in one or "`" in one for one in statements)


@pytest.mark.parametrize("kind", FORMATS)
def test_spark_gets_backticks_and_three_part_names(kind: str | None) -> None:
    statements = _statements(checks(_state(kind=kind), "region", SINCE), "(Spark)")
    assert all("glue_catalog.sales.orders" in one and '"' not in one for one in statements)
    assert any("GROUP BY `region`" in one for one in statements)
    assert partition_query(_state(kind=kind), "region") == (
        "SELECT `region`, count(*) AS records FROM glue_catalog.sales.orders GROUP BY `region` ORDER BY `region`"
    )


def test_files_by_commit_are_read_from_all_entries() -> None:
    found = "\n".join(checks(_state(), None, SINCE))
    assert "FROM glue_catalog.sales.orders.all_entries WHERE status = 1" in found
    assert ".entries" not in found


def test_a_staged_state_is_read_at_its_snapshot() -> None:
    found = [one for one in checks(_state(), "region", SINCE, at_snapshot="77") if "by partition" in one]
    assert len(found) == 2
    assert "FROM glue_catalog.sales.orders VERSION AS OF 77 GROUP" in found[0]
    assert 'FROM "sales"."orders" FOR VERSION AS OF 77 GROUP' in found[1]
    assert "VERSION AS OF 77" in (partition_query(_state(), "region", at_snapshot="77") or "")


def test_athena_reads_no_old_version_of_a_delta_table() -> None:
    assert not any("FOR VERSION" in one for one in checks(_state(kind="delta"), "region", SINCE, at_snapshot="7"))


def test_a_hidden_partition_transform_gets_no_partition_query() -> None:
    columns = frozenset({"ts", "Region"})
    assert partition_query(_state(), "ts_day", columns=columns) is None
    assert not any("ts_day" in one for one in checks(_state(), "ts_day", SINCE, columns=columns))
    assert partition_query(_state(), "region", columns=columns) is not None

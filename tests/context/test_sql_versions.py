"""Time travel in a query's text: what is asked for of which table."""

import time

import pytest

from pipetriage.context.sql_versions import asked_versions


@pytest.mark.parametrize(
    ("sql", "versions"),
    [
        ("select * from sales.orders for version as of 12", (("sales.orders", "12"),)),
        ('SELECT * FROM "Cat"."sales"."orders" FOR SYSTEM_VERSION AS OF 12 o', (("cat.sales.orders", "12"),)),
        ("select * from a.b for /* x */ version as of 1 join c for version as of 2", (("a.b", "1"), ("c", "2"))),
        ("select 'it''s orders for version as of 12' from orders", ()),
        ("-- orders for version as of 12\nselect * from orders", ()),
        ("/* orders for version as of 12 */ select * from orders", ()),
        ("select 'orders for version as of 12", None),
        ("select /* orders for version as of 12", None),
        ("select * from orders for timestamp as of timestamp '2026-11-21'", ()),
    ],
)
def test_the_snapshot_is_that_of_the_table_before_it(sql: str, versions: tuple[tuple[str, str], ...] | None) -> None:
    assert asked_versions(sql) == versions


def test_hostile_texts_are_read_in_linear_time() -> None:
    began = time.perf_counter()
    for piece in ("'", '"', "/*", "for version as of ", "a.", "''", "--"):
        asked_versions(piece * 100_000)
    assert time.perf_counter() - began < 5

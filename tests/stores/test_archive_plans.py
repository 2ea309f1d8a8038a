"""How each database means to answer: by an index, in the order of the index, whatever the number of incidents."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipetriage.model.archive import Archive, Standing, Wanted
from pipetriage.model.categories import Category
from pipetriage.model.incident import Route
from pipetriage.stores import open_store
from pipetriage.stores.sql import SqlStore
from pipetriage.stores.sql_archive import SqlArchive
from pipetriage.stores.sql_engine import connect, parse_url
from tests.stores.conftest import MORNING, MakeIncident, empty_store

GROWS = "pipetriage_(incident|revision|evidence|review|words|failure|failure_word)"
"""Tables that grow with the number of incidents."""

LISTS = {
    "all": Wanted(),
    "of a pipeline": Wanted(pipeline="orders_daily"),
    "of a pipeline and category": Wanted(pipeline="orders_daily", category=Category.SCHEMA_DRIFT),
    "of a category": Wanted(category=Category.SCHEMA_DRIFT),
    "of an owner": Wanted(owner="data-contract owner"),
    "of a queue": Wanted(queue="data-contract queue"),
    "of a failure": Wanted(fingerprint="fp_new_column"),
    "open": Wanted(standing=Standing.OPEN),
    "unsafe": Wanted(unsafe_only=True),
    "of some days": Wanted(since=MORNING, until=MORNING + timedelta(days=1)),
    "begins with an id": Wanted(words="jr_1"),
}
SEARCHES = {
    "words": Wanted(words="column new"),
    "words of a pipeline": Wanted(words="column", pipeline="orders_daily"),
}
OTHERS: dict[str, Callable[[Archive], object]] = {
    "heading": lambda archive: archive.heading("inc_jr_1"),
    "similar": lambda archive: archive.similar("inc_jr_1"),
    "trends": lambda archive: archive.trends(date(2026, 11, 1)),
    "judgements": lambda archive: archive.judgements(MORNING - timedelta(days=1)),
    "changed": lambda archive: archive.changed(),
}


class Planned:
    """An archive whose statements can be looked at."""

    def __init__(self, url: str) -> None:
        self._engine = connect(parse_url(url))
        self.archive = SqlArchive(self._engine, "here")
        self._on_sqlite = self._engine.dialect.name == "sqlite"

    def plans(self, ask: Callable[[Archive], object]) -> list[str]:
        """Ask, and give the plan of each statement that was run."""
        with self._listening() as asked:
            ask(self.archive)
        with self._engine.begin() as connection:
            if self._on_sqlite:
                return ["\n".join(row[3] for row in _rows(connection, "EXPLAIN QUERY PLAN ", *one)) for one in asked]
            # So small a table is read in one go, and sorted, unless that is said to be dear.
            for way in ("seqscan", "sort", "bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            return ["\n".join(row[0] for row in _rows(connection, "EXPLAIN ", *one)) for one in asked]

    @contextmanager
    def _listening(self) -> Iterator[list[tuple[str, Any]]]:
        asked: list[tuple[str, Any]] = []

        def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                asked.append((statement, parameters))

        sa.event.listen(self._engine, "before_cursor_execute", hear)
        try:
            yield asked
        finally:
            sa.event.remove(self._engine, "before_cursor_execute", hear)


def _rows(connection: sa.Connection, explain: str, statement: str, parameters: Any) -> list[Any]:
    return list(connection.exec_driver_sql(explain + statement, parameters))


@pytest.fixture(params=["sqlite", "postgresql"])
def planned(request: pytest.FixtureRequest, tmp_path: Path, make_incident: MakeIncident) -> Planned:
    url = empty_store(request, tmp_path)
    store = open_store(url)
    assert isinstance(store, SqlStore)
    route = Route(queue="data-contract queue", owner="data-contract owner", reason="declared", also=[])
    for number in range(30):
        said = {"minute": number, "likely_root_cause": "a column is new", "route": route}
        store.save(make_incident(f"jr_{number}", batch=str(number), **said))
    return Planned(url)


def read_whole(plan: str) -> list[str]:
    """Give the steps that go through all rows of a growing table."""
    # "SCAN t" is all of t; "SCAN t USING INDEX i" is one index from its end, until there are enough rows.
    table = re.compile(rf"^\W*(SCAN (TABLE )?{GROWS}$|Seq Scan on {GROWS}\b)")
    return [line for line in plan.splitlines() if table.search(line)]


def sorted_whole(plan: str) -> list[str]:
    return [
        line for line in plan.splitlines() if re.search(r"TEMP B-TREE FOR ORDER BY|^\W*(Incremental )?Sort\b", line)
    ]


def test_a_scan_would_be_seen(planned: Planned) -> None:
    with planned._engine.begin() as connection:
        explain = "EXPLAIN QUERY PLAN " if planned._on_sqlite else "EXPLAIN "
        query = "SELECT * FROM pipetriage_incident ORDER BY cause"
        plan = "\n".join(str(row[-1]) for row in _rows(connection, explain, query, ()))

    assert read_whole(plan)
    assert sorted_whole(plan)


@pytest.mark.parametrize("named", LISTS)
def test_a_list_comes_from_an_index_in_its_order_and_goes_on_where_it_ended(planned: Planned, named: str) -> None:
    wanted = LISTS[named]
    following = planned.archive.page(wanted, limit=3).following
    assert following is not None

    for cursor in (None, following):
        (*_, plan) = planned.plans(partial(_page, wanted, cursor))
        assert read_whole(plan) == [], plan
        assert "Index" in plan or "INDEX" in plan
        if named != "begins with an id":  # few begin alike: those are sorted
            assert sorted_whole(plan) == [], plan


def _page(wanted: Wanted, cursor: str | None, archive: Archive) -> object:
    return archive.page(wanted, limit=3, cursor=cursor)


@pytest.mark.parametrize("named", SEARCHES)
def test_a_search_reads_the_index_of_words(planned: Planned, named: str) -> None:
    plans = planned.plans(lambda archive: archive.page(SEARCHES[named], limit=3))

    assert [read_whole(plan) for plan in plans] == [[] for _ in plans]
    assert "pipetriage_words" in plans[-1]


@pytest.mark.parametrize("named", OTHERS)
def test_nothing_else_reads_all_incidents_either(planned: Planned, named: str) -> None:
    plans = planned.plans(OTHERS[named])

    assert plans
    assert [read_whole(plan) for plan in plans] == [[] for _ in plans], plans

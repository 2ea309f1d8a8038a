"""Prints how long lists, filters, search, trends and one incident take in a store of a million (or ``INCIDENTS``).

The incidents are those of the corpus's cases, triaged here, under 300 pipelines and over two years: 4,000 kinds of
failure, some of them in storms, each with columns of its own in its words. They are written by the store's own
functions in bulk, since a million single transactions would take hours. Each question is asked ``ROUNDS`` times with
different values, by a new query each time. SQLite, and PostgreSQL where its server can be started.

    python -m benchmarks.archive [sqlite|postgresql …]
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import sqlalchemy as sa

from pipetriage.bootstrap import open_app
from pipetriage.model.archive import Archive, Standing, Wanted
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident, to_json
from pipetriage.stores.comparing import text_of
from pipetriage.stores.day_sums import day_sums
from pipetriage.stores.headings import columns_of
from pipetriage.stores.packing import pack
from pipetriage.stores.sql import SqlStore
from pipetriage.stores.tables import (
    alike_words,
    days,
    evidence,
    failure_words,
    failures,
    incidents,
    names,
    revisions,
    words,
)
from pipetriage.stores.words import failure_words as words_of_failure
from pipetriage.stores.words import search_words

INCIDENTS = int(os.environ.get("INCIDENTS", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "200"))
PIPELINES, COLUMNS = 300, 5_000
FIRST = datetime(2024, 11, 1, tzinfo=UTC)
TWO_YEARS = timedelta(days=730)
CHUNK = 5_000
CASES = Path(__file__).parent.parent / "cases"


def templates(count: int = 60) -> list[Incident]:
    """Triage some cases of the corpus."""
    app = open_app(use_store=False)
    folders = sorted(one.parent for one in CASES.rglob("bundle.json"))
    return [app.triage(str(one)) for one in folders[:: len(folders) // count][:count]]


def made(kinds: Sequence[Incident]) -> Iterator[Incident]:
    """Make incidents in the order in which they come."""
    random = Random(9)  # noqa: S311 - the same store each time
    for number in range(INCIDENTS):
        at = FIRST + TWO_YEARS * (number / INCIDENTS)
        pipeline = int(PIPELINES * random.random() ** 2)
        # One in ten belongs to a storm: the same failure of the same pipeline.
        kind = kinds[pipeline % len(kinds)] if random.random() < 0.1 else random.choice(kinds)
        column = f"column_{random.randrange(COLUMNS)}"
        failure = f"fp_{pipeline}_{kinds.index(kind)}" if pipeline % 3 else f"fp_{pipeline}_{hash(column) % 13}"
        yield msgspec.structs.replace(
            kind,
            incident_id=f"inc_{number * 2654435761 % 2**32:08x}{number:08x}",
            job_run_id=f"jr_{number * 40503 % 2**32:08x}{number:024x}",
            pipeline_name=f"pipeline_{pipeline}",
            batch_id=f"{at:%Y-%m-%d}",
            batch_key=f"bat_{number // 2 if pipeline % 5 == 0 else number}",
            fingerprint=failure,
            likely_root_cause=f"{kind.likely_root_cause[:200]} ({column})",
            route=msgspec.structs.replace(kind.route, owner=f"team-{pipeline % 40}"),
            created_at=at,
            as_of=at,
            ended_at=at - timedelta(minutes=7),
        )


def fill(engine: sa.Engine) -> float:
    """Write them all, as the store does one by one; give bytes an incident, its evidence left out."""
    kinds, size = templates(), 0
    packed = {kind.job_run_id: pack(msgspec.json.encode(kind.evidence)) for kind in kinds}
    of_kind = {id(kind.evidence): packed[kind.job_run_id] for kind in kinds}
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    seen: dict[str, dict[str, Any]] = {}
    alike: dict[tuple[str, str], None] = {}
    stream = made(kinds)
    while some := list(islice(stream, CHUNK)):
        rows: dict[sa.Table, list[dict[str, Any]]] = {one: [] for one in (incidents, revisions, evidence, words)}
        for one in some:
            at = text_of(one.created_at)
            head = {**columns_of(one), "first_seen": at, "last_seen": at, "standing": Standing.OPEN.value}
            rows[incidents].append({**head, "triages": 1, "verdict": one.incident_id, "revision": 1})
            key = {"incident_id": one.incident_id, "revision": 1}
            document = to_json(msgspec.structs.replace(one, evidence=[])).decode()
            size += len(document)
            rows[revisions].append({**key, "created_at": at, "document": document})
            rows[evidence].append({**key, "data": of_kind[id(one.evidence)]})
            rows[words].append({"incident_id": one.incident_id, "words": search_words(one)})
            for day in day_sums(head, one, 1):
                place = (day["dimension"], day["day"], day["name"])
                known = sums.setdefault(place, {**day, **dict.fromkeys(_SUMMED, 0.0)})
                for name in _SUMMED:
                    known[name] += day[name]
            failure = seen.setdefault(one.fingerprint, {"fingerprint": one.fingerprint, "seen": 0, "first_seen": at})
            if not failure["seen"]:
                alike |= {(word, one.fingerprint): None for word in words_of_failure(one)}
            failure |= {"seen": failure["seen"] + 1, "last_seen": at, "latest": one.incident_id}
        with engine.begin() as connection:
            for table, values in rows.items():
                connection.execute(table.insert(), values)
    with engine.begin() as connection:
        connection.execute(days.insert(), list(sums.values()))
        connection.execute(failures.insert(), list(seen.values()))
        connection.execute(failure_words.insert(), [{"word": w, "fingerprint": f} for w, f in alike])
        often = Counter(word for word, _ in alike)
        connection.execute(alike_words.insert(), [{"word": w, "failures": n} for w, n in often.items()])
        kept = {(d, name) for d, _, name in sums if d in ("pipeline", "owner")}
        connection.execute(names.insert(), [{"dimension": d, "name": name} for d, name in kept])
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
    return size / INCIDENTS


_SUMMED = ("incidents", "unsafe", "delays", "delay_seconds", "machine_seconds", "cost_usd")


def questions(store: SqlStore, archive: Archive, random: Random) -> dict[str, Callable[[], object]]:
    """Give what is asked; each asks about something else every time."""
    ids = [one.incident_id for one in archive.page(Wanted(), limit=500).headings]
    far = archive.page(Wanted(unsafe_only=True, until=FIRST + TWO_YEARS / 2)).following
    kinds = sorted({one.failure_category for one in archive.page(Wanted(), limit=500).headings})

    def pipeline() -> str:
        return f"pipeline_{int(PIPELINES * random.random() ** 2)}"

    def category() -> Category:
        return random.choice(kinds)

    def when() -> datetime:
        return FIRST + TWO_YEARS * random.random()

    return {
        "list": lambda: archive.page(Wanted()),
        "list, open": lambda: archive.page(Wanted(standing=Standing.OPEN)),
        "list, far down": lambda: archive.page(Wanted(unsafe_only=True), cursor=far),
        "filter: pipeline": lambda: archive.page(Wanted(pipeline=pipeline())),
        "filter: pipeline, category": lambda: archive.page(Wanted(pipeline=pipeline(), category=category())),
        "filter: category, days": lambda: archive.page(Wanted(category=category(), until=when())),
        "filter: owner, unsafe": lambda: archive.page(
            Wanted(owner=f"team-{random.randrange(40)}", unsafe_only=True, standing=Standing.OPEN)
        ),
        "search: rare": lambda: archive.page(Wanted(words=f"column_{random.randrange(COLUMNS)} ")),
        "search: common": lambda: archive.page(Wanted(words=random.choice(("orders", "failed", "table", "column")))),
        "search: two words": lambda: archive.page(
            Wanted(words=f"{random.choice(('cause', 'partition', 'access'))} column_{random.randrange(COLUMNS)}")
        ),
        "search: two common": lambda: archive.page(Wanted(words="denied partition ")),
        "search in a filter": lambda: archive.page(Wanted(words="column", pipeline=pipeline(), category=category())),
        "search: run": lambda: archive.page(Wanted(words=f"jr_{random.randrange(2**16):04x}")),
        "search: nothing": lambda: archive.page(Wanted(words="no such word xyzzy")),
        "trends, 90 days": lambda: archive.trends((FIRST + TWO_YEARS - timedelta(days=90)).date()),
        "one incident": lambda: store.get(random.choice(ids)),
        "alike": lambda: archive.similar(random.choice(ids)),
        "names": archive.names,
        "changed": archive.changed,
    }


def reading_through(engine: sa.Engine) -> float:
    """Give the seconds in which the database reads each incident's head once: what an index is to spare."""
    query = sa.select(sa.func.count()).where(incidents.c.cause.like("%no such word%"))
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        with engine.begin() as connection:
            connection.scalar(query)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[1]


def ask(name: str, url: str) -> None:
    """Fill a store and print what each question takes."""
    store = SqlStore.open(url)
    engine = sa.create_engine(url)
    began = time.perf_counter()
    size = fill(engine)
    print(
        f"{name}: {INCIDENTS:,} incidents of {size / 1024:.1f} KB, evidence apart, "
        f"written in {time.perf_counter() - began:.0f} s",
        flush=True,
    )
    random = Random(10)  # noqa: S311
    slowest, through = 0.0, reading_through(engine)
    print(f"  reading through all heads once, without an index: {through * 1000:.0f} ms")
    for what, question in questions(store, store.archive(), random).items():
        question()
        taken = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            question()
            taken.append(time.perf_counter() - start)
        taken.sort()
        p95, half = taken[int(0.95 * len(taken))] * 1000, taken[len(taken) // 2]
        slowest = max(slowest, p95)
        ratio = f"p50 is 1/{through / half:,.0f} of that"
        print(f"  {what:28} p50 {half * 1000:6.1f} ms  p95 {p95:6.1f} ms  {ratio}", flush=True)
    print(f"  slowest p95: {slowest:.1f} ms (the aim is 60)")
    store.close()


def main() -> None:
    """Ask each kind of store."""
    wanted = sys.argv[1:] or ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory(prefix="pipetriage-archive-") as folder:
        if "sqlite" in wanted:
            ask("SQLite", f"sqlite:///{folder}/incidents.db")
    if "postgresql" in wanted:
        from tests.emulated.postgres import postgres_server

        with postgres_server() as server:
            ask("PostgreSQL", server.empty())


if __name__ == "__main__":
    main()

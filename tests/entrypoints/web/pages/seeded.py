"""A store with three months of incidents, some reviewed: what a team's pages show. Made from a fixed seed."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.review import Review
from pipetriage.model.write_state import RerunDecision
from pipetriage.stores import open_store

GOLDEN = Path(__file__).parents[2] / "golden/incident.json"
FORMULA = '=HYPERLINK("http://attacker/","press")'
"""A name that a spreadsheet would run."""
NASTY = "<img src=x onerror=alert(1)>\u202etxt"
PIPELINES = ("orders_daily", "clicks_hourly", "finance_ledger", "users_sync", FORMULA)
TEAMS = ("orders-contracts", "data-platform", "ingestion", None)
_MODES = tuple(mode for mode in FailureMode if mode in CATEGORY_OF)


def fill(path: Path, count: int = 120, reviewed: float = 0.5, days: int = 80, seed: int = 3) -> list[Incident]:
    """Put incidents into a new store, the latest of today, and reviews of a share of them."""
    chance, store = random.Random(seed), open_store(str(path))  # noqa: S311 - a fixture
    golden, today = from_json(GOLDEN.read_bytes()), datetime.now(UTC)
    made: list[Incident] = []
    for number in range(count):
        ended = today - timedelta(days=days * (1 - (number + 1) / count), minutes=chance.randint(6, 50))
        made.append(store.save(_incident(golden, number, ended, chance)))
    for one in made:
        if chance.random() < reviewed:
            store.add_review(one.incident_id, _review(one, chance))
    return made


def _incident(golden: Incident, number: int, ended: datetime, chance: random.Random) -> Incident:
    pipeline = PIPELINES[min(int(chance.expovariate(0.8)), len(PIPELINES) - 1)]
    mode = chance.choice(_MODES)
    safe = CATEGORY_OF[mode] in (Category.UNKNOWN, Category.SOURCE_DELAY) and chance.random() < 0.9
    seen = ended + timedelta(minutes=chance.randint(1, 5))
    return replace(
        golden,
        pipeline_name=pipeline,
        job_run_id=f"jr_{number:04}",
        incident_id=f"inc_{number:016x}",
        batch_id=f"b{number}",
        batch_key=f"bat_{number}",
        failure_category=CATEGORY_OF[mode],
        failure_mode=mode,
        likely_root_cause=f"{NASTY if number % 17 == 0 else 'It went wrong'}: {mode.lower()} in {pipeline}",
        safe_to_retry=safe,
        rerun=replace(golden.rerun, decision=RerunDecision.SAFE if safe else RerunDecision.UNSAFE),
        confidence=round(chance.uniform(0.5, 0.99), 2),
        created_at=seen,
        as_of=seen,
        started_at=ended - timedelta(minutes=20),
        ended_at=ended,
        route=replace(golden.route, owner=chance.choice(TEAMS)),
        fingerprint=f"fp_{pipeline[:6]}_{mode}",
        classifier=replace(golden.classifier, seconds=round(chance.uniform(0.1, 0.9), 2), cost_usd=0.002),
        exposure_windows=[],
    )


def _review(one: Incident, chance: random.Random) -> Review:
    right = chance.random() < 0.5 + 0.45 * (one.confidence - 0.5) / 0.5
    return Review(
        by=chance.choice(("ana", "bob", "o'neill")),
        reviewed_at=one.created_at + timedelta(minutes=chance.randint(10, 600)),
        failure_category=one.failure_category if right else chance.choice([*Category]),
        safe_to_retry=one.safe_to_retry,
        rerun_harmless=True if one.safe_to_retry else None,
        closed=chance.random() < 0.5,
        note="the producer renamed a column",
        done=chance.choice(("wrote the missing partitions", "rolled back and reran", "")),
    )

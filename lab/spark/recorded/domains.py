"""Invented companies' words: a program is written in one domain, its variants are the same program in another."""

import random
import re
from typing import Any, NamedTuple


class Domain(NamedTuple):
    """What a company calls things. Every name is a whole word of the programs written in it."""

    job: str
    database: str
    table: str
    key: str
    group: str
    day: str
    number: str
    amount: str
    status: str
    bucket: str
    groups: tuple[str, ...]
    states: tuple[str, ...]


DOMAINS = {
    "orders": Domain(
        "orders_daily", "sales", "orders", "order_id", "shop", "order_date", "quantity", "amount", "status",
        "acme-retail", ("berlin", "lyon", "milan", "oslo"), ("paid", "unpaid", "sent"),
    ),
    "shipments": Domain(
        "shipments_load", "logistics", "shipments", "shipment_id", "depot", "ship_date", "parcels", "weight", "state",
        "northfreight", ("rotterdam", "gdansk", "porto"), ("delivered", "returned", "moving"),
    ),
    "claims": Domain(
        "claims_ingest", "insurance", "claims", "claim_id", "branch", "claim_date", "visits", "payout", "decision",
        "alpina-insurance", ("north", "south", "coast", "alps"), ("granted", "refused", "pending"),
    ),
    "payments": Domain(
        "payments_settlement", "finance", "payments", "payment_id", "country", "booked_on", "instalments", "value_eur",
        "outcome", "contoso-pay", ("de", "fr", "it"), ("settled", "held", "reversed"),
    ),
    "readings": Domain(
        "meter_readings", "energy", "readings", "reading_id", "plant", "reading_date", "samples", "kwh", "quality",
        "voltra-grid", ("harbour", "valley", "ridge", "dam"), ("good", "estimated", "suspect"),
    ),
    "tickets": Domain(
        "support_tickets", "service", "tickets", "ticket_id", "team", "opened_on", "replies", "effort", "priority",
        "helpline-ops", ("billing", "network", "mobile"), ("low", "normal", "urgent"),
    ),
    "trips": Domain(
        "trips_curated", "mobility", "trips", "trip_id", "city", "trip_date", "stops", "fare", "rating",
        "citybikes", ("ghent", "bergen", "graz", "turin"), ("great", "fair", "poor"),
    ),
}  # fmt: skip

_WORDS = ("job", "database", "table", "key", "group", "day", "number", "amount", "status", "bucket")
Row = dict[str, Any]


def renamed(text: str, base: Domain, other: Domain) -> str:
    """Write a program's text in another domain's words."""
    if base is other:
        return text
    words = {getattr(base, field): getattr(other, field) for field in _WORDS}
    words |= dict(zip(base.groups, other.groups, strict=False)) | dict(zip(base.states, other.states, strict=True))
    pattern = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + r")\b")
    return pattern.sub(lambda found: words[found[0]], text)


def rows_of(domain: Domain, day: str, seed: str, per_group: int = 12) -> list[Row]:
    """Make a batch's records; the same for the same seed."""
    chance = random.Random(f"{domain.job} {day} {seed}")
    rows: list[Row] = []
    for group in domain.groups:
        for _ in range(per_group + chance.randint(0, 6)):
            rows.append(
                {
                    domain.key: f"{domain.key[0].upper()}{day.replace('-', '')[2:]}{len(rows):05d}",
                    domain.group: group,
                    domain.day: day,
                    domain.number: chance.randint(1, 40),
                    domain.amount: f"{chance.randint(100, 90_000) / 100:.2f}",
                    domain.status: chance.choice(domain.states),
                    "updated_at": f"{day}T{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:00Z",
                }
            )
    return rows

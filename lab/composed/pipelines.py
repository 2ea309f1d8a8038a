"""The pipelines that the cases run in: invented shops of different habits."""

# ruff: noqa: E501 - one pipeline a paragraph, its columns on one line

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PipelineSpec:
    """One pipeline's fixed facts."""

    name: str
    table: str
    source: str
    """Bucket and path of a day's input, with ``{batch}``."""
    columns: tuple[tuple[str, str], ...]
    """Iceberg types; the last column is the day."""
    key: str
    hour: str
    control: str = "none"
    """``none``, ``rows``, ``dynamodb`` or ``undeclared``."""
    stamp: str = "run"
    """``run``: the commits carry run and batch id; ``app``: only Spark's application id."""
    regions: tuple[str, ...] = ()
    """One commit each; empty: the day is one commit."""
    suffix: str = "parquet"
    files: int = 8
    workers: int = 5
    minutes: float = 6.0
    owner: str = "pipeline owner"


_MONEY = "decimal(12, 2)"
_EU = ("at", "ch", "de", "fr")
_WORLD = ("apac", "emea", "latam", "namer")

PIPELINES: dict[str, PipelineSpec] = {
    one.name: one
    for one in (
        PipelineSpec(name="orders_ingest", table="sales.orders_raw", source="acme-raw-orders/orders/dt={batch}/",
                     columns=(("order_id", "string"), ("customer_id", "string"), ("amount", _MONEY), ("channel", "string"), ("dt", "string")),
                     key="order_id", hour="02:10:04", control="rows", files=9),
        PipelineSpec(name="settlements", table="finance.settlements", source="acme-bank-drop/settlements/{batch}/",
                     columns=(("settlement_id", "string"), ("iban_token", "string"), ("amount", _MONEY), ("booked_on", "string")),
                     key="settlement_id", hour="00:45:02", control="dynamodb", suffix="csv", files=3, workers=3, minutes=4),
        PipelineSpec(name="web_events", table="web.events", source="acme-raw-web/events/dt={batch}/",
                     columns=(("event_id", "string"), ("session_id", "string"), ("page", "string"), ("at", "timestamptz"), ("dt", "string")),
                     key="event_id", hour="01:05:09", stamp="app", suffix="json.gz", files=9, workers=10, minutes=14),
        PipelineSpec(name="stock_levels", table="supply.stock_levels", source="acme-raw-supply/stock/{batch}/",
                     columns=(("sku", "string"), ("warehouse", "string"), ("on_hand", "long"), ("dt", "string")),
                     key="sku", hour="04:30:05", control="rows", suffix="csv", files=6, minutes=5),
        PipelineSpec(name="claims_daily", table="insurance.claims", source="acme-partner-sftp/claims/{batch}/",
                     columns=(("claim_id", "string"), ("policy_id", "string"), ("paid", _MONEY), ("reported_on", "string")),
                     key="claim_id", hour="05:20:03", control="undeclared", files=4, workers=4),
        PipelineSpec(name="meter_readings", table="energy.readings", source="acme-iot-landing/readings/day={batch}/",
                     columns=(("meter_id", "string"), ("read_at", "timestamptz"), ("kwh", "double"), ("day", "string")),
                     key="meter_id", hour="03:15:01", control="none", files=10, workers=8, minutes=9),
        PipelineSpec(name="bookings_sync", table="travel.bookings", source="acme-raw-travel/bookings/{batch}/",
                     columns=(("booking_id", "string"), ("hotel", "string"), ("nights", "long"), ("price", _MONEY), ("dt", "string")),
                     key="booking_id", hour="02:40:06", control="dynamodb", stamp="app", suffix="json", files=5, workers=3),
        PipelineSpec(name="patient_visits", table="clinic.visits", source="acme-clinic-exports/visits/{batch}/",
                     columns=(("visit_id", "string"), ("ward", "string"), ("minutes", "long"), ("visited_on", "string")),
                     key="visit_id", hour="06:00:04", control="rows", suffix="csv", files=2, workers=2, minutes=3),
        PipelineSpec(name="ad_spend", table="marketing.ad_spend", source="acme-ad-exports/spend/dt={batch}/",
                     columns=(("campaign_id", "string"), ("clicks", "long"), ("cost", _MONEY), ("dt", "string")),
                     key="campaign_id", hour="07:30:02", control="none", files=7, minutes=4),
        PipelineSpec(name="shipment_legs", table="logistics.legs", source="acme-raw-logistics/legs/{batch}/",
                     columns=(("leg_id", "string"), ("region", "string"), ("km", "double"), ("dt", "string")),
                     key="leg_id", hour="02:25:03", control="rows", regions=_WORLD, files=8, minutes=11),
        PipelineSpec(name="store_sales", table="retail.sales", source="acme-raw-retail/sales/{batch}/",
                     columns=(("sale_id", "string"), ("region", "string"), ("amount", _MONEY), ("dt", "string")),
                     key="sale_id", hour="01:50:05", control="none", regions=_EU, suffix="csv", files=10, minutes=12),
        PipelineSpec(name="ledger_lines", table="finance.ledger_lines", source="acme-erp-export/ledger/{batch}/",
                     columns=(("line_id", "string"), ("region", "string"), ("debit", _MONEY), ("credit", _MONEY), ("dt", "string")),
                     key="line_id", hour="00:20:07", control="dynamodb", regions=_EU, files=5, workers=6, minutes=15),
        PipelineSpec(name="call_records", table="telco.cdr", source="acme-cdr-landing/cdr/dt={batch}/",
                     columns=(("call_id", "string"), ("region", "string"), ("seconds", "long"), ("dt", "string")),
                     key="call_id", hour="03:35:08", control="rows", stamp="app", regions=_WORLD, suffix="json.gz", files=8, workers=10, minutes=18),
        PipelineSpec(name="loyalty_moves", table="crm.loyalty_moves", source="acme-raw-crm/moves/{batch}/",
                     columns=(("move_id", "string"), ("region", "string"), ("points", "long"), ("dt", "string")),
                     key="move_id", hour="05:05:02", control="undeclared", regions=_EU, files=5, workers=4, minutes=8),
    )
}  # fmt: skip

DAILY = tuple(one.name for one in PIPELINES.values() if not one.regions)
BY_REGION = tuple(one.name for one in PIPELINES.values() if one.regions)

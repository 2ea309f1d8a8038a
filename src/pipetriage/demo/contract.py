"""Writes the demo's ``pipetriage.toml``: what any user would write for these two pipelines."""

import json
from pathlib import Path

from pipetriage.demo.inputs import SHOPS
from pipetriage.demo.lake import CLICKS, ORDERS, STAGING

_TEMPLATE = """\
# Written by `pipetriage demo`. Paths are relative to this file.
store = "sqlite:///{folder}/incidents.db"

[local]
runs = "runs"
jobs = "jobs"
logs = "logs/{{job}}/{{run_id}}.log"
catalog = "sqlite:///lake/catalog.db"
control = "sqlite:///control.db"
lineage = "lineage/events.jsonl"

[pipelines.orders_daily]
glue_job = "orders_daily"
batch_id = {{ from = "argument", name = "batch_id" }}
source = "file://{folder}/input/orders/{{batch_id}}/"
outputs = [
  {{ table = "{orders}", role = "target", format = "iceberg", write_mode = "append", partition_field = "shop", \
expected_partitions = {shops}, commits = "one" }},
  {{ table = "{staging}", role = "staging", format = "iceberg", write_mode = "append", partition_field = "shop", \
expected_partitions = {shops}, commits = "many" }},
]
expected_schema = {{ order_id = "string", shop = "string", ordered_at = "timestamp", quantity = "long", \
amount = "decimal(10,2)" }}
control = {{ table = "orders_daily_control" }}
deployments = "none"
owners = {{ "data-contract owner" = "cash-registers team", "pipeline owner" = "sales-data team", \
"manual review queue" = "sales-data team" }}
consumers = [{{ name = "revenue_report", owner = "bi-team", table = "{staging}" }}]

[pipelines.clicks_hourly]
glue_job = "clicks_hourly"
batch_id = {{ from = "argument", name = "batch_id" }}
source = "file://{folder}/input/clicks/{{batch_id}}/"
outputs = [
  {{ table = "{clicks}", role = "target", format = "iceberg", write_mode = "append", partition_field = "event_hour", \
expected_partitions = 1, commits = "one" }},
]
expected_schema = {{ click_id = "string", page = "string", clicked_at = "timestamp" }}
control = {{ table = "clicks_hourly_control" }}
deployments = "none"
owners = {{ "ingestion owner" = "web-tracking team", "pipeline owner" = "web-data team" }}
"""


def write_contract(folder: Path) -> Path:
    """Write the settings file into the folder and give its path."""
    path = folder / "pipetriage.toml"
    # A JSON string's content is a TOML basic string's content too.
    quoted = json.dumps(str(folder), ensure_ascii=False)[1:-1]
    text = _TEMPLATE.format(folder=quoted, orders=ORDERS, staging=STAGING, clicks=CLICKS, shops=json.dumps(list(SHOPS)))
    path.write_text(text, encoding="utf-8")
    return path

"""The incident's contract: its first ten fields, and a schema that only grows by optional fields.

Refresh the golden schema with: UPDATE_GOLDEN=1 make test, and read the difference.
"""

import json
import os
from pathlib import Path

from pipetriage.model.incident import SCHEMA_VERSION, Incident, json_schema

GOLDEN = Path(__file__).parents[2] / "docs" / "incident.schema.json"

FIRST_TEN = (
    "pipeline_name",
    "job_run_id",
    "status",
    "failure_category",
    "likely_root_cause",
    "affected_source_path",
    "affected_table",
    "safe_to_retry",
    "recommended_action",
    "confidence",
)


def test_the_first_ten_fields_are_fixed() -> None:
    assert Incident.__struct_fields__[:10] == FIRST_TEN
    assert SCHEMA_VERSION == 1


def test_the_schema_is_the_golden_one() -> None:
    schema = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(schema, encoding="utf-8")
    assert schema == GOLDEN.read_text(encoding="utf-8")

"""The incident: the stored record of one triaged run (design section 5, schema version 1).

The first ten fields are a contract: exactly these, in this order, never renamed.
"""

from datetime import datetime
from typing import Any

import msgspec

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Change
from pipetriage.model.evidence import Evidence, Gap
from pipetriage.model.finding import Finding
from pipetriage.model.opinion import Opinion
from pipetriage.model.proposal import Grounding
from pipetriage.model.review import Review
from pipetriage.model.write_state import Exposure, ExposureWindow, LineageCoverage, Reason, Rerun, WriteState

SCHEMA_VERSION = 1


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another category that the evidence allows, and why it was not chosen."""

    category: Category
    why: str
    evidence: list[str]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One recommended step. Text for a person; nothing here is executed."""

    action: str
    why: str
    approver: str | None
    verify: str | None
    """A read-only check that shows whether the step is right or done."""
    evidence: list[str]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One way forward when a rerun is not safe."""

    option: str
    loses: str
    approver: str
    check: str
    verify: list[str]
    """Read-only queries."""
    evidence: list[str]


MANUAL_REVIEW = "manual review queue"
"""Where a person has to look at what was written (design section 3)."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who must know."""

    queue: str
    owner: str | None
    reason: str
    also: list[str]


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """How often this fingerprint was seen, this incident included."""

    count: int
    first_seen: datetime
    last_seen: datetime
    last_resolution: str | None


class Classifier(msgspec.Struct, frozen=True, kw_only=True):
    """What made the verdict and what it cost."""

    rules_version: str
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    api_calls: int = 0
    """Requests to AWS that reading the evidence took, retries included (``Collected.api_calls``)."""
    bytes_read: int = 0
    """Bytes of evidence that were read (``Collected.bytes_read``); where nobody counted, those of the log."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One triaged run: what broke, what was written, whether a rerun is safe, what to do, who must know."""

    pipeline_name: str
    job_run_id: str
    status: str
    failure_category: Category
    likely_root_cause: str
    affected_source_path: str | None
    affected_table: str | None
    safe_to_retry: bool
    recommended_action: str
    confidence: float
    schema_version: int = SCHEMA_VERSION
    incident_id: str
    batch_id: str | None
    batch_key: str
    attempt: int
    failure_mode: FailureMode
    created_at: datetime
    as_of: datetime
    started_at: datetime | None
    ended_at: datetime | None
    rerun: Rerun
    write_state: list[WriteState]
    exposure: list[Exposure]
    evidence: list[Evidence]
    gaps: list[Gap]
    findings: list[Finding]
    alternatives: list[Alternative]
    recommended_steps: list[Step]
    options: list[Option]
    route: Route
    needs_human_review: bool
    fingerprint: str
    changed_since_last_good: list[Change]
    recurrence: Recurrence
    classifier: Classifier
    model_notes: list[str] = []
    """What a model wrote, as sentences for a person, each marked as a model's. Untrusted, as logs are."""
    superseded_by: str | None = None
    review: Review | None = None
    """The latest review; null until a person reviews."""
    retry_reasons: list[Reason] = []
    """Why the run is, or is not, safe to retry: the conditions beyond a safe rerun."""
    model_opinion: Opinion | None = None
    """What a language model said; None where none was asked."""
    grounding: Grounding | None = None
    """How many of its statements the evidence supports; None where it gave no answer."""
    later_attempts: list[str] = []
    """Runs of the same batch that began after this one: a retry is asked for of the latest."""
    exposure_windows: list[ExposureWindow] = []
    """When readers could see part of the batch, one entry for each table in which they could."""
    exposure_coverage: LineageCoverage | None = None
    """What the list of readers rests on; None where no table was exposed."""


def to_json(incident: Incident, *, indent: int | None = None) -> bytes:
    """Encode as UTF-8 JSON, fields in contract order."""
    encoded = msgspec.json.encode(incident)
    return msgspec.json.format(encoded, indent=indent) if indent is not None else encoded


def from_json(data: bytes) -> Incident:
    """Decode a stored incident.

    Raises:
        msgspec.ValidationError: the data is not an incident of this schema version.
    """
    return msgspec.json.decode(data, type=Incident)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of an incident."""
    schema = msgspec.json.schema(Incident)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipetriage incident",
        **schema,
    }

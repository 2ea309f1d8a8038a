"""Whether two triages of one run came to the same verdict."""

import hashlib

import msgspec

from pipetriage.model.incident import Incident

# What differs between two triages of the same run though nothing that they say does: clocks, costs, and what the
# store itself fills in.
_NOT_VERDICT = (
    "created_at",
    "as_of",
    "recurrence",
    "superseded_by",
    "review",
    "exposure_coverage",
)


def verdict_digest(incident: Incident) -> str:
    """Hash what an incident says, leaving out when it was said and what it cost."""
    said = msgspec.to_builtins(incident)
    for field in _NOT_VERDICT:
        said.pop(field, None)
    classifier = said["classifier"]
    said["classifier"] = {key: classifier.get(key) for key in ("rules_version", "model")}
    for what in ("requests", "seconds", "cached", "stated_confidence"):
        (said.get("model_opinion") or {}).pop(what, None)
    for evidence in said["evidence"]:
        evidence.pop("observed_at", None)
    # A remaining wait counts down; that there is one is the verdict.
    said["rerun"]["retry_after_seconds"] = said["rerun"].get("retry_after_seconds") is not None
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()

"""Turns reviewed incidents into labelled cases, so that a team is measured on its own failures."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml

from pipetriage.errors import UsageError
from pipetriage.model.incident import Incident

_NOT_IN_NAMES = re.compile(r"[^\w.\-]+")
_ID_CHARACTERS = 12


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the reviewed incidents."""

    written: list[str]
    """Names of the new cases."""
    known: list[str]
    """Cases that were there already; their labels are brought up to date."""
    lost: list[str]
    """Incidents whose evidence was not kept."""


def export(incidents: Iterable[Incident], evidence: Path, folder: Path) -> Exported:
    """Write a case for each reviewed incident whose redacted bundle was kept.

    Raises:
        UsageError: the folder cannot be written.
    """
    written: list[str] = []
    known: list[str] = []
    lost: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for incident in incidents:
            bundle = evidence / incident.incident_id
            if incident.review is None or not (bundle / "bundle.json").is_file():
                lost.append(incident.incident_id)
                continue
            case = folder / _case_name(incident)
            (known if case.exists() else written).append(case.name)
            _write(incident, bundle, case)
    except OSError as error:
        raise UsageError(f"cannot write cases to {folder}: {error.strerror or error}: give another folder") from error
    return Exported(written=written, known=known, lost=lost)


def _write(incident: Incident, bundle: Path, case: Path) -> None:
    """Copy beside the case and move into place, so that a case is whole or not there."""
    made = case.with_name(f".{case.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(bundle, made)
    (made / "expected.yaml").write_text(yaml.safe_dump(labels(incident), sort_keys=False), encoding="utf-8")
    shutil.rmtree(case, ignore_errors=True)
    made.rename(case)


def labels(incident: Incident) -> dict[str, object]:
    """Give the labels of a reviewed incident; the latest review is the truth, never the verdict."""
    review = incident.review
    if review is None:
        raise ValueError(f"{incident.incident_id} was not reviewed")
    acceptable = dict.fromkeys([review.failure_category, *review.acceptable_categories])
    label: dict[str, object] = {
        "failure_category": str(review.failure_category),
        "acceptable_categories": [str(one) for one in acceptable],
        "safe_to_retry": review.safe_to_retry,
    }
    if review.rerun_harmless is not None:
        label["rerun_harmless"] = review.rerun_harmless
    # Runs that failed in the same way are one family: a split must not tear them apart.
    label["family"] = incident.fingerprint
    label["notes"] = f"Reviewed by {review.by} on {review.reviewed_at:%Y-%m-%d}. {review.note}".strip()
    return label


def _case_name(incident: Incident) -> str:
    pipeline = _NOT_IN_NAMES.sub("_", incident.pipeline_name)[:60].strip(".") or "pipeline"
    return f"{pipeline}_{incident.incident_id.removeprefix('inc_')[:_ID_CHARACTERS]}"

"""Rows and folders of cases for the tests of the evaluation."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from pipetriage.evaluation.label import Label
from pipetriage.evaluation.row import Row, Verdict, judge
from pipetriage.model.categories import Category
from pipetriage.model.write_state import RerunDecision

CASES = Path(__file__).parents[2] / "cases"
SAFE, UNSAFE = RerunDecision.SAFE, RerunDecision.UNSAFE


def label(category: str = "UNKNOWN", *also: str, safe: bool | None = False, harmless: bool | None = True) -> Label:
    """Make a label."""
    categories = [Category(one) for one in (category, *also)]
    return Label(
        failure_category=categories[0], acceptable_categories=categories, safe_to_retry=safe, rerun_harmless=harmless
    )


def verdict(
    category: str = "UNKNOWN",
    *,
    safe: bool = False,
    rerun: RerunDecision = UNSAFE,
    confidence: float = 0.5,
    **more: Any,
) -> Verdict:
    """Make a verdict."""
    given = {"seconds": 0.01, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, **more}
    return Verdict(failure_category=Category(category), safe_to_retry=safe, rerun=rerun, confidence=confidence, **given)


def row(name: str, truth: Label | None, said: Verdict) -> Row:
    """Judge a verdict."""
    return judge(name, truth, said)


def failed(name: str = "broken", truth: Label | None = None) -> Row:
    """Make a row without a verdict."""
    return judge(name, truth, Verdict(error="no verdict within 60 s"))


def copy_case(folder: Path, case: str, name: str | None = None, **label_keys: Any) -> Path:
    """Copy one of the repository's cases; ``label_keys`` change its label."""
    copied = folder / (name or case)
    shutil.copytree(CASES / case, copied)
    if label_keys:
        path = copied / "expected.yaml"
        document = yaml.safe_load(path.read_text("utf-8")) | label_keys
        path.write_text(yaml.safe_dump(document), "utf-8")
    return copied


def tiny_case(folder: Path, name: str, text: str = "failure_category: UNKNOWN\n") -> Path:
    """Write a case whose bundle says nothing but which run it is of."""
    case = folder / name
    case.mkdir(parents=True)
    document = {
        "bundle_version": 1,
        "captured_at": "2026-11-22T03:12:00Z",
        "run": {"job_name": "orders_daily", "job_run_id": "jr_tiny"},
        "pipeline": {"name": "orders_daily"},
    }
    (case / "bundle.json").write_text(json.dumps(document))
    (case / "expected.yaml").write_text(text)
    return case

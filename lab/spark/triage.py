"""The public path: capture, and triage of the live run and of the captured bundle."""

import json
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident, to_json


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the tool says, as far as the lab compares it."""

    category: str
    mode: str
    rerun: str
    safe_to_retry: bool
    broken: list[str]
    """The rerun rules that do not hold, with why."""
    broken_retry: list[str]
    state: list[str]
    compared: Any
    """Verdict, findings, write state and reasons, for live against bundle."""


_COMPARED = ("failure_category", "failure_mode", "safe_to_retry", "rerun", "write_state", "findings", "retry_reasons")


def verdict_of(incident: Incident) -> Verdict:
    """Take from an incident what is compared."""
    document = json.loads(to_json(incident))
    return Verdict(
        category=incident.failure_category,
        mode=str(incident.failure_mode),
        rerun=str(incident.rerun.decision),
        safe_to_retry=incident.safe_to_retry,
        broken=[f"{one.rule}: {one.why}" for one in incident.rerun.reasons if not one.holds],
        broken_retry=[f"{one.rule}: {one.why}" for one in incident.retry_reasons if not one.holds],
        state=[f"{one.table} ({one.role}) {one.status}: {one.why}" for one in incident.write_state],
        compared={key: document.get(key) for key in _COMPARED},
    )


def capture_and_triage(config: Path, target: str, bundle: Path) -> tuple[Verdict, Verdict]:
    """Triage the live run, capture it, triage the bundle."""
    import shutil

    app = open_app(config=config, use_store=False)
    live = verdict_of(app.triage(target))
    shutil.rmtree(bundle, ignore_errors=True)
    app.capture(target, bundle)  # type: ignore[attr-defined,unused-ignore]
    return live, triage_bundle(bundle)


def triage_bundle(bundle: Path) -> Verdict:
    """Triage a bundle with no settings of this machine."""
    return verdict_of(open_app(use_store=False).triage(str(bundle)))

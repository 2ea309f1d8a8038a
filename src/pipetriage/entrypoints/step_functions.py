"""A Step Functions task: ``pipetriage.entrypoints.step_functions.handler``, called with what a failed state left.

    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Triage"}]

The task takes the state's whole input, finds ``Error`` and ``Cause`` in it, triages the Glue run that the Cause names,
keeps the incident, and gives a small answer for a Choice state (docs/gates.md has the machines). Environment as for
``aws_lambda``. With ``"gate": true`` in the input it also asks for the one retry of that run, in the name of the
``execution`` in it; then nothing but an input without a run is an error, and every other trouble a no with its reason.
With ``"read": "db.table"`` it says whether a table may be read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from pipetriage.errors import EventError, StoreError
from pipetriage.model.identity import is_name

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident

_ANSWERING_SECONDS = 3.0
"""Of an invocation's time, left for the answer itself."""
_TELLING_SECONDS = 3.0

_ERROR_KEYS = ("error", "Error", "errorInfo", "ErrorInfo", "failure")
"""Where a Catch's ResultPath commonly puts what it caught."""


def handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Triage the run that made a state fail, or say whether a table may be read.

    Raises:
        EventError: the input has no Cause, or the Cause names no Glue run: nothing was triaged, so do not retry.
        PipetriageError: the run could not be triaged, or the incident not be kept.
    """
    from pipetriage.sources.executions import run_in_cause

    if isinstance(event.get("read"), str):
        return _read(_app(), event["read"])
    error, cause = caught(event)
    named = run_in_cause(cause)
    if named is None:
        raise EventError(
            f"the state failed with {error or 'no Error'}, and its Cause names no Glue run: a run that was never "
            "started has nothing to triage"
        )
    app = _app()
    if event.get("gate") is True:
        return _gated(app, f"glue:{named.job}/{named.run_id}", _execution(event), context)
    incident = app.triage_and_keep(app.glue_run(named.job, named.run_id))
    _send(app)
    return _brief(incident)


def _gated(app: App, target: str, execution: str | None, context: Any) -> dict[str, Any]:
    """Ask for the one retry; whatever keeps us from an answer is a no with its reason, for a Choice to go by."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    seconds = app.settings.gate.within_seconds
    if left is not None:
        seconds = max(1.0, min(seconds, left() / 1000 - _ANSWERING_SECONDS))
    answer = app.gatekeeper.ask_within(target, seconds, execution or "Step Functions", repeats=execution is not None)
    retry = {
        "allowed": answer.allowed,
        "rule": answer.rule,
        "reason": answer.reason,
        "retry_after_seconds": answer.retry_after_seconds,
    }
    if answer.incident is None:
        return {"retry": retry}
    _send(app)
    return {**_brief(answer.incident), "retry": retry}


def _read(app: App, table: str) -> dict[str, Any]:
    answer = app.gatekeeper.read_within(table, app.settings.gate.within_seconds)
    return {
        "table": answer.table,
        "allowed": answer.allowed,
        "rule": answer.rule,
        "reason": answer.reason,
        "incidents": [one.incident_id for one in answer.incidents[:20]],
    }


def _send(app: App) -> None:
    """Send what is to be told, for a moment: a state machine waits for us. The rest is sent by whoever runs next."""
    with suppress(StoreError):
        app.send(_TELLING_SECONDS)


def _execution(event: dict[str, Any]) -> str | None:
    """Give the ARN of the execution that asks, where it says so: it may ask again for an answer that was lost."""
    arn = event.get("execution")
    return arn if is_name(arn, 2048) else None


def caught(event: dict[str, Any]) -> tuple[str, str]:
    """Find Error and Cause in a state's input.

    Raises:
        EventError: there is no Cause in it.
    """
    places = [event, *(event[key] for key in _ERROR_KEYS if isinstance(event.get(key), dict))]
    for place in places:
        cause = place.get("Cause", place.get("cause"))
        if isinstance(cause, str):
            return str(place.get("Error", place.get("error")) or ""), cause
        if isinstance(cause, dict):  # States.StringToJson($.error.Cause)
            import json

            return str(place.get("Error") or ""), json.dumps(cause)
    raise EventError(
        'the input has no Cause: catch the failed state with "ResultPath": "$.error" and hand its input to this task'
    )


@cache
def _app() -> App:
    from pipetriage.bootstrap import open_app

    return open_app(config=os.environ.get("PIPETRIAGE_CONFIG"), store_url=os.environ.get("PIPETRIAGE_STORE"))


def _brief(incident: Incident) -> dict[str, Any]:
    """Give what a Choice state and a message to a person need; the incident itself is in the store."""
    return {
        "incident_id": incident.incident_id,
        "pipeline_name": incident.pipeline_name,
        "job_run_id": incident.job_run_id,
        "batch_id": incident.batch_id,
        "failure_category": str(incident.failure_category),
        "failure_mode": str(incident.failure_mode),
        "likely_root_cause": incident.likely_root_cause,
        "affected_table": incident.affected_table,
        "rerun": str(incident.rerun.decision),
        "safe_to_retry": incident.safe_to_retry,
        "retry_after_seconds": incident.rerun.retry_after_seconds,
        "recommended_action": incident.recommended_action,
        "confidence": incident.confidence,
        "needs_human_review": incident.needs_human_review,
        "queue": incident.route.queue,
    }

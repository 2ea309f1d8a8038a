"""A Step Functions task: ``pipetriage.entrypoints.step_functions.handler``, called with what a failed state left.

    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Triage"}]

The task takes the state's whole input, finds ``Error`` and ``Cause`` in it, triages the Glue run that the Cause names,
keeps the incident, and gives a small answer for a Choice state (docs/watch.md has the machine). Environment as for
``aws_lambda``. With ``"gate": true`` in the input it also asks for the one retry of that run, in the name of the
``execution`` in it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from pipetriage.errors import EventError, StoreError
from pipetriage.model.identity import is_name

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident

_ERROR_KEYS = ("error", "Error", "errorInfo", "ErrorInfo", "failure")
"""Where a Catch's ResultPath commonly puts what it caught."""


def handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Triage the run that made a state fail.

    Raises:
        EventError: the input has no Cause, or the Cause names no Glue run: nothing was triaged, so do not retry.
        PipetriageError: the run could not be triaged, or the incident not be kept.
    """
    from pipetriage.sources.executions import run_in_cause

    error, cause = caught(event)
    named = run_in_cause(cause)
    if named is None:
        raise EventError(
            f"the state failed with {error or 'no Error'}, and its Cause names no Glue run: a run that was never "
            "started has nothing to triage"
        )
    app = _app()
    if event.get("gate") is True:
        answer = app.gate(f"glue:{named.job}/{named.run_id}", asker=_execution(event))
        if app.store_error:
            raise StoreError(app.store_error)
        retry = {
            "allowed": answer.allowed,
            "rule": answer.rule,
            "reason": answer.reason,
            "retry_after_seconds": answer.retry_after_seconds,
        }
        return {**_brief(answer.incident), "retry": retry}
    return _brief(app.triage_and_keep(app.glue_run(named.job, named.run_id)))


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

"""``POST /slack/actions``: what people do by our messages' buttons. It writes to our own store, and nowhere else."""

import os
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from pipetriage.bootstrap import App
from pipetriage.context.redact import Redactor
from pipetriage.errors import DeliveryError, MissingExtraError, PipetriageError, RefusedError
from pipetriage.model.review import Review
from pipetriage.notifiers.secrets import Secrets
from pipetriage.notifiers.slack import SlackBot
from pipetriage.notifiers.slack_actions import (
    Acknowledge,
    Action,
    ReviewAsked,
    ReviewGiven,
    is_from_slack,
    read_action,
    review_answer,
    review_view,
)
from pipetriage.settings.channels import SlackChannel


def router(program: App) -> APIRouter:
    """Make the route. Who asks is known by the signature; a request that has none is told nothing."""
    routes = APIRouter()

    @routes.post("/slack/actions", include_in_schema=False)
    async def actions(request: Request) -> Response:
        body, headers = await request.body(), dict(request.headers)
        return await run_in_threadpool(_answer, program, body, headers)

    return routes


def _answer(program: App, body: bytes, headers: dict[str, str]) -> Response:
    channel = _sender(program, body, headers)
    if channel is None:
        raise HTTPException(401, "the request is not signed by Slack")
    try:
        return _done(program, channel, read_action(body))
    except RefusedError as error:
        raise HTTPException(400, str(error)) from error


def _sender(program: App, body: bytes, headers: dict[str, str]) -> str | None:
    """Give the channel whose app has signed the request."""
    for name, settings in program.settings.channels.items():
        if not isinstance(settings, SlackChannel) or settings.signing_secret_env is None:
            continue
        try:
            secret = Secrets(name, os.environ).get("signing_secret_env", settings.signing_secret_env)
            if is_from_slack(secret, body, headers):
                return name
        except PipetriageError:
            continue  # that channel cannot be asked by anybody; another may be meant
    return None


def _done(program: App, channel: str, action: Action) -> Response:
    match action:
        case Acknowledge():
            _acknowledge(program, action)
        case ReviewAsked():
            _show_review(program, channel, action)
        case ReviewGiven():
            return JSONResponse(_review(program, action))
        case _:
            pass  # a link was opened
    return Response()


def _acknowledge(program: App, action: Acknowledge) -> None:
    store = program.kept()
    attempts = store.incidents_of_batch(action.topic)
    if attempts:
        program.teller.acknowledge(store, attempts[0], action.by)


def _show_review(program: App, channel: str, action: ReviewAsked) -> None:
    try:
        incident = program.kept().get(action.incident_id)
        bot = program.teller.channel(channel)
        if not isinstance(bot, SlackBot):
            raise RefusedError("only a bot can show a form: set token_env and channel")
        title = f"{incident.pipeline_name}, run {incident.job_run_id}"
        view = review_view(incident.incident_id, title, incident.failure_category, safe=incident.safe_to_retry)
        bot.open_review(action.trigger, view)
    except (DeliveryError, MissingExtraError) as error:
        raise HTTPException(503, f"the form cannot be shown: {error}") from error
    except PipetriageError as error:
        raise HTTPException(404, str(error)) from error


def _review(program: App, action: ReviewGiven) -> dict[str, Any]:
    redactor = Redactor()
    given = Review(
        by=action.by,
        reviewed_at=datetime.now(UTC),
        failure_category=action.failure_category,
        safe_to_retry=action.safe_to_retry,
        note=redactor.text(action.note),
        done=redactor.text(action.done),
    )
    try:
        program.kept().add_review(action.incident_id, given)
    except PipetriageError as error:
        return review_answer(str(error))
    return review_answer()

"""The AWS Lambda handler: ``pipetriage.entrypoints.aws_lambda.handler`` (docs/watch.md).

It takes what a queue of events delivers (a batch, of which only those messages come again that are not done), what
EventBridge or a person sends directly, and ``{"pipetriage": "poll"}`` from a schedule. Delivered twice, an event makes
the same incident, so that no second record of what was done is needed.

Environment: ``PIPETRIAGE_CONFIG`` is a settings file in the package (default: pipetriage.toml beside the code) or
``s3://bucket/key``, read when an instance starts; ``PIPETRIAGE_STORE``, ``PIPETRIAGE_QUEUE``,
``PIPETRIAGE_DEAD_LETTERS`` and ``PIPETRIAGE_JOBS`` (a pattern) go before what it says.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from pipetriage.errors import MissingExtraError, PipetriageError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipetriage.watching.answers import Report
    from pipetriage.watching.queue import Message

try:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("aws_lambda_powertools", "jmespath"):
        raise
    raise MissingExtraError("lambda", "the Lambda handler") from error

LEAST_MS = 70_000
"""A triage has up to three rounds of sources of 20 s: with less time left than this, a message is given back."""
LEAST_TO_TELL_MS = 25_000
"""One message to one channel may take its whole time limit, 10 s unless the settings say otherwise."""

_log = Logger(service="pipetriage")


class NotDoneError(PipetriageError):
    """A message that is to come again."""


def handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Handle one invocation.

    Raises:
        PipetriageError: an event that came by no queue is not done with, or no record of a batch could be seen to for
            want of settings, credentials or the store; Lambda tries it again, and its error metric tells.
    """
    program = _program()
    if "Records" in event:
        # Powertools raises when every record of a batch fails; Lambda would then give back the same ones.
        batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(event, record_handler=_record, processor=batch, context=context)
        program.tell_people(_left_ms(context))
        trouble = program.trouble_since()
        if trouble is not None and len(answer["batchItemFailures"]) == len(event["Records"]):
            raise trouble
        return dict(answer)
    done = program.poll(_left_ms(context)) if event.get("pipetriage") == "poll" else program.see_to_event(event)
    program.tell_people(_left_ms(context))
    return done


def _record(record: SQSRecord, lambda_context: Any = None) -> None:
    from pipetriage.watching.queue import Message

    receives = int(record.attributes.approximate_receive_count or 1)
    message = Message(record.message_id, record.body, record.receipt_handle, receives)
    if _left_ms(lambda_context) < LEAST_MS:
        _program().give_back(message)
        raise NotDoneError("too little time is left in this invocation")
    _program().see_to(message)


def _left_ms(context: Any) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return float(left()) if left is not None else float("inf")


@cache
def _program() -> _Program:
    """Wire the program once for all invocations of this instance."""
    return _Program(os.environ)


class _Program:
    def __init__(self, environment: Mapping[str, str]) -> None:
        from pipetriage.account import AccountRuns
        from pipetriage.bootstrap import open_app
        from pipetriage.watching.poller import Poller
        from pipetriage.watching.queue import Queue

        app = open_app(config=environment.get("PIPETRIAGE_CONFIG"), store_url=environment.get("PIPETRIAGE_STORE"))
        jobs = environment.get("PIPETRIAGE_JOBS")
        given = {
            "queue": environment.get("PIPETRIAGE_QUEUE"),
            "dead_letters": environment.get("PIPETRIAGE_DEAD_LETTERS"),
            "jobs": [jobs] if jobs else None,
        }
        settings = msgspec.structs.replace(app.settings.watch, **{name: one for name, one in given.items() if one})
        app.settings = msgspec.structs.replace(app.settings, watch=settings)
        self._app = app
        self._trouble: PipetriageError | None = None
        self._settings = settings
        self._runs = AccountRuns(app)
        self._desk = self._runs.desk()
        self._queue = (
            Queue(settings, app.settings.aws.endpoint_url, app.settings.aws.region) if settings.queue else None
        )
        # It remembers what it has seen to, for as long as Lambda keeps this instance.
        self._poller = Poller(
            self._runs,
            every=settings.poll_seconds,
            hours=settings.poll_hours,
            has_events=True,
            now=lambda: datetime.now(UTC),
            on_report=_tell,
        )

    def see_to(self, message: Message) -> None:
        """See to one message; Lambda deletes it when this returns, and lets it come again when it raises."""
        from pipetriage.watching.answers import answer_to, settle

        began = time.monotonic()
        answer = answer_to(message, self._desk, self._settings.max_receives)
        self._trouble = answer.trouble or self._trouble
        done, report = settle(self._queue, message, answer, delete=False)
        seconds = round(time.monotonic() - began, 3)
        _tell(msgspec.structs.replace(report, message_id=message.id, seconds=seconds))
        if not done:
            raise NotDoneError(report.why or "it is to be looked at again once the run has settled")

    def trouble_since(self) -> PipetriageError | None:
        """Give what was wrong with the program's surroundings since this was asked last, if anything."""
        trouble, self._trouble = self._trouble, None
        return trouble

    def see_to_event(self, event: dict[str, Any]) -> dict[str, Any]:
        """See to an event that came by no queue, and give what was done."""
        from pipetriage.watching.notices import read_event

        outcome = self._desk.handle(read_event(event))
        if outcome.again_in is not None:
            raise NotDoneError(f"to be looked at again in {outcome.again_in:.0f} s; send it by the queue, which waits")
        return dict(msgspec.to_builtins(outcome))

    def give_back(self, message: Message) -> None:
        """Let others have a message at once that was not begun."""
        if self._queue is not None:
            self._queue.hide(message, 1)

    def tell_people(self, left_ms: float) -> None:
        """Send what waits in the outbox, as far as the time goes; what is left is sent by the next invocation."""
        seconds = min(self._app.settings.routing.send_seconds, (left_ms - LEAST_TO_TELL_MS) / 1000)
        try:
            sent = self._app.send(seconds) if seconds > 0 else []
        except StoreError as error:
            _log.warning({"word": "waiting", "why": f"nobody could be told: {error}"})
            return
        for one in sent:
            said = {"word": one.state, "channel": one.delivery.channel, "topic": one.delivery.topic, "why": one.outcome}
            (_log.info if one.state == "SENT" else _log.warning)(said)

    def poll(self, left_ms: float) -> dict[str, Any]:
        """Ask every job once for the runs that no event told of, as far as the time goes."""
        from pipetriage.watching.worker import Worker

        worker = Worker(self._desk, self._settings, _tell, self._runs.ready)
        try:
            self._poller.sweep(worker, until=time.monotonic() + (left_ms - LEAST_MS) / 1000)
        finally:
            worker.end()
        return dict(worker.tally)


def _tell(report: Report) -> None:
    said = msgspec.to_builtins(report)
    (_log.warning if report.word in ("failed", "buried", "waiting", "unseen") else _log.info)(said)

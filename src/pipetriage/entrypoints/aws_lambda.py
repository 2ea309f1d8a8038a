"""The AWS Lambda handler: ``pipetriage.entrypoints.aws_lambda.handler`` (docs/watch.md).

It takes what a queue of events delivers (a batch, of which only those messages come again that are not done), what
EventBridge or a person sends directly, and ``{"pipetriage": "poll"}`` from a schedule. Delivered twice, an event makes
the same incident, so that no second record of what was done is needed.

Environment: ``PIPETRIAGE_CONFIG`` is a settings file in the package (default: pipetriage.toml beside the code) or
``s3://bucket/key``; ``PIPETRIAGE_STORE``, ``PIPETRIAGE_QUEUE`` and ``PIPETRIAGE_DEAD_LETTERS`` go before what it says.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from pipetriage.errors import MissingExtraError, PipetriageError, SourceError

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

_log = Logger(service="pipetriage")


class NotDoneError(PipetriageError):
    """A message that is to come again."""


def handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Handle one invocation.

    Raises:
        PipetriageError: an event that came by no queue could not be seen to; Lambda tries it again.
    """
    if "Records" in event:
        # Powertools raises when every record of a batch fails; Lambda would then give back the same ones.
        batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return dict(process_partial_response(event, record_handler=_record, processor=batch, context=context))
    if event.get("pipetriage") == "poll":
        return _program().poll()
    from pipetriage.watching.notices import read_event

    return dict(msgspec.to_builtins(_program().desk.handle(read_event(event))))


def _record(record: SQSRecord, lambda_context: Any = None) -> None:
    from pipetriage.watching.queue import Message

    receives = int(record.attributes.approximate_receive_count or 1)
    left = getattr(lambda_context, "get_remaining_time_in_millis", None)
    if left is not None and left() < LEAST_MS:
        raise NotDoneError("too little time is left in this invocation")
    _program().see_to(Message(record.message_id, record.body, record.receipt_handle, receives))


@cache
def _program() -> _Program:
    """Wire the program once for all invocations of this instance."""
    return _Program(os.environ)


class _Program:
    def __init__(self, environment: Mapping[str, str]) -> None:
        from pipetriage.bootstrap import open_app
        from pipetriage.entrypoints.account import AccountRuns
        from pipetriage.watching.queue import Queue

        self._app = open_app(config=environment.get("PIPETRIAGE_CONFIG"), store_url=environment.get("PIPETRIAGE_STORE"))
        named = {
            "queue": environment.get("PIPETRIAGE_QUEUE"),
            "dead_letters": environment.get("PIPETRIAGE_DEAD_LETTERS"),
        }
        given = {name: value for name, value in named.items() if value}
        settings = msgspec.structs.replace(self._app.settings.watch, **given)
        self._runs = AccountRuns(self._app)
        self._settings = settings
        self.desk = self._runs.desk()
        aws = self._app.settings.aws
        self._queue = Queue(settings, aws.endpoint_url, aws.region) if settings.queue else None

    def see_to(self, message: Message) -> None:
        """See to one message; Lambda deletes it when this returns, and lets it come again when it raises."""
        from pipetriage.watching.answers import answer_to

        began = time.monotonic()
        answer = answer_to(message, self.desk, self._settings.max_receives)
        report = msgspec.structs.replace(
            answer.report, message_id=message.id, seconds=round(time.monotonic() - began, 3)
        )
        _tell(report)
        if answer.aside and self._queue is not None and self._queue.bury(message, report.why):
            return
        if not answer.aside and answer.again_in is None:
            return
        if self._queue is not None:
            try:
                self._queue.hide(message, 1 if answer.again_in is None else answer.again_in)
            except SourceError as error:
                _log.warning(str(error))  # it comes again all the same, after the queue's own time
        raise NotDoneError(report.why or "it is to be looked at again once the run has settled")

    def poll(self) -> dict[str, Any]:
        """Ask every job once for the runs that no event told of."""
        from pipetriage.watching.poller import Poller
        from pipetriage.watching.worker import Worker

        worker = Worker(self.desk, self._settings, _tell, self._runs.ready)
        Poller(
            *(self._runs, worker),
            every=self._settings.poll_seconds,
            hours=self._settings.poll_hours,
            has_events=True,
            now=lambda: datetime.now(UTC),
            on_report=_tell,
        ).sweep()
        worker.end()
        return dict(worker.tally)


def _tell(report: Report) -> None:
    said = msgspec.to_builtins(report)
    (_log.warning if report.word in ("failed", "buried", "waiting") else _log.info)(said)

"""What becomes of a message: done with, to come again, or put aside. The same for a worker and for Lambda."""

import msgspec

from pipetriage.errors import CredentialsError, EventError, PipetriageError, StoreError
from pipetriage.watching.desk import Desk, Outcome
from pipetriage.watching.notices import read_event
from pipetriage.watching.queue import Message, Queue

_BACKOFF, _LONGEST_BACKOFF = 30.0, 900.0
"""Seconds until a message comes again that could not be seen to: doubled each time."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one message or of one run that was asked for."""

    word: str
    """An outcome's word; or ``failed`` (it comes again), ``buried`` (it does not)."""
    why: str = ""
    job: str = ""
    run_id: str = ""
    incident_id: str = ""
    category: str = ""
    safe_to_retry: bool | None = None
    again_in: float | None = None
    message_id: str = ""
    seconds: float = 0.0
    """How long it took."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a message."""

    report: Report
    again_in: float | None = None
    """Seconds until it comes again; None: it is done with, or put aside."""
    aside: bool = False
    """It goes to the dead letters, with the report's ``why``."""
    trouble: PipetriageError | None = None
    """What is wrong with the program's surroundings and not with the message: credentials, the store."""


def answer_to(message: Message, desk: Desk, max_receives: int) -> Answer:
    """Have a message seen to. Never raises: one bad message must not end what handles the others."""
    try:
        outcome = desk.handle(read_event(message.body))
    except EventError as error:
        return Answer(report=Report(word="buried", why=str(error)), aside=True)
    except (CredentialsError, StoreError) as error:
        return Answer(report=Report(word="failed", why=str(error)), again_in=_BACKOFF, trouble=error)
    except Exception as error:  # noqa: BLE001 - the boundary of one message: see above
        return _failed(message, error, max_receives)
    # Looking again is a receive like any other: the last one has to do with what is there.
    last = message.receives >= max_receives
    return Answer(report=report_of(outcome), again_in=None if last else outcome.again_in)


def _failed(message: Message, error: Exception, max_receives: int) -> Answer:
    why = str(error) if isinstance(error, PipetriageError) else f"{type(error).__name__}: {error}"
    if message.receives >= max_receives:
        said = f"not seen to in {message.receives} attempts: {why}"
        return Answer(report=Report(word="buried", why=said), aside=True)
    backoff = min(_BACKOFF * 2 ** (message.receives - 1), _LONGEST_BACKOFF)
    return Answer(report=Report(word="failed", why=why), again_in=backoff)


def settle(queue: Queue, message: Message, answer: Answer) -> Report:
    """Do with a message what the answer says.

    Raises:
        SourceError: the queue did not take it; the message comes again.
    """
    if answer.aside:
        if queue.bury(message, answer.report.why):
            return answer.report
        # SQS moves it, once it has been received often enough; nobody need wait long for that.
        queue.hide(message, 1)
        why = f"{answer.report.why} (no [watch] dead_letters are named, to put it aside with this reason)"
        return msgspec.structs.replace(answer.report, word="failed", why=why)
    if answer.again_in is not None:
        queue.hide(message, answer.again_in)
    else:
        queue.done(message)
    return answer.report


def report_of(outcome: Outcome) -> Report:
    """Report an outcome."""
    return Report(
        word=str(outcome.word),
        why=outcome.why,
        job=outcome.job,
        run_id=outcome.run_id,
        incident_id=outcome.incident_id,
        category=outcome.category,
        safe_to_retry=outcome.safe_to_retry,
        again_in=outcome.again_in,
    )

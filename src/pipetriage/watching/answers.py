"""What becomes of a message: done with, to come again, or put aside. The same for a worker and for Lambda."""

import msgspec

from pipetriage.errors import CredentialsError, EventError, PipetriageError, SourceError, StoreError
from pipetriage.watching.desk import Desk, Outcome, Word
from pipetriage.watching.notices import ExecutionFailed, Notice, read_event
from pipetriage.watching.queue import Message, Queue

_BACKOFF, _LONGEST_BACKOFF = 30.0, 900.0
"""Seconds until a message comes again that could not be seen to: doubled each time."""
_PATIENCE = 3
"""So many times ``max_receives`` a message is tried that only the program's surroundings were in the way of."""


class Report(Outcome, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one message, or of one run that was asked for."""

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
    notice: Notice | None = None
    last = message.receives >= max_receives
    try:
        notice = read_event(message.body)
        outcome = desk.handle(notice, last=last)
    except EventError as error:
        return Answer(report=Report(word=Word.BURIED, why=str(error)), aside=True)
    except (CredentialsError, StoreError) as error:
        return _again(message, str(error), max_receives * _PATIENCE, error)
    except Exception as error:  # noqa: BLE001 - the boundary of one message: see above
        if last and isinstance(notice, ExecutionFailed) and isinstance(error, SourceError):
            # Whoever else's execution it is: that it cannot be read is no reason to wake somebody.
            return Answer(report=Report(word=Word.IGNORED, why=str(error)))
        return _again(message, told(error), max_receives)
    # Looking again is a receive like any other: the last one has to do with what is there.
    return Answer(report=report_of(outcome), again_in=None if last else outcome.again_in)


def _again(message: Message, why: str, most: int, trouble: PipetriageError | None = None) -> Answer:
    """Let it come again, each time later, until it has come often enough."""
    if message.receives >= most:
        said = f"not seen to in {message.receives} attempts: {why}"
        return Answer(report=Report(word=Word.BURIED, why=said), aside=True, trouble=trouble)
    return Answer(report=Report(word=Word.FAILED, why=why), again_in=_backoff(message), trouble=trouble)


def _backoff(message: Message) -> float:
    return float(min(_BACKOFF * 2 ** min(message.receives - 1, 10), _LONGEST_BACKOFF))


def settle(queue: Queue | None, message: Message, answer: Answer, *, delete: bool = True) -> tuple[bool, Report]:
    """Do with a message what the answer says; give whether it is gone for good, and the report of it.

    Lambda deletes what is done by itself (``delete`` False). Without a queue, nothing can be hidden or put aside.

    Raises:
        SourceError: the queue did not take it; the message comes again.
    """
    if answer.aside:
        if queue is not None and queue.bury(message, answer.report.why):
            return True, answer.report
        # SQS's own policy moves it, once it has been received often enough.
        if queue is not None:
            queue.hide(message, _backoff(message))
        why = f"{answer.report.why} (no [watch] dead_letters are named, to put it aside with this reason)"
        return False, msgspec.structs.replace(answer.report, word=Word.FAILED, why=why)
    if answer.again_in is not None:
        if queue is not None:
            queue.hide(message, answer.again_in)
        return False, answer.report
    if delete and queue is not None:
        queue.done(message)
    return True, answer.report


def report_of(outcome: Outcome) -> Report:
    """Report an outcome."""
    return Report(**{name: getattr(outcome, name) for name in outcome.__struct_fields__})


def told(error: Exception) -> str:
    """Say what an error says; of one that is none of ours, also what it is."""
    return str(error) if isinstance(error, PipetriageError) else f"{type(error).__name__}: {error}"

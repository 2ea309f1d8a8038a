"""Asking many sources at once, under one deadline: whoever is slow or refused becomes a gap, and the rest stands."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import NamedTuple

from pipetriage.errors import MissingExtraError, SourceError, UnansweredError
from pipetriage.model.evidence import Gap, Observation, Signal, TableKey, Unanswered
from pipetriage.sources.local_files import Answer

AT_ONCE = 12
"""Questions asked at the same time: a triage has about as many, and botocore pools 25 connections a service."""


class Question(NamedTuple):
    """A conversation with one source: what it yields is kept as it comes, even if it is never finished."""

    name: str
    """Of the signal, for the gap where no answer comes in time."""
    ask: Callable[[], Iterator[Observation | Gap]]


def observe(
    signal: Signal,
    read: Callable[[], Answer],
    now: Callable[[], datetime],
    *,
    table: TableKey | None = None,
    run_id: str | None = None,
    fix: str = "",
) -> Iterator[Observation | Gap]:
    """Ask one thing, and give the answer or the gap (``Unanswered`` where asking again later may do)."""
    # The time before reading: the answer is never older than that.
    at = now()
    name = f"{signal}:{table.name or table.role}" if table else str(signal)
    try:
        answer = read()
    except UnansweredError as error:
        yield Unanswered(source=name, reason=str(error), fix=fix)
    except SourceError as error:
        yield Gap(source=name, reason=str(error), fix=fix)
    except MissingExtraError as error:
        yield Gap(source=name, reason=str(error), fix=f"pip install 'pipetriage[{error.extra}]'")
    else:
        yield Observation(
            signal=signal,
            payload=answer.payload,
            locator=answer.locator,
            observed_at=at,
            uri=answer.uri,
            complete=answer.complete,
            table=table,
            run_id=run_id,
        )


class _Told(NamedTuple):
    place: int
    said: Observation | Gap | BaseException | None
    """None: this conversation is over."""


def ask_all(questions: Sequence[Question], *, seconds: float, at_once: int = AT_ONCE) -> list[Observation | Gap]:
    """Ask all, ``at_once`` at a time, and give what was answered within so many seconds, in the questions' order.

    What is not finished by then is an ``Unanswered`` gap; its thread ends by itself, with the client's own timeouts.

    Raises:
        Exception: what a source raised that is no gap (credentials that nobody accepts, a mistake of ours).
    """
    told: SimpleQueue[_Told] = SimpleQueue()
    room = threading.Semaphore(at_once)
    for place, question in enumerate(questions):
        # Daemons: a source that hangs must not keep the program from ending.
        threading.Thread(target=_converse, args=(place, question, told, room), daemon=True).start()
    heard: dict[int, list[Observation | Gap]] = {place: [] for place in range(len(questions))}
    open_ = set(heard)
    deadline = time.monotonic() + seconds
    while open_:
        try:
            place, said = told.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        if isinstance(said, BaseException):
            raise said
        if said is None:
            open_.discard(place)
        else:
            heard[place].append(said)
    for place in open_:
        reason = f"not answered within {seconds:g} s"
        heard[place].append(Unanswered(source=questions[place].name, reason=reason, fix="raise [aws] deadline_seconds"))
    return [one for place in range(len(questions)) for one in heard[place]]


def _converse(place: int, question: Question, told: "SimpleQueue[_Told]", room: threading.Semaphore) -> None:
    with room:
        try:
            for said in question.ask():
                told.put(_Told(place, said))
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: the asker raises it again
            told.put(_Told(place, error))
            return
    told.put(_Told(place, None))

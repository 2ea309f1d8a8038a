"""Sources asked at once: the slow and the refused become gaps, the rest stands, and nothing is asked twice."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from pipetriage.errors import CredentialsError, SourceError, UnansweredError
from pipetriage.model.evidence import Gap, Observation, Signal, Unanswered
from pipetriage.sources.asking import Question, ask_all, observe
from pipetriage.sources.local_files import Answer


def now() -> datetime:
    return datetime.now(UTC)


def question(signal: Signal, read: Callable[[], Answer]) -> Question:
    return Question(str(signal), lambda: observe(signal, read, now))


def answered(text: str, seconds: float = 0.0) -> Callable[[], Answer]:
    def read() -> Answer:
        time.sleep(seconds)
        return Answer({"said": text}, text)

    return read


def refused(error: Exception) -> Callable[[], Answer]:
    def read() -> Answer:
        raise error

    return read


def test_answers_come_in_the_order_of_the_questions_and_at_the_same_time() -> None:
    asked = [question(Signal.JOB, answered("slow", 0.3)), question(Signal.LOGS, answered("quick", 0.3))]
    began = time.monotonic()
    said = ask_all(asked, seconds=5)
    assert time.monotonic() - began < 0.55
    assert [one.signal for one in said if isinstance(one, Observation)] == [Signal.JOB, Signal.LOGS]


def test_who_does_not_answer_in_time_is_a_gap_and_what_he_said_before_stands() -> None:
    released = threading.Event()

    def half() -> Iterator[Observation | Gap]:
        yield from observe(Signal.TABLE, answered("first"), now)
        released.wait(10)

    began = time.monotonic()
    said = ask_all([Question("table", half), question(Signal.JOB, answered("job"))], seconds=0.4)
    assert time.monotonic() - began < 2
    assert [one.signal for one in said if isinstance(one, Observation)] == [Signal.TABLE, Signal.JOB]
    [gap] = [one for one in said if isinstance(one, Gap)]
    assert (gap.source, gap.reason) == ("table", "not answered within 0.4 s")
    assert isinstance(gap, Unanswered)
    released.set()


def test_a_refusal_is_a_gap_with_its_reason() -> None:
    said = ask_all([question(Signal.JOB, refused(SourceError("glue:GetJob is not allowed")))], seconds=5)
    assert said == [Gap(source="job", reason="glue:GetJob is not allowed")]


def test_who_may_answer_later_is_a_gap_of_the_same_shape() -> None:
    [gap] = ask_all([question(Signal.JOB, refused(UnansweredError("glue:GetJob was throttled")))], seconds=5)
    assert isinstance(gap, Unanswered)
    assert msgspec.to_builtins(gap) == msgspec.to_builtins(Gap(source="job", reason="glue:GetJob was throttled"))


@pytest.mark.parametrize("error", [CredentialsError("expired"), ZeroDivisionError("a mistake of ours")])
def test_what_is_no_gap_is_raised(error: Exception) -> None:
    asked = [question(Signal.LOGS, answered("log")), question(Signal.JOB, refused(error))]
    with pytest.raises(type(error)):
        ask_all(asked, seconds=5)


def test_an_answer_is_never_younger_than_its_time_says() -> None:
    before = now()
    [seen] = ask_all([question(Signal.JOB, answered("job", 0.2))], seconds=5)
    assert isinstance(seen, Observation)
    assert before <= seen.observed_at
    assert (now() - seen.observed_at).total_seconds() >= 0.2


def test_no_more_are_asked_at_a_time_than_there_is_room_for() -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def read() -> Answer:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return Answer({}, "x")

    assert len(ask_all([question(Signal.JOB, read) for _ in range(20)], seconds=5, at_once=3)) == 20
    assert most <= 3

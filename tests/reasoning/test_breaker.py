"""A model whose provider fails is left alone, tried once in a while, and asked again when it works."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from pipetriage.model.proposal import ModelFault
from pipetriage.reasoning.breaker import Breaker, is_providers


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(3, 120.0, clock)


def fail(breaker: Breaker, times: int, name: str = "bedrock:a") -> None:
    for _ in range(times):
        breaker.failed(name)


def test_a_model_that_was_never_asked_may_be(breaker: Breaker) -> None:
    assert breaker.allows("bedrock:a")


def test_it_is_left_alone_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.allows("bedrock:a")
    fail(breaker, 1)
    assert not breaker.allows("bedrock:a")


def test_an_answer_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.worked("bedrock:a")
    fail(breaker, 2)
    assert breaker.allows("bedrock:a")


def test_each_model_is_counted_for_itself(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.allows("bedrock:b")


def test_one_request_tries_again_after_the_time(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 119.9
    assert not breaker.allows("bedrock:a")
    clock.now += 0.1
    assert breaker.allows("bedrock:a")
    assert not breaker.allows("bedrock:a")


def test_all_may_ask_when_that_one_worked(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 120
    assert breaker.allows("bedrock:a")
    breaker.worked("bedrock:a")
    assert breaker.allows("bedrock:a")
    assert breaker.allows("bedrock:a")


def test_one_more_failure_is_enough_to_leave_it_alone_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 120
    assert breaker.allows("bedrock:a")
    clock.now += 10
    fail(breaker, 1)
    clock.now += 119
    assert not breaker.allows("bedrock:a")
    clock.now += 1
    assert breaker.allows("bedrock:a")


def test_a_request_that_was_cancelled_blocks_no_other_for_ever(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 120
    assert breaker.allows("bedrock:a")  # and nothing more is heard of it
    clock.now += 119.9
    assert not breaker.allows("bedrock:a")
    clock.now += 0.1
    assert breaker.allows("bedrock:a")
    assert not breaker.allows("bedrock:a")


def test_of_threads_that_come_at_once_one_is_let_through(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 120
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(breaker.allows, ["bedrock:a"] * 64))
    assert answers.count(True) == 1


def test_failures_of_threads_are_all_counted(clock: Clock) -> None:
    breaker = Breaker(800, 120.0, clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(breaker.failed, ["bedrock:a"] * 799))
    assert breaker.allows("bedrock:a")
    breaker.failed("bedrock:a")
    assert not breaker.allows("bedrock:a")


def test_only_what_the_provider_did_is_its_failure() -> None:
    theirs = {fault for fault in ModelFault if is_providers(fault)}
    assert theirs == {
        *(ModelFault.UNREACHABLE, ModelFault.TIMEOUT, ModelFault.RATE_LIMITED),
        *(ModelFault.SERVER_ERROR, ModelFault.NOT_AUTHORIZED, ModelFault.NO_SUCH_MODEL),
    }

"""What every memory about asking a model does, whatever keeps it: in a store, or in this process alone."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from pipetriage.errors import StoreError
from pipetriage.model.model_memory import MAX_VALUE_BYTES, Amount, ModelMemory
from pipetriage.reasoning.memory import InProcessMemory
from pipetriage.stores import open_store
from pipetriage.stores.sql_engine import connect, parse_url
from pipetriage.stores.sql_memory import SqlMemory
from tests.stores.conftest import empty_store

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LIMIT = Amount(tokens=1_000, micro_usd=500)

Open = Callable[[], ModelMemory]


def amount(tokens: int = 0, micro_usd: int = 0) -> Amount:
    return Amount(tokens=tokens, micro_usd=micro_usd)


@pytest.fixture(params=["sqlite", "postgresql", "dynamodb", "process"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Give what opens one and the same memory, as each of several workers would."""
    if request.param == "process":
        alone = InProcessMemory()
        return lambda: alone
    url = empty_store(request, tmp_path)
    return lambda: open_store(url).model_memory()


@pytest.fixture
def memory(opened: Open) -> ModelMemory:
    return opened()


# The budget


def test_nothing_is_spent_at_first(memory: ModelMemory) -> None:
    assert memory.spent(DAY) == amount()


def test_what_is_reserved_counts_until_it_is_settled(memory: ModelMemory) -> None:
    assert memory.reserve(DAY, amount(600, 100), LIMIT)
    assert memory.spent(DAY) == amount(600, 100)

    memory.settle(DAY, amount(600, 100), amount(250, 40))
    assert memory.spent(DAY) == amount(250, 40)


def test_what_was_used_may_be_more_than_was_reserved_and_than_the_limit(memory: ModelMemory) -> None:
    assert memory.reserve(DAY, amount(900, 100), LIMIT)
    memory.settle(DAY, amount(900, 100), amount(1_300, 900))

    assert memory.spent(DAY) == amount(1_300, 900)
    assert not memory.reserve(DAY, amount(), LIMIT)


def test_the_limit_may_be_reached_and_not_passed(memory: ModelMemory) -> None:
    assert memory.reserve(DAY, amount(999, 1), LIMIT)
    assert not memory.reserve(DAY, amount(2), LIMIT)
    assert memory.spent(DAY) == amount(999, 1)
    assert memory.reserve(DAY, amount(1), LIMIT)
    assert not memory.reserve(DAY, amount(1), LIMIT)
    assert memory.spent(DAY) == amount(1_000, 1)


@pytest.mark.parametrize("asked", [amount(1_001), amount(0, 501), amount(1, 501), amount(1_001, 500)])
def test_more_than_the_limit_of_either_is_refused_at_once(memory: ModelMemory, asked: Amount) -> None:
    assert not memory.reserve(DAY, asked, LIMIT)
    assert memory.spent(DAY) == amount()


def test_money_is_limited_where_tokens_are_not_yet(memory: ModelMemory) -> None:
    assert memory.reserve(DAY, amount(10, 500), LIMIT)
    assert not memory.reserve(DAY, amount(10, 1), LIMIT)
    assert memory.reserve(DAY, amount(10), LIMIT)


def test_what_is_settled_as_nothing_is_free_again(memory: ModelMemory) -> None:
    for _ in range(3):
        assert memory.reserve(DAY, LIMIT, LIMIT)
        assert not memory.reserve(DAY, amount(1), LIMIT)
        memory.settle(DAY, LIMIT, amount())


def test_days_are_kept_apart(memory: ModelMemory) -> None:
    next_day = DAY + timedelta(days=1)
    assert memory.reserve(DAY, LIMIT, LIMIT)
    assert memory.reserve(next_day, amount(5), LIMIT)
    memory.settle(next_day, amount(5), amount(7))

    assert memory.spent(DAY) == LIMIT
    assert memory.spent(next_day) == amount(7)


def test_a_use_that_nobody_reserved_counts_and_never_gives_credit(memory: ModelMemory) -> None:
    memory.settle(DAY, amount(), amount(100, 5))
    assert memory.spent(DAY) == amount(100, 5)
    memory.settle(DAY, amount(5_000, 5_000), amount(10, 1))
    assert memory.spent(DAY) == amount()


def test_huge_amounts_are_exact_and_absurd_ones_no_error(memory: ModelMemory) -> None:
    large = amount(10**15 + 1, 10**15 + 3)
    assert memory.reserve(DAY, large, amount(10**16, 10**16))
    assert memory.spent(DAY) == large
    assert not memory.reserve(DAY, amount(10**30), LIMIT)
    memory.settle(DAY, amount(), amount(10**30, 10**30))
    memory.settle(DAY, amount(), amount(10**30, 10**30))
    assert memory.spent(DAY).tokens > 10**18
    assert not memory.reserve(DAY, amount(1), amount(10**30, 10**30))


def test_threads_never_set_aside_more_than_the_limit(opened: Open) -> None:
    memories = [opened() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: memories[n % 6].reserve(DAY, amount(101, 7), LIMIT), range(24)))

    assert answers.count(True) == 9
    assert memories[0].spent(DAY) == amount(909, 63)


def test_threads_that_reserve_and_settle_lose_nothing(opened: Open) -> None:
    memories = [opened() for _ in range(4)]

    def ask(worker: int) -> int:
        used = 0
        for number in range(4):
            if memories[worker].reserve(DAY, amount(200), LIMIT):
                memories[worker].settle(DAY, amount(200), amount(10 + number))
                used += 10 + number
        return used

    with ThreadPoolExecutor(4) as pool:
        used = sum(pool.map(ask, range(4)))

    assert memories[0].spent(DAY) == amount(used)


RESERVE_MANY = """
import sys
from datetime import date
from pipetriage.model.model_memory import Amount
from pipetriage.stores import open_store
memory = open_store(sys.argv[1]).model_memory()
limit = Amount(tokens=1_000, micro_usd=500)
print(sum(memory.reserve(date(2026, 11, 22), Amount(tokens=101, micro_usd=7), limit) for _ in range(6)))
"""


def test_processes_never_set_aside_more_than_the_limit(url: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", RESERVE_MANY, url], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    granted = [int(worker.communicate(timeout=60)[0]) for worker in workers]

    assert sum(granted) == 9
    assert open_store(url).model_memory().spent(DAY) == amount(909, 63)


# Answers


def test_an_answer_comes_back_unless_it_is_too_old(memory: ModelMemory) -> None:
    memory.remember("key", b"\x00said\xff", NOON)

    assert memory.recall("key", not_before=LONG_AGO) == b"\x00said\xff"
    assert memory.recall("key", not_before=NOON) == b"\x00said\xff"
    assert memory.recall("key", not_before=NOON + timedelta(microseconds=1)) is None
    assert memory.recall("another", not_before=LONG_AGO) is None


def test_the_same_key_again_replaces_the_answer(opened: Open) -> None:
    opened().remember("key", b"first", NOON)
    opened().remember("key", b"second", NOON + timedelta(hours=1))

    assert opened().recall("key", not_before=NOON + timedelta(minutes=1)) == b"second"


def test_an_empty_answer_is_one(memory: ModelMemory) -> None:
    memory.remember("key", b"", NOON)

    assert memory.recall("key", not_before=LONG_AGO) == b""


def test_a_long_answer_under_any_key_comes_back_whole(memory: ModelMemory) -> None:
    value = Random(7).randbytes(64 * 1024)  # noqa: S311 - bytes that do not compress, and no secret
    for key in ("", "k" * 5_000, "schlüssel\x00", "\ud800"):
        memory.remember(key, value, NOON)
        assert memory.recall(key, not_before=LONG_AGO) == value


def test_a_value_that_no_answer_has_the_size_of_is_not_remembered(memory: ModelMemory) -> None:
    memory.remember("longest", b"x" * MAX_VALUE_BYTES, NOON)
    memory.remember("longer", b"x" * (MAX_VALUE_BYTES + 1), NOON)

    assert memory.recall("longest", not_before=LONG_AGO) is not None
    assert memory.recall("longer", not_before=LONG_AGO) is None


def test_threads_that_remember_the_same_key_do_not_fail(opened: Open) -> None:
    memories = [opened() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: memories[n % 4].remember("key", str(n).encode(), NOON), range(12)))

    assert memories[0].recall("key", not_before=LONG_AGO) in {str(n).encode() for n in range(12)}


@pytest.mark.parametrize("opened", ["sqlite", "postgresql", "process"], indirect=True)
def test_answers_that_nobody_may_want_any_more_are_deleted(opened: Open) -> None:
    memory = opened()
    for number in range(3):
        memory.remember(f"old {number}", b"old", NOON)
    memory.remember("kept", b"kept", NOON + timedelta(days=2))
    for number in range(3):
        memory.remember(f"new {number}", b"new", NOON + timedelta(days=91))

    left = [f"old {n}" for n in range(3) if memory.recall(f"old {n}", not_before=LONG_AGO) is not None]
    assert left == []
    assert memory.recall("kept", not_before=LONG_AGO) == b"kept"
    assert memory.recall("new 2", not_before=LONG_AGO) == b"new"


def test_a_process_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetriage.reasoning.memory.MAX_ANSWERS", 2)
    memory = InProcessMemory()
    for number in range(4):
        memory.remember(str(number), b"said", NOON)

    assert [n for n in range(4) if memory.recall(str(n), not_before=LONG_AGO)] == [2, 3]


# Beside the incidents


def every_question(memory: ModelMemory) -> list[Callable[[], object]]:
    return [
        lambda: memory.spent(DAY),
        lambda: memory.reserve(DAY, amount(1), LIMIT),
        lambda: memory.settle(DAY, amount(1), amount(1)),
        lambda: memory.recall("key", not_before=LONG_AGO),
        lambda: memory.remember("key", b"value", NOON),
    ]


def test_a_store_that_cannot_be_read_is_a_store_error(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_text("these are my notes, not a database " * 100)
    memory = SqlMemory(connect(parse_url(str(file))), str(file))

    for ask in every_question(memory):
        with pytest.raises(StoreError, match=r"a\.db"):
            ask()


@pytest.mark.parametrize("opened", ["dynamodb"], indirect=True)
def test_a_table_that_is_gone_is_a_store_error(opened: Open, request: pytest.FixtureRequest) -> None:
    memory = opened()
    request.getfixturevalue("account").reset()

    for ask in every_question(memory):
        with pytest.raises(StoreError, match=r"docs/stores\.md"):
            ask()

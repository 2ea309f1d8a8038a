"""What a model may ask for: five kinds of reads, each bounded, redacted, and about what it was shown."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipetriage.bootstrap import open_app
from pipetriage.context.build import build_context
from pipetriage.context.excerpts import Found, shown
from pipetriage.context.further import further_evidence, offers
from pipetriage.context.redact import Redactor
from pipetriage.errors import CredentialsError
from pipetriage.model.context import Context
from pipetriage.model.evidence import Collected, Evidence, Gap, LogBlock, LogBlocks, LogEvent, Observation, Signal
from pipetriage.model.proposal import EvidenceRequest, RequestKind
from pipetriage.settings import ContextSettings
from tests.building_bundles import (
    BATCH,
    CAPTURED,
    ENDED,
    GOOD,
    RUN,
    STARTED,
    bundle,
    iso,
    minute,
    ms,
    run,
    snapshot,
    write,
)

CASES = Path(__file__).parents[2] / "cases"
TRACE = "".join(f"\tat org.apache.spark.Thing{number}.run(Thing.scala:{number})\n" for number in range(40))
PEM = "".join(
    f"{'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'}{number:02d}{'Kk7xYz0PqRsTuVwXyZaBcDeFgHiJk'}\n" for number in range(50)
)
SECRETS = ("hunter2hunter2", "jane.doe@example.com", "AKIAIOSFODNN7EXAMPLE", "4111 1111 1111 1111")
LEAKY = (
    "26/11/22 02:09:00 INFO Connector: connecting with password=hunter2hunter2 as jane.doe@example.com\n"
    "26/11/22 02:09:00 INFO Connector: key AKIAIOSFODNN7EXAMPLE, card 4111 1111 1111 1111\n"
)


class Asked(NamedTuple):
    context: Context
    collected: Collected


def seen(folder: Path, *since: Any, log: str | list[tuple[str, str]] | None = None, **more: Any) -> Asked:
    """Read a bundle; ``log`` is a driver's log as text, or events as (stream, message)."""
    files: dict[str, Any] = {}
    if isinstance(log, str):
        files = {"logs/error/jr_now.jsonl": None, "logs/driver.log": log}
    elif log is not None:
        events = [
            {"timestamp": ms(minute(9)) + index, "message": message, "logStreamName": stream}
            for index, (stream, message) in enumerate(log)
        ]
        files = {"logs/error/jr_now.jsonl": events}
    files |= more.pop("files", {})
    return of(write(folder, bundle(*since, files=files, **more)))


def of(folder: Path) -> Asked:
    collected = open_app(use_store=False).collector(str(folder)).collect()
    return Asked(build_context(collected, ContextSettings()), collected)


def ask(
    asked: Asked,
    kind: RequestKind,
    about: str = "",
    read_log: Callable[[str], Observation | Gap] | None = None,
    budget: int = 400,
) -> Evidence | Gap:
    request = EvidenceRequest(kind=kind, about=about)
    return further_evidence(request, *asked, read_log, evidence_id="more-1", token_budget=budget)


def found(answer: Evidence | Gap) -> str:
    assert isinstance(answer, Evidence), answer
    assert answer.id == "more-1"
    return answer.excerpt or ""


def why_not(answer: Evidence | Gap) -> str:
    assert isinstance(answer, Gap), answer
    return answer.reason


def error_of(asked: Asked, text: str) -> str:
    return next(one.evidence for one in asked.context.errors if text in one.excerpt and one.evidence != "run-error")


def lines(count: int, what: str = "INFO Loader: row group") -> str:
    return "".join(f"26/11/22 02:0{number % 9}:00 {what} {number}\n" for number in range(count))


BROKEN = "26/11/22 02:09:01 ERROR Job: java.lang.IllegalStateException: no stock for the day\n"


# The lines around an error


def test_the_window_has_the_lines_around_the_error_and_no_frames(tmp_path: Path) -> None:
    text = (
        lines(100) + BROKEN + TRACE + "26/11/22 02:09:02 INFO Job: giving the lock back\n" + lines(100, "INFO Later: n")
    )
    asked = seen(tmp_path, log=text)
    answer = ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock"))
    shown_lines = found(answer).split("\n")
    assert "26/11/22 02:00:00 INFO Loader: row group 99" in shown_lines
    assert "… 40 stack frames" in shown_lines
    assert "26/11/22 02:09:02 INFO Job: giving the lock back" in shown_lines
    assert not any("Thing.scala" in line for line in shown_lines)
    assert isinstance(answer, Evidence)
    assert answer.source == "logs"
    assert "line 101" in answer.summary
    at = shown_lines.index(BROKEN.strip())
    assert at <= 15
    assert len(shown_lines) - at <= 16


def test_the_window_is_where_the_error_first_stands(tmp_path: Path) -> None:
    asked = seen(tmp_path, log="INFO Loader: before the first\n" + BROKEN + lines(50) + BROKEN + "INFO Later: last\n")
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "before the first" in text
    assert "last" not in text


@pytest.mark.parametrize("suffix", ["jsonl", "json", "plain list"])
def test_events_are_read_like_files_and_streams_are_kept_apart(tmp_path: Path, suffix: str) -> None:
    mine = [(RUN, f"INFO Loader: mine {number}") for number in range(30)]
    mixed = [
        one for pair in zip(mine, [(f"{RUN}_g-ab12cd", "INFO Executor: foreign")] * 30, strict=True) for one in pair
    ]
    events = [
        *mixed,
        (RUN, f"ERROR Job: java.lang.IllegalStateException: no stock\n{TRACE}"),
        (RUN, "INFO Job: closing"),
    ]
    documents: list[dict[str, Any]] = [
        {
            "timestamp": ms(minute(1)) + index,
            "message": message,
            "logStreamName": stream,
            "logGroupName": "/aws-glue/jobs/error",
        }
        for index, (stream, message) in enumerate(events)
    ]
    path = {"jsonl": "logs/error/x.jsonl", "json": "logs/error/x.json"}.get(suffix, "logs/error/x.jsonl")
    asked = seen(
        tmp_path,
        files={"logs/error/jr_now.jsonl": None, path: {"events": documents} if suffix == "json" else documents},
    )
    if suffix == "plain list":
        listed = tuple(LogEvent(one["timestamp"], one["message"], one["logStreamName"], "/g") for one in documents)
        asked = with_log(asked, listed)
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "mine 29" in text
    assert "INFO Job: closing" in text
    assert "… 40 stack frames" in text
    assert "foreign" not in text


def with_log(asked: Asked, payload: Any) -> Asked:
    """Put another log in the place of that which was collected."""
    others = tuple(one for one in asked.collected.observations if one.signal is not Signal.LOGS)
    log = Observation(signal=Signal.LOGS, payload=payload, locator="CloudWatch Logs /g", observed_at=CAPTURED)
    collected = replace(asked.collected, observations=(*others, log))
    return Asked(build_context(collected, ContextSettings()), collected)


def test_every_error_of_the_real_cases_is_found_again() -> None:
    folders = sorted(one for one in CASES.iterdir() if (one / "bundle.json").exists())[::12]
    assert len(folders) > 5
    for folder in folders:
        asked = of(folder)
        for error in asked.context.errors:
            if error.evidence != "run-error":
                answer = ask(asked, RequestKind.LOG_WINDOW, error.evidence)
                assert isinstance(answer, Evidence), (folder.name, error.evidence, answer)
                assert 0 < len(answer.excerpt or "") <= 1600


def test_secrets_in_the_window_do_not_come_out(tmp_path: Path) -> None:
    asked = seen(tmp_path, log=lines(20) + LEAKY + BROKEN + LEAKY)
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "Connector: connecting" in text
    assert not [one for one in SECRETS if one in text]


@pytest.mark.parametrize("place", ["before, its head far off", "before, its head lost", "behind", "without an end"])
def test_no_part_of_a_private_key_comes_out_wherever_the_window_cuts_it(tmp_path: Path, place: str) -> None:
    head, tail = "-----BEGIN RSA PRIVATE KEY-----\n", "-----END RSA PRIVATE KEY-----\n"
    text = {
        "before, its head far off": lines(9) + head + PEM + tail + BROKEN,
        "before, its head lost": lines(9) + PEM + BROKEN,
        "behind": lines(9) + BROKEN + "26/11/22 02:09:03 INFO Job: key\n" + head + PEM + tail,
        "without an end": lines(9) + BROKEN + "26/11/22 02:09:03 INFO Job: key\n" + head + PEM,
    }[place]
    asked = seen(tmp_path, log=text)
    window = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "no stock" in window
    assert "MIIEvQ" not in window
    assert "Kk7xYz0" not in window


def test_rows_that_a_job_printed_are_not_shown(tmp_path: Path) -> None:
    table = "+---+-----+\n| id| name|\n+---+-----+\n|  1|Jane |\n+---+-----+\n"
    asked = seen(tmp_path, log=lines(3) + table + BROKEN)
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "Jane" not in text
    assert "… 5 lines of a printed table" in text


def test_a_small_budget_keeps_the_error_itself(tmp_path: Path) -> None:
    asked = seen(tmp_path, log=lines(50) + BROKEN + lines(50))
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock"), budget=30))
    assert len(text) <= 120
    assert "no stock" in text


def test_a_log_that_is_gone_or_changed_is_a_gap(tmp_path: Path) -> None:
    asked = seen(tmp_path, log=lines(50) + BROKEN)
    about, path = error_of(asked, "no stock"), tmp_path / "logs/driver.log"
    path.write_text(lines(80))
    assert "the log changed" in why_not(ask(asked, RequestKind.LOG_WINDOW, about))
    path.unlink()
    assert "cannot read" in why_not(ask(asked, RequestKind.LOG_WINDOW, about))


def test_a_failure_told_without_the_word_of_an_error_is_found_too(tmp_path: Path) -> None:
    # Nothing in the run's own message but an exit code: the log's last lines are all there is.
    this = run(ErrorMessage="Command failed with exit code 1")
    asked = seen(tmp_path, log="loading the day\nthe bucket does not exist\nbye\n", this_run=this)
    about = error_of(asked, "does not exist")
    assert found(ask(asked, RequestKind.LOG_WINDOW, about)).split("\n") == [
        "loading the day",
        "the bucket does not exist",
        "bye",
    ]


class Counted:
    """A log that counts the bytes that were asked for."""

    def __init__(self, log: LogBlocks) -> None:
        self._log = log
        self.read = 0

    def __iter__(self) -> Iterator[LogEvent]:
        return iter(self._log)

    def blocks(self) -> Iterator[LogBlock | LogEvent]:
        for block in self._log.blocks():
            self.read += block.size if isinstance(block, LogBlock) else 0
            yield block


def counted(asked: Asked) -> tuple[Asked, Counted]:
    log = next(one for one in asked.collected.observations if one.signal is Signal.LOGS)
    counting = Counted(log.payload)
    others = tuple(one for one in asked.collected.observations if one is not log)
    collected = replace(asked.collected, observations=(*others, replace(log, payload=counting)))
    return Asked(asked.context, collected), counting


def test_a_large_log_is_read_in_little_memory_and_no_further_than_needed(tmp_path: Path) -> None:
    line = "26/11/22 02:00:00 INFO Loader: an ordinary line of an ordinary log of a job\n"
    asked, log = counted(seen(tmp_path, log=line * 300_000 + BROKEN + line * 900_000))
    about = error_of(asked, "no stock")
    place = next(one.first_byte for one in asked.context.errors if one.evidence == about)
    assert place == 300_000 * len(line)
    tracemalloc.start()
    text = found(ask(asked, RequestKind.LOG_WINDOW, about))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "no stock" in text
    assert log.read < place + 2_000_000
    assert peak < 8 * 1024 * 1024


def test_an_endless_trace_and_an_endless_line_end(tmp_path: Path) -> None:
    endless = BROKEN + "\tat org.example.A.b(A.java:1)\n" * 300_000 + "INFO " + "x" * 5_000_000 + "\n"
    asked, log = counted(seen(tmp_path, log="INFO " + "y" * 5_000_000 + "\n" + endless))
    text = found(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))
    assert "stack frames" in text
    assert len(text) <= 1600
    assert log.read < 2_000_000


def test_a_log_too_slow_to_read_again_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = seen(tmp_path, log=lines(50) + BROKEN)
    ticks = iter(range(0, 10_000, 10))
    monkeypatch.setattr("pipetriage.context.log_scan.time.monotonic", lambda: float(next(ticks)))
    assert "too long" in why_not(ask(asked, RequestKind.LOG_WINDOW, error_of(asked, "no stock")))


def test_an_event_whose_excerpt_was_shortened_is_found_by_its_time(tmp_path: Path) -> None:
    asked = seen(tmp_path)
    events = tuple(
        LogEvent(ms(minute(1)) + n, f"ERROR Job: a.b.OddError: {'no ' * n}stock", "s", "/g") for n in range(9)
    )
    asked = with_log(asked, events)
    about = error_of(asked, "no no no no stock")
    bare = tuple(replace(one, excerpt="") for one in asked.context.errors)
    window = ask(Asked(replace(asked.context, errors=bare), asked.collected), RequestKind.LOG_WINDOW, about)
    assert "OddError: no no no no stock" in found(window)


def test_a_log_of_nothing_but_errors_is_searched_in_time(tmp_path: Path) -> None:
    events = tuple(
        LogEvent(ms(minute(1)) + n, f"ERROR Job: a.b.OddError: {chr(97 + n % 26) * 9} {'z' * (n % 7)} gone", "s", "/g")
        for n in range(100_000)
    )
    asked = with_log(seen(tmp_path), events)
    began = time.perf_counter()
    for error in asked.context.errors[:5]:
        if error.evidence != "run-error":
            assert found(ask(asked, RequestKind.LOG_WINDOW, error.evidence))
    assert time.perf_counter() - began < 20  # by comparing each text: minutes


# Executors


EXECUTOR = f"{RUN}_g-0123456789abcdef"


def test_the_last_telling_lines_of_executors_are_shown(tmp_path: Path) -> None:
    events = [
        (f"{RUN}-driver", "ERROR Driver: of the driver"),
        (EXECUTOR, "INFO Executor: Running task 1.0"),
        *((EXECUTOR, f"WARN TaskMemoryManager: Failed to allocate a page ({size} bytes)") for size in (1, 22, 333)),
        (EXECUTOR, f"ERROR Executor: Exception in task\njava.lang.OutOfMemoryError: Java heap space\n{TRACE}"),
        (EXECUTOR, "ERROR Connector: password=hunter2hunter2 refused"),
        (f"{RUN}-driver", "ERROR ProcessLauncher: Error from Python: boom"),
    ]
    asked = seen(tmp_path, log=events)
    answer = ask(asked, RequestKind.EXECUTOR_LOGS)
    text = found(answer)
    assert "OutOfMemoryError: Java heap space" in text
    assert "(333 bytes) (×3)" in text
    assert text.split("\n")[-1].startswith("[g-0123456789abcdef] ERROR Connector: password=‹secret:")
    assert "hunter2" not in text
    assert "driver" not in text
    assert "Running task" not in text
    assert isinstance(answer, Evidence)
    assert "1 executors" in answer.summary


@pytest.mark.parametrize("name", [f"{RUN}-1", f"{RUN}-executor-12", f"{RUN}_g-00ff", "executor-3"])
def test_executors_are_known_by_the_names_of_their_streams(tmp_path: Path, name: str) -> None:
    files = {f"logs/{name}.log": "ERROR Executor: lost the disk\n", f"logs/{RUN}-driver.log": BROKEN}
    asked = seen(tmp_path, files=files | {"logs/error/jr_now.jsonl": None})
    assert "lost the disk" in found(ask(asked, RequestKind.EXECUTOR_LOGS))


def test_one_executor_s_error_gives_that_executor_s_lines(tmp_path: Path) -> None:
    other = f"{RUN}_g-ffff"
    asked = seen(tmp_path, log=[(EXECUTOR, "ERROR A: disk is full"), (other, "ERROR B: of the other"), (RUN, "INFO x")])
    text = found(ask(asked, RequestKind.EXECUTOR_LOGS, error_of(asked, "disk is full")))
    assert "disk is full" in text
    assert "of the other" not in text


def test_quiet_executors_and_none_at_all_are_told_apart(tmp_path: Path) -> None:
    quiet = seen(tmp_path / "quiet", log=[(EXECUTOR, "INFO Executor: fine"), (RUN, "ERROR Job: boom")])
    assert "hold no warning and no error" in why_not(ask(quiet, RequestKind.EXECUTOR_LOGS))
    none = ask(seen(tmp_path / "none", log=[(RUN, "ERROR Job: boom")]), RequestKind.EXECUTOR_LOGS)
    assert "no log of an executor" in why_not(none)
    assert isinstance(none, Gap)
    assert "continuous logging" in none.fix


# The last good run


def test_the_good_run_stands_beside_this_one(tmp_path: Path) -> None:
    good = run(GOOD, at=STARTED - timedelta(days=1), state="SUCCEEDED", batch="2026-11-20", NumberOfWorkers=10)
    good["Arguments"] |= {"--mode": "full", "--db_password": "hunter2hunter2"}
    this = run(NumberOfWorkers=2, Arguments={"--batch_id": BATCH, "--mode": "delta", "--db_password": "hunter2hunter2"})
    history = {"runs": [{"job_run_id": "a", "records": 100}, {"job_run_id": GOOD, "records": 300}]}
    asked = seen(tmp_path, runs=[good, this], this_run=this, files={"history.json": history})
    text = found(ask(asked, RequestKind.PREVIOUS_GOOD_RUN, "job_run"))
    assert f"last good run {GOOD}: SUCCEEDED, batch 2026-11-20" in text
    assert "workers: good 10, this 2" in text
    assert "argument --mode: good full, this delta" in text
    assert "records of 2 good runs: median 200, last 300" in text
    assert "hunter2" not in text
    assert found(ask(asked, RequestKind.PREVIOUS_GOOD_RUN, "source-listing")) == text


def live(asked: Asked) -> Asked:
    return Asked(replace(asked.context, live=True), replace(asked.collected, live=True))


def good_log(*messages: str) -> Callable[[str], Observation | Gap]:
    def read(run_id: str) -> Observation | Gap:
        assert run_id == GOOD
        events = tuple(LogEvent(None, message, f"{GOOD}-driver", "/g") for message in messages)
        return Observation(signal=Signal.LOGS, payload=events, locator="the good log", observed_at=CAPTURED)

    return read


def test_the_good_run_s_log_is_shown_where_this_one_failed(tmp_path: Path) -> None:
    text = "26/11/22 02:01:00 INFO Loader: reading partition 17 of the orders\n" + BROKEN
    asked = live(seen(tmp_path, log=text))
    read = good_log(
        *(f"26/11/21 02:00:00 INFO Other: ordinary {number}" for number in range(50)),
        "26/11/21 02:01:00 INFO Loader: reading partition 12 of the orders",
        "26/11/21 02:01:04 INFO Job: password=hunter2hunter2 stock of 12,000 pieces",
        "26/11/21 02:01:05 WARN Job: IllegalStateException ignored",
    )
    answer = ask(asked, RequestKind.PREVIOUS_GOOD_RUN, error_of(asked, "no stock"), read)
    assert found(answer).split("\n")[0].endswith("reading partition 12 of the orders")
    assert "stock of 12,000 pieces" in found(answer)
    assert "hunter2" not in found(answer)
    assert isinstance(answer, Evidence)
    assert "names IllegalStateException in 1 lines" in answer.summary
    assert answer.locator == "the good log"


@pytest.mark.parametrize(
    ("said", "view"), [("26/11/21 02:01:04 INFO Job: of the same logger", "lines of Job"), ("x", "its last")]
)
def test_without_the_same_line_the_same_logger_counts_then_the_end(tmp_path: Path, said: str, view: str) -> None:
    asked = live(seen(tmp_path, log=BROKEN))
    answer = ask(asked, RequestKind.PREVIOUS_GOOD_RUN, error_of(asked, "no stock"), good_log(said, "INFO Other: end"))
    assert isinstance(answer, Evidence)
    assert view in answer.summary
    assert "never names IllegalStateException" in answer.summary
    assert said in found(answer)


def test_a_good_run_s_log_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    asked = seen(tmp_path, log=BROKEN)
    about = error_of(asked, "no stock")

    def lost(run_id: str) -> Observation | Gap:
        raise CredentialsError("the session has expired; password=hunter2hunter2")

    assert why_not(ask(asked, RequestKind.PREVIOUS_GOOD_RUN, about)) == "a bundle holds this run's log only"
    assert "no other run's log" in why_not(ask(live(asked), RequestKind.PREVIOUS_GOOD_RUN, about))
    gone = Gap(source="logs", reason="retention is over")
    assert why_not(ask(live(asked), RequestKind.PREVIOUS_GOOD_RUN, about, lambda _: gone)) == "retention is over"
    expired = why_not(ask(live(asked), RequestKind.PREVIOUS_GOOD_RUN, about, lost))
    assert "the session has expired" in expired
    assert "hunter2" not in expired


def test_without_a_good_run_there_is_none_to_compare_with(tmp_path: Path) -> None:
    asked = seen(tmp_path, runs=[run()])
    assert "no earlier run" in why_not(ask(asked, RequestKind.PREVIOUS_GOOD_RUN, "job_run"))
    assert RequestKind.PREVIOUS_GOOD_RUN not in offers(asked.context)


# Partitions


def test_a_partition_s_history_names_its_commits_latest_first(tmp_path: Path) -> None:
    since = (
        snapshot(2, -60, "eu", stamp={"batch_id": "2026-11-20"}),
        snapshot(3, -50, "us", stamp={"batch_id": "2026-11-20"}),
        snapshot(4, 5, "eu", "ap"),
    )
    asked = seen(tmp_path, *since)
    answer = ask(asked, RequestKind.PARTITION_HISTORY, "iceberg:sales.orders")
    first, second, *rest = found(answer).split("\n")
    assert first.startswith(
        "snapshot 1004, 2026-11-22 02:05:00 UTC, overwrite, stamped batch_id=2026-11-21 (this run or"
    )
    assert "region=eu +100 records in 1 file" in first
    assert "region=ap +100 records in 1 file" in first
    assert second.startswith("snapshot 1002")
    assert "this run" not in second
    assert not rest
    assert isinstance(answer, Evidence)
    assert "the 2 partitions" in answer.summary
    one = found(ask(asked, RequestKind.PARTITION_HISTORY, "snapshot:1003"))
    assert "snapshot 1003" in one
    assert "region=eu" not in one


def test_a_table_without_entries_has_the_commits_own_counts(tmp_path: Path) -> None:
    asked = seen(tmp_path, snapshot(2, 5, "eu"), files={"iceberg/target.entries.jsonl": None})
    answer = ask(asked, RequestKind.PARTITION_HISTORY, "iceberg:sales.orders")
    assert "added 100 records" in found(answer)
    assert isinstance(answer, Evidence)
    assert "which partitions they wrote to was not seen" in answer.summary


def test_a_long_history_is_bounded(tmp_path: Path) -> None:
    since = [snapshot(number, number / 100, *(f"r{region}" for region in range(30))) for number in range(2, 200)]
    asked = seen(tmp_path, *since)
    text = found(ask(asked, RequestKind.PARTITION_HISTORY, "iceberg:sales.orders"))
    assert "snapshot 1199" in text
    assert "24 more partitions +2400 records in 24 files" in text
    assert len(text) <= 1600
    assert text.split("\n")[-1].startswith("… ")


# Deployments


def deployments(*at: float) -> dict[str, Any]:
    return {
        "deployments.json": [
            {
                "version": f"v{number}",
                "deployed_at": iso(minute(when)),
                "commit": f"c0ffee{number}",
                "author": "dev@example.com",
                "changed_paths": [f"jobs/orders/{name}.py" for name in "abcdef"] + ["README.md"],
            }
            for number, when in enumerate(at, 1)
        ]
    }


def test_a_deployment_s_changes_are_counted_by_folder(tmp_path: Path) -> None:
    asked = seen(tmp_path, files=deployments(-3000, -200, -100, 30))
    text = found(ask(asked, RequestKind.DEPLOYMENT_DIFF, "deployment-2"))
    assert "version v2 deployed 2026-11-21 22:40:00 UTC, commit c0ffee2" in text
    assert "dev@example.com" not in text
    assert "after the last good run began" in text
    assert "jobs/orders: 6 changed (a.py, b.py, c.py, d.py, 2 more)" in text
    assert "also between them: version v3" in text
    assert "version v1" not in text
    assert "version v4" not in text
    assert "that run had it too" in found(ask(asked, RequestKind.DEPLOYMENT_DIFF, "deployment-1"))
    assert "after this run began" in found(ask(asked, RequestKind.DEPLOYMENT_DIFF, "deployment-4"))
    assert "version v3 deployed" in found(ask(asked, RequestKind.DEPLOYMENT_DIFF)).split("\n")[0]


# What is offered


def test_only_what_could_be_found_is_offered(tmp_path: Path) -> None:
    everything = seen(tmp_path / "all", snapshot(2, 5, "eu"), log=BROKEN, files=deployments(-100))
    assert offers(everything.context) == frozenset(RequestKind)
    nothing = seen(
        tmp_path / "none",
        runs=[run(ErrorMessage="")],
        this_run=run(ErrorMessage=""),
        files={
            "logs/error/jr_now.jsonl": None,
            "iceberg/target.metadata.json": None,
            "iceberg/target.entries.jsonl": None,
        },
    )
    assert offers(nothing.context) == frozenset()
    shell = {"glue/job.json": {"Job": {"Name": "orders", "Command": {"Name": "pythonshell"}}}}
    assert RequestKind.EXECUTOR_LOGS not in offers(seen(tmp_path / "shell", log=BROKEN, files=shell).context)


# Whatever is asked


HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "s3://bucket/key",
    "log-1; DROP TABLE orders",
    "' OR 1=1 --",
    "log-999",
    "log-1\x00",
    "\x1b[31mlog-1",
    "{}",
    "log-1 " + "A" * 1_000_000,
    "password=hunter2hunter2",
)


@cache
def everything() -> Asked:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="further-"))
    log = [(RUN, "INFO Loader: reading"), (EXECUTOR, "ERROR A: disk is full"), (RUN, BROKEN + TRACE), (RUN, LEAKY)]
    return live(seen(folder, snapshot(2, 5, "eu"), log=log, files=deployments(-100)))


@pytest.mark.parametrize("kind", RequestKind)
@pytest.mark.parametrize("about", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_id_finds_nothing_and_is_not_repeated(kind: RequestKind, about: str) -> None:
    answer = ask(everything(), kind, about, lambda _: pytest.fail("nothing is read"))
    assert why_not(answer) == "no evidence of that id was shown"
    assert about not in str(answer)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (RequestKind.LOG_WINDOW, "job_run"),
        (RequestKind.LOG_WINDOW, "run-error"),
        (RequestKind.LOG_WINDOW, "log"),
        (RequestKind.LOG_WINDOW, ""),
        (RequestKind.PARTITION_HISTORY, "log-1"),
        (RequestKind.DEPLOYMENT_DIFF, "log-1"),
        (RequestKind.PREVIOUS_GOOD_RUN, "deployment-1"),
        (RequestKind.PREVIOUS_GOOD_RUN, "log"),
    ],
)
def test_an_id_of_another_kind_is_a_gap(kind: RequestKind, about: str) -> None:
    assert why_not(ask(everything(), kind, about))


ABOUT = st.one_of(st.sampled_from(sorted(everything().context.evidence)), st.text(max_size=40), st.just(""))


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(RequestKind), about=ABOUT, budget=st.integers(min_value=-5, max_value=900))
def test_any_request_gives_bounded_evidence_or_a_gap(kind: RequestKind, about: str, budget: int) -> None:
    answer = ask(everything(), kind, about, good_log("INFO Job: fine", LEAKY), budget)
    if isinstance(answer, Evidence):
        assert len(answer.excerpt or "") <= max(0, budget) * 4
        assert len(answer.summary) <= 300
    else:
        assert answer.reason
    text = json.dumps([str(answer)])
    assert not [one for one in SECRETS if one in text]


@settings(max_examples=200, deadline=None)
@given(
    said=st.lists(st.text(alphabet=st.sampled_from("ab|+-\t ‹›\nMI09=@."), max_size=60), min_size=1, max_size=40),
    at=st.integers(min_value=0, max_value=39),
    limit=st.integers(min_value=0, max_value=300),
)
def test_an_excerpt_stays_in_its_bound_whatever_the_lines(said: list[str], at: int, limit: int) -> None:
    for anchor in (None, min(at, len(said) - 1)):
        one = Found(Signal.LOGS, "s", said, "l", ENDED, anchor)
        excerpt = shown(one, Redactor(), evidence_id="m", limit=limit).excerpt or ""
        assert len(excerpt) <= limit

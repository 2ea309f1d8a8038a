"""Requests and answers are kept redacted, readable by their owner only, for so long, and nothing else is touched."""

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.proposal import Failure, ModelFault, Use
from pipetriage.reasoning.audit import MAX_BYTES, Audit, AuditRecord

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def redact(text: str) -> str:
    return text.replace("hunter2", "[password]")


def record(**changes: Any) -> AuditRecord:
    fields: dict[str, Any] = {
        "model": "bedrock:a",
        "prompt_version": "3",
        "instructions": "You read evidence.",
        "text": "evidence",
        "answer": '{"category": "UNKNOWN"}',
        "at": NOON,
        "use": Use(requests=1, input_tokens=900, output_tokens=70, cost_usd=None),
    }
    return AuditRecord(**{**fields, **changes})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "requests"


@pytest.fixture
def audit(folder: Path, clock: Clock) -> Audit:
    return Audit(folder, 30.0, redact, clock)


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_record_says_what_was_sent_and_what_came_of_it(audit: Audit, folder: Path) -> None:
    fault = Failure(model="bedrock:a", fault=ModelFault.INVALID_ANSWER, why="no JSON")
    assert audit.keep("inc_1", record(failure=fault)) is None

    (file,) = kept(folder)
    assert file.parent.name == "2026-11-22"
    assert json.loads(file.read_text()) == {
        "incident_id": "inc_1",
        "model": "bedrock:a",
        "prompt_version": "3",
        "instructions": "You read evidence.",
        "text": "evidence",
        "answer": '{"category": "UNKNOWN"}',
        "failure": {"model": "bedrock:a", "fault": "INVALID_ANSWER", "why": "no JSON"},
        "at": "2026-11-22T12:00:00Z",
        "use": {"requests": 1, "input_tokens": 900, "output_tokens": 70, "cost_usd": None, "uncounted": 0},
    }


def test_nothing_is_kept_without_a_folder(clock: Clock, tmp_path: Path) -> None:
    assert Audit(None, 30.0, redact, clock).keep("inc_1", record()) is None
    assert list(tmp_path.iterdir()) == []


def test_every_text_is_redacted_once_more(audit: Audit, folder: Path) -> None:
    secret = "it is hunter2"
    failure = Failure(model=secret, fault=ModelFault.SERVER_ERROR, why=secret)
    texts = dict.fromkeys(("model", "prompt_version", "instructions", "text", "answer"), secret)
    audit.keep("inc_1", record(**texts, failure=failure))

    said = kept(folder)[0].read_text()
    assert "hunter2" not in said
    assert said.count("[password]") == 7


def test_only_the_owner_can_read_it(audit: Audit, folder: Path) -> None:
    before = os.umask(0)
    try:
        audit.keep("inc_1", record())
    finally:
        os.umask(before)

    (file,) = kept(folder)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, file.parent, file)] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("name", ["", "../inc", "a/b", "a\0b", ".", "..", "x" * 200, "inc 1", "inc\n"])
def test_no_file_is_named_after_what_is_no_id(audit: Audit, folder: Path, name: str) -> None:
    assert "incident's id" in str(audit.keep(name, record()))
    assert not folder.exists()


def test_two_records_of_one_moment_are_two_files(audit: Audit, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: audit.keep("inc_1", record()), range(12))) == [None] * 12
    assert len(kept(folder)) == 12


def test_what_is_older_than_wanted_goes_when_another_is_kept(audit: Audit, folder: Path, clock: Clock) -> None:
    audit.keep("first", record())
    clock.now += timedelta(hours=1)
    audit.keep("second", record())
    clock.now = NOON + timedelta(days=30)
    audit.keep("third", record())
    assert [path.name.split("-")[1] for path in kept(folder)] == ["first", "second", "third"]

    clock.now += timedelta(minutes=30)
    audit.keep("fourth", record())
    assert [path.name.split("-")[1] for path in kept(folder)] == ["second", "third", "fourth"]

    clock.now += timedelta(days=1)
    audit.keep("fifth", record())
    assert sorted(path.name for path in folder.iterdir()) == ["2026-12-22", "2026-12-23"]


def test_nothing_else_is_deleted(audit: Audit, folder: Path, clock: Clock, tmp_path: Path) -> None:
    audit.keep("inc_1", record())
    (ours,) = kept(folder)
    outside = tmp_path / "outside" / "2026-11-20"
    outside.mkdir(parents=True)
    others = [
        outside / ours.name.replace("20261122", "20261120"),
        folder / "2026-11-22" / "notes.json",
        folder / ours.name,
        folder / "2026-99-22" / ours.name,
        folder / "reports" / ours.name,
        folder / "2026-11-22" / "2026-11-22" / ours.name,
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (folder / "2026-11-20").symlink_to(outside)
    target = tmp_path / "target.json"
    target.write_text("mine")
    (folder / "2026-11-22" / ours.name.replace("inc_1", "inc_2")).symlink_to(target)

    clock.now += timedelta(days=400)
    assert audit.keep("inc_1", record()) is None

    assert not ours.exists()
    assert [path.read_text() for path in (*others, target)] == ["mine"] * 7


def test_nothing_is_written_through_a_link(audit: Audit, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / "2026-11-22").symlink_to(outside)

    assert "is a link" in str(audit.keep("inc_1", record()))
    assert list(outside.iterdir()) == []


def test_a_file_that_a_killed_process_left_behind_goes_too(audit: Audit, folder: Path, clock: Clock) -> None:
    audit.keep("inc_1", record())
    (ours,) = kept(folder)
    ours.rename(ours.with_name(f".{ours.name}.part"))
    clock.now += timedelta(days=31)
    audit.keep("inc_2", record())

    assert [path.name.split("-")[1] for path in kept(folder)] == ["inc_2"]


def blocked_by_a_file(folder: Path) -> None:
    folder.write_text("")


def full(folder: Path) -> None:
    folder.symlink_to("/dev/full")


def absent(folder: Path) -> None:
    folder.symlink_to("/proc/nowhere")


@pytest.mark.parametrize("spoil", [blocked_by_a_file, full, absent])
def test_a_folder_that_cannot_be_written_is_told_and_no_error(
    audit: Audit, folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)

    assert str(folder) in str(audit.keep("inc_1", record()))


def test_a_full_disk_leaves_no_half_of_a_file(audit: Audit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", no_room)
    assert str(audit.keep("inc_1", record())).endswith("No space left on device")
    assert kept(folder) == []


def test_a_huge_answer_is_cut_and_one_that_is_no_text_kept(audit: Audit, folder: Path) -> None:
    assert audit.keep("inc_1", record(answer='"' * 10_000_000)) is None
    assert audit.keep("inc_2", record(answer="\ud800 said")) is None

    long, odd = (json.loads(path.read_text()) for path in sorted(kept(folder), key=lambda path: -path.stat().st_size))
    assert long["cut"]
    assert len(json.dumps(long)) < MAX_BYTES
    assert odd["answer"] == "? said"


@pytest.mark.parametrize("days", [0.0, -5.0, 1e12])
def test_any_number_of_days_is_one(folder: Path, clock: Clock, days: float) -> None:
    assert Audit(folder, days, redact, clock).keep("inc_1", record()) is None
    assert len(kept(folder)) == 1

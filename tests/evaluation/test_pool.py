"""Worker processes: what hangs, crashes or raises is one case's error, and no process is left behind."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipetriage.evaluation.case import find_cases
from pipetriage.evaluation.pool import EvaluationError
from pipetriage.evaluation.run import evaluate
from tests.evaluation import factories
from tests.evaluation.building import tiny_case


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def make(folder: Path, *names: str) -> None:
    for name in names:
        tiny_case(folder, name)


def test_every_case_has_its_row_whatever_its_neighbours_do(tmp_path: Path) -> None:
    make(tmp_path, *(f"fine_{number:02}" for number in range(20)), "killed", "exits", "raises", "refuses", "hangs")
    done: list[int] = []

    report = evaluate(find_cases(tmp_path).chosen, factories.misbehaving, jobs=2, timeout=3.0, on_done=done.append)

    errors = {row.case: row.error for row in report.cases if row.error}
    assert errors == {
        "killed": "the triage ended its process (signal SIGKILL)",
        "exits": "the triage ended its process (exit code 7)",
        "raises": "ValueError: a surprise",
        "refuses": "refuses/bundle.json: no",
        "hangs": "no verdict within 3 s",
    }
    assert [row.case for row in report.cases] == sorted(row.case for row in report.cases)
    assert all(row.failure_category == "UNKNOWN" for row in report.cases if not row.error)
    assert done == list(range(1, 26))
    assert report.metrics.errors == 5


def test_neither_the_number_of_processes_nor_the_run_changes_the_rows(tmp_path: Path) -> None:
    make(tmp_path, *(f"c{number}" for number in range(7)))
    cases = find_cases(tmp_path).chosen

    def rows(jobs: int) -> list[tuple[object, ...]]:
        found = evaluate(cases, factories.normal, jobs=jobs).cases
        return [(row.case, row.failure_category, row.rerun, row.safe_to_retry, row.confidence) for row in found]

    assert rows(1) == rows(3)


def test_repeats_agree_where_no_model_is_asked(tmp_path: Path) -> None:
    make(tmp_path, "a", "b")
    (tmp_path / "b" / "expected.yaml").write_text("nonsense")

    report = evaluate(find_cases(tmp_path).chosen, factories.normal, repeat=3)

    first = report.cases[0].repeats
    assert first is not None
    assert (first.repeats, first.category_agreement, first.retry_agreement) == (3, 1.0, 1.0)
    assert first.confidence_min == first.confidence_max
    assert report.metrics.cases == 2
    assert isinstance(report.metrics.repeats, dict)
    accuracy = report.metrics.repeats["accuracy_exact"]
    assert (accuracy.mean, accuracy.sd) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("factory", "said", "code"),
    [(factories.without_settings, "no such setting", 2), (factories.dying, "exit code 9", 3)],
)
def test_a_triage_that_cannot_be_made_ends_the_run_with_its_reason(
    tmp_path: Path, factory: factories.Triage, said: str, code: int
) -> None:
    make(tmp_path, "a", "b")
    with pytest.raises(EvaluationError, match=said) as raised:
        evaluate(find_cases(tmp_path).chosen, factory, jobs=2)  # type: ignore[arg-type]
    assert raised.value.exit_code == code


def test_only_unreadable_labels_need_no_process(tmp_path: Path) -> None:
    tiny_case(tmp_path, "a", "nonsense")
    report = evaluate(find_cases(tmp_path).chosen, factories.dying)
    assert report.cases[0].error is not None
    assert report.metrics.cases == 1

"""Two runs side by side: every case that changed sides, and which run ranks higher."""

from pathlib import Path

import pytest

from pipetriage.errors import UsageError
from pipetriage.evaluation.compare import Comparison, compare, read_earlier
from tests.evaluation.building import SAFE, UNSAFE, failed, label, row, verdict

RIGHT = verdict("UNKNOWN", safe=True, rerun=SAFE)


def moved(comparison: Comparison) -> dict[str, list[str]]:
    return {side: [one.case for one in changes] for side, changes in comparison.changes.items() if changes}


def test_every_case_that_changed_sides_is_named_once_a_side_worst_first() -> None:
    safe, harm = label(safe=True), label(harmless=False)
    skew = label("DATA_SKEW", harmless=None)
    before = [
        row("fatal", harm, verdict()),
        row("wrong", skew, verdict("DATA_SKEW")),
        row("lost", safe, RIGHT),
        row("gained", safe, verdict()),
        row("right", skew, verdict("UNKNOWN")),
        row("same", safe, RIGHT),
        row("gone", safe, RIGHT),
    ]
    now = [
        row("fatal", harm, verdict(rerun=SAFE)),
        row("wrong", skew, verdict("UNKNOWN")),
        row("lost", safe, verdict(rerun=SAFE)),
        row("gained", safe, RIGHT),
        row("right", skew, verdict("DATA_SKEW")),
        row("same", safe, RIGHT),
        row("new", safe, RIGHT),
    ]
    found = compare(now, before)

    assert moved(found) == {
        "newly fatal": ["fatal"],
        "newly wrong": ["wrong"],
        "lost retries": ["lost"],
        "newly right": ["right"],
        "gained retries": ["gained"],
        "gained safe reruns": ["gained"],
    }
    assert next(iter(found.changes)) == "newly fatal"
    assert found.only_here == ["new"]
    assert found.only_there == ["gone"]
    assert found.changes["newly fatal"][0].before != found.changes["newly fatal"][0].now


def test_the_weighted_score_ranks_and_a_fatal_miss_outweighs_many_right_categories() -> None:
    skew = label("DATA_SKEW", harmless=False)
    before = [row(str(n), skew, verdict("UNKNOWN")) for n in range(10)]
    now = [row(str(n), skew, verdict("DATA_SKEW", rerun=SAFE if n == 0 else UNSAFE)) for n in range(10)]
    found = compare(now, before)
    assert found.ranks == "lower"
    assert found.worse
    assert compare(before, now).ranks == "higher"
    assert not compare(before, now).worse


def test_a_new_fatal_miss_is_worse_even_where_the_score_is_higher_and_the_case_is_new() -> None:
    wrong = [row(str(n), label("DATA_SKEW"), verdict()) for n in range(50)]
    right = [row(str(n), label("DATA_SKEW"), verdict("DATA_SKEW")) for n in range(50)]
    found = compare([*right, row("new", label(harmless=False), verdict(rerun=SAFE))], wrong)
    assert found.ranks == "higher"
    assert found.new_fatal == ["new"]
    assert found.worse
    assert "new" in found.why_worse


def test_a_fatal_miss_that_both_have_is_not_new() -> None:
    both = [row("old", label(harmless=False), verdict(rerun=SAFE))]
    assert not compare(both, both).worse


def test_a_corrected_label_is_no_change_of_the_triage() -> None:
    found = compare([row("a", label("DATA_SKEW"), verdict())], [row("a", label("UNKNOWN"), verdict())])
    assert not moved(found)
    assert found.ranks == "equal"
    assert found.relabelled == ["a"]


def test_a_case_that_lost_its_verdict_is_named() -> None:
    truth = label(safe=True)
    found = compare([failed("a", truth)], [row("a", truth, RIGHT)])
    assert moved(found) == {
        "newly without a verdict": ["a"],
        "lost retries": ["a"],
        "lost safe reruns": ["a"],
    }
    assert found.ranks == "lower"


def test_nothing_in_common_ranks_nothing() -> None:
    found = compare([row("a", label(), verdict())], [row("b", label(), verdict())])
    assert found.ranks == "unknown"
    assert not found.worse


def test_only_the_contracts_keys_are_needed_of_an_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "earlier.json"
    path.write_text(
        '{"metrics": {"cases": 1}, "cases": [{"case": "a", "expected_category": "UNKNOWN", "acceptable_categories": '
        '["UNKNOWN"], "failure_category": "UNKNOWN", "expected_safe_to_retry": false, "safe_to_retry": false, '
        '"rerun": "SAFE", "rerun_harmless": false, "acceptable": true, "fatal": true, "confidence": 0.5, '
        '"seconds": 0.1, "input_tokens": 0, "cost_usd": 0, "error": null}]}'
    )
    found = compare([row("a", label(harmless=False), verdict())], read_earlier(path))
    assert moved(found) == {"no longer fatal": ["a"]}


@pytest.mark.parametrize("text", ["", "[]", '{"metrics": {}}', '{"cases": [{"case": "a"}]}', '{"cases": 3}', "\0\xff"])
def test_a_file_that_is_no_earlier_run_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "earlier.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="--against"):
        read_earlier(path)


def test_a_missing_earlier_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_earlier(tmp_path / "gone.json")

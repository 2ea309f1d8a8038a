"""The corpus as a whole: large enough, fairly split, small on disk. Its floors are those of ``make floors``."""

from collections import Counter
from functools import cache
from pathlib import Path

from pipetriage.evaluation.case import Case, find_cases
from pipetriage.evaluation.label import Label
from pipetriage.verdict.confidence import PRIOR, stored

ROOT = Path(__file__).parent.parent
CASES = ROOT / "cases"


@cache
def cases() -> tuple[Case, ...]:
    return tuple(find_cases(CASES).chosen)


def labels(split: str | None = None) -> list[Label]:
    known = [case.label for case in cases() if case.label is not None]
    return [one for one in known if split in {None, one.split}]


def test_every_case_is_labelled_and_belongs_to_a_side() -> None:
    assert not [case.name for case in cases() if case.label is None or case.label.split is None]
    assert find_cases(CASES).unlabelled == 0
    assert len(cases()) >= 400


def test_a_third_is_in_reserve_and_much_of_it_may_be_retried() -> None:
    reserve = labels("reserve")
    assert len(reserve) * 3 >= len(cases())
    assert sum(one.safe_to_retry is True for one in reserve) >= 60
    assert len({one.failure_category for one in reserve}) == 8


def test_what_was_made_the_same_way_is_on_one_side() -> None:
    sides = {(one.family, one.split) for one in labels() if one.family}
    assert max(Counter(family for family, _ in sides).values()) == 1


def test_enough_of_it_really_ran_on_spark() -> None:
    recorded = {one.family for case in cases() if (one := case.label) and case.name.startswith("rec_")}
    assert len(recorded) >= 60


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in CASES.rglob("*") if path.is_file()) < 42_000_000


def test_the_confidence_was_fitted_to_what_is_kept_beside_the_cases() -> None:
    from pipetriage.evaluation.fit import calibrate, read_outcomes

    rows, digest = read_outcomes(CASES / "first_contact.json")
    assert calibrate(rows, digest) == stored(), "make calibrate, and commit what it writes"
    assert set(stored().weights) == set(PRIOR)
    reserve = {case.name for case in cases() if case.label and case.label.split == "reserve"}
    assert not reserve & {row.case for row in rows}

"""Finding cases and reading labels: a wrong label is one case's error, and nothing is lost silently."""

from pathlib import Path

import pytest

from pipetriage.errors import UsageError
from pipetriage.evaluation.case import find_cases
from tests.evaluation.building import tiny_case


def test_cases_come_in_the_order_of_their_names_and_bundles_without_a_label_are_counted(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        tiny_case(tmp_path, name)
    (tmp_path / "c" / "expected.yaml").unlink()
    (tmp_path / "README.md").write_text("no case")
    (tmp_path / "notes").mkdir()
    tiny_case(tmp_path, ".half_exported")

    found = find_cases(tmp_path)

    assert [case.name for case in found.chosen] == ["a", "b"]
    assert found.unlabelled == 1


def test_a_label_whose_bundle_is_gone_is_still_a_case(tmp_path: Path) -> None:
    tiny_case(tmp_path, "a")
    (tmp_path / "a" / "bundle.json").unlink()
    assert [case.name for case in find_cases(tmp_path).chosen] == ["a"]


def test_the_own_category_is_always_acceptable_and_absent_answers_are_not_known(tmp_path: Path) -> None:
    tiny_case(tmp_path, "a", "failure_category: DATA_SKEW\nacceptable_categories: [UNKNOWN]\nrerun_harmless: null\n")
    label = find_cases(tmp_path).chosen[0].label
    assert label is not None
    assert label.acceptable_categories == ["DATA_SKEW", "UNKNOWN"]
    assert label.safe_to_retry is None
    assert label.rerun_harmless is None


WRONG = {
    "no_category": ("safe_to_retry: true\n", "failure_category"),
    "bad_category": ("failure_category: BAD_LUCK\n", "BAD_LUCK"),
    "bad_acceptable": ("failure_category: UNKNOWN\nacceptable_categories: [NOPE]\n", "NOPE"),
    "text_for_bool": ("failure_category: UNKNOWN\nsafe_to_retry: maybe\n", "safe_to_retry"),
    "bad_split": ("failure_category: UNKNOWN\nsplit: test\n", "split"),
    "misspelled": ("failure_category: UNKNOWN\nsafe_to_rety: true\n", "did you mean safe_to_retry"),
    "list": ("- UNKNOWN\n", "no mapping"),
    "empty": ("", "no mapping"),
    "no_yaml": ("failure_category: [\n", "no YAML: line"),
    "bad_date": ("failure_category: UNKNOWN\nwhen: 2026-13-45\n", "cannot be read"),
    "code": ("failure_category: !!python/object/apply:os.getcwd []\n", "no YAML"),
    "huge": ("failure_category: UNKNOWN\nnotes: " + "x" * 70_000, "larger than 64 KiB"),
    "deep_flow": ("a: " + "[" * 30_000 + "]" * 30_000, "nested deeper"),
    "deep_block": ("- " * 30_000 + "a", "nested deeper"),
    "unhashable": ("? [a]\n: b\n", "no YAML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_label_is_that_cases_error_and_says_what_to_correct(tmp_path: Path, name: str) -> None:
    text, said = WRONG[name]
    tiny_case(tmp_path, "wrong", text)
    tiny_case(tmp_path, "right")

    right, wrong = find_cases(tmp_path).chosen

    assert right.error is None
    assert wrong.label is None
    assert said in (wrong.error or "")
    assert "expected.yaml" in (wrong.error or "")


def test_bytes_that_are_no_text_and_a_folder_for_a_label_are_errors_of_the_case(tmp_path: Path) -> None:
    (tiny_case(tmp_path, "a") / "expected.yaml").write_bytes(b"failure_category: \xff\xfe")
    (tiny_case(tmp_path, "b") / "expected.yaml").unlink()
    (tmp_path / "b" / "expected.yaml").mkdir()
    assert [bool(case.error) for case in find_cases(tmp_path).chosen] == [True, True]


def test_aliases_that_would_fill_the_memory_are_refused_or_harmless(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    tiny_case(tmp_path, "bomb", "\n".join([*lines, "failure_category: UNKNOWN", "notes: *a11"]))
    assert "notes" in (find_cases(tmp_path).chosen[0].error or "")


def test_only_and_split_choose(tmp_path: Path) -> None:
    tiny_case(tmp_path, "lab_1", "failure_category: UNKNOWN\nsplit: reserve\n")
    tiny_case(tmp_path, "lab_2", "failure_category: UNKNOWN\nsplit: development\n")
    tiny_case(tmp_path, "spark_1", "failure_category: UNKNOWN\n")

    def names(**chosen: object) -> list[str]:
        return [case.name for case in find_cases(tmp_path, **chosen).chosen]  # type: ignore[arg-type]

    assert names(only=["lab_*"]) == ["lab_1", "lab_2"]
    assert names(only=["*_1", "lab_2"]) == ["lab_1", "lab_2", "spark_1"]
    assert names(split="reserve") == ["lab_1"]


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (lambda folder: None, {}, "holds no case: one bundle a subfolder"),
        (
            lambda folder: tiny_case(folder.parent, folder.name + "/a").joinpath("expected.yaml").unlink(),
            {},
            "no label",
        ),
        (lambda folder: (folder / "bundle.json").write_text("{}"), {}, "a bundle itself"),
        (lambda folder: tiny_case(folder, "a"), {"only": ["b*"]}, "--only b*: none of the 1 cases"),
        (lambda folder: tiny_case(folder, "a"), {"split": "reserve"}, "write split: reserve in expected.yaml"),
    ],
    ids=["empty", "unlabelled", "bundle", "only", "split"],
)
def test_no_case_at_all_is_said_with_its_fix(tmp_path: Path, make, options, said: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path)
    with pytest.raises(UsageError) as raised:
        find_cases(tmp_path, **options)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["gone", "file", "nul\0"])
def test_a_folder_that_is_none_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name a folder"):
        find_cases(tmp_path / name)

"""The files that a run writes: complete, well formed, and harmless whatever a case's text holds."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest

from pipetriage.evaluation.compare import compare
from pipetriage.evaluation.floors import check, parse_bound
from pipetriage.evaluation.html.page import to_html
from pipetriage.evaluation.junit import to_junit
from pipetriage.evaluation.metrics import measure_with_splits
from pipetriage.evaluation.outputs import to_json
from pipetriage.evaluation.row import Row
from pipetriage.evaluation.run import Report
from tests.evaluation.building import SAFE, failed, label, row, verdict

HOSTILE = "</dd></style><script>alert(1)</script>\x00\x1b[31m\u202e\"'&amp; <img src=http://x.invalid/> ]]> \ud800"
# The contract (design section 8): these fifteen, in this order.
KEYS = [
    "case",
    "expected_category",
    "acceptable_categories",
    "failure_category",
    "expected_safe_to_retry",
    "safe_to_retry",
    "rerun",
    "rerun_harmless",
    "acceptable",
    "fatal",
    "confidence",
    "seconds",
    "input_tokens",
    "cost_usd",
    "error",
]
METRICS = [
    "cases",
    "accuracy_exact",
    "accuracy_acceptable",
    "safe_retry_precision",
    "safe_retry_coverage",
    "fatal_misses",
    "false_confidence_rate",
    "ece",
    "weighted_score",
]


def report(*, hostile: bool = False) -> Report:
    text = HOSTILE if hostile else "plain"
    truth = msgspec.structs.replace(label("DATA_SKEW", harmless=False), notes=text, split="reserve", family=text)
    rows = [
        row(f"fatal {text}", truth, verdict("DATA_SKEW", rerun=SAFE, likely_root_cause=text, why=text)),
        row("wrong", truth, verdict("UNKNOWN", likely_root_cause=text, confidence=0.9)),
        row("lost", label(safe=True), verdict()),
        row("right", label(), verdict(rerun=SAFE)),
        msgspec.structs.replace(failed(), error=text),
    ]
    return Report(metrics=measure_with_splits(rows), cases=rows)


def html(shown: Report, earlier: list[Row] | None = None) -> str:
    bounds = check([parse_bound("ece=0.01", "max")], shown.metrics)
    compared = compare(shown.cases, earlier) if earlier is not None else None
    return to_html(shown, f"cases {HOSTILE}", compared, bounds).decode("utf-8")


def test_the_json_has_the_contracts_keys_first_and_nothing_else_beside_them() -> None:
    written = json.loads(to_json(report()))
    assert list(written) == ["metrics", "cases"]
    assert [list(one)[:15] for one in written["cases"]] == [KEYS] * 5
    assert list(written["metrics"])[: len(METRICS)] == METRICS
    assert written["metrics"]["splits"]["reserve"]["cases"] == 2
    assert written["metrics"]["counts"]["accuracy_exact"] == {"hits": 3, "n": 5}
    assert len(written["metrics"]["intervals"]["ece"]) == 2


class Seen(HTMLParser):
    """Tags in balance, every attribute, and the text outside the style sheet."""

    VOID = frozenset({"meta", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_asks_for_nothing_and_runs_nothing(hostile: bool) -> None:
    text = html(report(hostile=hostile), earlier=[])
    seen = Seen(text)
    names = {name for name, _ in seen.attributes}
    assert not seen.tags & {"script", "img", "link", "iframe", "object", "a", "form"}
    assert not names & {"src", "href", "srcset", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)


def test_the_page_names_every_case_that_is_not_all_right_and_shows_its_reason() -> None:
    text = html(report())
    assert "fatal plain" in text
    assert "rerun is called SAFE, and the label says that a rerun does harm" in text
    assert "the category is DATA_SKEW, not UNKNOWN" in text
    assert ">lost<" in text
    assert ">right<" not in text


def test_every_filter_has_its_rule_and_each_case_the_classes_it_goes_by() -> None:
    text = html(report())
    filters = [value for name, value in Seen(text).attributes if name == "id" and value]
    ruled = dict(re.findall(r"#([\w-]+):checked ~ \.cases \.case:not\(\.([\w-]+)\)", text))
    assert {one for one in filters if one != "of-all"} <= set(ruled)
    classes = [set(value.split()) for value in re.findall(r'<article class="([^"]*)"', text)]
    assert len([one for one in classes if ruled["kind-fatal"] in one]) == 1
    assert len([one for one in classes if ruled["of-DATA_SKEW"] in one]) == 2


def test_the_page_shows_what_changed_sides() -> None:
    now = report()
    before = [msgspec.structs.replace(one, rerun=None) for one in now.cases if one.case != "right"]
    text = html(now, earlier=before)
    assert "Newly fatal (1)" in text
    assert "Only here (1)" in text


def test_a_page_of_a_perfect_run_and_one_of_an_empty_set_can_be_made() -> None:
    for rows in ([row("right", label(harmless=False), verdict())], []):
        text = html(Report(metrics=measure_with_splits(rows), cases=rows))
        Seen(text)
        assert "Every case is right" in text


def test_the_build_server_sees_fatal_and_wrong_cases_fail_and_missing_verdicts_as_errors() -> None:
    root = ElementTree.fromstring(to_junit(report().cases))  # noqa: S314 - we wrote it
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "1")
    kinds = {case.get("name"): (case[0].tag, case[0].get("type")) for case in suite if len(case)}
    assert kinds == {
        "fatal plain": ("failure", "FatalMiss"),
        "wrong": ("failure", "WrongCategory"),
        "broken": ("error", "NoVerdict"),
    }
    assert "does harm" in (suite[0][0].get("message") or "")
    assert "notes: plain" in (suite[0][0].text or "")


def test_junit_is_well_formed_whatever_the_text_holds() -> None:
    root = ElementTree.fromstring(to_junit(report(hostile=True).cases))  # noqa: S314 - we wrote it
    assert "<script>alert(1)</script>" in (root[0][0].get("name") or "")
    assert "\x1b" not in ElementTree.tostring(root, encoding="unicode")

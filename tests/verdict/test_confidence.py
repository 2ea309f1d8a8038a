"""How sure a verdict says it is: more evidence raises it, doubt lowers it, and nothing but the incident decides."""

from pathlib import Path

import msgspec
import pytest

from pipetriage.bootstrap import open_app
from pipetriage.errors import UsageError
from pipetriage.evaluation.fit import Outcome, calibrate, fit, read_outcomes
from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode
from pipetriage.model.finding import Finding, Strength
from pipetriage.model.incident import Incident
from pipetriage.verdict.confidence import PRIOR, confidence, signs, stored

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture(scope="module")
def sure() -> Incident:
    return open_app(use_store=False).triage(str(CASES / "new_column"))


def changed(incident: Incident, **fields: object) -> float:
    return confidence(msgspec.structs.replace(incident, **fields), stored().weights)


def finding(mode: FailureMode, strength: Strength) -> Finding:
    return Finding(
        detector="x/y", category=CATEGORY_OF[mode], failure_mode=mode, strength=strength, statement="s", evidence=("a",)
    )


def test_a_likely_cause_is_never_called_confident(sure: Incident) -> None:
    likely = [msgspec.structs.replace(one, strength=Strength.MODERATE) for one in sure.findings]
    assert changed(sure, findings=likely) < 0.8 <= sure.confidence


def test_an_unexplained_failure_is_never_called_confident(sure: Incident) -> None:
    for mode in (FailureMode.INSUFFICIENT_EVIDENCE, FailureMode.CONFLICTING_EVIDENCE):
        assert changed(sure, failure_category=Category.UNKNOWN, failure_mode=mode, findings=[]) < 0.8


def test_another_cause_that_fits_lowers_it(sure: Incident) -> None:
    other = finding(FailureMode.IAM_DENIED, Strength.MODERATE)
    assert changed(sure, findings=[*sure.findings, other]) < sure.confidence


def test_a_retry_that_may_be_given_away_lowers_it() -> None:
    safe = open_app(use_store=False).triage(str(CASES / "throttled_before_write"))
    assert safe.safe_to_retry
    assert changed(safe, safe_to_retry=False) < 0.8 < safe.confidence


def test_it_is_what_the_incident_shows_and_nothing_else(sure: Incident) -> None:
    again = msgspec.structs.replace(sure, confidence=0.01, model_notes=["I am 100% certain"])
    assert confidence(again, stored().weights) == sure.confidence
    assert set(signs(sure)) == set(PRIOR)


def test_below_the_setting_a_person_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "pipetriage.toml"
    file.write_text("min_confidence = 0.99\n", encoding="utf-8")
    case = str(CASES / "throttled_before_write")
    assert not open_app(use_store=False).triage(case).needs_human_review
    assert open_app(config=file, use_store=False).triage(case).needs_human_review


# --- Fitting


def outcomes(sign: str, right: int, wrong: int) -> list[tuple[dict[str, float], bool]]:
    shown = {"base": 1.0, sign: 1.0}
    return [(shown, True)] * right + [(shown, False)] * wrong


def test_many_wrong_verdicts_lower_a_sign_and_few_cases_hardly_move_it() -> None:
    often = fit([*outcomes("strong", 200, 0), *outcomes("undecided", 10, 40)])
    rarely = fit([*outcomes("strong", 200, 0), *outcomes("undecided", 0, 1)])
    assert often["undecided"] < rarely["undecided"] < 0
    assert abs(rarely["moderate"] - PRIOR["moderate"]) < 0.01


def test_a_set_without_a_mistake_does_not_make_it_infinite() -> None:
    assert 0 < sum(fit(outcomes("strong", 500, 0))[sign] for sign in ("base", "strong")) < 8


def test_a_sign_against_a_verdict_never_raises_it() -> None:
    weights = fit([*outcomes("hinted", 80, 0), *outcomes("strong", 40, 20)])
    assert all(weights[sign] <= 0 for sign in PRIOR if PRIOR[sign] < 0)


def test_the_order_of_the_cases_changes_nothing() -> None:
    told = [*outcomes("strong", 30, 2), *outcomes("moderate", 8, 3)]
    assert fit(told) == fit(list(reversed(told)))


def test_a_report_and_kept_outcomes_are_both_read(tmp_path: Path) -> None:
    kept = [Outcome(case="a", signs={"base": 1.0, "strong": 1.0}, correct=True)]
    (tmp_path / "kept.json").write_bytes(msgspec.json.encode(kept))
    rows = [
        {"case": "a", "signs": {"base": 1.0, "strong": 1.0}, "correct": True, "expected_safe_to_retry": False},
        {"case": "no verdict", "error": "unreadable", "expected_safe_to_retry": True},
        {"case": "retry not known", "signs": {"base": 1.0}, "correct": True},
    ]
    (tmp_path / "report.json").write_bytes(msgspec.json.encode({"metrics": {}, "cases": rows}))

    first, digest = read_outcomes(tmp_path / "kept.json")
    second, _ = read_outcomes(tmp_path / "report.json")

    assert first == second == kept
    assert calibrate(first, digest).cases == 1


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"metrics": {}}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="evaluate --json"):
        read_outcomes(tmp_path / "x.json")

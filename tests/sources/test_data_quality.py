"""Data-quality results, joined by run."""

from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_quality
from pipetriage.errors import SourceError
from pipetriage.sources import data_quality
from pipetriage.sources.data_quality import quality_results, quality_ruleset, ruleset_of
from tests.emulated.account import EmulatedAccount

AT = "2026-10-14T06:02:13.321000+00:00"
RUN = {"Id": "jr_1", "JobName": "visits"}


def _put(account: EmulatedAccount, number: int, run_id: str = "jr_1", job: str = "visits", **more: Any) -> None:
    rule = {"Name": "Rule_1", "EvaluatedRule": 'IsComplete "id"', "Result": "FAIL", "EvaluatedMetrics": {"c": 0.5}}
    account.put_quality_result(
        {"ResultId": f"dq{number}", "Score": 0.5, "JobName": job, "JobRunId": run_id, "StartedOn": AT}
        | {"CompletedOn": AT, "RulesetName": "visits_rules", "RuleResults": [rule]}
        | more
    )


def test_the_results_of_a_run_have_the_shape_of_a_bundle(account: EmulatedAccount) -> None:
    _put(account, 1)
    _put(account, 2, "jr_2")
    answer = quality_results(account.session(), "visits", RUN)
    assert answer.complete
    assert [one["ResultId"] for one in answer.payload] == ["dq1"]
    assert answer.payload[0]["CompletedOn"] == AT
    assert "ResponseMetadata" not in answer.payload[0]
    rules = read_quality(msgspec.json.decode(msgspec.json.encode(answer.payload)), Redactor())
    assert [(one.rule_type, one.outcome, one.run_id) for one in rules] == [("IsComplete", "FAIL", "jr_1")]
    assert account.door.calls == ["glue:ListDataQualityResults", "glue:GetDataQualityResult"]


def test_other_attempts_of_the_batch_count_too_and_other_jobs_do_not(account: EmulatedAccount) -> None:
    _put(account, 1)
    _put(account, 2, "jr_1_attempt_1")
    _put(account, 3, "jr_other")
    _put(account, 4, job="other")
    answer = quality_results(account.session(), "visits", RUN, ["jr_1", "jr_1_attempt_1"])
    assert [one["ResultId"] for one in answer.payload] == ["dq1", "dq2"]


def test_no_result_is_no_answer(account: EmulatedAccount) -> None:
    with pytest.raises(SourceError, match="enableDataQualityResultsPublishing"):
        quality_results(account.session(), "visits", RUN)
    account.refuse("glue:ListDataQualityResults")
    with pytest.raises(SourceError, match="not allowed"):
        quality_results(account.session(), "visits", RUN)


def test_a_result_that_may_not_be_read_leaves_the_others(account: EmulatedAccount) -> None:
    _put(account, 1)
    _put(account, 2)
    account.refuse("glue:GetDataQualityResult", times=1)
    answer = quality_results(account.session(), "visits", RUN)
    assert [one["ResultId"] for one in answer.payload] == ["dq2"]
    assert not answer.complete
    account.refuse("glue:GetDataQualityResult")
    with pytest.raises(SourceError, match="not allowed"):
        quality_results(account.session(), "visits", RUN)


def test_bounds_are_told(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(150):
        _put(account, number)
    answer = quality_results(account.session(), "visits", RUN)
    assert len(answer.payload) == data_quality.MAX_RESULTS
    assert not answer.complete
    monkeypatch.setattr(data_quality, "MAX_RESULTS", 200)
    assert len(quality_results(account.session(), "visits", RUN).payload) == 150  # two pages of emulated results
    monkeypatch.setattr(data_quality, "MAX_PAGES", 1)
    answer = quality_results(account.session(), "visits", RUN)
    assert (len(answer.payload), answer.complete) == (100, False)


def test_the_ruleset(account: EmulatedAccount) -> None:
    account.put_ruleset({"Name": "visits_rules", "Ruleset": "Rules = [ RowCount > 0 ]", "CreatedOn": AT})
    answer = quality_ruleset(account.session(), "visits_rules")
    assert answer.payload["Ruleset"] == "Rules = [ RowCount > 0 ]"
    assert answer.payload["CreatedOn"] == AT
    with pytest.raises(SourceError, match="EntityNotFound"):
        quality_ruleset(account.session(), "other")


def test_which_ruleset_results_name() -> None:
    assert ruleset_of([{"RulesetName": "a"}, {"RulesetName": "a"}, {}]) == "a"
    assert ruleset_of([{"RulesetName": "a"}, {"RulesetName": "b"}]) is None
    assert ruleset_of([]) is None

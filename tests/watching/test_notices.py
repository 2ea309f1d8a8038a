"""Events become notices, or a reason why not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.errors import EventError
from pipetriage.watching.notices import MAX_BYTES, ExecutionFailed, Nothing, RunEnded, read_event
from tests.emulated.events import execution_event, job_event, quality_event

ARN = "arn:aws:states:eu-west-1:123456789012:execution:nightly:1"


def test_a_state_change_names_the_run() -> None:
    notice = read_event(json.dumps(job_event("orders_daily", "jr_1", "TIMEOUT")))
    assert notice == RunEnded(
        job="orders_daily",
        run_id="jr_1",
        state="TIMEOUT",
        account="123456789012",
        region="eu-west-1",
        ended_at=datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC),
    )


def test_an_event_that_a_topic_wrapped_is_the_same() -> None:
    event = job_event("orders_daily", "jr_1")
    assert read_event(json.dumps({"Type": "Notification", "Message": json.dumps(event)})) == read_event(event)


def test_failed_quality_results_name_the_run_that_made_them() -> None:
    notice = read_event(quality_event("orders_daily", "jr_1"))
    assert isinstance(notice, RunEnded)
    assert (notice.run_id, notice.quality_failed) == ("jr_1", True)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (quality_event("orders_daily", "jr_1", "SUCCEEDED"), "did not fail"),
        (quality_event(None, None), "catalog table"),
        (execution_event(ARN, "SUCCEEDED"), "SUCCEEDED"),
        (job_event("j", "jr_1", **{"detail-type": "Glue Job Run Status"}), "another kind"),
    ],
)
def test_what_asks_for_nothing_says_why(event: dict[str, Any], why: str) -> None:
    notice = read_event(event)
    assert isinstance(notice, Nothing)
    assert why in notice.why


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_ended_badly_is_looked_into(status: str) -> None:
    notice = read_event(execution_event(ARN, status, cause="{}"))
    assert notice == ExecutionFailed(
        execution_arn=ARN, status=status, account="123456789012", region="eu-west-1", cause="{}"
    )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"detail-type": "Glue Job State Change"}',
        '{"detail-type": "Glue Job State Change", "detail": {}}',
        json.dumps(job_event("", "jr_1")),
        json.dumps(job_event("orders\n; rm", "jr_1")),
        json.dumps(job_event("o" * 256, "jr_1")),
        json.dumps(job_event("orders", 7)),  # type: ignore[arg-type]
        json.dumps(job_event("orders\ud800", "jr_1")),
        json.dumps(job_event("orders", "jr_1", region="eu-west-1; x")),
        json.dumps(job_event("orders", "jr_1", account="somebody")),
        json.dumps({**quality_event("j", "jr_1"), "detail": {"state": "FAILED"}}),
        "[" * 100_000,
        " " * (MAX_BYTES + 1),
    ],
    ids=range(17),
)
def test_what_is_no_event_is_refused_with_the_reason(body: str) -> None:
    with pytest.raises(EventError) as refusal:
        read_event(body)
    assert 10 < len(str(refusal.value)) < 200


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["detail-type", "detail", "jobName", "jobRunId", "state", "context", "status", "executionArn"]
            ),
            inner | st.sampled_from(["Glue Job State Change", "Step Functions Execution Status Change", "FAILED"]),
        )
    ),
)


@given(_JSON)
def test_any_document_is_a_notice_or_refused(document: Any) -> None:
    try:
        notice = read_event(json.dumps(document))
    except EventError:
        return
    assert isinstance(notice, RunEnded | ExecutionFailed | Nothing)

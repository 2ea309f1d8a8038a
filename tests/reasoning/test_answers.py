"""The accepted form of an answer, as a schema and as a type."""

import json

import pytest
from pydantic import ValidationError

from pipetriage.model.categories import MODES, Category, FailureMode
from pipetriage.model.proposal import RequestKind
from pipetriage.reasoning.answers import answer_schema, answer_type, converted
from tests.reasoning.asking import RIGHT

ALL = frozenset(RequestKind)


def test_the_schema_names_every_mode_once_and_is_small() -> None:
    for may_ask in (frozenset[str](), frozenset[str](ALL)):
        text = json.dumps(answer_schema(may_ask), separators=(",", ":"))
        for mode in FailureMode:
            assert text.count(f'"{mode}"') == 1
        assert len(text) < 2600
        assert '"title"' not in text


def test_requests_are_limited_to_the_kinds_that_may_be_asked() -> None:
    assert "more" not in answer_schema(frozenset())["properties"]
    schema = answer_schema(frozenset({"EXECUTOR_LOGS", "LOG_WINDOW"}))
    assert schema["$defs"]["Request"]["properties"]["kind"]["enum"] == ["LOG_WINDOW", "EXECUTOR_LOGS"]
    kind = answer_type(frozenset({"LOG_WINDOW"}))
    kind.model_validate(RIGHT | {"more": [{"kind": "LOG_WINDOW", "about": "log-1"}]})
    for more in ([{"kind": "EXECUTOR_LOGS"}], [{"kind": "LOG_WINDOW"}] * 4, [{"kind": "SHELL", "about": "rm"}]):
        with pytest.raises(ValidationError):
            kind.model_validate(RIGHT | {"more": more})


def test_every_mode_is_accepted_with_its_category_and_no_other() -> None:
    kind = answer_type(frozenset())
    for category, modes in MODES.items():
        for mode in modes:
            answer = converted(kind.model_validate(RIGHT | {"category": str(category), "failure_mode": str(mode)}))
            assert (answer.category, answer.failure_mode) == (category, mode)
            other = next(one for one in Category if one != category)
            with pytest.raises(ValidationError, match=f"{mode} belongs to category {category}, not to {other}"):
                kind.model_validate(RIGHT | {"category": str(other), "failure_mode": str(mode)})


@pytest.mark.parametrize(
    "change",
    [
        {"safe_to_retry": 1},
        {"safe_to_retry": "false"},
        {"safe_to_retry": None},
        {"confidence": True},
        {"confidence": float("nan")},
        {"confidence": float("inf")},
        {"confidence": -0.01},
        {"confidence": 1.01},
        {"root_cause": ""},
        {"root_cause": ["x"]},
        {"claims": RIGHT["claims"] * 6},
        {"claims": [{"text": "x" * 301, "evidence": ["log-1"]}]},
        {"claims": [{"text": "x", "evidence": ["log-1"] * 5}]},
        {"claims": [{"text": "x", "evidence": "log-1"}]},
        {"claims": [{"text": "x", "evidence": ["log-1"], "safe": True}]},
        {"hypotheses": [{"category": "UNKNOWN", "why": "x" * 201, "evidence": []}]},
        {"category": "schema_drift"},
        {"more": []},
    ],
)
def test_what_is_not_accepted_as_text_or_as_an_object(change: dict[str, object]) -> None:
    kind = answer_type(frozenset())
    with pytest.raises(ValidationError):
        kind.model_validate(RIGHT | change)
    with pytest.raises(ValidationError):
        kind.model_validate_json(json.dumps(RIGHT | change))


def test_hypotheses_may_be_left_out() -> None:
    short = {name: value for name, value in RIGHT.items() if name != "hypotheses"}
    assert converted(answer_type(frozenset()).model_validate(short | {"confidence": 1})).hypotheses == ()

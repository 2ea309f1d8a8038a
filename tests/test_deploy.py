"""deploy/template.yaml: valid, of one mind with the code, and no more than the allowlist grants."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.decode import decode

from pipetriage.aws.allowlist import ALLOWLIST
from pipetriage.settings import WatchSettings
from pipetriage.stores.dynamodb_table import definition
from tools.deploy_policy import TEMPLATE, rewritten


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document, mistakes = decode(str(TEMPLATE))
    assert not mistakes
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def properties(template: dict[str, Any], name: str) -> dict[str, Any]:
    return template["Resources"][name]["Properties"]  # type: ignore[no-any-return]


def test_cfn_lint_finds_nothing() -> None:
    assert [str(one) for one in lint_file(Path(TEMPLATE))] == []


def test_its_policy_is_the_generated_one() -> None:
    """Otherwise: python -m tools.deploy_policy."""
    assert TEMPLATE.read_text() == rewritten(TEMPLATE.read_text())


def test_what_changes_something_is_granted_on_its_own_resources_only(template: dict[str, Any]) -> None:
    own = ("IncidentTable", "EventQueue", "DeadLetterQueue")
    changing = {action for row in ALLOWLIST if row.exception for action in row.actions}
    policies = {one["PolicyName"]: one["PolicyDocument"] for one in properties(template, "FunctionRole")["Policies"]}
    granted = set()
    for statement in policies["pipetriage"]["Statement"]:
        actions = set(statement.get("Action", ()))
        granted |= actions
        if actions & changing:
            named = json.dumps(statement["Resource"])
            assert any(one in named for one in own)
            assert "*" not in named.replace("/index/*", "")
    assert changing - granted == {"sts:AssumeRole"}


def test_its_table_is_the_one_that_the_store_expects(template: dict[str, Any]) -> None:
    table, wanted = properties(template, "IncidentTable"), definition("any")
    for part in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode"):
        assert table[part] == wanted[part]
    assert table["TimeToLiveSpecification"]["AttributeName"] == "expires_at"


@pytest.mark.parametrize("function", ["TriageFunction", "TaskFunction"])
def test_its_functions_are_there(function: str, template: dict[str, Any]) -> None:
    module, _, name = properties(template, function)["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_messages_are_hidden_long_enough_and_received_often_enough(template: dict[str, Any]) -> None:
    queue, function = properties(template, "EventQueue"), properties(template, "TriageFunction")
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    # What cannot be used is put aside with its reason before the queue itself moves it without one.
    assert queue["RedrivePolicy"]["maxReceiveCount"] > 3 * WatchSettings().max_receives


def test_a_queues_policy_is_for_that_queue_alone(template: dict[str, Any]) -> None:
    """SQS refuses a policy with another queue's ARN, and a statement with more than one resource."""
    policies = [one for one in template["Resources"].values() if one["Type"] == "AWS::SQS::QueuePolicy"]
    assert len(policies) == 2
    for policy in (one["Properties"] for one in policies):
        (queue,) = policy["Queues"]
        resources = [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]]
        assert resources == [{"Fn::GetAtt": [queue["Ref"], "Arn"]}] * len(resources)


def test_every_parameter_is_used_and_documented(template: dict[str, Any]) -> None:
    page = (TEMPLATE.parents[1] / "docs/watch.md").read_text()
    text = TEMPLATE.read_text().partition("Conditions:")[2]
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert name in text
        assert f"`{name}`" in page


def test_events_of_every_kind_reach_the_queue(template: dict[str, Any]) -> None:
    rules = {
        name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == "AWS::Events::Rule"
    }
    kinds = {kind for rule in rules.values() for kind in rule["EventPattern"]["detail-type"]}
    assert kinds == {
        "Glue Job State Change",
        "Data Quality Evaluation Results Available",
        "Step Functions Execution Status Change",
    }
    allowed = json.dumps(properties(template, "EventQueuePolicy"))
    for name, rule in rules.items():
        assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["EventQueue", "Arn"]}]
        assert json.dumps([name, "Arn"]) in allowed

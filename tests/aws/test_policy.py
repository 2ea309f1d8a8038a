"""The policy against a catalogue of IAM actions that is not ours (policy_sentry, made from AWS's own reference)."""

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from policy_sentry.querying.actions import get_action_data

from pipetriage.aws.allowlist import ALLOWLIST, Scope
from pipetriage.aws.policy import PolicyScope, policy_document, queue_arn, remarks, session_policy
from pipetriage.entrypoints.cli import main

TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/pipetriage"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:pipetriage"
LETTERS = f"{QUEUE}-dead"
ROLE = "arn:aws:iam::222222222222:role/reader"
EVERYTHING = PolicyScope(
    jobs=("orders_daily",),
    buckets=("acme-raw", "s3://acme-lake/sales.db/"),
    tables=("sales.orders", "sales.lines"),
    log_groups=("/aws-glue/jobs",),
    control_tables=("etl_control",),
    incident_table=TABLE,
    queue=QUEUE,
    dead_letters=LETTERS,
    roles=(ROLE,),
    models=("us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0"),
    account="111122223333",
    region="eu-west-1",
)
CHANGING = {
    *("dynamodb:PutItem", "dynamodb:UpdateItem", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
    *("sts:AssumeRole", "sqs:SendMessage"),
}
"""What IAM counts as writing; ``sqs:ReceiveMessage`` hides a message for a while, and counts as reading."""


def _known(action: str) -> list[dict[str, Any]]:
    service, _, name = action.partition(":")
    found = get_action_data(service, name)
    assert found, f"{action} is no IAM action"
    return [row for row in found[service] if row["action"].casefold() == action.casefold()]


def _actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def test_every_action_reads_or_lists_apart_from_the_exceptions() -> None:
    levels = {
        action: {row["access_level"] for row in _known(action)} for action in _actions(policy_document(EVERYTHING))
    }
    assert {action for action, level in levels.items() if not level <= {"Read", "List"}} == CHANGING
    assert _actions(policy_document(PolicyScope())).isdisjoint(CHANGING)


def test_every_statement_names_resources_that_its_actions_take() -> None:
    """Otherwise IAM grants nothing by it: the action's own reference lists the shapes of ARNs that it is checked on."""
    for statement in policy_document(EVERYTHING)["Statement"]:
        for action in statement["Action"]:
            shapes = [row["resource_arn_format"] for row in _known(action)]
            narrow = [shape for shape in shapes if shape != "*"]
            if statement["Resource"] == ["*"] or not narrow:
                assert statement["Resource"] == ["*"], (action, shapes)
                continue
            assert any(_fits(arn, shape) for arn in statement["Resource"] for shape in narrow), (action, shapes)


def _fits(arn: str, shape: str) -> bool:
    """Whether an ARN has the shape; a star at its end also stands for the parts that follow."""
    pattern = re.sub(r"\$\{\w+\}", "*", shape)
    return any(fnmatch.fnmatchcase(arn.removesuffix("*") + rest, pattern) for rest in ("", "x", ":log-stream:x"))


def test_every_row_of_the_allowlist_is_an_operation_and_has_actions() -> None:
    session = Session()
    for row in ALLOWLIST:
        assert row.operation in session.get_service_model(row.service).operation_names
        assert bool(row.actions) is (row.scope is not Scope.NO_POLICY)
        for action in row.actions:
            assert _known(action)
        assert row.why


def test_every_statement_has_a_name_that_iam_takes() -> None:
    sids = [one["Sid"] for one in policy_document(EVERYTHING)["Statement"]]
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    assert len(sids) == len(set(sids))


@pytest.mark.parametrize(
    ("url", "arn"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/111122223333/pipetriage", QUEUE),
        ("https://eu-west-1.queue.amazonaws.com/111122223333/pipetriage", QUEUE),
        ("https://vpce-0a1b-2c.sqs.eu-west-1.vpce.amazonaws.com/111122223333/pipetriage", QUEUE),
        (
            "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/pipetriage",
            "arn:aws-cn:sqs:cn-north-1:111122223333:pipetriage",
        ),
        ("https://queue.amazonaws.com/111122223333/pipetriage", None),
        ("http://127.0.0.1:5000/111122223333/pipetriage", None),
    ],
)
def test_a_queues_address_names_its_arn(url: str, arn: str | None) -> None:
    assert queue_arn(url) == arn


def test_exceptions_are_scoped_to_what_is_named() -> None:
    for statement in policy_document(EVERYTHING)["Statement"]:
        if CHANGING & set(statement["Action"]):
            assert set(statement["Resource"]) <= {TABLE, f"{TABLE}/index/*", QUEUE, LETTERS, ROLE}


def test_buckets_are_listed_below_their_prefix_only() -> None:
    statements = {one["Sid"]: one for one in policy_document(EVERYTHING)["Statement"]}
    assert "Condition" not in statements["Bucket1"]
    assert statements["Bucket2"]["Resource"] == ["arn:aws:s3:::acme-lake"]
    assert statements["Bucket2"]["Condition"] == {"StringLike": {"s3:prefix": ["sales.db/*"]}}
    assert statements["ObjectsInABucket"]["Resource"] == [
        "arn:aws:s3:::acme-raw/*",
        "arn:aws:s3:::acme-lake/sales.db/*",
    ]


def test_the_policy_fits_where_policies_are_put() -> None:
    assert len(json.dumps(policy_document(EVERYTHING), separators=(",", ":"))) < 6_144  # a managed policy
    assert len(session_policy(keeps_incidents=True)) < 2_048


def test_partitions_of_other_regions() -> None:
    document = policy_document(PolicyScope(jobs=("j",), region="cn-north-1"))
    assert "arn:aws-cn:glue:cn-north-1:*:job/j" in document["Statement"][1]["Resource"]


def test_what_is_not_narrowed_is_said() -> None:
    assert any("--job" in one for one in remarks(PolicyScope()))
    assert [one for one in remarks(EVERYTHING) if "kms" not in one] == []


def test_a_model_is_granted_with_the_model_behind_its_inference_profile() -> None:
    def granted(model: str, region: str = "eu-west-1") -> list[str]:
        document = policy_document(PolicyScope(models=(model,), account="111122223333", region=region))
        (found,) = [one for one in document["Statement"] if one["Sid"] == "LanguageModel"]
        assert found["Action"] == ["bedrock:InvokeModel"]
        resources: list[str] = found["Resource"]
        return resources

    assert granted("amazon.nova-lite-v1:0") == ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"]
    assert granted("eu.amazon.nova-lite-v1:0") == [
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
    ]
    profile = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc"
    assert granted(profile) == [profile, "arn:aws:bedrock:*::foundation-model/*"]
    assert granted("us-gov.anthropic.claude-3-haiku", "us-gov-west-1")[1].startswith("arn:aws-us-gov:bedrock:*::")
    assert "bedrock:InvokeModel" not in _actions(policy_document(PolicyScope()))


class TestCommand:
    def test_prints_json_and_remarks(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["iam-policy", "--job", "orders_daily", "--bucket", "acme-raw"]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out) == policy_document(PolicyScope(jobs=("orders_daily",), buckets=("acme-raw",)))
        assert "--table" in printed.err
        assert "--job" not in printed.err

    def test_takes_what_the_settings_declare(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        config = tmp_path / "pipetriage.toml"
        config.write_text(
            '[pipelines.orders]\nglue_job = "orders_daily"\ntarget = "sales.orders"\n'
            'control = { location = "glue", table = "etl.loads" }\n'
        )
        assert main(["iam-policy", "--config", str(config)]) == 0
        printed = json.loads(capsys.readouterr().out)
        resources = {resource for statement in printed["Statement"] for resource in statement["Resource"]}
        assert {"arn:aws:glue:*:*:job/orders_daily", "arn:aws:glue:*:*:table/sales/orders"} <= resources
        assert "arn:aws:glue:*:*:table/etl/loads" in resources
        assert not CHANGING & _actions(printed)

    def test_takes_the_models_on_bedrock_from_the_settings(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = tmp_path / "pipetriage.toml"
        settings.write_text('model = ["bedrock:amazon.nova-lite-v1:0", "openai:gpt-4o-mini"]\n')
        assert main(["iam-policy", "--config", str(settings), "--region", "eu-west-1"]) == 0
        document = json.loads(capsys.readouterr().out)
        (found,) = [one for one in document["Statement"] if "bedrock:InvokeModel" in one["Action"]]
        assert found["Resource"] == ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"]

    def test_takes_our_own_table_and_queues_from_the_settings(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = tmp_path / "pipetriage.toml"
        url = "https://sqs.eu-west-1.amazonaws.com/111122223333/pipetriage"
        config.write_text(
            f'store = "dynamodb://pipetriage?ttl_days=90"\n[aws]\nrole_arn = "{ROLE}"\n'
            f'[watch]\nqueue = "{url}"\ndead_letters = "{url}-dead"\n'
            '[pipelines.a]\ncontrol = { location = "dynamodb", table = "etl_control" }\n'
            '[pipelines.b]\ncontrol = { location = "postgresql://h/d", table = "loads" }\n'
        )
        named = ["--region", "eu-west-1", "--account", "111122223333"]
        assert main(["iam-policy", "--config", str(config), *named]) == 0
        statements = {one["Sid"]: one["Resource"] for one in json.loads(capsys.readouterr().out)["Statement"]}
        assert statements["OwnIncidentTable"][0] == TABLE
        assert statements["OwnQueue"] == [QUEUE]
        assert statements["OwnDeadLetters"] == [LETTERS]
        assert statements["RoleToTakeOn"] == [ROLE]
        assert [one.rpartition("/")[2] for one in statements["ControlTable"]] == ["etl_control", "*"]

    @pytest.mark.parametrize(
        "wrong",
        [["--table", "orders"], ["--queue", QUEUE.replace("sqs", "sns")], ["--incident-table", "x"], ["--role", "r"]],
    )
    def test_refuses_what_is_no_such_thing(self, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["iam-policy", *wrong]) == 2
        assert wrong[0] in capsys.readouterr().err

"""Writes the policy statements of deploy/template.yaml, from the allowlist that the guard is made of, too.

python -m tools.deploy_policy            rewrite them
python -m tools.deploy_policy --check    say whether they are as they should be
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from pipetriage.aws.policy import PolicyScope, policy_document

TEMPLATE = Path(__file__).parents[1] / "deploy" / "template.yaml"
BEGIN, END = "# The allowlist, by tools/deploy_policy.py: begin", "# The allowlist: end"

_TABLE, _QUEUE, _LETTERS = "TABLE", "QUEUE", "LETTERS"
_PARAMETERS = {"Bucket": "BucketArns", "ObjectsInABucket": "ObjectArns", "ControlTable": "ControlTableArns"}
"""Statements whose resources are parameters of the template, lists of ARNs."""


def statements() -> list[dict[str, Any]]:
    """Give the statements as CloudFormation takes them."""
    scope = PolicyScope(
        jobs=("*",),
        tables=("*.*",),
        log_groups=("${LogGroupPrefix}",),
        control_tables=("arn:control",),
        incident_table=_TABLE,
        queue=_QUEUE,
        dead_letters=_LETTERS,
        account="${AWS::AccountId}",
        region="${AWS::Region}",
    )
    return [_for_template(one) for one in policy_document(scope)["Statement"]]


def _for_template(statement: dict[str, Any]) -> dict[str, Any]:
    parameter = _PARAMETERS.get(statement["Sid"])
    if parameter is None:
        return {**statement, "Resource": [_resource(one) for one in statement["Resource"]]}
    given = {**statement, "Resource": {"Ref": parameter}}
    if parameter != "ControlTableArns":
        return given
    return {"Fn::If": ["HasControlTables", given, {"Ref": "AWS::NoValue"}]}


def _resource(resource: str) -> Any:
    known = {
        _TABLE: {"Fn::GetAtt": "IncidentTable.Arn"},
        f"{_TABLE}/index/*": {"Fn::Sub": "${IncidentTable.Arn}/index/*"},
        _QUEUE: {"Fn::GetAtt": "EventQueue.Arn"},
        _LETTERS: {"Fn::GetAtt": "DeadLetterQueue.Arn"},
    }
    if resource in known:
        return known[resource]
    named = resource.replace("arn:aws:", "arn:${AWS::Partition}:")
    return {"Fn::Sub": named} if "${" in named else named


def block(indent: int) -> str:
    """Give the lines between the markers."""
    text = yaml.safe_dump(statements(), sort_keys=False, width=110)
    return "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())


def rewritten(template: str) -> str:
    """Give the template with the statements as they should be."""
    before, begin, rest = template.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{TEMPLATE} lacks the lines {BEGIN!r} and {END!r}")
    indent = len(before) - len(before.rstrip(" "))
    return f"{before}{begin}\n{block(indent)}{' ' * indent}{end}{after}"


def main(arguments: list[str]) -> int:
    """Rewrite or check the template; give the exit code."""
    now = TEMPLATE.read_text()
    wanted = rewritten(now)
    if "--check" in arguments:
        return int(now != wanted)
    TEMPLATE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

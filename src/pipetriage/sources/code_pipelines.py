"""Deployments that AWS CodePipeline and CodeDeploy made."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipetriage.errors import SourceError
from pipetriage.sources.deployed import MAX_DEPLOYMENTS, Deployment, Deployments, deployment

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession

PAGE = 100
"""Executions or actions a page: CodePipeline gives no more (API reference, maxResults)."""
MAX_ACTION_PAGES = 3
"""Pages of actions; an execution has a handful."""
MAX_ID_PAGES = 5
"""Pages of CodeDeploy's deployment ids."""
BATCH = 25
"""Deployments that one BatchGetDeployments may name (API reference, deploymentIds)."""


def codepipeline_deployments(aws: "AwsSession", name: str) -> Deployments:
    """Give the executions of a pipeline that deployed something: a deploy action that succeeded, or the whole.

    Raises:
        SourceError: there is no such pipeline, or it may not be read.
    """
    client = aws.client("codepipeline")
    with aws.calling(f"codepipeline:ListPipelineExecutions {name}"):
        page = client.list_pipeline_executions(pipelineName=name, maxResults=PAGE)
    deployed = _deploy_actions(aws, client, name)
    found = []
    for execution in page.get("pipelineExecutionSummaries", ()):
        # The pipeline as a whole may end hours later, after approvals and tests; or fail there.
        at = deployed.get(execution.get("pipelineExecutionId", ""))
        if at is None and execution.get("status") == "Succeeded":
            at = execution.get("lastUpdateTime") or execution.get("startTime")
        if at is not None:
            found.append(_execution(execution, at))
    return Deployments(found, f"codepipeline:ListPipelineExecutions {name}", whole=not page.get("nextToken"))


def _deploy_actions(aws: "AwsSession", client: Any, name: str) -> dict[str, datetime]:
    """Give when the last successful deploy action of each execution ended; empty where that may not be asked."""
    ended: dict[str, datetime] = {}
    request = {"pipelineName": name, "maxResults": PAGE}
    for _ in range(MAX_ACTION_PAGES):
        try:
            with aws.calling(f"codepipeline:ListActionExecutions {name}"):
                page = client.list_action_executions(**request)
        except SourceError:
            return ended
        for action in page.get("actionExecutionDetails", ()):
            kind = (action.get("input") or {}).get("actionTypeId") or {}
            execution, at = action.get("pipelineExecutionId"), action.get("lastUpdateTime")
            if kind.get("category") == "Deploy" and action.get("status") == "Succeeded" and execution and at:
                ended[execution] = max(at, ended.get(execution, at))
        if not page.get("nextToken"):
            break
        request["nextToken"] = page["nextToken"]
    return ended


def _execution(execution: Mapping[str, Any], at: datetime) -> Deployment:
    revision: Mapping[str, Any] = next(
        (one for one in execution.get("sourceRevisions", ()) if one.get("revisionId")), {}
    )
    commit = revision.get("revisionId")
    trigger = execution.get("trigger") or {}
    # Started by a person, its detail is that person's ARN; else it is a rule's, or a repository's.
    by_hand = trigger.get("triggerType") == "StartPipelineExecution"
    return deployment(
        str(commit)[:12] if commit else str(execution["pipelineExecutionId"]),
        at,
        commit=str(commit) if commit else None,
        author=str(trigger.get("triggerDetail") or "").rpartition("/")[2] or None if by_hand else None,
    )


def codedeploy_deployments(aws: "AwsSession", application: str, group: str) -> Deployments:
    """Give the deployments of a CodeDeploy application's group that succeeded; rollbacks are among them.

    Raises:
        SourceError: there is no such application or group, it may not be read, or no group is named.
    """
    if not application or not group:
        raise SourceError('CodeDeploy is declared as "codedeploy:APPLICATION/GROUP"')
    ids, whole = _deployment_ids(aws, application, group)
    found = []
    for first in range(0, len(ids), BATCH):
        with aws.calling("codedeploy:BatchGetDeployments"):
            page = aws.client("codedeploy").batch_get_deployments(deploymentIds=ids[first : first + BATCH])
        found += list(_succeeded(page.get("deploymentsInfo", ())))
    return Deployments(found, f"codedeploy:ListDeployments {application}/{group}", whole=whole)


def _deployment_ids(aws: "AwsSession", application: str, group: str) -> tuple[list[str], bool]:
    ids: list[str] = []
    more: dict[str, str] = {}
    for _ in range(MAX_ID_PAGES):
        with aws.calling(f"codedeploy:ListDeployments {application}/{group}"):
            page = aws.client("codedeploy").list_deployments(
                applicationName=application, deploymentGroupName=group, includeOnlyStatuses=["Succeeded"], **more
            )
        ids += page.get("deployments", ())
        if not page.get("nextToken"):
            more = {}
            break
        if len(ids) >= MAX_DEPLOYMENTS:
            return ids[:MAX_DEPLOYMENTS], False
        more = {"nextToken": page["nextToken"]}
    return ids[:MAX_DEPLOYMENTS], not more and len(ids) <= MAX_DEPLOYMENTS


def _succeeded(deployments: Iterable[Mapping[str, Any]]) -> Iterable[Deployment]:
    for one in deployments:
        at = one.get("completeTime") or one.get("createTime")
        if one.get("status") == "Succeeded" and at:
            revision = one.get("revision") or {}
            commit = (revision.get("gitHubLocation") or {}).get("commitId")
            bundle = revision.get("s3Location") or {}
            named = commit[:12] if commit else bundle.get("version") or bundle.get("key")
            creator = one.get("creator")
            yield deployment(
                str(named or one["deploymentId"]),
                at,
                commit=commit,
                author=creator if creator != "user" else None,
                changed_paths=[str(bundle["key"])] if bundle.get("key") else [],
            )

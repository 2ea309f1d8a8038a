"""Operations that moto lacks, as responses of its own kind on its own routes."""

from datetime import UTC, datetime
from typing import Any

import moto.athena.urls
import moto.cloudtrail.urls
import moto.codepipeline.urls
import moto.glue.urls
import moto.lakeformation.urls
from moto.athena.responses import AthenaResponse
from moto.cloudtrail.responses import CloudTrailResponse
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.responses import ActionResult
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.responses import GlueResponse
from moto.lakeformation.responses import LakeFormationResponse

from tests.emulated.recorded import Recorded, parsed, recorded


def register() -> None:
    """Serve these instead of moto's, from the next server that is started."""
    moto.athena.urls.url_paths["{0}/$"] = Athena.dispatch
    moto.glue.urls.url_paths["{0}/$"] = Glue.dispatch
    moto.cloudtrail.urls.url_paths["{0}/$"] = CloudTrail.dispatch
    moto.codepipeline.urls.url_paths["{0}/$"] = CodePipeline.dispatch
    moto.lakeformation.urls.url_paths["{0}/GetEffectivePermissionsForPath$"] = LakeFormation.dispatch


def _page(items: list[Any], token: str | None, size: int | None) -> tuple[list[Any], str | None]:
    """Cut out one page; the token is the number of the first item of the next."""
    start, size = int(token or 0), size or 100
    return items[start : start + size], str(start + size) if start + size < len(items) else None


class Glue(GlueResponse):
    """Glue with bookmarks and data quality results."""

    @property
    def _recorded(self) -> Recorded:
        return recorded[self.current_account][self.region]

    def get_job_bookmark(self) -> ActionResult:
        job = self._get_param("JobName")
        if job not in self._recorded.bookmarks:
            raise EntityNotFoundException(f"Continuation for job {job} not found")
        return ActionResult({"JobBookmarkEntry": self._recorded.bookmarks[job]})

    def list_data_quality_results(self) -> ActionResult:
        wanted = self._get_param("Filter") or {}
        matching = [one for one in self._recorded.quality_results if _matches(one, wanted)]
        results, token = _page(matching, self._get_param("NextToken"), self._get_int_param("MaxResults"))
        told = ("ResultId", "DataSource", "JobName", "JobRunId", "StartedOn")
        briefs = [{name: one[name] for name in told if name in one} for one in results]
        return ActionResult({"Results": briefs, "NextToken": token})

    def get_data_quality_result(self) -> ActionResult:
        wanted = self._get_param("ResultId")
        for one in self._recorded.quality_results:
            if one["ResultId"] == wanted:
                return ActionResult(one)
        raise EntityNotFoundException(f"Cannot find data quality result {wanted}")

    def get_data_quality_ruleset(self) -> ActionResult:
        name = self._get_param("Name")
        if name not in self._recorded.rulesets:
            raise EntityNotFoundException(f"Cannot find data quality ruleset {name}")
        return ActionResult(self._recorded.rulesets[name])


def _matches(result: dict[str, Any], wanted: dict[str, Any]) -> bool:
    started = result.get("StartedOn")
    return (
        all(result.get(name) == wanted[name] for name in ("JobName", "JobRunId", "DataSource") if name in wanted)
        and ("StartedAfter" not in wanted or started is None or started > parsed(wanted["StartedAfter"]))
        and ("StartedBefore" not in wanted or started is None or started < parsed(wanted["StartedBefore"]))
    )


class CloudTrail(CloudTrailResponse):
    """CloudTrail with its event history."""

    def lookup_events(self) -> ActionResult:
        wanted = {one["AttributeKey"]: one["AttributeValue"] for one in self._get_param("LookupAttributes") or []}
        since = parsed(self._get_param("StartTime") or 0)
        until = parsed(self._get_param("EndTime") or datetime.max.replace(tzinfo=UTC))
        events = [
            event
            for event in recorded[self.current_account][self.region].trail
            if since <= event["EventTime"] <= until and all(event.get(key) == value for key, value in wanted.items())
        ]
        events.sort(key=lambda event: event["EventTime"], reverse=True)
        page, token = _page(events, self._get_param("NextToken"), self._get_int_param("MaxResults") or 50)
        return ActionResult({"Events": page, "NextToken": token})


class LakeFormation(LakeFormationResponse):
    """Lake Formation with effective permissions."""

    def get_effective_permissions_for_path(self) -> ActionResult:
        known = recorded[self.current_account][self.region].path_permissions
        return ActionResult({"Permissions": known.get(self._get_param("ResourceArn"), [])})


class Athena(AthenaResponse):
    """Athena with a history of queries."""

    def list_query_executions(self) -> Any:
        known = recorded[self.current_account][self.region].queries
        workgroup = self._get_param("WorkGroup")
        if not any(one["WorkGroup"] == workgroup for one in known):
            return super().list_query_executions()
        ids = [one["QueryExecutionId"] for one in known if one["WorkGroup"] == workgroup]
        page, token = _page(ids, self._get_param("NextToken"), self._get_int_param("MaxResults") or 50)
        return ActionResult({"QueryExecutionIds": page, "NextToken": token})

    def batch_get_query_execution(self) -> ActionResult:
        known = {one["QueryExecutionId"]: one for one in recorded[self.current_account][self.region].queries}
        wanted = self._get_param("QueryExecutionIds")
        return ActionResult({"QueryExecutions": [known[one] for one in wanted if one in known]})


class CodePipeline(CodePipelineResponse):
    """CodePipeline with executions that a test wrote down."""

    def list_pipeline_executions(self) -> Any:
        known = recorded[self.current_account][self.region].pipeline_executions
        name = self._get_param("pipelineName")
        if name not in known:
            return super().list_pipeline_executions()
        page, token = _page(known[name], self._get_param("nextToken"), self._get_int_param("maxResults"))
        return ActionResult({"pipelineExecutionSummaries": page, "nextToken": token})

    def list_action_executions(self) -> ActionResult:
        known = recorded[self.current_account][self.region].action_executions
        details = known.get(self._get_param("pipelineName"), [])
        page, token = _page(details, self._get_param("nextToken"), self._get_int_param("maxResults"))
        return ActionResult({"actionExecutionDetails": page, "nextToken": token})

"""AWS Glue Data Quality: what the rules said of a run, and the rules' own text.

``ListDataQualityResults`` finds results by run, ``GetDataQualityResult`` has the rules' outcomes (domain facts,
section 2). A rule's ERROR says that it could not run, not that the data is bad; ``context`` reads it so.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

MAX_RUNS = 20
"""Runs whose results are asked for: the triaged one and the other attempts of its batch."""
MAX_PAGES = 5
"""Pages of results a run; one page holds up to 1,000 (API reference, MaxResults), and a job evaluates a few times."""
MAX_RESULTS = 50
"""Results read at most, each by a call of its own."""


def quality_results(aws: AwsSession, job_name: str, run: Mapping[str, Any], attempts: Iterable[str] = ()) -> Answer:
    """Give the evaluations of a run and of the other attempts of its batch: a list of GetDataQualityResult responses.

    ``run`` is the JobRun document, ``attempts`` are run ids. Results that name another run or job are left out, which
    the service should do by itself.

    Raises:
        SourceError: none were published, or they may not be read.
        CredentialsError: AWS does not know us.
    """
    wanted = list(dict.fromkeys([str(run["Id"]), *attempts]))
    found, complete = _result_ids(aws, wanted[:MAX_RUNS])
    results: list[Any] = []
    refused: SourceError | None = None
    for result_id in found[:MAX_RESULTS]:
        try:
            result = _result(aws, result_id)
        except SourceError as error:
            # One that was deleted meanwhile, or is of a table that we may not see; the others still tell.
            refused = error
            continue
        if result.get("JobRunId") in wanted and result.get("JobName", job_name) == job_name:
            results.append(result)
    if refused is not None and not results:
        raise refused
    if not results:
        raise SourceError(
            f"Glue holds no data-quality result of run {wanted[0]}: the job evaluates no rules, or does not publish "
            "what they said (enableDataQualityResultsPublishing)"
        )
    whole = complete and refused is None and len(wanted) <= MAX_RUNS and len(found) <= MAX_RESULTS
    return Answer(results, f"glue:GetDataQualityResult of {job_name} {wanted[0]}", complete=whole)


def quality_ruleset(aws: AwsSession, name: str) -> Answer:
    """Give a ruleset: the GetDataQualityRuleset response, with its DQDL text under ``Ruleset``.

    Raises:
        SourceError: there is no such ruleset, or it may not be read.
        CredentialsError: AWS does not know us.
    """
    with aws.calling(f"glue:GetDataQualityRuleset {name}"):
        found = plain(aws.client("glue").get_data_quality_ruleset(Name=name))
    return Answer(found, f"glue:GetDataQualityRuleset {name}")


def ruleset_of(results: Iterable[Mapping[str, Any]]) -> str | None:
    """Give the name of the ruleset that evaluations name; None when they name none, or several."""
    names = {str(name) for result in results if (name := result.get("RulesetName"))}
    return names.pop() if len(names) == 1 else None


def _result_ids(aws: AwsSession, run_ids: list[str]) -> tuple[list[str], bool]:
    """Give the ids of the runs' results, and whether those are all."""
    found: dict[str, None] = {}
    complete = True
    for run_id in run_ids:
        token: str | None = None
        for _ in range(MAX_PAGES):
            more = {"NextToken": token} if token else {}
            with aws.calling("glue:ListDataQualityResults"):
                page = aws.client("glue").list_data_quality_results(Filter={"JobRunId": run_id}, **more)
            found |= dict.fromkeys(str(one["ResultId"]) for one in page.get("Results", ()))
            token = page.get("NextToken")
            if not token:
                break
        complete = complete and token is None
    return list(found), complete


def _result(aws: AwsSession, result_id: str) -> dict[str, Any]:
    with aws.calling(f"glue:GetDataQualityResult {result_id}"):
        return dict(plain(aws.client("glue").get_data_quality_result(ResultId=result_id)))
